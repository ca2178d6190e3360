"""Owns the way of spooled records into tables: bounded batches, one transaction for rows and segment offsets.

The same steps run into the store's tables (a merge) or into temporary ones beside them (a reader that could not
merge), so that both say the same. Never opens or locks the store's file.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from ..call import CONTENT_FIELDS, USAGE_COLUMNS, USAGE_COUNTS, attempt_columns, call_columns
from ..prices import INCOMING_COLUMNS, PriceBook, price_incoming
from ..records import JUDGEMENT_COLUMNS, REPLAY_COLUMNS, REVENUE_COLUMNS, SCORE_COLUMNS
from ..spool import (
    ATTEMPT,
    CALL,
    EVENT,
    FEEDBACK,
    JUDGEMENT,
    REPLAY,
    REVENUE,
    Segment,
    list_segments,
    read_batches,
    remove_if_consumed,
)
from .file import MERGE_FILE, quoted
from .kept_money import take_back_arrived, take_back_days
from .steps import step
from .task_edits import TaskEdit, load_edits, split_arrived
from .tasks import NamedTask, UnnamedTask, name_tasks

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Progress = Callable[[int, int], None]

# What one run of the steps takes, and what one transaction does: above 122,880 rows DuckDB writes row groups straight
# into the file instead of twice, through its log.
BATCH_BYTES: Final = 48 << 20
TRANSACTION_BYTES: Final = 384 << 20
_READ_FILE: Final = "read-"
# Above what DuckDB's JSON reader takes as one object; capture keeps a record far below.
_RECORD_BYTES: Final = 15 << 20
_EVENT_COLUMNS: Final = {
    "event_id": "varchar",
    "occurred_us": "bigint",
    "kind": "varchar",
    "count": "bigint",
    "detail": "varchar",
    "process_pid": "bigint",
}
_COLUMNS: Final = {
    CALL: call_columns(),
    ATTEMPT: attempt_columns(),
    EVENT: _EVENT_COLUMNS,
    FEEDBACK: SCORE_COLUMNS,
    REVENUE: REVENUE_COLUMNS,
    REPLAY: REPLAY_COLUMNS,
    JUDGEMENT: JUDGEMENT_COLUMNS,
}
# Kind -> the step that puts its lines into their table; calls take several.
_STORED: Final = {
    ATTEMPT: "stored_attempts",
    EVENT: "stored_events",
    FEEDBACK: "stored_scores",
    REVENUE: "stored_revenue",
    REPLAY: "stored_replays",
    JUDGEMENT: "stored_judgements",
}
_COUNTS: Final = ", ".join(f"{name} = null" for name in (*USAGE_COUNTS, "container_ids"))
_USAGE: Final = ", ".join(USAGE_COLUMNS)
_USAGE_OF_S: Final = ", ".join(f"{name} = s.{name}" for name in USAGE_COLUMNS)
_CONTENT: Final = ", ".join(f.column for f in CONTENT_FIELDS)
# Merging works these out itself, everything else a price needs is as it arrived.
_OWN: Final = (
    "usage_source", "requests", "container_sessions", "container_memory", "estimated_input_tokens",
    "estimated_output_tokens",
)  # fmt: skip


def _lines(kind: bytes, path: Path, longest: int) -> str:
    """A table function over a file of records; a line that is no record is a row of nulls."""
    columns = ", ".join(f"{quoted(name)}: {quoted(type_)}" for name, type_ in _COLUMNS[kind].items())
    return (
        f"read_json({quoted(str(path))}, format = 'newline_delimited', ignore_errors = true,"
        # DuckDB takes twice this for each of its threads.
        f" maximum_object_size = {max(1 << 20, longest + 2)}, columns = {{{columns}}})"
    )


@dataclass(slots=True)
class Merged:
    """What a run of the steps has done so far."""

    calls: int = 0
    attempts: int = 0
    damaged_records: int = 0


class Merging:
    """Reads segments into the tables of a lent connection; `into` is a prefix of the tables that are written."""

    def __init__(self, con: DuckDBPyConnection, home: Path, book: PriceBook, into: str = "") -> None:
        self._con = con
        self._folder = home / "tmp"
        self._book = book
        self._into = into
        self._pending = 0
        self._files: dict[bytes, BinaryIO] = {}
        self._written: dict[bytes, int] = {}
        self._longest = 0
        self._kept: list[tuple[str, str]] = []
        # Segment name -> what of it is consumed, and the damage found, in the open transaction.
        self._offsets: dict[str, tuple[int, int]] = {}
        self._damaged = 0
        self._uncommitted = 0
        self._is_open = False
        self._edits: list[TaskEdit] | None = None
        self.merged = Merged()

    def run(self, segments: list[Segment], consumed: dict[str, int], progress: Progress | None = None) -> Merged:
        """All complete records of the segments beyond what was consumed are in the tables, each once."""
        total = sum(s.size for s in segments)
        done = 0
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            for segment in segments:
                self._read(segment, consumed.get(segment.name, 0))
                done += segment.size
                if progress is not None:
                    progress(done, total)
            if self._offsets:
                self._flush()
                self._commit()
        except BaseException:
            self._roll_back()
            raise
        finally:
            self._discard()
        return self.merged

    def _read(self, segment: Segment, offset: int) -> None:
        tail = 0
        try:
            for batch in read_batches(segment.path, offset, 4 << 20):
                self._consume(segment, batch.next_offset, batch.damaged + self._write(batch.records))
                offset, tail = batch.next_offset, batch.tail_bytes
                if self._pending >= BATCH_BYTES:
                    self._flush()
        except FileNotFoundError:
            return
        if tail and not segment.is_live:
            # Its writer died in the middle of this line, so nobody was told that it is written.
            self._consume(segment, offset + tail, 1)

    def _consume(self, segment: Segment, end: int, damaged: int) -> None:
        before = self._offsets.get(segment.name, (0, 0))[1]
        self._offsets[segment.name] = (end, before + damaged)
        self._damaged += damaged

    def _write(self, records: Iterable[tuple[bytes, bytes]]) -> int:
        """Puts records down for DuckDB's JSON reader; returns how many were too large to be records."""
        lines: dict[bytes, list[bytes]] = {}
        refused = 0
        for kind, payload in records:
            if len(payload) > _RECORD_BYTES:
                refused += 1
            else:
                lines.setdefault(kind, []).append(payload)
        for kind, payloads in lines.items():
            if kind not in _COLUMNS:
                self._kept += [(kind.decode(), payload.decode("utf-8", "replace")) for payload in payloads]
                continue
            if kind not in self._files:
                self._files[kind] = _private_file(self._folder, _READ_FILE if self._into else MERGE_FILE)
            self._written[kind] = self._written.get(kind, 0) + len(payloads)
            self._longest = max(self._longest, len(max(payloads, key=len)))
            text = b"\n".join(payloads)
            self._files[kind].write(text)
            self._files[kind].write(b"\n")
            self._pending += len(text)
        return refused

    def _discard(self) -> None:
        for file in self._files.values():
            file.close()
            Path(file.name).unlink(missing_ok=True)
        self._files = {}
        self._written = {}
        self._longest = 0
        self._kept = []
        self._pending = 0

    def _flush(self) -> None:
        """What was put down is in the tables, as part of a transaction that is not committed yet."""
        if not self._is_open:
            self._con.execute("begin")
            self._is_open = True
        calls, attempts = self._store()
        self.merged.calls += calls
        self.merged.attempts += attempts
        self._uncommitted += self._pending
        self._discard()
        if self._uncommitted >= TRANSACTION_BYTES:
            self._commit()

    def _commit(self) -> None:
        """Rows and the offsets they came from are stored together."""
        self._note_offsets()
        self._con.execute("commit")
        self._is_open = False
        self._uncommitted = 0
        self._offsets = {}

    def _roll_back(self) -> None:
        # The connection may be beyond a rollback; the first error is the one that says why.
        if self._is_open:
            with suppress(Exception):
                self._con.execute("rollback")

    def _store(self) -> tuple[int, int]:
        con = self._con
        calls = attempts = unreadable = 0
        for kind, file in self._files.items():
            file.flush()
            lines = _lines(kind, Path(file.name), self._longest)
            if kind == CALL:
                found, calls = self._store_calls(lines)
            else:
                found = _count(con, self._step(_STORED[kind]).replace("{lines}", lines))
                attempts += found if kind == ATTEMPT else 0
            unreadable += self._written[kind] - found
        self._store_kept()
        damaged, self._damaged = unreadable + self._damaged, 0
        if damaged:
            self._note_damage(damaged)
        return calls, attempts

    def _store_kept(self) -> None:
        if self._kept:
            kinds, payloads = zip(*self._kept, strict=True)
            self._con.execute(
                f"insert into {self._into}kept_records select unnest(?), unnest(?)", [list(kinds), list(payloads)]
            )

    def _note_damage(self, damaged: int) -> None:
        self.merged.damaged_records += damaged
        self._con.execute(
            f"insert into {self._into}pipeline_events by name select ? as event_id, ? as happened_at,"
            " 'spool_damaged' as kind, ? as \"count\", 'lines that could not be read' as detail",
            [os.urandom(8).hex(), datetime.now(UTC).replace(tzinfo=None), damaged],
        )

    def _store_calls(self, lines: str) -> tuple[int, int]:
        """(lines that are calls, calls stored)."""
        con = self._con
        found = _count(con, step("tidied").replace("{lines}", lines))
        con.execute(step("known_spans"))
        self._name_tasks()
        con.execute(step("asked_answers"))
        self._settle()
        con.execute(step("derived"))
        split_arrived(con, self._task_edits())
        con.execute(step("inherited"))
        has_absent = _exists(con, "select 1 from derived where usage_source = 'absent'")
        con.execute(step("estimates" if has_absent else "no_estimates"))
        columns = ", ".join(f"a.{name}" for name in INCOMING_COLUMNS if name not in _OWN)
        con.execute(step("incoming").replace("{columns}", columns))
        price_incoming(con, self._book)
        if not self._into:
            take_back_arrived(con)
        insert_calls, insert_content = self._step("stored").split(";", 1)
        stored = _count(con, insert_calls)
        con.execute(insert_content)
        self._store_changed()
        if not self._into:
            con.execute(step("unread_contents"))
        return found, stored

    def _settle(self) -> None:
        """Rows of one answer or batch agree on which of them bills it; `arrived` and `changed` say so afterwards."""
        usage = {"{usage}": _USAGE, "{usage_of_s}": _USAGE_OF_S, "{no_counts}": _COUNTS}
        text = step("settled")
        for name, columns in usage.items():
            text = text.replace(name, columns)
        con = self._con
        con.execute(text)
        has_containers = _exists(
            con,
            "select 1 from arrived where container_ids is not null"
            " union all select 1 from changed where container_ids is not null",
        )
        con.execute(step("containers" if has_containers else "no_containers"))

    def _store_changed(self) -> None:
        """Stored calls that the arrived ones made others are in the tables as they are now."""
        con = self._con
        first = _earliest(
            con, "select min(least(c.started_at, n.started_at)) from calls as c join changed as n using (span_id)"
        )
        if first is None:
            return
        if self._into:
            con.execute("insert into temp.superseded select span_id from changed")
        else:
            take_back_days(con, first)
            con.execute("create or replace temp table changing_calls as select span_id from changed")
            moment = datetime.now(UTC).replace(tzinfo=None)
            con.execute(step("versioned"), {"replaced_at": moment, "reason": "usage"})
        con.execute(self._step("stored_again"))

    def settle_all(self) -> None:
        """Answers that were read by their id before the store knew who bills them are billed as they are today."""
        con = self._con
        con.execute("begin")
        try:
            empty = Path(_private_file(self._folder, MERGE_FILE).name)
            con.execute(step("tidied").replace("{lines}", _lines(CALL, empty, 0)))
            empty.unlink()
            con.execute(step("asked_before"))
            self._name_tasks()
            self._settle()
            for name in ("derived", "inherited", "no_estimates"):
                con.execute(step(name))
            columns = ", ".join(f"a.{name}" for name in INCOMING_COLUMNS if name not in _OWN)
            con.execute(step("incoming").replace("{columns}", columns))
            price_incoming(con, self._book)
            self._store_changed()
            con.execute("commit")
        except BaseException:
            with suppress(Exception):
                con.execute("rollback")
            raise

    def _step(self, name: str) -> str:
        return step(name).replace("{into}", self._into).replace("{content}", _CONTENT)

    def _task_edits(self) -> list[TaskEdit]:
        # Only the holder of the merge lock adds edits, and that is whoever runs this.
        if self._edits is None:
            self._edits = load_edits(self._con)
        return self._edits

    def _name_tasks(self) -> None:
        con = self._con
        rows = con.execute(step("unnamed_tasks")).fetchall()
        if not rows:
            return
        unnamed = [UnnamedTask(key, bucket, *rest) for key, bucket, _, *rest in _in_order(rows)]
        first_seen = {row[0]: row[2] for row in rows}
        known = [
            NamedTask(*row)
            for row in con.execute("select task_key, task_name, bucket, call_site from tasks").fetchall()
        ]
        taken = con.execute("select task_name from task_members union select task_name from task_renames").fetchall()
        variants = self._variants(unnamed)
        named = name_tasks(unnamed, known, [name for (name,) in taken], variants)
        if same := [t for t in named if t.is_variant]:
            columns = [[t.task_key for t in same], [t.task_name for t in same], [t.bucket for t in same]]
            con.execute("insert or ignore into task_members select unnest(?), '', unnest(?), unnest(?)", columns)
        given = [t for t in named if not t.is_variant]
        con.execute(
            "insert into tasks select unnest(?), unnest(?), unnest(?), unnest(?), unnest(?)",
            [
                [t.task_key for t in given],
                [t.task_name for t in given],
                [t.bucket for t in given],
                [t.call_site for t in given],
                [first_seen.get(t.task_key) for t in given],
            ],
        )

    def _variants(self, unnamed: list[UnnamedTask]) -> dict[tuple[str, str], dict[frozenset[str], str]]:
        """The names that the prompts of these keys have with other lists of tools."""
        found: dict[tuple[str, str], dict[frozenset[str], str]] = {}
        asked = {"heads": [t.prompt_head for t in unnamed if t.prompt_head], "buckets": [t.bucket for t in unnamed]}
        if asked["heads"]:
            for bucket, head, tools, name in self._con.execute(step("known_variants"), asked).fetchall():
                found.setdefault((bucket, head), {})[frozenset(tools)] = name
        return found

    def _note_offsets(self) -> None:
        offsets = self._offsets
        self._con.execute(
            f"insert into {self._into}segments select unnest(?), unnest(?), unnest(?) on conflict (name) do update set"
            " consumed_offset = excluded.consumed_offset,"
            " damaged_records = damaged_records + excluded.damaged_records",
            [list(offsets), [end for end, _ in offsets.values()], [damage for _, damage in offsets.values()]],
        )


