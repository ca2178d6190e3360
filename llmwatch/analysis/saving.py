"""Owns what a measured swap saves and how fast the candidate was, both from its own replays, never by assumption."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

import numpy as np

_DRAWS: Final = 2_000
_CENT_OF_CENT: Final = Decimal("0.0001")


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


def measured_saving(
    incumbent_usd: Sequence[Decimal], candidate_usd: Sequence[Decimal], calls_a_month: int, *, seed: int = 0
) -> Saving | None:
    """What moving `calls_a_month` saves, by the costs of the same inputs on both; None without a replay.

    A candidate's cost includes its retries and fallbacks and no cache that only the replay's own run had warmed.
    """
    pairs = min(len(incumbent_usd), len(candidate_usd))
    if pairs == 0:
        return None
    old = np.array([float(c) for c in incumbent_usd[:pairs]])
    new = np.array([float(c) for c in candidate_usd[:pairs]])
    rng = np.random.default_rng(seed)
    # Both costs of an input are drawn together, so that long inputs do not count as a saving.
    saved = np.sort([_drawn(rng, old - new) for _ in range(_DRAWS)]) * calls_a_month
    middle = (sum(incumbent_usd[:pairs], Decimal(0)) - sum(candidate_usd[:pairs], Decimal(0))) * calls_a_month / pairs
    low, high = (Decimal(float(np.quantile(saved, q))).quantize(_CENT_OF_CENT) for q in (0.1, 0.9))
    ratio = float(new.sum() / old.sum()) if old.sum() else float("nan")
    return Saving(min(low, middle), middle.quantize(_CENT_OF_CENT), max(high, middle), ratio, pairs)


def _drawn(rng: np.random.Generator, values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> float:
    return float(values[rng.integers(0, values.size, values.size)].mean())


def measured_speed(incumbent_ms: Sequence[float], candidate_ms: Sequence[float]) -> Speed | None:
    """The ratio of latencies on the same inputs; None without a timed replay."""
    pairs = min(len(incumbent_ms), len(candidate_ms))
    if pairs == 0:
        return None
    old, new = np.quantile(incumbent_ms[:pairs], (0.5, 0.95)), np.quantile(candidate_ms[:pairs], (0.5, 0.95))
    if not old.all():
        return None
    return Speed(float(new[0] / old[0]), float(new[1] / old[1]), pairs)
