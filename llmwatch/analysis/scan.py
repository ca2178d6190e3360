"""The "since when" scan: for each of the last eight weeks, were scores lower from it on than in the weeks before it?

Owns the arithmetic over one window of weekly sums per stratum; knows no task, no date and no verdict. A window is
always WEEKS long, oldest first; a week without scores is a row of zeros. Scores lie between 0 and 1.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from .stats import Floats, critical_maximum, gamma_share, maximum_p, null_maxima, skewness_corrected

CANDIDATES: Final = 8
BASELINE: Final = 12
WEEKS: Final = CANDIDATES + BASELINE
MIN_BASELINE_WEEKS: Final = 4
MIN_BASELINE_SCORES: Final = 20
MIN_NEW_SCORES: Final = 5
# Start weeks whose log likelihood ratio is within this of the best one's are as good a guess.
_COMPATIBLE: Final = 2.0
_LEVEL: Final = 0.95
_FIRST = np.arange(BASELINE, WEEKS)
_SEED: Final = 999
# So many permutations are drawn at a time: the memory of graded scores.
_BLOCK: Final = 111
_LEAST_DRAWN: Final = 999
_MOST_DRAWN: Final = 9_990
# Below this many permutations as extreme, the p value is a guess and more are drawn; with plenty, none.
_ENOUGH: Final = 10
_PLENTY: Final = 50
# Nothing in n tries: with 95 % confidence the chance is below 3 / n.
_NONE_OF: Final = 3.0
# More graded scores are not shuffled: seconds.
_MOST_SHUFFLED: Final = 5_000
# A p value above this, or so many times what would count, decides nothing, however exact.
_WORTH_PERMUTING: Final = 0.2
_TIMES_WORTH: Final = 50
# Below this the chance is above 0.05 for one candidate alone, and more so for the largest of several.
_QUIET: Final = 1.6
# "None" counts like so many degrees of freedom among the pooled: 12 to 48 do much alike, see `tests.simulations.drift`.
_PRIOR_WEIGHT: Final = 24
_MOST_WANDERING: Final = 3.0
# Calm weeks of all windows together look this restless once in ten times; those of one window, once in fifty.
_SHOWN: Final = 1.28
_OWN_LEVEL: Final = 0.98


@dataclass(frozen=True, slots=True)
class Sums:
    """Count and sums of three powers, each (..., week, stratum); leading axes are copies, such as permutations."""

    n: Floats
    total: Floats
    squares: Floats
    cubes: Floats

    @property
    def is_pass_or_fail(self) -> bool:
        """Every score is 0 or 1, so the sums say all there is."""
        return bool(np.allclose(self.total, self.squares) and np.allclose(self.total, self.cubes))

    def pooled(self) -> Sums:
        """The same scores as one stratum."""
        return Sums(*(x.sum(axis=-1, keepdims=True) for x in (self.n, self.total, self.squares, self.cubes)))

    def as_expected(self) -> Sums:
        """One stratum in which every score is the mean of its stratum over all weeks: only the mix moves it."""
        mean = _over(self.total.sum(axis=-2, keepdims=True), self.n.sum(axis=-2, keepdims=True))
        return Sums(self.n, self.n * mean, self.n * mean**2, self.n * mean**3).pooled()

    def flipped(self) -> Sums:
        """The sums of 1 - score: what fell has risen."""
        n, t, s = self.n, self.total, self.squares
        return Sums(n, n - t, n - 2 * t + s, n - 3 * t + 3 * s - self.cubes)


@dataclass(frozen=True, slots=True)
class Split:
    """Every candidate's comparison, axis -1 over candidates (strata: axis -1 after candidates)."""

    n_before: Floats
    n_after: Floats
    weight: Floats
    loss: Floats
    se: Floats
    skewness: Floats
    is_eligible: NDArray[np.bool_]

    def only(self, index: int, strata: int) -> Split:
        """The comparison of one copy, without the strata that were filled up."""
        return Split(
            self.n_before[index, :, :strata],
            self.n_after[index, :, :strata],
            self.weight[index, :, :strata],
            self.loss[index],
            self.se[index],
            self.skewness[index],
            self.is_eligible[index],
        )

    def flipped(self) -> Split:
        """The comparison of 1 - score: what fell has risen."""
        return replace(self, loss=-self.loss, skewness=-self.skewness)

    def evidence(self, overdispersion: float = 1.0) -> Floats:
        """The corrected z of every candidate; minus infinity where there is too little to compare."""
        z = skewness_corrected(self.loss / (self.se * overdispersion**0.5), self.skewness)
        return np.where(self.is_eligible, z, -np.inf)


