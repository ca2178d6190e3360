"""Owns the reading of genai-prices: which list entry a model name means, and its rates on a day, as data.

Offline only: it reads the data bundled with the library and never its updater, its calculator or its name matching,
which prices unknown models by the beginning of their name.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ..errors import InputFileError
from .rates import RateSet, quantized

if TYPE_CHECKING:
    from genai_prices.types import ConditionalPrice, ModelInfo, ModelPrice, PriceVariant

# Their price key -> our rate.
_RATES: Final[Mapping[str, str]] = {
    "input_mtok": "input",
    "cache_read_mtok": "cached_input",
    "cache_write_mtok": "cache_write",
    "output_mtok": "output",
    "input_audio_mtok": "audio_input",
    "cache_audio_read_mtok": "cached_audio_input",
    "output_audio_mtok": "audio_output",
    "input_image_mtok": "image_input",
    "cache_image_read_mtok": "cached_image_input",
    "output_image_mtok": "image_output",
    "web_searches_kcount": "web_search",
    "storage_searches_kcount": "file_search",
    "requests_kcount": "request",
    "input_mchars": "characters",
    "audio_hours": "audio_hour",
    "input_audio_hours": "audio_hour",
}
# Units that no OpenAI-compatible answer reports to us, priced for requests that are not made through it.
_IGNORED: Final = frozenset(
    {"cache_write_1h_mtok", "input_video_mtok", "social_searches_kcount", "code_executions_kcount"}
)
ADDED: Final = Path(__file__).parent / "data" / "openai.toml"
_SNAPSHOT: Final = re.compile(r"^(?P<base>.+?)-(?P<day>20\d{2}-\d{2}-\d{2}|20\d{6})$")
_DAY: Final = re.compile(r"\b20\d{2}-\d{2}-\d{2}\b")
Price = dict[str, tuple[Decimal, Decimal | None]]


@dataclass(frozen=True, slots=True)
class ListPrice:
    """The standing of one model in one list: exact or as a dated snapshot the list does not name itself."""

    model: ModelInfo
    is_listed: bool


@cache
def library_version() -> str:
    """The version of genai-prices, without importing it."""
    return importlib.metadata.version("genai-prices")


def list_bytes() -> bytes:
    """The bundled price data as it lies on disk, for a digest, without importing it."""
    spec = importlib.util.find_spec("genai_prices")
    assert spec is not None and spec.origin is not None
    return Path(spec.origin).with_name("data.py").read_bytes()


@cache
def provider_lists(path: Path | None = None) -> Mapping[str, PriceList]:
    """List id -> list, from a file of genai-prices, else from the data bundled with it (a quarter of a second)."""
    if path is None:
        from genai_prices.data import providers
    else:
        providers = _read_providers(path)
    # After the list's own, so that a name which the list comes to know is the list's.
    return {p.id: PriceList([*p.models, *_added_models(p.id)]) for p in providers}


def _read_providers(path: Path) -> list[Any]:
    """The providers of a data.json as genai-prices publishes it; anything else is one sentence."""
    # The reader that the library's own updater uses; it opens no socket.
    from genai_prices.types import _providers_from_raw  # pyright: ignore[reportPrivateUsage]

    try:
        raw = json.loads(path.read_text("utf-8-sig"), parse_float=Decimal)
        found = _providers_from_raw(raw)
    except OSError as e:
        raise InputFileError(str(path), f"cannot be read: {e.strerror}.", "Correct the path.") from e
    except (ValueError, TypeError, KeyError) as e:
        reason = str(e).splitlines()[0]
        raise InputFileError(str(path), f"not a price list of genai-prices: {reason}.", "Give its data.json.") from e
    if not any(p.id == "openai" for p in found) or not any(p.id == "openai-decisions" for p in found):
        raise InputFileError(str(path), "no prices of OpenAI in it.", "Give the data.json of genai-prices.")
    return found


def _added_models(list_id: str) -> Iterable[ModelInfo]:
    """Models that the list lacks, from the shipped facts, in the list's own form."""
    from genai_prices.types import ClauseEquals, ClauseOr, ModelInfo, PriceVariant

    for table in tomllib.loads(ADDED.read_text("utf-8"))["model"] if list_id == "openai" else ():
        names = [table["id"], *table.get("names", ())]
        long_above = table.get("long_above", 0)
        batch = [_their_price(table["batch"], long_above)] if "batch" in table else []
        yield ModelInfo(
            id=table["id"],
            match=ClauseOr(or_=[ClauseEquals(equals=name) for name in names]),
            prices=_their_price(table["rates"], long_above),
            price_variants=[PriceVariant({"processing": "batch"}, price) for price in batch] or None,
        )


def _their_price(rates: Mapping[str, str], long_above: int) -> ModelPrice:
    from genai_prices.types import ModelPrice, Tier, TieredPrices

    theirs = {ours: key for key, ours in _RATES.items()}
    price: dict[str, Any] = {}
    for name, rate in rates.items():
        long_rate = rates.get(f"long_{name}")
        if not name.startswith("long_"):
            tiers = [Tier(start=long_above, price=Decimal(long_rate))] if long_rate else []
            price[theirs[name]] = TieredPrices(base=Decimal(rate), tiers=tiers) if tiers else Decimal(rate)
    return ModelPrice(**price)


