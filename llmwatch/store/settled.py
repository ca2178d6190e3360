"""Owns seeing that a merge would change nothing, by reading alone: in half the time of opening the file to write."""

from __future__ import annotations

from contextlib import ExitStack, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import StoreError
from ..settings import Settings
from ..spool import list_segments
from .catalogue import is_catalogue_kept
from .configuration import Configuration, begun, book_of, in_force, is_to_adopt
from .file import MERGE_FILE, connect, found_version, get_meta, private_files, schema_version
from .merge import consumed_offsets
from .plans import PLANS_DIGEST, plans_digest
from .queries import views_digest

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


def open_settled(settings: Settings, found: Configuration | None, *, adopts: bool) -> DuckDBPyConnection | None:
    """The file, to be read, if nothing is left to merge; whatever hinders the look is left to the merge itself.

    `found` is the configuration that was met, and `adopts` whether a merge would put it in place of the store's own.
    """
    import duckdb

    path, home = settings.store_path, settings.home
    if not _is_tidy(path, home):
        return None
    with suppress(duckdb.Error, StoreError, OSError), private_files(), ExitStack() as opened:
        con = connect(path, home, read_only=True)
        opened.callback(con.close)
        if _is_settled(con, path, settings) and _is_configured(con, settings, found, adopts=adopts):
            opened.pop_all()
            return con
    return None


def _is_tidy(path: Path, home: Path) -> bool:
    """True if there is a file and no killed process has left anything beside it."""
    beside = [*path.parent.glob(f".{path.name}.*"), *(home / "tmp").glob(f"{MERGE_FILE}*")]
    return path.exists() and not path.with_name(f"{path.name}.wal").exists() and not beside


def _is_settled(con: DuckDBPyConnection, path: Path, settings: Settings) -> bool:
    """True if the store has all that the spool has, by today's schema and views.

    Segments that only wait to be removed are something to do.
    """
    if found_version(con, path) != schema_version() or get_meta(con, "views_digest") != views_digest():
        return False
    segments, consumed = list_segments(settings.spool_dir), consumed_offsets(con)
    is_read = all(s.is_live and s.size <= consumed.get(s.name, 0) for s in segments)
    return is_read and not set(consumed) - {s.name for s in segments}


def _is_configured(con: DuckDBPyConnection, settings: Settings, found: Configuration | None, *, adopts: bool) -> bool:
    """True if the store has the prices, plans and limits of the configuration in force, and no other is due."""
    ours = in_force(con)
    if ours is None or is_to_adopt(found, ours, adopts=adopts):
        return False
    today, own = datetime.now(UTC).date(), ours.applied(settings)
    digest = book_of(own).digest()
    return (
        get_meta(con, "price_digest") == digest
        and get_meta(con, "retained_on") == today.isoformat()
        and (ours.place is None or get_meta(con, PLANS_DIGEST) == plans_digest(own, begun(con)))
        and is_catalogue_kept(con, digest, today)
    )
