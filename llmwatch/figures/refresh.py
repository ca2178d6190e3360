"""Owns bringing up to date what the analysis keeps in tables for dashboards: drift, downgrade, quality, shutdowns.

The one place that commands and `serve` call, so that no dashboard computes a version of its own.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from ..analysis.spend import Period
from ..settings import Settings
from ..store import Store
from ..store.file import set_meta
from ..store.queries import create_views
from .downgrade import keep_downgrade, load_downgrade
from .drift import keep_drift, load_drift
from .kept_quality import keep_quality, load_kept_quality
from .reading import Reading
from .sunset import keep_shutdowns, load_shutdowns

# What downgrade verdicts look at, and how many are named at least, as the command does by default.
_DOWNGRADE_DAYS: Final = 30
_DOWNGRADES: Final = 50


def refresh(settings: Settings, now: datetime) -> None:
    """The tables drift, downgrade, quality and shutdowns say what the commands would say at `now` (UTC, no zone).

    The store is read and judged first, and held for writing only while the rows are put down. StoreLocked if it
    cannot be; then the tables are as they were.
    """
    store = Store(settings)
    with store.read_long() as con:
        create_views(con)
        reading = Reading(con, (), settings)
        drifts = load_drift(reading, now)
        downgrades = load_downgrade(reading, Period(now - timedelta(days=_DOWNGRADE_DAYS), now), top=_DOWNGRADES)
        qualities = load_kept_quality(reading, now)
        shutdowns = load_shutdowns(reading)
    with store.changing() as con:
        _keep_settings(con, settings)
        keep_quality(con, qualities)
        keep_shutdowns(con, shutdowns)
        keep_drift(con, drifts)
        keep_downgrade(con, downgrades)


def _keep_settings(con: Any, settings: Settings) -> None:
    """How margin is divided and what it should be, for whoever asks for it over the wire."""
    set_meta(con, "revenue_by", settings.revenue_by)
    set_meta(con, "target_margin", "" if settings.target_margin is None else str(settings.target_margin))
