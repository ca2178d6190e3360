"""What a run says an answer cost is what a merge says of the same call, to the last digit."""

from __future__ import annotations

from datetime import UTC, datetime
from random import Random

import pytest

from llmwatch.prices import Cost, PriceBook, price_one
from llmwatch.runs.ask import Place
from llmwatch.runs.money import Meter

BOOK = PriceBook((), None)
MODELS = ("gpt-6-luna", "gpt-4o", "gpt-5.5", "gpt-6.1-terra")


@pytest.mark.parametrize("model", MODELS)
def test_a_run_and_a_merge_price_an_answer_alike(model: str) -> None:
    """Plain text, cached, written, long, thought, inconsistent and searching answers of every tier."""
    rng = Random(model)
    place = Place("https://api.openai.com/v1", "api.openai.com", 443)
    meter = Meter(BOOK, place, "openai", model, reasons=True, most_output=None)
    for turn in range(6):
        whole = rng.choice((0, rng.randint(1, 4000), 272_000, 300_000))
        usage = {
            "input_tokens": whole,
            "cached_input_tokens": rng.choice((0, None, rng.randint(0, whole + 5))),
            "cache_write_tokens": rng.choice((0, rng.randint(0, whole // 4 + 1))),
            "output_tokens": rng.choice((0, rng.randint(1, 900))),
            "reasoning_tokens": rng.choice((None, 5)),
            "service_tier": rng.choice((None, "default", "priority")),
            "web_search_calls": rng.choice((None, None, 2)) if turn > 3 else None,
        }
        call = {
            **usage,
            "started_at": datetime.now(UTC),
            "provider_name": "openai",
            "request_model": model,
            "server_address": "api.openai.com",
            "endpoint": "/chat/completions",
        }

        expected = price_one(call, BOOK)

        assert meter.cost(usage, "chat") == (expected.cost_usd if isinstance(expected, Cost) else None), usage
