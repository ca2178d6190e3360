"""Which NULL is a zero, which is unknown, and what may be compared."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from llmwatch.analysis.measures import Measures, change, money_cells
from llmwatch.analysis.report import Change, Number, Unknown, share


def measures(**row: Any) -> Measures:
    """A row of sums."""
    return Measures(row)


def test_a_sum_of_nothing_is_unknown_only_where_unpriced_calls_are_behind_it() -> None:
    """No calls and only free calls cost nothing; only unpriced calls cost nobody knows what."""
    assert measures().spend == 0
    assert measures(calls=3).spend == 0
    assert measures(calls=3, unpriced_calls=3).spend is None
    assert measures(calls=3, unpriced_calls=1, spend_usd=Decimal("0.5")).spend == Decimal("0.5")


def test_cost_per_thousand_leaves_unpriced_calls_out_of_both_numbers() -> None:
    """Ten calls of which five are priced at a dollar each cost $1,000 per thousand."""
    assert measures(calls=10, unpriced_calls=5, spend_usd=Decimal(5)).per_thousand == 1000
    assert measures(calls=5, unpriced_calls=5).per_thousand is None
    assert measures().per_thousand is None


def test_tokens_without_any_reported_usage_are_unknown() -> None:
    """No usage on three calls is not zero tokens; no calls is."""
    assert measures(calls=3).tokens("input_tokens") == Unknown("no usage reported")
    assert measures().tokens("input_tokens") == Number(0, "count")


def test_answers_nobody_received_are_the_sum_of_three_kinds() -> None:
    """Unknown if the spend is."""
    known = measures(
        calls=9, spend_usd=Decimal(9), failed_usd=Decimal(1), left_usd=Decimal(2), cut_empty_usd=Decimal(4)
    )

    assert known.unheard == 7
    assert measures(calls=1, unpriced_calls=1).unheard is None


@pytest.mark.parametrize(
    ("now", "before", "expected"),
    [
        (Decimal(12), Decimal(10), Change(Decimal(2), "usd", Decimal("0.2"))),
        (Decimal(5), Decimal(10), Change(Decimal(-5), "usd", Decimal("-0.5"))),
        (Decimal(5), Decimal(0), Change(Decimal(5), "usd", None, "new")),
        (Decimal(0), Decimal(0), Change(Decimal(0), "usd", None, "same")),
        (Decimal(0), Decimal(8), Change(Decimal(-8), "usd", Decimal(-1))),
    ],
)
def test_a_change_is_a_difference_and_a_share_of_before(now: Decimal, before: Decimal, expected: Change) -> None:
    """Nothing before is new, not an infinite growth."""
    assert change(now, before, "usd", is_comparable=True) == expected


def test_a_change_from_or_to_the_unknown_is_unknown() -> None:
    """So is one to a period that the store does not hold."""
    assert isinstance(change(None, Decimal(1), "usd", is_comparable=True), Unknown)
    assert isinstance(change(Decimal(1), None, "usd", is_comparable=True), Unknown)
    assert isinstance(change(Decimal(1), Decimal(1), "usd", is_comparable=False), Unknown)


def test_more_waste_is_bad_and_less_is_good() -> None:
    """Only where more is worse has a change a tone."""
    more = change(Decimal(2), Decimal(1), "usd", is_comparable=True, is_bad_up=True)
    less = change(Decimal(1), Decimal(2), "usd", is_comparable=True, is_bad_up=True)
    plain = change(Decimal(2), Decimal(1), "usd", is_comparable=True)

    assert [getattr(each, "tone", None) for each in (more, less, plain)] == ["bad", "good", ""]


def test_a_share_of_nothing_is_unknown() -> None:
    """Never a division by zero and never 0 %."""
    assert share(Decimal(1), Decimal(0), "because") == Unknown("because")
    assert share(None, Decimal(1), "because") == Unknown("because")
    assert share(1, 4, "because") == Number(Decimal("0.25"), "share")


def test_a_name_with_unpriced_calls_alone_has_no_spend_no_share_and_no_change() -> None:
    """Each of its cells of money is unknown for the same reason."""
    cells = money_cells(measures(calls=3, unpriced_calls=3), measures(), Decimal(5), is_comparable=True)

    assert [type(cell) for cell in cells] == [Number, Unknown, Unknown, Number, Unknown]