@dataclass(frozen=True, slots=True)
class Wandering:
    """How much weeks differ from each other, one element per window: chi squares, their degrees of freedom, growth.

    Weeks that wander by t in score units raise chi square / df by t squared times `growth`: with the scores a week.
    """

    chi: Floats
    free: Floats
    growth: Floats

    def only(self, kept: NDArray[np.int64]) -> Wandering:
        """Those of some windows."""
        return Wandering(self.chi[kept], self.free[kept], self.growth[kept])


@dataclass(frozen=True, slots=True)
class Scan:
    """The likeliest start week of one window and what speaks for it; candidates count from 0, oldest first."""

    best: int
    # First and last candidate that fit nearly as well as the best.
    compatible: tuple[int, int]
    # Chance of a maximum as high when nothing happened.
    p: float
    overdispersion: float
    is_permuted: bool
    split: Split
    # The largest of the maximum's draws when nothing happened; all of them would be 160 kB a task.
    upper: Floats

    @property
    def loss(self) -> float:
        """Loss at equal mix from the best candidate on."""
        return float(self.split.loss[self.best])

    def lower(self, candidate: int) -> float:
        """A bound below the loss that holds for all candidates at once with 95 % confidence."""
        return float(
            self.split.loss[candidate] - self.critical(1 - _LEVEL) * self.split.se[candidate] * self.overdispersion**0.5
        )

    def critical(self, alpha: float) -> float:
        """The evidence that luck alone exceeds with chance `alpha`, over all start weeks; at most 0.05."""
        return critical_maximum(self.upper, int(np.count_nonzero(self.split.is_eligible)), alpha)

    def plain_means(self, sums: Sums, candidate: int) -> tuple[float, float]:
        """Average score before and from a candidate on, at whatever mix."""
        before, after = (x[candidate].sum() for x in _sides(sums.total))
        return float(before / self.split.n_before[candidate].sum()), float(after / self.split.n_after[candidate].sum())


def _sides(x: Floats) -> tuple[Floats, Floats]:
    """Sums over the weeks before and from each candidate on: (..., candidate, stratum)."""
    sums = np.concatenate([np.zeros_like(x[..., :1, :]), np.cumsum(x, axis=-2)], axis=-2)
    before = sums[..., BASELINE:WEEKS, :] - sums[..., :CANDIDATES, :]
    return before, sums[..., WEEKS:, :] - sums[..., BASELINE:WEEKS, :]


def _over(x: Floats, y: Floats) -> Floats:
    """x / y, and 0 where there is nothing to divide by."""
    return np.divide(x, y, out=np.zeros(np.broadcast_shapes(x.shape, y.shape)), where=y > 0)


def _variance(n: Floats, total: Floats, squares: Floats) -> Floats:
    """The variance of all scores of a stratum with half a pseudo-score at 0 and at 1: never 0."""
    return (np.maximum(squares - _over(total * total, n), 0.0) + 0.25) / (n + 1)


