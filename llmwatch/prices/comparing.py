"""Compares the book with another table of prices: LiteLLM's price map as a file, per token and by model."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from ..errors import InputFileError
from .book import PriceBook
from .models import shutdown_on
from .rates import PriceKey

# Their key without the ending of its tier -> our rate; theirs are per token.
_RATES: Final[Mapping[str, str]] = {
    "input_cost_per_token": "input",
    "output_cost_per_token": "output",
    "cache_read_input_token_cost": "cached_input",
    "cache_creation_input_token_cost": "cache_write",
    "input_cost_per_audio_token": "audio_input",
    "output_cost_per_audio_token": "audio_output",
    "input_cost_per_image_token": "image_input",
    "output_cost_per_image_token": "image_output",
    "input_cost_per_token_above_272k_tokens": "long_input",
    "output_cost_per_token_above_272k_tokens": "long_output",
    "cache_read_input_token_cost_above_272k_tokens": "long_cached_input",
}
_TIERS: Final[Mapping[str, str]] = {"default": "", "flex": "_flex", "priority": "_priority", "batch": "_batches"}
_MILLION: Final = 1_000_000
_PROVIDERS: Final = ("openai", "text-completion-openai")


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that the two tables say differently; None is not said."""

    model: str
    tier: str
    what: str
    ours: Decimal | date | None
    theirs: Decimal | date | None


def read_litellm(path: Path) -> dict[str, dict[str, Any]]:
    """LiteLLM's model_prices_and_context_window.json, OpenAI's models only, numbers exact."""
    try:
        content: Any = json.loads(path.read_text("utf-8-sig"), parse_float=Decimal)
    except OSError as e:
        raise InputFileError(str(path), f"cannot be read: {e.strerror}.", "Correct the path.") from e
    except ValueError as e:
        raise InputFileError(str(path), f"not valid JSON: {e}.", "Give LiteLLM's price map as it is.") from e
    is_map = isinstance(content, dict)
    found = {
        str(name): entry
        for name, entry in (content.items() if is_map else ())  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
        if isinstance(entry, dict) and entry.get("litellm_provider") in _PROVIDERS and "/" not in str(name)  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]
    }
    if not found:
        raise InputFileError(str(path), "no OpenAI model in it.", "Give model_prices_and_context_window.json.")
    return found  # pyright: ignore[reportUnknownVariableType]


def differences(book: PriceBook, theirs: Mapping[str, Mapping[str, Any]], day: date) -> list[Difference]:
    """Rates and retirement dates that both say and say differently, and models that only the other one prices."""
    found: list[Difference] = []
    for name, entry in sorted(theirs.items()):
        called = f"{name}:org::id" if name.startswith("ft:") else name
        keys = [PriceKey("openai", called, tier, None, day, is_batch=tier == "batch") for tier in _TIERS]
        for tier, row in zip(_TIERS, book.resolve(keys), strict=True):
            found += _of_tier(name, tier, row.rates if row.is_priced else {}, _rates(entry, _TIERS[tier]))
        theirs_on, ours_on = entry.get("deprecation_date"), shutdown_on(name)
        if theirs_on and str(ours_on) != theirs_on:
            found.append(Difference(name, "", "retires on", ours_on, date.fromisoformat(theirs_on)))
    return found


def _rates(entry: Mapping[str, Any], ending: str) -> dict[str, Decimal]:
    return {
        ours: Decimal(str(entry[key + ending])) * _MILLION
        for key, ours in _RATES.items()
        if entry.get(key + ending) is not None
    }


def _of_tier(name: str, tier: str, ours: Mapping[str, Decimal], theirs: Mapping[str, Decimal]) -> Iterable[Difference]:
    for rate, value in theirs.items():
        # No output is billed where they say 0 and we have no rate.
        if ours.get(rate, Decimal(0)) != value:
            yield Difference(name, tier, rate, ours.get(rate), value)
