"""Statistics at the ends of their range, against scipy and arithmetic."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from scipy.stats import gamma

from llmwatch.analysis.drift import find_drift
from llmwatch.analysis.scan import BASELINE, WEEKS, Sums, overdispersion
from llmwatch.analysis.stats import gamma_quantile, skewness_corrected
from llmwatch.analysis.weekly import Cell


@pytest.mark.parametrize(
    ("z", "skewness", "expected"),
    [
        (2.0, 0.0, 2.0),
        (2.0, -0.3, 2.15),
        (0.0, -0.6, -0.1),
        (-3.0, -0.3, -2.6),
        # 10 (cbrt(1.6) - 1) + 0.1
        (2.0, 0.6, 1.7960708),
        # the root of nothing: 10 (0 - 1) + 0.1
        (-4.0, 0.6, -9.9),
    ],
)
def test_a_skewed_sum_is_put_on_the_normal_scale(z: float, skewness: float, expected: float) -> None:
    """z - g (z^2 - 1) / 6 where it is skewed to the left or not at all, the cube root where to the right."""
    assert float(skewness_corrected(np.array([z]), np.array([skewness]))[0]) == pytest.approx(expected)


@pytest.mark.parametrize("shape", [0.05, 0.3, 1.0, 1.01, 2.5, 40.0])
@pytest.mark.parametrize("share", [1e-6, 0.001, 0.05, 0.5, 0.95, 0.9999])
def test_quantiles_of_a_gamma_distribution_are_scipys(shape: float, share: float) -> None:
    """From far in one tail to far in the other."""
    assert gamma_quantile(shape, share) == pytest.approx(gamma.ppf(share, shape), rel=1e-6)


def random_sums(seed: int, copies: int = 1, strata: int = 3) -> Sums:
    """Sums of random scores, each (copies, week, stratum)."""
    draw = np.random.default_rng(seed)
    n = draw.integers(0, 9, (copies, WEEKS, strata)).astype(np.float64)
    total = np.floor(n * draw.random(n.shape) * 4) / 4
    return Sums(n, total, total * 0.75, total * 0.5)


def test_pooled_scores_are_the_sums_over_strata_of_each_copy() -> None:
    """With copies before the weeks and without."""
    sums = random_sums(1, copies=4)

    found = sums.pooled()

    for copy, week in product(range(4), range(WEEKS)):
        for part in ("n", "total", "squares", "cubes"):
            assert getattr(found, part)[copy, week].tolist() == [pytest.approx(getattr(sums, part)[copy, week].sum())]
    assert found.n.shape == (4, WEEKS, 1)
    alone = Sums(sums.n[2], sums.total[2], sums.squares[2], sums.cubes[2]).pooled()
    np.testing.assert_allclose(alone.total, found.total[2])


@pytest.mark.parametrize("first", [WEEKS - 8, WEEKS - 3])
def test_weeks_wander_by_what_their_strata_do_not_explain(first: int) -> None:
    """Chi square by loops: each week's scores less what its strata score over all weeks before, of that variance."""
    sums = random_sums(7, strata=2)
    n, total, squares = sums.n[0], sums.total[0], sums.squares[0]
    weeks = range(max(0, first - BASELINE), first)
    chi, growth, seen = 0.0, 0.0, 0
    count, scored, square = ([part[weeks.start : first, s].sum() for s in range(2)] for part in (n, total, squares))
    variance = [(max(square[s] - scored[s] ** 2 / count[s], 0) + 0.25) / (count[s] + 1) for s in range(2)]
    for week in weeks:
        expected = sum(n[week, s] * variance[s] for s in range(2))
        if expected:
            surplus = sum(total[week, s] - n[week, s] * scored[s] / count[s] for s in range(2))
            chi, growth, seen = chi + surplus**2 / expected, growth + n[week].sum() ** 2 / expected, seen + 1

    one = overdispersion(Sums(n, total, squares, sums.cubes[0]), np.array(first))
    several = overdispersion(
        Sums(*(np.stack([part] * 3) for part in (n, total, squares, squares))), np.array([first] * 3)
    )

    assert (float(one.chi), float(one.free), float(one.growth)) == pytest.approx((chi, seen - 1, growth / seen))
    for found, right in ((several.chi, chi), (several.free, seen - 1), (several.growth, growth / seen)):
        assert found.tolist() == pytest.approx([right] * 3)


@pytest.mark.parametrize(("weeks", "expected"), [(1, 7.0), (2, 7.0), (20, 7.0), (0, 0.0)])
def test_scores_a_week_are_over_the_weeks_that_have_any(weeks: int, expected: float) -> None:
    """Seven in each of them, one week or many; another task's scores are not counted."""
    other = [Cell("other", 2_900, "en", 50, 50.0, 50.0, 50.0)]
    cells = [Cell("t", 2_900 - n, "en", 7, 7.0, 7.0, 7.0) for n in range(weeks)]

    found = {one.task: one.scores_per_week for one in find_drift([*cells, *other], 2_900)}

    assert found.get("t", 0.0) == expected
    assert found["other"] == 50.0
