"""Owns the way out: every table as one Parquet file that any tool reads."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from ..errors import UsageError
from .file import quoted

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

# What the store keeps for itself.
INTERNAL: Final = ("segments", "kept_records", "meta")
# Table -> what its rows are sorted by; those not named here by all their columns.
ORDER: Final = {
    "calls": "started_at",
    "content": "started_at",
    "http_attempts": "started_at",
    "pipeline_events": "happened_at",
    "tasks": "first_seen_at",
    "prices": "price_id",
    "scores": "scored_at",
    "revenue": "occurred_at",
    "replays": "recorded_at",
    "judgements": "recorded_at",
}


def _tables(con: DuckDBPyConnection) -> list[str]:
    """Every table of the store that is there to be read, in order of the alphabet."""
    rows = con.execute(
        "select table_name from duckdb_tables() where not temporary and database_name = current_database()"
        " and not contains(table_name, 'pending_') order by table_name"
    ).fetchall()
    return [name for (name,) in rows if name not in INTERNAL]


def export_parquet(con: DuckDBPyConnection, directory: Path) -> dict[str, int]:
    """Table -> rows written; a folder that has anything in it is refused, nothing is ever overwritten."""
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise UsageError(f"{directory} is not an empty folder.", "Name a folder that does not exist yet.")
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    counts: dict[str, int] = {}
    for table in _tables(con):
        order = ORDER.get(table, "all")
        target = directory / f"{table}.parquet"
        row = con.execute(
            f"copy (from {table} order by {order}) to {quoted(str(target))} (format parquet, compression zstd)"
        ).fetchone()
        target.chmod(0o600)
        counts[table] = row[0] if row else 0
    return counts
