"""Owns which cheaper models a task could move to, and why the others could not take it.

Chooses from a dated catalogue, never from a list of names. A capability that is not known neither excludes nor
recommends: it is said, and the replay tells.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from math import inf
from typing import Final, Literal

from ..prices.models import Model
from .counterfactual import Counterfactual, Measured, Slice, Traffic, naive_bill, task_cost

PAYBACK_DAYS: Final = 180

Why = Literal[
    "same", "dies", "dead", "unreleased", "lacks", "too_small", "no_tier", "unpriced", "unbilled", "not_cheaper"
]


@dataclass(frozen=True, slots=True)
class Needs:
    """What a task's calls ask of a model; sizes are the largest seen."""

    input_modalities: frozenset[str] = frozenset({"text"})
    output_modalities: frozenset[str] = frozenset({"text"})
    has_tools: bool = False
    has_structured_output: bool = False
    max_input_tokens: int = 0
    max_output_tokens: int = 0
    # The tiers its calls are billed at; "batch" is one of them here.
    tiers: frozenset[str] = frozenset({"default"})
    endpoint: str = ""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A model that could take the task; what it saves is the margin it gains, since revenue stays."""

    model: Model
    cost: Counterfactual
    naive_saving_usd: Decimal
    # None until the replay measures what is not known.
    saving_usd: Decimal | None
    unknown: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Excluded:
    """A model that is no candidate, and why; `cost` is there if it was priced."""

    model: Model
    why: Why
    detail: str = ""
    on: date | None = None
    cost: Counterfactual | None = None


@dataclass(frozen=True, slots=True)
class Picked:
    """Candidates by margin gained, the most first, those with unknown counts last; then all others with reasons."""

    candidates: tuple[Candidate, ...]
    excluded: tuple[Excluded, ...]


def pick_candidates(
    models: Sequence[Model],
    incumbent: str,
    needs: Needs,
    traffic: Traffic | Sequence[Slice],
    as_of: date,
    *,
    payback_days: int = PAYBACK_DAYS,
    measured: Mapping[str, Measured] | None = None,
) -> Picked:
    """Every model of the catalogue is a candidate or excluded with one reason."""
    current = next((m for m in models if m.is_named(incumbent)), Model(incumbent))
    slices = _slices(traffic, models)
    spend = sum((each.traffic.cost_usd for each in slices), Decimal(0))
    candidates: list[Candidate] = []
    excluded: list[Excluded] = []
    for model in models:
        cost = task_cost(slices, current, model, (measured or {}).get(model.name, Measured()))
        reason = hindrance(model, current, needs, as_of, payback_days)
        if reason is not None:
            excluded.append(replace(reason, cost=cost))
        elif cost is None:
            excluded.append(Excluded(model, "unpriced" if slices else "unbilled"))
        elif (cost.true_usd if cost.true_usd is not None else cost.naive_usd) >= spend:
            excluded.append(Excluded(model, "not_cheaper", cost=cost))
        else:
            candidates.append(_candidate(model, needs, spend, cost))
    candidates.sort(key=lambda c: (c.saving_usd is None, -(c.saving_usd or c.naive_saving_usd), c.model.name))
    return Picked(tuple(candidates), tuple(excluded))


def _slices(traffic: Traffic | Sequence[Slice], models: Sequence[Model]) -> Sequence[Slice]:
    return [Slice(traffic, {m.name: m for m in models})] if isinstance(traffic, Traffic) else traffic


def _candidate(model: Model, needs: Needs, spend: Decimal, cost: Counterfactual) -> Candidate:
    true = None if cost.true_usd is None else spend - cost.true_usd
    unknown = (*unknown_abilities(model, needs), *cost.unknown)
    return Candidate(model, cost, spend - cost.naive_usd, true, unknown)


def best_candidate(
    slices: Sequence[Slice], models: Sequence[Model], current: Model, needs: Needs, as_of: date
) -> Model | None:
    """The first of `pick_candidates` or nearly so, at a tenth of its time: of the four with the lowest naive bill.

    All four may be dearer than the incumbent in truth; then nothing is offered and the whole list is for the one task.
    """
    able = [model for model in models if hindrance(model, current, needs, as_of) is None]
    naive = [(naive_bill(slices, model), model.name, model) for model in able]
    cheapest = [model for bill, _, model in sorted(naive, key=lambda one: one[:2])[:4] if bill != inf]
    picked = pick_candidates([*cheapest, current], current.name, needs, slices, as_of)
    return picked.candidates[0].model if picked.candidates else None


def alive(models: Iterable[Model], as_of: date) -> list[Model]:
    """The models that have come and that will not go before a move to them pays back."""
    last = as_of + timedelta(days=PAYBACK_DAYS)
    return [
        model
        for model in models
        if (model.shutdown_on is None or model.shutdown_on >= last)
        and (model.released_on is None or model.released_on <= as_of)
    ]


def hindrance(
    model: Model, current: Model, needs: Needs, as_of: date, payback_days: int = PAYBACK_DAYS
) -> Excluded | None:
    """The first reason why the model cannot take the task; None if there is none."""
    if model.name == current.name:
        return Excluded(model, "same")
    if model.shutdown_on is not None and model.shutdown_on <= as_of:
        return Excluded(model, "dead", on=model.shutdown_on)
    if model.shutdown_on is not None and model.shutdown_on < as_of + timedelta(days=payback_days):
        return Excluded(model, "dies", f"{(model.shutdown_on - as_of).days} days left", model.shutdown_on)
    if model.released_on is not None and model.released_on > as_of:
        return Excluded(model, "unreleased", on=model.released_on)
    lacking = _lacking(model, needs)
    if lacking:
        return Excluded(model, "lacks", lacking)
    for what, size, limit in _sizes(model, needs):
        if limit is not None and size > limit:
            return Excluded(model, "too_small", f"{what} up to {limit:,} tokens, the task has had {size:,}")
    missing = needs.tiers - model.tiers if model.tiers is not None else frozenset[str]()
    return Excluded(model, "no_tier", ", ".join(sorted(missing))) if missing else None


def _sizes(model: Model, needs: Needs) -> tuple[tuple[str, int, int | None], ...]:
    return (
        ("input", needs.max_input_tokens, model.max_input_tokens),
        ("output", needs.max_output_tokens, model.max_output_tokens),
    )


def _abilities(model: Model, needs: Needs) -> list[tuple[str, bool | None]]:
    """(what the task needs, whether the model has it)."""
    takes, gives = model.input_modalities, model.output_modalities
    found = [(f"{m} input", None if takes is None else m in takes) for m in sorted(needs.input_modalities - {"text"})]
    found += [(f"{m} output", None if gives is None else m in gives) for m in sorted(needs.output_modalities)]
    if needs.has_tools:
        found.append(("tools", model.has_tools))
    if needs.has_structured_output:
        found.append(("structured output", model.has_structured_output))
    if needs.endpoint and model.endpoints is not None:
        found.append((f"the {needs.endpoint} endpoint", needs.endpoint in model.endpoints))
    return found


def _lacking(model: Model, needs: Needs) -> str:
    return ", ".join(what for what, has in _abilities(model, needs) if has is False)


def unknown_abilities(model: Model, needs: Needs) -> tuple[str, ...]:
    """What the task needs and nobody has said of the model."""
    sizes = [what for what, size, limit in _sizes(model, needs) if size and limit is None]
    return (*(what for what, has in _abilities(model, needs) if has is None), *sizes)