def split(sums: Sums) -> Split:
    """Before against after at equal mix, for each candidate: Mantel-Haenszel weights, pooled variance, skewness."""
    n0, n1 = _sides(sums.n)
    t0, t1 = _sides(sums.total)
    n, total = n0 + n1, t0 + t1
    # Of passes and fails all three sums are one.
    squares, cubes = (total if x is sums.total else np.add(*_sides(x)) for x in (sums.squares, sums.cubes))
    weight = _over(n0 * n1, n)
    weight = _over(weight, weight.sum(axis=-1, keepdims=True))
    loss = (weight * (_over(t0, n0) - _over(t1, n1))).sum(axis=-1)
    variance = _variance(n, total, squares)
    mean = _over(total, n)
    third = _over(cubes, n) - 3 * mean * _over(squares, n) + 2 * mean**3
    one = np.ones(())
    se = np.sqrt((weight**2 * variance * (_over(one, n0) + _over(one, n1))).sum(axis=-1))
    spread = (weight**3 * third * (_over(one, n0 * n0) - _over(one, n1 * n1))).sum(axis=-1)
    is_shared = weight > 0
    before, after = (n0 * is_shared).sum(axis=-1), (n1 * is_shared).sum(axis=-1)
    weeks, _ = _sides((sums.n.sum(axis=-1, keepdims=True) > 0).astype(np.float64))
    eligible = (before >= MIN_BASELINE_SCORES) & (after >= MIN_NEW_SCORES) & (weeks[..., 0] >= MIN_BASELINE_WEEKS)
    se = np.where(se > 0, se, 1.0)
    return Split(n0, n1, weight, loss, se, spread / se**3, eligible)


def correlation(sums: Sums, compared: Split) -> Floats:
    """How the eligible candidates' statistics move together when nothing happened, for these very weekly sizes."""
    week = np.arange(WEEKS)
    is_before = (week >= _FIRST[:, None] - BASELINE) & (week < _FIRST[:, None])
    is_after = week >= _FIRST[:, None]
    one = np.ones(())
    # How much one score of a week and stratum moves each candidate's loss: (candidate, week, stratum).
    moves = compared.weight[:, None, :] * (
        is_before[:, :, None] * _over(one, compared.n_before)[:, None, :]
        - is_after[:, :, None] * _over(one, compared.n_after)[:, None, :]
    )
    variance = _variance(sums.n.sum(axis=0), sums.total.sum(axis=0), sums.squares.sum(axis=0))
    scaled = (moves * np.sqrt(sums.n * variance)).reshape(CANDIDATES, -1)[compared.is_eligible]
    scaled /= np.sqrt((scaled**2).sum(axis=1, keepdims=True))
    return scaled @ scaled.T


def overdispersion(sums: Sums, first: NDArray[np.int64]) -> Wandering:
    """How much the weeks before `first` differ from each other at equal mix; leading axes as those of `sums`."""
    week = np.arange(WEEKS)
    is_before = (week >= first[..., None] - BASELINE) & (week < first[..., None])
    n, total, squares = (x * is_before[..., None] for x in (sums.n, sums.total, sums.squares))
    variance = _variance(n.sum(axis=-2), total.sum(axis=-2), squares.sum(axis=-2))
    mean = _over(total.sum(axis=-2), n.sum(axis=-2))
    expected = (n * variance[..., None, :]).sum(axis=-1)
    surplus = (total - n * mean[..., None, :]).sum(axis=-1)
    weeks = np.count_nonzero(expected, axis=-1).astype(np.float64)
    growth = _over(_over(n.sum(axis=-1) ** 2, expected).sum(axis=-1), weeks)
    return Wandering(_over(surplus**2, expected).sum(axis=-1), np.maximum(weeks - 1, 0.0), growth)


