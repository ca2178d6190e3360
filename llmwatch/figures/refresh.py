"""Owns bringing up to date what the analysis keeps in tables for dashboards: drift and downgrade verdicts.

The one place that commands and `serve` call, so that no dashboard computes a version of its own.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from ..analysis.spend import Period
from ..settings import Settings
from ..store import Store
from ..store.queries import create_views
from .downgrade import keep_downgrade, load_downgrade
from .drift import keep_drift, load_drift
from .reading import Reading

# What downgrade verdicts look at, as the command does by default.
_DOWNGRADE_DAYS: Final = 28


def refresh(settings: Settings, now: datetime) -> None:
    """The tables `drift` and `downgrade` say what the commands would say at `now` (UTC, without a zone).

    The store is read and judged first, and held for writing only while the rows are put down. StoreLocked if it
    cannot be; then the tables are as they were.
    """
    store = Store(settings)
    with store.read() as con:
        create_views(con)
        reading = Reading(con, (), settings)
        drifts = load_drift(reading, now)
        downgrades = load_downgrade(reading, Period(now - timedelta(days=_DOWNGRADE_DAYS), now))
    with store.changing() as con:
        keep_drift(con, drifts)
        keep_downgrade(con, downgrades)
