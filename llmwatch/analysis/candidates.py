"""Owns which cheaper models a task could move to and what each would truly cost, and why a naive figure differs.

Chooses from a dated catalogue, never from a list of names. A capability that is not known neither excludes nor
recommends: it is said, and the replay tells.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Final, Literal

from ..prices.models import Model

PAYBACK_DAYS: Final = 180
_MILLION: Final = Decimal(1_000_000)
_THOUSAND: Final = Decimal(1_000)

Why = Literal["same", "dies", "dead", "unreleased", "lacks", "too_small", "no_tier", "unpriced", "not_cheaper"]
Cause = Literal[
    "image_tokens", "search_tokens", "input_tokens", "cold_cache", "cache_writes", "output_tokens", "retries"
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
    service_tier: str = "default"
    endpoint: str = ""


@dataclass(frozen=True, slots=True)
class Traffic:
    """A period of a task's calls in the incumbent's own counts; `cached` and `written` are parts of `input_tokens`."""

    calls: int
    input_tokens: int
    output_tokens: int
    cost_usd: Decimal
    cached_input_tokens: int = 0
    images: int = 0
    image_tiles: int = 0
    web_searches: int = 0


@dataclass(frozen=True, slots=True)
class Measured:
    """What replays on the candidate showed, as shares of the incumbent's own counts; None was not measured."""

    input_ratio: float | None = None
    # Hidden reasoning is part of the output.
    output_ratio: float | None = None
    # Shares of the candidate's own input; without a measurement the cache is cold and everything fresh is written.
    cached_share: float | None = None
    written_share: float | None = None
    # Attempts billed for one answer.
    attempts: float = 1.0


@dataclass(frozen=True, slots=True)
class Part:
    """One reason why the true cost differs from the naive one, in US dollars; positive is dearer."""

    cause: Cause
    usd: Decimal


@dataclass(frozen=True, slots=True)
class Counterfactual:
    """The same traffic on another model; naive + parts = true, to the last digit."""

    naive_usd: Decimal
    # None if a count of the candidate's is not known; `unknown` says which.
    true_usd: Decimal | None
    parts: tuple[Part, ...] = ()
    unknown: tuple[str, ...] = ()


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
    traffic: Traffic,
    as_of: date,
    *,
    payback_days: int = PAYBACK_DAYS,
    measured: Mapping[str, Measured] | None = None,
) -> Picked:
    """Every model of the catalogue is a candidate or excluded with one reason."""
    current = next((m for m in models if m.is_named(incumbent)), Model(incumbent))
    candidates: list[Candidate] = []
    excluded: list[Excluded] = []
    for model in models:
        cost = _cost_or_none(traffic, current, model, (measured or {}).get(model.name))
        reason = _hindrance(model, current, needs, as_of, payback_days)
        if reason is not None:
            excluded.append(replace(reason, cost=cost))
        elif cost is None:
            excluded.append(Excluded(model, "unpriced"))
        elif (cost.true_usd if cost.true_usd is not None else cost.naive_usd) >= traffic.cost_usd:
            excluded.append(Excluded(model, "not_cheaper", cost=cost))
        else:
            candidates.append(_candidate(model, needs, traffic, cost))
    candidates.sort(key=lambda c: (c.saving_usd is None, -(c.saving_usd or c.naive_saving_usd), c.model.name))
    return Picked(tuple(candidates), tuple(excluded))


def _candidate(model: Model, needs: Needs, traffic: Traffic, cost: Counterfactual) -> Candidate:
    true = None if cost.true_usd is None else traffic.cost_usd - cost.true_usd
    unknown = [*_unknown_abilities(model, needs), *cost.unknown]
    if model.long_above is not None and needs.max_input_tokens > model.long_above:
        unknown.append(f"how many inputs are above {model.long_above:,} tokens, which cost more")
    return Candidate(model, cost, traffic.cost_usd - cost.naive_usd, true, tuple(unknown))


def _hindrance(model: Model, current: Model, needs: Needs, as_of: date, payback_days: int) -> Excluded | None:
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
    if model.tiers is not None and needs.service_tier not in model.tiers:
        return Excluded(model, "no_tier", needs.service_tier)
    return None


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


def _unknown_abilities(model: Model, needs: Needs) -> tuple[str, ...]:
    sizes = [what for what, size, limit in _sizes(model, needs) if size and limit is None]
    return (*(what for what, has in _abilities(model, needs) if has is None), *sizes)