def _in_order(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    return [(*row[:4], row[4] or (), *row[5:]) for row in rows]


def _private_file(folder: Path, prefix: str) -> BinaryIO:
    def opener(path: str, flags: int) -> int:
        return os.open(path, flags | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)

    return open(folder / f"{prefix}{os.urandom(8).hex()}.ndjson", "xb", opener=opener)


def _count(con: DuckDBPyConnection, insert: str) -> int:
    row = con.execute(insert).fetchone()
    return row[0] if row else 0


def _exists(con: DuckDBPyConnection, query: str) -> bool:
    return con.execute(f"{query} limit 1").fetchone() is not None


def _earliest(con: DuckDBPyConnection, query: str) -> datetime | None:
    row = con.execute(query).fetchone()
    return row[0] if row else None


def consumed_offsets(con: DuckDBPyConnection) -> dict[str, int]:
    """Segment name -> how many of its bytes the store has taken in."""
    return dict(con.execute("select name, consumed_offset from segments").fetchall())


def pending_segments(folder: Path, consumed: dict[str, int]) -> list[Segment]:
    """The segments that hold bytes which the store has not taken in."""
    return [s for s in list_segments(folder) if s.size > consumed.get(s.name, 0)]


def remove_consumed(con: DuckDBPyConnection, folder: Path) -> int:
    """Deletes segments that are consumed to their end and whose writers are gone; returns how many are left."""
    left = 0
    consumed = consumed_offsets(con)
    segments = list_segments(folder)
    for segment in segments:
        end = consumed.get(segment.name, 0)
        is_done = not segment.is_live and segment.size <= end
        left += not (is_done and remove_if_consumed(segment.path, end))
    gone = set(consumed) - {segment.name for segment in segments}
    if gone:
        con.execute("delete from segments where name in (select unnest(?))", [list(gone)])
    return left
