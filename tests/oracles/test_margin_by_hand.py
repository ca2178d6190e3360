"""Shared costs and plans: small weeks whose every figure is worked out beside the rows."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from llmwatch.analysis.margin import Line
from llmwatch.analysis.spend import Period
from llmwatch.figures.margin import load_margin
from llmwatch.figures.reading import Reading
from llmwatch.settings import Settings
from llmwatch.store import file
from llmwatch.store.queries import rows
from tests.stores import MOMENT, call

WEEK = Period(MOMENT - timedelta(days=7), MOMENT)
DAY = timedelta(days=1)


@pytest.fixture
def con(tmp_path: Any) -> Iterator[Any]:
    """Tables and views of today, empty, without a file."""
    made = file.connect(":memory:", tmp_path, read_only=False)
    file.migrate(made, 0)
    yield made
    made.close()


def put(con: Any, table: str, *rows: dict[str, Any]) -> None:
    """Inserts rows; columns not given are null."""
    for row in rows:
        names = ", ".join(f'"{name}"' for name in row)
        con.execute(f"insert into {table} ({names}) values ({', '.join(f'${n}' for n in row)})", row)


def lines(con: Any, dimension: str) -> dict[str, Line]:
    """The rows of the week's margin."""
    found = load_margin(Reading(con, settings=Settings()), WEEK, dimension, 10)
    return {line.name: line for line in found.lines}


@pytest.mark.parametrize(
    ("by", "expected"),
    [("calls", ("3", "9")), ("tokens", ("10", "2")), ("spend", ("4", "8"))],
)
def test_a_shared_cost_is_divided_by_what_it_says(con: Any, by: str, expected: tuple[str, str]) -> None:
    """$12 in the week. acme: 1 call of 500 tokens at $1; globex: 3 calls, 100 tokens and $2 in all."""
    put(con, "calls", call(1, customer_id="acme", cost="1", input_tokens=450, output_tokens=50),
        call(2, customer_id="globex", cost="1", input_tokens=30, output_tokens=10),
        call(3, customer_id="globex", cost="0.5", input_tokens=20, output_tokens=10),
        call(4, customer_id="globex", cost="0.5", input_tokens=20, output_tokens=10))  # fmt: skip
    put(con, "shared_costs", {"name": "storage", "cost_usd": Decimal(12), "per": "week", "divided_by": by,
                              "starts_at": WEEK.since - 30 * DAY})  # fmt: skip
    put(con, "subscriptions", *({"customer_id": name, "plan": "p", "amount_usd": Decimal(1), "per": "day",
                                 "starts_at": WEEK.since} for name in ("acme", "globex")))  # fmt: skip

    found = lines(con, "customer")

    assert (found["acme"].shared, found["globex"].shared) == tuple(map(Decimal, expected))
    assert lines(con, "plan")["p"].shared == 12


def test_a_shared_cost_counts_while_it_lasts(con: Any) -> None:
    """$7 a week that begins on the third day and ends on the fifth: two days of it, $2; one that is over: nothing."""
    put(con, "calls", call(1, customer_id="acme"))
    cost, begins = {"cost_usd": Decimal(7), "per": "week", "divided_by": "calls"}, WEEK.since + 2 * DAY
    put(con, "shared_costs", {**cost, "name": "two days", "starts_at": begins, "ends_at": begins + 2 * DAY},
        {**cost, "name": "over", "starts_at": WEEK.since - 9 * DAY, "ends_at": WEEK.since},
        {**cost, "name": "to come", "starts_at": WEEK.until})  # fmt: skip

    assert lines(con, "customer")["acme"].shared == 2


