"""Owns the statistics of paired differences: score interval, betting e-process, futility, planning, audited estimate.

A difference is candidate minus incumbent on one stored input, in [-1, 1]; a margin is the loss allowed, above 0.
Never decides what to recommend (`downgrade` does) and never draws a random number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from math import ceil, exp, inf, log, log1p, sqrt
from operator import add
from statistics import NormalDist
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
_Way = TypeVar("_Way", bound=str)

# One-sided 95 %: the bound of one look, and both ends of the 90 % interval that is shown.
Z95: Final = 1.6448536269514722
_Z_POWER: Final = 0.84
# Both ends of a 95 % interval.
Z975: Final = 1.959963984540054
# What is printed of reviewed answers. A move is made at the first look that allows it, which a lucky one does: at 95 %
# 1 printed bound in 10 would be false where the true loss is near the margin, at 99.5 % none in 100 is.
Z995: Final = 2.5758293035489004
# Stricter than one look, for it is looked at eight times.
Z_FUTILE: Final = 2.33
# Shares of the wealth that may be bet; the four bettors' mean is the evidence.
STAKES_BET: Final = (0.15, 0.35, 0.6, 0.9)
# Ville: wealth reaches 20 with a chance of 5 % at most, at any number of replays, if the loss is the margin or more.
PROOF: Final = 20.0
LOG_PROOF: Final = log(PROOF)
# Numbers of replays at which futility is looked at; never before 100.
LOOKS: Final = (100, 200, 300, 400, 600, 800, 1200, 1600)
CAP: Final = 1_600
_PATIENCE: Final = 400
LEAST_AUDITS: Final = 5


def tango_z(better: ArrayLike, worse: ArrayLike, n: ArrayLike, difference: ArrayLike) -> Floats:
    """Tango's score statistic of paired binary data for `difference`; falls as `difference` rises.

    Assumes independent pairs. Tango, Statistics in Medicine 17 (1998) 891. Lies for graded scores: see `mean_error`.
    """
    g, w, total, delta = (np.asarray(x, dtype=np.float64) for x in (better, worse, n, difference))
    linear = -g - w + (2 * total - g + w) * delta
    constant = -w * delta * (1 - delta)
    root = np.sqrt(np.maximum(linear**2 - 8 * total * constant, 0))
    # The share of worse pairs that is likeliest among all tables with this difference.
    share_worse = (root - linear) / (4 * total)
    variance = total * (2 * share_worse + delta * (1 - delta))
    above = g - w - total * delta
    with np.errstate(divide="ignore", invalid="ignore"):
        z = above / np.sqrt(np.maximum(variance, 0))
    return np.where(np.abs(above) < 1e-12, 0.0, z)


def tango_interval(better: ArrayLike, worse: ArrayLike, n: ArrayLike, z: float = Z95) -> tuple[Floats, Floats]:
    """The differences that the score test does not reject at `z`, to 1e-12, by bisection."""
    g, w, total = np.broadcast_arrays(*(np.asarray(x, dtype=np.float64) for x in (better, worse, n)))
    estimate = (g - w) / total
    low_out, low_in = np.full(g.shape, -1.0), estimate.copy()
    high_in, high_out = estimate.copy(), np.full(g.shape, 1.0)
    for _ in range(42):
        middle = (low_out + low_in) / 2
        is_out = tango_z(g, w, total, middle) > z
        low_out, low_in = np.where(is_out, middle, low_out), np.where(is_out, low_in, middle)
        middle = (high_in + high_out) / 2
        is_out = tango_z(g, w, total, middle) < -z
        high_in, high_out = np.where(is_out, high_in, middle), np.where(is_out, middle, high_out)
    return low_in, high_in


@lru_cache(maxsize=4096)
def _bounds(better: int, worse: int, n: int, z: float) -> tuple[float, float]:
    """`tango_interval` of one table: a verdict asks for the same one several times, and it is most of its time."""
    low, high = tango_interval(better, worse, n, z)
    return float(low), float(high)


def mean_error(total: float, total_sq: float, n: int) -> float:
    """The standard error of a mean of graded differences; half a pseudo-pair at each end keeps it above 0."""
    variance = (total_sq + 1) / (n + 1) - (total / (n + 1)) ** 2
    return sqrt(variance / n)


@dataclass(frozen=True, slots=True)
class Summary:
    """Differences in sums: all that the interval and the tests need."""

    n: int
    better: int
    worse: int
    total: float
    total_sq: float
    is_graded: bool

    @property
    def mean(self) -> float:
        """The mean difference; 0 without pairs."""
        return self.total / self.n if self.n else 0.0

    @property
    def variance(self) -> float:
        """The variance of one difference."""
        return max(self.total_sq / self.n - self.mean**2, 0.0) if self.n else 0.0

    def z(self, difference: float) -> float:
        """The score statistic: Tango's, or that of a mean if the scores are graded."""
        if not self.n:
            return 0.0
        if self.is_graded:
            return (self.mean - difference) / mean_error(self.total, self.total_sq, self.n)
        return float(tango_z(self.better, self.worse, self.n, difference))

    def interval(self, z: float = Z95) -> tuple[float, float]:
        """The interval of the mean difference at `z`; everything without pairs."""
        if not self.n:
            return -1.0, 1.0
        if self.is_graded:
            half = z * mean_error(self.total, self.total_sq, self.n)
            return max(self.mean - half, -1.0), min(self.mean + half, 1.0)
        return _bounds(self.better, self.worse, self.n, z)


