"""Owns seeing that a merge would change nothing, by reading alone: in half the time of opening the file to write."""

from __future__ import annotations

from contextlib import ExitStack, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import StoreError
from ..prices import PriceBook
from ..settings import Settings
from ..spool import list_segments
from .catalogue import is_catalogue_kept
from .file import MERGE_FILE, connect, found_version, get_meta, private_files, schema_version
from .merge import consumed_offsets
from .plans import PLANS_DIGEST, plans_digest
from .queries import views_digest

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


def open_settled(settings: Settings, book: PriceBook) -> DuckDBPyConnection | None:
    """The file, to be read, if nothing is left to merge; whatever hinders the look is left to the merge itself."""
    import duckdb

    path, home = settings.store_path, settings.home
    if not _is_tidy(path, home):
        return None
    with suppress(duckdb.Error, StoreError, OSError), private_files(), ExitStack() as opened:
        con = connect(path, home, read_only=True)
        opened.callback(con.close)
        if _is_settled(con, path, settings, book):
            opened.pop_all()
            return con
    return None


def _is_tidy(path: Path, home: Path) -> bool:
    """True if there is a file and no killed process has left anything beside it."""
    beside = [*path.parent.glob(f".{path.name}.*"), *(home / "tmp").glob(f"{MERGE_FILE}*")]
    return path.exists() and not path.with_name(f"{path.name}.wal").exists() and not beside


def _is_settled(con: DuckDBPyConnection, path: Path, settings: Settings, book: PriceBook) -> bool:
    """True if the store has all that the spool has, at today's prices and plans, by today's schema, views and limits.

    Segments that only wait to be removed are something to do.
    """
    if found_version(con, path) != schema_version() or get_meta(con, "views_digest") != views_digest():
        return False
    segments, consumed = list_segments(settings.spool_dir), consumed_offsets(con)
    is_read = all(s.is_live and s.size <= consumed.get(s.name, 0) for s in segments)
    if not is_read or set(consumed) - {s.name for s in segments}:
        return False
    today, digest = datetime.now(UTC).date(), book.digest()
    return (
        get_meta(con, "price_digest") == digest
        and get_meta(con, "prices_verified_on") is not None
        and get_meta(con, "retained_on") == today.isoformat()
        and get_meta(con, PLANS_DIGEST) == plans_digest(settings)
        and is_catalogue_kept(con, digest, today)
    )
