"""Owns what reading sampled prompts does to the names of untagged tasks: which calls are one, and what it is called.

Runs at the end of a merge, for the call sites of which enough new prompts were kept, within bounds of time and memory.
A name stays with the calls it was given to while most of them stay together; pinned tasks are left alone.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from .prompts import messages_of
from .steps import step
from .task_edits import apply_edits, edited_names, load_edits, note_merge, pinned_names
from .tasks import UnnamedTask, name_found

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from ..analysis.discovery import FoundTask, PromptRecord

# A bucket is read again when so many of its prompts are unread, and that part of what was read last.
LEAST_UNREAD: Final = 32
_GROWTH: Final = 0.25
# The newest prompts of a bucket, of one refit, their characters in all, and of one.
PER_BUCKET: Final = 2_000
PER_REFIT: Final = 6_000
_CHARACTERS: Final = 64_000_000
_LONGEST: Final = 65_536
_FETCHED: Final = 500


@dataclass(frozen=True, slots=True)
class _Call:
    """What a refit knows of a call besides its prompt."""

    task_key: str
    prompt_hash: str
    given_name: str


def is_due(con: DuckDBPyConnection) -> bool:
    """Whether any bucket has enough unread prompts."""
    row = con.execute(
        "select count(*) from task_refits where unread_contents >= greatest($least, $growth * read_contents)",
        {"least": LEAST_UNREAD, "growth": _GROWTH},
    ).fetchone()
    return bool(row and row[0])


def refit(con: DuckDBPyConnection, now: datetime) -> int:
    """Names follow the prompts; returns how many calls have another name. Inside the caller's transaction."""
    limits = {
        "least": LEAST_UNREAD, "growth": _GROWTH, "per_bucket": PER_BUCKET, "per_refit": PER_REFIT,
        "characters": _CHARACTERS, "longest": _LONGEST, "pinned": sorted(pinned_names(load_edits(con))),
    }  # fmt: skip
    con.execute(step("refit_calls"), limits)
    records, calls, buckets = _read(con)
    members, strays = _named(con, records, calls, buckets, edited_names(load_edits(con)))
    con.execute(step("origins_before"))
    _write(con, members, strays)
    con.execute(step("moved_origins"), {"now": now})
    con.execute(step("refitted_buckets"), {"now": now})
    # What was said of a name that no call has any more holds for the name that its calls have.
    for into, names in con.execute(step("absorbed_names")).fetchall():
        note_merge(con, names, into, now)
    return apply_edits(con)


def _read(con: DuckDBPyConnection) -> tuple[list[PromptRecord], dict[str, _Call], dict[str, UnnamedTask]]:
    """The records of a refit, what else is known of their calls, and each bucket's own facts."""
    from ..analysis.discovery import PromptRecord

    records: list[PromptRecord] = []
    calls: dict[str, _Call] = {}
    buckets: dict[str, UnnamedTask] = {}
    rows = con.execute(
        "select span_id, bucket, call_site, tool_names, response_format, task_key, prompt_hash, given_name,"
        " operation_name from refit_calls order by span_id"
    ).fetchall()
    for start in range(0, len(rows), _FETCHED):
        part = rows[start : start + _FETCHED]
        contents = {
            span: messages_of(instructions, messages)
            for span, instructions, messages in con.execute(
                "select span_id, system_instructions, input_messages from content where span_id in (select unnest(?))",
                [[row[0] for row in part]],
            ).fetchall()
        }
        for span, bucket, site, tools, response_format, key, prompt_hash, given, operation in part:
            records.append(PromptRecord(span, site, tuple(tools or ()), response_format, contents.get(span, [])))
            calls[span] = _Call(key, prompt_hash or "", given)
            buckets[bucket] = UnnamedTask(bucket, bucket, site, (), response_format, None, operation)
    return records, calls, buckets


