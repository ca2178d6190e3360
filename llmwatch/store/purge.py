"""Owns erasure: deleted rows stay in a DuckDB file, so the file is written anew and searched for what must be gone.

Works under the merge lock, after a merge, so that the spool holds nothing but what live writers still append.
"""

from __future__ import annotations

import json
import mmap
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ..call import CONTENT_FIELDS
from ..errors import StoreError, UsageError
from ..pseudonym import load_key, pseudonym
from ..settings import CONFIG_NAME, Settings
from ..spool import blank, list_segments
from . import file
from .configuration import without_customer
from .kept_money import take_back_all
from .merge import consumed_offsets
from .removals import note_removed
from .steps import step

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

# A shorter identifier is found in any file by chance.
_SEARCHABLE: Final = 6


@dataclass(frozen=True, slots=True)
class Wanted:
    """What must be gone. A user has several names: as given, and as the pseudonym of each."""

    customer: str | None
    users: tuple[str, ...]
    older_than: datetime | None

    @staticmethod
    def of(settings: Settings, customer: str | None, user: str | None, older_than: datetime | None) -> Wanted:
        """Refuses a purge of everything by omission."""
        if not customer and not user and older_than is None:
            raise UsageError("Nothing to purge was named.", "Give --customer, --user or --older-than.")
        names = [user] if user else []
        key = load_key(settings.key_path, create=False)
        if user and key:
            names.append(pseudonym(key, user))
        if older_than is not None and older_than.tzinfo is not None:
            older_than = older_than.astimezone(UTC).replace(tzinfo=None)
        return Wanted(customer or None, tuple(names), older_than)

    @property
    def identifiers(self) -> tuple[str, ...]:
        """Every text by which the customer or user is known here."""
        return (*([self.customer] if self.customer else []), *self.users)


@dataclass(frozen=True, slots=True)
class PurgeResult:
    """What was deleted; `is_verified` if afterwards no row and no byte of spool and store names it any more."""

    calls: int
    content: int
    attempts: int
    # Sampled texts of other calls that named the customer or user.
    mentions: int
    is_verified: bool
    # Files that still hold the identifier, and why that may be.
    remaining: tuple[str, ...]
    # Scores, revenue, outcomes, replays and judgements of those calls and that customer.
    beside: int = 0


def purge(con: DuckDBPyConnection, settings: Settings, wanted: Wanted) -> PurgeResult:
    """Deletes, writes the file anew, and searches it; closes `con`, whose file is replaced."""
    con.execute("begin")
    try:
        counts = _delete(con, wanted)
        beside = _delete_beside(con, wanted)
        _delete_derived(con)
        mentions = sum(_delete_mentions(con, identifier) for identifier in wanted.identifiers)
        con.execute("commit")
    except BaseException:
        con.execute("rollback")
        raise
    consumed = consumed_offsets(con)
    con.execute("checkpoint")
    con.close()
    _rewrite(settings)
    for segment in list_segments(settings.spool_dir):
        blank(segment.path, consumed.get(segment.name, 0))
    remaining = tuple(_search(settings, wanted))
    return PurgeResult(*counts, mentions, is_verified=not remaining, remaining=remaining, beside=beside)


def _delete(con: DuckDBPyConnection, wanted: Wanted) -> tuple[int, int, int]:
    con.execute(
        "create or replace temp table purged as select span_id, trace_id, response_id from calls"
        " where customer_id = $customer or list_contains($users, user_id) or started_at < $older_than",
        {"customer": wanted.customer, "users": list(wanted.users), "older_than": wanted.older_than},
    )
    note_removed(con, "erasure", "span_id in (select span_id from purged)", {})
    of_calls = "where {} in (select span_id from purged) or started_at < ?"
    content = _count(con, f"delete from content {of_calls.format('span_id')}", wanted)
    attempts = _count(con, f"delete from http_attempts {of_calls.format('parent_span_id')}", wanted)
    calls = _count(con, f"delete from calls {of_calls.format('span_id')}", wanted)
    con.execute("delete from pipeline_events where happened_at < ?", [wanted.older_than])
    take_back_all(con)
    return calls, content, attempts


_OF_CALL: Final = (
    "span_id in (select span_id from purged) or response_id in (select response_id from purged)"
    " or (span_id is null and response_id is null and trace_id in (select trace_id from purged))"
)
_OF_REPLAY: Final = "replay_id in (select replay_id from replays where span_id in (select span_id from purged))"
# Table -> how its rows name a call; a trace alone says enough where neither of the others is given.
_OF_CALLS: Final = {
    "scores": f"{_OF_CALL} or {_OF_REPLAY}",
    "revenue": _OF_CALL,
    "revenue_withdrawn": _OF_CALL,
    "judgements": f"span_id in (select span_id from purged) or {_OF_REPLAY}",
    "replays": "span_id in (select span_id from purged)",
}
# What else is as old as it says; money is kept, it is the company's own record.
_MOMENTS: Final = {"scores": "scored_at", "replays": "recorded_at", "judgements": "recorded_at"}


def _delete_beside(con: DuckDBPyConnection, wanted: Wanted) -> int:
    """Deletes what is said beside the purged calls, and all money of the customer; returns how many rows."""
    found = 0
    for table, condition in _OF_CALLS.items():
        row = con.execute(f"delete from {table} where {condition}").fetchone()
        found += row[0] if row else 0
    for table, column in _MOMENTS.items():
        found += _count(con, f"delete from {table} where {column} < ?", wanted)
    if wanted.customer is not None:
        without_customer(con, wanted.customer)
    for table in ("revenue", "revenue_withdrawn", "subscriptions"):
        row = con.execute(f"delete from {table} where customer_id = ?", [wanted.customer]).fetchone()
        found += row[0] if row else 0
    return found


