"""The tables of a run, as Markdown: first the figures that have a target, then everything that was measured."""

import dataclasses
import typing

from kit.results import TOLERATED_PERCENT, Results, Spread
from kit.scenarios import CONNECTIONS, Bench, LOGINS_A_SECOND

ALL = str(CONNECTIONS)


@dataclasses.dataclass(frozen=True)
class Target:
    """
    A figure with a target.

    figure   what it is
    reach    the target in words
    measured function of the results and the name of a Latchkey: the figure's Spread
    met      function of the figure: whether it is reached
    digits   behind the point
    """

    figure: str
    reach: str
    measured: typing.Callable
    met: typing.Callable
    digits: int = 2


def targets(results: Results) -> list:
    """All figures with a target. What was not measured has an empty Spread."""
    sizes = sorted(map(int, results.cases("rows")))
    smallest, largest = (sizes[0], sizes[-1]) if sizes else (10_000, 10_000_000)
    return [
        Target("refreshes a second ÷ `pgbench`'s", "≥ 0.70",
               lambda r, name: r.ratio("refresh", (name, ALL), ("pgbench", ALL)), lambda value: value >= 0.7),
        Target("refreshes a second ÷ Keycloak's", "≥ 20",
               lambda r, name: r.ratio("refresh", (name, ALL), ("keycloak", ALL)), lambda value: value >= 20, 1),
        Target("p99 ÷ p50 under that load", "≤ 5",
               lambda r, name: Spread([row.p99_ms / row.p50_ms for row in r.find("refresh", name, ALL)]),
               lambda value: value <= 5, 1),
        Target(f"throughput at {largest:,} rows ÷ at {smallest:,}", "≥ 0.85 at 10 million",
               lambda r, name: r.ratio("rows", (name, str(largest)), (name, str(smallest))), lambda value: value >= 0.85),
        Target("p99 while expired rows are cleaned up ÷ without", "≤ 2 with 2 million",
               lambda r, name: r.ratio("cleanup", (name, "with"), (name, "without"), "p99_ms"), lambda value: value <= 2, 1),
        Target(f"refreshes a second beside {LOGINS_A_SECOND} logins a second ÷ without", "≥ 0.6",
               lambda r, name: r.ratio("logins", (name, "with"), (name, "without")), lambda value: value >= 0.6),
        Target("forged tokens refused a second ÷ refreshes a second", "≥ 4",
               lambda r, name: r.ratio("forged", (name, "forged"), (name, "refreshes")), lambda value: value >= 4, 1),
        Target("transactions in the database for a forged token", "0",
               lambda r, name: r.spread("forged", name, "forged", "transactions_per_request"),
               lambda value: value < 0.001, 4),
        Target("table size after 30 days ÷ after 2", "≤ 1.5",
               lambda r, name: r.ratio("size", (name, "30 days"), (name, "2 days"), "size_bytes"),
               lambda value: value <= 1.5),
        Target("round trips to the database for a refresh", "1",
               lambda r, name: r.spread("refresh", name, ALL, "round_trips_per_request"), lambda value: value <= 1.01, 3),
        Target("seconds from process start to ready, migrated database", "≤ 2",
               lambda r, name: r.spread("start", name, "ready", "seconds"), lambda value: value <= 2),
    ]


def written(spread: Spread, digits: int = 2) -> str:
    """"median (least–most)"; one number if there is one value, nothing if there is none."""
    if not spread:
        return ""
    text = f"{spread.median:.{digits}f}"
    if len(spread.values) > 1:
        text += f" ({spread.least:.{digits}f}–{spread.most:.{digits}f})"
    return text


def table(head: list, lines: list, numbers: bool = True) -> str:
    """A Markdown table; the first column is aligned left, the others right if they are numbers."""
    rule = ["---"] + ["--:" if numbers else "---"] * (len(head) - 1)
    return "\n".join("| " + " | ".join(cells) + " |" for cells in [head, rule, *lines])


def targets_table(bench: Bench) -> str:
    """The figures that have a target, for each of the Latchkeys."""
    results, names = bench.results, [contender.name for contender in bench.latchkeys]

    def cell(target: Target, name: str) -> str:
        spread = target.measured(results, name)
        if not spread:
            return "–"
        return f"{written(spread, target.digits)}, {'met' if target.met(spread.median) else '**not met**'}"

    lines = [[target.figure, target.reach, *(cell(target, name) for name in names)] for target in targets(results)]
    return table(["figure", "to reach", *names], lines)


# heading, field of Row, factor, digits behind the point
SPEED = [("a second", "per_second", 1, 0), ("p50 ms", "p50_ms", 1, 2), ("p99 ms", "p99_ms", 1, 2), ("max ms", "max_ms", 1, 0),
         ("wrk's p99 ms", "tool_p99_ms", 1, 2)]
