"""Owns the answer to "what did this model cost on that day": list, overlay and the user's own prices in one book.

Unknown is an answer with a reason, never a guess and never 0. Never opens a socket.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from ..errors import PriceError
from .listing import (
    ListPrice,
    family_names,
    flat_names,
    has_half_hours,
    is_timed,
    last_verified,
    library_version,
    list_bytes,
    list_rates,
    provider_lists,
    start_days,
)
from .overlay import DATA, FILES, Overlay, Provider, shipped_overlay
from .overrides import Override, parse_overrides, read_price_file
from .rates import TOOLS, USE_NOTES, PriceKey, PriceRow, RateSet, price_row, unpriced_row

# Tier words that mean the standard price. "auto" is what was asked, never what was given.
_STANDARD: Final = frozenset({"", "auto", "default", "standard", "on_demand"})
_OPENAI: Final = "openai"
_AZURE: Final = "azure"
_NO_CACHED: Final = "no price of cached input is stated or listed: it is charged as fresh"


@dataclass(frozen=True, slots=True)
class ListedModel:
    """One name the book can price at list, and the UTC days its price changed on."""

    provider: str
    name: str
    model: str
    changed_on: tuple[date, ...]


@dataclass(frozen=True, slots=True)
class _Asked:
    """A key in the book's own words: names in lower case, tier by its one name."""

    model: str
    host: str
    provider: str | None
    tier: str
    is_batch: bool
    api: str
    # Where Azure serves it, if the user's prices say so.
    deployment: str | None = None

    @property
    def priced_tier(self) -> str:
        """The tier a price is asked for; batch results report the tier `default`, so batch is asked for by itself."""
        return "batch" if self.is_batch else self.tier


@dataclass(frozen=True, slots=True)
class _Listed:
    """An entry of a list, and how it was come to."""

    price: ListPrice
    # The provider whose list it is, which is not who bills where a list is lent.
    owner: str
    # Cached input of a tuned model: its price and what is to be said of it.
    cached: tuple[Decimal | None, str | None] = (None, None)

    @property
    def model(self) -> Any:
        """The list's model."""
        return self.price.model


