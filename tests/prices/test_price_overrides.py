"""The user's own prices: models, contracts, gateways, with days; a wrong entry is one sentence."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from llmwatch.errors import InputFileError, PriceError
from llmwatch.prices import PriceBook, PriceKey, explain

from .calls import call, cost, reason, usd

ACME = {"model": "acme/own-1", "input": 1.0, "cached_input": 0.1, "output": 4}
ON_ACME: dict[str, Any] = {"provider_name": "openai_compatible", "server_address": "llm.acme.internal"}


def at(text: str) -> dict[str, Any]:
    """The start of a call."""
    return {"started_at": datetime.fromisoformat(text)}


def test_an_own_model_is_priced_on_any_host_and_is_grade_a() -> None:
    """The name is matched whole, without regard to case."""
    book = PriceBook([ACME])

    found = cost(call("Acme/own-1", 1000, 100, cached_input_tokens=500, **ON_ACME), book)

    assert (found.cost_usd, found.grade) == (Decimal("0.00095"), "A")
    assert reason(call("acme/own-12", 1, 1, **ON_ACME), book) == "no price for model acme/own-12 on llm.acme.internal"


def test_an_entry_for_a_host_does_not_price_another_host() -> None:
    """A filter left out means any, a filter given means that one."""
    book = PriceBook([{**ACME, "host": "llm.acme.internal"}])

    assert usd(call("acme/own-1", 1000, 0, **ON_ACME), book) == Decimal("0.001")
    assert reason(call("acme/own-1", 1, 1, provider_name="x", server_address="other"), book)


def test_days_are_half_open_and_utc() -> None:
    """`from` is in, `until` is out, and outside them the list holds."""
    book = PriceBook([{"model": "gpt-4o", "input": 2, "output": 8, "from": date(2026, 3, 1), "until": "2026-04-01"}])
    times = ["2026-02-28T23:59:59", "2026-03-01T00:00:00", "2026-03-31T23:59:59", "2026-04-01T00:00:00"]

    assert [usd(call("gpt-4o", 1_000_000, 0, **at(t)), book) for t in times] == [
        Decimal(p) for p in ("2.5", "2", "2", "2.5")
    ]


def test_a_price_row_is_valid_for_the_days_it_was_resolved_for() -> None:
    """The row says from when until when, so one row serves every day between."""
    book = PriceBook([{"model": "gpt-4o", "discount": 0.5, "from": date(2026, 11, 1), "until": date(2026, 12, 1)}])
    days = [date(2026, 11, 1), date(2026, 11, 30)]

    rows = book.resolve(PriceKey("openai", "gpt-4o", None, "api.openai.com", day) for day in days)

    assert [(r.valid_from, r.valid_until) for r in rows] == [(date(2026, 11, 1), date(2026, 12, 1))] * 2
    assert rows[0].price_id == rows[1].price_id


def test_a_contract_takes_a_share_off_tokens_and_leaves_fees_alone() -> None:
    """Fifteen percent off the list, a search at full price."""
    book = PriceBook([{"discount": 0.15, "provider": "openai"}])

    found = cost(call("gpt-4o", 1_000_000, 0, web_search_calls=1), book)

    assert (found.input_cost_usd, found.tool_cost_usd, found.grade) == (Decimal("2.125"), Decimal("0.01"), "A")


def test_a_contract_holds_on_every_tier_and_after_the_uplift() -> None:
    """Priority on a regional host: list, times 1.1, less fifteen percent."""
    book = PriceBook([{"discount": 0.15}])

    found = usd(call("gpt-6-luna", 200_000, 0, service_tier="priority", server_address="eu.api.openai.com"), book)

    assert found == Decimal("0.2") * Decimal("0.2") * Decimal("1.1") * Decimal("0.85")


def test_the_entry_that_says_more_wins_then_the_later_one() -> None:
    """Model and host beat model alone, whatever their order."""
    both = {"model": "gpt-4o", "host": "api.openai.com", "input": 1, "output": 1}
    book = PriceBook([both, {"model": "gpt-4o", "input": 2, "output": 2}, {"model": "gpt-4o", "input": 3, "output": 3}])

    assert usd(call("gpt-4o", 1_000_000, 0), book) == 1
    assert usd(call("gpt-4o", 1_000_000, 0, server_address="eu.api.openai.com"), book) == 3


def test_rates_without_a_tier_are_those_of_the_standard_tier() -> None:
    """A priority call is not charged at a contract's standard rate."""
    book = PriceBook([
        {"model": "gpt-4o", "input": 2, "output": 8},
        {"model": "gpt-4o", "service_tier": "batch", "input": 0.9, "output": 4},
    ])  # fmt: skip

    assert usd(call("gpt-4o", 1_000_000, 0, service_tier="priority"), book) == Decimal("4.25")
    assert usd(call("gpt-4o", 1_000_000, 0, is_batch=True), book) == Decimal("0.9")


