"""Owns the store: the DuckDB file that `merge` fills from the spool and that everything else only reads.

Connections are lent, never given. The file is open for moments; whoever cannot merge still reads all there is, because
what is not merged is read from the spool by the same steps.
"""

from __future__ import annotations

import os
import time
from collections.abc import Generator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
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
from .kept_money import take_back_all, take_back_days
from .merge import Merging, Progress, consumed_offsets, pending_segments, remove_consumed, reprice
from .plans import put_plans
from .queries import views_digest
from .settled import open_settled

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

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
        self._settings = settings
        self._home = settings.home
        self._path = settings.store_path

    # --- merging

    def merge(self, progress: Progress | None = None, prices: PriceBook | None = None) -> MergeResult:
        """All complete spooled records are in the file, each exactly once, and their segments gone.

        Raises StoreCorrupt or SchemaTooNew; a store that somebody else holds is `blocked`, not an error.
        """
        started = time.monotonic()
        book = prices or self._book()
        if not self._home.exists() and not list_segments(self._settings.spool_dir):
            return MergeResult()
        if con := open_settled(self._settings, book):
            con.close()
            left = len(list_segments(self._settings.spool_dir))
            return MergeResult(segments=left, seconds=time.monotonic() - started)
        try:
            with self.changing() as con:
                result = self._merge_into(con, book, progress)
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
        if file.get_meta(con, "settle_all") == "true":
            Merging(con, self._home, book).settle_all()
            file.set_meta(con, "settle_all", "false")
        done = Merging(con, self._home, book).run(pending_segments(spool, consumed), consumed, progress)
        digest = book.digest()
        before = file.get_meta(con, "price_digest")
        if before != digest:
            if before is not None:
                take_back_days(con)
                reprice(con, book)
            file.set_meta(con, "price_digest", digest)
        # Of the same prices it is the same day, and to read them takes a quarter of a second.
        if before != digest or file.get_meta(con, "prices_verified_on") is None:
            verified_on = book.verified_on()
            file.set_meta(con, "prices_verified_on", verified_on.isoformat() if verified_on else "")
        keep_catalogue(con, book, digest, datetime.now(UTC).date())
        put_plans(con, self._settings)
        if done.calls:
            self._follow_prompts(con)
        self._retain(con)
        file.set_meta(con, "merged_at", datetime.now(UTC).isoformat(timespec="seconds"))
        left = remove_consumed(con, spool)
        return done.calls, done.attempts, left, done.damaged_records

    def _follow_prompts(self, con: DuckDBPyConnection) -> None:
        """Names of untagged tasks, and versions of all prompts, are those of what was merged."""
        from .prompts import keep_prompt_versions
        from .refit import is_due, refit

        con.execute("begin")
        try:
            if is_due(con):
                refit(con, datetime.now(UTC).replace(tzinfo=None))
            keep_prompt_versions(con)
            con.execute("commit")
        except BaseException:
            with suppress(Exception):
                con.execute("rollback")
            raise

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
        if self._are_calls_before(con, today - timedelta(self._settings.calls_days)):
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

    def _are_calls_before(self, con: DuckDBPyConnection, day: date) -> bool:
        row = con.execute("select count(*) from calls where started_at < ?", [day]).fetchone()
        return row is not None and row[0] > 0

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
        con = None if is_copied else open_settled(self._settings, self._book())
        try:
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
            try:
                self._add_pending(con)
            except (duckdb.Error, OSError) as e:
                raise file.store_error(e, self._path) from e
            yield con
        finally:
            con.close()

    def _open_for_reading(self, copy: Path | None = None) -> DuckDBPyConnection:
        path = copy or self._path
        if path.exists() and path.stat().st_size:
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
            Merging(con, folder, self._book(), into="pending_").run(segments, consumed)
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

    def _book(self) -> PriceBook:
        return PriceBook(self._settings.prices, self._settings.price_file, hosts=self._settings.hosts)

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
