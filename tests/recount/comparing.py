"""Stores calls by the product's real path and names what it charges otherwise than the second calculator."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.store.records import merged, query

from .calculator import recount
from .draws import Draw, is_grade_open

CLOSE = Decimal("1e-12")
PARTS = ("input", "cached_input", "cache_write", "output", "tool")
COLUMNS = ("span_id", "cost_usd", "cost_grade", *(f"{part}_cost_usd" for part in PARTS), "cache_saving_usd")
Stored = Mapping[str, Mapping[str, Any]]


def stored(home: Path, calls: Iterable[Draw]) -> Stored:
    """Span -> what the store says of the call, after the records of all of them were merged."""
    rows = query(merged(home, *calls), f"select {', '.join(COLUMNS)} from calls")
    return {row[0]: dict(zip(COLUMNS, row, strict=True)) for row in rows}


def differing(kind: str, calls: Iterable[Draw], found: Stored) -> list[str]:
    """The calls whose cost, parts, saving or grade differ, with both answers."""
    return [said for call in calls if (said := _difference(kind, call, found[call["span_id"]]))]


def _difference(kind: str, call: Draw, actual: Mapping[str, Any]) -> str:
    expected = recount(call)
    wanted: dict[str, Decimal | None] = {"cost_usd": expected.usd}
    if expected.parts is not None:
        wanted |= {f"{part}_cost_usd": expected.parts.get(part, Decimal(0)) for part in PARTS}
        wanted["cache_saving_usd"] = expected.saving
    same = all(
        (right is None) == (actual[name] is None) and (right is None or abs(right - actual[name]) <= CLOSE)
        for name, right in wanted.items()
    )
    if same and (expected.grade == actual["cost_grade"] or is_grade_open(kind, call)):
        return ""
    return f"{call}\n  expected {expected.grade} {wanted}\n  actual   {dict(actual)}"
