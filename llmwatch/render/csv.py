"""Report's main table as CSV for a sheet: one row per name, then the sum, then every note; no cell is a formula."""

from __future__ import annotations

import csv
import io

from ..analysis.report import Cell, Change, Interval, Moment, Note, Number, Report, Row, Table, Text, Trend, Unknown
from .inert import plain, sheet_text

Pairs = list[tuple[str, str]]


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
    joined = [table for table in tables if table.subject == main.subject and table is not main]
    by_key = [(table, {row.key: row for row in table.rows}) for table in joined]
    return [
        _line(main, row, [(table, rows[row.key]) for table, rows in by_key if row.key in rows]) for row in main.rows
    ]


def _line(main: Table, row: Row, joined: list[tuple[Table, Row]]) -> Pairs:
    pairs: Pairs = [("row_kind", row.kind or "row")]
    if row.verdict:
        pairs.append(("verdict", row.verdict))
    reasons: list[str] = []
    bounds: list[str] = []
    for table, each in [(main, row), *joined]:
        for column, cell in zip(table.columns, each.cells, strict=True):
            pairs += _pairs(column.key, cell)
            if isinstance(cell, Unknown) and cell.reason:
                reasons.append(f"{column.key}: {cell.reason}")
            if isinstance(cell, Number) and cell.bound:
                bounds.append(f"{column.key}: {cell.bound}, {cell.caveat}")
    pairs.append(("unknown", sheet_text("; ".join(reasons))))
    return [*pairs, ("bounds", sheet_text("; ".join(bounds)))] if bounds else pairs


def _pairs(key: str, cell: Cell) -> Pairs:
    match cell:
        case Text(text=text):
            return [(key, sheet_text(text))]
        case Number(value=value):
            return [(key, plain(value))]
        case Change(value=value):
            return [(key, plain(value)), (f"{key}_share", cell.word if cell.share is None else f"{cell.share:.6f}")]
        case Moment(at=at):
            return [(key, at.isoformat().replace("+00:00", "Z"))]
        case Trend(values=values):
            return [(key, " ".join(plain(value) for value in values))]
        case Interval(low=low, value=value, high=high):
            middle = "" if value is None else plain(value)
            return [(key, middle), (f"{key}_low", plain(low)), (f"{key}_high", plain(high))]
        case Unknown():
            return [(key, "")]
