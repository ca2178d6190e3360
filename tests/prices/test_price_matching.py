"""Which price a name, a host and a tier mean; what looks alike is not the same."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import pytest

from llmwatch.prices import PriceBook, PriceKey, Unpriced, price_one

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


AZURE = {"provider_name": "azure.ai.openai", "server_address": "acme.openai.azure.com"}


@pytest.mark.parametrize(
    ("model", "rate"),
    [
        ("gpt-35-turbo", "0.5"),
        ("gpt-35-turbo-16k", "3"),
        ("gpt-4o-2024-08-06", "2.5"),
        ("gpt-4o-mini-2024-07-18", "0.15"),
        ("gpt-4.1-2025-04-14", "2"),
        ("gpt-5-2025-08-07", "1.25"),
        ("gpt-5.5", "5"),
        ("claude-sonnet-4-5", "3"),
        ("o3-mini", "1.1"),
    ],
)
def test_azure_is_priced_by_its_own_list_and_else_by_the_makers(model: str, rate: str) -> None:
    """As genai-prices falls back; never grade A: a data zone costs more, and the call does not say where it ran."""
    found = cost(call(model, 200_000, 0, **AZURE))

    assert (found.cost_usd * 5, found.grade) == (Decimal(rate), "B")
    assert found.note is not None and "taken as a Global deployment" in found.note


def test_azure_s_own_list_comes_before_the_one_it_falls_back_to() -> None:
    """The note says whose list it was."""
    own, lent = (cost(call(model, 1000, 0, **AZURE)).note or "" for model in ("o3-mini", "gpt-4o"))

    assert "list price of azure" in own
    assert "list price of openai, which genai-prices takes for models that its list of Azure lacks" in lent
    assert reason(call("gpt-9-foo", 1, 1, **AZURE)) == "no price for model gpt-9-foo on acme.openai.azure.com"


@pytest.mark.parametrize(
    ("model", "deployment", "expected", "note"),
    [
        # $2.50 a million, and 10 % on it; of GPT-6 the European zone adds 20 %.
        ("gpt-4o", "global", "0.5", None),
        ("gpt-4o", "us", "0.55", None),
        ("gpt-4o", "eu", "0.55", None),
        ("gpt-6-luna", "us", "0.022", None),
        ("gpt-6-luna", "eu", "0.024", None),
        ("gpt-6-luna", "apac", "0.02", "what a deployment of apac adds to the price of gpt-6-luna is not known"),
        ("gpt-4o", "regional", "0.5", "what a deployment of regional adds to the price of gpt-4o is not known"),
    ],
)
def test_a_deployment_that_is_named_has_its_own_price(
    model: str, deployment: str, expected: str, note: str | None
) -> None:
    """200,000 tokens in a data zone, whose multiple of the Global price is a fact of its own."""
    named = {"host": "acme.openai.azure.com", "provider": "azure", "deployment": deployment}

    found = cost(call(model, 200_000, 0, **AZURE), PriceBook([named]))

    assert found.cost_usd == Decimal(expected)
    assert "taken as a Global deployment" not in (found.note or "")
    assert note is None or note in (found.note or "")


def test_a_search_on_azure_costs_what_azure_bills() -> None:
    """$14 per 1,000 by Azure's meters, where OpenAI has $10; the sources differ, so it is grade B."""
    found = cost(call("gpt-5-2025-08-07", 0, 0, web_search_calls=1, **AZURE))

    assert (found.tool_cost_usd, found.grade) == (Decimal("0.014"), "B")


