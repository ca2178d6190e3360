"""Owns what users did to tasks: rename, merge, split, pin and their undoing, applied to stored calls and to later ones.

A call keeps what it was given, a tag or a discovered name; its task_name is that name after all edits in force, in
their order. So an undone edit leaves no trace in any call.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar

from .kept_money import take_back_links
from .prompts import keep_prompt_versions
from .steps import step

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_T = TypeVar("_T")
Action = Literal["rename", "merge", "split", "pin"]
SPLIT_BY: Final = ("call_site", "prompt", "tools")
# What is computed anew of a task whose calls have changed; those that name a call follow the call.
_COMPUTED: Final = ("drift", "downgrade", "quality")
_BY_CALL: Final = ("replays", "judgements")
# What was said of a task once and stands: table -> when it was said.
_SAID: Final = {"drift_alarms": "raised_at", "drift_acknowledgements": "acknowledged_at"}
_LONGEST: Final = 80


@dataclass(frozen=True, slots=True)
class TaskEdit:
    """One edit; `into` is empty for a pin, `parts` is value -> name for a split."""

    edit_id: str
    action: Action
    names: tuple[str, ...]
    into: str = ""
    by: str = ""
    parts: tuple[tuple[str, str], ...] = ()
    edited_at: datetime | None = None
    is_undone: bool = False
    undone_at: datetime | None = None

    def at(self, moment: datetime) -> TaskEdit | None:
        """The edit as it stood at a moment; None before it was made."""
        if self.edited_at is None or self.edited_at > moment:
            return None
        return replace(self, is_undone=self.is_undone and (self.undone_at is None or self.undone_at <= moment))


@dataclass(frozen=True, slots=True)
class Carried:
    """What a call carries that tasks are split by."""

    call_site: str | None = None
    tool_names: tuple[str, ...] = ()
    prompt_hash: str | None = None

    def value(self, by: str) -> str:
        """The text that stands for this call in a split; empty where it carries nothing."""
        if by == "tools":
            return ", ".join(sorted(self.tool_names))
        return (self.call_site if by == "call_site" else self.prompt_hash) or ""


def current_name(edits: Iterable[TaskEdit], given: str, carried: Carried | None) -> str:
    """The name after all edits in force; without `carried` splits leave the name as it is."""
    name = given
    for edit in edits:
        if edit.is_undone or name not in edit.names:
            continue
        if edit.action in ("rename", "merge"):
            name = edit.into
        elif edit.action == "split" and carried is not None:
            name = dict(edit.parts).get(carried.value(edit.by), name)
    return name


def is_split(edits: Iterable[TaskEdit], given: str) -> bool:
    """Whether calls given this name may have several names today."""
    name = given
    for edit in edits:
        if edit.is_undone or name not in edit.names:
            continue
        if edit.action == "split":
            return True
        name = edit.into or name
    return False


def names_today(
    edits: Sequence[TaskEdit], name: str, said_at: datetime, given: Callable[[], Iterable[str]]
) -> tuple[str, ...]:
    """What a task that was called `name` at a moment is called now: several names where it was taken apart since.

    `given` are the names that calls were given; asked for only where an edit was undone since.
    """
    then = [edit for each in edits if (edit := each.at(said_at))]
    if [edit.is_undone for edit in then] == [edit.is_undone for edit in edits[: len(then)]]:
        return tuple(sorted(_possible(edits[len(then) :], name)))
    origins = [one for one in given() if name in _possible(then, one)] or [name]
    return tuple(sorted({today for one in origins for today in _possible(edits, one)}))


def _possible(edits: Iterable[TaskEdit], given: str) -> set[str]:
    """The names that calls of this given name may have after the edits."""
    names = {given}
    for edit in edits:
        if edit.is_undone or edit.action == "pin" or not (held := names.intersection(edit.names)):
            continue
        if edit.action == "split":
            names.update(part for _, part in edit.parts)
        else:
            names = (names - held) | {edit.into}
    return names


def carried_over(edits: Iterable[TaskEdit], stated: Mapping[str, _T]) -> dict[str, list[_T]]:
    """What is stated of tasks by any name they had, by the names of today: of merged tasks everything, first its own.

    A part of a split task has what is stated of it, else what is stated of the whole.
    """
    found = {name: [value] for name, value in stated.items()}
    for edit in edits:
        if edit.is_undone or edit.action == "pin":
            continue
        old = [value for name in edit.names if name != edit.into for value in found.get(name, [])]
        if not old:
            continue
        if edit.action == "split":
            for _, part in edit.parts:
                found.setdefault(part, list(old))
        else:
            found[edit.into] = [*found.get(edit.into, []), *old]
    return found


def pinned_names(edits: Iterable[TaskEdit]) -> set[str]:
    """Today's names of the tasks that no refit may change."""
    pinned: set[str] = set()
    for edit in edits:
        if edit.is_undone:
            continue
        if edit.action == "pin":
            pinned.update(edit.names)
        elif edit.action in ("rename", "merge") and pinned.intersection(edit.names):
            pinned = pinned.difference(edit.names) | {edit.into}
        elif edit.action == "split" and pinned.intersection(edit.names):
            pinned.update(name for _, name in edit.parts)
    return pinned