def test_what_a_contract_does_not_state_is_the_list_s() -> None:
    """100 fresh x $0.09 + 900 cached x $0.01 + 100 out x $0.45, per million; nothing about it is derived."""
    book = PriceBook([{"model": "gpt-6-luna", "input": 0.09, "output": 0.45}])

    found = cost(call("gpt-6-luna", 1000, 100, cached_input_tokens=900), book)

    assert (found.cost_usd, found.grade) == (Decimal("0.000063"), "A")


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        # Writes at the list's $0.125, long requests at its $0.20 and $0.75, images at the contract's input.
        ({"cache_write_tokens": 1000}, "0.000125"),
        ({"input_tokens": 300_000, "output_tokens": 1000}, "0.06075"),
        ({"image_input_tokens": 1000}, "0.00009"),
        # Other tiers, and batches, are the list's altogether.
        ({"service_tier": "priority"}, "0.0002"),
        ({"service_tier": "flex"}, "0.00005"),
        ({"is_batch": True}, "0.00005"),
        # Data residency adds its tenth to a contract that names no host: 1000 x $0.099.
        ({"server_address": "eu.api.openai.com"}, "0.000099"),
        ({"server_address": "eu.api.openai.com", "cached_input_tokens": 1000}, "0.000011"),
    ],
)
def test_writes_long_requests_tiers_and_places_come_from_the_list(more: dict[str, Any], expected: str) -> None:
    """A contract states input and output only."""
    book = PriceBook([{"model": "gpt-6-luna", "input": 0.09, "output": 0.45}])

    assert usd({**call("gpt-6-luna", 1000, 0), **more}, book) == Decimal(expected)


def test_a_contract_for_one_host_is_what_is_paid_there() -> None:
    """The uplift of the region is in the price that names the region's host; what it leaves out has the uplift."""
    book = PriceBook([{"model": "gpt-6-luna", "host": "eu.api.openai.com", "input": 0.09, "output": 0.45}])
    there = {"server_address": "eu.api.openai.com"}

    assert usd(call("gpt-6-luna", 1000, 0, **there), book) == Decimal("0.00009")
    assert usd(call("gpt-6-luna", 1000, 0, cached_input_tokens=1000, **there), book) == Decimal("0.000011")


def test_a_contract_keeps_the_list_s_audio_price() -> None:
    """1000 audio tokens at the list's $32 beside 1000 of text at the contract's $2."""
    book = PriceBook([{"model": "gpt-audio", "input": 2, "output": 9}])

    assert usd(call("gpt-audio", 2000, 0, audio_input_tokens=1000), book) == Decimal("0.034")


def test_a_discount_is_taken_off_the_list_and_not_off_stated_rates() -> None:
    """1000 x $2 as stated; of the cached ones 1000 x $1.25 less 20 %."""
    book = PriceBook([{"model": "gpt-4o", "input": 2, "output": 8}, {"provider": "openai", "discount": 0.2}])

    assert usd(call("gpt-4o", 1000, 0), book) == Decimal("0.002")
    assert usd(call("gpt-4o", 1000, 0, cached_input_tokens=1000), book) == Decimal("0.001")


