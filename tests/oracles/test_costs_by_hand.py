"""What calls cost and save, and what a run may cost, by arithmetic on the list's rates."""

from __future__ import annotations

from decimal import Decimal

import pytest

from llmwatch.runs.ask import Place
from llmwatch.runs.money import Meter, Size
from tests.prices.calls import BOOK, call, cost

OPENAI = Place("https://api.openai.com/v1", "api.openai.com", 443)


def meter(model: str, *, reasons: bool = False) -> Meter:
    """A run's prices of the model."""
    return Meter(BOOK, OPENAI, "openai", model, reasons=reasons, most_output=None)


@pytest.mark.parametrize(
    ("kept_12h", "written", "saved"),
    [(0, "0.001875", "-0.0003750"), (500, "0.0025", "-0.0010"), (1500, "0.00375", "-0.00225")],
)
def test_a_cache_write_of_12_hours_is_set_against_fresh_input(kept_12h: int, written: str, saved: str) -> None:
    """gpt-6.1-terra: $1 fresh, $1.25 for 30 minutes, $2.50 for 12 hours per million; 1,500 are written."""
    found = cost(call("gpt-6.1-terra", 3000, 0, cache_write_tokens=1500, cache_write_12h_tokens=kept_12h))

    assert found.cache_write_cost_usd == Decimal(written)
    assert found.cache_saving_usd == Decimal(saved)


def test_a_budget_knows_the_fee_of_every_request() -> None:
    """gpt-5-search-api: $1.25 in, $10 out per million, and $10 for 1,000 requests."""
    size = Size(1000, 200, max_tokens=300)

    low, likely, high = meter("gpt-5-search-api").expected(size)

    assert likely == Decimal("0.01325")
    assert (low, high) == (Decimal("0.01225"), Decimal("0.01425"))
    assert meter("gpt-5-search-api").reserve(size) == Decimal("0.01") + 1164 * Decimal("0.00000125") + Decimal("0.003")


def test_a_budget_reckons_with_a_cold_cache_that_is_written_and_with_long_context() -> None:
    """gpt-6.1-terra: all input written at $1.25; above 272,000 tokens twice that, and output half as much more."""
    short, long = Size(10_000, 1000, max_tokens=1000), Size(272_001, 1000, max_tokens=1000)

    assert meter("gpt-6.1-terra").expected(short)[1] == Decimal("0.0125") + Decimal("0.005")
    assert meter("gpt-6.1-terra").expected(long)[1] == Decimal("0.6800025") + Decimal("0.0075")
    assert meter("gpt-6.1-terra").reserve(short) == 11_064 * Decimal("0.00000125") + Decimal("0.005")
    assert meter("gpt-6.1-terra").expected(Size(272_000, 0, max_tokens=1000))[1] == Decimal("0.34")


def test_a_budget_without_a_limit_reckons_with_an_answer_of_another_length() -> None:
    """Four times the known length and 1,000 more; a model that thinks may think 8,000 on top; two answers are twice."""
    plain, thinking = meter("gpt-4o"), meter("gpt-5", reasons=True)

    assert plain.output_limit(Size(10, 100)) == 1400
    assert plain.output_limit(Size(10, 100, choices=2)) == 2800
    assert plain.output_limit(Size(10, 100, max_tokens=50, choices=2)) == 100
    assert thinking.output_limit(Size(10, 100)) == 9400
    assert plain.expected(Size(1000, 100, max_tokens=120)) == (Decimal("0.003"), Decimal("0.0035"), Decimal("0.0037"))
