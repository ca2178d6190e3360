"""Owns the shape of every answer: a Report of sections, tables, typed cells and notes, all frozen.

A renderer knows these types and no subject. What is not known is an Unknown with its reason, never a zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final, Literal

SCHEMA_VERSION: Final = 1
# Columns of this rank are for data formats only.
DATA_RANK: Final = 9

Tone = Literal["", "good", "bad", "quiet"]
Verdict = Literal["", "ok", "warn", "fail"]
# points: a difference of two shares, 0.031 is 3.1 points; plain: as it is, to the last digit, where nobody knows what
# it counts
Unit = Literal["usd", "count", "share", "points", "ms", "per_second", "plain"]
# What a value is where the true one can only be on one side of it.
Bound = Literal["", "at most", "at least"]


@dataclass(frozen=True, slots=True)
class Unknown:
    """A value nobody can state, and why; no reason stands for a null that the user asked for."""

    reason: str


@dataclass(frozen=True, slots=True)
class Text:
    """Words or a name; names come from the customer's program and are hostile until rendered."""

    text: str
    tone: Tone = ""


@dataclass(frozen=True, slots=True)
class Number:
    """An exact value with its unit; shares are 0 to 1. `caveat` says what it leaves out, if it does."""

    value: Decimal | int
    unit: Unit
    caveat: str = ""
    bound: Bound = ""


@dataclass(frozen=True, slots=True)
class Change:
    """A difference to the period before, and as a share of it; `word` stands where a share means nothing."""

    value: Decimal | int
    unit: Unit
    share: Decimal | None = None
    word: str = ""
    tone: Tone = ""
    caveat: str = ""


@dataclass(frozen=True, slots=True)
class Moment:
    """A point in time, UTC."""

    at: datetime


@dataclass(frozen=True, slots=True)
class Trend:
    """One amount of dollars per day, oldest first."""

    values: tuple[Decimal, ...]
    first_day: str


@dataclass(frozen=True, slots=True)
class Interval:
    """A value between the two ends of what the evidence allows; `value` None where only the range can be said."""

    low: Decimal | int
    value: Decimal | int | None
    high: Decimal | int
    unit: Unit
    # What the ends are, if not the 95 % interval: "80 %", "lowest to highest".
    of: str = "95 %"
    tone: Tone = ""


Cell = Text | Number | Change | Moment | Trend | Interval | Unknown


@dataclass(frozen=True, slots=True)
class Column:
    """One column; `rank` 0 is always shown, higher ranks give way first where a screen is narrow."""

    key: str
    title: str
    rank: int = 0
    is_number: bool = True
    # Draws the share as a bar where there is room.
    has_bar: bool = False
    # Long text goes on in the next line instead of being cut.
    can_wrap: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """One row; `key` is its name for programs, `cells` follow the table's columns."""

    key: str
    cells: tuple[Cell, ...]
    verdict: Verdict = ""
    # Set apart from the others: a sum, or the part of a line above.
    kind: Literal["", "total", "rest", "part"] = ""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of one kind of thing, `subject`; two tables of one subject can be joined by the rows' keys."""

    key: str
    subject: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    title: str = ""
    # Keys of the columns of dollars in which the rows above the last sum (of kind total) add up to it.
    summed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Series:
    """One line of a chart, a value per point, None where nothing is known; `lows` and `highs` its interval, if any."""

    key: str
    title: str
    values: tuple[Decimal | None, ...]
    lows: tuple[Decimal | None, ...] = ()
    highs: tuple[Decimal | None, ...] = ()


@dataclass(frozen=True, slots=True)
class Chart:
    """A picture of values over time. `points` are the starts of the steps as ISO dates, oldest first.

    `shaded` are the first and last point of a range in question and `marked` the point most likely within it, as
    places in `points`; `mark_words` say what the range is. Every renderer says in words what the picture shows.
    """

    key: str
    title: str
    unit: Unit
    points: tuple[str, ...]
    series: tuple[Series, ...]
    shaded: tuple[int, int] | None = None
    marked: int | None = None
    mark_words: str = ""


