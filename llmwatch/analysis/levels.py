"""The levels that a task's quality went through: a piecewise constant fit of one window, and where it stands now.

Owns the arithmetic alone, like `scan.py`, whose sums it reads: no task, no date, no verdict. The scan says whether
there was a fall; this says, of a fall that is known, what came before it, what came after and what is true today.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import sqrt
from typing import Final

import numpy as np
from numpy.typing import NDArray

from .scan import MIN_NEW_SCORES, Sums
from .stats import Floats, normal_quantile, normal_share, wilson

# "Now" is so many weeks, fewer where the level moved inside them.
NOW_WEEKS: Final = 4
_LEVEL: Final = 0.95
# What one more step must add to the log likelihood: z = 2.4. With less, calm weeks break up; with more, "now"
# reaches back over a move: `tests.simulations.drift_course`.
_STEP: Final = 3.0
# Start weeks whose log likelihood is within this of the best one's are as good a guess.
_COMPATIBLE: Final = 2.0
# A less likely age moves no end of an interval.
_NO_AGE: Final = 0.002
_TINY: Final = 1e-6
_HALVINGS: Final = 20
_ROUNDS: Final = 5
_OLD: Final = (*(0.0,) * (NOW_WEEKS - 1), 1.0)


@dataclass(frozen=True, slots=True)
class Mean:
    """A plain average over some weeks with its 95 % interval, and the scores it rests on."""

    value: float
    low: float
    high: float
    n: int
    weeks: int


@dataclass(frozen=True, slots=True)
class Step:
    """A move of the level at equal mix, in score units; below 0 it is a fall. Weeks count within the window."""

    week: int
    # First and last week that fit nearly as well.
    compatible: tuple[int, int]
    size: float
    error: float


@dataclass(frozen=True, slots=True)
class Levels:
    """Stretches of weeks without a shown move between them, oldest first: [starts[k], starts[k + 1])."""

    starts: tuple[int, ...]
    steps: tuple[Step, ...]
    weeks: int
    # How likely the present level is to be 1, 2, 3 and at least 4 weeks old.
    ages: tuple[float, ...]

    def stretch(self, number: int) -> slice:
        """The weeks of one stretch; negative numbers count from the last."""
        ends = (*self.starts[1:], self.weeks)
        return slice(self.starts[number], ends[number])


def fit_levels(sums: Sums, overdispersion: float = 1.0) -> Levels:
    """The likeliest levels of one window and the steps between them, each of which pays for itself.

    Assumes: strata move together and independent weeks vary as scores do, times the overdispersion.
    Reference: least squares with a price per step, as B. Jackson et al., IEEE Signal Processing Letters 12 (2005).
    Lies when: the level slides; it is then a staircase.
    """
    weeks = len(sums.n)
    by_week = sums.n.sum(axis=1)
    some = np.flatnonzero(by_week)
    if not len(some):
        return Levels((0,), (), weeks, _OLD)
    n, total = sums.n[some], sums.total[some]
    variance = _within(sums)
    # A score counts by how little its stratum varies.
    weight = n / (variance * overdispersion)
    mean = np.divide(total, n, out=np.zeros_like(total), where=n > 0)
    precision = weight.sum(axis=1)
    level = np.zeros(len(some))
    cuts, ages = [0], _OLD
    residual = level
    for _ in range(_ROUNDS):
        own = (weight * (mean - level[:, None])).sum(axis=0) / weight.sum(axis=0).clip(1e-12)
        residual = (weight * (mean - own)).sum(axis=1) / precision
        found, ages = _cuts(residual, precision, by_week[some])
        level = _leveled(residual, precision, found)
        if found == cuts and len(cuts) > 1 and len(n[0]) == 1:
            break
        cuts = found
    steps = tuple(_step(sums, residual, precision, some, cuts, k, overdispersion) for k in range(1, len(cuts)))
    return Levels((0, *(int(some[cut]) for cut in cuts[1:])), steps, weeks, ages)


def _within(sums: Sums) -> Floats:
    """The variance of a score of each stratum, with half a pseudo-score at 0 and at 1."""
    n, total, squares = (x.sum(axis=0) for x in (sums.n, sums.total, sums.squares))
    spread = squares - np.divide(total * total, n, out=np.zeros_like(n), where=n > 0)
    return (np.maximum(spread, 0.0) + 0.25) / (n + 1)


def _cuts(x: Floats, precision: Floats, scores: Floats) -> tuple[list[int], tuple[float, ...]]:
    """Where stretches of enough scores begin, by dynamic programming, and how likely the last is how old."""
    count = len(x)
    p, px, n = (np.concatenate([[0.0], np.cumsum(y)]) for y in (precision, precision * x, scores))
    best, back = np.full(count + 1, -np.inf), [0] * (count + 1)
    best[0] = 0.0
    through = best
    for end in range(1, count + 1):
        begin = np.arange(end)
        gained = (px[end] - px[begin]) ** 2 / (p[end] - p[begin]) / 2 - _STEP
        gained[n[end] - n[begin] < MIN_NEW_SCORES] = -np.inf
        # Too few scores in the whole window are one stretch all the same.
        gained[0] = max(gained[0], (px[end] - px[0]) ** 2 / (p[end] - p[0]) / 2 - _STEP)
        through = best[:end] + gained
        at = int(np.argmax(through))
        best[end], back[end] = through[at], at
    cuts = [back[count]]
    while cuts[0]:
        cuts.insert(0, back[cuts[0]])
    # `through` is now that of the last week: the fit in which the last stretch begins at each.
    young = [through[count - age] if age < count else -np.inf for age in range(1, NOW_WEEKS)]
    likely = np.exp(np.array([*young, through[: max(count - NOW_WEEKS + 1, 1)].max()]) - best[count])
    return cuts, tuple((likely / likely.sum()).tolist())


def _leveled(x: Floats, precision: Floats, cuts: list[int]) -> Floats:
    totals, weights = np.add.reduceat(precision * x, cuts), np.add.reduceat(precision, cuts)
    return np.repeat(totals / weights, np.diff([*cuts, len(x)]))


def _step(
    sums: Sums, x: Floats, precision: Floats, some: NDArray[np.int64], cuts: list[int], k: int, phi: float
) -> Step:
    """One step with its size at equal mix; its place may move between its neighbours."""
    first, last = cuts[k - 1], (*cuts[k + 1 :], len(x))[0]
    p, px = (np.concatenate([[0.0], np.cumsum(y[first:last])]) for y in (precision, precision * x))
    at = np.arange(1, last - first)
    fit = (px[at] ** 2 / p[at] + (px[-1] - px[at]) ** 2 / (p[-1] - p[at])) / 2
    near = first + at[fit >= fit[cuts[k] - first - 1] - _COMPATIBLE]
    ends = [*(int(some[cut]) for cut in cuts[1:]), len(sums.n)]
    before = slice(int(some[first]) if k > 1 else 0, ends[k - 1])
    size, error = difference(sums, before, slice(ends[k - 1], ends[k]), phi)
    return Step(int(some[cuts[k]]), (int(some[near[0]]), int(some[near[-1]])), size, error)


def difference(sums: Sums, before: slice, after: slice, overdispersion: float = 1.0) -> tuple[float, float]:
    """(after less before at equal mix, its standard error): Mantel-Haenszel over the strata that both have."""
    n0, n1 = sums.n[before].sum(axis=0), sums.n[after].sum(axis=0)
    both = (n0 > 0) & (n1 > 0)
    if not both.any():
        return 0.0, float("inf")
    n0, n1 = n0[both], n1[both]
    t0, t1 = sums.total[before].sum(axis=0)[both], sums.total[after].sum(axis=0)[both]
    weight = n0 * n1 / (n0 + n1)
    weight /= weight.sum()
    spread = [
        _within(Sums(*(x[weeks][:, both] for x in (sums.n, sums.total, sums.squares, sums.cubes))))
        for weeks in (before, after)
    ]
    variance = (weight**2 * (spread[0] / n0 + spread[1] / n1)).sum() * overdispersion
    return float((weight * (t1 / n1 - t0 / n0)).sum()), sqrt(variance)


def plain_mean(sums: Sums, weeks: slice, overdispersion: float = 1.0) -> Mean:
    """The average over these weeks at whatever mix: Wilson's interval of passes, the normal one of grades.

    Assumes: one level over the weeks. Reference: as `wilson`.
    Lies when: it moved inside them by less than is shown.
    """
    n, total, squares = (float(x[weeks].sum()) for x in (sums.n, sums.total, sums.squares))
    count = int(np.count_nonzero(sums.n[weeks].sum(axis=1)))
    if not n:
        return Mean(float("nan"), 0.0, 1.0, 0, 0)
    # Calibrated scores may average beyond the ends of the scale, by luck.
    mean, effective = min(max(total / n, 0.0), 1.0), n / overdispersion
    if sums.is_pass_or_fail:
        low, high = wilson(mean * effective, effective, _LEVEL)
    else:
        half = normal_quantile(0.5 + _LEVEL / 2) * sqrt((max(squares - n * mean**2, 0.0) + 0.25) / (n + 1) / effective)
        low, high = max(mean - half, 0.0), min(mean + half, 1.0)
    return Mean(mean, low, high, round(n), count)


def now_of(sums: Sums, levels: Levels, overdispersion: float = 1.0) -> tuple[slice, Mean]:
    """The weeks that are most likely of one level with today, at most four, and their average.

    The interval allows for the other ages that the level may have.
    """
    ages = [(age, share) for age, share in enumerate(levels.ages, 1) if share > _NO_AGE]
    means = [
        (share, plain_mean(sums, slice(max(levels.weeks - age, 0), levels.weeks), overdispersion))
        for age, share in ages
    ]
    likeliest = max(ages, key=lambda one: one[1])[0]
    weeks = slice(max(levels.weeks - likeliest, 0), levels.weeks)
    own = plain_mean(sums, weeks, overdispersion)
    means = [(share, mean) for share, mean in means if mean.n]
    low, high = _mixed(means, -1), _mixed(means, 1)
    return weeks, replace(own, low=min(low, own.value), high=max(high, own.value))


def _mixed(means: Sequence[tuple[float, Mean]], side: int) -> float:
    """The end of the interval that a mixture of intervals leaves 2.5 % beyond."""
    z = normal_quantile(0.5 + _LEVEL / 2)
    total = sum(share for share, _ in means)
    errors = [max(abs((one.high if side > 0 else one.low) - one.value) / z, _TINY) for _, one in means]

    def beyond(end: float) -> float:
        parts = (
            share * normal_share(-side * (end - one.value) / error)
            for (share, one), error in zip(means, errors, strict=True)
        )
        return sum(parts) / total

    inner, outer = (0.0, 1.0) if side > 0 else (1.0, 0.0)
    for _ in range(_HALVINGS):
        middle = (inner + outer) / 2
        inner, outer = (inner, middle) if beyond(middle) <= (1 - _LEVEL) / 2 else (middle, outer)
    return outer