def summarized(differences: Sequence[float]) -> Summary:
    """The sums of the differences; graded if any of them is neither -1, 0 nor 1."""
    d = np.asarray(differences, dtype=np.float64)
    return Summary(
        n=d.size,
        better=int((d > 0).sum()),
        worse=int((d < 0).sum()),
        total=float(d.sum()),
        total_sq=float((d**2).sum()),
        is_graded=bool(np.any((d != 0) & (np.abs(d) != 1))),
    )


def _bets(margin: float, *, is_mirrored: bool) -> tuple[float, ...]:
    # The largest loss of one bet is all of the stake: l (1 - m) for the bet on safety, l (1 + m) for the mirror.
    if is_mirrored:
        return tuple(-bet / (1 + margin) for bet in STAKES_BET)
    return tuple(bet / (1 - margin) for bet in STAKES_BET)


def log_evidence(differences: ArrayLike, margin: float, *, is_mirrored: bool = False) -> Floats:
    """The logarithm of E after every replay (last axis): E = 1/4 sum_k prod_i (1 + l_k (d_i + m)).

    Evidence that the loss is below the margin, or mirrored: above it. Waudby-Smith and Ramdas, JRSS B 86 (2024) 1.
    Assumes replays independent and in the order of time. Lies if their order was chosen by their scores.
    """
    edge = np.asarray(differences, dtype=np.float64) + margin
    path: Any = None
    for bet in _bets(margin, is_mirrored=is_mirrored):
        wealth = np.cumsum(np.log1p(bet * edge), axis=-1)
        path = wealth if path is None else np.logaddexp(path, wealth)
    return path - log(len(STAKES_BET))


def lowest_difference(differences: Sequence[float], margin: float) -> float:
    """The lowest mean difference that the e-process leaves open: 95 %, however often it was looked at; -1 if any is.

    Every margin whose evidence has ever reached the proof is ruled out, and a larger margin is ruled out with it, so
    that the smallest one is found by bisection, to 0.01 points; `margin`, which a verdict rests on, is asked exactly.
    Negated differences and margin give the highest.
    """
    known, at = np.unique(np.asarray(differences, dtype=np.float64), return_inverse=True)
    open_loss, ruled_out = -1.0, 1.0
    for step in range(15):
        loss = (open_loss + ruled_out) / 2 if step else margin
        path: Any = None
        for bet in _bets(loss, is_mirrored=False):
            wealth = np.cumsum(np.log1p(bet * (known + loss))[at])
            path = wealth if path is None else np.logaddexp(path, wealth)
        is_ruled_out = path.size > 0 and path.max() - log(len(STAKES_BET)) >= LOG_PROOF
        open_loss, ruled_out = (open_loss, loss) if is_ruled_out else (loss, ruled_out)
    return -ruled_out