class PriceBook:
    """Dated prices in US dollars; `overrides` are the `[[prices]]` tables, `price_file` a file of further ones.

    A `price_file` in JSON is a list of genai-prices instead, which replaces the bundled one.

    `hosts` is host, or host:port, of a gateway -> the provider behind it.
    """

    def __init__(
        self,
        overrides: Iterable[Mapping[str, Any]] = (),
        price_file: Path | None = None,
        *,
        hosts: Mapping[str, str] | None = None,
        place: str = "llmwatch.toml",
        overlay: Overlay | None = None,
    ) -> None:
        self._overlay = overlay or shipped_overlay()
        self._hosts = {host.lower(): name.lower() for host, name in (hosts or {}).items()}
        self._overrides = parse_overrides(overrides, place)
        is_list = price_file is not None and price_file.suffix == ".json"
        self._list_file = price_file if is_list else None
        if price_file is not None and not is_list:
            self._overrides += read_price_file(price_file)
        self._overrides = [self._with_known_provider(o) for o in self._overrides]
        self._rows: dict[tuple[_Asked, date | None, int | None], PriceRow] = {}
        self._breaks: dict[_Asked, list[date]] = {}
        self._timed: list[str] | None = None
        self._list: PriceBook | None = None

    def resolve(self, keys: Iterable[PriceKey]) -> list[PriceRow]:
        """One row per key, in order; a key without a price has a row without rates that says why."""
        return [self._resolve(key) for key in keys]

    def steady(self, keys: Iterable[PriceKey]) -> tuple[date, date]:
        """The days [first, end) around those of the keys on which all of them have the same prices."""
        spans = [self._interval(self._asked(key), key.day) for key in keys]
        return (
            max((first for first, _ in spans if first is not None), default=date.min),
            min((end for _, end in spans if end is not None), default=date.max),
        )

    def timed_models(self) -> list[str]:
        """Names whose price depends on the time of day: their keys need `half_hour`."""
        if self._timed is not None:
            return self._timed
        lists = provider_lists(self._list_file)
        used = [lists[name] for provider in self._overlay.providers for name in provider.lists]
        found = {name for prices in used for name, model in flat_names(prices.models) if is_timed(model)}
        self._timed = sorted(found)
        return self._timed

    def list_models(self, provider: str = _OPENAI) -> list[ListedModel]:
        """Every exact name of a provider's list with the days its standard or tier price changed on."""
        found = self._provider_named(provider)
        return [
            ListedModel(provider, name, model.id, tuple(sorted(start_days(model))))
            for list_id in (found.lists if found else ())
            for name, model in flat_names(provider_lists(self._list_file)[list_id].models)
        ]

    def digest(self) -> str:
        """Changes exactly if the library, its data, the overlay, the overrides or the hosts change."""
        digest = hashlib.sha256(library_version().encode())
        digest.update(list_bytes() if self._list_file is None else self._list_file.read_bytes())
        for file in FILES:
            digest.update((DATA / file).read_bytes())
        # Where a table stands in its file is no part of what it says.
        tables = [{k: v for k, v in asdict(o).items() if k != "place"} for o in self._overrides]
        digest.update(json.dumps(tables, sort_keys=True, default=str).encode())
        if self._hosts:
            digest.update(json.dumps(self._hosts, sort_keys=True).encode())
        return digest.hexdigest()[:16]

    def verified_on(self) -> date | None:
        """The newest day on which OpenAI's list says that it was compared with OpenAI's page."""
        return last_verified(provider_lists(self._list_file)[_OPENAI].models)

    def age_days(self, today: date) -> int | None:
        """Days since `verified_on`."""
        verified = self.verified_on()
        return None if verified is None else (today - verified).days

    def own_models(self) -> frozenset[str]:
        """The models that the user's own prices name, in lower case."""
        return frozenset(o.model for o in self._overrides if o.model is not None)

    def unverified(self) -> list[Mapping[str, Any]]:
        """The shipped tables that say of prices that they are not verified, and why."""
        return self._overlay.unverified()

    def missed_models(self, called: Collection[str]) -> dict[str, list[str]]:
        """Model of the user's own rates that no call names -> the snapshots of it that are called and not covered."""
        missed: dict[str, list[str]] = {}
        for model in sorted({o.model for o in self._overrides if o.form == "rates" and o.model} - set(called)):
            mine = [name for name in sorted(called) if model in family_names(name)]
            left = [name for name in mine if not self._covers(model, _Asked(name, "", None, "default", False, ""))]
            if left:
                missed[model] = left
        return missed

    def at_list(self) -> PriceBook:
        """The same book without the user's own rates and discounts; who bills a call stays as it is."""
        if self._list is None:
            self._list = PriceBook((), self._list_file, hosts=self._hosts, overlay=self._overlay)
            behind = [o for o in self._overrides if o.host and o.provider]
            self._list._overrides = [replace(o, form="host", rates={}, discount=Decimal(0)) for o in behind]
        return self._list

    def _with_known_provider(self, override: Override) -> Override:
        if override.provider is None:
            return override
        known = self._provider_named(override.provider)
        if known is None:
            allowed = ", ".join(p.id for p in self._overlay.providers)
            raise PriceError(f"{override.place}: provider = {override.provider!r} is not one of {allowed}.")
        return replace(override, provider=known.id)

    def container_fees(self) -> dict[str, Decimal]:
        """Memory limit of a container that OpenAI runs -> US dollars per 20-minute session."""
        return self._overlay.container_fees()

    def _provider_named(self, name: str) -> Provider | None:
        return next((p for p in self._overlay.providers if name == p.id or name in p.names), None)

    def _behind(self, host: str, key: PriceKey) -> Override | None:
        """The table that says which provider is behind a host of the user's own; one for the model wins."""
        model = (key.model or "").lower()
        names = (model, *family_names(model))
        said = [o for o in self._overrides if o.provider and o.host == host and o.holds_on(key.day)]
        said = [o for o in said if o.model is None or o.model in names]
        ranked = sorted(enumerate(said), key=lambda pair: (pair[1].model is not None, pair[0]))
        return ranked[-1][1] if ranked else None

    def _gateway(self, host: str, key: PriceKey) -> str | None:
        """The id of the provider behind a host of the user's own, by a table of prices or by `hosts`."""
        if (said := self._behind(host, key)) is not None:
            return said.provider
        named = (key.provider_name or "").lower()
        behind = {name for place, name in self._hosts.items() if place.rpartition(":")[0] == host}
        # Calls are stored with their host; which port they went to is known by the provider that they were given there.
        found = self._hosts.get(host) or (named if named in behind else None)
        provider = self._provider_named(found) if found else None
        return provider.id if provider else None

    def _provider(self, key: PriceKey, host: str) -> str | None:
        """The id of who bills the call; a host nobody knows is not OpenAI, whatever the SDK is called."""
        gateway = self._gateway(host, key) if host else None
        if gateway is not None:
            return gateway
        if host:
            by_host = next((p for p in self._overlay.providers if p.has_host(host)), None)
            if by_host is not None:
                return by_host.id
        by_name = self._provider_named((key.provider_name or "").lower())
        return by_name.id if by_name and (not host or by_name.is_trusted_by_name) else None

    def _asked(self, key: PriceKey) -> _Asked:
        host = (key.server_address or "").lower().rstrip(".")
        tier = (key.service_tier or "").lower()
        # Fast is the new name of priority, and answers still say priority.
        tier = "default" if tier in _STANDARD else "priority" if tier == "fast" else tier
        provider = self._provider(key, host)
        said = self._behind(host, key) if provider == _AZURE else None
        place = said.deployment if said else None
        return _Asked((key.model or "").lower(), host, provider, tier, key.is_batch, key.api, place)

    def _resolve(self, key: PriceKey) -> PriceRow:
        asked = self._asked(key)
        start, end = self._interval(asked, key.day)
        cached = self._rows.get((asked, start, key.half_hour))
        if cached is None:
            cached = self._make_row(asked, key, start, end)
            self._rows[(asked, start, key.half_hour)] = cached
        return cached

    def _interval(self, asked: _Asked, day: date) -> tuple[date | None, date | None]:
        breaks = self._breaks.get(asked)
        if breaks is None:
            days = {d for o in self._overrides for d in (o.valid_from, o.valid_until) if d is not None}
            days |= self._overlay.breakpoints()
            found = self._listed(asked)
            if not isinstance(found, str):
                days |= {day for listed in found for day in start_days(listed.model)}
            breaks = self._breaks[asked] = sorted(days)
        start = max((b for b in breaks if b <= day), default=None)
        return start, min((b for b in breaks if b > day), default=None)

    def _make_row(self, asked: _Asked, key: PriceKey, start: date | None, end: date | None) -> PriceRow:
        listed = self._list_rates(asked, key)
        own = self._heaviest("rates", asked, key.day)
        contract = self._heaviest("discount", asked, key.day)
        if own is not None:
            found, stated = _inherited(own, listed), frozenset(own.rates)
        elif isinstance(listed, str):
            return unpriced_row(key, asked.provider, listed)
        else:
            found, stated = listed, frozenset[str]()
        if contract is not None:
            # A discount is taken off the list: what is stated is what is paid.
            found.scale(1 - contract.discount, stated)
            found.source += f", less {contract.discount} by {contract.place}"
        named = (key.model or "", asked.priced_tier, key.is_batch)
        row = price_row(found, asked.provider or "", named, start, end)
        return replace(row, is_contract=True) if own is not None or contract is not None else row

    def _heaviest(self, form: str, asked: _Asked, day: date) -> Override | None:
        names = (asked.model, *family_names(asked.model))
        holding = [
            (o.weight, number, o)
            for number, o in enumerate(self._overrides)
            if o.form == form
            and o.holds_on(day)
            and o.applies(names, asked.host, asked.provider, asked.priced_tier)
            and (form != "rates" or self._covers(o.model or "", asked))
        ]
        # The name that is nearest to the model's own wins, whatever else a table of its family says.
        nearest = min((names.index(o.model) for _, _, o in holding if o.model is not None), default=0)
        holding = [held for held in holding if held[2].model in (None, names[nearest])]
        return max(holding, key=lambda held: held[:2])[2] if holding else None

    def _covers(self, family: str, asked: _Asked) -> bool:
        """Whether rates of a family are those of this model: not of a snapshot that the list gives another price."""
        if family == asked.model:
            return True
        provider = asked.provider if asked.provider and self._provider_named(asked.provider) else _OPENAI
        mine, theirs = (self._listed(replace(asked, model=m, provider=provider)) for m in (asked.model, family))
        if isinstance(mine, str) or isinstance(theirs, str) or family.startswith("ft:"):
            return True
        return mine[0].model is theirs[0].model or not mine[0].price.is_listed

    def _listed(self, asked: _Asked) -> list[_Listed] | str:
        """The entries a price may be taken from, the biller's own list first; or why there is none."""
        provider = self._provider_named(asked.provider) if asked.provider else None
        place = asked.host or asked.provider or "an unnamed provider"
        if not asked.model:
            return f"model not reported by {place}"
        found: list[_Listed] = []
        if provider is not None:
            name = provider.own_name(asked.model)
            owners = (provider.id, *provider.fallbacks)
            found = [entry for owner in owners if (entry := self._entry(owner, asked, name)) is not None]
        return found or f"no price for model {asked.model} on {place}"

    def _entry(self, owner: str, asked: _Asked, name: str) -> _Listed | None:
        provider = self._provider_named(owner)
        lists = [provider_lists(self._list_file)[list_id] for list_id in (provider.lists if provider else ())]
        if asked.api == "decisions":
            lists = lists[1:]
        elif owner == _OPENAI:
            base = self._overlay.fine_tuned(name.split(":")[1]) if name.startswith("ft:") else None
            alias = self._overlay.alias(name)
            if base is not None or alias is not None:
                entry = lists[0].entry(base.model if base is not None else alias or "")
                cached = (None, None) if base is None else (base.cached_input(asked.priced_tier), base.cached_note)
                return None if entry is None else _Listed(ListPrice(entry, is_listed=True), owner, cached)
            if name.startswith("ft:"):
                return None
        found = lists[0].find(name) if lists else None
        return None if found is None else _Listed(found, owner)

    def _list_rates(self, asked: _Asked, key: PriceKey) -> RateSet | str:
        """The list's price of the call where it was made: uplifts included, contracts not."""
        listed = self._listed(asked)
        if isinstance(listed, str):
            return listed
        reasons: list[str] = []
        for entry in listed:
            found = self._entry_rates(asked, entry, key)
            if not isinstance(found, str):
                return found
            reasons.append(found)
        return reasons[0]

    def _entry_rates(self, asked: _Asked, entry: _Listed, key: PriceKey) -> RateSet | str:
        model = entry.model
        if is_timed(model) and (key.half_hour is None or not has_half_hours(model)):
            return f"the price of {asked.model} depends on the time of day"
        found = self._tier_rates(asked, entry, key)
        if isinstance(found, str):
            return found
        if not found.rates:
            if not self._overlay.is_free(model.id):
                return f"no price for model {asked.model} on {asked.host or asked.provider}"
            found.rates = {"input": Decimal(0), "output": Decimal(0)}
        if self._list_file is not None:
            found.source = f"genai-prices file {self._list_file.name} of {self.verified_on()}"
        self._grade(found, asked, entry)
        if entry.owner == _OPENAI:
            cached, cached_note = entry.cached
            if cached is not None:
                found.rates["cached_input"] = cached
            if cached_note is not None:
                found.use_notes["cached_input"] = cached_note
            self._fill_openai(found, asked, entry.price, key)
        if asked.provider == _AZURE:
            self._place_on_azure(found, asked, model.id, key.day)
        return found

    def _tier_rates(self, asked: _Asked, entry: _Listed, key: PriceKey) -> RateSet | str:
        model = entry.model
        tier = asked.priced_tier
        context = {} if tier == "default" else {"processing": "batch"} if tier == "batch" else {"service_tier": tier}
        found = list_rates(model, key.day, key.half_hour, context)
        if not isinstance(found, str) or not asked.is_batch or asked.provider != _OPENAI:
            return found
        extra = self._overlay.batch(model.id, key.day)
        if extra is None:
            return found
        standard = list_rates(model, key.day, key.half_hour, {})
        if isinstance(standard, str):
            return standard
        standard.rates.update(extra[0])
        standard.grade_b(extra[1])
        return standard

    def _grade(self, found: RateSet, asked: _Asked, entry: _Listed) -> None:
        provider = self._provider_named(asked.provider or "")
        if provider is not None and provider.note is not None and entry.owner == provider.id:
            found.grade_b(provider.note)
        if provider is not None and entry.owner != provider.id:
            found.grade_b(provider.fallback_note.replace("{owner}", entry.owner))
        if not entry.price.is_listed:
            found.grade_b(f"a snapshot the list does not name, priced as {entry.model.id}")
        for doubt in self._overlay.doubts(asked.provider or "", entry.model.id):
            found.grade_b(doubt)

    def _place_on_azure(self, found: RateSet, asked: _Asked, model: str, day: date) -> None:
        """Azure's own tool fees, and the uplift of the deployment that the user's prices name."""
        for fee in self._overlay.fees(model, day, _AZURE):
            found.rates[fee.tool] = fee.per_kcall
            if fee.note is not None:
                found.use_notes[fee.tool] = fee.note
        place = asked.deployment
        if place is None:
            found.add_place(Decimal(1), "taken as a Global deployment: data zones and regions cost more")
        elif place != "global":
            factor = self._overlay.zone(place, model, day)
            unknown = f"what a deployment of {place} adds to the price of {model} is not known, Global's is taken"
            found.add_place(factor or Decimal(1), "" if factor else unknown)

    def _fill_openai(self, found: RateSet, asked: _Asked, entry: ListPrice, key: PriceKey) -> None:
        """What OpenAI bills and its list lacks: 12-hour writes, tool fees, modalities."""
        model = entry.model
        if asked.api == "decisions":
            found.rates["output"] = Decimal(0)
            found.grade_b("output of decisions taken as free: the list has an input price only")
            return
        self._fill_cache_write_12h(found, asked, entry, key)
        for fee in self._overlay.fees(model.id, key.day):
            found.rates[fee.tool] = fee.per_kcall
            if fee.note is not None and fee.tool in USE_NOTES:
                found.use_notes[fee.tool] = fee.note
        request = self._overlay.request_fee(asked.model, key.day)
        if request is not None:
            found.rates["request"] = request.per_kcall
            found.grade_b(request.note or "")
        found.input_modality = self._overlay.modality(model.id, "input")
        found.output_modality = self._overlay.modality(model.id, "output")
        if asked.provider == _OPENAI:
            self._add_residency(found, asked.host, model.id, key.day)

    def _add_residency(self, found: RateSet, host: str, model: str, day: date) -> None:
        factor, is_certain = self._overlay.uplift(host, model, day)
        unsure = f"whether data residency raises the price of {model} on {host} is not published"
        found.add_place(factor, "" if is_certain else unsure)
        if factor != 1:
            for fee in TOOLS:
                found.use_notes.setdefault(fee, "whether data residency raises tool fees is not published")

    def _fill_cache_write_12h(self, found: RateSet, asked: _Asked, entry: ListPrice, key: PriceKey) -> None:
        # Models without a price for cache writes do not charge for them.
        if "cache_write" not in found.rates:
            return
        model = entry.model
        standard = list_rates(model, key.day, key.half_hour, {})
        assert not isinstance(standard, str)
        published = self._overlay.cache_write_12h(model.id, key.day)
        multiple = self._overlay.cache_write_12h_multiple(key.day)
        if published is None and multiple is None:
            return
        base = published if published is not None else (multiple or 1) * standard.rates["input"]
        found.rates["cache_write_12h"] = base * found.rates["input"] / standard.rates["input"]
        if (long_input := found.rates.get("long_input")) is not None:
            found.rates["long_cache_write_12h"] = base * long_input / standard.rates["input"]
        if published is None or asked.priced_tier != "default":
            found.use_notes["cache_write_12h"] = (
                f"the price of 12-hour cache writes of {model.id} at this tier is derived"
            )


def _inherited(own: Override, listed: RateSet | str) -> RateSet:
    """The user's rates; what they do not state is the list's, as it is, with what is to be said of it."""
    found = RateSet(rates=dict(own.rates), long_above=own.long_above, source=own.place)
    if isinstance(listed, str):
        if "cached_input" not in own.rates and "input" in own.rates:
            found.use_notes["cached_input"] = _NO_CACHED
        return found
    taken = {name: rate for name, rate in listed.rates.items() if name not in own.rates}
    if own.host is None:
        # Rates for any host say nothing about what a place adds; those for one host are what is paid there.
        found.add_place(listed.place_factor, listed.place_note)
    found.rates |= taken
    found.long_above = own.long_above or listed.long_above
    found.use_notes = {name: note for name, note in listed.use_notes.items() if name in taken}
    found.input_modality, found.output_modality = listed.input_modality, listed.output_modality
    if taken.keys() & {"input", "output"}:
        found.notes += [note for note in listed.notes if note not in found.notes]
    elif listed.notes and "cached_input" in taken:
        found.use_notes["cached_input"] = "; ".join(listed.notes)
    if taken:
        found.source += f", the rest {listed.source}"
    return found
