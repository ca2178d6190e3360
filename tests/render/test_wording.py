"""Values are written with as many digits as help and never as a zero they are not."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmwatch.analysis.report import Change, Number, Unknown, money_text
from llmwatch.render.wording import bar, cell_text, number_text, sparkline


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("0.0000655", "$0.0000655"),
        ("0.00000000000149", "$0.00000000000149"),
        ("0.0994", "$0.0994"),
        ("0.0996", "$0.10"),
        ("0.995", "$1.00"),
        ("834.405", "$834.41"),
        ("1234567.891", "$1,234,567.89"),
        ("-4.5", "-$4.50"),
        ("0E-12", "$0"),
    ],
)
def test_money_has_cents_or_three_digits(value: str, words: str) -> None:
    """From ten cents up cents, below three digits, and a zero only for a zero."""
    assert money_text(Decimal(value)) == words


@given(st.decimals(min_value="0.000000000001", max_value="1e12", places=12))
def test_no_amount_that_is_something_is_shown_as_nothing(value: Decimal) -> None:
    """A shown amount has a digit other than 0."""
    assert any(digit in money_text(value) for digit in "123456789")


@pytest.mark.parametrize(
    ("value", "unit", "words"),
    [
        ("0.978", "share", "97.8 %"),
        ("0.0014", "share", "0.14 %"),
        ("0.00001", "share", "<0.01 %"),
        ("1", "share", "100 %"),
        ("0", "share", "0 %"),
        ("7.26", "ms", "7.3 ms"),
        ("850.4", "ms", "850 ms"),
        ("7260", "ms", "7.26 s"),
        ("12076", "ms", "12.1 s"),
        ("1234567", "count", "1,234,567"),
        ("1309381950", "count", "1,309.4 M"),
        ("45.6664", "per_second", "45.7"),
    ],
)
def test_numbers_are_written_in_their_unit(value: str, unit: str, words: str) -> None:
    """Each unit has its own number of digits."""
    assert number_text(Decimal(value) if "." in value else int(value), unit) == words  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (Change(Decimal("53.35"), "usd", Decimal("0.0683")), "+$53.35 (+6.8 %)"),
        (Change(Decimal("-5"), "usd", Decimal("-0.5")), "-$5.00 (-50.0 %)"),
        (Change(Decimal("9"), "usd", None, "new"), "+$9.00 (new)"),
        (Change(0, "count", Decimal(0)), "="),
        (Change(Decimal("-0.014"), "share"), "-1.4 pts"),
        (Change(90, "count", Decimal(9)), "+90 (x10)"),
        (Change(1, "count", Decimal("0.0001")), "+1 (<0.1 %)"),
        (Change(Decimal("0.0003"), "share"), "<0.1 pts"),
        # nano-dollars that two periods were rounded by
        (Change(Decimal("0.00000163"), "usd", Decimal("9.8e-11")), "="),
    ],
)
def test_changes_say_amount_and_share(change: Change, words: str) -> None:
    """A share of nothing is `new`, a tenfold is a factor, shares change by points."""
    assert cell_text(change) == words


def test_what_is_unknown_is_a_dash() -> None:
    """Never a zero and never an empty cell."""
    assert cell_text(Unknown("because")) == "—"
    assert cell_text(Number(Decimal(0), "usd")) == "$0"


def test_bars_and_trends_grow_with_their_values() -> None:
    """Nothing has the lowest block, the highest the full one."""
    assert sparkline((Decimal(0), Decimal(5), Decimal(10))) == "▁▅█"
    assert bar(Decimal(1), 4) == "████"
    assert bar(Decimal("0.5"), 4) == "██"
    assert bar(Decimal(0), 4) == ""
