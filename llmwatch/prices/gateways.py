"""Finds the one line of settings that would price the calls of a host: which provider's list has its models."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any, Final

from ..setting_checks import PROVIDERS
from .book import PriceBook
from .rates import PriceKey

# They sell models of others, so those whose models they are come first.
_RESELLERS: Final = frozenset({"azure", "aws", "google", "openrouter"})


def with_providers(
    rows: Iterable[Mapping[str, Any]],
    prices: Sequence[Mapping[str, Any]],
    price_file: Path | None,
    hosts: Mapping[str, str],
    day: date,
) -> list[dict[str, Any]]:
    """The rows of query `unpriced`, each with the `provider` that would price it if settings named it for the host.

    A row keeps `provider` None where no list has its model, or where its host has no one provider that most of its
    models are of.
    """
    found = [{**row, "provider": None} for row in rows]
    for host in {str(row["host"]) for row in found if row["host"] and "no price" in str(row["reason"])}:
        mine = [row for row in found if row["host"] == host and row["model"] and "no price" in str(row["reason"])]
        best: tuple[int, str, list[bool]] = (0, "", [])
        for provider in sorted(PROVIDERS, key=_RESELLERS.__contains__):
            book = PriceBook((*prices, {"host": host, "provider": provider}), price_file, hosts=hosts)
            keys = [PriceKey(None, str(row["model"]), None, host, day) for row in mine]
            priced = [row.is_priced for row in book.resolve(keys)]
            if sum(priced) > best[0]:
                best = (sum(priced), provider, priced)
        for row, is_priced in zip(mine, best[2] or [False] * len(mine), strict=True):
            row["provider"] = best[1] if is_priced else None
    return found
