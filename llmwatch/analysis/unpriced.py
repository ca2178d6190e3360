"""What calls without a price make of a figure: a sum is at least, a margin at most, and above 1 % of calls neither."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from .report import Bound, Number, Unit, Unknown

# Where more of the calls have no price, what the others cost says nothing of all: the figure is unknown.
MOST_UNPRICED: Final = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Gap:
    """The calls behind a figure, and how many of them have no price."""

    calls: int = 0
    unpriced: int = 0

    @property
    def is_unknown(self) -> bool:
        """Too many have no price for a bound to be worth stating."""
        return self.unpriced > self.calls * MOST_UNPRICED

    @property
    def reason(self) -> str:
        """Why a figure is unknown."""
        return f"unknown: {self.unpriced:,} of {self.calls:,} calls {'is' if self.unpriced == 1 else 'are'} unpriced"

    @property
    def words(self) -> str:
        """What a bound leaves out."""
        return f"{self.unpriced:,} unpriced"

    def __add__(self, other: Gap) -> Gap:
        return Gap(self.calls + other.calls, self.unpriced + other.unpriced)


NONE: Final = Gap()


def together(gaps: Iterable[Gap]) -> Gap:
    """The calls behind a sum of figures."""
    return sum(gaps, NONE)


def bounded(
    value: Decimal | None, unit: Unit, gap: Gap, bound: Bound, reason: str, caveat: str = ""
) -> Number | Unknown:
    """The figure, the bound that unpriced calls leave of it, or Unknown; `reason` is why the value may be missing.

    `caveat` is what else the figure leaves out.
    """
    if gap.is_unknown:
        return Unknown(gap.reason)
    if value is None:
        return Unknown(reason)
    if not gap.unpriced:
        return Number(value, unit, caveat)
    return Number(value, unit, "; ".join(filter(None, (gap.words, caveat))), bound)