class Evidence:
    """The e-process one replay at a time: the same numbers as `log_evidence`."""

    __slots__ = ("_bets", "_margin", "_steps", "_wealth", "highest")

    def __init__(self, margin: float, *, is_mirrored: bool = False) -> None:
        self._bets = _bets(margin, is_mirrored=is_mirrored)
        self._margin = margin
        self._wealth = [0.0] * len(self._bets)
        # Most differences are -1, 0 or 1.
        self._steps: dict[float, list[float]] = {}
        self.highest = 0.0

    def take(self, difference: float) -> float:
        """The logarithm of E after this replay."""
        step = self._steps.get(difference)
        if step is None:
            edge = difference + self._margin
            step = self._steps[difference] = [log1p(bet * edge) for bet in self._bets]
        wealth = self._wealth = list(map(add, self._wealth, step))
        top = max(wealth)
        now = top + log(sum([exp(w - top) for w in wealth]) / len(wealth))
        self.highest = max(self.highest, now)
        return now


def is_hopeless(n: ArrayLike, mean: ArrayLike, variance: ArrayLike, margin: float) -> NDArray[np.bool_]:
    """Whether even a difference 2.33 standard errors better than seen would lose more than the margin."""
    error = np.sqrt(np.asarray(variance, dtype=np.float64) / np.asarray(n, dtype=np.float64))
    return np.asarray(mean, dtype=np.float64) + Z_FUTILE * error < -margin


def is_too_dear(n: ArrayLike, mean: ArrayLike, variance: ArrayLike, margin: float, cap: int) -> NDArray[np.bool_]:
    """Whether the replays needed, were the candidate a standard error better than seen, are above the cap.

    Not up to 400 replays where it looks worse than the margin: some more show that, and "it is worse" is an answer.
    """
    spread = np.asarray(variance, dtype=np.float64)
    seen = np.asarray(mean, dtype=np.float64)
    hoped = seen + np.sqrt(spread / np.asarray(n, dtype=np.float64))
    return (_planned(spread, hoped, margin) > cap) & ((seen > -margin) | (np.asarray(n) > _PATIENCE))


def _planned(variance: ArrayLike, difference: ArrayLike, margin: float) -> Floats:
    room = np.asarray(difference, dtype=np.float64) + margin
    with np.errstate(divide="ignore", invalid="ignore"):
        n = (Z95 + _Z_POWER) ** 2 * np.asarray(variance, dtype=np.float64) / room**2
    return np.where(room <= 0, inf, np.maximum(n, log(0.05) / log(1 - margin)))


def planned_replays(worse: float, better: float, margin: float) -> float:
    """Replays for 80 % power at one look planned beforehand; infinite if the loss is the margin or more."""
    return float(_planned(worse + better - (better - worse) ** 2, better - worse, margin))


def sequential_replays(variance: float, difference: float, margin: float) -> float:
    """Replays for about 80 % power of the e-process: twice one look, up to three times if they hardly ever differ."""
    one_look = float(_planned(variance, difference, margin))
    factor = 2.0 if variance >= 0.03 else 2.5 if variance >= 0.015 else 3.0
    fewest = lossless_replays(margin) if difference <= 0 else 0
    return one_look if one_look == inf else ceil(max(factor * one_look if variance else 0, fewest))


