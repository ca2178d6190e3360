"""Owns what the store keeps so that margin need not read all calls again: links of revenue, costs of whole days.

Both say exactly what the calls say. Merging takes back what an arrived call may change; whoever renames, reprices or
deletes stored calls takes back all of it.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from .file import get_meta, set_meta
from .steps import step

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

KEPT_UNTIL: Final = "costs_kept_until"
# Days that are added while the store is held once.
_DAYS: Final = 7


def keep_links(con: DuckDBPyConnection) -> None:
    """Every event of revenue that names a call has its link; `con` is open for writing."""
    con.execute(step("linked_revenue"))


def keep_days(con: DuckDBPyConnection, now: datetime) -> bool:
    """Some more whole days before `now` are kept, of a week at most; True if there are further ones to keep."""
    row = con.execute("select min(started_at) from calls").fetchone()
    if row is None or row[0] is None:
        return False
    kept = get_meta(con, KEPT_UNTIL)
    since = max(datetime.fromisoformat(kept), row[0]) if kept else row[0]
    since = since.replace(hour=0, minute=0, second=0, microsecond=0)
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    until = min(today, since + timedelta(days=_DAYS))
    if since >= until:
        return False
    con.execute("begin")
    try:
        for statement in step("kept_days").split(";"):
            names = {name: moment for name, moment in (("since", since), ("until", until)) if f"${name}" in statement}
            if names:
                con.execute(statement, names)
        set_meta(con, KEPT_UNTIL, until.isoformat(sep=" "))
        con.execute("commit")
    except BaseException:
        con.execute("rollback")
        raise
    return until < today


def take_back_arrived(con: DuckDBPyConnection) -> None:
    """What the calls of the batch under way may change is not kept any more."""
    con.execute(step("arrived_links"))
    row = con.execute("select min(started_at) from arrived").fetchone()
    if row is not None and row[0] is not None:
        take_back_days(con, row[0])


def take_back_days(con: DuckDBPyConnection, since: datetime | None = None) -> None:
    """Costs of the day of `since` (UTC) and of all later days are not kept any more; None is of no day."""
    if since is None:
        con.execute("delete from meta where key = $key", {"key": KEPT_UNTIL})
    elif kept := get_meta(con, KEPT_UNTIL):
        day = since.replace(hour=0, minute=0, second=0, microsecond=0)
        if day < datetime.fromisoformat(kept):
            set_meta(con, KEPT_UNTIL, day.isoformat(sep=" "))


def take_back_links(con: DuckDBPyConnection) -> None:
    """No link is kept any more; names of stored calls have changed."""
    con.execute("delete from revenue_links")


def take_back_all(con: DuckDBPyConnection) -> None:
    """Nothing is kept any more; stored calls have changed or are gone."""
    take_back_links(con)
    take_back_days(con)
    con.execute("delete from customer_days")
