"""Rows of sums: what is unknown stays unknown, and a sum that leaves calls out says so."""

from __future__ import annotations

from decimal import Decimal

from llmwatch.analysis.measures import LEAVES_OUT, NO_PRICE, Measures, money_cells
from llmwatch.analysis.report import Number, Unknown


def measures(**row: object) -> Measures:
    """A row of sums."""
    return Measures(row)


def test_a_row_whose_only_priced_calls_were_free_is_unknown_not_free() -> None:
    """Failed calls cost $0; beside unpriced ones that says nothing about what the row cost."""
    row = measures(calls=53, unpriced_calls=47, spend_usd=Decimal(0))

    assert row.spend is None
    assert row.no_spend_reason == NO_PRICE


def test_a_row_without_any_unpriced_call_may_be_free() -> None:
    """A true zero stays a zero."""
    assert measures(calls=6, unpriced_calls=0, spend_usd=Decimal(0)).spend == Decimal(0)
    assert measures().spend == Decimal(0)


def test_a_sum_that_leaves_calls_out_carries_the_caveat_a_whole_one_does_not() -> None:
    """The reader sees beside the number that it is not all."""
    partial = measures(calls=3, unpriced_calls=1, spend_usd=Decimal("2.5"))
    whole = measures(calls=3, unpriced_calls=0, spend_usd=Decimal("2.5"))

    now, before = money_cells(partial, whole, Decimal(5), is_comparable=True)[1:4:2]

    assert now == Number(Decimal("2.5"), "usd", LEAVES_OUT)
    assert before == Number(Decimal("2.5"), "usd")


def test_what_remains_of_a_total_keeps_its_unpriced_calls() -> None:
    """The line "others" must not turn unpriced calls into free ones."""
    total = measures(calls=10, unpriced_calls=4, spend_usd=Decimal(3))

    rest = total.minus([measures(calls=6, unpriced_calls=0, spend_usd=Decimal(3))])

    assert isinstance(money_cells(rest, rest, Decimal(3), is_comparable=True)[1], Unknown)
