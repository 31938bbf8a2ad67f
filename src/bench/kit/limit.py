"""The database's own limit: pgbench with the statement that Latchkey rotates with, and nothing around it."""

import os
import pathlib
import re
import resource
import subprocess
import tempfile
import uuid

from kit.latchkey import Latchkey, build
from kit.load import Outcome
from kit.workplace import Workplace

SOURCE = "src/main/java/dev/latchkey/token/RefreshTokens.java"
TOKEN_LIFETIME_SECONDS = 2592000
USER_AGENT = "wrk/4.1.0"

# One transaction in so many is written to pgbench's log, for the percentiles.
SAMPLED = 0.2

SESSION = "md5(:run || ' ' || :client_id)::uuid"


def rotation_statement(project: pathlib.Path) -> str:
    """The SQL of ROTATE as it stands in the source, so that the two can't drift apart. Raises RuntimeError."""
    found = re.search(r'String ROTATE = """\n(.*?)"""', (project / SOURCE).read_text(), re.DOTALL)
    if not found:
        raise RuntimeError(f"there is no text block ROTATE in {SOURCE}")
    return found.group(1)


def hash_of(generation: str) -> str:
    """SQL of the hash of a client's token: 64 hexadecimal characters, spread as those of real tokens are."""
    return f"encode(sha256((:run || ' ' || :client_id || ' ' || {generation})::bytea), 'hex')"


def script(project: pathlib.Path) -> str:
    """What each client of pgbench does over and over: one rotation, the next one with the token that it made."""
    parameters = [
        "gen_random_uuid()", SESSION, ":generation::integer", hash_of(":generation"), hash_of(":next"), str(TOKEN_LIFETIME_SECONDS), "'127.0.0.1'",
        f"'{USER_AGENT}'"]
    statement = rotation_statement(project)
    if statement.count("?") != len(parameters):
        raise RuntimeError(f"ROTATE has {statement.count('?')} parameters, not {len(parameters)}: see kit/limit.py")
    for parameter in parameters:
        statement = statement.replace("?", parameter, 1)
    return f"\\set next :generation + 1\n{statement.strip()};\n\\set generation :next\n"


class Limit:
    """pgbench on a database of its own, which has the schema that Latchkey made."""

    name = "pgbench"
    options = f"-M prepared -j 2, over TCP; {SAMPLED:.0%} of the transactions are sampled for the percentiles"

    def __init__(self, workplace: Workplace):
        self.workplace = workplace
        self.database = None

    def prepare(self) -> None:
        """Has Latchkey built, which makes the schema."""
        build(self.workplace)

    def start(self, postgres) -> None:
        """Has the schema made."""
        owner = Latchkey(self.workplace, "pgbench")
        owner.migrate(postgres)
        self.database = owner.database

    def run(self, clients: int, seconds: int) -> Outcome:
        """
        Runs so many clients, each rotating the tokens of a session of its own. Raises RuntimeError if pgbench fails, or if
        it counted another number of transactions than rotations were made.
        """
        run = uuid.uuid4().hex
        self._add_sessions(run, clients)
        rows = "SELECT count(*) FROM refresh_tokens"
        before = int(self.database.value(rows))
        with tempfile.TemporaryDirectory(prefix="latchkey-bench-pgbench-") as folder:
            (pathlib.Path(folder) / "rotate.sql").write_text(script(self.workplace.project))
            used = resource.getrusage(resource.RUSAGE_CHILDREN)
            done = subprocess.run(
                [self.database.cluster.bin / "pgbench", "-n", "-M", "prepared", "-c", str(clients), "-j", str(min(2, clients)),
                 "-T", str(seconds), "-D", f"run={run}", "-D", "generation=0", "-f", "rotate.sql",
                 "--log", f"--sampling-rate={SAMPLED}"],
                cwd=folder, env={**os.environ, **self.database.environment}, capture_output=True, text=True)
            now_used = resource.getrusage(resource.RUSAGE_CHILDREN)
            samples = [line.split() for log in pathlib.Path(folder).glob("pgbench_log.*") for line in log.open()]
        counted = re.search(r"transactions actually processed: (\d+)", done.stdout)
        per_second = re.search(r"tps = ([\d.]+) \(without initial connection time\)", done.stdout)
        if done.returncode != 0 or not counted or not per_second:
            raise RuntimeError(f"pgbench failed: {done.stderr[-2000:]}{done.stdout[-2000:]}")
        transactions = int(counted.group(1))
        rotated = int(self.database.value(rows)) - before
        errors = abs(transactions - rotated)
        return Outcome(
            transactions, transactions, errors, f"{transactions} transactions, but {rotated} rotations" if errors else "",
            transactions / float(per_second.group(1)),
            # client, transaction, microseconds it took, script, time of day: seconds, microseconds
            [(int(sample[4]) + int(sample[5]) / 1e6, int(sample[2]) / 1e3) for sample in samples], 0,
            now_used.ru_utime + now_used.ru_stime - used.ru_utime - used.ru_stime)

    def _add_sessions(self, run: str, clients: int) -> None:
        def sql(text: str) -> str:
            return text.replace(":run", f"'{run}'").replace(":client_id", "client")

        self.database.rows(f"""
            BEGIN;
            INSERT INTO users (id, email, password_hash)
                SELECT md5('user {run} ' || client)::uuid, '{run}-' || client || '@example.org', '-'
                FROM generate_series(0, {clients - 1}) client;
            INSERT INTO login_sessions (id, user_id, user_epoch, expires_at, ip, user_agent)
                SELECT {sql(SESSION)}, md5('user {run} ' || client)::uuid, 0, now() + interval '90 days', '127.0.0.1',
                       '{USER_AGENT}'
                FROM generate_series(0, {clients - 1}) client;
            INSERT INTO refresh_tokens (id, user_id, family_id, generation, token_hash, expires_at, ip, user_agent)
                SELECT gen_random_uuid(), md5('user {run} ' || client)::uuid, {sql(SESSION)}, 0, {sql(hash_of("0"))},
                       now() + interval '30 days', '127.0.0.1', '{USER_AGENT}'
                FROM generate_series(0, {clients - 1}) client;
            COMMIT;
            """)
