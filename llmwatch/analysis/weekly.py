"""Weekly cells of scores per task and stratum, and the window of the last weeks that the scan reads.

Owns how weeks are numbered, how cells add up and which strata are too small to stand alone; decides nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from math import isfinite
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import UsageError
from .scan import CANDIDATES, WEEKS, Sums, sizes_vary
from .stats import Floats

SMALL_STRATUM: Final = 0.02
# The name of the strata that are too small to stand alone, together.
OTHERS: Final = ""


class Cell(NamedTuple):
    """The scores of one task, week and stratum: how many, and the sums of their first three powers."""

    task: str
    # Consecutive whole numbers; `week_of` makes one from a day.
    week: int
    stratum: str
    n: int
    total: float
    squares: float
    cubes: float
    # All scores where they are at hand: graded scores can be permuted only with them.
    scores: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Window:
    """The last weeks of one task, small strata merged."""

    task: str
    sums: Sums
    scores: tuple[Floats, ...] | None
    # Of each stratum; OTHERS of those too small to stand alone.
    names: tuple[str, ...] = ()

    @property
    def strata(self) -> int:
        """How many strata stand alone."""
        return self.sums.n.shape[-1]

    def as_one_stratum(self) -> Window:
        """The same scores without regard to strata."""
        if self.scores is None:
            return Window(self.task, self.sums.pooled(), None)
        ends = np.cumsum(self.sums.n, axis=0).astype(np.int64)[:-1]
        parts = [np.split(scores, ends[:, s]) for s, scores in enumerate(self.scores)]
        by_week = [np.sort(np.concatenate([part[week] for part in parts])) for week in range(WEEKS)]
        return Window(self.task, self.sums.pooled(), (np.concatenate(by_week),))


def week_of(day: date) -> int:
    """The number of the day's week; weeks begin on Monday and follow each other by 1 across years."""
    return (day.toordinal() - 1) // 7


def monday_of(week: int) -> date:
    """The first day of a week from `week_of`."""
    return date.fromordinal(week * 7 + 1)


def cells_of(scores: Iterable[tuple[str, int, str, float]]) -> list[Cell]:
    """Cells from raw scores (task, week, stratum, score); the order of the scores changes nothing."""
    kept: dict[tuple[str, int, str], list[float]] = defaultdict(list)
    for task, week, stratum, score in scores:
        value = float(score)
        if not (isfinite(value) and 0 <= value <= 1):
            raise UsageError(f"A score of task {task!r} is {score!r}.", "Scores lie between 0 and 1.")
        kept[task, week, stratum].append(value)
    return [_cell(key, sorted(values)) for key, values in sorted(kept.items())]


def _cell(key: tuple[str, int, str], values: Sequence[float]) -> Cell:
    """The sums of one cell."""
    x = np.asarray(values, dtype=np.float64)
    return Cell(*key, len(x), float(x.sum()), float((x**2).sum()), float((x**3).sum()), tuple(values))


@dataclass(frozen=True, slots=True)
class Grid:
    """Where each of many cells stands in the windows of its task; a cell outside them stands nowhere."""

    tasks: tuple[str, ...]
    # The strata of each task that stand alone, small ones together as one.
    strata: tuple[tuple[str, ...], ...]
    _shape: tuple[int, int, int]
    # Per cell: whether it counts, and its place.
    _is_kept: NDArray[np.bool_]
    _place: NDArray[np.int64]

    def summed(self, values: Floats) -> Floats:
        """One value per cell as sums (task, week, stratum)."""
        summed = np.zeros(self._shape)
        np.add.at(summed.reshape(-1), self._place, values[self._is_kept])
        return summed

    def sums(self, n: Floats, total: Floats, squares: Floats, cubes: Floats) -> Sums:
        """The sums of all tasks, from one value per cell each."""
        return Sums(self.summed(n), self.summed(total), self.summed(squares), self.summed(cubes))

    def windows(self, sums: Sums) -> list[Window]:
        """One window per task."""
        parts = (sums.n, sums.total, sums.squares, sums.cubes)
        return [
            Window(task, Sums(*(x[i, :, : len(self.strata[i])] for x in parts)), None, self.strata[i])
            for i, task in enumerate(self.tasks)
        ]


