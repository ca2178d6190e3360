"""Owns the dated catalogue of models: what each takes and gives, when it came and stops, at the prices of a day.

What is not known is None, never False and never guessed. Never opens a socket.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, Final, Protocol

from .rates import PriceKey, PriceRow

_FILE: Final = Path(__file__).parent / "data" / "models.toml"
_TIERS: Final = ("default", "flex", "priority")
OPENAI_HOST: Final = "api.openai.com"


@dataclass(frozen=True, slots=True)
class ImageTokens:
    """What one image of high detail counts: a base, and a number for every tile."""

    base: int
    tile: int

    def of(self, images: int, tiles: int) -> int:
        """The tokens of these images together."""
        return images * self.base + tiles * self.tile


@dataclass(frozen=True, slots=True)
class Model:
    """One model on one day; None is not known."""

    name: str
    snapshots: tuple[str, ...] = ()
    input_modalities: frozenset[str] | None = None
    output_modalities: frozenset[str] | None = None
    has_tools: bool | None = None
    has_structured_output: bool | None = None
    # True if it thinks before it answers unless it is told not to.
    reasons: bool | None = None
    max_input_tokens: int | None = None
    max_output_tokens: int | None = None
    # The API families that serve it, if not all.
    endpoints: frozenset[str] | None = None
    # Tiers with a list price; "batch" is one of them here.
    tiers: frozenset[str] | None = None
    released_on: date | None = None
    shutdown_on: date | None = None
    image_tokens: ImageTokens | None = None
    # Input tokens billed for every web search.
    search_tokens: int | None = None
    # US dollars per million tokens (fees: per 1,000 calls), by kind of `rates.RATES`; empty if there is no price.
    prices: Mapping[str, Decimal] = field(default_factory=dict[str, Decimal])
    long_above: int | None = None
    # (what a request must carry for it to matter, what a move must then mind); "": always.
    rules: tuple[tuple[str, str], ...] = ()
    source: str = ""
    checked_on: date | None = None

    @property
    def conditions(self) -> tuple[str, ...]:
        """Everything a move to this model must mind beyond its name."""
        return tuple(text for _, text in self.rules)

    def conditions_for(self, carried: frozenset[str]) -> tuple[str, ...]:
        """What a move of requests that carry these must mind."""
        return tuple(text for when, text in self.rules if not when or when in carried)

    @property
    def thinks_not_with_tools(self) -> bool:
        """Whether Chat Completions takes tools only with reasoning effort none."""
        return any(when == "tools" and "effort none" in text for when, text in self.rules)

    @property
    def can_stop_thinking(self) -> bool:
        """Whether the catalogue says that reasoning effort none turns its thinking off."""
        return any(when == "no_effort" and "effort none" in text for when, text in self.rules)

    def is_named(self, name: str) -> bool:
        """Whether calls report this model by that name."""
        return name == self.name or name in self.snapshots


class Prices(Protocol):
    """What knows prices: the book, or what of it was kept."""

    def resolve(self, keys: Iterable[PriceKey]) -> list[PriceRow]:
        """One row per key, in order."""
        ...


def load_models(
    book: Prices, day: date, *, service_tier: str = "default", is_batch: bool = False, server_address: str = "",
    extra: Iterable[str] = (),
) -> list[Model]:  # fmt: skip
    """The whole catalogue at the prices of `day` for calls of this tier to this host (OpenAI's own if empty).

    Names of `extra` that the catalogue lacks come last: nothing but their price is known of them.
    """
    tables = _tables()
    rows = tables["model"]
    known = {name for row in rows for name in (row["name"], *row.get("snapshots", ()))}
    added: list[dict[str, Any]] = [{"name": name, "source": "", "checked": None} for name in sorted(set(extra) - known)]
    rows = [*rows, *added]
    host = server_address or OPENAI_HOST
    asked = _tier_keys((row["name"] for row in rows), host, day)
    offered: dict[str, set[str]] = {}
    for key, row in zip(asked, book.resolve(asked), strict=True):
        if row.is_priced:
            offered.setdefault(key.model or "", set()).add("batch" if key.is_batch else key.service_tier or "")
    keys = [PriceKey("openai", row["name"], service_tier, host, day, is_batch=is_batch) for row in rows]
    return [
        _model(row, tables, offered.get(row["name"], set()), price)
        for row, price in zip(rows, book.resolve(keys), strict=True)
    ]


def catalogue_keys(day: date) -> list[PriceKey]:
    """What the whole catalogue is priced by at OpenAI's own host: every model at every tier, and in batches."""
    return _tier_keys((row["name"] for row in _tables()["model"]), OPENAI_HOST, day)


def _tier_keys(names: Iterable[str], host: str, day: date) -> list[PriceKey]:
    names = list(names)
    keys = [PriceKey("openai", name, tier, host, day) for name in names for tier in _TIERS]
    return keys + [PriceKey("openai", name, "default", host, day, is_batch=True) for name in names]


def shutdown_on(name: str) -> date | None:
    """The day a model stops answering, a fine-tuned one with its base; None if nothing was announced."""
    found = _holding("shutdown", _base(name))
    return found["on"] if found else None


def replacement_of(name: str) -> str:
    """The model that OpenAI recommends instead of one that stops; empty where no recommendation is known."""
    found = _holding("replacement", _base(name))
    return found["with"] if found else ""


def disputed_names() -> frozenset[str]:
    """Models whose date another source gives differently."""
    return frozenset(name for row in _tables()["shutdown_disputed"] for name in row["names"])


def checked_on() -> date:
    """The newest day on which a shutdown date of the catalogue was seen to hold."""
    return max(row["checked"] for row in _tables()["shutdown"])


def _base(name: str) -> str:
    """What a fine-tuned model was made of."""
    return name.split(":")[1] if name.startswith("ft:") and name.count(":") else name


@cache
def _tables() -> dict[str, list[dict[str, Any]]]:
    return tomllib.loads(_FILE.read_text("utf-8"))


def _holding(table: str, name: str) -> dict[str, Any] | None:
    return next((row for row in _tables()[table] if name in row["names"]), None)


def _model(row: dict[str, Any], tables: dict[str, list[dict[str, Any]]], tiers: set[str], price: PriceRow) -> Model:
    name: str = row["name"]
    image, search, released = (_holding(table, name) for table in ("image_tokens", "search_tokens", "released"))
    return Model(
        name=name,
        snapshots=tuple(row.get("snapshots", ())),
        input_modalities=_set(row.get("input")),
        output_modalities=_set(row.get("output")),
        has_tools=row.get("tools"),
        has_structured_output=row.get("structured_output"),
        reasons=row.get("reasons"),
        max_input_tokens=row.get("max_input_tokens"),
        max_output_tokens=row.get("max_output_tokens"),
        endpoints=_set(row.get("endpoints")),
        tiers=frozenset(tiers) or None,
        released_on=released["on"] if released else None,
        shutdown_on=shutdown_on(name),
        image_tokens=ImageTokens(image["base"], image["tile"]) if image else None,
        search_tokens=search["tokens"] if search else None,
        prices=price.rates if price.is_priced else {},
        long_above=price.long_above,
        rules=tuple((c.get("when", ""), c["text"]) for c in tables["condition"] if name in c["names"]),
        source=row["source"],
        checked_on=row["checked"],
    )


def _set(values: list[str] | None) -> frozenset[str] | None:
    return None if values is None else frozenset(values)
