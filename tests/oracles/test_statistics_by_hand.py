"""Statistics at the ends of their range, against scipy and arithmetic."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import gamma

from llmwatch.analysis.stats import gamma_quantile, skewness_corrected


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