def test_cached_input_that_neither_contract_nor_list_prices_is_said() -> None:
    """On a gateway nobody knows the cached part is charged as fresh, and that is derived."""
    book = PriceBook([{"model": "own", "host": "llm.acme.internal", "input": 1, "output": 4}])

    found = cost(call("own", 1000, 0, cached_input_tokens=500, **ON_ACME), book)

    assert (found.cost_usd, found.grade) == (Decimal("0.001"), "B")
    assert cost(call("own", 1000, 0, **ON_ACME), book).grade == "A"


def test_a_contract_with_host_and_provider_names_the_provider_of_the_host() -> None:
    """A gateway in front of two providers: each model is billed as, and inherits from, its own."""
    book = PriceBook([
        {"host": "llm.acme.internal", "provider": "openai", "model": "gpt-4o", "input": 2, "output": 8},
        {"host": "llm.acme.internal", "provider": "deepseek", "model": "deepseek-v3", "discount": 0.5},
    ])  # fmt: skip

    assert usd(call("gpt-4o", 1000, 0, cached_input_tokens=1000, **ON_ACME), book) == Decimal("0.00125")
    assert reason(call("gpt-4.1", 1000, 0, **ON_ACME), book) == "no price for model gpt-4.1 on llm.acme.internal"


@pytest.mark.parametrize(
    ("family", "model", "expected"),
    [
        ("gpt-4o", "gpt-4o-2024-08-06", "2"),
        ("gpt-4o", "gpt-4o-2024-11-20", "2"),
        ("gpt-4o", "gpt-4o-2099-01-01", "2"),
        ("gpt-4.1", "gpt-4.1-20250414", "2"),
        ("gpt-4", "gpt-4-0613", "2"),
        ("ft:gpt-4o", "ft:gpt-4o-2024-08-06:acme::b1", "2"),
        ("ft:gpt-4o-2024-08-06", "ft:gpt-4o-2024-08-06:acme::b1", "2"),
        # Another model, and a snapshot that the list gives a price of its own.
        ("gpt-4o", "gpt-4o-mini-2024-07-18", "0.15"),
        ("gpt-4o", "gpt-4o-2024-05-13", "5"),
        ("gpt-3.5-turbo", "gpt-3.5-turbo-1106", "1"),
        ("gpt-4o", "ft:gpt-4o-2024-08-06:acme::b1", "3.75"),
    ],
)
def test_a_family_covers_its_dated_snapshots(family: str, model: str, expected: str) -> None:
    """A contract names gpt-4o, and answers name the snapshot."""
    book = PriceBook([{"model": family, "input": 2, "output": 8}])

    assert usd(call(model, 1_000_000, 0), book) == Decimal(expected)


def test_a_snapshot_s_own_entry_wins_over_its_family_s() -> None:
    """Whatever else the family's entry says, and whichever comes last."""
    exact = {"model": "gpt-4o-2024-08-06", "input": 1, "output": 4}
    family = {"model": "gpt-4o", "host": "api.openai.com", "input": 2, "output": 8}

    for book in (PriceBook([exact, family]), PriceBook([family, exact])):
        assert usd(call("gpt-4o-2024-08-06", 1_000_000, 0), book) == 1
        assert usd(call("gpt-4o-2024-11-20", 1_000_000, 0), book) == 2


def test_a_discount_of_a_family_covers_every_snapshot() -> None:
    """Off the price of each: $5 less a tenth for the first of them."""
    book = PriceBook([{"model": "gpt-4o", "discount": 0.1}])

    assert usd(call("gpt-4o-2024-05-13", 1_000_000, 0), book) == Decimal("4.5")
    assert usd(call("gpt-4o-2024-08-06", 1_000_000, 0), book) == Decimal("2.25")


@pytest.mark.parametrize(
    ("entry", "sentence"),
    [
        ({"host": "a.openai.azure.com", "provider": "azure", "deployment": "mars"}, "is not one of global, us, eu,"),
        ({"host": "a.example", "provider": "openai", "deployment": "eu"}, "deployment belongs to an entry with host"),
    ],
)
def test_a_wrong_deployment_is_refused(entry: dict[str, Any], sentence: str) -> None:
    """Only Azure has them."""
    with pytest.raises(PriceError, match=sentence):
        PriceBook([entry])


