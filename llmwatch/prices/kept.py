"""Owns the prices of the catalogue as they are kept: worked out once per list, for to read the list takes 0.3 s.

Kept prices are those of the book to the last digit, or they are not used. Reads no list itself.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, Final

from .book import PriceBook
from .models import catalogue_keys
from .rates import PriceKey, PriceRow

# The days on which they hold; a row as text by its key, whose day is the first of them.
Catalogued = tuple[tuple[date, date], tuple[tuple[PriceKey, str], ...]]

_SOURCES: Final = Path(__file__).parent
_MADE: Final[dict[tuple[str, date], Catalogued]] = {}


class KeptPrices:
    """Answers like the book whose prices were kept, on the days on which they hold; asks it where something was not."""

    def __init__(self, kept: Sequence[tuple[PriceKey, str]], days: tuple[date, date], book: PriceBook) -> None:
        self._kept = dict(kept)
        self._days = days
        self._book = book

    def resolve(self, keys: Iterable[PriceKey]) -> list[PriceRow]:
        """One row per key, in order."""
        asked = list(keys)
        first, end = self._days
        rows = [self._kept.get(replace(key, day=first)) if first <= key.day < end else None for key in asked]
        found = [row_of(row) for row in rows if row is not None]
        return found if len(found) == len(asked) else self._book.resolve(asked)


def catalogue_prices(book: PriceBook, digest: str, day: date) -> Catalogued:
    """The prices of the whole catalogue on a day; worked out once a process for the `digest` of a book."""
    made = _MADE.get((digest, day))
    if made is None:
        keys = catalogue_keys(day)
        days = book.steady(keys)
        kept = [(replace(key, day=days[0]), text_of(row)) for key, row in zip(keys, book.resolve(keys), strict=True)]
        made = _MADE[digest, day] = (days, tuple(kept))
    return made


@cache
def catalogue_digest(price_digest: str) -> str:
    """Changes with the digest of a book, with the catalogue, and with the program that works prices out."""
    digest = hashlib.sha256(price_digest.encode())
    for path in sorted((*_SOURCES.glob("*.py"), *_SOURCES.glob("data/*"))):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def text_of(row: PriceRow) -> str:
    """The row as JSON, exact."""
    return json.dumps(asdict(row), default=str, sort_keys=True)


def row_of(text: str) -> PriceRow:
    """The row of its JSON."""
    found: dict[str, Any] = json.loads(text)
    for day in ("valid_from", "valid_until"):
        found[day] = None if found[day] is None else date.fromisoformat(found[day])
    found["rates"] = {name: Decimal(rate) for name, rate in found["rates"].items()}
    return PriceRow(**found)
