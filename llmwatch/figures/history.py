"""What a reader of a period must know of the store's own past: calls that were removed, costs of older price tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any, Final

from ..analysis.report import counted, money_text
from ..analysis.spend import Period
from .reading import Reading

_REASONS: Final[Mapping[str, str]] = {
    "retention": "Retention (calls_days)",
    "erasure": "Erasure (llmwatch purge)",
}


def with_history(reading: Reading, asked: Period) -> Reading:
    """The reading with these sentences among what hinders it."""
    return replace(reading, hindrances=(*reading.hindrances, *_removed(reading, asked), *_older(reading, asked)))


def _removed(reading: Reading, asked: Period) -> Iterator[str]:
    for row in reading.rows("removals_in", since=asked.since, until=asked.until):
        spend = money_text(row["spend_usd"] or Decimal(0))
        unpriced = f" ({row['unpriced_calls']:,} unpriced)" if row["unpriced_calls"] else ""
        days = f"{row['first_call_at']:%Y-%m-%d} to {row['last_call_at']:%Y-%m-%d}"
        yield (
            f"{_REASONS[row['reason']]} removed {counted(row['calls'], 'call')} made from {days},"
            f" {spend} of spend{unpriced}; those of this period are in no figure here."
        )


def _older(reading: Reading, asked: Period) -> Iterator[str]:
    row: dict[str, Any] = reading.rows("older_costs", since=asked.since, until=asked.until)[0]
    if row["calls"]:
        yield (
            f"{counted(row['calls'], 'call')} of this period keep the cost of an older price table;"
            " `llmwatch reprice --dry-run` shows what the one in force would change."
        )
