"""What is measured. Each scenario is a function of a Bench; the order is the order that they run in."""

import csv
import dataclasses
import os
import pathlib
import re
import subprocess
import time

from kit import fill, load
from kit.latchkey import Latchkey
from kit.limit import Limit
from kit.logins import SteadyLogins
from kit.measure import Lock, Measurer, Row
from kit.postgres import Postgres
from kit.results import Results

CONNECTIONS = 16
LOGINS_A_SECOND = 20

# A connection that has nothing to do tells PostgreSQL's statistics what it did after 10 seconds.
SECONDS_UNTIL_COUNTED = 11

# A contender that got faster by more than this since its fastest moment is not warm yet.
STILL_WARMING_UP = 1.05

NEVER_CLEAN_UP = {"CLEANUP_SCHEDULE": "12h"}


@dataclasses.dataclass
class Plan:
    """
    How much is measured.

    form          "short" or "long"
    rounds        how often everything is repeated
    seconds       of one measurement
    warm_up       seconds of load at least before a contender is measured for the first time
    warm_requests answers that it takes at least to warm a contender up, unless it takes six times that long
    starts        how often each contender is started
    connections   of the scenario of that name
    rows          sizes of refresh_tokens
    expired_rows  that the clean-up has to remove
    """

    form: str
    rounds: int
    seconds: int
    warm_up: int
    warm_requests: int
    starts: int
    connections: list
    rows: list
    expired_rows: int


