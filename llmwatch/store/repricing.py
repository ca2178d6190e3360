"""Prices stored calls again: those without a cost by every new price table, all others only where it is asked for.

What a call cost before is kept as a version, so that a past moment can be asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from ..prices import INCOMING_COLUMNS, PriceBook, price_incoming
from ..prices import sql as prices_sql
from ..prices.listing import library_version
from ..settings import Settings
from .configuration import book_of
from .file import get_meta, set_meta
from .kept_money import take_back_days
from .steps import step

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

# Calls that are priced at once.
_CALLS: Final = 250_000
_UNPRICED: Final = "cost_usd is null and cost_grade = 'D'"


@dataclass(frozen=True, slots=True)
class Repriced:
    """Calls of one model whose cost changes for one cause: hosts, contract, list, rule or unpriced (still unknown)."""

    cause: str
    model: str
    calls: int
    # Of these calls, those without a cost before and those without one after.
    unpriced_before: int
    unpriced_after: int
    # The sums of the known costs, in US dollars.
    before_usd: Decimal
    after_usd: Decimal


def keep_price_table(con: DuckDBPyConnection, book: PriceBook, digest: str) -> None:
    """The price table with this digest is in force from now on."""
    verified_on = book.verified_on()
    con.execute(
        "insert into price_tables values (?, ?, ?, ?)",
        [_now(), digest, f"genai-prices {library_version()}", verified_on],
    )
    set_meta(con, "price_digest", digest)
    set_meta(con, "prices_verified_on", verified_on.isoformat() if verified_on else "")


def price_unpriced(con: DuckDBPyConnection, book: PriceBook) -> str | None:
    """Calls without a cost have the one that this book knows; a sentence about how many, None for none."""
    found = list(_changed(con, book, (), _UNPRICED, reason="priced"))
    calls = sum(one.calls - one.unpriced_after for one in found)
    dollars = sum((one.after_usd for one in found), Decimal(0))
    if not calls:
        return None
    return f"priced {calls:,} call{'' if calls == 1 else 's'} that had no price: ${dollars:,.6f}"


def reprice(
    con: DuckDBPyConnection, settings: Settings, since: datetime | None, until: datetime | None, *, is_dry: bool
) -> list[Repriced]:
    """The calls of [since, until) cost what these settings say, None is unbounded; what changes, by cause and model.

    With `is_dry` nothing changes, and a connection that only reads will do.
    """
    book = book_of(settings)
    digest = book.digest()
    if is_dry:
        con.execute(prices_sql("prices").replace("create table if not exists", "create or replace temp table"))
        con.execute(f"insert into temp.prices from {_stored(con)}.prices")
    ends = ((since, ">="), (until, "<"))
    span = " and ".join(["true", *(f"started_at {sign} timestamp '{at}'" for at, sign in ends if at is not None)])
    found = _summed(_changed(con, book, settings.hosts, span, reason="repriced", is_dry=is_dry))
    if not is_dry:
        # What costs the same by this table was worked out with it too.
        con.execute(
            f"update calls set price_table = $digest where {span} and price_table is distinct from $digest",
            {"digest": digest},
        )
    return found


def _stored(con: DuckDBPyConnection) -> str:
    row = con.execute("select current_database()").fetchone()
    return f'"{row[0] if row else ""}".main'


def _changed(
    con: DuckDBPyConnection,
    book: PriceBook,
    hosts: Iterable[str],
    condition: str,
    *,
    reason: str,
    is_dry: bool = False,
) -> Iterator[Repriced]:
    """What changes, a part of the calls at a time, each in a transaction of its own."""
    columns = ", ".join(INCOMING_COLUMNS)
    row = con.execute(f"select min(started_at), max(started_at), count(*) from calls where {condition}").fetchone()
    if row is None or row[0] is None:
        return
    parts = 1 + row[2] // _CALLS
    width = (row[1] - row[0]) / parts
    # Calls are stored with their host alone.
    names = sorted({host.lower().rpartition(":")[0] or host.lower() for host in hosts})
    for part in range(parts):
        start, end = row[0] + part * width, row[0] + (part + 1) * width
        con.execute("begin")
        try:
            con.execute(
                f"create or replace temp table incoming as select {columns} from calls"
                f" where {condition} and started_at >= ? and (started_at < ? or ?)",
                [start, end, part == parts - 1],
            )
            price_incoming(con, book)
            con.execute(step("changing_calls"), {"hosts": names})
            rows = con.execute(_SUMS).fetchall()
            if rows and not is_dry:
                _put(con, book.digest(), reason)
            con.execute("rollback" if is_dry else "commit")
        except BaseException:
            with suppress(Exception):
                con.execute("rollback")
            raise
        yield from (Repriced(*values) for values in rows)


_SUMS: Final = (
    "select cause, model, count(*), count(*) filter (where before_usd is null),"
    " count(*) filter (where after_usd is null), coalesce(sum(before_usd), 0), coalesce(sum(after_usd), 0)"
    " from changing_calls group by all order by all"
)


def _put(con: DuckDBPyConnection, price_table: str, reason: str) -> None:
    first = con.execute("select min(started_at) from changing_calls").fetchone()
    take_back_days(con, first[0] if first else None)
    con.execute(step("versioned"), {"replaced_at": _now(), "reason": reason})
    con.execute(step("repriced"), {"price_table": price_table})
    # What is kept for dashboards follows.
    set_meta(con, "repriced_at", _now().isoformat())


def _summed(found: Iterator[Repriced]) -> list[Repriced]:
    sums: dict[tuple[str, str], Repriced] = {}
    for one in found:
        before = sums.get((one.cause, one.model))
        numbers: list[Any] = [one.calls, one.unpriced_before, one.unpriced_after, one.before_usd, one.after_usd]
        if before is not None:
            known = (before.calls, before.unpriced_before, before.unpriced_after, before.before_usd, before.after_usd)
            numbers = [a + b for a, b in zip(known, numbers, strict=True)]
        sums[one.cause, one.model] = Repriced(one.cause, one.model, *numbers)
    return sorted(sums.values(), key=lambda one: (one.cause, -abs(one.after_usd - one.before_usd), one.model))


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)


def older_calls(con: DuckDBPyConnection) -> int:
    """Calls with a cost that was worked out with an older price table than the one in force."""
    row = con.execute(
        "select count(*) from calls where cost_usd is not null and price_table is distinct from ?",
        [get_meta(con, "price_digest")],
    ).fetchone()
    return row[0] if row else 0