class PriceList:
    """One provider's models, found by exact name or as a dated snapshot of one, never by the beginning of a name."""

    def __init__(self, models: Iterable[ModelInfo]) -> None:
        self.models = tuple(models)
        self._by_id = {m.id.lower(): m for m in self.models}

    @cached_property
    def by_name(self) -> Mapping[str, ModelInfo]:
        """Every name that the list spells out; the first model that claims a name has it, as in the library."""
        names: dict[str, ModelInfo] = {}
        for model in self.models:
            for name in _spelled_names(model):
                names.setdefault(name, model)
        return names

    @cached_property
    def _patterns(self) -> list[tuple[re.Pattern[str], ModelInfo]]:
        return [(re.compile(p), m) for m in self.models for p in _whole_patterns(m)]

    def entry(self, model_id: str) -> ModelInfo | None:
        """The model with this id in the list."""
        return self._by_id.get(model_id.lower())

    def find(self, name: str) -> ListPrice | None:
        """Exact name, else a dated snapshot of an exact name; else nothing."""
        name = name.lower()
        model = self.by_name.get(name)
        if model is None:
            model = next((m for p, m in self._patterns if p.fullmatch(name)), None)
        if model is not None:
            return ListPrice(model, is_listed=True)
        base = snapshot_base(name)
        model = None if base is None else self.by_name.get(base)
        return None if model is None else ListPrice(model, is_listed=model.is_match(name))


def snapshot_base(name: str) -> str | None:
    """The alias a dated snapshot belongs to: `gpt-5` of `gpt-5-2025-08-07`; None if it does not end in a real date."""
    match = _SNAPSHOT.match(name)
    if match is None:
        return None
    digits = match["day"].replace("-", "")
    try:
        date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError:
        return None
    return match["base"]


def family_names(name: str) -> tuple[str, ...]:
    """The names a user may mean this model by, the nearest first: `gpt-4o` for `gpt-4o-2024-08-06`.

    A tuned model belongs to its base: `ft:gpt-4o-2024-08-06`, `ft:gpt-4o` for `ft:gpt-4o-2024-08-06:acme::b1`.
    """
    found: list[str] = []
    if name.startswith("ft:") and name.count(":") > 1:
        name = ":".join(name.split(":")[:2])
        found.append(name)
    short = re.fullmatch(r"(?P<base>.+)-(0[1-9]|1[0-2])([0-2]\d|3[01])", name)
    base = snapshot_base(name) or (short["base"] if short else None)
    return (*found, base) if base else tuple(found)


def _clauses(model: ModelInfo) -> list[Any]:
    return list(getattr(model.match, "or_", None) or [model.match])


def _spelled_names(model: ModelInfo) -> Iterable[str]:
    for clause in _clauses(model):
        if (equals := getattr(clause, "equals", None)) is not None:
            yield equals.lower()
    # Some ids are only a heading for names that the clauses spell out, or the beginning of names.
    if model.is_match(model.id) and not model.id.endswith("-"):
        yield model.id.lower()


def _whole_patterns(model: ModelInfo) -> Iterable[str]:
    """Patterns that name a snapshot whole; one with a wildcard would match names nobody has priced."""
    for clause in _clauses(model):
        pattern = getattr(clause, "regex", None)
        if pattern and pattern.startswith("^") and pattern.endswith("$") and not re.search(r"\.[*+]", pattern):
            yield pattern


def _instant(day: date, half_hour: int | None) -> datetime:
    # Naive on purpose: the library reads a naive time as UTC.
    return datetime.combine(day, time()) + timedelta(minutes=30 * (half_hour or 0))


def _conditions(model: ModelInfo) -> list[ConditionalPrice]:
    return model.prices if isinstance(model.prices, list) else []


def _start(constraint: Any) -> date | None:
    return getattr(constraint, "start_date", None)


def is_timed(model: ModelInfo) -> bool:
    """Whether the price depends on the time of day."""
    return any(hasattr(c.constraint, "start_time") for c in _conditions(model))


def has_half_hours(model: ModelInfo) -> bool:
    """Whether every change of price within a day falls on a half hour, which is what a price is asked by."""
    times = [t for c in _conditions(model) if hasattr(c.constraint, "start_time") for t in _bounds(c.constraint)]
    return all(t.minute % 30 == 0 and not t.second for t in times)


def _bounds(constraint: Any) -> tuple[time, time]:
    return constraint.start_time, constraint.end_time


def start_days(model: ModelInfo) -> set[date]:
    """The days on which a price of the model begins."""
    constraints = [c.constraint for c in _conditions(model)] + [v.constraint for v in model.price_variants or ()]
    return {day for c in constraints if (day := _start(c)) is not None}


