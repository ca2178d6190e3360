"""Owns the cost that a server states for a call: where it stands, in which unit, and how it is kept exactly.

Gateways and some vendors say what they charge. It is read as decimal text, never computed with floats. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Final

Json = Mapping[str, Any]

# In the usage object, most certain first. Sources: the API references of xAI, OpenRouter, Perplexity, DeepInfra,
# LLM Gateway, Requesty, LiteLLM and Vercel's AI Gateway.
_IN_USAGE: Final = (
    "cost", "total_cost", "cost_usd", "total_cost_usd", "cost_usd_total", "response_cost", "estimated_cost",
)  # fmt: skip
_IN_COST: Final = ("total_cost", "total", "total_usd", "cost", "usd", "amount")
_IN_BODY: Final = ("response_cost", "cost", "total_cost")
# What a stream may state apart from its usage; the fold keeps it for the body.
BODY_KEYS: Final = ("response_cost", "cost", "total_cost", "_hidden_params", "provider_metadata")
_USAGE_KEYS: Final = frozenset({*_IN_USAGE, "cost_in_usd_ticks", "pydantic_ai_gateway"})
_BODY_KEYS: Final = frozenset(BODY_KEYS)
# One of xAI's ticks, in US dollars.
_TICK: Final = Decimal("1e-10")
_QUANTUM: Final = Decimal("1e-12")
# Above this it is damaged, and it would not fit the column.
_LIMIT: Final = Decimal(100_000)


def amount(value: Any, unit: Decimal = Decimal(1)) -> str | None:
    """US dollars to 12 decimals as text, from a JSON number or text; None for what is no amount.

    A float says the shortest decimal that stands for it, which is what the server wrote.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    if isinstance(value, str) and len(value) > 40:
        return None
    try:
        found = Decimal(value if isinstance(value, str) else repr(value)) * unit
    except (InvalidOperation, ValueError):
        return None
    if not found.is_finite() or not 0 <= found < _LIMIT:
        return None
    return format(found.quantize(_QUANTUM), "f")


def states_cost(body: Json, usage: Json | None) -> bool:
    """Whether any place where a cost may stand is there: the quick look at answers that state none."""
    if (usage and not _USAGE_KEYS.isdisjoint(usage)) or not _BODY_KEYS.isdisjoint(body):
        return True
    choices = body.get("choices")
    if not choices:
        return False
    try:
        return "provider_metadata" in choices[0]["message"]
    except (IndexError, KeyError, TypeError):
        return False


def stated_cost(body: Json, usage: Json | None) -> dict[str, str]:
    """The columns of the cost that an answer states, US dollars as text and where it stood; empty if it states none."""
    for value, source, unit in _places(body, usage if isinstance(usage, Mapping) else {}):
        found = amount(value, unit)
        if found is not None:
            return {"stated_cost_usd": found, "stated_cost_source": source}
    return {}


def _places(body: Json, usage: Json) -> Iterator[tuple[Any, str, Decimal]]:
    one = Decimal(1)
    if "cost_in_usd_ticks" in usage:
        yield usage["cost_in_usd_ticks"], "usage.cost_in_usd_ticks", _TICK
    for name in _IN_USAGE:
        if name in usage:
            yield from _of_cost(usage[name], f"usage.{name}", usage)
    if "pydantic_ai_gateway" in usage:
        yield _get(usage, "pydantic_ai_gateway", "cost_estimate"), "usage.pydantic_ai_gateway.cost_estimate", one
    for name in _IN_BODY:
        if name in body:
            yield from _of_cost(body[name], name, {})
    if "_hidden_params" in body:
        yield _get(body, "_hidden_params", "response_cost"), "_hidden_params.response_cost", one
    if "provider_metadata" in body:
        yield _get(body, "provider_metadata", "gateway", "cost"), "provider_metadata.gateway.cost", one
    for message in _messages(body):
        yield _get(message, "provider_metadata", "gateway", "cost"), "provider_metadata.gateway.cost", one


def _messages(body: Json) -> list[Json]:
    choices = body.get("choices")
    first = choices[0] if isinstance(choices, list) and choices else None
    message = first.get("message") if isinstance(first, dict) else None
    return [message] if isinstance(message, dict) else []


def _of_cost(cost: Any, source: str, usage: Json) -> Iterator[tuple[Any, str, Decimal]]:
    one = Decimal(1)
    if not isinstance(cost, Mapping):
        yield _with_upstream(cost, usage), source, one
    elif str(cost.get("currency", "USD")).upper() == "USD":
        for name in _IN_COST:
            if name in cost:
                yield cost[name], f"{source}.{name}", one


def _with_upstream(cost: Any, usage: Json) -> Any:
    """With a key of one's own, OpenRouter charges a fee and the vendor charges the rest: both are the cost."""
    upstream = amount(_get(usage, "cost_details", "upstream_inference_cost"))
    own = amount(cost)
    if upstream is None or own is None or usage.get("is_byok") is False:
        return cost
    is_apart = usage.get("is_byok") is True or Decimal(upstream) > Decimal(own)
    return str(Decimal(own) + Decimal(upstream)) if is_apart else cost


def _get(home: Any, *names: str) -> Any:
    for name in names:
        if not isinstance(home, Mapping):
            return None
        home = home.get(name)
    return home
