"""Report as JSON, for programs: versioned, pure ASCII, money as strings, the unknown as null with its reason."""

from __future__ import annotations

import json
from typing import Any

from ..analysis.report import (
    SCHEMA_VERSION,
    Cell,
    Change,
    Chart,
    Interval,
    Moment,
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
from .inert import plain


def render_json(report: Report) -> str:
    """One JSON object; nothing of the report is left out."""
    facts = _cells([key for key, _ in report.facts], tuple(cell for _, cell in report.facts))
    document: dict[str, Any] = {
        "schema": f"llmwatch.{report.kind}",
        "schema_version": SCHEMA_VERSION,
        "facts": facts,
        "summary": list(report.summary),
        "sections": [_section(section) for section in report.sections],
    }
    # DEL is the one control character the encoder lets through.
    return json.dumps(document, indent=1, ensure_ascii=True, allow_nan=False).replace("\x7f", "\\u007f") + "\n"


def _section(section: Section) -> dict[str, Any]:
    return {
        "key": section.key,
        "title": section.title,
        "is_warning": section.is_warning,
        "tables": [_table(table) for table in section.tables],
        "charts": [_chart(chart) for chart in section.charts],
        "notes": [_note(note) for note in section.notes],
    }


def _chart(chart: Chart) -> dict[str, Any]:
    lines = [
        {
            "key": series.key,
            "title": series.title,
            **{
                name: [None if value is None else _number(value, chart.unit) for value in values]
                for name, values in (("values", series.values), ("lows", series.lows), ("highs", series.highs))
                if values
            },
        }
        for series in chart.series
    ]
    document: dict[str, Any] = {"key": chart.key, "title": chart.title, "unit": chart.unit}
    document |= {"points": list(chart.points), "series": lines}
    if chart.shaded is not None:
        document["shaded"] = [chart.points[n] for n in chart.shaded]
    if chart.marked is not None:
        document["marked"] = chart.points[chart.marked]
    return document | ({"mark_words": chart.mark_words} if chart.mark_words else {})


def _note(note: Note) -> dict[str, str]:
    return (
        {"text": note.text}
        | ({"remedy": note.remedy} if note.remedy else {})
        | ({"code": note.code} if note.code else {})
    )


def _table(table: Table) -> dict[str, Any]:
    keys = [column.key for column in table.columns]
    return {"key": table.key, "subject": table.subject, "rows": [_row(keys, row) for row in table.rows]}


def _row(keys: list[str], row: Row) -> dict[str, Any]:
    head: dict[str, Any] = {"key": row.key}
    if row.kind:
        head["kind"] = row.kind
    if row.verdict:
        head["verdict"] = row.verdict
    return head | _cells(keys, row.cells)


def _cells(keys: list[str], cells: tuple[Cell, ...]) -> dict[str, Any]:
    values = {key: _value(cell) for key, cell in zip(keys, cells, strict=True)}
    reasons = {
        key: cell.reason for key, cell in zip(keys, cells, strict=True) if isinstance(cell, Unknown) and cell.reason
    }
    bounds = {
        key: f"{cell.bound}, {cell.caveat}"
        for key, cell in zip(keys, cells, strict=True)
        if isinstance(cell, Number) and cell.bound
    }
    return values | ({"unknown": reasons} if reasons else {}) | ({"bounds": bounds} if bounds else {})


def _value(cell: Cell) -> Any:
    match cell:
        case Text(text=text):
            return text
        case Number(value=value, unit=unit):
            return _number(value, unit)
        case Change(value=value, unit=unit):
            difference = {"value": _number(value, unit), "share": None if cell.share is None else _float(cell.share)}
            return difference | ({"word": cell.word} if cell.word else {})
        case Moment(at=at):
            return at.isoformat().replace("+00:00", "Z")
        case Trend(values=values):
            return {"since": cell.first_day, "spend_usd": [plain(value) for value in values]}
        case Interval(low=low, value=value, high=high, unit=unit):
            middle = None if value is None else _number(value, unit)
            return {"value": middle, "low": _number(low, unit), "high": _number(high, unit), "of": cell.of}
        case Unknown():
            return None


def _number(value: Any, unit: str) -> str | int | float:
    if unit == "usd" or (unit == "plain" and not isinstance(value, int)):
        return plain(value)
    return value if isinstance(value, int) else _float(value)


def _float(value: Any) -> float:
    return round(float(value), 9)
