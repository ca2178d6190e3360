"""Service tiers, batch and long context: tables, never constants."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import pytest

from .calls import call, cost, reason, usd

SIZE = 200_000


@pytest.mark.parametrize(
    ("model", "tier", "expected"),
    [
        ("gpt-4o", "priority", "4.25"),
        ("gpt-4o", "fast", "4.25"),
        ("gpt-4o-mini", "priority", "0.25"),
        ("gpt-4.1", "priority", "3.5"),
        ("gpt-5", "priority", "2.5"),
        ("gpt-5.5", "priority", "12.5"),
        ("gpt-6-luna", "priority", "0.2"),
        ("gpt-5", "flex", "0.625"),
        ("gpt-6.1-terra", "flex", "0.5"),
        ("gpt-4o", "default", "2.5"),
        ("gpt-4o", "auto", "2.5"),
        ("gpt-4o", None, "2.5"),
    ],
)
def test_each_tier_has_its_own_table(model: str, tier: str | None, expected: str) -> None:
    """The multiple differs from model to model, and fast is priority by its new name."""
    assert usd(call(model, SIZE, 0, service_tier=tier)) * 5 == Decimal(expected)


@pytest.mark.parametrize(
    ("model", "tier"), [("gpt-4o", "flex"), ("gpt-4o", "ultrafast"), ("gpt-4o", "scale"), ("gpt-5-nano", "priority")]
)
def test_a_tier_without_a_price_is_unpriced(model: str, tier: str) -> None:
    """A tier the list does not price never falls back to the standard price."""
    assert reason(call(model, SIZE, 0, service_tier=tier)) == f"no {tier} price for {model}"


@pytest.mark.parametrize(
    ("model", "fresh", "cached", "output"),
    [
        ("gpt-4o", "1.25", "1.25", "5"),
        ("gpt-4.1", "1", "0.5", "4"),
        ("o3", "1", "0.5", "4"),
        ("gpt-5", "0.625", "0.0625", "5"),
        ("gpt-6.1-terra", "0.5", "0.025", "2.5"),
        ("gpt-3.5-turbo-1106", "1", "1", "2"),
        ("text-embedding-3-small", "0.01", "0.01", "0"),
        ("ft:gpt-4o-mini-2024-07-18:acme::b1", "0.15", "0.075", "0.6"),
    ],
)
def test_batch_halves_what_the_batch_table_halves(model: str, fresh: str, cached: str, output: str) -> None:
    """Cached input of older models has no batch rate and stays at the standard one; batch answers report `default`."""
    made = call(
        model,
        SIZE,
        SIZE if output != "0" else None,
        cached_input_tokens=SIZE // 2,
        is_batch=True,
        service_tier="default",
    )

    found = cost(made)

    assert found.input_cost_usd * 10 == Decimal(fresh)
    assert found.cached_input_cost_usd * 10 == Decimal(cached)
    assert found.output_cost_usd * 5 == Decimal(output)


def test_batch_of_a_tuned_gpt_4o_is_from_one_source_and_says_so() -> None:
    """Odd values that one table alone has: 1M x $2.225, of them 0.4M cached at $0.90, and 1M x $12.50."""
    made = call("ft:gpt-4o-2024-08-06:acme::b1", 1_000_000, 1_000_000, cached_input_tokens=400_000, is_batch=True)

    found = cost(made)

    assert (found.cost_usd, found.grade) == (Decimal("1.335") + Decimal("0.36") + Decimal("12.5"), "B")
    assert found.note is not None and "litellm's price data alone" in found.note


def test_a_tier_before_its_table_was_known_is_derived_and_grade_b() -> None:
    """Priority of luna is twice its standard price, before the cut of 2026-07-30 as well."""
    earlier = datetime(2026, 7, 1)  # noqa: DTZ001

    found = cost(call("gpt-5.6-luna", SIZE, 0, service_tier="priority", started_at=earlier))

    assert (found.cost_usd * 5, found.grade) == (Decimal(2), "B")
    assert found.note == (
        "priority price known from 2026-10-12; derived before that day from the multiple of the standard price"
    )


def test_the_tier_asked_for_counts_where_the_answer_names_none() -> None:
    """A project's default may have been another tier, so the cost is grade B."""
    found = cost(call("gpt-4o", SIZE, 0, request_service_tier="priority"))

    assert (found.cost_usd * 5, found.grade) == (Decimal("4.25"), "B")


def test_the_answers_tier_wins_over_the_one_asked_for() -> None:
    """A priority request that was served at the standard tier is billed there."""
    found = cost(call("gpt-4o", SIZE, 0, request_service_tier="priority", service_tier="default"))

    assert (found.cost_usd * 5, found.grade) == (Decimal("2.5"), "A")


@pytest.mark.parametrize(
    ("model", "more", "expected"),
    [
        ("gpt-5.5", {}, "1.3600050"),
        ("gpt-5.4", {"service_tier": "priority"}, "1.360005"),
        ("gpt-5.5-pro", {"is_batch": True}, "4.080015"),
    ],
)
def test_one_token_above_the_threshold_reprices_the_whole_request(
    model: str, more: dict[str, object], expected: str
) -> None:
    """Strictly above 272,000, everything; tiers without a long price stay flat."""
    over = usd(call(model, 272_001, 0, **more))

    flat = Decimal(expected)
    assert over == (flat * 2 if model == "gpt-5.5" else flat)


def test_long_context_counts_cached_input_towards_the_threshold() -> None:
    """Cached tokens are part of the input, double too, and output is one and a half."""
    found = cost(call("gpt-5.5", 300_000, 1000, cached_input_tokens=200_000))

    assert found.cost_usd == Decimal("1.0") + Decimal("0.2") + Decimal("0.045")


@pytest.mark.parametrize(
    ("model", "part", "expected"),
    [
        # No cached price at all: 300,000 x $60.
        ("gpt-5.5-pro", {"cached_input_tokens": 100_000}, "18"),
        # No price for writes: 300,000 x $5.
        ("gpt-5.4", {"cache_write_tokens": 100_000}, "1.5"),
        ("gpt-5.4", {"cache_write_tokens": 100_000, "cache_write_12h_tokens": 40_000}, "1.5"),
        # No price for images: 300,000 x $10; of the cached ones 300,000 x $1.
        ("gpt-5.5", {"image_input_tokens": 100_000}, "3"),
        (
            "gpt-5.5",
            {"cached_input_tokens": 300_000, "cached_image_input_tokens": 100_000, "image_input_tokens": 100_000},
            "0.3",
        ),
    ],
)
def test_above_the_threshold_a_part_without_a_price_of_its_own_costs_what_long_input_costs(
    model: str, part: dict[str, int], expected: str
) -> None:
    """The short price is not filled in first, which would make the part half as dear as the rest of its request."""
    assert usd(call(model, 300_000, 0, **part)) == Decimal(expected)


def test_below_the_threshold_the_same_parts_cost_what_input_costs() -> None:
    """272,000 tokens are short: $30 for all of them, cached or not."""
    assert usd(call("gpt-5.5-pro", 272_000, 0, cached_input_tokens=100_000)) == Decimal("8.16")


def test_long_images_of_an_answer_cost_what_long_output_costs() -> None:
    """300,000 x $10 + 1,000 x $45, 400 of them an image that the list has no price for."""
    assert usd(call("gpt-5.5", 300_000, 1000, image_output_tokens=400)) == Decimal("3.045")