def test_own_rates_keep_the_tool_fees_of_the_list() -> None:
    """A contract on tokens says nothing about searches."""
    book = PriceBook([{"model": "gpt-4o", "input": 2, "output": 8}])

    assert cost(call("gpt-4o", 0, 0, web_search_calls=2), book).tool_cost_usd == Decimal("0.02")


def test_a_gateway_is_billed_as_the_provider_behind_it() -> None:
    """A host with a provider is priced at that provider's list, contract included."""
    book = PriceBook([{"host": "llm.acme.internal", "provider": "openai"}, {"provider": "openai", "discount": 0.1}])

    found = cost(call("gpt-4o", 1_000_000, 0, **ON_ACME), book)

    assert (found.cost_usd, found.grade) == (Decimal("2.25"), "A")


@pytest.mark.parametrize("host", ["llm.acme.internal", "LLM.acme.internal"])
def test_hosts_say_which_provider_bills_a_gateway(host: str) -> None:
    """By the host alone, whatever the call's provider was called; a table of prices for the host goes before it."""
    named = {host: "OpenAI"}
    asked = call("gpt-4o", 1_000_000, 0, **ON_ACME)

    assert usd(asked, PriceBook(hosts=named)) == Decimal("2.5")
    assert usd({**asked, "provider_name": "openai_compatible"}, PriceBook(hosts=named)) == Decimal("2.5")
    table = {"host": "llm.acme.internal", "provider": "deepseek"}
    assert reason(asked, PriceBook([table], hosts=named)) == "no price for model gpt-4o on llm.acme.internal"
    assert reason(asked, PriceBook(hosts={"llm.acme.internal": "vllm"})) == reason(asked)
    assert PriceBook(hosts=named).digest() != PriceBook().digest() == PriceBook(hosts={}).digest()


def test_of_two_gateways_on_one_host_the_port_decides() -> None:
    """A stored call has no port; capture named the provider by it."""
    book = PriceBook(hosts={"llm.acme.internal:4000": "openai", "llm.acme.internal:8000": "vllm"})
    asked = call("gpt-4o", 1_000_000, 0, **ON_ACME)

    assert usd({**asked, "provider_name": "openai"}, book) == Decimal("2.5")
    assert "no price" in reason({**asked, "provider_name": "vllm"}, book)


def test_own_long_context_rates_hold_strictly_above_their_threshold() -> None:
    """A rate without a long form keeps its value."""
    book = PriceBook([{"model": "m", "input": 1, "output": 4, "long_above": 100_000, "long_input": 2}])

    assert usd(call("m", 100_000, 0, **ON_ACME), book) == Decimal("0.1")
    assert usd(call("m", 100_001, 1000, **ON_ACME), book) == Decimal("0.204002")


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        # 100,000 fresh + 100,000 cached, both x $2: a cached price was stated for short requests only.
        ({"cached_input": 0.1, "long_input": 2}, "0.4"),
        # Only output has a long price: input and its cached part keep theirs.
        ({"cached_input": 0.1, "long_output": 8}, "0.11"),
        ({"cached_input": 0.1, "long_input": 2, "long_cached_input": 0.2}, "0.22"),
    ],
)
def test_a_cached_part_without_a_long_rate_costs_what_long_input_costs(stated: dict[str, float], expected: str) -> None:
    """200,000 tokens in, half of them cached, above a threshold of 100,000."""
    book = PriceBook([{"model": "m", "input": 1, "output": 4, "long_above": 100_000, **stated}])

    assert usd(call("m", 200_000, 0, cached_input_tokens=100_000, **ON_ACME), book) == Decimal(expected)


def test_a_price_of_nothing_is_a_price() -> None:
    """A model of one's own may cost 0, which is not unknown."""
    found = cost(call("m", 1000, 10, **ON_ACME), PriceBook([{"model": "m", "input": 0, "output": 0}]))

    assert (found.cost_usd, found.grade) == (0, "A")


def test_output_without_a_price_is_unknown() -> None:
    """An entry that forgets output does not make it free."""
    assert (
        reason(call("m", 1000, 10, **ON_ACME), PriceBook([{"model": "m", "input": 1}])) == "no output price for model m"
    )


