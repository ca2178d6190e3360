"""Owns the list of tasks: what each is called, how it is recognised, what it costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from .measures import Measures, name_cell
from .report import Column, Moment, Note, Report, Row, Section, Table, Text, Unknown, count, usd, utc

_SOURCES: Final[Mapping[str, str]] = {
    "tag": "named in code",
    "header": "named by a header",
    "metadata": "named in metadata",
    "field": "named in a request field",
    "": "call site, tools and prompt",
}
_COLUMNS: Final = (
    Column("task", "task", is_number=False),
    Column("source", "recognised by", is_number=False),
    Column("calls", "calls"),
    Column("spend_usd", "spend"),
    Column("per_thousand_usd", "$ per 1,000", rank=1),
    Column("model", "mostly on", rank=2, is_number=False),
    Column("first", "first seen (UTC)", rank=3, is_number=False),
    Column("last", "last seen (UTC)", rank=1, is_number=False),
    Column("call_site", "from", rank=4, is_number=False),
)


def tasks_report(rows: Sequence[Mapping[str, Any]], since: datetime, hindrances: tuple[str, ...] = ()) -> Report:
    """One line per task; those not named in code are said to be."""
    notes = [Note(text) for text in hindrances]
    unnamed = sum(1 for row in rows if row["source"] not in _SOURCES or not row["source"])
    if not rows:
        notes.insert(
            0,
            Note(
                "The store has no calls yet.",
                "Call llmwatch.init() where your service starts:",
                "import llmwatch\nllmwatch.init()",
            ),
        )
    elif unnamed:
        text = f"{unnamed:,} of {len(rows):,} tasks are recognised by what their calls carry. To name one yourself:"
        notes.insert(0, Note(text, "", 'with llmwatch.task("reply.draft"):\n    client.chat.completions.create(...)'))
    table = Table("tasks", "task", _COLUMNS, tuple(_task_row(row) for row in rows))
    facts = (("since", Moment(utc(since))), ("tasks", count(len(rows))))
    title = f"tasks, with calls and spend since {since:%Y-%m-%d %H:%M} UTC" if rows else ""
    return Report(
        "tasks",
        title,
        facts,
        sections=(Section("tasks", "", (table,) if rows else (), tuple(notes)),),
        main_table="tasks",
    )


def _task_row(row: Mapping[str, Any]) -> Row:
    measures = Measures(row)
    cells = (
        name_cell("task", row["task"]),
        Text(_SOURCES.get(row["source"], str(row["source"]).replace("_", " "))),
        count(measures.calls),
        usd(measures.spend, measures.no_spend_reason, measures.caveat),
        usd(measures.per_thousand, measures.no_spend_reason),
        Text(row["model"]) if row["model"] else Unknown("no model named"),
        Moment(utc(row["first_at"])),
        Moment(utc(row["last_at"])),
        Text(row["call_site"]) if row["call_site"] else Unknown("not recorded"),
    )
    return Row(f"{row['task']}/{row['source']}", cells)
