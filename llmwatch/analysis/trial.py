"""Owns what the replays of one task on one model showed beside quality: tokens, answers refused, saving, speed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ..prices.models import Model
from .counterfactual import Counterfactual, Measured, task_cost
from .guards import Exclusion
from .replayed import Pair
from .saving import Saving, Speed, drawn_range, measured_speed
from .traffic import Use

Floats = NDArray[np.float64]

# Replays from which on a slope is fitted.
_FOR_SLOPE: Final = 20


@dataclass(frozen=True, slots=True)
class Counts:
    """What both models used for one input; reasoning is part of the output. None is not known."""

    old_input: int | None
    old_output: int | None
    new_input: int | None
    new_output: int | None
    new_reasoning: int = 0
    # False: the candidate refused the request, and the incumbent answers it again.
    is_answered: bool = True

    @property
    def is_whole(self) -> bool:
        """Whether both models' tokens are known."""
        return None not in (self.old_input, self.old_output, self.new_input, self.new_output)


@dataclass(frozen=True, slots=True)
class Trial:
    """All replays of a task's inputs on one model, in the order of sending; latencies are (old, new) in ms."""

    model: str
    pairs: tuple[Pair, ...]
    counts: tuple[Counts, ...]
    latencies: tuple[tuple[float, float], ...] = ()
    first_tokens: tuple[tuple[float, float], ...] = ()
    # What people said of pairs, by the pair's id: candidate minus incumbent.
    audits: Mapping[str, float] = field(default_factory=dict[str, float])
    test_usd: Decimal | None = None
    # Parameters that were left out or renamed for the candidate.
    adapted: tuple[str, ...] = ()
    is_agent_step: bool = False
    # Shares of the task's calls and of its spend by stratum, if they are known.
    traffic: Mapping[str, float] | None = None
    spend: Mapping[str, Decimal] | None = None
    # Tries that were refused before an answer, none of them billed.
    retries: int = 0

    def without(self, exclusions: Sequence[Exclusion]) -> Trial:
        """The replays of the inputs that would move."""
        if not exclusions:
            return self
        kept = [n for n, pair in enumerate(self.pairs) if not any(e.holds(pair) for e in exclusions)]
        pairs, counts = (tuple(rows[n] for n in kept) for rows in (self.pairs, self.counts))
        return replace(self, pairs=pairs, counts=counts)

    def share_left(self, exclusions: Sequence[Exclusion]) -> Decimal:
        """The share of the spend that would move; by the replays where the strata of the traffic are not known."""
        if not exclusions:
            return Decimal(1)
        if self.spend and (whole := sum(self.spend.values(), Decimal(0))):
            left = [usd for name, usd in self.spend.items() if not any(e.names(name) for e in exclusions)]
            return sum(left, Decimal(0)) / whole
        return Decimal(len(self.without(exclusions).pairs)) / max(len(self.pairs), 1)

    @property
    def fallback_share(self) -> float:
        """The share of inputs that the candidate refused to answer."""
        return sum(not c.is_answered for c in self.counts) / len(self.counts) if self.counts else 0.0

    @property
    def invalid_share(self) -> float | None:
        """The share of answers that a schema or tool check would send back; None unless most were checked."""
        checked = [pair.candidate_valid for pair in self.pairs if pair.candidate_valid is not None]
        return sum(not valid for valid in checked) / len(checked) if 2 * len(checked) > len(self.pairs) else None

    @property
    def speed(self) -> Speed | None:
        """Latency, candidate over incumbent."""
        return measured_speed([old for old, _ in self.latencies], [new for _, new in self.latencies])

    @property
    def first_token_speed(self) -> Speed | None:
        """Time to first token, candidate over incumbent, of streamed calls."""
        return measured_speed([old for old, _ in self.first_tokens], [new for _, new in self.first_tokens])


def measured(trial: Trial | None) -> Measured:
    """The candidate's tokens as shares of the incumbent's on the same inputs; nothing where nothing was replayed."""
    if trial is None:
        return Measured()
    whole = [c for c in trial.counts if c.is_answered and c.is_whole]
    found = Measured(fallback_share=trial.fallback_share)
    if not whole:
        return found
    sums = [sum(_whole(c)[i] for c in whole) for i in range(4)]
    old_input, old_output, new_input, new_output = sums
    if not old_input or not old_output:
        return found
    hidden = sum(c.new_reasoning for c in whole)
    return replace(
        found,
        input_ratio=new_input / old_input,
        output_ratio=new_output / old_output,
        reasoning_share=min(hidden / new_output, 1.0) if new_output else 0.0,
    )