@cache
def lossless_replays(margin: float) -> int:
    """The fewest replays that prove the margin if no answer differs: 224, 148, 88 at 2, 3, 5 points."""
    path = log_evidence(np.zeros(20_000), margin)
    return int(np.argmax(path >= LOG_PROOF)) + 1


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean difference with its standard error; the arrays have one element per repetition."""

    mean: Floats
    error: Floats

    def low(self, z: float = Z95) -> Floats:
        """The lower bound at `z`."""
        return self.mean - z * self.error

    def high(self, z: float = Z95) -> Floats:
        """The upper bound at `z`."""
        return self.mean + z * self.error


def two_phase(
    identical: ArrayLike,
    counts: ArrayLike,
    audited: ArrayLike,
    total: ArrayLike,
    total_sq: ArrayLike,
) -> Estimate:
    """The mean difference when only audited pairs of every verdict (last axis) are known; identical pairs are 0.

    The double-sampling estimator for stratification (Cochran, Sampling Techniques, 12.2). Assumes the audited pairs
    were drawn at random within their verdict and judged rightly. Lies, narrowly, if a verdict has under 5 audits.
    """
    c, m, t, q = (np.asarray(x, dtype=np.float64) for x in (counts, audited, total, total_sq))
    n = np.asarray(identical, dtype=np.float64) + c.sum(axis=-1)
    share = c / n[..., None]
    # Half a pseudo-audit at +1 and at -1; a verdict audited to the last pair needs none for its mean.
    with np.errstate(divide="ignore", invalid="ignore"):
        mu = np.where(c == 0, 0.0, np.where(m == c, t / m, t / (m + 1)))
        spread = np.where(c == 0, 0.0, np.maximum((q + 1) / (m + 1) - (t / (m + 1)) ** 2, 0.0))
        unseen = np.where(c == 0, 0.0, share**2 * spread * (1 / m - 1 / c))
    mean = (share * mu).sum(axis=-1)
    # `spread` in the first term: without it one in ten unsafe tasks is recommended, and one in two of the worst.
    first = (share * (spread + (mu - mean[..., None]) ** 2)).sum(axis=-1)
    first += (np.asarray(identical) / n) * mean**2
    return Estimate(mean, np.sqrt(first / n + unseen.sum(axis=-1)))


def audit_bound(batches: int) -> float:
    """The z of a look after so many batches of audits: 5 % at the first, and at all later ones together half of that.

    Look k has 5 % / (k (k + 1)), so that reviewing on and on until a bound gives way is no way to a move.
    """
    return Z95 if batches <= 1 else NormalDist().inv_cdf(1 - 0.05 / (batches * (batches + 1)))


def audit_plan(counts: Mapping[_Way, int], budget: int) -> dict[_Way, int]:
    """How many pairs of every verdict to audit: 5 of each that occurs, the rest in proportion to what is left."""
    plan = {verdict: min(count, LEAST_AUDITS) for verdict, count in counts.items() if count}
    left = max(min(budget, sum(counts.values())) - sum(plan.values()), 0)
    rest = {verdict: counts[verdict] - n for verdict, n in plan.items()}
    whole = sum(rest.values())
    shares = {verdict: left * n / whole for verdict, n in rest.items()} if whole else {}
    for verdict, part in shares.items():
        plan[verdict] += int(part)
    short = left - sum(int(part) for part in shares.values())
    for verdict in sorted(shares, key=lambda v: shares[v] - int(shares[v]), reverse=True)[:short]:
        plan[verdict] += 1
    return plan


def holm(p_values: Sequence[float], level: float) -> list[bool]:
    """Which hypotheses Holm's step-down test rejects; the chance of one false rejection is at most `level`."""
    rejected = [False] * len(p_values)
    for rank, at in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
        if p_values[at] > level / (len(p_values) - rank):
            break
        rejected[at] = True
    return rejected


def e_bh(log_e: Sequence[float], q: float = 0.10) -> list[bool]:
    """Which of many tasks remain proved when at most `q` of them may be wrong; the tasks may depend on each other."""
    order = sorted(range(len(log_e)), key=lambda i: -log_e[i])
    kept = 0
    for k, at in enumerate(order, 1):
        if log_e[at] >= log(len(log_e) / (q * k)):
            kept = k
    accepted = set(order[:kept])
    return [i in accepted for i in range(len(log_e))]


def tail(z: float) -> float:
    """The chance of a standard normal value at most `z`."""
    return NormalDist().cdf(z)