@dataclass(frozen=True, slots=True)
class _Tokens:
    """Counts while they are being corrected from the incumbent's to the candidate's."""

    fresh: Decimal
    cached: Decimal
    written: Decimal
    output: Decimal


def _cost_or_none(traffic: Traffic, current: Model, model: Model, measured: Measured | None) -> Counterfactual | None:
    if "input" not in model.prices or "output" not in model.prices:
        return None
    return true_cost(traffic, current, model, measured or Measured())


def true_cost(traffic: Traffic, current: Model, model: Model, measured: Measured) -> Counterfactual:
    """The candidate's bill for this traffic in its own counts, beside the incumbent's counts at its rates."""
    cached = Decimal(traffic.cached_input_tokens)
    tokens = _Tokens(traffic.input_tokens - cached, cached, Decimal(0), Decimal(traffic.output_tokens))
    naive = _bill(model, traffic, tokens)
    parts: list[Part] = []
    now = naive
    unknown: list[str] = []
    for cause, changed, missing in _corrections(traffic, current, model, measured, tokens):
        unknown += [missing] if missing else []
        cost = _bill(model, traffic, changed)
        if cost != now:
            parts.append(Part(cause, cost - now))
        now = cost
    if measured.attempts != 1.0:
        retries = now * (Decimal(repr(measured.attempts)) - 1)
        parts.append(Part("retries", retries))
        now += retries
    blocking = [one for one in unknown if one != _OUTPUT]
    return Counterfactual(naive, None if blocking else now, tuple(parts), tuple(unknown))


_OUTPUT: Final = "output length on this model"


def _corrections(
    traffic: Traffic, current: Model, model: Model, measured: Measured, tokens: _Tokens
) -> list[tuple[Cause, _Tokens, str]]:
    """Every correction in order with the counts after it, and what is not known to make it."""
    steps: list[tuple[Cause, _Tokens, str]] = []
    if measured.input_ratio is not None:
        # The measurement holds images and search blocks already.
        grown = Decimal(traffic.input_tokens) * Decimal(repr(measured.input_ratio))
        tokens = replace(tokens, fresh=grown - tokens.cached)
        steps.append(("input_tokens", tokens, ""))
    else:
        images, missing = _image_growth(traffic, current, model)
        tokens = replace(tokens, fresh=tokens.fresh + images)
        steps.append(("image_tokens", tokens, missing))
        block = (model.search_tokens or 0) - (current.search_tokens or 0)
        tokens = replace(tokens, fresh=tokens.fresh + block * traffic.web_searches)
        steps.append(("search_tokens", tokens, ""))
    whole = tokens.fresh + tokens.cached
    cached = whole * Decimal(repr(measured.cached_share or 0.0))
    tokens = replace(tokens, cached=cached, fresh=whole - cached)
    steps.append(("cold_cache", tokens, ""))
    if model.prices.get("cache_write", model.prices["input"]) != model.prices["input"]:
        share = measured.written_share
        written = tokens.fresh if share is None else min(whole * Decimal(repr(share)), tokens.fresh)
        tokens = replace(tokens, written=written, fresh=tokens.fresh - written)
        steps.append(("cache_writes", tokens, ""))
    ratio = measured.output_ratio
    output = tokens.output if ratio is None else tokens.output * Decimal(repr(ratio))
    steps.append(("output_tokens", replace(tokens, output=output), _OUTPUT if ratio is None else ""))
    return steps


def _image_growth(traffic: Traffic, current: Model, model: Model) -> tuple[int, str]:
    if not traffic.images:
        return 0, ""
    if current.image_tokens is None or model.image_tokens is None:
        return 0, f"image tokens of {(model if model.image_tokens is None else current).name}"
    counts = [m.of(traffic.images, traffic.image_tiles) for m in (model.image_tokens, current.image_tokens)]
    return counts[0] - counts[1], ""


def _bill(model: Model, traffic: Traffic, tokens: _Tokens) -> Decimal:
    price = model.prices
    fresh = price["input"]
    cost = tokens.fresh * fresh + tokens.cached * price.get("cached_input", fresh)
    cost += tokens.written * price.get("cache_write", fresh) + tokens.output * price["output"]
    return cost / _MILLION + traffic.web_searches * price.get("web_search", Decimal(0)) / _THOUSAND
