"""Owns what a measured swap saves and how fast the candidate was, both from its own replays, never by assumption."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_DRAWS: Final = 2_000
_BLOCK: Final = 200


@dataclass(frozen=True, slots=True)
class Saving:
    """US dollars a month, 10 % to 90 % quantile of the bootstrap; below 0 where the candidate is dearer."""

    low_usd: Decimal
    middle_usd: Decimal
    high_usd: Decimal
    # The candidate's cost as a share of the incumbent's on the same inputs.
    cost_ratio: float
    replays: int


@dataclass(frozen=True, slots=True)
class Speed:
    """Candidate over incumbent, of the median and of the 95 % quantile; above 1 is slower."""

    p50_ratio: float
    p95_ratio: float
    replays: int


def drawn_range(counts: Floats, value: Callable[[Floats], Floats], *, seed: int = 0) -> tuple[float, float]:
    """The 10 % and 90 % quantiles of `value` of the column sums, rows (inputs) drawn again 2,000 times.

    Everything of one input is drawn together, so that long inputs do not count as a saving. Draws whose sums hold a
    zero say nothing and are left out.
    """
    rng = np.random.default_rng(seed)
    rows = len(counts)
    # How often each row is drawn, in blocks: no array is as large as 2,000 times all rows with all their columns.
    starts = np.arange(_BLOCK)[:, None] * rows
    drawn: list[Floats] = []
    for _ in range(_DRAWS // _BLOCK):
        chosen = rng.integers(0, rows, size=(_BLOCK, rows)) + starts
        drawn.append(np.bincount(chosen.ravel(), minlength=_BLOCK * rows).reshape(_BLOCK, rows) @ counts)
    sums = np.concatenate(drawn)
    sums = sums[(sums[:, :2] > 0).all(axis=1)]
    low, high = np.quantile(value(sums), (0.1, 0.9))
    return float(low), float(high)


def measured_speed(incumbent_ms: Sequence[float], candidate_ms: Sequence[float]) -> Speed | None:
    """The ratio of latencies on the same inputs; None without a timed replay."""
    pairs = min(len(incumbent_ms), len(candidate_ms))
    if pairs == 0:
        return None
    old, new = np.quantile(incumbent_ms[:pairs], (0.5, 0.95)), np.quantile(candidate_ms[:pairs], (0.5, 0.95))
    if not old.all():
        return None
    return Speed(float(new[0] / old[0]), float(new[1] / old[1]), pairs)