def _named(
    con: DuckDBPyConnection,
    records: Sequence[PromptRecord],
    calls: Mapping[str, _Call],
    buckets: Mapping[str, UnnamedTask],
    edited: set[str],
) -> tuple[list[tuple[str, str, str, str]], list[tuple[str, str]]]:
    """(rows of task_members, (span, name) of calls that these rows would name otherwise)."""
    from ..analysis.discovery import Shingler, bucket_key, discover_tasks
    from ..analysis.discovery.words import fixed_words

    by_bucket: defaultdict[str, list[PromptRecord]] = defaultdict(list)
    for record in records:
        by_bucket[bucket_key(*record.bucket)].append(record)
    shingler = Shingler()
    known = {record.id: record for record in records}
    taken = _names_in_use(con)
    members: list[tuple[str, str, str, str]] = []
    strays: list[tuple[str, str]] = []
    for bucket in sorted(by_bucket):
        found = [task for task in discover_tasks(by_bucket[bucket], shingler) if not task.is_rest]
        words = [fixed_words(shingler, known[task.record_ids[0]], task.skeleton) for task in found]
        names = _names(found, words, calls, buckets[bucket], taken, edited)
        taken.update(names)
        named: dict[str, str] = {}
        for task, name in zip(found, names, strict=True):
            # Tasks that somebody has told apart stay apart, and no name that somebody gave is taken away.
            apart = edited.intersection(calls[span].given_name for span in task.record_ids)
            kept = apart if len(apart) > 1 else apart.difference(names)
            named |= {span: given if (given := calls[span].given_name) in kept else name for span in task.record_ids}
        members += _members(bucket, named, calls)
        rule = {(key, prompt): name for key, prompt, name, _ in members}
        for span, name in named.items():
            call = calls[span]
            if rule.get((call.task_key, call.prompt_hash), rule.get((call.task_key, ""))) != name:
                strays.append((span, name))
    return members, strays


def _names(
    found: Sequence[FoundTask],
    words: Sequence[Sequence[str]],
    calls: Mapping[str, _Call],
    bucket: UnnamedTask,
    taken: set[str],
    edited: set[str],
) -> list[str]:
    """Names of the found tasks: that of most of its calls where most calls of that name are in it, else a new one.

    A name that somebody renamed, merged or split goes before any other.
    """
    before = Counter(call.given_name for call in (calls[s] for task in found for s in task.record_ids))
    claims = Counter((place, calls[s].given_name) for place, task in enumerate(found) for s in task.record_ids)
    names: dict[int, str] = {}
    used: set[str] = set()
    for (place, name), count in sorted(claims.items(), key=lambda c: (c[0][1] not in edited, -c[1], c[0])):
        if place in names or name in used or name.endswith("other prompts") or 2 * count <= before[name]:
            continue
        names[place] = name
        used.add(name)
    rarity = Counter(word for some in words for word in set(some))
    for place, task in enumerate(found):
        if place not in names:
            key = hashlib.blake2b(task.task_id.encode(), digest_size=8).hexdigest()
            own = replace(bucket, tool_names=task.tool_names)
            names[place] = name_found(own, key, words[place], rarity, taken | used)
            used.add(names[place])
    return [names[place] for place in range(len(found))]


def _members(bucket: str, named: Mapping[str, str], calls: Mapping[str, _Call]) -> list[tuple[str, str, str, str]]:
    """Rows that give each key, and where a key has several tasks each static text, the name most of its calls have."""
    by_key: defaultdict[str, Counter[str]] = defaultdict(Counter)
    by_text: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for span, name in named.items():
        call = calls[span]
        by_key[call.task_key][name] += 1
        by_text[call.task_key, call.prompt_hash][name] += 1
    rows = [(key, "", _most(names), bucket) for key, names in by_key.items()]
    rows += [
        (key, prompt, _most(names), bucket)
        for (key, prompt), names in by_text.items()
        if prompt and len(by_key[key]) > 1
    ]
    return sorted(rows)


def _most(names: Counter[str]) -> str:
    return min(names, key=lambda name: (-names[name], name))


def _names_in_use(con: DuckDBPyConnection) -> set[str]:
    rows = con.execute(
        "select task_name from tasks union select task_name from task_members union select task_name from task_renames"
        " union select given_name from task_renames union select distinct task from calls where task is not null"
    ).fetchall()
    return {name for (name,) in rows}


def _write(con: DuckDBPyConnection, members: Sequence[Any], strays: Sequence[Any]) -> None:
    con.execute(step("forgotten_members"))
    con.execute("create or replace temp table stray_calls (span_id varchar, task_name varchar)")
    for table, rows in (("task_members", members), ("stray_calls", strays)):
        if rows:
            columns = [list(column) for column in zip(*rows, strict=True)]
            marks = ", ".join(["unnest(?)"] * len(columns))
            con.execute(
                f"insert or replace into {table} select {marks}"
                if table == "task_members"
                else f"insert into {table} select {marks}",
                columns,
            )
    pinned = sorted(pinned_names(load_edits(con)))
    for name in ("refitted_calls", "followed_names"):
        for statement in step(name).split(";\n"):
            if statement.strip():
                con.execute(statement, {"pinned": pinned} if "$pinned" in statement else None)
