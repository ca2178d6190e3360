"""Owns how everything in the weekly report is asked for, once, for the command and for `serve`."""

from __future__ import annotations

from dataclasses import replace

from ..analysis.margin import DIMENSIONS as MARGIN_DIMENSIONS
from ..analysis.spend import Period
from ..analysis.weekly_report import Weekly
from .downgrade import load_downgrade
from .margin import load_margin
from .quality import load_quality
from .reading import Reading
from .spend import load_spend


def load_weekly(reading: Reading, asked: Period, dimension: str, top: int, flags: str = "") -> Weekly:
    """All parts of the report on a period; `flags` are those by which another command answers about the same calls."""
    # A plan has no calls of its own: what was spent is then shown by task.
    spend = load_spend(reading, asked, "task" if dimension == "plan" else dimension, top, flags)
    if not spend.now.calls:
        return Weekly(spend, dimension)
    # What the store may lack is said once.
    bare = replace(reading, hindrances=())
    margin = load_margin(bare, asked, dimension if dimension in MARGIN_DIMENSIONS else "customer", top)
    paying = [line.name for line in margin.customers if line.name and line.revenue is not None]
    return Weekly(
        spend=spend,
        dimension=dimension,
        margin=replace(margin, flags=flags),
        money_over_time=reading.rows(
            "money_over_time",
            since=asked.since,
            until=asked.until,
            steps=asked.steps,
            step_seconds=int(asked.step.total_seconds()),
            paying=paying,
        )
        if paying
        else (),
        scored=load_quality(bare, asked.since, asked.until),
        downgrades=load_downgrade(bare, asked),
    )