@pytest.mark.parametrize(
    ("entry", "sentence"),
    [
        ({**ACME, "inptu": 1}, "inptu is not a price key, allowed are model, provider,"),
        ({"model": "m", "input": "1"}, "input = '1' is not a price in US dollars from 0 to 100,000."),
        ({"model": "m", "input": -1}, "input = -1 is not a price in US dollars from 0 to 100,000."),
        ({"model": "m", "input": True}, "input = True is not a price in US dollars from 0 to 100,000."),
        ({"model": "m", "input": float("nan")}, "input = nan is not a price in US dollars from 0 to 100,000."),
        ({"model": "m", "input": 1.0000000001}, "input = 1.0000000001 has more than nine decimals."),
        # LiteLLM's price map is per token, and so are prices per character and per second.
        (
            {**ACME, "input": 0.0000025},
            "input = 0.0000025 is a price per token; prices are US dollars per million: input = 2.5.",
        ),
        ({**ACME, "cached_input": 1.25e-06}, "cached_input = 0.00000125 is a price per token;"),
        (
            {"model": "m", "output": 0.0006},
            "output = 0.0006 is a price per token; prices are US dollars per million:",
        ),
        (
            {**ACME, "host": "https://llm.acme.example/v1"},
            "without scheme, path or wildcard. Write 'llm.acme.example'.",
        ),
        (
            {**ACME, "host": "llm.acme.example:4000"},
            "must be a host without a port: calls are stored by host.",
        ),
        ({**ACME, "provider": "opnai"}, "cerebras. Did you mean 'openai'?"),
        ({"model": "gpt-*", "input": 1}, "model = 'gpt-*' is not a name; it is matched exactly, without wildcards."),
        ({"model": "", "input": 1}, "model = '' is not a name; it is matched exactly, without wildcards."),
        ({"input": 1}, "model is missing; rates belong to one model, named exactly."),
        ({"model": "m"}, "no price in it; give rates, a discount, or host and provider together."),
        ({**ACME, "discount": 0.1}, "discount stands beside rates; give the rates you pay, or a discount on the list."),
        ({"discount": 15}, "discount = 15 is not a share from 0 up to but not including 1, such as 0.15."),
        ({**ACME, "from": "soon"}, "from = 'soon' is not a UTC day such as 2026-07-30."),
        ({**ACME, "from": datetime(2026, 1, 1)}, "is not a UTC day such as 2026-07-30."),  # noqa: DTZ001
        (
            {**ACME, "from": date(2026, 1, 2), "until": date(2026, 1, 2)},
            "until = 2026-01-02 is not after from = 2026-01-02.",
        ),
        ({**ACME, "service_tier": "fats"}, "service_tier = 'fats' is not one of default, flex, priority, batch,"),
        ({**ACME, "provider": "acme"}, "provider = 'acme' is not one of openai, azure,"),
        ({**ACME, "long_input": 2}, "long_above is missing; it is the input tokens above which the long_ rates hold."),
        ({**ACME, "long_above": 5}, "long_above = 5 needs at least one long_ rate, such as long_input."),
        ({**ACME, "long_above": 0.5, "long_input": 2}, "long_above = 0.5 is not a number of tokens above 0."),
    ],
)
def test_a_wrong_entry_is_refused_in_one_sentence(entry: dict[str, Any], sentence: str) -> None:
    """The sentence names the place, the key, the value and what is allowed."""
    with pytest.raises(PriceError) as refused:
        PriceBook([ACME, entry])

    assert str(refused.value).startswith("llmwatch.toml: prices entry 2: ")
    assert sentence in str(refused.value)


def test_the_lowest_list_price_there_is_can_be_written() -> None:
    """A quarter of a cent per million, cached and flex, is no price per token."""
    book = PriceBook([{"model": "m", "input": 0.0025, "output": 0.001}])

    assert usd(call("m", 1_000_000, 1_000_000, **ON_ACME), book) == Decimal("0.0035")