def grid_of(
    tasks: Sequence[str],
    weeks: NDArray[np.int64],
    strata: Sequence[str],
    n: Floats,
    through: int,
    starts: Mapping[str, int] | None = None,
) -> Grid:
    """The grid of cells given by column; of a task in `starts` only weeks from there on count."""
    names, task = np.unique(np.asarray(tasks, dtype=np.str_), return_inverse=True)
    kinds, kind = np.unique(np.asarray(strata, dtype=np.str_), return_inverse=True)
    first = np.full(len(names), through - WEEKS + 1)
    for at, name in enumerate(names.tolist()):
        first[at] = max(first[at], (starts or {}).get(name, first[at]))
    kept = (weeks >= first[task]) & (weeks <= through) & (n > 0)
    sizes = np.zeros((len(names), len(kinds)))
    np.add.at(sizes, (task[kept], kind[kept]), n[kept])
    is_large = (sizes > 0) & (sizes >= SMALL_STRATUM * sizes.sum(axis=1, keepdims=True))
    large = is_large.sum(axis=1)
    # Small ones share the column behind the last large one.
    column = np.where(is_large, np.cumsum(is_large, axis=1) - 1, large[:, None])
    has_small = ((sizes > 0) & ~is_large).any(axis=1)
    own = tuple(
        (*kinds[is_large[i]].tolist(), *((OTHERS,) if has_small[i] or not large[i] else ())) for i in range(len(names))
    )
    width = max((len(strata) for strata in own), default=1)
    place = (task[kept] * WEEKS + weeks[kept] - through + WEEKS - 1) * width + column[task[kept], kind[kept]]
    return Grid(tuple(names.tolist()), own, (len(names), WEEKS, width), kept, place)


def window_of(task: str, cells: Iterable[Cell], through: int, start: int | None = None) -> Window:
    """The task's cells of the last weeks, none before `start`; strata with under 2 % of the scores become one."""
    first = max(through - WEEKS + 1, through - WEEKS + 1 if start is None else start)
    # Sums of floats depend on their order in the last digit; cells are added in theirs.
    kept = sorted(c for c in cells if first <= c.week <= through and c.n > 0)
    column, names = _columns(kept)
    strata = len(names)
    n, total, squares, cubes = (np.zeros((WEEKS, strata)) for _ in range(4))
    raw: dict[tuple[int, int], list[float]] = defaultdict(list)
    for cell in kept:
        at = (cell.week - through + WEEKS - 1, column[cell.stratum])
        n[at] += cell.n
        total[at] += cell.total
        squares[at] += cell.squares
        cubes[at] += cell.cubes
        if cell.scores:
            raw[at] += cell.scores
    # Weeks alike in size are never shuffled, see `scan_compared`.
    is_raw = bool(kept) and sizes_vary(n.sum(axis=1)) and all(len(c.scores) == c.n for c in kept)
    return Window(task, Sums(n, total, squares, cubes), _by_stratum(raw, strata) if is_raw else None, names)


def _columns(cells: Sequence[Cell]) -> tuple[dict[str, int], tuple[str, ...]]:
    """The column of each stratum, small ones sharing the last, and the names of the columns."""
    sizes: dict[str, int] = defaultdict(int)
    for cell in cells:
        sizes[cell.stratum] += cell.n
    floor = SMALL_STRATUM * sum(sizes.values())
    large = sorted(s for s, size in sizes.items() if size >= floor)
    column = {s: len(large) for s in sizes} | {s: i for i, s in enumerate(large)}
    return column, (*large, *((OTHERS,) if len(sizes) > len(large) or not large else ()))


def _by_stratum(raw: Mapping[tuple[int, int], Sequence[float]], strata: int) -> tuple[Floats, ...]:
    """Raw scores of each stratum in week order, sorted within a week."""
    return tuple(
        np.asarray([x for week in range(WEEKS) for x in sorted(raw.get((week, s), ()))], dtype=np.float64)
        for s in range(strata)
    )


def candidate_week(through: int, candidate: int) -> int:
    """The week a candidate stands for; the last candidate is the last week looked at."""
    return through - CANDIDATES + 1 + candidate


def candidate_weeks(through: int, candidates: tuple[int, int]) -> tuple[int, int]:
    """First and last week of a range of candidates."""
    return candidate_week(through, candidates[0]), candidate_week(through, candidates[1])
