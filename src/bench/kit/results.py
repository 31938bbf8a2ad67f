"""The rows of a run: written as CSV as they come, and compared within their rounds."""

import csv
import dataclasses
import pathlib
import statistics

from kit.measure import Row

FIELDS = [field.name for field in dataclasses.fields(Row)]

# Others on the machine who took more than this share of its processors have spoiled a measurement.
TOLERATED_PERCENT = 10


class Spread:
    """Values of the rounds: their median, the least and the most. False if there are none."""

    def __init__(self, values: list):
        self.values = values

    def __bool__(self) -> bool:
        return bool(self.values)

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def least(self) -> float:
        return min(self.values)

    @property
    def most(self) -> float:
        return max(self.values)


class Results:
    """All rows so far; each is printed and written to the file when it is added."""

    def __init__(self, file: pathlib.Path):
        self.rows = []
        self.file = file
        with file.open("w", newline="") as out:
            csv.writer(out).writerow(FIELDS)

    def add(self, row: Row) -> None:
        self.rows.append(row)
        self.write_again()
        print(described(row), flush=True)

    def write_again(self) -> None:
        """Writes the file, after a row was changed."""
        with self.file.open("w", newline="") as out:
            writer = csv.writer(out)
            writer.writerow(FIELDS)
            for row in self.rows:
                writer.writerow([_text(getattr(row, name)) for name in FIELDS])

    def find(self, scenario: str, contender: str = None, case: str = None) -> list:
        """The rows of a scenario that count, in the order that they were measured."""
        return [row for row in self.rows if row.scenario == scenario and row.valid
                and contender in (None, row.contender) and case in (None, row.case)]

    def names(self, scenario: str) -> list:
        """The contenders of a scenario."""
        return list(dict.fromkeys(row.contender for row in self.rows if row.scenario == scenario))

    def cases(self, scenario: str) -> list:
        """The cases of a scenario."""
        return list(dict.fromkeys(row.case for row in self.rows if row.scenario == scenario))

    def spread(self, scenario: str, contender: str, case: str, field: str = "per_second") -> Spread:
        """A figure over the rounds."""
        values = [getattr(row, field) for row in self.find(scenario, contender, case)]
        return Spread([value for value in values if value is not None])

    def ratio(self, scenario: str, upper: tuple, lower: tuple, field: str = "per_second") -> Spread:
        """One figure divided by another one of the same round; `upper` and `lower` are (contender, case)."""
        below = {row.round: getattr(row, field) for row in self.find(scenario, *lower)}
        return Spread([getattr(row, field) / below[row.round] for row in self.find(scenario, *upper)
                       if getattr(row, field) is not None and below.get(row.round)])

    def wrong(self) -> list:
        """The rows that are no measurement, since requests were not answered as wanted."""
        return [row for row in self.rows if not row.valid]

    def disturbed(self) -> list:
        """The rows during which others took more than a little of the machine."""
        return [row for row in self.rows if (row.others_cpu_percent or 0) > TOLERATED_PERCENT]


def described(row: Row) -> str:
    """A line for the terminal."""
    line = f"{row.scenario:<12} round {row.round}  {row.contender:<18} {row.case:<22}"
    if row.size_bytes is not None:
        line += f"{row.size_bytes / 2**20:8.0f} MiB"
    elif row.per_second is None:
        line += f"{row.seconds:8.2f} s"
    else:
        line += f"{row.per_second:8.0f}/s   p50 {row.p50_ms:7.2f} ms   p99 {row.p99_ms:7.2f} ms"
    if (row.others_cpu_percent or 0) > TOLERATED_PERCENT:
        line += f"   (others took {row.others_cpu_percent:.0f} % of the machine)"
    if not row.valid:
        line += f"\n  *** NOT A MEASUREMENT: {row.errors} of {row.requests} answers were wrong. The first: {row.complaint}"
    return line


def _text(value) -> str:
    if value is None:
        return ""
    return f"{value:.3f}" if isinstance(value, float) else str(value)
