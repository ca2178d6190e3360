"""Owns what a task's traffic would truly cost on another model, and why the naive figure differs, cause by cause."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from math import inf
from typing import Final, Literal

from ..prices.bill import bill
from ..prices.models import Model

Cause = Literal[
    "image_tokens", "search_tokens", "input_tokens", "long_context", "cold_cache", "cache_writes", "output_tokens",
    "reasoning", "retries", "fallbacks",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Traffic:
    """A period of a task's calls in the incumbent's own counts; cached and written tokens are parts of the input."""

    calls: int
    input_tokens: int
    output_tokens: int
    cost_usd: Decimal
    cached_input_tokens: int = 0
    images: int = 0
    image_tiles: int = 0
    web_searches: int = 0
    # Input that a cache could hold; None: all of it.
    cacheable_tokens: int | None = None
    # The share of its cache writes that are kept 12 hours.
    long_lived_share: float = 0.0
    # Every one of these calls is above the threshold of long context.
    is_long: bool = False
    # The share of the period in which the candidate's cache is still cold.
    cold_share: float = 1.0
    # The calls whose output is known: a failed one has none. None: all of them.
    answered: int | None = None


@dataclass(frozen=True, slots=True)
class Slice:
    """Calls of a task that are billed alike, and the catalogue at the prices of such calls."""

    traffic: Traffic
    models: Mapping[str, Model]


@dataclass(frozen=True, slots=True)
class Measured:
    """What replays on the candidate showed, as shares of the incumbent's own counts; None was not measured."""

    input_ratio: float | None = None
    # Hidden reasoning is part of the output.
    output_ratio: float | None = None
    # The part of the candidate's output that is hidden reasoning.
    reasoning_share: float = 0.0
    # Shares of the candidate's own input; without a measurement the cache is cold and everything fresh is written.
    cached_share: float | None = None
    written_share: float | None = None
    # Attempts billed for one answer.
    attempts: float = 1.0
    # Calls that the candidate cannot answer and the incumbent answers again.
    fallback_share: float = 0.0


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


def naive_bill(slices: Sequence[Slice], model: Model) -> float:
    """The bill of the incumbent's counts, as a float; infinite without a price."""
    total = Decimal(0)
    for each in slices:
        priced, traffic = each.models.get(model.name, model), each.traffic
        if "input" not in priced.prices or "output" not in priced.prices:
            return inf
        total += _bill(priced, traffic, _own_tokens(traffic))
    return float(total)


@dataclass(frozen=True, slots=True)
class _Tokens:
    """Counts while they are being corrected from the incumbent's to the candidate's."""

    fresh: Decimal
    cached: Decimal
    written: Decimal
    output: Decimal
    written_12h: Decimal = Decimal(0)
    is_long: bool = False


def task_cost(slices: Sequence[Slice], current: Model, model: Model, measured: Measured) -> Counterfactual | None:
    """The candidate's bill for all of a task's calls; None if it has no price for some of them, or there are none."""
    if not slices:
        return None
    naive, true, known = Decimal(0), Decimal(0), True
    parts: dict[Cause, Decimal] = {}
    unknown: dict[str, None] = {}
    for each in slices:
        priced = each.models.get(model.name, model)
        if "input" not in priced.prices or "output" not in priced.prices:
            return None
        cost = true_cost(each.traffic, current, priced, measured)
        naive += cost.naive_usd
        known &= cost.true_usd is not None
        true += cost.true_usd or 0
        unknown |= dict.fromkeys(cost.unknown)
        for part in cost.parts:
            parts[part.cause] = parts.get(part.cause, Decimal(0)) + part.usd
    found = tuple(Part(cause, usd) for cause, usd in parts.items())
    return Counterfactual(naive, true if known else None, found, tuple(unknown))


def true_cost(traffic: Traffic, current: Model, model: Model, measured: Measured) -> Counterfactual:
    """The candidate's bill for this traffic in its own counts, beside the incumbent's counts at its rates."""
    tokens = _own_tokens(traffic)
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
    again: tuple[tuple[Cause, Decimal], ...] = (
        ("retries", now * (Decimal(repr(measured.attempts)) - 1)),
        ("fallbacks", traffic.cost_usd * Decimal(repr(measured.fallback_share))),
    )
    parts += [Part(cause, usd) for cause, usd in again if usd]
    now += sum(usd for _, usd in again)
    blocking = [one for one in unknown if one != OUTPUT_UNKNOWN]
    return Counterfactual(naive, None if blocking else now, tuple(parts), tuple(unknown))


