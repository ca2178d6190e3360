"""The normal and gamma laws against scipy's, which takes too long to load for a command."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import gammainc, gammaincinv, ndtr, ndtri

from llmwatch.analysis.stats import gamma_quantile, gamma_share, normal_quantile, normal_share

SHAPES = [0.05, 0.5, 1.0, 1.5, 6.0, 33.3, 1000.5, 10_000.0]


def test_the_normal_law_is_scipys() -> None:
    """Share and quantile, deep into both tails."""
    z = np.linspace(-12, 8, 401)
    assert [normal_share(one) for one in z] == pytest.approx(ndtr(z), rel=1e-12)
    shares = [1e-14, 1e-6, 0.005, 0.025, 0.5, 0.8, 0.975, 1 - 1e-9]
    assert [normal_quantile(one) for one in shares] == pytest.approx(ndtri(shares), rel=1e-12)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_share_of_a_gamma_is_scipys(shape: float) -> None:
    """Below and above the middle, where the series gives way to the fraction."""
    x = np.array([0.0, 0.01, 0.5, 0.9, 1.0, 1.1, 2.0, 5.0]) * shape
    assert [gamma_share(shape, one) for one in x] == pytest.approx(gammainc(shape, x), abs=1e-11)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_quantile_of_a_gamma_is_scipys(shape: float) -> None:
    """At the levels of the intervals."""
    shares = [0.025, 0.1, 0.5, 0.95, 0.975]
    assert [gamma_quantile(shape, one) for one in shares] == pytest.approx(gammaincinv(shape, shares), rel=1e-10)


@pytest.mark.parametrize("shape", [1e-5, 0.001, 0.004, 0.005, 0.0055, 0.006, 0.01, 1e5, 1e6])
def test_a_quantile_that_no_float_holds_is_zero(shape: float) -> None:
    """Shapes far below those of counts, as one made-up fact among answers of a thousand times the weight has."""
    for share in (0.025, 0.975):
        assert gamma_quantile(shape, share) == pytest.approx(gammaincinv(shape, share), rel=1e-6, abs=1e-200)
