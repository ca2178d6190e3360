"""Owns what a price is made of: the rates, their units and columns, the key a price is asked by, and its row.

Pure values: reads no file, knows no vendor, imports neither duckdb nor genai-prices.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any, Final, Literal

Grade = Literal["A", "B"]

# Nine decimals hold a thousandth of a cent per million tokens, a half, an uplift and a contract discount included.
RATE_QUANTUM: Final = Decimal("0.000000001")
# The price of a second is the one rate that is divided before it is stored.
SECOND_QUANTUM: Final = Decimal("0.000000000000001")
# Above this a price is a typing error, and below it a cost fits DECIMAL(18,12).
RATE_LIMIT: Final = Decimal(100_000)

# Rate -> its column in `prices`. US dollars per million tokens unless the column's name says another unit.
RATES: Final[Mapping[str, str]] = {
    "input": "input_per_mtok",
    "cached_input": "cached_input_per_mtok",
    "cache_write": "cache_write_per_mtok",
    "cache_write_12h": "cache_write_12h_per_mtok",
    "output": "output_per_mtok",
    "audio_input": "audio_input_per_mtok",
    "cached_audio_input": "cached_audio_input_per_mtok",
    "audio_output": "audio_output_per_mtok",
    "image_input": "image_input_per_mtok",
    "cached_image_input": "cached_image_input_per_mtok",
    "image_output": "image_output_per_mtok",
    "long_input": "long_input_per_mtok",
    "long_cached_input": "long_cached_input_per_mtok",
    "long_cache_write": "long_cache_write_per_mtok",
    "long_cache_write_12h": "long_cache_write_12h_per_mtok",
    "long_output": "long_output_per_mtok",
    "web_search": "web_search_per_kcall",
    "web_search_preview": "web_search_preview_per_kcall",
    "file_search": "file_search_per_kcall",
    "request": "request_per_kcall",
    "characters": "input_per_mchar",
    "audio_hour": "audio_per_second",
}
# Tools billed by the call.
TOOLS: Final = ("web_search", "web_search_preview", "file_search")
# Rates of what is not a token: neither uplift nor contract discount touches them.
FEES: Final = (*TOOLS, "request")
# The rates that have another value above the long-context threshold.
LONG: Final = ("input", "cached_input", "cache_write", "cache_write_12h", "output")
# A note that makes a call grade B, but only if the call used what the note is about.
USE_NOTES: Final = ("cached_input", "cache_write_12h", *TOOLS)

# (part, the whole whose rate it takes), in this order, so that a part of a part finds its whole filled.
_PARTS: Final = (
    ("cached_input", "input"),
    ("cache_write", "input"),
    ("cache_write_12h", "cache_write"),
    ("image_output", "output"),
    ("cached_audio_input", "audio_input"),
)
_LONG_PARTS: Final = (
    ("long_cached_input", "long_input"),
    ("long_cache_write", "long_input"),
    ("long_cache_write_12h", "long_cache_write"),
)

Modality = Literal["text", "audio", "image"]


@dataclass(frozen=True, slots=True)
class PriceKey:
    """What the price of a call depends on. Text is as reported; `day` is the UTC day the call started on."""

    provider_name: str | None
    model: str | None
    service_tier: str | None
    server_address: str | None
    day: date
    is_batch: bool = False
    # The half hour of the UTC day, 0 to 47, where a price depends on the time of day.
    half_hour: int | None = None
    # "decisions" where the same model is billed by another list, else empty.
    api: str = ""


@dataclass(slots=True)
class RateSet:
    """Rates while they are being worked out; `grade_b` turns every call grade B and says why."""

    rates: dict[str, Decimal] = field(default_factory=dict[str, Decimal])
    long_above: int | None = None
    notes: list[str] = field(default_factory=list[str])
    use_notes: dict[str, str] = field(default_factory=dict[str, str])
    input_modality: Modality | None = None
    output_modality: Modality | None = None
    source: str = ""
    # What the place of the call multiplied all but fees by, and what is not sure about that.
    place_factor: Decimal = Decimal(1)
    place_note: str = ""

    def add_place(self, factor: Decimal, note: str = "") -> None:
        """Every rate but fees is multiplied by what the place of the call costs more."""
        self.scale(factor)
        self.place_factor, self.place_note = factor, note
        if note:
            self.grade_b(note)

    def grade_b(self, note: str) -> None:
        """Every call at these rates is grade B for this reason, stated once."""
        if note not in self.notes:
            self.notes.append(note)

    def scale(self, factor: Decimal, stated: Collection[str] = ()) -> None:
        """All token, character and duration rates are multiplied; fees and those `stated` are not."""
        for name, rate in self.rates.items():
            if name not in FEES and name not in stated:
                self.rates[name] = quantized(rate * factor)

    def complete(self) -> None:
        """What has no rate of its own is charged at the rate of what it is a part of; audio never is.

        Above the long-context threshold a part without a long rate of its own costs what long input costs.
        """
        rates = self.rates
        if self.long_above is not None and "long_input" in rates:
            # Before the short rates are filled in: a short rate that nobody stated must not become a long one.
            _fill(rates, _LONG_PARTS)
        _fill(rates, _PARTS)
        if "image_input" in rates:
            _fill(rates, (("cached_image_input", "image_input"),))
        else:
            _fill(rates, (("cached_image_input", "cached_input"), ("image_input", "input")))
        if self.long_above is not None:
            _fill(rates, tuple((f"long_{name}", name) for name in LONG))


@dataclass(frozen=True, slots=True)
class PriceRow:
    """One price, valid on the UTC days [valid_from, valid_until), None being unbounded; or why there is none."""

    price_id: str | None
    provider: str | None
    model: str
    service_tier: str
    is_batch: bool
    rates: Mapping[str, Decimal]
    long_above: int | None
    valid_from: date | None
    valid_until: date | None
    grade: Grade
    note: str | None
    use_notes: Mapping[str, str]
    input_modality: Modality | None
    output_modality: Modality | None
    source: str
    unpriced_reason: str | None = None
    # Whether the user's own rates or discount are in it; it is no part of the price.
    is_contract: bool = False

    @property
    def is_priced(self) -> bool:
        """Whether there is a price at all."""
        return self.unpriced_reason is None

    def columns(self) -> dict[str, Any]:
        """The row of table `prices`, money as text."""
        row: dict[str, Any] = {
            "price_id": self.price_id,
            "provider": self.provider,
            "model": self.model,
            "service_tier": self.service_tier,
            "is_batch": self.is_batch,
            "valid_from": _day(self.valid_from),
            "valid_until": _day(self.valid_until),
            "long_above": self.long_above,
            "grade": self.grade,
            "note": self.note,
            "input_modality": self.input_modality,
            "output_modality": self.output_modality,
            "source": self.source,
        }
        for name, column in RATES.items():
            rate = self.rates.get(name)
            row[column] = None if rate is None else format(_stored(name, rate), "f")
        for name in USE_NOTES:
            row[f"{name}_note"] = self.use_notes.get(name)
        return row


def _fill(rates: dict[str, Decimal], parts: tuple[tuple[str, str], ...]) -> None:
    for part, whole in parts:
        if part not in rates and whole in rates:
            rates[part] = rates[whole]


def quantized(rate: Decimal) -> Decimal:
    """The rate as it is stored: nine decimals."""
    return rate.quantize(RATE_QUANTUM, ROUND_HALF_EVEN)


def _stored(name: str, rate: Decimal) -> Decimal:
    return (rate / 3600).quantize(SECOND_QUANTUM, ROUND_HALF_EVEN) if name == "audio_hour" else quantized(rate)


def _day(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


def price_row(
    found: RateSet, provider: str, key: tuple[str, str, bool], valid_from: date | None, valid_until: date | None
) -> PriceRow:
    """The finished row; its id is a digest of what it charges and when, so equal prices have equal ids everywhere."""
    model, service_tier, is_batch = key
    found.complete()
    row = PriceRow(
        price_id="",
        provider=provider,
        model=model,
        service_tier=service_tier,
        is_batch=is_batch,
        rates=dict(found.rates),
        long_above=found.long_above,
        valid_from=valid_from,
        valid_until=valid_until,
        grade="B" if found.notes else "A",
        note="; ".join(found.notes) or None,
        use_notes=dict(found.use_notes),
        input_modality=found.input_modality,
        output_modality=found.output_modality,
        source=found.source,
    )
    # The source carries the library's version, and a new version with the same price is the same price.
    content = {k: v for k, v in row.columns().items() if k not in ("price_id", "source")}
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]
    return replace(row, price_id=digest)


def unpriced_row(key: PriceKey, provider: str | None, reason: str) -> PriceRow:
    """The answer where there is no price: no id, no rates, a reason."""
    return PriceRow(
        price_id=None,
        provider=provider,
        model=key.model or "",
        service_tier=key.service_tier or "default",
        is_batch=key.is_batch,
        rates={},
        long_above=None,
        valid_from=None,
        valid_until=None,
        grade="B",
        note=None,
        use_notes={},
        input_modality=None,
        output_modality=None,
        source="",
        unpriced_reason=reason,
    )
