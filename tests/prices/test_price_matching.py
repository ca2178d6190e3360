"""Which price a name, a host and a tier mean; what looks alike is not the same."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import pytest

from llmwatch.prices import PriceKey

from .calls import BOOK, NOW, call, cost, reason, usd


@pytest.mark.parametrize(
    "model",
    [
        "gpt-9-foo",
        "gpt-4o-acme",
        "gpt-5.6-luna-pro-x",
        "gpt-5-nano-acme",
        "gpt-4.5-preview-acme",
        "gpt-4o-2024-13-45",
        "openai/gpt-4o",
        "my-moderation-model",
        "ft:gpt-4o-2099-01-01:org::id",
        "ft:gpt-9-foo:org::id",
        "ft:",
    ],
)
def test_a_name_that_only_begins_like_a_priced_one_is_unpriced(model: str) -> None:
    """No prefix, no part and no wildcard of the list ever prices a model it does not name."""
    assert reason(call(model, 1000, 100)) == f"no price for model {model} on api.openai.com"


@pytest.mark.parametrize(
    ("model", "expected", "grade"),
    [
        ("gpt-4o-2024-05-13", "5", "A"),
        ("gpt-4o-2024-08-06", "2.5", "A"),
        ("GPT-4o", "2.5", "A"),
        ("gpt-5-nano-2025-08-07", "0.05", "A"),
        ("gpt-6-luna-2026-09-01", "0.1", "A"),
        ("gpt-4o-2025-01-01", "2.5", "B"),
        ("gpt-4.1-20250414", "2", "B"),
        ("ft:gpt-4o-2024-08-06:acme::b1", "3.75", "A"),
        ("ft:gpt-4o-mini-2024-07-18:acme:x:b1:ckpt-step-80", "0.3", "A"),
        ("omni-moderation-latest", "0", "A"),
    ],
)
def test_exact_names_snapshots_and_tuned_models_have_their_price(model: str, expected: str, grade: str) -> None:
    """A dated snapshot the list does not know is priced as its alias, and says so by its grade."""
    found = cost(call(model, 200_000, 0))

    assert (found.cost_usd * 5, found.grade) == (Decimal(expected), grade)


def test_the_answers_model_counts_before_the_one_asked_for() -> None:
    """A request for an alias is priced by the snapshot that answered."""
    made = call("gpt-4o-2024-05-13", 1000, 0, request_model="gpt-4o")

    assert usd(made) == Decimal("0.005")


def test_the_model_asked_for_counts_where_the_answer_names_none() -> None:
    """Azure's first chunk names an empty model; image answers name none."""
    assert usd(call("", 1000, 0, request_model="gpt-4o")) == Decimal("0.0025")


@pytest.mark.parametrize("host", ["localhost", "api.openai.com.evil.example", "llm.acme.internal", "notapi.openai.com"])
def test_a_compatible_host_is_not_openai(host: str) -> None:
    """The same SDK and the same model name on another host have another price, which is not known."""
    assert reason(call("gpt-4o", 1000, 100, server_address=host)) == f"no price for model gpt-4o on {host}"


def test_azure_is_unpriced_unless_its_own_list_has_the_model() -> None:
    """OpenAI's list is not Azure's; a model that Azure's list names is grade B."""
    azure = {"provider_name": "azure.ai.openai", "server_address": "acme.openai.azure.com"}

    assert reason(call("gpt-4o-2024-08-06", 1, 1, **azure)) == (
        "no price for model gpt-4o-2024-08-06 on acme.openai.azure.com"
    )
    assert cost(call("o3-mini", 1000, 0, **azure)).grade == "B"


def test_a_vendor_in_a_model_name_stays_part_of_the_name() -> None:
    """OpenRouter's names are priced by OpenRouter's list, whole."""
    found = cost(call("openai/gpt-4o", 1000, 0, provider_name="openrouter", server_address="openrouter.ai"))

    assert (found.cost_usd, found.grade) == (Decimal("0.0025"), "B")


def test_a_price_by_the_time_of_day_follows_the_clock() -> None:
    """DeepSeek's price changes within the day, on the half hour."""
    deepseek = {"provider_name": "deepseek", "server_address": "api.deepseek.com"}
    night = call("deepseek-chat", 1_000_000, 0, started_at=datetime(2025, 6, 1, 0, 29, 59), **deepseek)  # noqa: DTZ001
    day = call("deepseek-chat", 1_000_000, 0, started_at=datetime(2025, 6, 1, 0, 30), **deepseek)  # noqa: DTZ001

    assert (usd(night), usd(day)) == (Decimal("0.135"), Decimal("0.27"))


def test_a_timed_price_asked_without_a_time_says_so() -> None:
    """A day alone cannot choose between two prices, and none is chosen."""
    [row] = BOOK.resolve([PriceKey("deepseek", "deepseek-chat", None, "api.deepseek.com", NOW.date())])

    assert row.unpriced_reason == "the price of deepseek-chat depends on the time of day"


def test_decisions_are_billed_by_their_own_list() -> None:
    """The decisions endpoint has an input price only, cached or not."""
    made = call("gpt-6-luna", 1_000_000 // 4, 500, cached_input_tokens=1000, endpoint="/decisions")

    assert usd(made) == Decimal("0.025")


@pytest.mark.parametrize(
    ("host", "model", "expected", "grade"),
    [
        ("eu.api.openai.com", "gpt-5.4", "2.75", "A"),
        ("jp.api.openai.com", "gpt-6-luna", "0.11", "A"),
        ("eu.api.openai.com", "gpt-4o", "2.5", "A"),
        ("eu.api.openai.com", "gpt-realtime-2", "4.4", "B"),
        ("xx.api.openai.com", "gpt-5.4", "2.5", "B"),
    ],
)
def test_data_residency_raises_the_price_of_models_released_since_march_2026(
    host: str, model: str, expected: str, grade: str
) -> None:
    """Ten percent on the six regional hosts; whatever is not published is grade B."""
    found = cost(call(model, 200_000, 0, server_address=host, audio_input_tokens=0))

    assert (found.cost_usd * 5, found.grade) == (Decimal(expected), grade)
