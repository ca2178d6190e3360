"""Owns the user's own prices: `[[prices]]` tables of llmwatch.toml and of a price file, one sentence for a wrong one.

Three forms. Rates: `model` and its rates; what they leave out is the list's. Discount: `discount`, a share taken off
the list price of `model`, or of everything its filters let through. Host: `host` and `provider`, a gateway whose calls
are billed as that provider's; on Azure also the `deployment`. A model covers its dated snapshots, unless another entry
names them. Days are UTC, `from` is in, `until` is out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, Literal

from ..errors import InputFileError, PriceError, UsageError
from ..setting_checks import price_faults, read_toml
from .rates import RATE_LIMIT, RATES, quantized

# Key in a table -> rate. Per 1M tokens; searches and requests per 1,000; audio per hour; characters per 1M.
_RATE_KEYS: Final[Mapping[str, str]] = {
    **{name: name for name in RATES if name not in ("request", "characters", "audio_hour")},
    "requests": "request",
    "audio_per_hour": "audio_hour",
    "per_million_characters": "characters",
}
_TEXT_KEYS: Final = ("model", "provider", "host", "service_tier", "deployment")
_OTHER_KEYS: Final = ("from", "until", "discount", "long_above")
_KEYS: Final = (*_TEXT_KEYS, *_OTHER_KEYS, *_RATE_KEYS)
# "fast", the new name of priority, is read as priority: answers still say so.
TIERS: Final = ("default", "flex", "priority", "batch", "scale", "ultrafast")
# Where Azure serves a deployment: anywhere, in a data zone, or in one region.
DEPLOYMENTS: Final = ("global", "us", "eu", "apac", "us-gov", "regional")

Form = Literal["rates", "discount", "host"]


@dataclass(frozen=True, slots=True)
class Override:
    """One checked table; None in a filter means any, and no tier on a table of rates means the standard one."""

    form: Form
    place: str
    model: str | None = None
    provider: str | None = None
    host: str | None = None
    service_tier: str | None = None
    deployment: str | None = None
    valid_from: date | None = None
    valid_until: date | None = None
    rates: Mapping[str, Decimal] = field(default_factory=dict[str, Decimal])
    long_above: int | None = None
    discount: Decimal = Decimal(0)

    def holds_on(self, day: date) -> bool:
        """Whether the day is in [from, until)."""
        return (self.valid_from is None or self.valid_from <= day) and (
            self.valid_until is None or day < self.valid_until
        )

    def applies(self, models: Sequence[str], host: str, provider: str | None, tier: str) -> bool:
        """Whether every filter lets the call through, whose model has these names; the day is asked separately."""
        wanted = self.service_tier or ("default" if self.form == "rates" else tier)
        return (
            (self.model is None or self.model in models)
            and self.host in (None, host)
            and self.provider in (None, provider)
            and wanted == tier
        )

    @property
    def weight(self) -> int:
        """How much the table says about whom it is for; of those that hold, the heaviest wins, then the last."""
        return sum(value is not None for value in (self.model, self.host, self.provider, self.service_tier))


def parse_overrides(tables: Iterable[Mapping[str, Any]], place: str = "llmwatch.toml") -> list[Override]:
    """The checked tables in their order; the first wrong one is a PriceError naming key, value and what is allowed."""
    return [_parse(table, f"{place}: prices entry {number}") for number, table in enumerate(tables, 1)]


def read_price_file(path: Path) -> list[Override]:
    """The `[[prices]]` tables of a file of their own."""
    try:
        content, _ = read_toml(path)
    except UsageError as e:
        sentence = e.message.removeprefix(str(path)).strip()
        raise InputFileError(str(path), sentence, f"{e.hint} It is the price_file of llmwatch.toml.") from e
    unknown = [key for key in content if key != "prices"]
    tables: Any = content.get("prices", [])
    if unknown or not isinstance(tables, list) or not all(isinstance(t, dict) for t in tables):  # pyright: ignore[reportUnknownVariableType]
        named = unknown[0] if unknown else "prices"
        raise PriceError(f"{path}: {named} is not allowed, a price file holds [[prices]] tables only.")
    return parse_overrides(tables, str(path))  # pyright: ignore[reportUnknownArgumentType]


def _parse(table: Mapping[str, Any], place: str) -> Override:
    for key in table:
        if key not in _KEYS:
            raise PriceError(f"{place}: {key} is not a price key, allowed are {', '.join(_KEYS)}.")
    texts = {key: _text(place, key, table[key]) for key in _TEXT_KEYS if key in table}
    if fault := price_faults(table):
        raise PriceError(f"{place}: {fault}")
    if texts.get("service_tier", "").lower() == "fast":
        texts["service_tier"] = "priority"
    rates = {rate: _rate(place, key, table[key]) for key, rate in _RATE_KEYS.items() if key in table}
    override = Override(
        form=_form(place, table, texts, rates),
        place=place,
        valid_from=_day(place, "from", table.get("from")),
        valid_until=_day(place, "until", table.get("until")),
        rates=rates,
        long_above=_tokens(place, "long_above", table.get("long_above")),
        discount=_discount(place, table.get("discount")),
        **{key: text.lower().rstrip(".") for key, text in texts.items()},
    )
    _check_together(override)
    return override


def _form(place: str, table: Mapping[str, Any], texts: Mapping[str, str], rates: Mapping[str, Decimal]) -> Form:
    if rates and "discount" in table:
        raise PriceError(f"{place}: discount stands beside rates; give the rates you pay, or a discount on the list.")
    if rates:
        if "model" not in texts:
            raise PriceError(f"{place}: model is missing; rates belong to one model, named exactly.")
        return "rates"
    if "discount" in table:
        return "discount"
    if "host" in texts and "provider" in texts and "model" not in texts:
        return "host"
    raise PriceError(f"{place}: no price in it; give rates, a discount, or host and provider together.")


def _check_together(entry: Override) -> None:
    place, start, end = entry.place, entry.valid_from, entry.valid_until
    if start is not None and end is not None and end <= start:
        raise PriceError(f"{place}: until = {end} is not after from = {start}.")
    has_long = any(name.startswith("long_") for name in entry.rates)
    if has_long and entry.long_above is None:
        raise PriceError(f"{place}: long_above is missing; it is the input tokens above which the long_ rates hold.")
    if entry.long_above is not None and not has_long:
        raise PriceError(f"{place}: long_above = {entry.long_above} needs at least one long_ rate, such as long_input.")
    if entry.form == "host" and entry.service_tier is not None:
        raise PriceError(f"{place}: service_tier = {entry.service_tier!r} is not allowed where a host is named.")
    if entry.deployment is not None and (entry.form != "host" or entry.provider != "azure"):
        raise PriceError(f'{place}: deployment belongs to an entry with host and provider = "azure", and no other key.')
    if entry.deployment is not None and entry.deployment not in DEPLOYMENTS:
        raise PriceError(f"{place}: deployment = {entry.deployment!r} is not one of {', '.join(DEPLOYMENTS)}.")
    if entry.service_tier is not None and entry.service_tier not in TIERS:
        raise PriceError(f"{place}: service_tier = {entry.service_tier!r} is not one of {', '.join(TIERS)}.")


def _text(place: str, key: str, value: object) -> str:
    if not isinstance(value, str) or not value.strip() or "*" in value:
        raise PriceError(f"{place}: {key} = {value!r} is not a name; it is matched exactly, without wildcards.")
    return value.strip()


def _number(place: str, key: str, value: object, allowed: str) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise PriceError(f"{place}: {key} = {value!r} is not {allowed}.")
    # The text of a float is the number as the user wrote it; the float itself is not.
    return Decimal(str(value))


def _rate(place: str, key: str, value: object) -> Decimal:
    allowed = f"a price in US dollars from 0 to {RATE_LIMIT:,}"
    rate = _number(place, key, value, allowed)
    if not (rate.is_finite() and 0 <= rate <= RATE_LIMIT):
        raise PriceError(f"{place}: {key} = {value!r} is not {allowed}.")
    if quantized(rate) != rate:
        raise PriceError(f"{place}: {key} = {value!r} has more than nine decimals.")
    return rate


def _discount(place: str, value: object) -> Decimal:
    if value is None:
        return Decimal(0)
    allowed = "a share from 0 up to but not including 1, such as 0.15"
    share = _number(place, "discount", value, allowed)
    if not (share.is_finite() and 0 <= share < 1):
        raise PriceError(f"{place}: discount = {value!r} is not {allowed}.")
    return share


def _tokens(place: str, key: str, value: object) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value <= 0:
        raise PriceError(f"{place}: {key} = {value!r} is not a number of tokens above 0.")
    return value


def _day(place: str, key: str, value: object) -> date | None:
    if value is None:
        return None
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    if isinstance(value, str):
        try:
            return date.fromisoformat(value)
        except ValueError:
            pass
    raise PriceError(f"{place}: {key} = {value!r} is not a UTC day such as 2026-07-30.")
