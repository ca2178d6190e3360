"""Owns the past of the store: what it knew at a moment, laid over the tables of one connection that only reads.

Calls are known from their start, everything that is said of them from when it was said or taken in, and names of tasks
are those of then. What has been erased or is older than it is kept for is not known any more.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final

from .steps import step
from .task_edits import load_edits, note_names

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

# What is said beside calls, each with a step that is what of it was known; `{before}` is the table as it is today.
_SAID: Final = (
    "task_edits",
    "scores",
    "revenue",
    "replays",
    "judgements",
    "drift_alarms",
    "drift_acknowledgements",
)


def recall(con: DuckDBPyConnection, moment: datetime) -> None:
    """From here on the connection sees what the store knew at `moment` (UTC, no zone), under the same names."""
    con.execute("set variable known_at = $moment", {"moment": moment})
    today = load_edits(con)
    for table in _SAID:
        _lay_over(con, table, f"known_{table}")
    # What was found in all calls is not what was found in those of then.
    con.execute("create or replace temp table revenue_links as from revenue_links limit 0")
    con.execute(step("other_names_then"))
    edits = load_edits(con)
    row = con.execute("select count(*) from origins_then").fetchone()
    if edits == today and not (row and row[0]):
        _lay_over(con, "calls", "known_calls")
        _run(con, step("prompts_then").replace("{calls}", "(select *, task_name as task_name_then from calls)"))
        return
    _lay_over(con, "calls", "calls_given_then")
    con.execute("create temp table task_renames as from task_renames limit 0")
    note_names(con, edits)
    _run(con, step("names_then"))
    _run(con, step("prompts_then").replace("{calls}", "calls_then"))


def _lay_over(con: DuckDBPyConnection, table: str, known: str) -> None:
    """A temporary view under the table's name; a view that stood there before is called `all_...`."""
    if con.execute("select 1 from duckdb_views() where temporary and view_name = ?", [table]).fetchone():
        con.execute(f"alter view temp.{table} rename to all_{table}")
        before = f"temp.all_{table}"
    else:
        row = con.execute("select current_database()").fetchone()
        before = f'"{row[0] if row else ""}".main.{table}'
    con.execute(f"create temp view {table} as {step(known).replace('{before}', before)}")


def _run(con: DuckDBPyConnection, statements: str) -> None:
    for statement in statements.split(";\n"):
        if statement.strip():
            con.execute(statement)


__all__ = ["recall"]
