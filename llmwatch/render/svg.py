"""Owns the pictures of a report as inline SVG: charts over time, bars of shares, intervals on the axis of their column.

No meaning stands in a picture alone or in a colour alone: the numbers stand beside it, lines differ by their dashes.
Coordinates are rounded, so that the same report is the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from math import floor, log10
from typing import Final

from ..analysis.report import Chart, Interval, Series, Unit
from .charts import FROM_ZERO, range_words
from .inert import one_line, shortened
from .nodes import Node, node
from .wording import cell_text, number_text

# Units of the chart's own box; a phone draws it one to one.
_WIDTH: Final = 420
_HEIGHT: Final = 190
_LEFT: Final = 54
_RIGHT: Final = 10
_TOP: Final = 14
_BOTTOM: Final = 24
_INTERVAL: Final = 90
_SERIES: Final = 4

Scale = tuple[float, float]


def chart_figure(chart: Chart, name: str) -> Node:
    """The chart with its title, its lines and a legend that says lowest, highest and last; `name` is its id."""
    scale = _scale(chart)
    words = range_words(chart)
    described = "; ".join([_said(series, chart.unit) for series in chart.series] + ([words] if words else []))
    picture = node(
        "svg",
        node("title", _short(chart.title), id=f"{name}t"),
        node("desc", described, id=f"{name}d"),
        *_grid(chart, scale),
        *_marks(chart),
        *(part for n, series in enumerate(chart.series) for part in _line(series, n % _SERIES, scale)),
        viewBox=f"0 0 {_WIDTH} {_HEIGHT}",
        role="img",
        aria_labelledby=f"{name}t {name}d",
        class_="chart",
    )
    legend = [node("li", _sample(n % _SERIES), _said(series, chart.unit)) for n, series in enumerate(chart.series)]
    if words:
        legend.append(node("li", _shade_sample(), _short(words)))
    return node("figure", node("figcaption", _short(chart.title)), picture, node("ul", *legend, class_="legend"))


def sparkline_svg(values: Sequence[Decimal]) -> Node:
    """One bar per value, from nothing to the highest; what it shows is said beside it."""
    top = float(max(values, default=Decimal(0))) or 1.0
    step = min(8.0, 160 / max(1, len(values)))
    bars = [_bar_of(n, float(value) / top, step) for n, value in enumerate(values)]
    width = f"{step * len(values):.1f}"
    return node("svg", *bars, viewBox=f"0 0 {width} 20", width=width, height="20", class_="spark", aria_hidden="true")


def _bar_of(n: int, share: float, step: float) -> Node:
    height = max(1.0, 20 * max(0.0, share))
    x, y = f"{n * step:.1f}", f"{20 - height:.1f}"
    return node("rect", x=x, y=y, width=f"{step * 0.8:.1f}", height=f"{height:.1f}", class_="bar")


def share_bar(share: Decimal) -> Node:
    """A bar for a share from 0 to 1, beside its number."""
    width = f"{60 * float(min(max(share, Decimal(0)), Decimal(1))):.1f}"
    return node(
        "svg",
        node("rect", x="0", y="0", width="60", height="8", class_="track"),
        node("rect", x="0", y="0", width=width, height="8", class_="bar"),
        viewBox="0 0 60 8",
        width="60",
        height="8",
        class_="share",
        aria_hidden="true",
    )


def interval_scale(cells: Iterable[Interval]) -> Scale:
    """One axis for a column of intervals, so that they can be compared: a range of money or points contains 0."""
    listed = list(cells)
    ends = [float(end) for cell in listed for end in (cell.low, cell.high)]
    low, high = min(ends, default=0.0), max(ends, default=1.0)
    unit = listed[0].unit if listed else "plain"
    if unit == "share":
        return (0.0 if low < 0.5 else 0.5), max(high, 1.0)
    if unit in FROM_ZERO:
        return min(low, 0.0), max(high, 0.0)
    return float(floor(low)), float(floor(high) + 1)


def interval_bar(cell: Interval, scale: Scale) -> Node:
    """The interval on its column's axis, a dot at the value, a tick at 0 where the axis crosses it."""
    low, high = _on(float(cell.low), scale), _on(float(cell.high), scale)
    parts = [node("path", d=f"M0 7H{_INTERVAL}", class_="axis")]
    if scale[0] < 0 < scale[1]:
        parts.append(node("path", d=f"M{_on(0.0, scale):.1f} 1V13", class_="axis"))
    parts.append(node("path", d=f"M{low:.1f} 3V11M{low:.1f} 7H{high:.1f}M{high:.1f} 3V11", class_="range"))
    if cell.value is not None:
        parts.append(node("circle", cx=f"{_on(float(cell.value), scale):.1f}", cy="7", r="3", class_="dot"))
    title = node("title", f"{cell_text(cell)}, {cell.of} interval")
    box = f"-3 0 {_INTERVAL + 6} 14"
    size = {"width": str(_INTERVAL + 6), "height": "14"}
    return node("svg", title, *parts, viewBox=box, class_="interval", role="img", aria_hidden=None, **size)


