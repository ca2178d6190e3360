"""Owns the price facts shipped beside genai-prices: data/providers.toml and data/openai.toml, read once.

Holds no price in code. Every table of the data files carries its source and the day it was checked.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, Final

DATA: Final = Path(__file__).parent / "data"
FILES: Final = ("providers.toml", "openai.toml")


@dataclass(frozen=True, slots=True)
class Provider:
    """Who bills a call, and which lists of genai-prices say its prices."""

    id: str
    names: tuple[str, ...]
    hosts: tuple[str, ...]
    lists: tuple[str, ...]
    note: str | None
    is_trusted_by_name: bool

    def has_host(self, host: str) -> bool:
        """Whether the host is this provider's: whole, or below a suffix that starts with a dot."""
        return any(host.endswith(h) if h.startswith(".") else host == h for h in self.hosts)


@dataclass(frozen=True, slots=True)
class Fee:
    """The fee of a tool for one model."""

    tool: str
    per_kcall: Decimal
    note: str | None


class Overlay:
    """The shipped facts, by the question they answer."""

    def __init__(self, providers: Mapping[str, Any], openai: Mapping[str, Any]) -> None:
        self._tables = openai
        self.providers = tuple(_provider(table) for table in providers["provider"])
        self.checked_days = tuple(table["checked"] for tables in openai.values() for table in tables)

    def _holding(self, table: str, day: date) -> list[dict[str, Any]]:
        return [t for t in self._tables[table] if t.get("from", day) <= day and ("until" not in t or day < t["until"])]

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

    def fees(self, model: str, day: date) -> Iterable[Fee]:
        """The tool fees of a model; a table that names the model comes after, so it wins over one for all models."""
        tables = sorted(self._holding("tool_fee", day), key=lambda t: "models" in t)
        for table in tables:
            if model in table.get("models", (model,)):
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
        rates = {name: Decimal(found[name]) for name in ("input", "cached_input", "output") if name in found}
        return rates, found["note"]

    def alias(self, name: str) -> str | None:
        """The list's id of a model that the list knows only by a part of its name."""
        return next((t["model"] for t in self._tables["alias"] if name in t["names"]), None)

    def is_free(self, model: str) -> bool:
        """Whether a list entry without any price means that the model costs nothing."""
        return model.endswith(":free") or any(t["model"] == model and t.get("is_free") for t in self._tables["alias"])

    def fine_tuned(self, base: str) -> tuple[str, str | None] | None:
        """(the list's id, note about cached input) of models tuned from `base`."""
        found = next((t for t in self._tables["fine_tuned"] if base in t["bases"]), None)
        return None if found is None else (found["model"], found.get("cached_note"))

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
    )


def read_tables(file: str) -> dict[str, list[dict[str, Any]]]:
    """One data file as it is written."""
    return tomllib.loads((DATA / file).read_text("utf-8"))


@cache
def shipped_overlay() -> Overlay:
    """The overlay of this version."""
    return Overlay(*(read_tables(file) for file in FILES))
