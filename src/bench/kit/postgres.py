"""A PostgreSQL cluster of the kit's own, made for one run and removed after it, with a database for each contender."""

import dataclasses
import os
import pathlib
import pwd
import shutil
import subprocess
import tempfile
import time

from kit import process
from kit.workplace import free_port

PASSWORD = "bench"
USER = "postgres"

DURABLE = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}
SETTINGS = {"shared_buffers": "1GB", "max_wal_size": "4GB", "max_connections": "400"}
LEFT_AS_THEY_ARE = ("wal_sync_method", "wal_level", "checkpoint_timeout", "autovacuum", "random_page_cost", "jit")


def programs() -> pathlib.Path:
    """The folder of the newest PostgreSQL of Debian's packages that has initdb, postgres and pgbench."""
    found = [folder for folder in pathlib.Path("/usr/lib/postgresql").glob("*/bin")
             if all((folder / program).exists() for program in ("initdb", "postgres", "pgbench"))]
    if not found:
        raise RuntimeError("there is no PostgreSQL in /usr/lib/postgresql")
    return max(found, key=lambda folder: float(folder.parent.name))


@dataclasses.dataclass(frozen=True)
class Database:
    """Where one database is, and who may do everything in it."""

    cluster: "Postgres"
    name: str
    port: int
    host: str = "127.0.0.1"
    user: str = USER
    password: str = PASSWORD

    @property
    def jdbc_url(self) -> str:
        return f"jdbc:postgresql://{self.host}:{self.port}/{self.name}"

    @property
    def environment(self) -> dict:
        """The same for psql and pgbench, which read it from there. Over TCP, as the services do."""
        return {"PGHOST": self.host, "PGPORT": str(self.port), "PGUSER": self.user, "PGPASSWORD": self.password,
                "PGDATABASE": self.name, "PGAPPNAME": "kit"}

    def rows(self, sql: str) -> list:
        """Runs SQL with psql, each statement by itself; returns the rows as lists of texts. Raises RuntimeError."""
        done = subprocess.run(
            [self.cluster.bin / "psql", "-X", "-q", "-A", "-t", "-F", "\x1f", "-v", "ON_ERROR_STOP=1", "-f", "-"], input=sql,
            env={**os.environ, **self.environment}, capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"SQL failed in {self.name}: {done.stderr.strip()}\n{sql[:500]}")
        return [line.split("\x1f") for line in done.stdout.splitlines() if line]

    def value(self, sql: str) -> str:
        """The one value that a query returns, as text."""
        return self.rows(sql)[0][0]

    def transactions(self) -> int:
        """
        Transactions in this database, committed or rolled back, as far as its connections have told: each tells when it has
        been idle for 10 seconds. Asked for from another database, so that the question does not count.
        """
        return int(self.cluster.system.value(
            f"SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = '{self.name}'"))


