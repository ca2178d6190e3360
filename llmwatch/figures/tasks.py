"""Owns how tasks are asked for, and how a user's edit of them is checked before it is kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from typing import Any, Final

from ..analysis.tasks import EditRow, Tasks
from ..errors import UsageError
from ..pasted import command
from ..store.queries import rows
from ..store.task_edits import SPLIT_BY, TaskEdit, add_edit, load_edits, part_names, pinned_names, task_id, undo_edit
from .reading import Reading

_MOST_PARTS: Final = 50


@dataclass(frozen=True, slots=True)
class Edited:
    """What an edit did."""

    edit_id: str
    calls: int
    names: tuple[str, ...] = ()


def load_tasks(reading: Reading, since: datetime) -> Tasks:
    """The tasks with their ids, pins and prompt versions."""
    edits = load_edits(reading.con)
    found = reading.rows("tasks", since=since)
    return Tasks(
        since=since,
        rows=found,
        ids={row["task"]: task_id(edits, row["task"]) for row in found},
        pinned=frozenset(pinned_names(edits)),
        versions=reading.rows("prompt_versions"),
        hindrances=reading.hindrances,
    )


def load_edit_rows(reading: Reading) -> list[EditRow]:
    """What users did, in order."""
    return [
        EditRow(
            e.edit_id, e.edited_at, e.action, e.names, e.into or ", ".join(name for _, name in e.parts), e.is_undone
        )
        for e in load_edits(reading.con)
    ]


def rename(con: Any, old: str, new: str, now: datetime) -> Edited:
    """The task has another name; one that is taken is refused."""
    names = _names(con)
    old = _known(con, old, names)
    new = _new_name(new)
    if new in names:
        raise UsageError(
            f"There is a task {new!r} already.",
            f"To make one of both: {command('tasks', 'merge', old, new, into=new)}",
        )
    return _edited(con, TaskEdit("", "rename", (old,), new), now)


def merge(con: Any, tasks: Sequence[str], into: str, now: datetime) -> Edited:
    """The tasks are one; a name that some other task has is refused."""
    names = _names(con)
    known = tuple(dict.fromkeys(_known(con, task, names) for task in tasks))
    if len(known) < 2:
        raise UsageError("Merging takes two tasks or more.", "Write: llmwatch tasks merge FIRST SECOND --into NAME")
    into = _new_name(into)
    if into in names and into not in known:
        raise UsageError(f"There is a task {into!r} already, which is not among those to merge.", "Name it with them.")
    return _edited(con, TaskEdit("", "merge", known, into), now)


def split(con: Any, task: str, by: str, now: datetime) -> Edited:
    """The task is one task for each call site, static prompt or tool set; one with a single value is refused."""
    names = _names(con)
    task = _known(con, task, names)
    if by not in SPLIT_BY:
        raise UsageError(f"--by {by!r} is not one of {', '.join(SPLIT_BY)}.")
    values = [row["value"] for row in rows(con, "task_parts", task=task, dimension=by, limit=_MOST_PARTS + 1)]
    if not 1 < len(values) <= _MOST_PARTS:
        many = f"more than {_MOST_PARTS} values" if values[1:] else "one value"
        raise UsageError(
            f"{task!r} has {many} to split by {by}.",
            f"Try --by {' or '.join(each for each in SPLIT_BY if each != by)}.",
        )
    parts = part_names(task, by, values, names)
    edited = _edited(con, TaskEdit("", "split", (task,), by=by, parts=parts), now)
    return Edited(edited.edit_id, edited.calls, tuple(name for _, name in parts))


def pin(con: Any, task: str, now: datetime) -> Edited:
    """No refit changes which calls are the task's."""
    task = _known(con, task, _names(con))
    if task in pinned_names(load_edits(con)):
        raise UsageError(f"{task!r} is pinned already.")
    return _edited(con, TaskEdit("", "pin", (task,)), now)


def undo(con: Any, edit_id: str | None, now: datetime) -> tuple[TaskEdit, int]:
    """(the edit that is no more in force, calls whose name changed); without an id the latest one in force."""
    edits = load_edits(con)
    standing = [edit for edit in edits if not edit.is_undone]
    if not standing:
        raise UsageError("There is no edit to undo.")
    if edit_id is None:
        edit_id = standing[-1].edit_id
    found = next((edit for edit in edits if edit.edit_id == edit_id), None)
    if found is None or found.is_undone:
        what = "is undone already" if found else "does not exist"
        raise UsageError(f"Edit {edit_id!r} {what}.", "llmwatch tasks edits lists them.")
    return found, undo_edit(con, edit_id, now)


def _edited(con: Any, edit: TaskEdit, now: datetime) -> Edited:
    return Edited(*add_edit(con, edit, now))


def _names(con: Any) -> list[str]:
    return [row["task"] for row in rows(con, "task_names")]


def _new_name(name: str) -> str:
    if not name.strip() or len(name) > 256:
        raise UsageError("A task's name has 1 to 256 characters.")
    return name.strip()


def _known(con: Any, name: str, names: Sequence[str]) -> str:
    """The task of this name or id; else a sentence with the nearest names."""
    if name in names:
        return name
    edits = load_edits(con)
    by_id = {task_id(edits, task): task for task in names}
    if name in by_id:
        return by_id[name]
    near = get_close_matches(name, names, n=3, cutoff=0.4)
    hint = f"Did you mean {' or '.join(repr(n) for n in near)}?" if near else "llmwatch tasks lists them."
    raise UsageError(f"There is no task {name!r}.", hint)
