"""Owns the picture of a fall: a task's quality week by week with its interval, and the weeks in which it began."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from decimal import Decimal
from math import sqrt
from typing import Any, Final

from .report import Chart, Series
from .stats import wilson
from .task_drift import Drifts, TaskDrift

_WEEK: Final = timedelta(days=7)
# Falls that are drawn; all of them are said in words.
_CHARTS: Final = 4
# Weeks that a picture goes back.
WEEKS: Final = 26


def drawn(drifts: Drifts) -> tuple[TaskDrift, ...]:
    """The tasks that moved and whose scores can be drawn, alarms first."""
    moved = [one for one in drifts.tasks if one.evidence and (one.alarm or one.drift.verdict == "mix changed")]
    return tuple(moved[:_CHARTS])


def drift_charts(drifts: Drifts, rows: Iterable[Mapping[str, Any]]) -> tuple[Chart, ...]:
    """One picture per task of `drawn`, from rows of the query quality_over_time."""
    found = list(rows)
    return tuple(chart for one in drawn(drifts) if (chart := _chart(one, found)) is not None)


def _chart(one: TaskDrift, rows: list[Mapping[str, Any]]) -> Chart | None:
    of = (one.task, one.evidence, one.series or None)
    mine = {row["week"]: row for row in rows if (row["task"], row["evidence"], row["series"] or None) == of}
    if len(mine) < 3:
        return None
    first, last = min(mine), max(mine)
    weeks = [first + n * _WEEK for n in range((last - first) // _WEEK + 1)]
    values = [_value(mine.get(week)) for week in weeks]
    series = Series(
        "quality",
        f"Mean of {one.evidence} scores, 95 %",
        tuple(middle for _, middle, _ in values),
        tuple(low for low, _, _ in values),
        tuple(high for _, _, high in values),
    )
    shaded, marked = _marks(one, weeks)
    words = "began in the week of" if shaded and shaded[0] == shaded[1] else "began in a week from"
    points = tuple(week.isoformat() for week in weeks)
    return Chart(f"drift_{one.task}", f"{one.task}: quality by week", "share", points, (series,), shaded, marked, words)


def _marks(one: TaskDrift, weeks: list[date]) -> tuple[tuple[int, int] | None, int | None]:
    span = one.span
    if span is None:
        return None, None
    inside = [n for n, week in enumerate(weeks) if span.earliest <= week <= span.latest]
    marked = weeks.index(span.since) if span.since in weeks else None
    return ((inside[0], inside[-1]) if inside else None), marked


def _value(row: Mapping[str, Any] | None) -> tuple[Decimal | None, Decimal | None, Decimal | None]:
    """(low, mean, high) of one week's scores; of grades the normal interval, of passes Wilson's."""
    if row is None:
        return None, None, None
    n, total, squares = int(row["n"]), float(row["total"]), float(row["squares"])
    mean = total / n
    if abs(squares - total) < 1e-9:
        low, high = wilson(total, n)
    else:
        reach = 1.96 * sqrt(max(0.0, squares / n - mean**2) / n)
        low, high = max(0.0, mean - reach), min(1.0, mean + reach)
    return Decimal(f"{low:.6f}"), Decimal(f"{mean:.6f}"), Decimal(f"{high:.6f}")
