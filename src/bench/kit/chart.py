"""The chart of a run: an SVG with refreshes a second against pgbench, and the latencies. Legible on any background."""

import html
import math

from kit.report import ALL, written
from kit.results import Results

WIDTH = 900
LABELS = 190
NUMBERS = 190
BAR = 22
LINE = 38
PLOT = WIDTH - LABELS - NUMBERS

INK, GREY, RULE = "#1f2933", "#52606d", "#d5dbe1"
LIMIT, OURS, THEIRS, SLOW = "#9aa5b1", "#2f855a", "#7b8794", "#c05621"


def chart(results: Results, subtitle: str) -> str:
    """The SVG of the scenario `refresh`; "" if it was not measured."""
    names = [name for name in results.names("refresh") if results.find("refresh", name, ALL)]
    if not names:
        return ""
    parts, y = [_text(24, 38, "Refreshes a second, as a share of what the database alone can do", 18, INK, "bold"),
                _text(24, 60, subtitle, 13, GREY)], 84
    speeds, y = _speeds(results, names, y)
    parts += speeds
    parts.append(_text(24, y + 40, "Milliseconds for a refresh: half took at most p50, 99 of 100 at most p99", 18, INK, "bold"))
    latencies, y = _latencies(results, names, y + 64)
    parts += latencies
    height = y + 24
    described = "; ".join(
        f"{name}: {written(results.ratio('refresh', (name, ALL), ('pgbench', ALL)) or results.spread('refresh', name, ALL))}"
        for name in names)
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        'font-family="system-ui, \'Segoe UI\', \'DejaVu Sans\', sans-serif" role="img" aria-labelledby="title desc">',
        '<title id="title">Refreshes a second and their latency</title>',
        f'<desc id="desc">{html.escape(described)}</desc>',
        f'<rect x="0.5" y="0.5" width="{WIDTH - 1}" height="{height - 1}" rx="10" fill="#ffffff" stroke="{LIMIT}"/>',
        *parts, "</svg>"]) + "\n"


def _speeds(results: Results, names: list, y: int) -> tuple:
    relative = "pgbench" in names
    spreads = {name: results.ratio("refresh", (name, ALL), ("pgbench", ALL)) if relative
               else results.spread("refresh", name, ALL) for name in names}
    most, step = _scale(max(spread.most for spread in spreads.values() if spread))
    parts = _grid(y, len(names), most, step)
    for place, name in enumerate(names):
        spread, middle = spreads[name], y + place * LINE + LINE / 2
        parts.append(_text(LABELS - 12, middle + 5, name, 14, INK, anchor="end"))
        if not spread:
            continue
        color = LIMIT if name == "pgbench" else OURS if name.startswith("latchkey") else THEIRS
        parts.append(_bar(middle - BAR / 2, BAR, spread.median / most, color))
        if spread.most > spread.least:
            parts += _whisker(middle, spread.least / most, spread.most / most)
        rate = results.spread("refresh", name, ALL).median
        share = f"{spread.median:.2f}" if spread.median >= 0.1 else f"{spread.median:.3f}"
        parts.append(_text(WIDTH - 24, middle + 5, f"{share}  ({rate:,.0f}/s)" if relative else f"{rate:,.0f}/s", 14, INK,
                           anchor="end"))
    return parts, y + len(names) * LINE + 18


def _latencies(results: Results, names: list, y: int) -> tuple:
    highest = max(results.spread("refresh", name, ALL, "p99_ms").median for name in names)
    most, step = _scale(highest)
    parts = _grid(y, len(names), most, step)
    for place, name in enumerate(names):
        middle = y + place * LINE + LINE / 2
        half, nearly_all = (results.spread("refresh", name, ALL, field).median for field in ("p50_ms", "p99_ms"))
        parts.append(_text(LABELS - 12, middle + 5, name, 14, INK, anchor="end"))
        parts.append(_bar(middle - BAR / 2, BAR / 2, half / most, OURS))
        parts.append(_bar(middle, BAR / 2, nearly_all / most, SLOW))
        parts.append(_text(WIDTH - 24, middle + 5, f"{half:.1f} and {nearly_all:.1f} ms", 14, INK, anchor="end"))
    bottom = y + len(names) * LINE + 18
    for place, (what, color) in enumerate((("p50", OURS), ("p99", SLOW))):
        x = LABELS + place * 70
        parts.append(f'<rect x="{x}" y="{bottom + 10}" width="12" height="12" fill="{color}"/>')
        parts.append(_text(x + 18, bottom + 21, what, 13, INK))
    return parts, bottom + 22


def _scale(most: float) -> tuple:
    """The end of an axis that holds the value, and the distance of its marks: 1, 2 or 5 times a power of ten."""
    power = 10 ** math.floor(math.log10(most / 4))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor * 5 >= most)
    return step * math.ceil(most / step - 1e-9), step


def _grid(y: int, lines: int, most: float, step: float) -> list:
    parts, bottom = [], y + lines * LINE
    for mark in range(round(most / step) + 1):
        x = LABELS + PLOT * mark * step / most
        parts.append(f'<line x1="{x:.1f}" y1="{y}" x2="{x:.1f}" y2="{bottom}" stroke="{RULE}"/>')
        parts.append(_text(x, bottom + 15, f"{mark * step:g}", 12, GREY, anchor="middle"))
    return parts


def _bar(y: float, height: float, share: float, color: str) -> str:
    return f'<rect x="{LABELS}" y="{y:.1f}" width="{max(1.5, PLOT * share):.1f}" height="{height:.1f}" fill="{color}"/>'


def _whisker(middle: float, least: float, most: float) -> list:
    left, right = LABELS + PLOT * least, LABELS + PLOT * most
    lines = [(left, middle, right, middle), (left, middle - 6, left, middle + 6), (right, middle - 6, right, middle + 6)]
    return [f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{INK}" stroke-width="1.5"/>'
            for x1, y1, x2, y2 in lines]


def _text(x: float, y: float, text: str, size: int, color: str, weight: str = "normal", anchor: str = "start") -> str:
    return (f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" fill="{color}" font-weight="{weight}" '
            f'text-anchor="{anchor}">{html.escape(text)}</text>')
