"""The hand-checkable calls: list price, to the last digit."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from .calls import call, cost, reason, usd

LUNA: dict[str, Any] = {"cached_input_tokens": 1024, "cache_write_tokens": 1500}
TERRA: dict[str, Any] = {**LUNA, "cache_write_12h_tokens": 500}


def at(text: str) -> dict[str, Any]:
    """The start of a call."""
    return {"started_at": datetime.fromisoformat(text)}


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (call("gpt-4o", 3000, 500, cached_input_tokens=1024), "0.011220"),
        (call("gpt-4o", 3000, 500, cached_input_tokens=1024, service_tier="priority"), "0.019074"),
        (call("gpt-4o-mini", 5000, 1000), "0.001350"),
        (call("gpt-4o", 5000, 1000), "0.0225"),
        (call("gpt-4o", 50_000, 4000), "0.1650"),
        (call("gpt-4o", 500, 200), "0.00325"),
        (call("gpt-5.6-luna", 3000, 500, **LUNA, **at("2026-07-29T23:59:59")), "0.0054534"),
        (call("gpt-5.6-luna", 3000, 500, **LUNA, **at("2026-07-30T00:00:00")), "0.00109068"),
        (call("gpt-5.5", 300_000, 1000), "3.045"),
        (call("gpt-5.5", 272_000, 0), "1.360"),
        (call("gpt-6.1-terra", 3000, 500, **TERRA), "0.0055272"),
        (call("gpt-6.1-terra", 3000, 500, **TERRA, web_search_calls=1), "0.0155272"),
        (call("gpt-6.1-terra", 3000, 500, **TERRA, server_address="eu.api.openai.com"), "0.00607992"),
        (call("o3", 100_000, 10_000, **at("2025-06-09T23:59:59.999999")), "1.40"),
        (call("o3", 100_000, 10_000, **at("2025-06-10T00:00:00")), "0.28"),
    ],
)
def test_a_call_of_list_price_costs_exactly_what_arithmetic_says(made: dict[str, Any], expected: str) -> None:
    """Every golden vector that needs no invoice is met as a Decimal and is grade A."""
    found = cost(made)

    assert (found.cost_usd, found.grade) == (Decimal(expected), "A")


def test_more_cached_than_prompt_tokens_are_cut_and_flagged() -> None:
    """Damaged usage never makes a negative fresh input, and never passes as exact."""
    found = cost(call("gpt-4o", 1000, 500, cached_input_tokens=1024))

    assert found.input_cost_usd == 0
    assert found.cached_input_cost_usd == Decimal("0.00125")
    assert (found.is_usage_inconsistent, found.grade) == (True, "B")


def test_an_unknown_model_is_unpriced_and_named() -> None:
    """A model nobody priced has no cost, not a cost of 0."""
    assert reason(call("gpt-9-foo", 1, 1)) == "no price for model gpt-9-foo on api.openai.com"


def test_a_tier_cuts_over_at_midnight_utc_whatever_zone_the_time_is_in() -> None:
    """A time with an offset is priced by its UTC day."""
    before = usd(call("gpt-5.6-luna", 1_000_000 // 4, 0, **at("2026-07-30T01:59:59+02:00")))
    after = usd(call("gpt-5.6-luna", 1_000_000 // 4, 0, **at("2026-07-30T02:00:00+02:00")))

    assert (before, after) == (Decimal("0.25"), Decimal("0.05"))
