"""Owns what is known of where revenue comes from: its sources, and which of its customers no call names."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any

from ..analysis.revenue import Sources, Unmatched
from .reading import Reading


def load_sources(store: Reading) -> Sources:
    """Every source of revenue, and the customers that only one of revenue and calls names."""
    customers = store.rows("revenue_customers")
    in_calls = [row for row in customers if row["name"] and row["calls"]]
    earning = [row for row in customers if row["name"] and row["streams"]]
    names = [str(row["name"]) for row in in_calls]
    paid = {str(row["name"]) for row in earning}
    return Sources(
        sources=store.rows("revenue_sources"),
        imports=store.rows("revenue_imports"),
        unmatched=tuple(_unmatched(row, names, paid) for row in earning if not row["calls"]),
        unpaid=tuple(row for row in in_calls if not row["streams"]),
        nobody=next((row for row in customers if not row["name"]), {}),
        unlinked=store.rows("revenue_unlinked")[0],
        hindrances=store.hindrances,
    )


def unmatched_names(store: Reading, customers: Sequence[str]) -> tuple[Unmatched, ...]:
    """Those of the customers that no call names, with the nearest names that calls have."""
    rows = store.rows("revenue_customers")
    names = [str(row["name"]) for row in rows if row["name"] and row["calls"]]
    known = set(names)
    return tuple(Unmatched(name, nearest(name, names)) for name in customers if name not in known)


def nearest(name: str, names: Sequence[str]) -> tuple[str, ...]:
    """Up to three names that are written alike, the nearest first; case does not count."""
    by_lower = {other.lower(): other for other in names}
    return tuple(by_lower[found] for found in get_close_matches(name.lower(), list(by_lower), n=3, cutoff=0.6))


def _unmatched(row: dict[str, Any], names: Sequence[str], paid: set[str]) -> Unmatched:
    # Of equally near names the one that nobody pays for is the likelier.
    found = sorted(nearest(str(row["name"]), names), key=lambda name: name in paid)
    return Unmatched(str(row["name"]), tuple(found), row["amount_usd"], str(row["sources"] or ""))
