"""Calls as the store hands them to prices: only what a test is about is stated."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from llmwatch.prices import Cost, PriceBook, Unpriced, price_one

NOW = datetime(2026, 11, 20, 12)  # noqa: DTZ001 - the store's timestamps are UTC without saying so
BOOK = PriceBook()


def call(model: str, input_tokens: int | None = None, output_tokens: int | None = None, **more: Any) -> dict[str, Any]:
    """A call that OpenAI answered."""
    known = {
        "started_at": NOW,
        "provider_name": "openai",
        "server_address": "api.openai.com",
        "response_model": model,
        "input_tokens": input_tokens,
        "output_tokens": output_tokens,
    }
    return {**known, **more}


def cost(made: dict[str, Any], book: PriceBook = BOOK) -> Cost:
    """The cost of a call that must have one."""
    found = price_one(made, book)
    assert isinstance(found, Cost), found
    return found


def usd(made: dict[str, Any], book: PriceBook = BOOK) -> Decimal:
    """The total of a call that must have a cost."""
    return cost(made, book).cost_usd


def reason(made: dict[str, Any], book: PriceBook = BOOK) -> str:
    """Why a call that must not have a cost has none."""
    found = price_one(made, book)
    assert isinstance(found, Unpriced), found
    return found.reason
