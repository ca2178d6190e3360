"""Report as one HTML file that needs nothing else: its style within, its pictures as SVG, no script, nothing loaded.

Its content security policy forbids everything but its own style, so that even a mistake here would run nothing.
"""

from __future__ import annotations

import re
from base64 import b64encode
from decimal import Decimal
from functools import cache
from hashlib import sha256
from itertools import count
from pathlib import Path
from typing import Final

from ..analysis.report import (
    Cell,
    Change,
    Column,
    Interval,
    Note,
    Number,
    Report,
    Row,
    Section,
    Table,
    Text,
    Trend,
    Unit,
    Unknown,
)
from .inert import lines, one_line, shortened
from .nodes import Node, node, written
from .svg import Scale, chart_figure, interval_bar, interval_scale, share_bar, sparkline_svg
from .wording import Footnotes, cell_text, rounding_text

# Columns of higher rank are for data formats only; those above the second are not on paper.
_MAX_RANK: Final = 3
_MAX_PAPER_RANK: Final = 1
# A longer name is cut; formats for programs have it whole.
_LONGEST: Final = 100
# Words up to here stand on one line.
_SHORT: Final = 36
Scales = dict[tuple[int, Unit], Scale]
_FOOTER: Final = (
    "Made by llmwatch on the machine whose calls it is about. This page is complete: it loads nothing and runs nothing."
)


@cache
def style() -> str:
    """The one style sheet, as it stands in every page."""
    return "\n" + (Path(__file__).parent / "style.css").read_text("utf-8")