def test_fast_is_accepted_as_the_new_name_of_priority() -> None:
    """Users write what OpenAI's page says."""
    book = PriceBook([{"model": "m", "service_tier": "fast", "input": 3, "output": 1}])

    assert usd(call("m", 1_000_000, 0, service_tier="priority", **ON_ACME), book) == 3


def test_a_price_file_adds_its_entries(tmp_path: Path) -> None:
    """The same tables, in a file of their own."""
    file = tmp_path / "prices.toml"
    file.write_text('[[prices]]\nmodel = "m"\ninput = 0.125\noutput = 1\nfrom = 2026-01-01\n')

    assert usd(call("m", 1_000_000, 0, **ON_ACME), PriceBook(price_file=file)) == Decimal("0.125")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-8"])
def test_a_price_file_may_begin_with_a_byte_order_mark(tmp_path: Path, encoding: str) -> None:
    """Editors of Windows write one."""
    file = tmp_path / "prices.toml"
    file.write_text('[[prices]]\nmodel = "m"\ninput = 2\noutput = 1\n', encoding)

    assert usd(call("m", 1_000_000, 0, **ON_ACME), PriceBook(price_file=file)) == 2


@pytest.mark.parametrize(
    ("text", "error"), [("[[prices]\n", InputFileError), ("[price]\n", PriceError), ("prices = 3\n", PriceError)]
)
def test_an_unreadable_price_file_is_named(tmp_path: Path, text: str, error: type[Exception]) -> None:
    """The sentence starts with the file."""
    file = tmp_path / "prices.toml"
    file.write_text(text)

    with pytest.raises(error, match=r"prices\.toml"):
        PriceBook(price_file=file)


def test_a_missing_price_file_is_named(tmp_path: Path) -> None:
    """A path that leads nowhere is not an empty price list."""
    with pytest.raises(InputFileError, match="cannot be read"):
        PriceBook(price_file=tmp_path / "none.toml")


def test_a_contract_call_has_its_cost_at_list_beside_it() -> None:
    """At list: 100 x $0.10 + 900 x $0.01 + 100 x $0.50, per million."""
    book = PriceBook([{"model": "gpt-6-luna", "input": 0.09, "output": 0.45}, ACME])
    made = call("gpt-6-luna", 1000, 100, cached_input_tokens=900)

    found = cost(made, book)

    assert (found.cost_usd, found.list_cost_usd) == (Decimal("0.000063"), Decimal("0.000069"))
    assert cost(made).list_cost_usd == cost(made).cost_usd == Decimal("0.000069")
    assert cost(call("acme/own-1", 1000, 0, **ON_ACME), book).list_cost_usd is None


@pytest.mark.parametrize(
    ("table", "more", "expected"),
    [
        ({"model": "gpt-4o", "discount": 0.15}, {}, "2.5"),
        ({"host": "llm.acme.internal", "provider": "openai", "discount": 0.5}, ON_ACME, "2.5"),
        # The list has the uplift of the place, the contract for the place has not.
        ({"model": "gpt-6-luna", "host": "eu.api.openai.com", "input": 0.09, "output": 0.45},
         {"server_address": "eu.api.openai.com", "response_model": "gpt-6-luna", "input_tokens": 200_000}, "0.022"),
    ],
)  # fmt: skip
def test_the_list_cost_is_that_of_the_same_place(table: dict[str, Any], more: dict[str, Any], expected: str) -> None:
    """A gateway stays the gateway it is, a region the region."""
    found = cost({**call("gpt-4o", 1_000_000, 0), **more}, PriceBook([table]))

    assert found.list_cost_usd == Decimal(expected) > found.cost_usd


def test_explaining_a_contract_shows_the_contract() -> None:
    """The list is priced on the way, and its terms are not those that are shown."""
    book = PriceBook([{"model": "gpt-6-luna", "input": 0.09, "output": 0.45}])

    lines = explain(call("gpt-6-luna", 1000, 100, cached_input_tokens=900), book)

    assert "fresh input: 100 tokens x $0.09 per 1,000,000 = $0.000009" in lines
    assert lines[-1].startswith("cost $0.000063")