def pooled_overdispersion(seen: Wandering) -> Floats:
    """How many times more than luck the weeks of each window wander, from all windows together; at least 1.

    Assumes: weeks of like tasks wander by as many points, unless one task's own clearly do more; and not at all unless
    all together show it. chi square / df of 12 weeks is off by 0.4 either way: to count all that is above 1 of it costs
    calm tasks a tenth of their power.
    Reference: variance components by moments, as R. DerSimonian, N. Laird, Controlled Clinical Trials 7 (1986).
    Lies when: a task wanders more than all others and too little to show it.
    """
    # A fall nobody acknowledged sits in the baseline and is no wandering: capped, lest one task mutes the others.
    surplus = float((np.minimum(seen.chi, _MOST_WANDERING * seen.free) - seen.free).sum())
    pooled = np.ones_like(seen.chi)
    if surplus > _SHOWN * math.sqrt(2 * seen.free.sum()):
        growth = float(seen.free @ seen.growth)
        squared = surplus / (growth + _PRIOR_WEIGHT * growth / float(seen.free.sum()))
        pooled += squared * seen.growth
    half_free, half_chi = np.maximum(seen.free, 1) / 2, seen.chi / pooled / 2
    shares = [gamma_share(k, x) for k, x in zip(half_free.tolist(), half_chi.tolist(), strict=True)]
    is_its_own = np.array(shares) > _OWN_LEVEL
    return np.where(is_its_own, np.maximum(pooled, _over(seen.chi, seen.free)), pooled)


def scan(sums: Sums, scores: tuple[Floats, ...] | None = None) -> Scan | None:
    """The likeliest week from which scores are lower, and how often luck does as much; None with too little evidence.

    `scores`: per stratum, the raw scores of the window in week order. Without them sums of passes and fails are
    permuted all the same; sums of graded scores are judged by the normal law alone.
    """
    return scan_all([(sums, scores)])[0]


def scan_all(windows: Sequence[tuple[Sums, tuple[Floats, ...] | None]], alpha: float = 0.0) -> list[Scan | None]:
    """`scan` of many windows whose overdispersion is judged together; a chance below `alpha` need not be exact."""
    found: list[Scan | None] = [None] * len(windows)
    if not windows:
        return found
    filled = stacked([sums for sums, _ in windows])
    compared = split(filled)
    kept = np.flatnonzero(compared.is_eligible.any(axis=-1))
    first = BASELINE + np.argmax(compared.is_eligible, axis=-1)
    seen = overdispersion(filled, first)
    for i, phi in zip(kept.tolist(), pooled_overdispersion(seen.only(kept)).tolist(), strict=True):
        sums, scores = windows[i]
        found[i] = scan_compared(sums, scores, compared.only(i, sums.n.shape[-1]), phi, alpha)
    return found


def stacked(windows: Sequence[Sums]) -> Sums:
    """The windows along a leading axis; those with fewer strata are filled up with empty ones."""
    filled = np.zeros((4, len(windows), WEEKS, max(sums.n.shape[-1] for sums in windows)))
    for i, sums in enumerate(windows):
        for k, x in enumerate((sums.n, sums.total, sums.squares, sums.cubes)):
            filled[k, i, :, : x.shape[-1]] = x
    return Sums(filled[0], filled[1], filled[2], filled[3])


def scan_compared(
    sums: Sums, scores: tuple[Floats, ...] | None, compared: Split, phi: float, alpha: float = 0.0
) -> Scan:
    """The best candidate of one window, and its chance; below `alpha` it need not be exact."""
    count = int(np.count_nonzero(compared.is_eligible))
    z = compared.evidence(phi)
    best = int(np.argmax(z))
    largest = float(z[best])
    # Even one comparison alone says nothing: the exact chance decides nothing, so that of even weeks is good enough.
    is_quiet = largest < _QUIET
    maxima = _even_maxima(count) if is_quiet else null_maxima(correlation(sums, compared))
    p = maximum_p(largest, maxima, count)
    permuted = None
    worth = min(_WORTH_PERMUTING, _TIMES_WORTH * alpha) if alpha else _WORTH_PERMUTING
    if not is_quiet and p < worth and sizes_vary(sums.n.sum(axis=1)):
        permuted = permutation_p(sums, scores, largest, alpha)
    is_permuted = permuted is not None
    upper = maxima[-math.ceil((1 - _LEVEL) * len(maxima)) - 1 :]
    return Scan(
        best,
        _compatible(z, best),
        p if permuted is None else permuted,
        phi,
        is_permuted,
        compared,
        upper if is_quiet else upper.copy(),
    )


