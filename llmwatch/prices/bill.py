"""The one arithmetic of units times rate in Python: what units of each kind cost at the rates of a price.

`price_calls.sql` is the same for the calls of a store; a property test holds both to the same dollars.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from .rates import FEES, LONG, RATES

# Rate -> how many units it is the price of: 1,000 calls of a tool, the seconds of an hour, a million of anything else.
PER: Final[Mapping[str, int]] = {
    **{name: 1_000 if name in FEES else 3_600 if name == "audio_hour" else 1_000_000 for name in RATES},
    # a session of a container
    "container": 1,
}


def rate_of(kind: str, rates: Mapping[str, Decimal], *, is_long: bool = False) -> Decimal | None:
    """US dollars for `PER[kind]` units, above the threshold of long context if `is_long`; None where there is none."""
    long = rates.get(f"long_{kind}") if is_long and kind in LONG else None
    return rates.get(kind) if long is None else long


def amount(kind: str, units: Decimal | int, rate: Decimal) -> Decimal:
    """US dollars of so many units."""
    return units * rate / PER[kind]


def bill(units: Mapping[str, Decimal | int], rates: Mapping[str, Decimal], *, is_long: bool = False) -> Decimal | None:
    """US dollars of all units together, by the kinds of `RATES`; a fee of every request is one of kind `request`.

    None if a kind that was used has no rate: unknown, not 0. A price without a fee for requests has none.
    """
    total = Decimal(0)
    for kind, count in units.items():
        rate = rate_of(kind, rates, is_long=is_long)
        if rate is not None:
            total += amount(kind, count, rate)
        elif count and kind != "request":
            return None
    return total