OUTPUT_UNKNOWN: Final = "output length on this model"


def _corrections(
    traffic: Traffic, current: Model, model: Model, measured: Measured, tokens: _Tokens
) -> list[tuple[Cause, _Tokens, str]]:
    """Every correction in order with the counts after it, and what is not known to make it."""
    steps = _input_steps(traffic, current, model, measured, tokens)
    tokens = replace(steps[-1][1], is_long=traffic.is_long and model.long_above is not None)
    steps.append(("long_context", tokens, ""))
    steps += _cache_steps(traffic, model, measured, tokens)
    tokens = steps[-1][1]
    if measured.output_ratio is None:
        steps.append(("output_tokens", tokens, OUTPUT_UNKNOWN))
        return steps
    output = tokens.output * Decimal(repr(measured.output_ratio))
    hidden = output * Decimal(repr(measured.reasoning_share))
    steps.append(("output_tokens", replace(tokens, output=output - hidden), ""))
    steps.append(("reasoning", replace(tokens, output=output), ""))
    return steps


def _input_steps(
    traffic: Traffic, current: Model, model: Model, measured: Measured, tokens: _Tokens
) -> list[tuple[Cause, _Tokens, str]]:
    if measured.input_ratio is not None:
        # The measurement holds images and search blocks already.
        ratio = Decimal(repr(measured.input_ratio))
        return [("input_tokens", replace(tokens, fresh=tokens.fresh * ratio, cached=tokens.cached * ratio), "")]
    images, missing = _image_growth(traffic, current, model)
    tokens = replace(tokens, fresh=tokens.fresh + images)
    block = (model.search_tokens or 0) - (current.search_tokens or 0)
    with_blocks = replace(tokens, fresh=tokens.fresh + block * traffic.web_searches)
    return [("image_tokens", tokens, missing), ("search_tokens", with_blocks, "")]


def _cache_steps(
    traffic: Traffic, model: Model, measured: Measured, tokens: _Tokens
) -> list[tuple[Cause, _Tokens, str]]:
    """The incumbent's hits are expected again once the cache is warm; what could be cached and is not, is written."""
    whole = tokens.fresh + tokens.cached
    if measured.cached_share is None:
        cached = tokens.cached * (1 - Decimal(repr(traffic.cold_share)))
    else:
        cached = whole * Decimal(repr(measured.cached_share))
    tokens = replace(tokens, cached=cached, fresh=whole - cached)
    steps: list[tuple[Cause, _Tokens, str]] = [("cold_cache", tokens, "")]
    if model.prices.get("cache_write", model.prices["input"]) != model.prices["input"]:
        if measured.written_share is not None:
            written = min(whole * Decimal(repr(measured.written_share)), tokens.fresh)
        else:
            cacheable = whole
            if traffic.cacheable_tokens is not None and traffic.input_tokens:
                cacheable = whole * traffic.cacheable_tokens / traffic.input_tokens
            written = min(max(cacheable - cached, Decimal(0)), tokens.fresh)
        kept = written * Decimal(repr(traffic.long_lived_share))
        tokens = replace(tokens, written=written - kept, written_12h=kept, fresh=tokens.fresh - written)
        steps.append(("cache_writes", tokens, ""))
    return steps


def _image_growth(traffic: Traffic, current: Model, model: Model) -> tuple[int, str]:
    if not traffic.images:
        return 0, ""
    if current.image_tokens is None or model.image_tokens is None:
        return 0, f"image tokens of {(model if model.image_tokens is None else current).name}"
    counts = [m.of(traffic.images, traffic.image_tiles) for m in (model.image_tokens, current.image_tokens)]
    return counts[0] - counts[1], ""


def _own_tokens(traffic: Traffic) -> _Tokens:
    cached = Decimal(traffic.cached_input_tokens)
    return _Tokens(traffic.input_tokens - cached, cached, Decimal(0), Decimal(traffic.output_tokens))


def _bill(model: Model, traffic: Traffic, tokens: _Tokens) -> Decimal:
    units = {
        "input": tokens.fresh,
        "cached_input": tokens.cached,
        "cache_write": tokens.written,
        "cache_write_12h": tokens.written_12h,
        "output": tokens.output,
        "web_search": traffic.web_searches if "web_search" in model.prices else 0,
        "request": traffic.calls,
    }
    # What a model has no price of its own for, it bills as input.
    rates = {**dict.fromkeys(units, model.prices["input"]), **model.prices}
    if "request" not in model.prices:
        del units["request"]
    return bill(units, rates, is_long=tokens.is_long) or Decimal(0)
