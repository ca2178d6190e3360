"""Owns the way of spooled records into tables: bounded batches, one transaction for rows and segment offsets.

The same steps run into the store's tables (a merge) or into temporary ones beside them (a reader that could not
merge), so that both say the same. Never opens or locks the store's file.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from ..call import CONTENT_FIELDS, attempt_columns, call_columns
from ..prices import INCOMING_COLUMNS, PriceBook, price_incoming
from ..spool import ATTEMPT, CALL, EVENT, Segment, list_segments, read_batches, remove_if_consumed
from .file import quoted
from .tasks import NamedTask, UnnamedTask, name_tasks

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Progress = Callable[[int, int], None]

BATCH_BYTES: Final = 48 << 20
# Above what DuckDB's JSON reader takes as one object; capture keeps a record far below.
_RECORD_BYTES: Final = 15 << 20
_STEPS: Final = Path(__file__).parent / "steps"
_EVENT_COLUMNS: Final = {
    "event_id": "varchar",
    "occurred_us": "bigint",
    "kind": "varchar",
    "count": "bigint",
    "detail": "varchar",
    "process_pid": "bigint",
}
_TABLES: Final = {CALL: "raw_calls", ATTEMPT: "raw_attempts", EVENT: "raw_events"}
_CONTENT: Final = ", ".join(f.column for f in CONTENT_FIELDS)
# Merging works these out itself, everything else a price needs is as it arrived.
_OWN: Final = ("usage_source", "estimated_input_tokens", "estimated_output_tokens")


@cache
def step(name: str) -> str:
    """The text of one step."""
    return (_STEPS / f"{name}.sql").read_text("utf-8")


def _columns(kind: bytes) -> dict[str, str]:
    return {CALL: call_columns(), ATTEMPT: attempt_columns(), EVENT: _EVENT_COLUMNS}[kind]


@dataclass(slots=True)
class Merged:
    """What a run of the steps has done so far."""

    calls: int = 0
    attempts: int = 0
    damaged_records: int = 0
    # Segment name -> what of it is consumed, and the damage found, since the last transaction.
    offsets: dict[str, tuple[int, int]] = field(default_factory=dict[str, tuple[int, int]])


class Merging:
    """Reads segments into the tables of a lent connection; `into` is a prefix of the tables that are written."""

    def __init__(self, con: DuckDBPyConnection, home: Path, book: PriceBook, into: str = "") -> None:
        self._con = con
        self._folder = home / "tmp"
        self._book = book
        self._into = into
        self._pending = 0
        self._files: dict[bytes, BinaryIO] = {}
        self._kept: list[tuple[str, str]] = []
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
            self._flush()
        finally:
            self._discard()
        return self.merged

    def _read(self, segment: Segment, offset: int) -> None:
        damaged, tail, end = 0, 0, offset
        try:
            for batch in read_batches(segment.path, offset):
                damaged += batch.damaged + self._write(batch.records)
                end, tail = batch.next_offset, batch.tail_bytes
                self.merged.offsets[segment.name] = (end, damaged)
                if self._pending >= BATCH_BYTES:
                    self._flush()
                    damaged = 0
        except FileNotFoundError:
            return
        if tail and not segment.is_live:
            # Its writer died in the middle of this line, so nobody was told that it is written.
            self.merged.offsets[segment.name] = (end + tail, damaged + 1)

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
            if kind not in _TABLES:
                self._kept += [(kind.decode(), payload.decode("utf-8", "replace")) for payload in payloads]
                continue
            if kind not in self._files:
                self._files[kind] = _private_file(self._folder)
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
        self._kept = []
        self._pending = 0

    def _flush(self) -> None:
        """What was put down is in the tables, and the offsets say so, or neither."""
        if not self.merged.offsets:
            return
        con = self._con
        con.execute("begin")
        try:
            calls, attempts = self._store()
            self._note_offsets()
            con.execute("commit")
        except BaseException:
            # The connection may be beyond a rollback; the first error is the one that says why.
            with suppress(Exception):
                con.execute("rollback")
            raise
        self.merged.calls += calls
        self.merged.attempts += attempts
        self.merged.offsets = {}
        self._discard()

    def _store(self) -> tuple[int, int]:
        con = self._con
        for file in self._files.values():
            file.flush()
        unreadable = sum(self._load(kind, Path(file.name)) for kind, file in self._files.items())
        calls = self._store_calls() if CALL in self._files else 0
        attempts = _count(con, self._step("stored_attempts")) if ATTEMPT in self._files else 0
        if EVENT in self._files:
            con.execute(self._step("stored_events"))
        if self._kept:
            kinds, payloads = zip(*self._kept, strict=True)
            rows = [list(kinds), list(payloads)]
            con.execute(f"insert into {self._into}kept_records select unnest(?), unnest(?)", rows)
        damaged = unreadable + sum(damage for _, damage in self.merged.offsets.values())
        if damaged:
            event = [os.urandom(8).hex(), damaged]
            con.execute(
                f"insert into {self._into}pipeline_events by name select ? as event_id, now() at time zone 'UTC' as"
                " happened_at, 'spool_damaged' as kind, ? as \"count\", 'lines that could not be read' as detail",
                event,
            )
            self.merged.damaged_records += damaged
        return calls, attempts

    def _load(self, kind: bytes, path: Path) -> int:
        """Makes the raw table of one kind; returns how many records say nothing that can be stored."""
        columns = ", ".join(f"{quoted(name)}: {quoted(type_)}" for name, type_ in _columns(kind).items())
        table = _TABLES[kind]
        self._con.execute(
            f"create or replace temp table {table} as select * from read_json({quoted(str(path))},"
            f" format = 'newline_delimited', ignore_errors = true, columns = {{{columns}}})"
        )
        key, moment = ("kind", "occurred_us") if kind == EVENT else ("span_id", "started_us")
        found = self._con.execute(
            f"select count(*) from {table} where {key} is null or {moment} is null"
            f" or {moment} not between 0 and 4102444800000000"
        ).fetchone()
        return found[0] if found else 0

    def _store_calls(self) -> int:
        con = self._con
        con.execute(step("tidied"))
        self._name_tasks()
        con.execute(step("usage_read_again"))
        con.execute(step("derived"))
        has_absent = _exists(con, "select 1 from derived where usage_source = 'absent'")
        con.execute(step("estimates" if has_absent else "no_estimates"))
        columns = ", ".join(f"a.{name}" for name in INCOMING_COLUMNS if name not in _OWN)
        con.execute(step("incoming").replace("{columns}", columns))
        price_incoming(con, self._book)
        if not self._into and _exists(con, "select 1 from billed_by_read"):
            con.execute(step("unbill_reads"))
        insert_calls, insert_content = self._step("stored").split(";", 1)
        stored = _count(con, insert_calls)
        con.execute(insert_content)
        return stored

    def _step(self, name: str) -> str:
        return step(name).replace("{into}", self._into).replace("{content}", _CONTENT)

    def _name_tasks(self) -> None:
        con = self._con
        rows = con.execute(step("unnamed_tasks")).fetchall()
        if not rows:
            return
        unnamed = [UnnamedTask(key, bucket, *rest) for key, bucket, _, *rest in _in_order(rows)]
        first_seen = {row[0]: row[2] for row in rows}
        known = [NamedTask(*row) for row in con.execute("select task_key, task_name, bucket, call_site from tasks").fetchall()]
        given = name_tasks(unnamed, known)
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

    def _note_offsets(self) -> None:
        offsets = self.merged.offsets
        self._con.execute(
            f"insert into {self._into}segments select unnest(?), unnest(?), unnest(?) on conflict (name) do update set"
            " consumed_offset = excluded.consumed_offset,"
            " damaged_records = damaged_records + excluded.damaged_records",
            [list(offsets), [end for end, _ in offsets.values()], [damage for _, damage in offsets.values()]],
        )


def _in_order(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    return [(*row[:4], row[4] or (), *row[5:]) for row in rows]


def _private_file(folder: Path) -> BinaryIO:
    def opener(path: str, flags: int) -> int:
        return os.open(path, flags | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)

    return open(folder / f"{os.urandom(8).hex()}.ndjson", "xb", opener=opener)  # noqa: PTH123, SIM115 - Path.open has no opener


def _count(con: DuckDBPyConnection, insert: str) -> int:
    row = con.execute(insert).fetchone()
    return row[0] if row else 0


def _exists(con: DuckDBPyConnection, query: str) -> bool:
    return con.execute(f"{query} limit 1").fetchone() is not None


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


def reprice(con: DuckDBPyConnection, book: PriceBook) -> None:
    """Every stored call costs what today's prices say; opens a transaction of its own per part of the calls."""
    columns = ", ".join(INCOMING_COLUMNS)
    row = con.execute("select min(started_at), max(started_at), count(*) from calls").fetchone()
    if row is None or row[0] is None:
        return
    parts = 1 + row[2] // 250_000
    width = (row[1] - row[0]) / parts
    for part in range(parts):
        start, end = row[0] + part * width, row[0] + (part + 1) * width
        con.execute("begin")
        try:
            con.execute(
                f"create or replace temp table incoming as select {columns} from calls"
                " where started_at >= ? and (started_at < ? or ?)",
                [start, end, part == parts - 1],
            )
            price_incoming(con, book)
            con.execute(step("repriced"))
            con.execute("commit")
        except BaseException:
            with suppress(Exception):
                con.execute("rollback")
            raise
