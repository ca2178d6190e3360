"""The one table of settings that would price a host's calls is only named if it does."""

from __future__ import annotations

from typing import Any

import pytest

from llmwatch.prices import Cost, PriceBook, price_one
from llmwatch.prices.gateways import with_providers

from .calls import NOW, call, usd


def row(model: str, host: str = "llm.acme.example") -> dict[str, Any]:
    """A row of query `unpriced`."""
    return {"model": model, "host": host, "reason": f"no price for model {model} on {host}", "calls": 1}


@pytest.mark.parametrize(
    ("models", "providers"),
    [
        (["gpt-4o-2024-08-06"], ["openai"]),
        (["gpt-4o", "acme-1"], ["openai", None]),
        (["claude-sonnet-4-5"], ["anthropic"]),
        (["deepseek-chat", "gpt-4o", "gpt-4.1"], [None, "openai", "openai"]),
        (["acme-1"], [None]),
    ],
)
def test_the_provider_is_the_one_whose_list_has_the_models(models: list[str], providers: list[str | None]) -> None:
    """Most of the host's models decide; a model that the table would leave unpriced has none."""
    found = with_providers([row(model) for model in models], (), None, {}, NOW.date())

    assert [made["provider"] for made in found] == providers


def test_the_named_table_prices_the_call() -> None:
    """The remedy holds what it promises."""
    [made] = with_providers([row("gpt-4o")], (), None, {}, NOW.date())
    book = PriceBook([{"host": made["host"], "provider": made["provider"]}])

    assert usd(call("gpt-4o", 1_000_000, 0, server_address=made["host"]), book) == 2.5


def test_other_reasons_have_no_remedy_of_that_kind() -> None:
    """Usage that nobody reported stays unreported."""
    silent = {**row("gpt-4o"), "reason": "usage not reported"}

    assert with_providers([silent], (), None, {}, NOW.date())[0]["provider"] is None


@pytest.mark.parametrize(("provider", "expected"), [("deepseek", True), ("openai", False)])
def test_of_two_servers_on_one_host_the_provider_tells_which_was_asked(provider: str, expected: bool) -> None:
    """A call is stored with its host and the provider of its port: DeepSeek has the model, OpenAI has not."""
    book = PriceBook(hosts={"127.0.0.1:8001": "openai", "127.0.0.1:8002": "deepseek"})
    made = call("deepseek-chat", 1000, 100, provider_name=provider, server_address="127.0.0.1")

    assert isinstance(price_one(made, book), Cost) is expected
