"""One measurement: a load, and what it cost the service and PostgreSQL."""

import dataclasses
import fcntl
import time

from kit import load, process
from kit.limit import Limit
from kit.load import Outcome


# for the requests that were not answered any more when the load ended
SECONDS_FOR_THE_LAST = 0.3


@dataclasses.dataclass
class Row:
    """
    A line of results.csv; None where there is nothing to say.

    scenario    name of the scenario
    round       1, 2, …; ratios are made between rows of one round
    contender   name of the contender
    case        what of the scenario: "64" connections, "with", "without", …
    size_bytes  of the table with its indexes, in the scenario `size`
    sent        requests made; what a request cost is per request that was made
    requests    requests answered; the last of those made are not, when the load ends
    refused     requests that the service refused because it had too much to do; no errors
    others_cpu_percent  how much of the machine's processors went to anything but the service, PostgreSQL and the load
    """

    scenario: str
    round: int
    contender: str
    case: str
    seconds: float = None
    sent: int = None
    requests: int = None
    errors: int = None
    per_second: float = None
    p50_ms: float = None
    p99_ms: float = None
    max_ms: float = None
    tool_p99_ms: float = None
    service_cpu_s_per_1000: float = None
    postgres_cpu_s_per_1000: float = None
    load_cpu_s_per_1000: float = None
    wal_bytes_per_request: float = None
    round_trips_per_request: float = None
    transactions_per_request: float = None
    allocated_bytes_per_request: float = None
    resident_mib: float = None
    most_resident_mib: float = None
    others_cpu_percent: float = None
    size_bytes: int = None
    refused: int = None
    complaint: str = ""

    @property
    def valid(self) -> bool:
        """Whether it counts: every request was answered as wanted."""
        return not self.errors and self.requests != 0


class Lock:
    """A lock as that of flock(1), for machines where several measure; none if the path is empty. It may be taken again."""

    def __init__(self, path: str):
        self.path = path
        self.file = None

    def take(self) -> None:
        if self.path and self.file is None:
            self.file = open(self.path, "a")
            fcntl.flock(self.file, fcntl.LOCK_EX)

    def release(self) -> None:
        if self.file is not None:
            self.file.close()
            self.file = None


class Gauges:
    """What the counters of a service, of PostgreSQL and of the machine say at one moment."""

    def __init__(self, postgres, contender=None):
        self.pids = contender.pids() if contender else []
        self.allocated = contender.allocated_bytes() if contender else None
        self.segments = process.data_segments_sent(self.pids, postgres.port) if contender else {}
        self.resident, self.most_resident = process.memory_bytes(self.pids)
        self.wal = postgres.wal_position()
        self.postgres_cpu = postgres.cpu_seconds()
        self.service_cpu = process.cpu_seconds(self.pids)
        self.machine_busy, self.machine_all = process.machine_cpu_seconds()


def row(scenario: str, round_number: int, contender: str, case: str, outcome: Outcome, before: Gauges = None,
        after: Gauges = None) -> Row:
    """Makes a row of what a load came to, and of the gauges before and after it, if there are any."""
    made = Row(
        scenario, round_number, contender, case, outcome.seconds, outcome.sent, outcome.answered, outcome.errors,
        outcome.per_second,
        outcome.percentile(50), outcome.percentile(99), outcome.percentile(100), outcome.tool_p99 or None,
        complaint=outcome.complaint)
    if outcome.answered and before:
        _add_costs(made, outcome, before, after)
    return made


def _add_costs(made: Row, outcome: Outcome, before: Gauges, after: Gauges) -> None:
    # those that were not answered any more cost something, too
    requests = outcome.sent
    postgres_cpu = after.postgres_cpu - before.postgres_cpu
    service_cpu = after.service_cpu - before.service_cpu
    made.load_cpu_s_per_1000 = outcome.cpu / requests * 1000
    made.postgres_cpu_s_per_1000 = postgres_cpu / requests * 1000
    made.wal_bytes_per_request = (after.wal - before.wal) / requests
    others = after.machine_busy - before.machine_busy - postgres_cpu - service_cpu - outcome.cpu
    made.others_cpu_percent = max(0.0, others / (after.machine_all - before.machine_all) * 100)
    if after.pids:
        made.service_cpu_s_per_1000 = service_cpu / requests * 1000
        sent = sum(count - before.segments.get(connection, 0) for connection, count in after.segments.items())
        made.round_trips_per_request = sent / requests
        made.resident_mib = after.resident / 2**20
        made.most_resident_mib = after.most_resident / 2**20
    if after.allocated is not None and before.allocated is not None:
        made.allocated_bytes_per_request = (after.allocated - before.allocated) / requests


class Measurer:
    """
    Measures on one cluster.

    postgres   the cluster
    results    what each row is added to
    """

    def __init__(self, postgres, results):
        self.postgres = postgres
        self.results = results

    def refresh(self, scenario: str, round_number: int, contender, connections: int, seconds: int, case: str = "",
                tokens: list = None) -> Row:
        """Chains of refreshes, one on each connection, with new sessions if none are given; of pgbench, so many clients."""
        case = case or str(connections)
        if isinstance(contender, Limit):
            return self._measure(
                scenario, round_number, contender.name, None, case, lambda: contender.run(connections, seconds))
        tokens = tokens or contender.first_tokens(connections)
        return self._measure(
            scenario, round_number, contender.name, contender, case,
            lambda: load.chain(contender, tokens, seconds).finish())

    def scripted(self, scenario: str, round_number: int, contender, case: str, script: str, lines: list,
                 seconds: int) -> Row:
        """One of the other Lua scripts against Latchkey."""
        return self._measure(
            scenario, round_number, contender.name, contender, case,
            lambda: load.Wrk(script, contender.port, lines, seconds).finish())

    def beside(self, scenario: str, round_number: int, contender, tokens: list, seconds: int, case: str, other, other_case: str
               ) -> tuple:
        """
        Chains of refreshes while another load runs. `other` is called to start it, and what it returns has finish().
        Returns the two rows; what it cost is in the first one, and is the cost of both.
        """
        came_to = []

        def both() -> Outcome:
            running = other()
            refreshes = load.chain(contender, tokens, seconds).finish()
            came_to.append(running.finish())
            return refreshes

        first = self._measure(scenario, round_number, contender.name, contender, case, both)
        second = row(scenario, round_number, contender.name, other_case, came_to[0])
        second.refused = came_to[0].refused
        self.results.add(second)
        return first, second

    def _measure(self, scenario: str, round_number: int, name: str, contender, case: str, run) -> Row:
        self.postgres.settle()
        before = Gauges(self.postgres, contender)
        outcome = run()
        time.sleep(SECONDS_FOR_THE_LAST)
        made = row(scenario, round_number, name, case, outcome, before, Gauges(self.postgres, contender))
        self.results.add(made)
        return made
