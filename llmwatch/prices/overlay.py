"""Owns the price facts shipped beside genai-prices: data/providers.toml and data/openai.toml, read once.

Holds no price in code. Every table of the data files carries its source and the day it was checked.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, Final

from .rates import RATES

DATA: Final = Path(__file__).parent / "data"
FILES: Final = ("providers.toml", "openai.toml", "azure.toml")


@dataclass(frozen=True, slots=True)
class Provider:
    """Who bills a call, and which lists of genai-prices say its prices."""

    id: str
    names: tuple[str, ...]
    hosts: tuple[str, ...]
    lists: tuple[str, ...]
    note: str | None
    is_trusted_by_name: bool
    # Providers whose lists are taken for models that its own lacks, and what such a price is.
    fallbacks: tuple[str, ...] = ()
    fallback_note: str = ""
    # What names begin with -> what they begin with in the lists.
    renamed: Mapping[str, str] = field(default_factory=dict[str, str])

    def own_name(self, name: str) -> str:
        """The name as the lists write it: Azure says gpt-35-turbo."""
        found = next((old for old in self.renamed if name.startswith(old)), None)
        return name if found is None else self.renamed[found] + name[len(found) :]

    def has_host(self, host: str) -> bool:
        """Whether the host is this provider's: whole, or below a suffix that starts with a dot."""
        return any(host.endswith(h) if h.startswith(".") else host == h for h in self.hosts)


@dataclass(frozen=True, slots=True)
class Fee:
    """The fee of a tool for one model."""

    tool: str
    per_kcall: Decimal
    note: str | None


@dataclass(frozen=True, slots=True)
class Tuned:
    """The list's entry of models tuned from one base, and the price of their cached input, which the list lacks."""

    model: str
    cached: Mapping[str, Decimal]
    cached_note: str | None

    def cached_input(self, tier: str) -> Decimal | None:
        """The price at this tier, if it is known."""
        return self.cached.get(tier)