def last_verified(models: Iterable[ModelInfo]) -> date | None:
    """The newest day named by the prices of these models or their comments: how fresh the list is."""
    days = {day for m in models for day in start_days(m)}
    for model in models:
        for text in _DAY.findall(model.price_comments or ""):
            days.add(date.fromisoformat(text))
    return max(days, default=None)


def _as_price(price: ModelPrice) -> Price:
    """Their price key -> (rate, rate above the threshold)."""
    found: Price = {}
    for key, value in vars(price).items():
        if value is None or key.startswith("_"):
            continue
        tiers = getattr(value, "tiers", None)
        found[key] = (value.base, tiers[0].price) if tiers else (getattr(value, "base", value), None)
    return found


def _thresholds(price: ModelPrice) -> set[int]:
    return {tier.start for value in vars(price).values() for tier in getattr(value, "tiers", ())}


def _matching(model: ModelInfo, context: Mapping[str, str]) -> list[PriceVariant]:
    return [v for v in model.price_variants or () if all(context.get(k) == w for k, w in v.when.items())]


def _ratio(now: Decimal, then: Decimal, variant: Decimal) -> Decimal:
    return quantized(variant * now / then) if then else variant


def _earlier(now: Price, then: Price, variant: Price) -> Price:
    """The variant's rates before the day they are known from: the same multiple of the standard price of the time."""
    derived: Price = {}
    for key, (rate, long_rate) in variant.items():
        base, long_base = now.get(key, (rate, None))
        then_base, then_long = then.get(key, (rate, None))
        long_now = None
        if long_rate is not None and long_base is not None and then_long is not None:
            long_now = _ratio(long_base, then_long, long_rate)
        derived[key] = (_ratio(base, then_base, rate), long_now)
    return derived


def _standard(model: ModelInfo, day: date, half_hour: int | None) -> tuple[Price, set[int]]:
    price = model.get_prices(_instant(day, half_hour))
    return _as_price(price), _thresholds(price)


def _with_variant(
    model: ModelInfo, day: date, variants: list[PriceVariant], standard: Price
) -> tuple[Price, set[int], str | None]:
    """(rates the variant replaces, thresholds, what is derived about them)."""
    active = [v for v in variants if (start := _start(v.constraint)) is None or start <= day]
    replaced: Price = {}
    if active:
        for variant in active:
            for key, rate in _as_price(variant.prices).items():
                replaced.setdefault(key, rate)
        return replaced, set[int]().union(*(_thresholds(v.prices) for v in active)), None
    first = min(variants, key=lambda v: _start(v.constraint) or date.max)
    start = _start(first.constraint) or day
    then, _ = _standard(model, start, None)
    known = _as_price(first.prices)
    note = f"price known from {start}; derived before that day from the multiple of the standard price"
    return _earlier(standard, then, known), _thresholds(first.prices), note


def list_rates(model: ModelInfo, day: date, half_hour: int | None, context: Mapping[str, str]) -> RateSet | str:
    """The model's rates on a day, or why the list has none; `context` is tier or batch, empty for standard."""
    standard, thresholds = _standard(model, day, half_hour)
    found = RateSet(source=f"genai-prices {library_version()}")
    if context:
        variants = _matching(model, context)
        if not variants:
            return f"no {' '.join(context.values())} price for {model.id}"
        replaced, more, note = _with_variant(model, day, variants, standard)
        standard = {**standard, **replaced}
        # A variant without a long price replaces one with it: only what is left decides whether there is a threshold.
        thresholds |= more
        if note is not None and replaced:
            found.grade_b(f"{' '.join(context.values())} {note}")
    conditions = _conditions(model)
    first = _start(conditions[0].constraint) if conditions else None
    if first is not None and day < first:
        found.grade_b(f"no price known before {first}; the first one is taken")
    return _filled(found, model, standard, thresholds)


def _filled(found: RateSet, model: ModelInfo, price: Price, thresholds: set[int]) -> RateSet | str:
    unknown = [key for key in price if key not in _RATES and key not in _IGNORED]
    if unknown:
        return f"{model.id} bills units that are not measured ({', '.join(sorted(unknown))})"
    if len(thresholds) > 1:
        return f"{model.id} has more than one long-context price"
    for key, (rate, long_rate) in price.items():
        name = _RATES.get(key)
        if name is None:
            continue
        found.rates[name] = rate
        if long_rate is not None:
            found.rates[f"long_{name}"] = long_rate
            found.long_above = next(iter(thresholds))
    if "input_video_mtok" in price:
        found.grade_b("video input has another price, and its tokens are not reported")
    return found


def flat_names(models: Iterable[ModelInfo]) -> Iterable[tuple[str, ModelInfo]]:
    """(name, model) of every spelled name, for a listing."""
    for model in models:
        for name in sorted(set(_spelled_names(model))):
            yield name, model


__all__ = [
    "ListPrice",
    "PriceList",
    "family_names",
    "flat_names",
    "has_half_hours",
    "is_timed",
    "last_verified",
    "library_version",
    "list_bytes",
    "list_rates",
    "provider_lists",
    "snapshot_base",
    "start_days",
]
