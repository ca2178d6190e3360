"""Report's main table as CSV for a sheet: one row per name, then the sum, then every note; no cell is a formula."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from ..analysis.report import (
    Cell,
    Change,
    Column,
    Interval,
    Moment,
    Note,
    Number,
    Report,
    Row,
    Table,
    Text,
    Trend,
    Unit,
    Unknown,
)
from .inert import plain, sheet_text

Pairs = list[tuple[str, str]]

_NUMBER: Final = re.compile(r"[+-]?\d+(\.\d+)?")
# Decimal places that a value of a unit has: costs are exact to a trillionth of a dollar. What is plain is the user's.
_PLACES: Final[Mapping[Unit, int]] = {"usd": 12, "share": 6, "points": 6, "ms": 3, "per_second": 3}


def render_csv(report: Report) -> str:
    """CSV with one header; tables of the main table's subject are joined to it by their rows' keys.

    `row_kind` says whether a line is a row, the sum (`total`), the remainder (`rest`) or a `note`.
    """
    lines = _table_lines(report)
    if report.has_own_columns:
        return _written([pairs[1:-1] for pairs in lines], _own_header(report))
    notes = [note for section in report.sections for note in section.notes]
    header = list(dict.fromkeys(key for line in lines for key, _ in line)) or ["row_kind"]
    if notes and "note" not in header:
        header.append("note")
    lines += [[("row_kind", "note"), ("note", sheet_text(_note(note)))] for note in notes]
    return _written(lines, header)


def _written(lines: list[Pairs], header: list[str]) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, header, restval="", lineterminator="\n")
    writer.writerow({key: sheet_text(key) for key in header})
    writer.writerows(dict(line) for line in lines)
    return out.getvalue()


def _own_header(report: Report) -> list[str]:
    tables = (table for section in report.sections for table in section.tables)
    return next(([column.key for column in table.columns] for table in tables if table.key == report.main_table), [])


def _note(note: Note) -> str:
    return " ".join(part for part in (note.text, note.remedy, note.code) if part)


def _table_lines(report: Report) -> list[Pairs]:
    tables = [table for section in report.sections for table in section.tables]
    main = next((table for table in tables if table.key == report.main_table), None)
    if main is None:
        return []
    is_own = report.has_own_columns
    joined = [table for table in tables if table.subject == main.subject and table is not main]
    by_key = [(table, {row.key: row for row in table.rows}) for table in joined]
    return [
        _line(main, row, [(table, rows[row.key]) for table, rows in by_key if row.key in rows], is_own=is_own)
        for row in main.rows
    ]


def _line(main: Table, row: Row, joined: list[tuple[Table, Row]], *, is_own: bool) -> Pairs:
    pairs: Pairs = [("row_kind", row.kind or "row")]
    if row.verdict:
        pairs.append(("verdict", row.verdict))
    reasons: list[str] = []
    bounds: list[str] = []
    for table, each in [(main, row), *joined]:
        for column, cell in zip(table.columns, each.cells, strict=True):
            shown, reason = (cell, "") if is_own else _in_numbers(column, cell)
            pairs += _pairs(column.key, shown)
            if reason:
                reasons.append(reason)
            if isinstance(cell, Number) and cell.bound:
                bounds.append(f"{column.key}: {cell.bound}, {cell.caveat}")
    pairs.append(("unknown", sheet_text("; ".join(dict.fromkeys(reasons)))))
    return [*pairs, ("bounds", sheet_text("; ".join(bounds)))] if bounds else pairs


def _in_numbers(column: Column, cell: Cell) -> tuple[Cell, str]:
    """The cell as a column of its kind can have it, and what is to be said beside it: words in a column of numbers
    would keep a sheet from adding it up."""
    match cell:
        case Unknown(reason=reason) if reason:
            return cell, f"{column.key}: {reason}"
        case Text(text=text) if column.is_number and text and not _NUMBER.fullmatch(text):
            return Unknown(text), f"{column.key}: {text}"
        case Change(word=word) if word:
            return cell, f"{column.key}_share: {word}"
        case _:
            return cell, ""


def _pairs(key: str, cell: Cell) -> Pairs:
    match cell:
        case Text(text=text):
            return [(key, sheet_text(text))]
        case Number(value=value, unit=unit):
            return [(key, _digits(value, unit))]
        case Change(value=value, unit=unit):
            return [(key, _digits(value, unit)), (f"{key}_share", "" if cell.share is None else f"{cell.share:.6f}")]
        case Moment(at=at):
            return [(key, at.isoformat().replace("+00:00", "Z"))]
        case Trend(values=values):
            return [(key, " ".join(_digits(value, "usd") for value in values))]
        case Interval(low=low, value=value, high=high, unit=unit):
            middle = "" if value is None else _digits(value, unit)
            return [(key, middle), (f"{key}_low", _digits(low, unit)), (f"{key}_high", _digits(high, unit))]
        case Unknown():
            return [(key, "")]


def _digits(value: Decimal | int, unit: Unit) -> str:
    """The number to the places of its unit, and at least six digits: a quotient has 28 of them."""
    if unit not in _PLACES or isinstance(value, int):
        return plain(value)
    return plain(round(value, max(_PLACES[unit], 5 - value.adjusted()))) if value else "0"