def _on(value: float, scale: Scale) -> float:
    low, high = scale
    return _INTERVAL * min(1.0, max(0.0, (value - low) / ((high - low) or 1.0)))


def _short(text: str) -> str:
    return shortened(one_line(text), 120)


def _said(series: Series, unit: Unit) -> str:
    known = [value for value in series.values if value is not None]
    title = _short(series.title)
    if not known:
        return f"{title}: nothing known"
    low, high = number_text(min(known), unit), number_text(max(known), unit)
    last = "unknown" if series.values[-1] is None else number_text(series.values[-1], unit)
    return f"{title}: {low} to {high}, last {last}"


def _scale(chart: Chart) -> Scale:
    lines = (line for series in chart.series for line in (series.values, series.lows, series.highs))
    known = [float(value) for line in lines for value in line if value is not None]
    low, high = min(known, default=0.0), max(known, default=1.0)
    if chart.unit in FROM_ZERO:
        low, high = min(low, 0.0), max(high, 0.0)
    room = (high - low) * 0.06 or abs(high) * 0.1 or 1.0
    low = low if chart.unit in FROM_ZERO and low == 0 else low - room
    return low, min(high + room, 1.0) if chart.unit == "share" and high <= 1 else high + room


def _x(n: int, count: int) -> float:
    return _LEFT + (n + 0.5) * (_WIDTH - _LEFT - _RIGHT) / max(1, count)


def _y(value: float, scale: Scale) -> float:
    low, high = scale
    return _TOP + (_HEIGHT - _TOP - _BOTTOM) * (1 - (value - low) / ((high - low) or 1.0))


