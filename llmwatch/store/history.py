"""Owns the past of the store: what it knew at a moment, laid over the tables of one connection that only reads.

Calls are known from their start, with the usage and the cost that they had then; everything that is said of them from
when it was said or taken in; names of tasks, prices, plans and other settings are those of then. What has been erased
or is older than it is kept for is not known any more.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final

from ..settings import Settings
from .configuration import begun, in_force
from .plans import lay_plans
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
    "configurations",
    "price_tables",
)
# What of a version is not of the call itself.
_OF_VERSION: Final = ("span_id", "replaced_at", "reason")


def recall(con: DuckDBPyConnection, moment: datetime) -> None:
    """From here on the connection sees what the store knew at `moment` (UTC, no zone), under the same names."""
    con.execute("set variable known_at = $moment", {"moment": moment})
    today, configured = load_edits(con), in_force(con)
    for table in _SAID:
        _lay_over(con, table, step(f"known_{table}"))
    _recall_plans(con, is_other=in_force(con) != configured)
    # What was found in all calls is not what was found in those of then.
    con.execute("create or replace temp table revenue_links as from revenue_links limit 0")
    con.execute(step("other_names_then"))
    edits = load_edits(con)
    row = con.execute("select count(*) from origins_then").fetchone()
    versions = _versions(con)
    if edits == today and not (row and row[0]):
        _lay_over(con, "calls", step("known_calls").replace("{before}", versions))
        _run(con, step("prompts_then").replace("{calls}", "(select *, task_name as task_name_then from calls)"))
        return
    _lay_over(con, "calls", step("calls_given_then").replace("{before}", versions))
    con.execute("create temp table task_renames as from task_renames limit 0")
    note_names(con, edits)
    _run(con, step("names_then"))
    _run(con, step("prompts_then").replace("{calls}", "calls_then"))


def _recall_plans(con: DuckDBPyConnection, *, is_other: bool) -> None:
    """Subscriptions and shared costs are those of the configuration of then, where that is another one."""
    then = in_force(con)
    if then is None or not is_other:
        return
    for table in ("subscriptions", "shared_costs"):
        con.execute(f"create temp table {table} as from {table} limit 0")
    lay_plans(con, then.applied(Settings()), begun(con))


def _versions(con: DuckDBPyConnection) -> str:
    """The calls as they were at the moment, as a relation; `{before}` is the table as it is today."""
    con.execute(step("versions_then"))
    if con.execute("select 1 from versions_then limit 1").fetchone() is None:
        return "{before}"
    columns = [row[0] for row in con.execute("describe versions_then").fetchall() if row[0] not in _OF_VERSION]
    then = ", ".join(f'if(v.span_id is null, c."{name}", v."{name}") as "{name}"' for name in columns)
    return f"(select c.* replace ({then}) from {{before}} as c left join versions_then as v on c.span_id = v.span_id)"


def _lay_over(con: DuckDBPyConnection, table: str, known: str) -> None:
    """A temporary view under the table's name; a view that stood there before is called `all_...`."""
    if con.execute("select 1 from duckdb_views() where temporary and view_name = ?", [table]).fetchone():
        con.execute(f"alter view temp.{table} rename to all_{table}")
        before = f"temp.all_{table}"
    else:
        row = con.execute("select current_database()").fetchone()
        before = f'"{row[0] if row else ""}".main.{table}'
    con.execute(f"create temp view {table} as {known.replace('{before}', before)}")


def _run(con: DuckDBPyConnection, statements: str) -> None:
    for statement in statements.split(";\n"):
        if statement.strip():
            con.execute(statement)


__all__ = ["recall"]