def _delete_derived(con: DuckDBPyConnection) -> None:
    """What was worked out of calls goes with the last of them: verdicts and names of tasks, texts of prompts."""
    con.execute(step("no_calls_left"))
    for table in (
        "drift",
        "drift_alarms",
        "drift_acknowledgements",
        "downgrade",
        "quality",
        "prompts",
        "prompt_versions",
    ):
        con.execute(f"delete from {table} where task_name not in (from tasks_left)")
    for table in ("tasks", "task_members"):
        con.execute(f"delete from {table} where task_name not in (from names_left)")
    con.execute("delete from prompts where prompt_hash not in (from prompts_left)")
    con.execute(
        "delete from prompt_versions where (task_name, prompt_version) not in"
        " (select (task_name, prompt_version) from prompts)"
    )
    con.execute("delete from task_moves where span_id not in (select span_id from calls)")


def _count(con: DuckDBPyConnection, statement: str, wanted: Wanted) -> int:
    row = con.execute(statement, [wanted.older_than]).fetchone()
    return row[0] if row else 0


# Columns whose text goes whole where it names the customer or user; in every other one the name alone is taken out.
_TEXTS: Final = frozenset(
    {
        "prompt_head", "error_message", "usage_raw", "session_id", "conversation_id", "feature", "comment", "label",
        "scorer", "note", "output_messages", "error", "reason", "text", "detail",
    }
)  # fmt: skip
# What stands in names of tasks, files and the like in place of the customer or user.
_TAKEN_OUT: Final = "purged"


def _delete_mentions(con: DuckDBPyConnection, identifier: str) -> int:
    """Deletes sampled texts of other calls that hold the identifier, and takes it out of every other text there is."""
    if len(identifier) < _SEARCHABLE:
        return 0
    columns = ", ".join(f.column for f in CONTENT_FIELDS)
    row = con.execute(f"delete from content where contains(concat_ws(' ', {columns}), ?)", [identifier]).fetchone()
    con.execute("delete from kept_records where contains(payload, ?)", [identifier])
    _take_out_of_edits(con, identifier)
    for table, column, kind in _columns(con):
        given = [identifier]
        if kind != "VARCHAR":
            con.execute(f'update {table} set "{column}" = null where contains(cast("{column}" as varchar), ?)', given)
        elif column in _TEXTS:
            con.execute(f'update {table} set "{column}" = null where contains("{column}", ?)', given)
        else:
            con.execute(
                f'update {table} set "{column}" = replace("{column}", ?, ?) where contains("{column}", ?)',
                [identifier, _TAKEN_OUT, identifier],
            )
    return row[0] if row else 0


def _take_out_of_edits(con: DuckDBPyConnection, identifier: str) -> None:
    # As JSON writes it, which may not be as it is.
    written = {json.dumps(identifier)[1:-1], json.dumps(identifier, ensure_ascii=False)[1:-1]}
    for text in sorted(written):
        con.execute("update task_edits set arguments = replace(arguments, ?, ?)", [text, _TAKEN_OUT])


def _columns(con: DuckDBPyConnection) -> list[tuple[str, str, str]]:
    """(table, column, type) of everything in the file that may hold a text; prices are of nobody."""
    return con.execute(
        "select table_name, column_name, data_type from duckdb_columns() where schema_name = 'main'"
        " and database_name = current_database() and not starts_with(table_name, 'pending_')"
        " and table_name in (select table_name from duckdb_tables() where not temporary)"
        " and table_name not in ('prices', 'meta', 'segments') and contains(data_type, 'VARCHAR') order by all"
    ).fetchall()


def _rewrite(settings: Settings) -> None:
    path = settings.store_path
    if path.with_name(f"{path.name}.wal").exists():
        # It would be replayed into the new file, if we died between the two renames.
        raise StoreError(f"{path} has a log that could not be merged into it.", "Repeat the command.")
    with file.replacement(path, settings.home) as con:
        con.execute(f"attach {file.quoted(str(path))} as stored (read_only)")
        con.execute("copy from database stored to fresh")
        con.execute("detach stored")


def _search(settings: Settings, wanted: Wanted) -> Iterator[str]:
    needles = [i.encode() for i in wanted.identifiers if len(i) >= _SEARCHABLE]
    # The file of settings may lie beside the store and is the user's own.
    files = [path for path in settings.home.rglob("*") if path.is_file() and path.name != CONFIG_NAME]
    for path in sorted(files):
        for needle in needles:
            if _holds(path, needle):
                yield f"{path} still holds {needle.decode()}"
    with_rows = _rows_left(settings, wanted)
    if with_rows:
        yield f"{settings.store_path} still has {with_rows} rows"


def _holds(path: Path, needle: bytes) -> bool:
    with path.open("rb") as opened:
        if not os.fstat(opened.fileno()).st_size:
            return False
        with mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as content:
            return content.find(needle) >= 0


def _rows_left(settings: Settings, wanted: Wanted) -> int:
    """Rows whose text names an identifier anywhere; bytes alone prove little, for DuckDB compresses texts."""
    con = file.connect(settings.store_path, settings.home, read_only=True)
    try:
        left = 0
        for identifier in wanted.identifiers:
            if len(identifier) < _SEARCHABLE:
                continue
            for table in sorted({table for table, _, _ in _columns(con)}):
                row = con.execute(
                    f"select count(*) from {table} where contains(cast({table} as varchar), ?)", [identifier]
                ).fetchone()
                left += row[0] if row else 0
    finally:
        con.close()
    return left


__all__ = ["PurgeResult", "Wanted", "purge"]
