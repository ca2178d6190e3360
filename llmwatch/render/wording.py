"""Owns how a value is written for people: the same words in the terminal and in Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from ..analysis.report import (
    Cell,
    Change,
    Interval,
    Moment,
    Number,
    Table,
    Text,
    Trend,
    Unit,
    Unknown,
    money_text,
    rounded_apart,
    share_text,
)
from .inert import one_line, plain

UNKNOWN: Final = "—"
_STEPS: Final = "▁▂▃▄▅▆▇█"
# Of so little nano-dollars rounded apart are the whole.
_NO_CHANGE: Final = Decimal("1e-9")


def cell_text(cell: Cell) -> str:
    """One line of plain text for any cell."""
    match cell:
        case Text(text=text):
            return one_line(text)
        case Number(value=value, unit=unit, bound=bound):
            return f"{bound} {number_text(value, unit)}".lstrip()
        case Change():
            return _change_text(cell)
        case Moment(at=at):
            return f"{at:%Y-%m-%d %H:%M:%S}"
        case Trend(values=values):
            return sparkline(values)
        case Interval():
            return _interval_text(cell)
        case Unknown():
            return UNKNOWN


def number_text(value: Decimal | int, unit: Unit) -> str:
    """A number in its unit, with as many digits as help."""
    match unit:
        case "usd":
            return money_text(Decimal(value))
        case "count":
            return _count_text(value)
        case "share":
            return share_text(Decimal(value))
        case "points":
            return f"{Decimal(value) * 100:+.1f} pts".replace("-0.0 ", "+0.0 ")
        case "ms":
            return _duration_text(Decimal(value))
        case "per_second":
            return f"{value:,.1f}"
        case "plain":
            return plain(value)


def _interval_text(cell: Interval) -> str:
    low, high = number_text(cell.low, cell.unit), number_text(cell.high, cell.unit)
    # The unit once, behind the value: 98.9 % (98.5 to 99.2).
    for unit in (" %", " pts"):
        if low.endswith(unit) and high.endswith(unit) and cell.value is not None:
            low, high = low.removesuffix(unit), high.removesuffix(unit)
    ends = f"{low} to {high}"
    return ends if cell.value is None else f"{number_text(cell.value, cell.unit)} ({ends})"


def _count_text(value: Decimal | int) -> str:
    if abs(value) >= 10_000_000:
        return f"{Decimal(value) / 1_000_000:,.1f} M"
    return f"{value:,}"


def _duration_text(value: Decimal) -> str:
    if value < Decimal("999.5"):
        return f"{value:.1f} ms" if value < 10 else f"{value:.0f} ms"
    seconds = value / 1000
    if seconds < 600:
        return f"{seconds:.2f} s" if seconds < 10 else f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min"


def _change_text(change: Change) -> str:
    if change.word == "same" or not change.value or (change.share is not None and abs(change.share) < _NO_CHANGE):
        return "="
    sign = "+" if change.value > 0 else "-"
    if change.unit == "share":
        points = abs(Decimal(change.value)) * 100
        return f"{sign}{points:.1f} pts" if points >= Decimal("0.05") else "<0.1 pts"
    amount = sign + number_text(abs(change.value), change.unit)
    if change.word:
        return f"{amount} ({change.word})"
    return amount if change.share is None else f"{amount} ({_change_share_text(change.share)})"


def _change_share_text(share: Decimal) -> str:
    if share >= 9:
        return f"x{share + 1:,.0f}"
    percent = share * 100
    if abs(percent) < Decimal("0.05"):
        return "<0.1 %"
    return f"{percent:+.1f} %"


def rounding_text(table: Table) -> str:
    """What is said below a table whose rows are rounded apart from their sum; empty where they are not."""
    titles = rounded_apart(table)
    return f"Rounded: the rows of {', '.join(titles)} add up to the sum before rounding." if titles else ""


def sparkline(values: Sequence[Decimal | None], *, is_from_zero: bool = True) -> str:
    """One block per value up to the highest, a gap where none is known; the lowest block is 0, or the lowest value."""
    known = [value for value in values if value is not None]
    bottom = min([*known, Decimal(0)] if is_from_zero else known, default=Decimal(0))
    height = max([*known, Decimal(0)] if is_from_zero else known, default=Decimal(0)) - bottom
    if not height:
        return "".join(" " if value is None else _STEPS[0] for value in values)
    return "".join(" " if value is None else _STEPS[min(7, int((value - bottom) * 8 / height))] for value in values)


def bar(share: Decimal, width: int) -> str:
    """A bar of at most `width` characters, in eighths, for a share from 0 to 1."""
    eighths = int(min(max(share, Decimal(0)), Decimal(1)) * width * 8)
    return "█" * (eighths // 8) + (" ▏▎▍▌▋▊▉"[eighths % 8] if eighths % 8 else "")


def superscript(number: int) -> str:
    """A footnote mark."""
    return "".join("⁰¹²³⁴⁵⁶⁷⁸⁹"[int(digit)] for digit in str(number))


class Footnotes:
    """The footnotes of one table, each reason once."""

    def __init__(self) -> None:
        self._marks: dict[tuple[str, str], int] = {}

    def number(self, reason: str, before: str = UNKNOWN) -> str:
        """The number of the note that stands beside an unknown value, or beside one that leaves something out."""
        return str(self._marks.setdefault((before, one_line(reason)), len(self._marks) + 1))

    def mark(self, reason: str, before: str = UNKNOWN) -> str:
        """The same as a raised figure."""
        return superscript(int(self.number(reason, before)))

    def lines(self) -> list[str]:
        """The footnotes, in order of their marks."""
        return [f"{before}{superscript(mark)} {reason}" for (before, reason), mark in self._marks.items()]
