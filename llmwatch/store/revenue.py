"""Owns changing the stored revenue: rows of a file take the place of what its source said, and can be taken back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from .merge import step

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


@dataclass(frozen=True, slots=True)
class RevenueRow:
    """One event of revenue as a file states it; moments are UTC without a zone."""

    event_id: str
    occurred_at: datetime
    amount_usd: Decimal
    # None where the file names no customer.
    customer_id: str | None
    plan: str | None = None
    task: str | None = None
    feature: str | None = None
    response_id: str | None = None
    recognised_from: datetime | None = None
    recognised_until: datetime | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did, in rows of its source."""

    rows: int
    amount_usd: Decimal
    unchanged: int
    changed: int
    # Said by the source before, on days that the file covers, and not any more.
    withdrawn: int
    # Said by the source before about other days.
    kept: int
    # Said by another source too, under the same id: counted once.
    known_elsewhere: int
    # Rows that look like another source's, or an earlier one, under other ids: same customer, amount and day.
    alike: int
    # One of them: its id, and the source and the id under which it stands already.
    alike_example: tuple[str, ...] | None

    @property
    def added(self) -> int:
        """Rows nobody had said before."""
        return self.rows - self.unchanged - self.changed


def import_revenue(
    con: DuckDBPyConnection,
    source: str,
    rows: Sequence[RevenueRow],
    *,
    left_out: Sequence[str] = (),
    span: tuple[datetime, datetime] | None = None,
    is_dry: bool = False,
) -> Imported:
    """The source says these rows, each once; a dry import says what it would do and leaves everything as it was.

    What it said before is withdrawn where it lies on the days of `span` (of the rows, by default), first to last, or
    has one of the ids `left_out`, and is not among the rows.
    """
    columns = {f.name: [getattr(row, f.name) for row in rows] for f in fields(RevenueRow)}
    first, last = span or (min(columns["occurred_at"]), max(columns["occurred_at"]))
    now = datetime.now(UTC).replace(tzinfo=None)
    given = {**columns, "source": source, "recorded_at": now, "import_id": f"{now:%Y%m%d-%H%M%S}-{now.microsecond:06d}"}
    given |= {"left_out": list(left_out), "first": first, "last": last}
    con.execute("begin")
    try:
        found = None
        for statement in step("imported_revenue").split(";"):
            names = {name: value for name, value in given.items() if f"${name}" in statement}
            found = con.execute(statement, names).fetchone() if names else con.execute(statement).fetchone()
        con.execute("rollback" if is_dry else "commit")
    except BaseException:
        con.execute("rollback")
        raise
    if found is None:
        raise AssertionError("the step ends with one row")
    rows_now, amount, unchanged, changed, withdrawn, kept, elsewhere, alike, example = found
    where = tuple(example.values()) if example else None
    return Imported(rows_now, amount or Decimal(0), unchanged, changed, withdrawn, kept, elsewhere, alike, where)


def withdraw_source(con: DuckDBPyConnection, source: str) -> int:
    """Every row that the source has said is gone; returns how many there were."""
    now = datetime.now(UTC).replace(tzinfo=None)
    con.execute("begin")
    try:
        con.execute(
            "insert into revenue_withdrawn by name select *, ? as withdrawn_at from revenue where source = ?",
            [now, source],
        )
        row = con.execute("delete from revenue where source = ?", [source]).fetchone()
        con.execute("update revenue_imports set undone_at = ? where source = ? and undone_at is null", [now, source])
        con.execute("commit")
    except BaseException:
        con.execute("rollback")
        raise
    return row[0] if row else 0


def undo_import(con: DuckDBPyConnection, import_id: str) -> tuple[int, int]:
    """What the import said is gone and what it replaced is back; how many rows of each.

    It must be the last import of its source: a later one was made of what this one said.
    """
    now = datetime.now(UTC).replace(tzinfo=None)
    counts: list[int] = []
    con.execute("begin")
    try:
        for statement in step("undone_import").split(";"):
            names = {"now": now, "import_id": import_id}
            row = con.execute(statement, {n: v for n, v in names.items() if f"${n}" in statement}).fetchone()
            counts.append(row[0] if row else 0)
        con.execute("commit")
    except BaseException:
        con.execute("rollback")
        raise
    return counts[0], counts[2]
