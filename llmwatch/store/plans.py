"""Owns what the settings say about money beside calls, plans, subscriptions and shared costs, as rows of the store.

The rows follow the settings with every merge, so that views, dashboards and commands read one thing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ..errors import UsageError
from ..settings import Settings
from . import file

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

PLANS_DIGEST: Final = "plans_digest"
UNITS: Final = ("day", "week", "month", "year")
DIVIDED_BY: Final = ("calls", "tokens", "spend")
_PLAN_KEYS: Final = ("price_usd", "seat_price_usd", "per", "prices")
_DATED_KEYS: Final = ("price_usd", "seat_price_usd", "from", "until")
_SUBSCRIPTION_KEYS: Final = ("customer", "plan", "seats", "from", "until")
_SHARED_KEYS: Final = ("name", "cost_usd", "per", "divided_by", "from", "until")
_MOST_USD: Final = 10**9
# Stored times are UTC without a zone.
_ALWAYS: Final = (datetime(1970, 1, 1), None)  # noqa: DTZ001
# Name of a shared cost -> the day from which it counts where it states none: when its configuration was first adopted.
Begun = Mapping[str, datetime]
NOTHING_BEGUN: Final[Begun] = {}


class PlanPrice(NamedTuple):
    """What a plan costs for each calendar unit, and for each seat of it, between two moments, UTC."""

    price_usd: Decimal
    seat_price_usd: Decimal
    starts_at: datetime
    ends_at: datetime | None


class Plan(NamedTuple):
    """The prices of a plan, oldest first, without a gap and without an overlap."""

    per: str
    prices: tuple[PlanPrice, ...]


class Subscription(NamedTuple):
    """What one customer pays for each calendar unit between two moments, UTC; without an end it goes on."""

    customer_id: str
    plan: str
    amount_usd: Decimal
    per: str
    starts_at: datetime
    ends_at: datetime | None


class SharedCost(NamedTuple):
    """What is paid for all calls together for each calendar unit, and by what it is divided among them."""

    name: str
    cost_usd: Decimal
    per: str
    divided_by: str
    starts_at: datetime
    ends_at: datetime | None


def subscriptions(settings: Settings) -> list[Subscription]:
    """Every [[subscriptions]] entry, once per price of its plan; a wrong one is a UsageError that names it."""
    plans = {name: _plan(name, plan) for name, plan in settings.plans.items()}
    entries = enumerate(settings.subscriptions, 1)
    return [found for n, entry in entries for found in _subscription(n, entry, plans)]


def shared_costs(settings: Settings, begun: Begun = NOTHING_BEGUN) -> list[SharedCost]:
    """Every [[shared_costs]] entry; a wrong one is a UsageError that names it.

    One without `from` counts from the moment that `begun` has for its name: not from the beginning of time.
    """
    return [_shared_cost(n, entry, begun) for n, entry in enumerate(settings.shared_costs, 1)]


def plans_digest(settings: Settings, begun: Begun = NOTHING_BEGUN) -> str:
    """Changes with what the settings say of money beside calls."""
    said = repr((subscriptions(settings), shared_costs(settings, begun)))
    return hashlib.sha256(said.encode()).hexdigest()[:16]


def put_plans(con: DuckDBPyConnection, settings: Settings, begun: Begun = NOTHING_BEGUN) -> None:
    """The store's subscriptions and shared costs are those of the settings; the caller has begun a transaction."""
    lay_plans(con, settings, begun)
    file.set_meta(con, PLANS_DIGEST, plans_digest(settings, begun))


def lay_plans(con: DuckDBPyConnection, settings: Settings, begun: Begun) -> None:
    """The tables subscriptions and shared_costs that the connection sees have the rows of the settings alone."""
    for table, rows in (("subscriptions", subscriptions(settings)), ("shared_costs", shared_costs(settings, begun))):
        con.execute(f"delete from {table}")
        if rows:
            con.executemany(f"insert into {table} values (?, ?, ?, ?, ?, ?)", [list(row) for row in rows])


def _plan(name: str, entry: Mapping[str, Any]) -> Plan:
    place = f"plans.{name}"
    _known(place, entry, _PLAN_KEYS)
    per = _one_of(place, "per", entry.get("per", "month"), UNITS)
    dated = entry.get("prices")
    if dated is None:
        return Plan(per, (PlanPrice(*_plan_dollars(place, entry), *_ALWAYS),))
    beside = [key for key in ("price_usd", "seat_price_usd") if key in entry]
    if beside:
        raise UsageError(f"{place}: {beside[0]} stands beside prices.", f"Move it into a [[{place}.prices]] table.")
    if not isinstance(dated, list | tuple) or not dated or not all(isinstance(one, Mapping) for one in dated):  # pyright: ignore[reportUnknownVariableType]
        raise UsageError(f"{place}: prices must be a list of [[{place}.prices]] tables.")
    found = [_plan_price(f"{place}.prices, entry {n}", one) for n, one in enumerate(dated, 1)]  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    return Plan(per, _in_turn(place, sorted(found, key=lambda price: price.starts_at)))


def _plan_dollars(place: str, entry: Mapping[str, Any]) -> tuple[Decimal, Decimal]:
    """Price, and price per seat."""
    price, seat = (_dollars(place, key, entry.get(key, 0)) for key in ("price_usd", "seat_price_usd"))
    return price, seat


