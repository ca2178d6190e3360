"""Owns how the rows of margin are asked for, and how they become lines."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from ..analysis.margin import Line, Margin, margin_lines
from ..analysis.spend import Period
from ..store.queries import keep
from .reading import Reading


def load_margin(store: Reading, asked: Period, dimension: str = "customer", top: int = 10) -> Margin:
    """The margin of every customer in the period and the one before, and of every name of the dimension."""
    # Looked up in a million calls once, not by each of six queries.
    keep(store.con, "revenue_records")
    here: dict[str, Any] = {"since": asked.since, "until": asked.until}
    before: dict[str, Any] = {"since": asked.previous_since, "until": asked.since}
    shared = _shared(store, here)
    rows = _customers(store, asked)
    customers, undivided = margin_lines(rows[True], shared, is_customer=True)
    previous, _ = margin_lines(rows[False], _shared(store, before), is_customer=True)
    settings = store.settings
    first: datetime | None = store.rows("coverage")[0]["first_call_at"]
    return Margin(
        period=asked,
        dimension=dimension,
        customers=customers,
        before=previous,
        lines=customers if dimension == "customer" else _lines(store, dimension, here, shared),
        top=top,
        shared_costs=shared,
        outcomes=store.rows("margin_outcomes", **here),
        knowing=store.rows("cost_of_knowing", **here)[0],
        knowing_before=store.rows("cost_of_knowing", **before)[0],
        unlinked=store.rows("revenue_unlinked")[0],
        undivided_shared=undivided,
        revenue_by=settings.revenue_by,
        target=None if settings.target_margin is None else Decimal(repr(settings.target_margin)),
        first_call_at=first,
        hindrances=store.hindrances,
    )


def _customers(store: Reading, asked: Period) -> dict[bool, list[dict[str, Any]]]:
    """Rows of margin_periods, those of the period asked for under True, those of the one before under False."""
    found: dict[bool, list[dict[str, Any]]] = {True: [], False: []}
    for row in store.rows("margin_periods", since=asked.since, until=asked.until, previous_since=asked.previous_since):
        for money in ("spend_usd", "revenue_nano"):
            row[money] = None if row[money] is None else Decimal(row[money])
        found[row["is_current"]].append(row)
    return found


def _shared(store: Reading, period: dict[str, Any]) -> list[dict[str, Any]]:
    # To plan the query takes longer than to see that few stores have shared costs.
    has_any = store.con.execute("select 1 from shared_costs limit 1").fetchone() is not None
    return store.rows("margin_shared", **period) if has_any else []


def _lines(store: Reading, dimension: str, here: dict[str, Any], shared: list[dict[str, Any]]) -> tuple[Line, ...]:
    if dimension == "plan":
        rows = store.rows("margin_plans", **here)
    else:
        rows = store.rows("margin_names", dimension=dimension, revenue_by=store.settings.revenue_by, **here)
    return margin_lines(rows, shared, is_customer=False)[0]
