"""Owns how everything in the weekly report is asked for, once, for the command and for `serve`."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

from ..analysis.margin import DIMENSIONS as MARGIN_DIMENSIONS
from ..analysis.margin import Margin
from ..analysis.spend import Period
from ..analysis.weekly_report import Weekly
from ..store.queries import keep
from .beside import Beside, load_judged
from .history import with_history
from .margin import load_margin
from .reading import Reading
from .spend import load_spend
from .sunset import load_sunset


def load_weekly(
    reading: Reading, asked: Period, dimension: str, top: int, flags: str = "", aside: Beside | None = None
) -> Weekly:
    """All parts of the report on a period; `flags` are those by which another command answers about the same calls.

    `aside`: the process that may judge the answers meanwhile.
    """
    reading = with_history(reading, asked)
    # What the store may lack is said once.
    bare = replace(reading, hindrances=())
    is_begun = aside is not None and aside.ask(bare, asked)
    # A plan has no calls of its own: what was spent is then shown by task.
    spend = load_spend(reading, asked, "task" if dimension == "plan" else dimension, top, flags)
    if not spend.now.calls:
        return Weekly(spend, dimension)
    # What several parts stand on is computed once.
    keep(reading.con, "revenue_records")
    margin = load_margin(bare, asked, dimension if dimension in MARGIN_DIMENSIONS else "customer", top)
    money_over_time = _money_over_time(bare, asked, margin)
    sunset = load_sunset(bare, asked, margin)
    judged = (aside.answer() if aside is not None and is_begun else None) or load_judged(bare, asked)
    return Weekly(
        spend=spend,
        dimension=dimension,
        top=top,
        margin=replace(margin, flags=flags),
        dearest=_dearest(bare, asked) if spend.now.unpriced else {},
        money_over_time=money_over_time,
        scored=judged.scored,
        drifts=judged.drifts,
        quality_over_time=judged.quality_over_time,
        sunset=sunset,
        downgrades=judged.downgrades,
    )


def _dearest(reading: Reading, asked: Period) -> dict[str, Decimal | None]:
    rows = reading.rows("unpriced_dearest", since=asked.since, until=asked.until)
    amounts = ((str(row["customer"]), row["dearest_usd"]) for row in rows)
    return {customer: None if usd is None else Decimal(repr(usd)) for customer, usd in amounts}


def _money_over_time(reading: Reading, asked: Period, margin: Margin) -> list[dict[str, Any]]:
    paying = [line.name for line in margin.customers if line.name and line.revenue is not None]
    if not paying:
        return []
    step_seconds = int(asked.step.total_seconds())
    return reading.rows(
        "money_over_time",
        since=asked.since,
        until=asked.until,
        steps=asked.steps,
        step_seconds=step_seconds,
        paying=paying,
    )