class Postgres:
    """
    The cluster. Made with the folder that its own temporary folder goes into (it has to be on a real disk, and the user
    postgres has to be able to reach it); start() makes it, stop() removes it.
    """

    def __init__(self, parent: pathlib.Path, log: pathlib.Path):
        self.bin = programs()
        self.port = free_port()
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="latchkey-bench-", dir=parent))
        self.data = self.folder / "data"
        self.log = log
        self.server = None
        # initdb and postgres refuse to run as root
        self.account = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []

    def start(self) -> None:
        """Makes the cluster and starts it. Raises RuntimeError if it isn't durable."""
        password = self.folder / "password"
        password.write_text(PASSWORD)
        if self.account:
            postgres = pwd.getpwnam("postgres")
            for path in (self.folder, password):
                os.chown(path, postgres.pw_uid, postgres.pw_gid)
        made = subprocess.run(
            [*self.account, self.bin / "initdb", "-D", self.data, "-U", USER, "-A", "scram-sha-256", "--pwfile", password,
             "-E", "UTF8", "--locale", "C.UTF-8"], cwd=self.folder, capture_output=True, text=True)
        if made.returncode != 0:
            raise RuntimeError(f"initdb failed: {made.stderr.strip()}")
        settings = {"port": self.port, "listen_addresses": "127.0.0.1", "unix_socket_directories": self.folder, **SETTINGS}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        self.server = process.start_process(
            [*self.account, self.bin / "postgres", "-D", self.data, *options], self.log, {}, self.folder)
        self._wait()
        for name, wanted in DURABLE.items():
            if self.setting(name) != wanted:
                raise RuntimeError(f"{name} is {self.setting(name)}: this would measure something else")

    def _wait(self) -> None:
        until = time.monotonic() + 30
        while True:
            try:
                self.system.value("SELECT 1")
                return
            except RuntimeError:
                if self.server.popen.poll() is not None or time.monotonic() > until:
                    raise RuntimeError(f"PostgreSQL did not start:\n{self.server.log_end()}") from None
                time.sleep(0.1)

    def stop(self, keep: bool = False) -> None:
        """Ends the server; removes its folder unless it is to be kept. Does nothing a second time."""
        if self.server is not None and self.server.popen.poll() is None:
            subprocess.run([*self.account, self.bin / "pg_ctl", "-D", self.data, "-m", "fast" if keep else "immediate", "stop"],
                           cwd=self.folder, capture_output=True)
            self.server.stop()
        if keep:
            print(f"The database's folder is {self.data}")
        else:
            shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def system(self) -> Database:
        return Database(self, "postgres", self.port)

    def database(self, name: str) -> Database:
        """A database by its name; made if it isn't there."""
        if self.system.value(f"SELECT count(*) FROM pg_database WHERE datname = '{name}'") == "0":
            self.system.rows(f'CREATE DATABASE "{name}"')
        return Database(self, name, self.port)

    def setting(self, name: str) -> str:
        return self.system.value(f"SHOW {name}")

    def version(self) -> str:
        return self.system.value("SHOW server_version")

    def described(self) -> list:
        """(setting, value) of those that the kit checks, sets, or leaves alone but wants to be known."""
        return [(name, self.setting(name)) for name in (*DURABLE, *SETTINGS, *LEFT_AS_THEY_ARE)]

    def pids(self) -> list:
        """All its processes."""
        postmaster = int((self.data / "postmaster.pid").read_text().split()[0])
        return process.with_descendants(postmaster)

    def cpu_seconds(self) -> float:
        """
        Processor time of all its processes, those that have ended too: each is a child of the postmaster, which is told
        of their time when they end.
        """
        return process.cpu_seconds(self.pids())

    def wal_position(self) -> int:
        """Bytes of WAL written since the cluster was made."""
        return int(self.system.value("SELECT pg_current_wal_lsn() - '0/0'"))

    def settle(self, longest: float = 60) -> None:
        """Waits until no autovacuum runs, then makes a checkpoint, so that no measurement pays for the one before it."""
        until = time.monotonic() + longest
        busy = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'autovacuum worker'"
        while time.monotonic() < until and self.system.value(busy) != "0":
            time.sleep(0.5)
        self.system.rows("CHECKPOINT")


def sync_milliseconds(folder: pathlib.Path, seconds: float = 1.0) -> float:
    """How long the folder's disk takes to make 8 kB durable: the median of a second of tries, in milliseconds."""
    took = []
    block = os.urandom(8192)
    with tempfile.TemporaryFile(dir=folder) as file:
        file.write(block * 64)
        file.flush()
        os.fsync(file.fileno())
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            before = time.monotonic()
            os.pwrite(file.fileno(), block, len(took) % 64 * 8192)
            os.fdatasync(file.fileno())
            took.append(time.monotonic() - before)
    return sorted(took)[len(took) // 2] * 1000


def filesystem(folder: pathlib.Path) -> str:
    """The type of the file system that a folder is on, "tmpfs" say."""
    return subprocess.run(["stat", "-f", "-c", "%T", folder], capture_output=True, text=True, check=True).stdout.strip()