@dataclass(frozen=True, slots=True)
class Note:
    """One thing a reader must know; `remedy` says what to do, `code` is text to paste."""

    text: str
    remedy: str = ""
    code: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """One subject of a report; `is_warning` sections are never left out by a renderer, nor are any notes."""

    key: str
    title: str
    tables: tuple[Table, ...] = ()
    notes: tuple[Note, ...] = ()
    is_warning: bool = False
    charts: tuple[Chart, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """An answer: what was asked (`facts`), one line of summary, then sections."""

    kind: str
    title: str
    facts: tuple[tuple[str, Cell], ...]
    summary: tuple[str, ...] = ()
    sections: tuple[Section, ...] = ()
    # The key of the table that a format with room for one only shows.
    main_table: str = ""
    # The user chose the columns: a format for programs adds none of its own, and notes go beside it.
    has_own_columns: bool = False


def usd(value: Decimal | None, reason: str, caveat: str = "") -> Number | Unknown:
    """Dollars, or Unknown for the stated reason."""
    return Unknown(reason) if value is None else Number(value, "usd", caveat)


def count(value: int) -> Number:
    """A number of things."""
    return Number(value, "count")


def share(part: Decimal | int | None, whole: Decimal | int | None, reason: str) -> Number | Unknown:
    """part / whole as an exact share; Unknown where either is unknown or the whole is nothing, or below it."""
    if part is None or whole is None or whole <= 0:
        return Unknown(reason)
    return Number(Decimal(part) / Decimal(whole), "share")


def counted(number: int, noun: str) -> str:
    """The number with its noun: 1 call, 2,000 calls."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def money_text(value: Decimal) -> str:
    """Dollars: cents from ten cents up, three digits below; `$0` only for nothing at all.

    >>> money_text(Decimal("834.405")), money_text(Decimal("0.0000655")), money_text(Decimal("0E-12"))
    ('$834.41', '$0.0000655', '$0')
    """
    if not value:
        return "$0"
    sign, size = ("-" if value < 0 else ""), abs(value)
    if size >= Decimal("0.0995"):
        return f"{sign}${_rounded(size, 2):,}"
    return f"{sign}${_rounded(size, 2 - size.adjusted()):f}"


def shown_usd(value: Decimal) -> Decimal:
    """The dollars that `money_text` writes."""
    return Decimal(money_text(value).replace("$", "").replace(",", ""))


def rounded_apart(table: Table) -> tuple[str, ...]:
    """Titles of the columns whose rows, as they are written, do not add up to the sum as it is written."""
    sums = [row for row in table.rows if row.kind == "total"]
    parts = [row for row in table.rows if row.kind != "total"]
    places = [n for n, column in enumerate(table.columns) if column.key in table.summed and column.rank < DATA_RANK]
    return tuple(table.columns[n].title for n in places if sums and not _adds_up(parts, sums[-1], n))


def _adds_up(parts: Sequence[Row], whole: Row, n: int) -> bool:
    found = [row.cells[n] for row in (*parts, whole)]
    numbers = [cell.value for cell in found if isinstance(cell, Number)]
    if not isinstance(found[-1], Number) or any(isinstance(cell, Unknown) for cell in found):
        return True
    *shown, total = (shown_usd(Decimal(value)) for value in numbers)
    return sum(shown) == total


def share_text(value: Decimal) -> str:
    """Per cent with one digit, two below 1 %; nothing and all only where it is exactly that.

    >>> share_text(Decimal("0.978")), share_text(Decimal("0.99997")), share_text(Decimal("-0.00001"))
    ('97.8 %', '>99.9 %', '>-0.01 %')
    """
    percent = value * 100
    if not percent or percent == 100:
        return f"{percent:.0f} %"
    if abs(percent) < Decimal("0.005"):
        return "<0.01 %" if percent > 0 else ">-0.01 %"
    if Decimal("99.95") <= percent < 100:
        return ">99.9 %"
    return f"{percent:.2f} %" if abs(percent) < Decimal("0.995") else f"{percent:.1f} %"


def _rounded(value: Decimal, places: int) -> Decimal:
    # Half up, as people round money; the default is half to even.
    return value.quantize(Decimal(1).scaleb(-places), rounding="ROUND_HALF_UP")


def milliseconds(value: float | None, reason: str) -> Number | Unknown:
    """Milliseconds to the microsecond, or Unknown for the stated reason."""
    return Unknown(reason) if value is None else Number(Decimal(f"{value:.3f}"), "ms")


def utc(at: datetime) -> datetime:
    """The same moment with its zone said; stored times are UTC without one."""
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
