"""What a sheet reads: numbers in columns of numbers, with the digits that mean something; words beside them."""

from __future__ import annotations

import csv
import io
from decimal import Decimal

import pytest

from llmwatch.analysis.report import Cell, Change, Column, Interval, Number, Report, Row, Section, Table, Text, Unknown
from llmwatch.render import RENDERERS


def line_of(cell: Cell, *, is_number: bool = True, is_own: bool = False) -> dict[str, str]:
    """The one line of a report with this cell under `value`."""
    table = Table("t", "thing", (Column("value", "value", is_number=is_number),), (Row("a", (cell,)),))
    report = Report("r", "", (), (), (Section("t", "", (table,)),), "t", has_own_columns=is_own)
    (line,) = csv.DictReader(io.StringIO(RENDERERS["csv"](report)))
    return line


@pytest.mark.parametrize(
    ("cell", "written"),
    [
        (Number(Decimal(1) / Decimal(3), "share"), "0.333333"),
        (Number(Decimal("0.00000123456789"), "share"), "0.00000123457"),
        (Number(Decimal(1) / Decimal(3), "usd"), "0.333333333333"),
        (Number(Decimal("1234567.000000000001"), "usd"), "1234567.000000000001"),
        (Number(Decimal("1234.56789"), "ms"), "1234.568"),
        (Number(Decimal(0), "usd"), "0"),
        (Number(Decimal("-0.00"), "usd"), "0"),
        (Number(12_345_678_901, "count"), "12345678901"),
    ],
)
def test_a_quotient_has_the_digits_of_its_unit(cell: Cell, written: str) -> None:
    """Six for a share, a trillionth of a dollar, a microsecond; never 28."""
    assert line_of(cell)["value"] == written


@pytest.mark.parametrize(
    ("cell", "beside"),
    [
        (Text("at most 100 %"), "value: at most 100 %"),
        (Unknown("no price"), "value: no price"),
        (Change(Decimal(5), "usd", None, "new"), "value_share: new"),
    ],
)
def test_words_stand_beside_a_column_of_numbers(cell: Cell, beside: str) -> None:
    """Every cell of the column is a number or nothing."""
    line = line_of(cell)

    assert all(not text or Decimal(text) is not None for key, text in line.items() if key.startswith("value"))
    assert line["unknown"] == beside


def test_words_stay_in_columns_of_words_and_of_the_users_own() -> None:
    """A name is a name; a query's columns are as the query made them."""
    assert line_of(Text("a"), is_number=False)["value"] == "a"
    assert line_of(Text("a"), is_own=True)["value"] == "a"
    assert line_of(Number(Decimal("0.3333333333333333"), "plain"), is_own=True)["value"] == "0.3333333333333333"
    assert line_of(Interval(Decimal(1) / 3, Decimal("0.5"), Decimal(1), "share"))["value_low"] == "0.333333"
