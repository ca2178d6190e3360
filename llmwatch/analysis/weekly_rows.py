"""Owns how rows from outside become weekly cells: which weeks, strata and scores are read, and what is refused.

A row is (task, week, stratum, score). Weeks are numbered here and named again in the kind they came in.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from math import isfinite
from typing import Any, Final, SupportsFloat, cast

import numpy as np

from ..errors import UsageError
from .weekly import Cell, cells_of, monday_of, week_of

# A number, or a day in it: a date or its ISO text; results name the Monday in the kind that was given.
Week = int | str | date
# A stratum of None is one of its own; a score is a number from 0 to 1 of any kind.
Row = tuple[str, Week, str | None, SupportsFloat]

# There is a look at the end of every week between the first and the last: days given as numbers would be millions.
MOST_WEEKS: Final = 1_040
_WEEKS_ARE: Final = "Weeks are whole numbers or dates like 2026-11-16."
_ROW_IS: Final = "A row is (task, week, stratum, score)."


@dataclass(frozen=True, slots=True)
class Outside:
    """Cells of rows from outside, what their tasks were called, and in which kind their weeks came."""

    cells: list[Cell]
    tasks: Mapping[str, Any]
    kind: str

    @property
    def weeks(self) -> range:
        """Every week from the first with scores to the last."""
        if not self.cells:
            return range(0)
        return range(min(c.week for c in self.cells), max(c.week for c in self.cells) + 1)

    def number(self, week: Week) -> int:
        """The number of a week in the kind of the rows."""
        kind, number = _read_week(week)
        if self.cells and kind != self.kind:
            raise UsageError(f"The week {week!r} is {kind} and those of the rows are {self.kind}.", _WEEKS_ARE)
        return number

    def week(self, number: int) -> Week:
        """The week as it would have come; of days the Monday."""
        if self.kind == _NUMBERS:
            return number
        return monday_of(number).isoformat() if self.kind == _TEXT else monday_of(number)


_NUMBERS: Final = "numbers"
_TEXT: Final = "dates as text"
_DATES: Final = "dates"


def read_rows(rows: Iterable[Row]) -> Outside:
    """Cells from rows in any order; UsageError says in one sentence which row is none.

    Tasks and strata that are not text are told apart by how they print.
    """
    tasks: dict[str, Any] = {}
    kinds: dict[str, Week] = {}
    numbers: dict[tuple[str, Any], int] = {}

    def number(week: Week) -> int:
        key = (type(week).__name__, week)
        if key not in numbers:
            kind, numbers[key] = _read_week(week)
            kinds.setdefault(kind, week)
        return numbers[key]

    def read() -> Iterable[tuple[str, int, str, float]]:
        for row in _iterated(rows):
            task, week, stratum, score = _row(row)
            name = str(task)
            tasks.setdefault(name, task)
            yield name, number(week), "" if stratum is None else str(stratum), _score(name, score)

    cells = _without_passes(cells_of(read()))
    if len(kinds) > 1:
        one, other = list(kinds.values())[:2]
        raise UsageError(f"Weeks are of two kinds, {one!r} and {other!r}.", _WEEKS_ARE)
    found = Outside(cells, tasks, next(iter(kinds), _NUMBERS))
    if len(found.weeks) > MOST_WEEKS:
        raise UsageError(
            f"The rows span {len(found.weeks):,} weeks, and {MOST_WEEKS:,} is the most.",
            "Days are given as dates, not as numbers.",
        )
    return found


def _without_passes(cells: list[Cell]) -> list[Cell]:
    """The cells, raw scores only of tasks with graded ones: of passes and fails the sums say all there is."""
    graded = {c.task for c in cells if c.squares != c.total}
    return [c if c.task in graded else c._replace(scores=()) for c in cells]


def _iterated(rows: Any) -> Iterable[Any]:
    if isinstance(rows, str | bytes | Mapping) or not isinstance(rows, Iterable):
        kind = type(cast("object", rows)).__name__
        raise UsageError(f"Rows are a {kind}.", f"They are a list or a generator. {_ROW_IS}")
    return cast("Iterable[Any]", rows)


def _row(row: Any) -> tuple[Any, Any, Any, Any]:
    try:
        task, week, stratum, score = row
    except (TypeError, ValueError) as error:
        raise UsageError(f"The row {row!r} has not four parts.", _ROW_IS) from error
    if isinstance(row, str | Mapping):
        raise UsageError(f"The row {row!r} is none.", _ROW_IS)
    return task, week, stratum, score


def _score(task: str, score: Any) -> float:
    try:
        value = float("nan") if isinstance(score, str | bytes) else float(score)
    except (TypeError, ValueError):
        value = float("nan")
    if not (isfinite(value) and 0 <= value <= 1):
        raise UsageError(
            f"A score of task {task!r} is {score!r}.", "Scores lie between 0 and 1; leave out what has none."
        )
    return value


def _read_week(week: Any) -> tuple[str, int]:
    """(kind, number) of a week."""
    if isinstance(week, np.datetime64):
        week = week.astype("datetime64[D]").item()
    if isinstance(week, str):
        return _TEXT, week_of(_day_of(week))
    if isinstance(week, datetime):
        return _DATES, week_of(week.date())
    if isinstance(week, date):
        return _DATES, week_of(week)
    try:
        number = int(week)
        is_whole = number == week and not isinstance(week, bool | np.bool_)
    except (TypeError, ValueError, OverflowError):
        number, is_whole = 0, False
    if not is_whole:
        raise UsageError(f"The week {week!r} is neither a whole number nor a date.", _WEEKS_ARE)
    return _NUMBERS, number


def _day_of(text: str) -> date:
    for part in (text, text[:10]):
        try:
            return date.fromisoformat(part)
        except ValueError:
            continue
    raise UsageError(f"The week {text!r} is no date.", _WEEKS_ARE)
