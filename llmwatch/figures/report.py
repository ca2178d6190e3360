"""Owns how everything in the weekly report is asked for, once, for the command and for `serve`."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

from ..analysis.drift_chart import WEEKS, drawn
from ..analysis.margin import DIMENSIONS as MARGIN_DIMENSIONS
from ..analysis.margin import Margin
from ..analysis.spend import Period
from ..analysis.task_drift import Drifts
from ..analysis.weekly_report import Weekly
from ..store.queries import keep
from .downgrade import load_downgrade
from .drift import load_drift
from .margin import load_margin
from .quality import load_quality
from .reading import Reading
from .spend import load_spend
from .sunset import load_sunset

_SWAPS: Final = 5


def load_weekly(reading: Reading, asked: Period, dimension: str, top: int, flags: str = "") -> Weekly:
    """All parts of the report on a period; `flags` are those by which another command answers about the same calls."""
    # A plan has no calls of its own: what was spent is then shown by task.
    spend = load_spend(reading, asked, "task" if dimension == "plan" else dimension, top, flags)
    if not spend.now.calls:
        return Weekly(spend, dimension)
    # What several parts stand on is computed once.
    keep(reading.con, "revenue_records", "scores_current", "answer_scores")
    # What the store may lack is said once.
    bare = replace(reading, hindrances=())
    margin = load_margin(bare, asked, dimension if dimension in MARGIN_DIMENSIONS else "customer", top)
    drifts = load_drift(bare, asked.until)
    return Weekly(
        spend=spend,
        dimension=dimension,
        margin=replace(margin, flags=flags),
        money_over_time=_money_over_time(bare, asked, margin),
        scored=load_quality(bare, asked.since, asked.until),
        drifts=drifts,
        quality_over_time=_quality_over_time(bare, asked, drifts),
        sunset=load_sunset(bare, asked, margin),
        # The section names no more than these; the command has the others.
        downgrades=load_downgrade(bare, asked, top=_SWAPS),
    )


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


def _quality_over_time(reading: Reading, asked: Period, drifts: Drifts) -> list[dict[str, Any]]:
    names = [one.task for one in drawn(drifts)]
    if not names:
        return []
    since = asked.until - timedelta(weeks=WEEKS)
    return reading.rows("quality_over_time", since=since, until=asked.until, names=names)