def _grid(chart: Chart, scale: Scale) -> list[Node]:
    parts: list[Node] = []
    for tick in _ticks(scale):
        y = _y(tick, scale)
        is_zero = abs(tick) < 1e-12
        parts.append(node("path", d=f"M{_LEFT} {y:.1f}H{_WIDTH - _RIGHT}", class_="zero" if is_zero else "grid"))
        words = tick_text(tick, chart.unit)
        parts.append(node("text", words, x=str(_LEFT - 5), y=f"{y + 3.5:.1f}", text_anchor="end"))
    count = len(chart.points)
    places = sorted({0, (count - 1) // 2, count - 1}) if count > 2 else list(range(count))
    # The first and the last date stay inside the box.
    anchors = {0: "start", count - 1: "end"} if count > 2 else {}
    ends = {0: float(_LEFT), count - 1: float(_WIDTH - _RIGHT)} if count > 2 else {}
    for n in places:
        x = ends.get(n, _x(n, count))
        words = _date_words(chart.points[n])
        parts.append(node("text", words, x=f"{x:.1f}", y=str(_HEIGHT - 7), text_anchor=anchors.get(n, "middle")))
    return parts


def _ticks(scale: Scale) -> list[float]:
    low, high = scale
    rough = (high - low) / 4 or 1.0
    size = 10.0 ** floor(log10(rough))
    step = next(size * m for m in (1, 2, 2.5, 5, 10) if size * m >= rough * 0.999)
    first = -floor(-low / step)
    return [n * step for n in range(int(first), int(first) + 8) if n * step <= high + step * 1e-9]


def tick_text(value: float, unit: Unit) -> str:
    """A round value of an axis, as short as it can be said.

    >>> tick_text(2500, "usd"), tick_text(0.05, "usd"), tick_text(0.975, "share")
    ('$2.5k', '$0.05', '97.5 %')
    """
    if unit in ("share", "points"):
        return f"{value * 100:g} %"
    if unit == "ms":
        return f"{value / 1000:g} s" if abs(value) >= 1000 else f"{value:g} ms"
    size, suffix = abs(value), ""
    for limit, letter in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if size >= limit:
            size, suffix = size / limit, letter
            break
    sign = "-" if value < 0 else ""
    digits = f"{size:.4g}" if size >= 1e-4 or not size else f"{size:.0e}"
    return f"{sign}{'$' if unit == 'usd' else ''}{digits}{suffix}"


def _date_words(point: str) -> str:
    try:
        at = datetime.fromisoformat(point)
    except ValueError:
        return _short(point)
    day = f"{at.day} {at:%b}"
    return f"{day} {at:%H:%M}" if at.hour or at.minute else day


def _marks(chart: Chart) -> list[Node]:
    count = len(chart.points)
    half = (_WIDTH - _LEFT - _RIGHT) / max(1, count) / 2
    parts: list[Node] = []
    if chart.shaded is not None:
        first, last = (_x(n, count) for n in chart.shaded)
        left, width = f"{first - half:.1f}", f"{last - first + 2 * half:.1f}"
        height = str(_HEIGHT - _TOP - _BOTTOM)
        parts.append(node("rect", x=left, y=str(_TOP), width=width, height=height, class_="shade"))
    if chart.marked is not None:
        d = f"M{_x(chart.marked, count):.1f} {_TOP}V{_HEIGHT - _BOTTOM}"
        parts.append(node("path", d=d, class_="mark"))
    return parts


def _line(series: Series, place: int, scale: Scale) -> list[Node]:
    count = len(series.values)
    parts: list[Node] = []
    if series.lows and series.highs:
        parts += _band(series, place, scale)
    d, is_open = "", False
    for n, value in enumerate(series.values):
        if value is None:
            is_open = False
            continue
        d += f"{'L' if is_open else 'M'}{_x(n, count):.1f} {_y(float(value), scale):.1f}"
        is_open = True
    if d:
        parts.append(node("path", d=d, class_=f"line l{place}"))
    if count <= 60:
        points = ((n, float(value)) for n, value in enumerate(series.values) if value is not None)
        parts += [
            node("circle", cx=f"{_x(n, count):.1f}", cy=f"{_y(value, scale):.1f}", r="1.8", class_=f"point l{place}")
            for n, value in points
        ]
    return parts


def _band(series: Series, place: int, scale: Scale) -> list[Node]:
    """The interval around a line, one polygon per stretch of known ends."""
    count = len(series.values)
    stretches: list[list[tuple[float, float, float]]] = [[]]
    for n, (low, high) in enumerate(zip(series.lows, series.highs, strict=True)):
        if low is None or high is None:
            stretches.append([])
        else:
            stretches[-1].append((_x(n, count), _y(float(low), scale), _y(float(high), scale)))
    bands: list[Node] = []
    for stretch in stretches:
        if stretch:
            edge = [f"{x:.1f} {high:.1f}" for x, _, high in stretch]
            edge += [f"{x:.1f} {low:.1f}" for x, low, _ in reversed(stretch)]
            bands.append(node("path", d=f"M{'L'.join(edge)}Z", class_=f"band l{place}"))
    return bands


def _sample(place: int) -> Node:
    line = node("path", d="M0 5H24", class_=f"line l{place}")
    return node("svg", line, viewBox="0 0 24 10", width="24", height="10", aria_hidden="true")


def _shade_sample() -> Node:
    area = node("rect", x="0", y="0", width="24", height="10", class_="shade")
    return node("svg", area, viewBox="0 0 24 10", width="24", height="10", aria_hidden="true")
