"""What is not in the store any more: how many calls were removed, when, why, and what they had cost."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from .steps import step

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


def note_removed(
    con: DuckDBPyConnection, reason: Literal["retention", "erasure"], condition: str, given: Mapping[str, Any]
) -> int:
    """Calls of the condition that are about to be deleted; what they are is noted, and their versions are gone.

    The condition is ours, its values are parameters by name. Nobody is named in what is noted.
    """
    statement, forgotten = step("removed").replace("{condition}", condition).split(";\n", 1)
    removed_at = datetime.now(UTC).replace(tzinfo=None)
    row = con.execute(statement, {**given, "removed_at": removed_at, "reason": reason}).fetchone()
    if row is None or not row[0]:
        return 0
    con.execute(forgotten, dict(given))
    calls = con.execute("select calls from removals order by removed_at desc limit 1").fetchone()
    return calls[0] if calls else 0
