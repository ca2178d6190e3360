"""Owns how a row of sums is read: which NULL is a true zero and which is unknown, and what may be compared."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any, Final

from .report import DATA_RANK, Cell, Change, Column, Number, Text, Tone, Unit, Unknown, count, share, usd
from .unpriced import Gap

NO_PRICE: Final = "none of its calls has a price"
NOTHING_SPENT: Final = "nothing was spent"
LEAVES_OUT: Final = "without its calls that have no price, see NOT KNOWN"
PRICED_ONLY: Final = "of the calls that have a price"
# Money recognised by the second is rounded to a nano-dollar, a few streams of it to a few: no change.
ROUNDING_USD: Final = Decimal("1e-8")
NOT_COMPARABLE: Final = "the store does not hold the whole period before"
# Sums of parts that a difference of totals may be taken of; percentiles are not among them.
_ADDITIVE: Final = (
    "calls", "spend_usd", "input_usd", "cached_input_usd", "cache_write_usd", "output_usd", "tool_usd", "unsplit_usd",
    "cache_saving_usd", "unpriced_calls", "estimated_calls", "input_tokens", "output_tokens", "cached_input_tokens",
)  # fmt: skip


class Measures:
    """One row of sums; a missing row is a row without calls."""

    __slots__ = ("_row",)

    def __init__(self, row: Mapping[str, Any]) -> None:
        self._row = row

    def __getitem__(self, key: str) -> Any:
        """The value as the query gave it; None where the row has none."""
        return self._row.get(key)

    def count(self, key: str) -> int:
        """A number of calls or tokens: the sum of nothing is 0."""
        return int(self._row.get(key) or 0)

    def money(self, key: str) -> Decimal | None:
        """Dollars; None where calls were made and none of them has a price."""
        value = self._row.get(key)
        if value is not None:
            return Decimal(value)
        return None if self.spend is None else Decimal(0)

    def tokens(self, key: str) -> Number | Unknown:
        """A number of tokens; Unknown where calls were made and none reported any."""
        value = self._row.get(key)
        if value is None and self.calls:
            return Unknown("no usage reported")
        return count(int(value or 0))

    @property
    def calls(self) -> int:
        """Logical calls."""
        return self.count("calls")

    @property
    def unpriced(self) -> int:
        """Calls left out of every sum of money."""
        return self.count("unpriced_calls")

    @property
    def spend(self) -> Decimal | None:
        """The sum of all known costs; None where nothing but unpriced calls could cost, 0 where nothing was billed."""
        value = self._row.get("spend_usd")
        if not value and self.unpriced:
            return None
        return Decimal(value or 0)

    @property
    def gap(self) -> Gap:
        """The calls of the sums, and how many of them have no price."""
        return Gap(self.calls, self.unpriced)

    @property
    def caveat(self) -> str:
        """What the spend leaves out, empty if nothing."""
        return LEAVES_OUT if self.unpriced else ""

    @property
    def no_spend_reason(self) -> str:
        """Why an amount made from the spend may be missing."""
        return NO_PRICE if self.unpriced else "no calls"

    @property
    def no_share_reason(self) -> str:
        """Why nothing can be a share of this spend."""
        return self.no_spend_reason if self.spend is None else NOTHING_SPENT

    @property
    def per_thousand(self) -> Decimal | None:
        """Dollars per 1,000 calls; unpriced calls are in neither number."""
        priced = self.calls - self.unpriced
        return None if self.spend is None or not priced else self.spend * 1000 / priced

    @property
    def per_thousand_cell(self) -> Number | Unknown:
        """The same, saying so where it is of some of the calls only."""
        return usd(self.per_thousand, self.no_spend_reason, PRICED_ONLY if self.unpriced else "")

    @property
    def unheard(self) -> Decimal | None:
        """Dollars paid for answers that nobody received: failed, left, or cut off before the first word."""
        parts = [self.money(key) for key in ("failed_usd", "left_usd", "cut_empty_usd")]
        return None if None in parts else sum((p for p in parts if p is not None), Decimal(0))

    def minus(self, others: Iterable[Measures]) -> Measures:
        """What remains of this total when its listed parts are taken away; additive measures only."""
        rest: dict[str, Any] = {key: self[key] for key in _ADDITIVE}
        for other in others:
            for key in _ADDITIVE:
                if other[key] is not None and rest[key] is not None:
                    rest[key] -= other[key]
        return Measures(rest)


def change(
    now: Decimal | int | None,
    before: Decimal | int | None,
    unit: Unit,
    is_comparable: bool,
    *,
    is_bad_up: bool = False,
    noise: Decimal | None = None,
) -> Change | Unknown:
    """The difference, and as a share of before; `new` where before is nothing, Unknown where either is.

    What is below zero has no share: from -10 to 5 is no -150 %. A difference up to `noise` is none; without it, for
    dollars, what rounding to nano-dollars explains.
    """
    if not is_comparable:
        return Unknown(NOT_COMPARABLE)
    if now is None or before is None:
        return Unknown(NO_PRICE)
    difference = now - before
    if difference and abs(difference) <= (_rounding(unit, before) if noise is None else noise):
        return Change(0, unit, None, "same")
    tone: Tone = "" if not is_bad_up or not difference else "bad" if difference > 0 else "good"
    if not before:
        return Change(difference, unit, None, "new" if now else "same", tone)
    if unit == "share" or before < 0 or now < 0:
        return Change(difference, unit, None, "", tone)
    return Change(difference, unit, Decimal(difference) / Decimal(before), "", tone)


def _rounding(unit: Unit, before: Decimal | int) -> Decimal:
    """The largest difference of money that is one of rounding; of less than 10 micro-dollars every digit counts."""
    return min(ROUNDING_USD, abs(Decimal(before)) / 1000) if unit == "usd" else Decimal(0)


def compared(columns: Sequence[Column], is_comparable: bool) -> tuple[Column, ...]:
    """The columns; those about the period before are for data formats only where nothing can be compared."""
    if is_comparable:
        return tuple(columns)
    return tuple(replace(c, rank=DATA_RANK) if c.key.startswith(("before", "change")) else c for c in columns)


def money_cells(now: Measures, before: Measures, whole: Decimal | None, *, is_comparable: bool) -> tuple[Cell, ...]:
    """Calls, spend, share of the whole, spend before, change: the columns every breakdown begins with."""
    return (
        count(now.calls),
        usd(now.spend, now.no_spend_reason, now.caveat),
        share(now.spend, whole, NO_PRICE if whole is None else now.no_share_reason),
        usd(before.spend, before.no_spend_reason, before.caveat),
        change(now.spend, before.spend, "usd", is_comparable),
    )


def name_cell(dimension: str, name: str) -> Text:
    """The name, or words for having none."""
    return Text(name) if name else Text(f"(no {dimension})", "quiet")