class Bench:
    """A run: the cluster, the contenders that take part, what was measured so far."""

    def __init__(self, plan: Plan, postgres: Postgres, limit: Limit, contenders: list, results: Results, lock: Lock):
        self.plan = plan
        self.postgres = postgres
        self.limit = limit
        self.contenders = contenders
        self.results = results
        self.lock = lock
        self.measurer = Measurer(postgres, results)
        self.running = []

    @property
    def latchkeys(self) -> list:
        return [contender for contender in self.contenders if isinstance(contender, Latchkey)]

    def have_running(self, contenders: list) -> None:
        """Ends all services but these; starts those of them that don't run yet, takes the lock, and warms them up."""
        for contender in [each for each in self.running if each not in contenders]:
            contender.stop()
            self.running.remove(contender)
        if self.limit and self.limit.database is None:
            self.limit.start(self.postgres)
        cold = [contender for contender in contenders if contender not in self.running]
        for contender in cold:
            print(f"Starting {contender.name} …", flush=True)
            self.running.append(contender)
            contender.start(self.postgres)
        self.lock.take()
        for contender in cold:
            self.warm_up(contender, self.plan.warm_up)

    def warm_up(self, contender, seconds: int, connections: int = CONNECTIONS) -> None:
        """
        Load that is not measured, for at least so many seconds and the plan's number of answers, and until it gets no faster:
        a third of that time again and again, for at most six times as long. Keycloak needs some 40 thousand refreshes until
        the compiler is done with it. Raises RuntimeError if the contender doesn't work at all.
        """
        part, best, answered = max(1, seconds // 3), 0.0, 0
        for number in range(18):
            outcome = load.chain(contender, contender.first_tokens(connections), part).finish()
            if outcome.errors >= outcome.answered:
                raise RuntimeError(f"{contender.name} refreshes nothing: {outcome.complaint or 'it does not answer'}")
            answered += outcome.answered
            enough = number >= 2 and answered >= self.plan.warm_requests
            if enough and outcome.per_second < best * STILL_WARMING_UP:
                return
            best = max(best, outcome.per_second)

    def stop(self) -> None:
        for contender in self.running:
            contender.stop()
        self.running = []

    def rounds(self, things: list):
        """(round, things): in every second round in the reversed order, so that none always comes after the same one."""
        for number in range(1, self.plan.rounds + 1):
            yield number, things if number % 2 else list(reversed(things))

    def is_last(self, round_number: int) -> bool:
        return round_number == self.plan.rounds


def refresh(bench: Bench) -> None:
    """16 connections, everybody; the last round counts the transactions, too."""
    bench.have_running(bench.contenders)
    everybody = [bench.limit, *bench.contenders] if bench.limit else bench.contenders
    for number, contenders in bench.rounds(everybody):
        if not bench.is_last(number):
            for contender in contenders:
                bench.measurer.refresh("refresh", number, contender, CONNECTIONS, bench.plan.seconds)
            continue
        tokens = {each.name: each.first_tokens(CONNECTIONS) for each in bench.contenders}
        before = _transactions(bench.contenders)
        rows = [bench.measurer.refresh("refresh", number, contender, CONNECTIONS, bench.plan.seconds,
                                       tokens=tokens.get(contender.name)) for contender in contenders]
        _count_transactions(bench, rows, before)


def _transactions(contenders: list) -> dict:
    time.sleep(SECONDS_UNTIL_COUNTED)
    return {contender.name: contender.database.transactions() for contender in contenders}


def _count_transactions(bench: Bench, rows: list, before: dict) -> None:
    after = _transactions([each for each in bench.contenders if each.name in before])
    for row in rows:
        if row.contender in before and row.requests:
            row.transactions_per_request = (after[row.contender] - before[row.contender]) / row.sent
    bench.results.write_again()


def connections(bench: Bench) -> None:
    """1, 16, 64, 256 connections: Latchkey, and as many clients of pgbench."""
    bench.have_running(bench.latchkeys)
    for contender in bench.latchkeys:
        bench.warm_up(contender, max(2, bench.plan.warm_up // 4), max(bench.plan.connections))
    everybody = [bench.limit, *bench.latchkeys] if bench.limit else bench.latchkeys
    for number, contenders in bench.rounds(everybody):
        for count in bench.plan.connections:
            for contender in contenders:
                bench.measurer.refresh("connections", number, contender, count, bench.plan.seconds)


def forged(bench: Bench) -> None:
    """Tokens that nobody made: alone, and beside normal refreshes. The last round counts the transactions, too."""
    bench.have_running(bench.latchkeys)
    measurer, seconds = bench.measurer, bench.plan.seconds
    for contender in bench.latchkeys:
        load.Wrk("forged", contender.port, contender.first_tokens(CONNECTIONS), max(2, bench.plan.warm_up // 4)).finish()
    for number, contenders in bench.rounds(bench.latchkeys):
        for contender in contenders:
            measurer.refresh("forged", number, contender, CONNECTIONS, seconds, "refreshes")
            lines = contender.first_tokens(CONNECTIONS)
            before = _transactions([contender]) if bench.is_last(number) else None
            row = measurer.scripted("forged", number, contender, "forged", "forged", lines, seconds)
            if before:
                _count_transactions(bench, [row], before)
            measurer.beside(
                "forged", number, contender, contender.first_tokens(CONNECTIONS), seconds, "refreshes beside forged",
                lambda: load.Wrk("forged", contender.port, lines, seconds), "forged beside refreshes")


def logins(bench: Bench) -> None:
    """Refreshes without and with 20 logins a second beside them."""
    bench.have_running(bench.latchkeys)
    measurer, seconds = bench.measurer, bench.plan.seconds
    for contender in bench.latchkeys:
        contender.add_users(LOGINS_A_SECOND)
        SteadyLogins(contender, LOGINS_A_SECOND, max(2, bench.plan.warm_up // 4)).finish()
    for number, contenders in bench.rounds(bench.latchkeys):
        for contender in contenders:
            measurer.refresh("logins", number, contender, CONNECTIONS, seconds, "without")
            measurer.beside(
                "logins", number, contender, contender.first_tokens(CONNECTIONS), seconds, "with",
                lambda: SteadyLogins(contender, LOGINS_A_SECOND, seconds), "logins")


def login(bench: Bench) -> None:
    """Logins alone, as many as there can be."""
    bench.have_running(bench.latchkeys)
    for number, contenders in bench.rounds(bench.latchkeys):
        for contender in contenders:
            contender.add_users(CONNECTIONS)
            bodies = [contender.login_body(user) for user in range(CONNECTIONS)]
            bench.measurer.scripted("login", number, contender, str(CONNECTIONS), "login", bodies, bench.plan.seconds)


def start(bench: Bench) -> None:
    """From the start of the process to ready, on a database that has its schema. The rivals only in the long form."""
    bench.have_running([])
    starting = bench.contenders if bench.plan.form == "long" else bench.latchkeys
    for contender in starting:
        if contender.database is None:
            contender.start(bench.postgres)
            contender.stop()
    for number in range(1, bench.plan.starts + 1):
        for contender in starting:
            contender.start(bench.postgres)
            contender.stop()
            bench.results.add(Row("start", number, contender.name, "ready", seconds=contender.ready_seconds))


def rows(bench: Bench) -> None:
    """The first of the Latchkeys, with more and more rows in refresh_tokens: a database and a service for each size."""
    bench.have_running([])
    sizes = []
    for size in bench.plan.rows:
        sized = bench.latchkeys[0].again(f"rows_{size}", NEVER_CLEAN_UP)
        sized.migrate(bench.postgres)
        took = fill.sessions(sized.database, size)
        print(f"{size:,} rows made in {took:.0f} s", flush=True)
        sizes.append((size, sized))
    try:
        for _, sized in sizes:
            sized.start(bench.postgres)
            _first_clean_up(sized)
            bench.warm_up(sized, bench.plan.warm_up)
        for number, turn in bench.rounds(sizes):
            for size, sized in turn:
                bench.measurer.refresh("rows", number, sized, CONNECTIONS, bench.plan.seconds, str(size))
    finally:
        for _, sized in sizes:
            sized.stop()


CLEANED_UP = re.compile(r"Cleaned up in (\d+) ms: (\d+) expired and (\d+) rotated tokens")


def _clean_ups(contender: Latchkey) -> list:
    """(milliseconds, tokens removed) of each pass so far, as the log tells."""
    return [(int(took), int(expired) + int(rotated)) for took, expired, rotated in CLEANED_UP.findall(contender.log())]


def _first_clean_up(contender: Latchkey, longest: int = 300) -> None:
    """Waits for the pass that each start is followed by."""
    until = time.monotonic() + longest
    while not _clean_ups(contender):
        if time.monotonic() > until:
            raise RuntimeError(f"{contender.name} has not cleaned up")
        time.sleep(0.2)


FIRST_PASS_AFTER = 10


def cleanup(bench: Bench) -> None:
    """
    The first of the Latchkeys removes expired rows while it refreshes. The time between two passes is long enough to add the
    rows and to measure without a pass before the next one comes.
    """
    bench.have_running([])
    count, seconds = bench.plan.expired_rows, bench.plan.seconds
    between = 120 + 4 * seconds + count // 20_000
    cleaning = bench.latchkeys[0].again("cleanup", {"CLEANUP_SCHEDULE": f"{between}s"})
    try:
        for number in range(1, max(1, bench.plan.rounds // 2) + 1):
            print(f"Starting {cleaning.name} …", flush=True)
            cleaning.start(bench.postgres)
            next_pass = time.time() + FIRST_PASS_AFTER + between
            _first_clean_up(cleaning)
            bench.warm_up(cleaning, bench.plan.warm_up)
            took = fill.expired(cleaning.database, count)
            print(f"{count:,} expired rows made in {took:.0f} s", flush=True)
            bench.measurer.refresh("cleanup", number, cleaning, CONNECTIONS, seconds, "without")
            if time.time() > next_pass - 5:
                raise RuntimeError("the clean-up came before it could be measured without it")
            _measure_clean_up(bench, number, cleaning, next_pass)
            cleaning.stop()
    finally:
        cleaning.stop()


def _measure_clean_up(bench: Bench, number: int, cleaning: Latchkey, next_pass: float, longest: int = 900) -> None:
    tokens = cleaning.first_tokens(CONNECTIONS)
    time.sleep(max(0.0, next_pass - time.time() - 4))
    passes = len(_clean_ups(cleaning))
    running = load.chain(cleaning, tokens, longest)
    try:
        while len(_clean_ups(cleaning)) == passes and time.time() < running.started + longest - 2:
            time.sleep(0.02)
        ended = time.time()
    finally:
        outcome = running.finish(at_once=True)
    if len(_clean_ups(cleaning)) == passes:
        raise RuntimeError(f"the clean-up did not end within {longest} s:\n{cleaning.server.log_end()}")
    took, removed = _clean_ups(cleaning)[-1]
    seconds = took / 1000
    p50, p99, longest = (outcome.percentile(percent, ended - seconds, ended) for percent in (50, 99, 100))
    answered = sum(1 for at, _ in outcome.samples if ended - seconds <= at <= ended)
    bench.results.add(Row(
        "cleanup", number, cleaning.name, "with", seconds, answered, answered, outcome.errors, answered / seconds, p50, p99,
        longest, complaint=outcome.complaint))
    bench.results.add(Row("cleanup", number, cleaning.name, f"removed {removed}", seconds=seconds))


def size(bench: Bench) -> None:
    """How refresh_tokens grows: 30 days of refreshes every 15 minutes with their clean-up, made in minutes: see kit/size.py."""
    bench.have_running([])
    bench.lock.take()
    program = pathlib.Path(__file__).with_name("size.py")
    arguments = ["--long"] if bench.plan.form == "long" else []
    done = subprocess.run([program, *arguments, "dbname=size"], capture_output=True, text=True,
                          env={**os.environ, **bench.postgres.database("size").environment})
    megabytes = {int(line["day"]): float(line["total_mb"]) for line in csv.DictReader(done.stdout.splitlines())
                 if line["day"].isdigit()}
    if 30 not in megabytes:
        raise RuntimeError(f"size.py failed: {done.stderr[-2000:]}")
    for day in (2, 30):
        bench.results.add(Row("size", 1, bench.latchkeys[0].name, f"{day} days", size_bytes=round(megabytes[day] * 1e6)))


SCENARIOS = {scenario.__name__: scenario for scenario in (
    refresh, connections, forged, logins, login, start, rows, cleanup, size)}
