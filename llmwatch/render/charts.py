"""Owns how a chart is said without a picture: one line of blocks per series, with its lowest and highest value."""

from __future__ import annotations

from typing import Final

from ..analysis.report import Cell, Chart, Column, Number, Row, Section, Series, Table, Text, Unit, Unknown
from .wording import sparkline

# Amounts are compared with nothing; a share or a score moves in a part of its scale.
FROM_ZERO: Final[frozenset[Unit]] = frozenset({"usd", "count", "points", "ms", "per_second"})

_COLUMNS: Final = (
    Column("series", "", is_number=False),
    Column("blocks", "", is_number=False),
    Column("low", "lowest"),
    Column("high", "highest"),
    Column("last", "last"),
)


def tables_of(section: Section) -> tuple[Table, ...]:
    """The tables of a section for a format without pictures: its charts stand behind its first table."""
    said = tuple(chart_table(chart) for chart in section.charts)
    return (*section.tables[:1], *said, *section.tables[1:])


def chart_table(chart: Chart) -> Table:
    """The chart as a table of one row per series; what is shaded is said in the title."""
    words = range_words(chart)
    title = f"{chart.title}, {words}" if words else chart.title
    return Table(chart.key, "series", _COLUMNS, tuple(_row(chart, series) for series in chart.series), title)


def range_words(chart: Chart) -> str:
    """What the marked range is, with its dates; empty where nothing is marked."""
    if chart.shaded is None:
        return f"{chart.mark_words} {chart.points[chart.marked]}".strip() if chart.marked is not None else ""
    first, last = (chart.points[n] for n in chart.shaded)
    dates = first if first == last else f"{first} to {last}"
    return f"{chart.mark_words} {dates}".strip()


def _row(chart: Chart, series: Series) -> Row:
    known = [value for value in series.values if value is not None]
    if not known:
        nothing = Unknown("no value in any step")
        return Row(series.key, (Text(series.title), Text(""), nothing, nothing, nothing))
    last: Cell = Unknown("nothing in the last step")
    if series.values[-1] is not None:
        last = Number(series.values[-1], chart.unit)
    blocks = sparkline(series.values, is_from_zero=chart.unit in FROM_ZERO)
    cells = (Text(series.title), Text(blocks), Number(min(known), chart.unit), Number(max(known), chart.unit), last)
    return Row(series.key, cells)