def test_a_plan_has_the_calls_of_its_customers_while_they_are_on_it(con: Any) -> None:
    """Before it, after it, before the period and after it are nobody's: $1, $2 and $4 count, of eight calls."""
    begins, ends = WEEK.since + DAY, WEEK.since + 3 * DAY
    moments = {
        1: begins, 2: begins + DAY, 4: ends - timedelta(microseconds=1),
        8: ends, 16: begins - timedelta(microseconds=1), 32: WEEK.since - timedelta(microseconds=1), 64: WEEK.until,
        128: WEEK.until + DAY,
    }  # fmt: skip
    put(con, "calls", *({**call(n, customer_id="acme", cost=str(n)), "started_at": at} for n, at in moments.items()))
    put(con, "subscriptions", {"customer_id": "acme", "plan": "gold", "amount_usd": Decimal(10), "per": "day",
                               "starts_at": begins, "ends_at": ends})  # fmt: skip

    found = lines(con, "plan")

    assert (found["gold"].revenue, found["gold"].direct, found["gold"].measures.calls) == (20, 7, 3)
    assert (found[""].direct, found[""].measures.calls) == (24, 2)
    assert sum(line.measures.calls for line in found.values()) == 5


def test_a_plan_that_begins_or_ends_at_the_edge_of_the_period_counts_to_the_edge(con: Any) -> None:
    """$7 a week over a month: the week of it is $7, whatever is before and after."""
    put(con, "calls", call(1, customer_id="acme", cost="1"))
    put(con, "subscriptions", {"customer_id": "acme", "plan": "gold", "amount_usd": Decimal(7), "per": "week",
                               "starts_at": WEEK.since - 9 * DAY, "ends_at": WEEK.until + 9 * DAY},
        {"customer_id": "acme", "plan": "next", "amount_usd": Decimal(7), "per": "week", "starts_at": WEEK.until},
        {"customer_id": "acme", "plan": "last", "amount_usd": Decimal(7), "per": "week",
         "starts_at": WEEK.since - 30 * DAY, "ends_at": WEEK.since})  # fmt: skip

    found = lines(con, "plan")

    assert {name: line.revenue for name, line in found.items() if line.revenue} == {"gold": 7}
    assert lines(con, "customer")["acme"].margin == 6


@pytest.mark.parametrize("value", ["0.000000001", "0.2", "1", "300"])
def test_what_a_customer_pays_follows_the_value_of_its_outcomes(con: Any, value: str) -> None:
    """$10 of acme, of which one task reached three times the value of the other, however small: $7.50 and $2.50."""
    put(con, "calls", *(call(n, customer_id="acme", task=task, task_name=task, cost="1")
                        for n, task in enumerate(("draft", "sort", "sort", "sort"))))  # fmt: skip
    told = {"recorded_at": MOMENT, "occurred_at": MOMENT - DAY, "customer_id": "acme", "source": "code"}
    done = {**told, "kind": "outcome", "outcome": "done", "is_success": True}
    put(
        con, "revenue", {**told, "event_id": "paid", "kind": "revenue", "amount_usd": Decimal(10)},
        {**done, "event_id": "o1", "task": "draft", "amount_usd": 3 * Decimal(value)},
        {**done, "event_id": "o2", "task": "sort", "amount_usd": Decimal(value)},
    )  # fmt: skip

    found = lines(con, "task")

    assert found["draft"].revenue == Decimal("7.5")
    assert found["sort"].revenue == Decimal("2.5")
    asked = {"since": WEEK.since, "until": WEEK.until, "dimension": "task", "revenue_by": "calls"}
    divided = {row["name"]: (row["outcome_nano"], row["usage_nano"]) for row in rows(con, "margin_names", **asked)}
    assert divided == {"draft": (7_500_000_000, None), "sort": (2_500_000_000, None)}


def test_an_invoice_ends_no_plan(con: Any) -> None:
    """What acme pays beside its plan in the middle of the week leaves its calls on the plan, before and after."""
    put(
        con, "calls", *({**call(n, customer_id="acme", cost="1"), "started_at": WEEK.since + n * DAY} for n in range(6))
    )
    put(con, "subscriptions", {"customer_id": "acme", "plan": "gold", "amount_usd": Decimal(7), "per": "week",
                               "starts_at": WEEK.since - 9 * DAY})  # fmt: skip
    put(con, "revenue", {"event_id": "e", "recorded_at": MOMENT, "occurred_at": WEEK.since + 3 * DAY, "source": "code",
                         "kind": "revenue", "customer_id": "acme", "amount_usd": Decimal(5)})  # fmt: skip

    found = lines(con, "plan")

    assert (found["gold"].measures.calls, found["gold"].revenue) == (6, 7)
    assert (found[""].measures.calls, found[""].revenue) == (0, 5)