class Overlay:
    """The shipped facts, by the question they answer."""

    def __init__(self, providers: Mapping[str, Any], *facts: Mapping[str, Any]) -> None:
        self._tables: dict[str, list[dict[str, Any]]] = {}
        for tables in facts:
            for name, rows in tables.items():
                self._tables.setdefault(name, []).extend(rows)
        self.providers = tuple(_provider(table) for table in providers["provider"])
        self.checked_days = tuple(table["checked"] for rows in self._tables.values() for table in rows)

    def _holding(self, table: str, day: date) -> list[dict[str, Any]]:
        return [
            t
            for t in self._tables.get(table, ())
            if t.get("from", day) <= day and ("until" not in t or day < t["until"])
        ]

    def _of_model(self, table: str, model: str, day: date) -> dict[str, Any] | None:
        return next((t for t in self._holding(table, day) if model in t["models"]), None)

    def cache_write_12h(self, model: str, day: date) -> Decimal | None:
        """The published price of a 12-hour cache write at the standard tier."""
        found = self._of_model("cache_write_12h", model, day)
        return None if found is None else Decimal(found["per_mtok"])

    def cache_write_12h_multiple(self, day: date) -> Decimal | None:
        """What a 12-hour write costs against input where no price is published."""
        found = self._holding("cache_write_12h_multiple", day)
        return Decimal(found[0]["multiple"]) if found else None

    def uplift(self, host: str, model: str, day: date) -> tuple[Decimal, bool]:
        """(factor, is it certain) for a model on a host; 1 where data residency costs nothing."""
        for table in self._holding("regional", day):
            if host in table["hosts"]:
                factor = Decimal(table["factor"])
                if model in table["models"]:
                    return factor, True
                return (factor, False) if model in table["unsure"] else (Decimal(1), True)
        return Decimal(1), not host.endswith(".api.openai.com")

    def fees(self, model: str, day: date, provider: str = "openai") -> Iterable[Fee]:
        """The tool fees of a model; a table that names the model comes after, so it wins over one for all models."""
        tables = sorted(self._holding("tool_fee", day), key=lambda t: "models" in t)
        for table in tables:
            if table.get("provider", "openai") == provider and model in table.get("models", (model,)):
                yield Fee(table["tool"], Decimal(table["per_kcall"]), table.get("note"))

    def request_fee(self, name: str, day: date) -> Fee | None:
        """The fee of every request of a search model, by the model's name in the call."""
        found = next((t for t in self._holding("request_fee", day) if name in t["names"]), None)
        return None if found is None else Fee("request", Decimal(found["per_kcall"]), found["note"])

    def batch(self, model: str, day: date) -> tuple[dict[str, Decimal], str] | None:
        """(rates, note) of batch calls where the list has none."""
        found = self._of_model("batch", model, day)
        if found is None:
            return None
        rates = {name: Decimal(found[name]) for name in RATES if name in found}
        return rates, found["note"]

    def alias(self, name: str) -> str | None:
        """The list's id of a model that the list knows only by a part of its name."""
        return next((t["model"] for t in self._tables["alias"] if name in t["names"]), None)

    def is_free(self, model: str) -> bool:
        """Whether a list entry without any price means that the model costs nothing."""
        return model.endswith(":free") or any(t["model"] == model and t.get("is_free") for t in self._tables["alias"])

    def fine_tuned(self, base: str) -> Tuned | None:
        """What models tuned from `base` are priced as."""
        found = next((t for t in self._tables["fine_tuned"] if base in t["bases"]), None)
        if found is None:
            return None
        cached = {tier: Decimal(rate) for tier, rate in found.get("cached_input", {}).items()}
        return Tuned(found["model"], cached, found.get("cached_note"))

    def zone(self, deployment: str, model: str, day: date) -> Decimal | None:
        """What a deployment of Azure costs, as a multiple of its Global price; None where that is not known."""
        found = [t for t in self._holding("zone", day) if deployment in t["deployments"] and model in t["models"]]
        return Decimal(found[0]["factor"]) if found else None

    def doubts(self, provider: str, model: str) -> list[str]:
        """Why the price of a model is not verified, a sentence each."""
        tables = [t for t in self._tables.get("unverified", ()) if t["provider"] == provider and model in t["models"]]
        return [t["note"] for t in tables]

    def unverified(self) -> list[Mapping[str, Any]]:
        """Every table that says of a price that it is not verified."""
        return list(self._tables.get("unverified", ()))

    def modality(self, model: str, direction: str) -> Any:
        """What tokens of unreported modality are, for a model with a price per modality; None for the others."""
        found = next((t for t in self._tables["modality"] if model in t["models"]), None)
        return None if found is None else found.get(direction)

    def container_fees(self) -> dict[str, Decimal]:
        """Container size -> US dollars per session: a cost of the container, never of one call."""
        return {size: Decimal(usd) for size, usd in self._tables["container"][0]["usd_per_session"].items()}

    def breakpoints(self) -> set[date]:
        """The days on which one of these facts begins or ceases to hold."""
        return {t[end] for tables in self._tables.values() for t in tables for end in ("from", "until") if end in t}


def _provider(table: Mapping[str, Any]) -> Provider:
    return Provider(
        id=table["id"],
        names=tuple(table["names"]),
        hosts=tuple(table["hosts"]),
        lists=tuple(table["list"]),
        note=table.get("note"),
        is_trusted_by_name=table.get("is_trusted_by_name", False),
        fallbacks=tuple(table.get("fallback", ())),
        fallback_note=table.get("fallback_note", ""),
        renamed=table.get("renamed", {}),
    )


def read_tables(file: str) -> dict[str, list[dict[str, Any]]]:
    """One data file as it is written."""
    return tomllib.loads((DATA / file).read_text("utf-8"))


@cache
def shipped_overlay() -> Overlay:
    """The overlay of this version."""
    return Overlay(*(read_tables(file) for file in FILES))
