"""Owns the list of tasks: what each is called, how it is recognised, what it costs, and what users did to them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from ..pasted import command
from .measures import Measures, name_cell
from .report import (
    DATA_RANK,
    Column,
    Moment,
    Note,
    Report,
    Row,
    Section,
    Table,
    Text,
    Unknown,
    count,
    counted,
    usd,
    utc,
)
from .successors import successors

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
    Column("prompts", "prompt versions", rank=2),
    Column("prompt_since", "latest prompt since (UTC)", rank=2, is_number=False),
    Column("pinned", "pinned", rank=5, is_number=False),
    Column("id", "id", rank=3, is_number=False),
    Column("call_site", "from", rank=4, is_number=False),
)
_VERSION_COLUMNS: Final = (
    Column("task", "task", is_number=False),
    Column("number", "version"),
    Column("calls", "calls"),
    Column("first", "first seen (UTC)", is_number=False),
    Column("last", "last seen (UTC)", rank=1, is_number=False),
    Column("id", "id", rank=3, is_number=False),
    Column("text", "text", rank=DATA_RANK, is_number=False),
)
# Of tasks that may be the next version of another: the latest.
_MOST_PROPOSED: Final = 5
_EDIT_COLUMNS: Final = (
    Column("edit", "edit", is_number=False),
    Column("at", "when (UTC)", is_number=False),
    Column("action", "what", is_number=False),
    Column("names", "tasks", is_number=False, can_wrap=True),
    Column("into", "into", is_number=False, can_wrap=True),
    Column("state", "state", is_number=False),
)


@dataclass(frozen=True, slots=True)
class Tasks:
    """The rows of the list; ids, pins and prompt versions by today's names."""

    since: datetime
    rows: Sequence[Mapping[str, Any]]
    ids: Mapping[str, str] = field(default_factory=dict[str, str])
    pinned: frozenset[str] = frozenset()
    versions: Sequence[Mapping[str, Any]] = ()
    hindrances: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class EditRow:
    """One edit, and the names it made."""

    edit_id: str
    edited_at: datetime | None
    action: str
    names: tuple[str, ...]
    into: str
    is_undone: bool


def tasks_report(asked: Tasks) -> Report:
    """One line per task; those not named in code are said to be."""
    rows, since = asked.rows, asked.since
    notes = [Note(text) for text in asked.hindrances]
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
        text = f"{unnamed:,} of {counted(len(rows), 'task')}: recognised by what the calls carry, no tag names it."
        code = 'with llmwatch.task("reply.draft"):\n    client.chat.completions.create(...)'
        notes.insert(0, Note(text, "To name one: llmwatch tasks rename OLD NEW, or in code:", code))
    notes += _next_versions(rows)
    versions: defaultdict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for row in asked.versions:
        versions[row["task"]].append(row)
    table = Table("tasks", "task", _COLUMNS, tuple(_task_row(row, asked, versions[row["task"]]) for row in rows))
    edited = [row for task in versions.values() if len(task) > 1 for row in task]
    tables = [table] if rows else []
    if edited:
        title = "Versions of prompts that were edited"
        tables.append(Table("prompt_versions", "prompt", _VERSION_COLUMNS, tuple(map(_version_row, edited)), title))
    facts = (("since", Moment(utc(since))), ("tasks", count(len(rows))))
    title = f"tasks, with calls and spend since {since:%Y-%m-%d %H:%M} UTC" if rows else ""
    return Report(
        "tasks",
        title,
        facts,
        sections=(Section("tasks", "", tuple(tables), tuple(notes)),),
        main_table="tasks",
    )


def _next_versions(rows: Sequence[Mapping[str, Any]]) -> list[Note]:
    """Tasks that may be one whose prompt was rewritten, with the command that makes them one."""
    named_in_code = frozenset(source for source in _SOURCES if source)
    found = successors(rows, named_in_code)
    return [
        Note(
            f"{one.new!r} began on {one.at:%-d %b} at the call site where {one.old!r} ended: it may be the next version"
            " of its prompt.",
            "To make one task of both, with one history:",
            command("tasks", "merge", one.old, one.new, into=one.old),
        )
        for one in found[:_MOST_PROPOSED]
    ]


def _task_row(row: Mapping[str, Any], asked: Tasks, versions: Sequence[Mapping[str, Any]]) -> Row:
    measures = Measures(row)
    no_prompt = Unknown("no static prompt seen often enough")
    cells = (
        name_cell("task", row["task"]),
        Text(_SOURCES.get(row["source"], str(row["source"]).replace("_", " "))),
        count(measures.calls),
        usd(measures.spend, measures.no_spend_reason, measures.caveat),
        measures.per_thousand_cell,
        Text(row["model"]) if row["model"] else Unknown("no model named"),
        Moment(utc(row["first_at"])),
        Moment(utc(row["last_at"])),
        count(len(versions)) if versions else no_prompt,
        Moment(utc(versions[-1]["first_seen_at"])) if versions else no_prompt,
        Text("pinned" if row["task"] in asked.pinned else ""),
        Text(asked.ids.get(row["task"], "")),
        Text(row["call_site"]) if row["call_site"] else Unknown("not recorded"),
    )
    return Row(f"{row['task']}/{row['source']}", cells)


def _version_row(row: Mapping[str, Any]) -> Row:
    cells = (
        name_cell("task", row["task"]),
        count(row["number"]),
        count(row["calls"]),
        Moment(utc(row["first_seen_at"])),
        Moment(utc(row["last_seen_at"])),
        Text(row["prompt_version"]),
        Text(row["text"]) if row["text"] else Unknown("no content was kept"),
    )
    return Row(f"{row['task']}/{row['number']}", cells)


def edits_report(edits: Sequence[EditRow]) -> Report:
    """What users did to tasks, the latest last."""
    notes = () if edits else (Note("No task was renamed, merged, split or pinned."),)
    table = Table("edits", "edit", _EDIT_COLUMNS, tuple(_edit_row(edit) for edit in edits))
    section = Section("edits", "", (table,) if edits else (), notes)
    return Report("task_edits", "edits of tasks", (("edits", count(len(edits))),), (), (section,), "edits")


def _edit_row(edit: EditRow) -> Row:
    cells = (
        Text(edit.edit_id),
        Moment(utc(edit.edited_at)) if edit.edited_at else Unknown("not recorded"),
        Text(edit.action),
        Text(", ".join(edit.names)),
        Text(edit.into),
        Text("undone" if edit.is_undone else "in force", "quiet" if edit.is_undone else ""),
    )
    return Row(edit.edit_id, cells)
