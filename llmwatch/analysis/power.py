"""What a scan that found nothing could have found, by the normal law and without simulation."""

from __future__ import annotations

from math import ceil
from typing import Final

import numpy as np

from .scan import CANDIDATES, MIN_NEW_SCORES, Scan, Sums
from .stats import normal_quantile, skewness_corrected

# "A fall of this much, had it begun this many weeks ago, would show now four times in five."
WEEKS_AGO: Final = 4
POWER: Final = 0.8
_STEP: Final = 0.005
_MOST_SCORES: Final = 10_000
# By so many standard errors the expected loss must be beyond what is shown.
_ENOUGH: Final = normal_quantile(POWER)


def smallest_visible_fall(sums: Sums, found: Scan, alpha: float, least: float) -> float | None:
    """The smallest fall begun WEEKS_AGO that is shown at level `alpha` 4 times in 5; None if not even a total one is.

    Assumes: every stratum falls alike, and scores after it vary as the scores before do around their mean.
    Reference: the normal approximation of power for a score test, in any textbook; checked in tests by simulation.
    Lies when: the fall is gradual, or sits in one stratum alone: a fall in a tenth of the inputs is seen as a tenth.
    """
    split, at = found.split, CANDIDATES - WEEKS_AGO
    shared = split.weight[at] > 0
    n0, n1, weight = (x[at][shared] for x in (split.n_before, split.n_after, split.weight))
    if not split.is_eligible[at] or n1.sum() < MIN_NEW_SCORES:
        return None
    mean, variance, skew = _before_it_fell(sums)
    falls = np.arange(_STEP, mean + _STEP / 2, _STEP)
    if not len(falls):
        return None
    size_before, size_after = (weight**2 / n0).sum(), (weight**2 / n1).sum()
    after = mean - falls
    # How far these scores vary beside passes and fails of the same mean: 1 for those, less for graded ones.
    spread = variance / max(mean * (1 - mean), 1e-9)
    variance_after = spread * np.maximum(after * (1 - after), 0.0)
    part = n1.sum() / (n0.sum() + n1.sum())
    pooled = (1 - part) * variance + part * variance_after + part * (1 - part) * falls**2
    pooled += 0.25 / (n0.sum() + n1.sum())
    se = np.sqrt(pooled * (size_before + size_after))
    middle = mean - part * falls
    third = spread * middle * (1 - middle) * (1 - 2 * middle) if spread > 0.5 else np.full_like(falls, skew)
    skewness = third * ((weight**3 / n0**2).sum() - (weight**3 / n1**2).sum()) / se**3
    z = skewness_corrected(falls / (se * found.overdispersion**0.5), skewness)
    critical = found.critical(alpha)
    se_after = np.sqrt(found.overdispersion * (variance * size_before + variance_after * size_after) + 1e-12)
    # The corrected z moves by `slope` when the loss moves by one standard error of the truth.
    slope = np.gradient(z, falls) * se_after if len(falls) > 1 else np.ones_like(falls)
    margin = np.minimum((z - critical) / np.maximum(slope, 1e-6), (falls - least) / se_after)
    seen = np.flatnonzero(margin >= _ENOUGH)
    return float(falls[seen[0]]) if len(seen) else None


def scores_to_decide(found: Scan, alpha: float) -> int | None:
    """How many more scores show a fall as large as it looks at level `alpha` 4 times in 5; None where none would.

    Assumes: it goes on as it is, and new scores vary as those so far. Lies when: it looks larger than it is, as what is
    only being watched mostly does; then more are needed.
    """
    at, split = found.best, found.split
    n0, n1 = float(split.n_before[at].sum()), float(split.n_after[at].sum())
    error = float(split.se[at]) * found.overdispersion**0.5 / (1 / n0 + 1 / n1) ** 0.5
    needed = (found.loss / (found.critical(alpha) + _ENOUGH) / error) ** 2 - 1 / n0
    if needed <= 0 or 1 / needed > _MOST_SCORES:
        return None
    return max(ceil(1 / needed - n1), MIN_NEW_SCORES)


def _before_it_fell(sums: Sums) -> tuple[float, float, float]:
    """Mean of all scores, and their variance and third moment within strata."""
    n, total, squares, cubes = (x.sum(axis=0) for x in (sums.n, sums.total, sums.squares, sums.cubes))
    some = n > 0
    n, total, squares, cubes = n[some], total[some], squares[some], cubes[some]
    means = total / n
    variances = np.maximum(squares / n - means**2, 0.0)
    thirds = cubes / n - 3 * means * squares / n + 2 * means**3
    share = n / n.sum()
    return float(share @ means), float(share @ variances), float(share @ thirds)
