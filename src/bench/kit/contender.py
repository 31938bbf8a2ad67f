"""What the kit needs to know of a service that it measures: one class a service, all with this interface."""

import abc
import dataclasses

from kit import process

# when first_tokens() is called
LOGINS_AT_ONCE = 4


@dataclasses.dataclass(frozen=True)
class Request:
    """
    How a refresh is asked for over HTTP. The body is `before`, the refresh token, `after`, put together as they are, so a
    token has to need no escaping in it (the characters of base64url and "." don't). The new token is read from the answer,
    which has to have status 200 and the JSON member "refresh_token".

    path          "/api/auth/refresh", say
    content_type  "application/json" or "application/x-www-form-urlencoded"
    before        text of the body before the token
    after         text of the body after the token
    headers       further headers, such as Authorization
    """

    path: str
    content_type: str
    before: str
    after: str = ""
    headers: dict = dataclasses.field(default_factory=dict)


class Contender(abc.ABC):
    """
    A service that swaps refresh tokens. The kit calls prepare() once, start() once or more, first_tokens() before each
    measurement, and stop() at the end, also when something failed before.

    A subclass is made with a Workplace (kit/workplace.py), which says where to download, build and log to, and which java
    to use. It may use start_process and wait_until_ready of kit/process.py.
    """

    name: str
    """What it is called in tables, charts and on the command line; lower case, no spaces."""

    port: int = 0
    """Where it listens on 127.0.0.1; set by start()."""

    database: object = None
    """Its own database on the shared cluster (a Database of kit/postgres.py); set by start()."""

    server: process.Process = None
    """Its process while it runs; set by start()."""

    ready_seconds: float = 0.0
    """From the start of the process to the first moment that it could answer; set by start()."""

    options: str = ""
    """The settings and JVM options it runs with, in a line or two for the report; "" if all are its defaults."""

    def prepare(self) -> None:
        """Downloads and builds what is needed, into folders that outlive the run. Not measured. Raises RuntimeError."""

    @abc.abstractmethod
    def start(self, postgres) -> None:
        """
        Starts the service on a database of its own, which postgres.database(NAME) makes or finds again, and waits until it
        can answer. Sets port, database, server and ready_seconds. Raises RuntimeError, with the end of the log, if it does not start.
        """

    @abc.abstractmethod
    def first_tokens(self, count: int) -> list:
        """
        Makes `count` sessions, each of another user, and returns their refresh tokens, each not used yet. Called before
        each measurement, outside of it; the users are made once and are used again, the sessions are new each time.
        """

    @abc.abstractmethod
    def request(self) -> Request:
        """How a refresh is asked for."""

    def pids(self) -> list:
        """The processes whose processor time, memory and connections to the database count as the service's."""
        return process.with_descendants(self.server.pid)

    def stop(self) -> None:
        """Ends the service's processes; does nothing if it does not run."""
        if self.server is not None:
            self.server.stop()
            self.server = None

    def allocated_bytes(self):
        """How many bytes the service has allocated on its heap since its start; None if it doesn't tell."""
        return None