def _plan_price(place: str, entry: Mapping[str, Any]) -> PlanPrice:
    _known(place, entry, _DATED_KEYS)
    starts = _moment(place, "from", entry.get("from")) or _ALWAYS[0]
    return PlanPrice(*_plan_dollars(place, entry), starts, _end(place, entry, starts))


def _in_turn(place: str, prices: list[PlanPrice]) -> tuple[PlanPrice, ...]:
    """Each price ends where the next one begins; UsageError where two hold at once or none does."""
    for one, following in pairwise(prices):
        if one.starts_at == following.starts_at or (one.ends_at and one.ends_at > following.starts_at):
            raise UsageError(f"{place}: two prices hold on {following.starts_at:%Y-%m-%d}.", "Correct from and until.")
        if one.ends_at and one.ends_at < following.starts_at:
            raise UsageError(f"{place}: no price holds from {one.ends_at:%Y-%m-%d}.", "Correct from and until.")
    ends = [*(following.starts_at for following in prices[1:]), prices[-1].ends_at]
    return tuple(one._replace(ends_at=end) for one, end in zip(prices, ends, strict=True))


def _subscription(number: int, entry: Mapping[str, Any], plans: Mapping[str, Plan]) -> list[Subscription]:
    place = f"subscriptions, entry {number}"
    _known(place, entry, _SUBSCRIPTION_KEYS)
    customer, name = _text(place, "customer", entry.get("customer")), _text(place, "plan", entry.get("plan"))
    if name not in plans:
        raise UsageError(f"{place}: there is no plan {name!r}.", f"Add [plans.{name}] with a price_usd.")
    seats = entry.get("seats", 0)
    if isinstance(seats, bool) or not isinstance(seats, int) or not 0 <= seats <= 1_000_000:
        raise UsageError(f"{place}: seats = {seats!r} is not a whole number from 0 to 1000000.")
    starts = _moment(place, "from", entry.get("from"))
    if starts is None:
        raise UsageError(f"{place}: from is missing.", "Give the first day, from = 2026-09-01.")
    ends = _end(place, entry, starts)
    per, prices = plans[name]
    last = prices[-1].ends_at
    if starts < prices[0].starts_at or (last is not None and (ends is None or ends > last)):
        raise UsageError(
            f"{place}: plan {name!r} has no price for a part of the subscription.",
            f"Correct from and until of [[plans.{name}.prices]], or of the subscription.",
        )
    return [
        Subscription(customer, name, one.price_usd + seats * one.seat_price_usd, per, *span)
        for one in prices
        if (span := _common((starts, ends), (one.starts_at, one.ends_at))) is not None
    ]


def _common(
    one: tuple[datetime, datetime | None], other: tuple[datetime, datetime | None]
) -> tuple[datetime, datetime | None] | None:
    """What lies in both spans; None if nothing does."""
    starts = max(one[0], other[0])
    ends = min((end for end in (one[1], other[1]) if end is not None), default=None)
    return (starts, ends) if ends is None or starts < ends else None


def _shared_cost(number: int, entry: Mapping[str, Any], begun: Begun) -> SharedCost:
    place = f"shared_costs, entry {number}"
    _known(place, entry, _SHARED_KEYS)
    cost = _dollars(place, "cost_usd", entry.get("cost_usd"))
    name = _text(place, "name", entry.get("name"))
    starts = _moment(place, "from", entry.get("from")) or begun.get(name)
    if starts is None:
        raise UsageError(f"{place}: from is missing.", "Give the first day that it was paid for, from = 2026-09-01.")
    return SharedCost(
        name,
        cost,
        _one_of(place, "per", entry.get("per", "month"), UNITS),
        _one_of(place, "divided_by", entry.get("divided_by", "spend"), DIVIDED_BY),
        starts,
        _end(place, entry, starts),
    )


def _known(place: str, entry: Mapping[str, Any], keys: Sequence[str]) -> None:
    unknown = [key for key in entry if key not in keys]
    if unknown:
        raise UsageError(f"{place}: {unknown[0]} is not known here.", f"Known are {', '.join(keys)}.")


def _text(place: str, key: str, value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise UsageError(f"{place}: {key} = {value!r} is not a text.")
    return value


def _one_of(place: str, key: str, value: object, allowed: Sequence[str]) -> str:
    if value not in allowed:
        raise UsageError(f"{place}: {key} = {value!r} is not one of {', '.join(allowed)}.")
    return str(value)


def _dollars(place: str, key: str, value: object) -> Decimal:
    """US dollars, not negative, to the nano-dollar; a float by its repr."""
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < _MOST_USD:
        return Decimal(repr(value)).quantize(Decimal("1e-9"))
    raise UsageError(f"{place}: {key} = {value!r} is not a number of US dollars.")


def _moment(place: str, key: str, value: object) -> datetime | None:
    """UTC without a zone; a date is its midnight."""
    if value is None:
        return None
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        found = None
    if isinstance(found, date) and not isinstance(found, datetime):
        found = datetime.combine(found, time.min)
    if not isinstance(found, datetime) or not 1970 <= found.year < 2100:
        raise UsageError(f"{place}: {key} = {value!r} is not a date.", "Write it as 2026-09-01.")
    return found.astimezone(UTC).replace(tzinfo=None) if found.tzinfo else found


def _end(place: str, entry: Mapping[str, Any], starts: datetime) -> datetime | None:
    ends = _moment(place, "until", entry.get("until"))
    if ends is not None and ends <= starts:
        raise UsageError(f"{place}: until is not after from.", "until is the first moment that is not covered.")
    return ends
