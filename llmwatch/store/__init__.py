"""Owns the store: the DuckDB file that `merge` fills from the spool and that everything else only reads.

Connections are lent, never given. The file is open for moments; whoever cannot merge still reads all there is, because
what is not merged is read from the spool by the same steps.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from ..errors import StoreError, StoreLocked
from ..prices import PriceBook, create_prices
from ..prices import sql as prices_sql
from ..settings import Settings
from ..spool import list_segments
from . import file
from .apart import copied, is_worth_a_copy
from .catalogue import keep_catalogue
from .configuration import (
    Configuration,
    adopt,
    adopted_sentence,
    book_of,
    defaults,
    difference,
    difference_sentence,
    follow_plans,
    in_force,
    is_to_adopt,
    met,
)
from .kept_money import take_back_all
from .merge import Merging, Progress, consumed_offsets, pending_segments, remove_consumed
from .queries import views_digest
from .removals import note_removed
from .repricing import keep_price_table, price_unpriced
from .settled import open_settled

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from .backup import Backup
    from .health import Health
    from .jail import Answer, Limits
    from .purge import PurgeResult

# What is kept for later beside an answer is not worth a wait for it.
ASIDE_WAIT_S: Final = 2.0
# How long a reader waits for a merge of ours, and how long anybody waits for a program that is not.
_MERGE_WAIT_S: Final = 60.0
_FOREIGN_WAIT_S: Final = 2.0
# The tables that a reader who could not merge sees together with what is pending.
_PENDING_TABLES: Final = (
    "calls", "content", "http_attempts", "pipeline_events", "scores", "revenue", "replays", "judgements",
)  # fmt: skip
_PENDING_NOTES: Final = ("segments", "kept_records")


def _recognise(con: DuckDBPyConnection) -> None:
    """Names of untagged tasks are those of the prompts that were merged."""
    from .refit import is_due, refit

    if is_due(con):
        refit(con, datetime.now(UTC).replace(tzinfo=None))


def _keep_versions(con: DuckDBPyConnection) -> None:
    from .prompts import keep_prompt_versions

    keep_prompt_versions(con)


@dataclass(frozen=True, slots=True)
class MergeResult:
    """What one merge did; `blocked` is a sentence if it could not be done, which costs freshness and no data."""

    calls: int = 0
    attempts: int = 0
    # Segments that are left in the spool because their writers live, or because they could not be removed.
    segments: int = 0
    damaged_records: int = 0
    seconds: float = 0.0
    blocked: str | None = None


class Store:
    """The store under `settings.home`; nothing is touched before the first method is called."""

    def __init__(self, settings: Settings) -> None:
        self._given = settings
        # As given until the file was opened, then with the store's own configuration in it.
        self._settings = settings
        self._home = settings.home
        self._path = settings.store_path
        # Sentences for whoever reads figures: what was adopted or priced, and which configuration is not in force.
        self.notes: list[str] = []
        # Path and day of the configuration in force, once the file was opened.
        self.configuration = ""

    @cached_property
    def _met(self) -> Configuration | None:
        return met(self._given)

    # --- merging

    def merge(
        self, progress: Progress | None = None, prices: PriceBook | None = None, *, adopts: bool = False
    ) -> MergeResult:
        """All complete spooled records are in the file, each exactly once, and their segments gone.

        With `adopts` the configuration of the settings takes the place of a different one of the store; without, only
        a store that has none yet adopts it. Raises StoreCorrupt or SchemaTooNew, UsageError or PriceError for a wrong
        configuration; a store that somebody else holds is `blocked`, not an error.
        """
        started = time.monotonic()
        if not self._home.exists() and not list_segments(self._settings.spool_dir):
            return MergeResult()
        if con := open_settled(self._given, self._met, adopts=adopts):
            self._configure(con)
            con.close()
            left = len(list_segments(self._settings.spool_dir))
            return MergeResult(segments=left, seconds=time.monotonic() - started)
        try:
            with self.changing() as con:
                self._adopt(con, self._met, adopts=adopts)
                result = self._merge_into(con, prices or book_of(self._settings), progress)
        except StoreLocked as e:
            return MergeResult(blocked=str(e), seconds=time.monotonic() - started)
        except OSError as e:
            sentence = str(file.store_error(e, self._path))
            return MergeResult(blocked=sentence, seconds=time.monotonic() - started)
        return MergeResult(*result, seconds=time.monotonic() - started)

    def _merge_into(
        self, con: DuckDBPyConnection, book: PriceBook, progress: Progress | None
    ) -> tuple[int, int, int, int]:
        create_prices(con)
        spool = self._settings.spool_dir
        consumed = consumed_offsets(con)
        digest = book.digest()
        con.execute("set variable price_table = $digest", {"digest": digest})
        if file.get_meta(con, "settle_all") == "true":
            Merging(con, self._home, book).settle_all()
            file.set_meta(con, "settle_all", "false")
        done = Merging(con, self._home, book).run(pending_segments(spool, consumed), consumed, progress)
        before = file.get_meta(con, "price_digest")
        if before != digest:
            if before is not None and (priced := price_unpriced(con, book)):
                self._note(priced)
            keep_price_table(con, book, digest)
        keep_catalogue(con, book, digest, datetime.now(UTC).date())
        if done.calls:
            self._follow_up(con, "recognition", _recognise)
            self._follow_up(con, "prompt_versions", _keep_versions)
        self._follow_up(con, "retention", self._retain)
        file.set_meta(con, "merged_at", datetime.now(UTC).isoformat(timespec="seconds"))
        left = remove_consumed(con, spool)
        return done.calls, done.attempts, left, done.damaged_records

    def _adopt(self, con: DuckDBPyConnection, found: Configuration | None, *, adopts: bool) -> None:
        """What is `found` is in force, where that is due, and else what was; a new store has at least the defaults."""
        before = in_force(con)
        if is_to_adopt(found, before, adopts=adopts):
            adopted = adopt(con, found or defaults(), self._given)
            if found is not None:
                self._note(adopted_sentence(adopted, before))
        elif before is not None:
            follow_plans(con, before, self._given)
        self._configure(con)

    def _configure(self, con: DuckDBPyConnection) -> None:
        """The settings are those of the configuration in force; another one that was met is named."""
        ours = in_force(con)
        self._settings = self._given if ours is None else ours.applied(self._given)
        self.configuration = "" if ours is None else ours.named()
        if ours is not None and self._met is not None and difference(self._met, ours):
            self._note(difference_sentence(self._met, ours))
        for sentence in file.failures(con):
            self._note(sentence)

    def _note(self, sentence: str) -> None:
        if sentence not in self.notes:
            self.notes.append(sentence)

    def _follow_up(self, con: DuckDBPyConnection, what: str, work: Callable[[DuckDBPyConnection], None]) -> None:
        """Work on what is merged already; where it fails the merge stands, and doctor, report and /health say so."""
        import duckdb

        failed = file.get_meta(con, f"{file.FAILED}{what}")
        con.execute("begin")
        try:
            work(con)
            con.execute("commit")
        except (duckdb.Error, MemoryError) as e:
            with suppress(Exception):
                con.execute("rollback")
            if file.is_damage(e):
                raise
            text = " ".join(str(e).partition("Possible solutions")[0].split())[:300]
            file.set_meta(con, f"{file.FAILED}{what}", f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC: {text}")
            return
        except BaseException:
            with suppress(Exception):
                con.execute("rollback")
            raise
        if failed:
            file.set_meta(con, f"{file.FAILED}{what}", "")

    def _retain(self, con: DuckDBPyConnection) -> None:
        """Once a day, what is older than it may be is deleted."""
        today = datetime.now(UTC).date()
        if file.get_meta(con, "retained_on") == today.isoformat():
            return
        limits = (
            ("content", "started_at", self._settings.content_days),
            ("calls", "started_at", self._settings.calls_days),
            ("http_attempts", "started_at", self._settings.calls_days),
            ("pipeline_events", "happened_at", self._settings.calls_days),
        )
        first_day = datetime.combine(today, datetime.min.time()) - timedelta(self._settings.calls_days)
        if note_removed(con, "retention", "started_at < $before", {"before": first_day}):
            take_back_all(con)
        for table, column, days in limits:
            con.execute(
                f"delete from {table} where {column} < ?",
                [datetime.combine(today, datetime.min.time()) - timedelta(days)],
            )
        # What was paid for is kept; the texts in it are content.
        expired = [datetime.combine(today, datetime.min.time()) - timedelta(self._settings.content_days)]
        for table, column in (("replays", "output_messages"), ("judgements", "reason")):
            con.execute(f"update {table} set {column} = null where recorded_at < ? and {column} is not null", expired)
        file.set_meta(con, "retained_on", today.isoformat())

    @contextmanager
    def changing(self, wait_s: float | None = None) -> Generator[DuckDBPyConnection]:
        """The file open for writing, by this process alone, for moments; its errors as ours, StoreLocked among them.

        Another merge is waited for, for `wait_s` seconds where that is given.
        """
        import duckdb

        with file.private_files(), file.merge_lock(self._home, _MERGE_WAIT_S if wait_s is None else wait_s) as is_held:
            if not is_held:
                raise StoreLocked(f"Another llmwatch ({file.lock_holder(self._home)}) is merging into {self._path}.")
            file.clear_leftovers(self._home)
            try:
                file.ensure_file(self._path, self._home)
                con = self._open(self._path, read_only=False, wait_s=_FOREIGN_WAIT_S)
                try:
                    self._migrate(con)
                    yield con
                finally:
                    con.close()
            except duckdb.Error as e:
                raise file.store_error(e, self._path) from e

    def _migrate(self, con: DuckDBPyConnection) -> None:
        version = file.found_version(con, self._path)
        if version < file.schema_version():
            file.migrate(con, version)
        digest = views_digest()
        if file.get_meta(con, "views_digest") != digest:
            file.make_views(con)
            file.set_meta(con, "views_digest", digest)

    def _open(self, path: Path, *, read_only: bool, wait_s: float) -> DuckDBPyConnection:
        """Retries while another process holds the file; a merge of ours is waited for longer than a stranger."""
        import duckdb

        started = time.monotonic()
        while True:
            try:
                return file.connect(path, self._home, read_only=read_only)
            except duckdb.Error as e:
                is_ours = read_only and file.lock_holder(self._home) is not None
                patience = _MERGE_WAIT_S if is_ours else wait_s
                if not file.is_lock_error(e) or time.monotonic() - started > patience:
                    raise file.store_error(e, self._path) from e
                time.sleep(0.02)

    # --- reading

    @contextmanager
    def read(self) -> Generator[DuckDBPyConnection]:
        """A connection that sees the store and whatever of the spool is not merged yet; it cannot change the file."""
        with file.private_files():
            con = self._open_for_reading()
        with self._with_pending(con):
            yield con

    @contextmanager
    def read_merged(self, copy: Path | None = None) -> Generator[DuckDBPyConnection]:
        """A connection that sees the file, or a copy that `read_long` made of it, and nothing of the spool."""
        with file.private_files():
            con = self._open_for_reading(copy)
        try:
            yield con
        finally:
            con.close()

    @contextmanager
    def read_settled(self) -> Generator[DuckDBPyConnection | None]:
        """The file, opened once to see that nothing is left to merge and to be read; None if not so, or for a copy."""
        is_copied = is_worth_a_copy(self._path, self._home)
        con = None if is_copied else open_settled(self._given, self._met, adopts=False)
        try:
            if con is not None:
                self._configure(con)
            yield con
        finally:
            if con is not None:
                con.close()

    @contextmanager
    def read_long(self) -> Generator[DuckDBPyConnection]:
        """As `read`, from a copy where reading the file for seconds would keep a `serve` from merging.

        Only for a process that has no other connection to the file.
        """
        with ExitStack() as opened:
            con = None
            if is_worth_a_copy(self._path, self._home):
                con = self._open_copy(opened)
            yield con or opened.enter_context(self.read())

    def _open_copy(self, opened: ExitStack) -> DuckDBPyConnection | None:
        """A connection to a copy, both gone with `opened`; None if none can be made.

        The spool is read before anybody can merge again: what is merged after the copying is in neither.
        """
        with file.private_files(), file.merge_lock(self._home, _MERGE_WAIT_S) as is_held:
            if not is_held:
                return None
            with suppress(OSError):
                path = opened.enter_context(copied(self._path, self._home))
                return opened.enter_context(self._with_pending(self._open_for_reading(path)))
        return None

    @contextmanager
    def _with_pending(self, con: DuckDBPyConnection) -> Generator[DuckDBPyConnection]:
        """The connection with the spool's records in it, closed at the end."""
        import duckdb

        try:
            self._configure(con)
            try:
                self._add_pending(con)
            except (duckdb.Error, OSError) as e:
                raise file.store_error(e, self._path) from e
            yield con
        finally:
            con.close()

    def _open_for_reading(self, copy: Path | None = None) -> DuckDBPyConnection:
        path = copy or self._path
        if path.exists():
            con = self._open(path, read_only=True, wait_s=_FOREIGN_WAIT_S)
            try:
                version = file.found_version(con, self._path)
            except StoreError:
                con.close()
                raise
            if version == file.schema_version():
                return con
            con.close()
            raise StoreError(
                f"{self._path} has the older schema {version}.", "Run `llmwatch merge` to bring it up to date."
            )
        con = file.connect(":memory:", self._home, read_only=False)
        file.migrate(con, 0)
        create_prices(con)
        return con

    def _add_pending(self, con: DuckDBPyConnection) -> None:
        """Temporary views under the tables' names add what the spool holds beyond the store."""
        segments = pending_segments(self._settings.spool_dir, consumed := consumed_offsets(con))
        if not segments:
            return
        row = con.execute("select current_database()").fetchone()
        stored = row[0] if row else ""
        for table in (*_PENDING_TABLES, *_PENDING_NOTES):
            con.execute(f'create temp table pending_{table} as from "{stored}".main.{table} limit 0')
        con.execute("create unique index pending_segment on pending_segments (name)")
        con.execute(f'create temp table tasks as from "{stored}".main.tasks')
        con.execute(prices_sql("prices").replace("create table if not exists", "create temp table"))
        with suppress(Exception):
            con.execute(f'insert into temp.prices from "{stored}".main.prices')
        con.execute("create temp table superseded (span_id varchar)")
        for table in _PENDING_TABLES:
            kept = " where span_id not in (select span_id from temp.superseded)" if table == "calls" else ""
            con.execute(
                f'create temp view {table} as from "{stored}".main.{table}{kept}'
                f" union all by name from temp.pending_{table}"
            )
        with self._scratch() as folder:
            book = book_of(self._settings)
            con.execute("set variable price_table = $digest", {"digest": book.digest()})
            Merging(con, folder, book, into="pending_").run(segments, consumed)
        # What pending calls may change is looked up anew.
        ids = "select unnest([span_id, response_id, trace_id]) from temp.pending_calls"
        con.execute(
            f'create temp table revenue_links as from "{stored}".main.revenue_links where id not in'
            f" (select id from ({ids}) as pending(id) where id is not null)"
        )

    @contextmanager
    def _scratch(self) -> Generator[Path]:
        """Where a reader's temporary files go: the home, or a private folder elsewhere if it cannot be written."""
        own = self._home / "tmp"
        if os.access(own if own.exists() else self._home, os.W_OK | os.X_OK, effective_ids=True):
            yield self._home
            return
        with TemporaryDirectory(prefix="llmwatch-") as name:
            yield Path(name)

    # --- the rest, each in its own module

    def sql(self, query: str, limits: Limits | None = None) -> Answer:
        """The rows of one query of the user's own, run where it can neither write, read other files nor take over."""
        from .jail import Limits, run

        if not self._path.exists():
            raise StoreError(f"There is no store at {self._path} yet.", "Run `llmwatch merge` after the first call.")
        return run(self._path, query, limits or Limits())

    def purge(
        self, customer: str | None = None, user: str | None = None, older_than: datetime | None = None
    ) -> PurgeResult:
        """Calls of the customer or user, or before a moment, are gone from spool, tables and the bytes of the file."""
        from .purge import Wanted, purge

        self.merge()
        wanted = Wanted.of(self._settings, customer, user, older_than)
        with self.changing() as con:
            result = purge(con, self._settings, wanted)
        return result

    def export_parquet(self, directory: Path) -> dict[str, int]:
        """Table -> rows written as zstd Parquet into an empty or new folder; any other is refused."""
        from .export import export_parquet

        with self.read_long() as con:
            return export_parquet(con, directory)

    def backup(self, folder: Path) -> Backup:
        """A copy of the whole home in a new folder; for a process that has no connection to the file."""
        from .backup import back_up

        return back_up(self._home, self._path, folder, _MERGE_WAIT_S)

    def adopt(self, chosen: Configuration) -> Configuration:
        """The configuration is in force, and calls without a price that it prices are priced; `notes` say what changed.

        Raises UsageError or PriceError for a wrong one, StoreLocked where somebody else holds the store.
        """
        with self.changing() as con:
            self._adopt(con, chosen, adopts=True)
            adopted = in_force(con)
            assert adopted is not None
        result = self.merge()
        if result.blocked:
            raise StoreError(result.blocked, "The configuration is adopted; repeat the command to price what is new.")
        return adopted

    def fact(self, key: str) -> str | None:
        """One fact about the store itself; None if it was never written, or where there is no store."""
        if not self._path.exists() or not self._path.stat().st_size:
            return None
        with file.private_files(), self._open(self._path, read_only=True, wait_s=_FOREIGN_WAIT_S) as con:
            return file.get_meta(con, key)

    def health(self) -> Health:
        """What is known about spool and store without changing either; never raises."""
        from .health import look

        return look(self._settings)

    def quarantine(self) -> Path:
        """Sets the file aside under another name, deleting nothing; the next merge starts a new one."""
        with file.merge_lock(self._home, _FOREIGN_WAIT_S) as is_held:
            if not is_held:
                raise StoreLocked(
                    f"Another llmwatch is merging into {self._path}.", "Repeat the command when it is done."
                )
            return file.set_aside(self._path)


__all__ = ["ASIDE_WAIT_S", "MergeResult", "Store"]