@cache
def content_policy() -> str:
    """The content security policy of a page, for its own meta element and for whoever serves it."""
    digest = b64encode(sha256(style().encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


def render_html(report: Report) -> str:
    """The whole report as one HTML document; the same report is the same bytes."""
    ids = count(1)
    title = _cut(report.title) or "llmwatch"
    parts = [(section, f"s{next(ids)}") for section in report.sections]
    links = [node("li", node("a", _name_of(section), href=f"#{name}")) for section, name in parts if section.title]
    body = node(
        "body",
        node("header", node("h1", title), *(node("p", _cut(line, 600)) for line in report.summary)),
        node("nav", node("ul", *links), aria_label="Sections") if len(links) > 2 else None,
        node("main", *(_section(section, name) for section, name in parts)),
        node("footer", node("p", _FOOTER)),
    )
    return written(node("html", _head(report, title), body, lang="en", dir="ltr"))


def _name_of(section: Section) -> str:
    """The beginning of a section's title, as a link to it."""
    return _cut(re.split(r"[,(:]", section.title, maxsplit=1)[0].strip() or section.title, 40)


def _head(report: Report, title: str) -> Node:
    period = _cut(report.summary[0]) if report.summary else ""
    return node(
        "head",
        node("meta", charset="utf-8"),
        node("meta", http_equiv="Content-Security-Policy", content=content_policy()),
        node("meta", name="viewport", content="width=device-width, initial-scale=1"),
        node("meta", name="color-scheme", content="light dark"),
        node("meta", name="referrer", content="no-referrer"),
        node("title", f"{title}: {period}" if period else title),
        node("style", style()),
    )


def _section(section: Section, name: str) -> Node:
    heading = node("h2", _cut(section.title), id=f"{name}h") if section.title else None
    tables = [node("div", *_table(table, section), class_="table") for table in section.tables]
    figures = [chart_figure(chart, f"{name}c{n}") for n, chart in enumerate(section.charts)]
    # Pictures stand beside the first table where there is room.
    first = [node("div", *tables[:1], *figures, class_="lead"), *tables[1:]] if figures else tables
    return node(
        "section",
        heading,
        *first,
        node("ul", *(_note(note) for note in section.notes), class_="notes") if section.notes else None,
        id=name,
        aria_labelledby=f"{name}h" if section.title else None,
        class_="warning" if section.is_warning else None,
    )


def _note(note: Note) -> Node:
    text = node("p", _cut(note.text, 2000), " " if note.text and note.remedy else None)
    if note.remedy:
        text.append(node("span", _cut(note.remedy, 2000), class_="remedy"))
    # Reachable by keys, since it may be wider than the page and is moved in its own box.
    code = node("pre", node("code", lines(note.code)), tabindex="0", role="group", aria_label="To paste")
    return node("li", text, code if note.code else None)


def _table(table: Table, section: Section) -> list[Node]:
    shown = [n for n, column in enumerate(table.columns) if column.rank <= _MAX_RANK]
    columns = [table.columns[n] for n in shown]
    footnotes = Footnotes()
    scales = _scales(table)
    rows = [_row(row, table, shown, scales, footnotes) for row in table.rows]
    words = _cut(table.title) or f"{_cut(section.title)}, by {table.subject}".strip(", ")
    caption = node("caption", words, class_=None if table.title else "unseen")
    head = node("thead", node("tr", *(_heading(column) for column in columns)))
    grid = node("table", caption, head if any(column.title for column in columns) else None, node("tbody", *rows))
    # A wide table is moved in its own box, never the page; tabindex makes the box reachable by keys.
    box = node("div", grid, class_="box", role="region", tabindex="0", aria_label=words)
    off_paper = [column.title for column in columns if column.rank > _MAX_PAPER_RANK and column.title]
    left_out = f"Not on paper: {', '.join(off_paper)}." if off_paper else ""
    return [
        box,
        *(node("p", _cut(line, 600), class_="foot") for line in (*footnotes.lines(), rounding_text(table)) if line),
        *([node("p", left_out, class_="foot paper")] if left_out else []),
    ]


def _scales(table: Table) -> Scales:
    """One axis for the intervals of each column and unit."""
    found: dict[tuple[int, Unit], list[Interval]] = {}
    for row in table.rows:
        for n, cell in enumerate(row.cells):
            if isinstance(cell, Interval):
                found.setdefault((n, cell.unit), []).append(cell)
    return {place: interval_scale(cells) for place, cells in found.items()}


def _heading(column: Column) -> Node:
    css = _css("n" if column.is_number else "", f"r{column.rank}")
    if not column.title:
        return node("td", class_=css)
    return node("th", _cut(column.title), scope="col", class_=css)


def _row(row: Row, table: Table, shown: list[int], scales: Scales, footnotes: Footnotes) -> Node:
    cells: list[Node] = []
    for n in shown:
        column, cell = table.columns[n], row.cells[n]
        is_first = n == shown[0] and not column.is_number
        badge = node("span", row.verdict, class_=f"badge {row.verdict}") if row.verdict and n == shown[0] else None
        css = _css(
            "n" if column.is_number else "",
            _room(cell, column, is_first=is_first),
            f"r{column.rank}",
            cell.tone if isinstance(cell, (Text, Change, Interval)) else "",
            "quiet" if isinstance(cell, Unknown) else "",
        )
        scope = "row" if is_first else None
        inside = _inside(cell, n, row, table, scales, footnotes)
        cells.append(node("th" if is_first else "td", badge, *inside, scope=scope, class_=css))
    return node("tr", *cells, class_=row.kind or None)


def _room(cell: Cell, column: Column, *, is_first: bool) -> str:
    """Short words stay on one line; long ones wrap in a column that is wide enough to be read."""
    if column.is_number or not isinstance(cell, Text):
        return ""
    if column.can_wrap or len(cell.text) > _SHORT:
        return "name" if is_first else "long"
    return "short"


def _inside(cell: Cell, n: int, row: Row, table: Table, scales: Scales, footnotes: Footnotes) -> list[Node | str]:
    column = table.columns[n]
    text = shortened(cell_text(cell), 2000 if column.can_wrap else _LONGEST)
    match cell:
        case Unknown(reason=reason) if reason:
            return [text, node("sup", footnotes.number(reason))]
        case Number(caveat=caveat) if caveat:
            return [*_bar(cell, column, row), text, node("sup", footnotes.number(caveat, ""))]
        case Number():
            return [*_bar(cell, column, row), text]
        case Change(caveat=caveat) if caveat:
            return [text, node("sup", footnotes.number(caveat, ""))]
        case Trend(values=values):
            return [sparkline_svg(values)]
        case Interval():
            return [text, interval_bar(cell, scales[n, cell.unit])]
        case _:
            return [text]


def _bar(cell: Number, column: Column, row: Row) -> list[Node]:
    if not column.has_bar or row.kind == "total" or cell.unit != "share":
        return []
    return [share_bar(Decimal(cell.value))]


def _css(*names: str) -> str | None:
    return " ".join(name for name in names if name) or None


def _cut(text: str, length: int = _LONGEST) -> str:
    return shortened(one_line(text), length)
