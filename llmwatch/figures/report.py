"""Owns how everything in the weekly report is asked for, once, for the command and for `serve`."""

from __future__ import annotations

from ..analysis.spend import Period
from ..analysis.weekly_report import Weekly
from .reading import Reading
from .spend import load_spend


def load_weekly(reading: Reading, asked: Period, dimension: str, top: int, flags: str = "") -> Weekly:
    """All parts of the report on a period; `flags` are those by which another command answers about the same calls."""
    return Weekly(spend=load_spend(reading, asked, dimension, top, flags))
