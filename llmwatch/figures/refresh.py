"""Owns bringing up to date what the analysis keeps in tables for dashboards: drift, downgrade, quality, shutdowns.

The one place that commands and `serve` call, so that no dashboard computes a version of its own.
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import Any, Final

from ..analysis.spend import Period
from ..settings import Settings
from ..store import Store
from ..store.configuration import settings_in_force
from ..store.file import get_meta, set_meta
from ..store.kept_money import keep_days, keep_links
from ..store.queries import create_views, rows
from .downgrade import keep_downgrade, load_downgrade
from .drift import keep_drift, load_drift
from .kept_quality import keep_quality, load_kept_quality
from .reading import Reading
from .sunset import keep_shutdowns, load_shutdowns

# What downgrade verdicts look at, and how many are named at least, as the command does by default.
_DOWNGRADE_DAYS: Final = 30
_DOWNGRADES: Final = 50
_REFRESHED_FOR: Final = "refreshed_for"


def refresh(settings: Settings, now: datetime) -> None:
    """The tables drift, downgrade, quality and shutdowns say what the commands would say at `now` (UTC, no zone).

    Nothing is done where nothing has changed since. The store is read and judged first, and held for writing only while
    the rows are put down. StoreLocked if it cannot be; then the tables are as they were.
    """
    store = Store(settings)
    keep_money(store, now)
    with store.read_long() as con:
        create_views(con)
        settings = settings_in_force(con, settings)
        found = _state(con, settings, now)
        if get_meta(con, _REFRESHED_FOR) == found:
            return
        reading = Reading(con, (), settings)
        drifts = load_drift(reading, now)
        downgrades = load_downgrade(reading, Period(now - timedelta(days=_DOWNGRADE_DAYS), now), top=_DOWNGRADES)
        qualities = load_kept_quality(reading, now)
        shutdowns = load_shutdowns(reading)
    with store.changing() as con:
        keep_quality(con, qualities)
        keep_shutdowns(con, shutdowns)
        keep_drift(con, drifts)
        keep_downgrade(con, downgrades)
        set_meta(con, _REFRESHED_FOR, found)


def keep_money(store: Store, now: datetime) -> None:
    """Links of revenue and costs of whole days are kept up to `now`; the store is held for moments."""
    with store.changing() as con:
        keep_links(con)
    is_more = True
    while is_more:
        with store.changing() as con:
            is_more = keep_days(con, now)


def _state(con: Any, settings: Settings, now: datetime) -> str:
    """Changes with the day, with the settings, and with whatever the tables are made of."""
    row = rows(con, "kept_state")[0]
    said = repr((now.date(), settings, [row[name] for name in sorted(row)]))
    return hashlib.sha256(said.encode()).hexdigest()[:16]
