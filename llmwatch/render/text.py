"""Report for a terminal: as wide as it is, coloured only where colour means something, plain when piped."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from rich.cells import cell_len
from rich.console import Console
from rich.padding import Padding
from rich.table import Table as Grid
from rich.text import Text as Styled

from ..analysis.report import (
    DATA_RANK,
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
    Unknown,
)
from .charts import tables_of
from .inert import lines, one_line, shortened
from .wording import UNKNOWN, Footnotes, bar, cell_text, rounding_text

_TONES: Final = {"": "", "good": "green", "bad": "red", "quiet": "dim"}
_VERDICTS: Final = {"ok": "green", "warn": "yellow", "fail": "bold red", "": ""}
_BAR: Final = 8
_GAP: Final = 2
_WIDE: Final = 120
# A name is never cut to less, however narrow the screen.
_SHORTEST: Final = 14


def render_text(report: Report, width: int = 100, *, is_colored: bool = False) -> str:
    """The report as lines of at most `width` columns, code to paste excepted; escape codes only if coloured."""
    out = io.StringIO()
    console = Console(
        file=out,
        width=width,
        force_terminal=is_colored,
        color_system="standard" if is_colored else None,
        highlight=False,
        markup=False,
        emoji=False,
        legacy_windows=False,
    )
    if report.title:
        console.print(Styled(one_line(report.title), "bold"))
    for line in report.summary:
        console.print(Styled(one_line(line)))
    for number, section in enumerate(report.sections):
        if number or report.title or report.summary:
            console.print()
        _print_section(section, console)
    return "\n".join(line.rstrip() for line in out.getvalue().split("\n")) if not is_colored else out.getvalue()


def _print_section(section: Section, console: Console) -> None:
    if section.title:
        console.print(Styled(one_line(section.title), "bold yellow" if section.is_warning else "bold"))
    tables = tables_of(section)
    for number, table in enumerate(tables):
        if number:
            console.print()
        _print_table(table, console)
    if tables and section.notes and section.is_warning:
        console.print()
    for note in section.notes:
        _print_note(note, section.is_warning, console)


def _print_note(note: Note, is_warning: bool, console: Console) -> None:
    text = Styled(one_line(note.text), "" if is_warning or note.remedy else "dim")
    if note.remedy:
        text.append(f"{' ' if note.text else ''}{one_line(note.remedy)}", "dim")
    grid = Grid.grid(padding=(0, 1))
    grid.add_column(width=1)
    grid.add_column()
    grid.add_row(Styled("·", "yellow" if is_warning else "dim"), text)
    console.print(Padding(grid, (0, 0, 0, 1)))
    for line in lines(note.code).split("\n") if note.code else ():
        # Never broken or cut, however narrow the screen: it is there to be pasted.
        console.print(Styled(f"     {line}", "cyan"), soft_wrap=True)


def _print_table(table: Table, console: Console) -> None:
    columns = [n for n, column in enumerate(table.columns) if column.rank < DATA_RANK]
    widths = _Widths(table, columns, console.width)
    left_out: list[int] = []
    longest = console.width
    while (excess := widths.together(columns, longest) - console.width) > 0:
        widest = max((table.columns[n].rank for n in columns), default=0)
        if longest > console.width * 2 // 5:
            # Names of any length leave room for the numbers: they are cut a little before a column is left out.
            longest = max(console.width * 2 // 5, min(longest, widths.longest_name(columns)) - excess)
        elif widest > 0:
            last = next(n for n in reversed(columns) if table.columns[n].rank == widest)
            columns.remove(last)
            left_out.insert(0, last)
        elif longest > _SHORTEST:
            # A number without its last digits is another number: names give way first.
            longest = max(_SHORTEST, min(longest, widths.longest_name(columns)) - excess)
        else:
            break
    footnotes = Footnotes()
    if table.title:
        console.print(Styled(f" {one_line(table.title)}", "italic"))
    rows = [_row_cells(table, columns, row, (console.width, longest), footnotes) for row in table.rows]
    plain = None if console.is_terminal else plain_grid(table, columns, rows, console.width)
    if plain is None:
        console.print(_grid(table, columns, rows, console.width))
    else:
        console.file.write(plain)
    for text in (*footnotes.lines(), *filter(None, [rounding_text(table)])):
        console.print(Styled(f" {text}", "dim"))
    if left_out:
        names = ", ".join(table.columns[n].title for n in left_out)
        console.print(Styled(f" Not shown at this width: {names}.", "dim"))


class _Widths:
    """How wide each column is, measured once: the terminal library measures a table anew for every question."""

    def __init__(self, table: Table, columns: list[int], width: int) -> None:
        footnotes = Footnotes()
        self._others: dict[int, int] = {}
        self._names: dict[int, int] = {}
        self._is_first = columns[0] if columns else -1
        # A margin on the left, and the indentation or the verdict before a first cell.
        self._indent = 1 + max((2 if row.kind == "part" else 5 if row.verdict else 0 for row in table.rows), default=0)
        for n in columns:
            column = table.columns[n]
            names = [row.cells[n] for row in table.rows if isinstance(row.cells[n], Text) and not column.can_wrap]
            others = [
                row.cells[n] for row in table.rows if not (isinstance(row.cells[n], Text) and not column.can_wrap)
            ]
            self._names[n] = max((cell_len(_styled(cell, footnotes).plain) for cell in names), default=0)
            wide = [cell_len(column.title), *(cell_len(_styled(cell, footnotes).plain) for cell in others)]
            self._others[n] = max(wide) + (_BAR + _GAP if column.has_bar and width >= _WIDE else 0)

    def together(self, columns: list[int], longest: int) -> int:
        """What these columns need where no name is longer than `longest`."""
        each = [max(self._others[n], min(self._names[n], longest)) for n in columns]
        return sum(each) + _GAP * (len(columns) - 1) + (self._indent if self._is_first in columns else 0)

    def longest_name(self, columns: list[int]) -> int:
        """The longest name in these columns."""
        return max((self._names[n] for n in columns), default=0)


def plain_grid(table: Table, columns: list[int], rows: Sequence[Sequence[Styled]], width: int) -> str | None:
    """The table as the terminal library lays it out, in a tenth of its time; None if something must give way."""
    titles: list[tuple[str, Column | None]] = []
    for n in columns:
        titles.append(((" " if n == columns[0] else "") + table.columns[n].title, table.columns[n]))
        if table.columns[n].has_bar and width >= _WIDE:
            titles.append(("", None))
    texts = [[cell.plain for cell in row] for row in rows]
    if any(table.columns[n].title for n in columns):
        texts.insert(0, [title for title, _ in titles])
    widths = [
        _BAR if column is None else max(map(cell_len, each), default=0)
        for (_, column), each in zip(titles, zip(*texts, strict=True), strict=True)
    ]
    if sum(widths) + _GAP * len(widths) > width or any(column is not None and column.can_wrap for _, column in titles):
        return None
    is_right = [column is not None and column.is_number for _, column in titles]
    return "".join(_plain_row(row, widths, is_right) for row in texts)


def _plain_row(texts: Sequence[str], widths: Sequence[int], is_right: Sequence[bool]) -> str:
    cells: list[str] = []
    for text, width, is_number in zip(texts, widths, is_right, strict=True):
        room = " " * (width - cell_len(text.rstrip() if is_number else text))
        cells.append(room + text.rstrip() if is_number else text + room)
    return (" " * _GAP).join(cells) + "\n"


def _grid(table: Table, columns: list[int], rows: Sequence[Sequence[Styled]], width: int) -> Grid:
    """The table on a screen of that width."""
    has_titles = any(table.columns[n].title for n in columns)
    grid = Grid(box=None, show_header=has_titles, header_style="dim", pad_edge=False, padding=(0, 2, 0, 0))
    for n in columns:
        column = table.columns[n]
        can_shrink = not column.is_number
        # Names may shrink, the first ones not too far, and never become wider than they are.
        natural = 1 + max((cell_len(_styled(row.cells[n], Footnotes()).plain) for row in table.rows), default=0)
        grid.add_column(
            Styled((" " if n == columns[0] else "") + column.title),
            justify="right" if column.is_number else "left",
            no_wrap=not column.can_wrap,
            overflow="fold" if column.can_wrap else "ellipsis",
            min_width=min(14, width, natural) if can_shrink and n == columns[0] else None,
        )
        if column.has_bar and width >= _WIDE:
            grid.add_column("", width=_BAR)
    for row, cells in zip(table.rows, rows, strict=True):
        grid.add_row(*cells, style="bold" if row.kind == "total" else "")
    return grid


def _row_cells(table: Table, columns: list[int], row: Row, room: tuple[int, int], reasons: Footnotes) -> list[Styled]:
    width, longest = room
    cells: list[Styled] = []
    for n in columns:
        column, cell = table.columns[n], row.cells[n]
        if isinstance(cell, Text) and not column.can_wrap:
            cell = replace(cell, text=shortened(one_line(cell.text), longest))
        text = _styled(cell, reasons)
        if n == columns[0]:
            text = _first(text, row)
        cells.append(text)
        if column.has_bar and width >= _WIDE:
            cells.append(_bar(column, cell, row))
    return cells


def _first(text: Styled, row: Row) -> Styled:
    start = Styled("   " if row.kind == "part" else " ")
    if row.verdict:
        start.append(f"{row.verdict:<5}", _VERDICTS[row.verdict])
    return start.append_text(text)


def _bar(column: Column, cell: Cell, row: Row) -> Styled:
    if row.kind == "total" or not isinstance(cell, Number):
        return Styled("")
    return Styled(bar(cell.value if cell.unit == "share" else 0, _BAR), "blue")  # pyright: ignore[reportArgumentType]


def _styled(cell: Cell, reasons: Footnotes) -> Styled:
    match cell:
        case Unknown(reason=reason):
            return Styled(f"{UNKNOWN}{reasons.mark(reason) if reason else ''}", "dim")
        case Number(caveat=caveat) if caveat:
            return Styled(f"{cell_text(cell)}{reasons.mark(caveat, '')}")
        case Change(tone=tone, caveat=caveat) if caveat:
            return Styled(f"{cell_text(cell)}{reasons.mark(caveat, '')}", _TONES[tone])
        case Text(tone=tone) | Change(tone=tone) | Interval(tone=tone):
            return Styled(cell_text(cell), _TONES[tone])
        case Trend():
            return Styled(cell_text(cell), "blue")
        case _:
            return Styled(cell_text(cell))
