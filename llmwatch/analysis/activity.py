"""What a monthly figure rests on: the days on which a task ran on a model, and whether it still does.

A task that ended or moved to another model costs nothing a month any more; one that began inside the period is
extrapolated from the days since.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from .spend import Period

_DAY: Final = timedelta(days=1)
# A task that is quiet for so long, and for half of a shorter period, has ended, unless it always pauses that long.
_QUIET: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Activity:
    """When a task ran on a model, in UTC; moments without a zone."""

    first_at: datetime
    last_at: datetime
    # Usual time between its calls of one day and of the next that has any.
    pause: timedelta
    # The last call of the task on any model.
    task_last_at: datetime

    def is_over(self, period: Period) -> bool:
        """It has ended, or all of it moved to another model at least a day ago."""
        usual = 2 * self.pause
        if self.task_last_at - self.last_at >= max(_DAY, usual):
            return True
        return is_quiet(period, self.last_at, usual)

    def days(self, period: Period, begins_at: datetime) -> int | None:
        """The days since it began, where that was inside the period (from `begins_at` on); None where it was there."""
        late = self.first_at - max(period.since, begins_at)
        if late <= max(_DAY, 2 * self.pause):
            return None
        return max(-(-(period.until - self.first_at) // _DAY), 1)


def is_quiet(period: Period, last_at: datetime, usual: timedelta = timedelta(0)) -> bool:
    """Nothing came for a week, or for half of a shorter period, and for longer than usual."""
    return period.until - last_at > max(min(_QUIET, period.length / 2), usual)


def activities(rows: Sequence[Mapping[str, Any]]) -> dict[tuple[str, str], Activity]:
    """(task, model as its calls report it) -> when it ran; `rows`: task_activity."""
    last: dict[str, datetime] = {}
    for row in rows:
        task = str(row["task_name"])
        last[task] = max(last.get(task, row["last_at"]), row["last_at"])
    return {
        (str(row["task_name"]), str(row["model"])): Activity(
            row["first_at"], row["last_at"], timedelta(seconds=float(row["pause_s"])), last[str(row["task_name"])]
        )
        for row in rows
    }


def together(found: Sequence[Activity]) -> Activity | None:
    """One model under several names."""
    if not found:
        return None
    return Activity(
        min(one.first_at for one in found),
        max(one.last_at for one in found),
        max(one.pause for one in found),
        max(one.task_last_at for one in found),
    )