def _whole(counts: Counts) -> tuple[int, int, int, int]:
    return (counts.old_input or 0, counts.old_output or 0, counts.new_input or 0, counts.new_output or 0)


def measured_saving(
    use: Use, model: Model, trial: Trial, exclusions: Sequence[Exclusion] = ()
) -> tuple[Saving | None, Counterfactual | None]:
    """(dollars a month with their 10-90 % range, the candidate's bill for the period's traffic).

    Inputs that stay where they are save nothing; the bill is of all inputs.
    """
    moved = trial.share_left(exclusions)
    trial = trial.without(exclusions)
    whole = np.array([_whole(c) for c in trial.counts if c.is_answered and c.is_whole], dtype=np.float64)
    of_output = _output_ratio(whole, None if exclusions else _outputs_per_call(use))
    seen = measured(trial)
    if seen.output_ratio is not None:
        seen = replace(seen, output_ratio=float(of_output(whole.sum(axis=0)[None, :])[0]))
    cost = task_cost(use.slices, use.current, model, seen)
    if seen.input_ratio is None or cost is None or cost.true_usd is None or not use.spend_usd:
        return None, cost
    bill = _bill_by_ratio(use, model, seen)
    low, high = drawn_range(whole, lambda sums: bill(sums[:, 2] / sums[:, 0], of_output(sums)))
    months, spend = float(use.months), float(use.spend_usd)
    middle = (use.spend_usd - cost.true_usd) / use.months
    worst, best = (Decimal(repr((spend - usd) / months)) for usd in (high, low))
    ratio = float(cost.true_usd / use.spend_usd)
    low_usd, high_usd = min(worst, middle), max(best, middle)
    return Saving(low_usd * moved, middle * moved, high_usd * moved, ratio, len(whole)), cost


def _outputs_per_call(use: Use) -> float | None:
    """The incumbent's mean output over all its answers, for which the replays are a sample; None if it is not known."""
    calls = sum(s.traffic.calls if s.traffic.answered is None else s.traffic.answered for s in use.slices)
    tokens = sum(s.traffic.output_tokens for s in use.slices)
    return tokens / calls if calls and tokens else None


def _output_ratio(whole: Floats, mean_of_all: float | None) -> Callable[[Floats], Floats]:
    """Column sums of drawn rows -> the candidate's output over the incumbent's, for all calls.

    Thinking does not grow with the answer: where it makes up most of the output, a sample of slightly longer answers
    would understate it. So what is added to each answer and what grows with it are told apart (the regression
    estimator of survey sampling, one slope for all draws; it lies for fewer than some 20 rows).
    """
    if mean_of_all is None or len(whole) < _FOR_SLOPE:
        return lambda sums: sums[:, 3] / sums[:, 1]
    old, new, n = whole[:, 1], whole[:, 3], len(whole)
    spread = float(np.var(old))
    grown = float(np.mean((old - old.mean()) * (new - new.mean()))) / spread if spread else 0.0
    slope = min(max(grown, 0.0), float(new.sum() / old.sum()))
    return lambda sums: (sums[:, 3] / n + slope * (mean_of_all - sums[:, 1] / n)) / mean_of_all


def _bill_by_ratio(use: Use, model: Model, seen: Measured) -> Callable[[Floats, Floats], Floats]:
    """The bill as a function of both ratios: it is a plane, so three points give it."""

    def at(input_ratio: float, output_ratio: float) -> float:
        cost = task_cost(
            use.slices, use.current, model, replace(seen, input_ratio=input_ratio, output_ratio=output_ratio)
        )
        assert cost is not None and cost.true_usd is not None
        return float(cost.true_usd)

    base = at(1.0, 1.0)
    by_input, by_output = at(2.0, 1.0) - base, at(1.0, 2.0) - base
    return lambda i, o: base + by_input * (i - 1) + by_output * (o - 1)