def edited_names(edits: Iterable[TaskEdit]) -> set[str]:
    """Names that an edit in force takes, so that somebody has said what their calls are."""
    return {name for edit in edits if not edit.is_undone and edit.action != "pin" for name in edit.names}


def task_id(edits: Sequence[TaskEdit], name: str) -> str:
    """8 hex digits that a task keeps when it is renamed."""
    for edit in reversed(edits):
        if not edit.is_undone and edit.action == "rename" and edit.into == name:
            name = edit.names[0]
    return hashlib.md5(name.encode("utf-8", "surrogatepass"), usedforsecurity=False).hexdigest()[:8]


def part_names(name: str, by: str, values: Iterable[str], taken: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """(value, name of its part) for each value a task is split by; no two alike, none in use."""
    used = set(taken)
    parts: list[tuple[str, str]] = []
    for number, value in enumerate(values, 1):
        wanted = f"{name} / {_label(by, value, number)}"[:_LONGEST]
        repeat = 2
        part = wanted
        while part in used:
            part, repeat = f"{wanted} {repeat}", repeat + 1
        used.add(part)
        parts.append((value, part))
    return tuple(parts)


def _label(by: str, value: str, number: int) -> str:
    if by == "prompt":
        return f"prompt {number}" if value else "no system prompt"
    if not value:
        return "no tools" if by == "tools" else "no call site"
    return value.rpartition(":")[2] if by == "call_site" else value


# --- in the store ----------------------------------------------------------------------------------------------


def load_edits(con: DuckDBPyConnection) -> list[TaskEdit]:
    """All edits, in the order they were made."""
    rows = con.execute(
        "select edit_id, edited_at, action, arguments, is_undone, undone_at from task_edits"
        " order by cast(edit_id as bigint)"
    ).fetchall()
    return [_edit(*row) for row in rows]


def _edit(
    edit_id: str, edited_at: datetime, action: Action, arguments: str, is_undone: bool, undone_at: datetime | None
) -> TaskEdit:
    given: Mapping[str, Any] = json.loads(arguments)
    return TaskEdit(
        edit_id,
        action,
        tuple(given["names"]),
        given.get("into", ""),
        given.get("by", ""),
        tuple((value, name) for value, name in given.get("parts", ())),
        edited_at,
        is_undone,
        undone_at,
    )


def add_edit(con: DuckDBPyConnection, edit: TaskEdit, now: datetime) -> tuple[str, int]:
    """(id of the edit, calls whose name it changed); one transaction."""
    con.execute("begin")
    try:
        number = _insert(con, edit, now)
        changed = apply_edits(con)
        if changed:
            keep_prompt_versions(con)
        con.execute("commit")
    except BaseException:
        with suppress(Exception):
            con.execute("rollback")
        raise
    return number, changed


def _insert(con: DuckDBPyConnection, edit: TaskEdit, now: datetime) -> str:
    number = str(len(load_edits(con)) + 1)
    arguments = {"names": edit.names, "into": edit.into, "by": edit.by, "parts": edit.parts}
    con.execute(
        "insert into task_edits values (?, ?, ?, ?, false, null)",
        [number, now, edit.action, json.dumps(arguments, ensure_ascii=False)],
    )
    return number


def note_merge(con: DuckDBPyConnection, names: Iterable[str], into: str, now: datetime) -> None:
    """An edit that says where the calls of given names went. Inside the caller's transaction; names follow later."""
    edits = load_edits(con)
    target = current_name(edits, into, None)
    gone = {current_name(edits, name, None) for name in names} - {target}
    if gone:
        _insert(con, TaskEdit("", "merge", tuple(sorted(gone)), into=target), now)


def undo_edit(con: DuckDBPyConnection, edit_id: str, now: datetime) -> int:
    """Calls whose name changed back; one transaction."""
    con.execute("begin")
    try:
        con.execute("update task_edits set is_undone = true, undone_at = ? where edit_id = ?", [now, edit_id])
        changed = apply_edits(con)
        if changed:
            keep_prompt_versions(con)
        con.execute("commit")
    except BaseException:
        with suppress(Exception):
            con.execute("rollback")
        raise
    return changed


def apply_edits(con: DuckDBPyConnection) -> int:
    """Every stored call has today's name of its task; returns how many had another. Inside the caller's transaction."""
    edits = load_edits(con)
    note_names(con, edits)
    _rename_said(con, edits)
    con.execute("drop table if exists temp.moved")
    con.execute(step("moved_calls"))
    row = con.execute(step("renamed_calls")).fetchone()
    changed = row[0] if row else 0
    if changed:
        _rename_results(con)
        take_back_links(con)
    return changed


def note_names(con: DuckDBPyConnection, edits: Sequence[TaskEdit]) -> None:
    """Tables task_renames and parts: what these edits call each given name, and each part of what is split."""
    _note_renames(con, edits)
    _note_parts(con, edits, "calls")


def given_names(con: DuckDBPyConnection) -> list[str]:
    """The names that stored calls were given, by a tag or by discovery."""
    rows = con.execute("select distinct coalesce(task, task_origin, task_name) from calls").fetchall()
    return sorted(name for (name,) in rows if name is not None)


def _note_renames(con: DuckDBPyConnection, edits: Sequence[TaskEdit]) -> None:
    """What each given name that is in use, or in an edit, is called today."""
    given = {*given_names(con), *(name for edit in edits for name in edit.names)}
    renamed = {name: current_name(edits, name, None) for name in sorted(given)}
    changed = [(name, today) for name, today in renamed.items() if name != today]
    con.execute("delete from task_renames")
    if changed:
        con.execute(
            "insert into task_renames select unnest(?), unnest(?)", [list(c) for c in zip(*changed, strict=True)]
        )


def _note_parts(con: DuckDBPyConnection, edits: Sequence[TaskEdit], table: str) -> None:
    """Temporary table `parts`: the name of each combination of what calls of split tasks carry."""
    con.execute(step("no_parts"))
    rows = con.execute(f"select distinct coalesce(task, task_origin, task_name) from {table}").fetchall()
    split = sorted(name for (name,) in rows if name is not None and is_split(edits, name))
    if not split:
        return
    rows = con.execute(step("split_combinations").replace("{table}", table), {"split": split}).fetchall()
    named = [(*row, current_name(edits, row[0], Carried(row[1], tuple(row[2] or ()), row[3]))) for row in rows]
    if named:
        columns = [list(column) for column in zip(*named, strict=True)]
        con.execute("insert into parts select unnest(?), unnest(?), unnest(?), unnest(?), unnest(?)", columns)


def split_arrived(con: DuckDBPyConnection, edits: Sequence[TaskEdit]) -> None:
    """The calls of a batch under way have the names of their parts."""
    if any(edit.action == "split" and not edit.is_undone for edit in edits):
        con.execute(step("arrived_carried"))
        _note_parts(con, edits, "arrived_carried")
        con.execute(step("split_derived"))


def _rename_said(con: DuckDBPyConnection, edits: Sequence[TaskEdit]) -> None:
    """What was said of a task bears the name that it has today; of one that is several, the name that it had."""
    for table, column in _SAID.items():
        rows = con.execute(f"select rowid, coalesce(said_of, task_name), {column} from {table}").fetchall()
        for row, said_of, said_at in rows:
            names = names_today(edits, said_of, said_at, lambda: given_names(con))
            today = names[0] if len(names) == 1 else said_of
            con.execute(f"update {table} set task_name = ?, said_of = ? where rowid = ?", [today, said_of, row])


def _rename_results(con: DuckDBPyConnection) -> None:
    """Results follow a task that has another name and nothing else; those of tasks that are no more are gone."""
    for table in _BY_CALL:
        con.execute(step("renamed_results").replace("{table}", table))
    con.execute(step("moved_names"))
    for table in (*_BY_CALL, *_COMPUTED):
        con.execute(
            f"update {table} set task_name = n.new_name from moved_names as n where {table}.task_name = n.old_name"
        )
    for table in _COMPUTED:
        con.execute(f"delete from {table} where task_name not in (select task_name from calls)")
