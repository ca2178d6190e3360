"""What tables show adds up: the rows as they are written give the sum as it is written, or the rounding is stated."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmwatch.analysis.breakdown import breakdown_section
from llmwatch.analysis.margin import Margin, margin_lines
from llmwatch.analysis.margin_report import margin_head_section
from llmwatch.analysis.margin_tables import customers_section, names_section
from llmwatch.analysis.measures import change
from llmwatch.analysis.report import Change, Report, Section, Unknown, money_text
from llmwatch.analysis.spend import Period, Spend, money_section
from llmwatch.render.md import render_md
from llmwatch.render.text import render_text
from llmwatch.render.wording import cell_text
from tests.stores import MOMENT

WEEK = Period(MOMENT - timedelta(days=7), MOMENT)
FEW = settings(max_examples=60, deadline=None)
AMOUNTS = st.one_of(st.integers(0, 10**13), st.integers(0, 10**9)).map(lambda pico: Decimal(pico).scaleb(-12))
REVENUE = st.one_of(st.none(), st.integers(-(10**10), 10**12))


def written(section: Section) -> list[list[str]]:
    """The cells of the first table, row by row, without emphasis, marks and the two lines of the head."""
    lines = [line for line in render_md(Report("r", "", (), (), (section,))).splitlines() if line.startswith("|")]
    clean = [re.sub(r"[*\\†]|&nbsp;", "", line) for line in lines[2:]]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in clean]


def amount(text: str) -> tuple[Decimal, Decimal] | None:
    """(dollars, half a unit of the last digit) of a written amount; None of anything else."""
    found = re.fullmatch(r"(?:at most |at least )?(-?)\$([\d,]+(?:\.(\d+))?)", text)
    if found is None:
        return None
    places = len(found[3]) if found[3] else 9
    return Decimal(found[1] + found[2].replace(",", "")), Decimal(5).scaleb(-places - 1)


def check_sum(section: Section, place: int, parts: list[list[str]], whole: list[str]) -> None:
    """The column adds up within half a digit each, and where it does not exactly, that is stated."""
    total = amount(whole[place])
    shown = [found for row in parts if (found := amount(row[place])) is not None]
    if total is None or any(row[place] == "—" for row in parts):
        return
    apart = abs(sum((value for value, _ in shown), Decimal(0)) - total[0])

    assert apart <= sum(half for _, half in (*shown, total))
    if apart:
        assert "Rounded: " in render_text(Report("r", "", (), (), (section,)), 300)


def customer(name: str, usd: Decimal, nano: int | None, unpriced: int) -> dict[str, Any]:
    """A row of margin_periods."""
    return {"name": name, "calls": 1000, "spend_usd": usd, "unpriced_calls": unpriced, "tokens": 10,
            "revenue_nano": nano, "plan": None, "is_in_calls": True}  # fmt: skip


@FEW
@given(
    made=st.lists(st.tuples(AMOUNTS, REVENUE, st.sampled_from([0, 0, 3, 50])), min_size=1, max_size=8),
    nobody=st.one_of(st.none(), st.tuples(AMOUNTS, REVENUE)),
    shared=st.integers(0, 10**10),
    top=st.integers(1, 9),
)
def test_customers_add_up_to_the_last_sum(made: Any, nobody: Any, shared: int, top: int) -> None:
    """Listed, others, of unknown revenue and of no customer; and revenue less cost is the margin."""
    rows = [customer(f"c{n}", *each) for n, each in enumerate(made)]
    rows += [customer("", *nobody, 0)] if nobody else []
    lines, _ = margin_lines(rows, [{"name": "s", "divided_by": "calls", "cost_nano": shared}], is_customer=True)
    found = Margin(WEEK, "customer", lines, (), lines, top, shared_costs=({"divided_by": "calls"},))
    section = customers_section(found)
    table = written(section)
    sums = [n for n, row in enumerate(table) if row[0] in ("all of known revenue", "all")]
    parts = [row for n, row in enumerate(table) if n not in sums]

    # customer, plan, revenue, LLM cost, margin, margin %, price to break even
    titles = ["revenue", "LLM cost", "margin"]
    shown = [c.title for c in section.tables[0].columns if c.rank <= 3]
    for title in titles:
        check_sum(section, shown.index(title), parts, table[sums[-1]])
    for row in table:
        revenue, cost, kept = (amount(row[shown.index(title)]) for title in titles)
        if revenue and cost and kept:
            assert abs(revenue[0] - cost[0] - kept[0]) <= revenue[1] + cost[1] + kept[1]
    head = {row.key: row.cells[1] for row in margin_head_section(found).tables[0].rows}
    if not isinstance(head["margin_usd"], Unknown):
        assert amount(cell_text(head["margin_usd"])) == amount(table[sums[0]][shown.index("margin")])


@FEW
@given(
    made=st.lists(st.tuples(AMOUNTS, AMOUNTS, REVENUE), min_size=1, max_size=8), shared=st.integers(0, 10**10),
    top=st.integers(1, 9), dimension=st.sampled_from(["plan", "task", "model"]),
)  # fmt: skip
def test_plans_and_tasks_add_up_with_cost_of_unknown_revenue(made: Any, shared: int, top: int, dimension: str) -> None:
    """Also the row of no plan: revenue less cost is its margin, cost of unknown revenue has a column of its own."""
    rows = [
        {
            "name": "" if n == 0 else f"p{n}", "calls": 1000, "spend_usd": known + unknown, "unpriced_calls": 0,
            "tokens": 1, "unknown_calls": 400, "unknown_usd": unknown, "unknown_tokens": 0, "revenue_nano": nano,
        }
        for n, (known, unknown, nano) in enumerate(made)
    ]  # fmt: skip
    lines, _ = margin_lines(rows, [{"name": "s", "divided_by": "calls", "cost_nano": shared}], is_customer=False)
    everything = customer("c", Decimal(0), sum(nano or 0 for *_, nano in made), 0)
    customers, _ = margin_lines([everything], (), is_customer=True)
    found = Margin(WEEK, dimension, customers, (), lines, top, shared_costs=({"divided_by": "calls"},))
    section = names_section(found)
    table = written(section)
    shown = [c.title for c in section.tables[0].columns if c.rank <= 3]
    known = next(title for title in shown if title.startswith("LLM cost"))
    places = [shown.index(title) for title in ("revenue", known, "margin")]

    for place in (*places, *(n for n, title in enumerate(shown) if title == "LLM cost, revenue unknown")):
        check_sum(section, place, table[:-1], table[-1])
    for row in table:
        revenue, cost, kept = (amount(row[place]) for place in places)
        assert revenue and cost and kept
        assert abs(revenue[0] - cost[0] - kept[0]) <= revenue[1] + cost[1] + kept[1]


@FEW
@given(costs=st.lists(AMOUNTS, min_size=1, max_size=9), listed=st.integers(1, 9), detailed=AMOUNTS)
def test_the_breakdown_and_the_kinds_of_token_add_up(costs: list[Decimal], listed: int, detailed: Decimal) -> None:
    """Names and others to all; input, output and what nothing explains to the spend."""
    names = [f"t{n}" for n in range(len(costs))][:listed]
    rows: list[dict[str, Any]] = [
        {"is_current": True, "is_total": False, "name": f"t{n}", "calls": 1, "spend_usd": usd}
        for n, usd in enumerate(costs[:listed])
    ]
    if costs[listed:]:
        rest = {"name": None, "calls": len(costs[listed:]), "spend_usd": sum(costs[listed:])}
        rows.append({"is_current": True, "is_total": False, **rest})
    whole = sum(costs)
    part = min(detailed, whole)
    rows.append({"is_current": True, "is_total": True, "name": None, "calls": len(costs), "spend_usd": whole,
                 "input_usd": part})  # fmt: skip
    past = len(costs[listed:])
    spend = Spend(WEEK, "task", tuple(names), tuple(rows), other_names=past, past_names=past)
    breakdown = breakdown_section(spend)
    table = written(breakdown)
    money = {row.key: row.cells[1] for row in money_section(spend).tables[0].rows if row.kind == "part"}

    check_sum(breakdown, 2, table[:-1], table[-1])
    assert sum(cell.value for cell in money.values()) == whole  # pyright: ignore[reportAttributeAccessIssue]


@pytest.mark.parametrize(
    ("now", "before", "words"),
    [
        ("5", "-10", "+$15.00"),
        ("-5", "10", "-$15.00"),
        ("-5", "-10", "+$5.00"),
        ("5", "10", "-$5.00 (-50.0 %)"),
        ("0", "10", "-$10.00 (-100.0 %)"),
        ("5", "0", "+$5.00 (new)"),
        ("0", "0", "="),
        # a plan recognised by the second in two windows
        ("0.500000001", "0.5", "="),
        ("1.000000003", "1.000000004", "="),
        ("0.00001", "0.000005", "+$0.00000500 (+100.0 %)"),
        ("0.51", "0.5", "+$0.0100 (+2.0 %)"),
    ],
)
def test_a_change_has_a_percentage_where_both_are_money_and_none_for_rounding(
    now: str, before: str, words: str
) -> None:
    """From -10 to 5 is 15 dollars more and no -150 %; a nano-dollar is no change."""
    found = change(Decimal(now), Decimal(before), "usd", True)

    assert isinstance(found, Change)
    assert cell_text(found) == words


@given(st.decimals(min_value="-1e6", max_value="1e6", places=12))
def test_no_amount_is_a_negative_nothing(value: Decimal) -> None:
    """A sign stands before a digit other than 0."""
    text = money_text(value)

    assert text.startswith("-") == (value < 0)
    assert not re.fullmatch(r"-\$0(\.0+)?", text)
