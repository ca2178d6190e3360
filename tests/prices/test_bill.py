"""Tokens times rate in Python and in SQL are the same dollars."""

from __future__ import annotations

import random
from decimal import Decimal

import pytest

from llmwatch.prices import PriceKey
from llmwatch.prices.bill import bill

from .calls import BOOK, call, cost

MODELS = ("gpt-4o", "gpt-5.5", "gpt-6-luna", "gpt-6.1-terra", "gpt-4o-mini", "gpt-5-search-api", "gpt-audio")


@pytest.mark.parametrize("seed", range(60))
def test_the_bill_of_a_call_is_what_a_merge_charges(seed: int) -> None:
    """Random counts of every kind of a text call, short and long, with tools and the fee of a request."""
    chance = random.Random(seed)
    model, tier = chance.choice(MODELS), chance.choice(("default", "priority"))
    made = call(model, service_tier=tier)
    row = BOOK.resolve([PriceKey("openai", model, tier, "api.openai.com", made["started_at"].date())])[0]
    if not row.is_priced:
        pytest.skip(f"{model} has no {tier} price")
    tokens = chance.choice((3_000, 272_000, 272_001, 900_000))
    cached = chance.randrange(tokens // 2)
    written = chance.randrange(tokens // 4)
    late = chance.randrange(written + 1)
    output = chance.randrange(20_000)
    searches, files = (chance.randrange(3) for _ in range(2))

    found = cost(
        call(
            model, tokens, output, service_tier=tier, cached_input_tokens=cached, cache_write_tokens=written,
            cache_write_12h_tokens=late, web_search_calls=searches, file_search_calls=files,
        )
    )  # fmt: skip
    units = {
        "input": tokens - cached - written,
        "cached_input": cached,
        "cache_write": written - late,
        "cache_write_12h": late,
        "output": output,
        "web_search": searches,
        "file_search": files,
        "request": 1,
    }

    is_long = row.long_above is not None and tokens > row.long_above
    assert bill(units, row.rates, is_long=is_long) == found.cost_usd


def test_what_was_used_and_has_no_rate_makes_a_bill_unknown() -> None:
    """None, not a sum without it; a fee that a price does not have is no fee."""
    rates = {"input": Decimal(1), "output": Decimal(2)}

    assert bill({"input": 500_000, "output": 1_000_000, "audio_input": 0, "request": 1}, rates) == Decimal("2.5")
    assert bill({"input": 500_000, "audio_input": 1}, rates) is None
    assert bill({"request": 3}, {"request": Decimal(10)}) == Decimal("0.03")