OTHERS = [("refused (503)", "refused", 1, 0), ("MiB", "size_bytes", 1 / 2**20, 0)]
TIME = [("seconds", "seconds", 1, 2)]
COST = [("CPU s, service", "service_cpu_s_per_1000", 1, 3), ("CPU s, PostgreSQL", "postgres_cpu_s_per_1000", 1, 3),
        ("CPU s, load", "load_cpu_s_per_1000", 1, 3), ("WAL bytes", "wal_bytes_per_request", 1, 0),
        ("round trips", "round_trips_per_request", 1, 3), ("transactions", "transactions_per_request", 1, 3),
        ("allocated kB", "allocated_bytes_per_request", 1 / 1000, 1), ("resident MiB", "resident_mib", 1, 0),
        ("at most MiB", "most_resident_mib", 1, 0)]


def details(results: Results, scenario: str, columns: list) -> str:
    """A table of one scenario: a line for each contender and case, medians and spreads of the rounds."""
    lines = []
    for case in results.cases(scenario):
        for name in results.names(scenario):
            if results.find(scenario, name, case):
                cells = [written(Spread([value * factor for value in results.spread(scenario, name, case, field).values]), digits)
                         for _, field, factor, digits in columns]
                if any(cells):
                    lines.append([f"{name}, {case}", *cells])
    used = [place for place in range(len(columns) + 1) if place == 0 or any(line[place] for line in lines)]
    head = ["", *(column[0] for column in columns)]
    return table([head[place] for place in used], [[line[place] for place in used] for line in lines])


def against_limit(results: Results) -> str:
    """Everybody's refreshes a second, divided by pgbench's of the same round, and Latchkey's divided by everybody's."""
    names = results.names("refresh")
    lines = []
    for name in names:
        lines.append([name, written(results.spread("refresh", name, ALL), 0),
                      written(results.ratio("refresh", (name, ALL), ("pgbench", ALL)), 3),
                      *(written(results.ratio("refresh", (name, ALL), (other, ALL)), 2) if other != name else ""
                        for other in names if other != "pgbench")])
    return table(["", "refreshes a second", "÷ pgbench", *(f"÷ {name}" for name in names if name != "pgbench")], lines)


def by_connections(results: Results) -> str:
    """Refreshes a second divided by those of as many clients of pgbench."""
    cases, names = results.cases("connections"), results.names("connections")
    lines = [[name, *(written(results.ratio("connections", (name, case), ("pgbench", case))) for case in cases)]
             for name in names if name != "pgbench"]
    return table(["÷ pgbench", *(f"{case} connections" for case in cases)], lines)


TITLES = {
    "refresh": "16 connections", "connections": "More connections and fewer", "forged": "Forged tokens",
    "logins": "Beside logins", "login": "Logins alone", "start": "From process start to ready",
    "rows": "Rows in refresh_tokens", "cleanup": "While the clean-up removes expired rows", "size": "Size of the table"}


def report(bench: Bench, machine: list) -> str:
    """
    The whole report.

    machine  [(what, value)] of the machine and the run
    """
    results = bench.results
    parts = ["# A run of the benchmark kit", table(["", "value"], [list(map(str, line)) for line in machine], numbers=False),
             "Medians of the rounds, with the least and the most. Ratios are made within a round.",
             _warnings(results), "## Targets", targets_table(bench)]
    for scenario, title in TITLES.items():
        if not results.find(scenario):
            continue
        parts.append(f"## {title}")
        if scenario == "refresh":
            parts.append(against_limit(results))
        if scenario == "connections" and "pgbench" in results.names("connections"):
            parts.append(by_connections(results))
        parts.append(details(results, scenario, SPEED + OTHERS + (TIME if scenario in ("start", "cleanup") else [])))
        costs = details(results, scenario, COST)
        if scenario in ("refresh", "connections", "forged", "rows"):
            parts += ["Costs: processor seconds for 1,000 requests, the rest for one.", costs]
    parts += ["## Contenders", table(["contender", "settings and options"], [
        [each.name, each.options or "its defaults"] for each in [bench.limit, *bench.contenders] if each], numbers=False)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _warnings(results: Results) -> str:
    lines = [f"- **Not a measurement**: {row.scenario}, round {row.round}, {row.contender}, {row.case}: {row.errors} of "
             f"{row.requests} answers were wrong ({row.complaint[:200]})" for row in results.wrong()]
    if results.disturbed():
        most = max(row.others_cpu_percent for row in results.disturbed())
        lines.append(
            f"- {len(results.disturbed())} of {len(results.rows)} measurements were disturbed: others took more than "
            f"{TOLERATED_PERCENT} % of the machine's processors, up to {most:.0f} %.")
    return "\n".join(lines)