@pytest.mark.parametrize(
    ("model", "rates"),
    [
        ("ft:gpt-4.1-2025-04-14:acme::b1", ("3", "0.75", "12")),
        ("ft:gpt-4.1-mini-2025-04-14:acme::b1", ("0.8", "0.2", "3.2")),
        ("ft:gpt-4.1-nano-2025-04-14:acme::b1", ("0.2", "0.05", "0.8")),
        ("ft:o4-mini-2025-04-16:acme::b1", ("4", "1", "16")),
        ("ft:gpt-4o-2024-11-20:acme::b1", ("3.75", "1.875", "15")),
        ("ft:gpt-4o-2024-08-06:acme::b1", ("3.75", "1.875", "15")),
        ("ft:gpt-4o-mini-2024-07-18:acme::b1", ("0.3", "0.15", "1.2")),
        ("gpt-6-astra-law", ("10", "1", "50")),
        ("computer-use-preview-2025-03-11", ("3", "3", "12")),
    ],
)
def test_models_that_the_list_lacks_have_their_price(model: str, rates: tuple[str, str, str]) -> None:
    """Facts of another table of prices: a million fresh, a million cached, a million out."""
    found = cost(call(model, 2_000_000, 1_000_000, cached_input_tokens=1_000_000))

    assert (found.input_cost_usd, found.cached_input_cost_usd, found.output_cost_usd) == tuple(map(Decimal, rates))
    assert found.grade == ("A" if model.startswith("computer") else "B")


def test_tuned_models_are_unverified_only_where_one_source_alone_has_their_price() -> None:
    """The fresh price of ft:gpt-4o is the list's; its cached price is not."""
    assert cost(call("ft:gpt-4o-2024-11-20:acme::b1", 1000, 10)).grade == "A"
    assert cost(call("ft:gpt-4.1-2025-04-14:acme::b1", 1000, 10)).note == (
        "unverified: the price is from litellm's price data alone"
    )


@pytest.mark.parametrize(("model", "usd_per_million"), [("tts-1-1106", "15"), ("tts-1-hd-1106", "30")])
def test_dated_speech_models_cost_what_their_family_costs(model: str, usd_per_million: str) -> None:
    """By the character, as both tables of prices say."""
    made = call(model, input_characters=1_000_000, endpoint="/audio/speech", usage_source="absent")

    assert usd(made) == Decimal(usd_per_million)


def test_a_batch_of_images_has_its_price() -> None:
    """Half of chatgpt-image-latest: 1M of text at $2.50 and 1M of an image at $16."""
    made = call("chatgpt-image-latest", 1_000_000, 1_000_000, image_output_tokens=1_000_000, is_batch=True)

    assert usd(made) == Decimal("18.5")


def test_sources_that_disagree_are_named() -> None:
    """A price that two tables give differently is never grade A."""
    found = cost(call("gpt-4o-transcribe", 1000, 10, endpoint="/audio/transcriptions", audio_input_tokens=900))

    assert found.grade == "B"
    assert "unverified: audio input is $6 in genai-prices 0.2.3 and $2.50 in litellm 1.109.1" in (found.note or "")


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


@pytest.mark.parametrize(
    ("provider", "host", "model", "expected"),
    [
        ("deepseek", None, "deepseek-chat", "0.27"),
        ("deepseek", "", "deepseek-chat", "0.27"),
        ("openai", None, "deepseek-chat", "no price for model deepseek-chat on openai"),
        ("x_ai", None, "gpt-4o", "no price for model gpt-4o on x-ai"),
        (None, None, "gpt-4o", "no price for model gpt-4o on an unnamed provider"),
        ("openai", None, "gpt-4o", "2.5"),
        # where the request went says more than what the span says of it
        ("deepseek", "api.openai.com", "gpt-4o", "2.5"),
        ("openai", "api.deepseek.com", "gpt-4o", "no price for model gpt-4o on api.deepseek.com"),
        ("openai", "llm.acme.internal", "gpt-4o", "no price for model gpt-4o on llm.acme.internal"),
    ],
)
def test_who_is_named_counts_where_no_host_is(
    provider: str | None, host: str | None, model: str, expected: str
) -> None:
    """A million tokens of a call that was recorded elsewhere, without its host."""
    moment = datetime(2025, 6, 1, 12)  # noqa: DTZ001
    found = price_one(call(model, 1_000_000, 0, provider_name=provider, server_address=host, started_at=moment), BOOK)

    assert (found.reason if isinstance(found, Unpriced) else str(found.cost_usd.normalize())) == expected


def test_a_model_with_two_thresholds_has_no_price() -> None:
    """Only one can be charged: rather unknown than at the price of the first."""
    there = {"provider_name": "openrouter", "server_address": "openrouter.ai"}

    assert reason(call("qwen/qwen3-coder-flash", 1000, 0, **there)) == (
        "qwen/qwen3-coder-flash has more than one long-context price"
    )