@cache
def _even_maxima(count: int) -> Floats:
    """`null_maxima` of the last `count` candidates of a window with the same scores every week."""
    n = np.zeros((WEEKS, 1))
    n[CANDIDATES - count :] = 100.0
    even = Sums(n, n / 2, n / 2, n / 2)
    return null_maxima(correlation(even, replace(split(even), is_eligible=np.arange(CANDIDATES) >= CANDIDATES - count)))


def _compatible(z: Floats, best: int) -> tuple[int, int]:
    """First and last candidate that fit the scores nearly as well as the best."""
    fits = (z > 0) & ((z[best] ** 2 - np.where(z > 0, z, 0.0) ** 2) / 2 <= _COMPATIBLE)
    fits[best] = True
    candidates = np.flatnonzero(fits)
    return int(candidates[0]), int(candidates[-1])


def sizes_vary(sizes: Floats) -> bool:
    """Some week has more than three times the scores of another: the normal law is not trusted then."""
    some = sizes[sizes > 0]
    return bool(some.max() > 3 * some.min())


def permutation_p(sums: Sums, scores: tuple[Floats, ...] | None, observed: float, alpha: float = 0.0) -> float | None:
    """Share of shufflings within strata that reach the observed maximum; None where raw scores lack or are too many.

    No more are drawn once none of so many reached it that the share is below `alpha` with 95 % confidence.
    """
    is_pass_or_fail = sums.is_pass_or_fail
    if not is_pass_or_fail and (scores is None or sum(map(len, scores)) > _MOST_SHUFFLED):
        return None
    rng = np.random.default_rng(_SEED)
    drawn = reached = 0
    while drawn < _MOST_DRAWN and (reached < _ENOUGH or (drawn < _LEAST_DRAWN and reached < _PLENTY)):
        shuffled = _shuffled_counts(rng, sums) if is_pass_or_fail else _shuffled_scores(rng, sums, scores or ())
        reached += int(np.count_nonzero(split(shuffled).evidence().max(axis=-1) >= observed - 1e-9))
        drawn += _BLOCK
        if not reached and drawn * alpha >= _NONE_OF:
            break
    return (1 + reached) / (1 + drawn)


def _shuffled_counts(rng: np.random.Generator, sums: Sums) -> Sums:
    """Passes dealt anew to the weeks of each stratum."""
    sizes = np.rint(sums.n).astype(np.int64)
    passes = np.rint(sums.total.sum(axis=0)).astype(np.int64)
    total = np.stack(
        [
            rng.multivariate_hypergeometric(sizes[:, s], int(passes[s]), size=_BLOCK, method="marginals")
            for s in range(sizes.shape[1])
        ],
        axis=-1,
    ).astype(np.float64)
    return Sums(sums.n, total, total, total)


def _shuffled_scores(rng: np.random.Generator, sums: Sums, scores: tuple[Floats, ...]) -> Sums:
    """Scores dealt anew to the weeks of each stratum."""
    powers = np.zeros((3, _BLOCK, *sums.n.shape))
    for stratum, values in enumerate(scores):
        sizes = sums.n[:, stratum].astype(np.int64)
        weeks = np.flatnonzero(sizes)
        first = np.cumsum(sizes)[weeks] - sizes[weeks]
        dealt = rng.permuted(np.tile(values, (_BLOCK, 1)), axis=1)
        power = dealt
        for at in range(3):
            powers[at, :, weeks, stratum] = np.add.reduceat(power, first, axis=1).T
            power = power * dealt
    return Sums(sums.n, powers[0], powers[1], powers[2])
