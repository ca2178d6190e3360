"""The cost a server states: where it is the price that counts, where it is not, and what usage in doubt costs."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from llmwatch.prices import explain
from tests.prices.calls import BOOK, call, cost, reason

ROUTED: dict[str, Any] = {"provider_name": "openrouter", "server_address": "openrouter.ai"}
PROXY: dict[str, Any] = {"provider_name": "openai_compatible", "server_address": "llm.example.com"}


def stated(usd: str, source: str = "usage.cost", **more: Any) -> dict[str, Any]:
    """A call of 1,000 tokens in and 200 out whose server said what it charged."""
    given = {**ROUTED, "stated_cost_usd": Decimal(usd), "stated_cost_source": source, **more}
    return call(given.pop("model", "deepseek/deepseek-v3.2"), 1_000, 200, **given)


def test_a_gateways_statement_is_the_cost():
    """Dearer than the list or without any list price, it is what was charged, and it is not split into parts."""
    for made in (stated("0.0123"), stated("0.0123", model="openrouter/auto"), stated("0.0123", **PROXY)):
        found = cost(made)

        assert (found.cost_usd, found.unsplit_cost_usd, found.grade) == (Decimal("0.0123"), Decimal("0.0123"), "B")
        assert found.input_cost_usd + found.cached_input_cost_usd + found.output_cost_usd + found.tool_cost_usd == 0
        assert found.price_id is None


def test_a_differing_list_price_is_said_beside_it():
    """1,000 x $0.28 + 200 x $0.42 per million is $0.000364 at the list of the day, or what the list says instead."""
    listed = cost(call("deepseek/deepseek-v3.2", 1_000, 200, **ROUTED)).cost_usd
    note = cost(stated("0.0123")).note

    assert note == f"the server stated this cost (usage.cost), the list price gives ${listed.normalize():f}"
    assert explain(stated("0.0123"), BOOK) == [f"cost $0.0123, grade B: {note}"]


def test_openai_is_billed_by_its_list():
    """1,000 x $2.50 + 200 x $10 per million is $0.0045, whatever a proxy put into a header."""
    made = call("gpt-4o", 1_000, 200, stated_cost_usd=Decimal(7), stated_cost_source="header x")

    assert (cost(made).cost_usd, cost(made).grade, cost(made).unsplit_cost_usd) == (Decimal("0.0045"), "A", 0)


def test_a_stated_zero_counts_only_where_the_server_is_known_to_bill_by_it():
    """A free model is free; a proxy that has no price of a model states 0 too."""
    assert cost(stated("0")).cost_usd == 0
    assert reason(stated("0", model="own-model", **PROXY)) == "no price for model own-model on llm.example.com"


def test_a_stated_cost_is_not_paid_twice():
    """The answer was paid by the call that made it."""
    found = cost(stated("0.0123", usage_source="repeated"))

    assert (found.cost_usd, found.note) == (0, "counted on the call that created it")


def test_a_statement_prices_what_has_no_usage():
    """The server charged; that it reported no tokens changes nothing."""
    made = call("sonar-x", None, None, **ROUTED, stated_cost_usd=Decimal("0.5"), usage_source="absent")

    assert cost(made).cost_usd == Decimal("0.5")


def test_usage_in_doubt_is_never_grade_a():
    """The reason is in the note."""
    found = cost(call("gpt-4o", 1_000, 200, usage_doubt="2 tokens stand in the total only, taken as output"))

    assert (found.cost_usd, found.grade) == (Decimal("0.0045"), "B")
    assert found.note == "2 tokens stand in the total only, taken as output"


def test_usage_that_contradicts_itself_has_no_cost():
    """Unknown, with the reason; on a gateway the statement still counts."""
    conflict = "the reported usage contradicts itself: total 100, input 1,000, output 200"

    assert reason(call("gpt-4o", 1_000, 200, usage_conflict=conflict)) == conflict
    assert cost(stated("0.01", usage_conflict=conflict)).cost_usd == Decimal("0.01")


@pytest.mark.parametrize("usd", ["0.000000000001", "99999.999999999999"])
def test_a_stated_cost_keeps_its_twelve_decimals(usd: str):
    """Nothing is rounded on the way."""
    assert cost(stated(usd)).cost_usd == Decimal(usd)
