"""Owns keeping for dashboards what is known of the quality of each task, by week and of the days just past."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from ..analysis.quality import Quality, quality_by_task
from ..analysis.quality_report import why_unknown
from .quality import load_quality
from .reading import Reading

# Weeks that are kept, and how many of them are looked at again: scores arrive after the answers they are of.
_WEEKS: Final = 13
_OPEN_WEEKS: Final = 5
_DAYS: Final = (7, 28)


def load_kept_quality(reading: Reading, now: datetime) -> list[dict[str, Any]]:
    """A row of the table `quality` per task and period that is to be written anew at `now`."""
    known = {row[0] for row in reading.con.execute("select since from quality where period = 'week'").fetchall()}
    monday = datetime(now.year, now.month, now.day) - timedelta(days=now.weekday())  # noqa: DTZ001 - stored times are UTC
    weeks = [monday - timedelta(weeks=back) for back in range(_WEEKS)]
    asked = [
        ("week", since, min(since + timedelta(weeks=1), now))
        for back, since in enumerate(weeks)
        if back < _OPEN_WEEKS or since not in known
    ]
    asked += [(f"{days}d", now - timedelta(days=days), now) for days in _DAYS]
    return [row for period, since, until in asked for row in _rows(reading, period, since, until)]


def _rows(reading: Reading, period: str, since: datetime, until: datetime) -> list[dict[str, Any]]:
    found = quality_by_task(load_quality(reading, since, until))
    return [_row(one, period, since, until) for one in found.values()]


def _row(one: Quality, period: str, since: datetime, until: datetime) -> dict[str, Any]:
    best = one.best
    share = best.share if best else None
    return {
        "task_name": one.task,
        "period": period,
        "since": since,
        "until": until,
        "answers": one.answers,
        "evidence": best.rung if best else None,
        "scored": best.n if best else 0,
        "share": share.value if share else None,
        "share_low": share.low if share else None,
        "share_high": share.high if share else None,
        "is_alarming": best.is_alarming if best else None,
        "reason": None if share else why_unknown(one),
    }


def keep_quality(con: Any, rows: Sequence[Mapping[str, Any]]) -> None:
    """The rows stand in the table `quality` in place of those of the same periods; `con` is open for writing."""
    con.execute("begin")
    try:
        con.execute("delete from quality where period <> 'week'")
        for since in {row["since"] for row in rows if row["period"] == "week"}:
            con.execute("delete from quality where period = 'week' and since = $since", {"since": since})
        for row in rows:
            marks = ", ".join(f"${name}" for name in row)
            con.execute(f"insert into quality ({', '.join(row)}) values ({marks})", dict(row))
        con.execute("commit")
    except BaseException:
        con.execute("rollback")
        raise
