"""Owns what the settings say about money beside calls, plans, subscriptions and shared costs, as rows of the store.

The rows follow the settings with every merge, so that views, dashboards and commands read one thing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ..errors import UsageError
from ..settings import Settings
from . import file

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

PLANS_DIGEST: Final = "plans_digest"
UNITS: Final = ("day", "week", "month", "year")
DIVIDED_BY: Final = ("calls", "tokens", "spend")
_PLAN_KEYS: Final = ("price_usd", "seat_price_usd", "per")
_SUBSCRIPTION_KEYS: Final = ("customer", "plan", "seats", "from", "until")
_SHARED_KEYS: Final = ("name", "cost_usd", "per", "divided_by", "from", "until")
_MOST_USD: Final = 10**9
_EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001 - stored times are UTC without a zone


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
    """Every [[subscriptions]] entry at the price of its plan; a wrong one is a UsageError that names it."""
    plans = {name: _plan(name, plan) for name, plan in settings.plans.items()}
    return [_subscription(n, entry, plans) for n, entry in enumerate(settings.subscriptions, 1)]


def shared_costs(settings: Settings) -> list[SharedCost]:
    """Every [[shared_costs]] entry; a wrong one is a UsageError that names it."""
    return [_shared_cost(n, entry) for n, entry in enumerate(settings.shared_costs, 1)]


def plans_digest(settings: Settings) -> str:
    """Changes with what the settings say of money beside calls."""
    said = repr((subscriptions(settings), shared_costs(settings)))
    return hashlib.sha256(said.encode()).hexdigest()[:16]


def put_plans(con: DuckDBPyConnection, settings: Settings) -> None:
    """The store's subscriptions and shared costs are those of the settings; untouched where they are already."""
    subscribed, shared = subscriptions(settings), shared_costs(settings)
    digest = plans_digest(settings)
    if file.get_meta(con, PLANS_DIGEST) == digest:
        return
    con.execute("begin")
    try:
        for table, rows in (("subscriptions", subscribed), ("shared_costs", shared)):
            con.execute(f"delete from {table}")
            if rows:
                con.executemany(f"insert into {table} values (?, ?, ?, ?, ?, ?)", [list(row) for row in rows])
        file.set_meta(con, PLANS_DIGEST, digest)
        con.execute("commit")
    except BaseException:
        con.execute("rollback")
        raise


def _plan(name: str, entry: Mapping[str, Any]) -> tuple[Decimal, Decimal, str]:
    """Price, price per seat, and the calendar unit they are for."""
    place = f"plans.{name}"
    _known(place, entry, _PLAN_KEYS)
    price = _dollars(place, "price_usd", entry.get("price_usd", 0))
    seat = _dollars(place, "seat_price_usd", entry.get("seat_price_usd", 0))
    return price, seat, _one_of(place, "per", entry.get("per", "month"), UNITS)


def _subscription(number: int, entry: Mapping[str, Any], plans: Mapping[str, Any]) -> Subscription:
    place = f"subscriptions, entry {number}"
    _known(place, entry, _SUBSCRIPTION_KEYS)
    customer, plan = _text(place, "customer", entry.get("customer")), _text(place, "plan", entry.get("plan"))
    if plan not in plans:
        raise UsageError(f"{place}: there is no plan {plan!r}.", f"Add [plans.{plan}] with a price_usd.")
    seats = entry.get("seats", 0)
    if isinstance(seats, bool) or not isinstance(seats, int) or not 0 <= seats <= 1_000_000:
        raise UsageError(f"{place}: seats = {seats!r} is not a whole number from 0 to 1000000.")
    price, seat_price, per = plans[plan]
    starts = _moment(place, "from", entry.get("from"))
    if starts is None:
        raise UsageError(f"{place}: from is missing.", "Give the first day, from = 2026-09-01.")
    return Subscription(customer, plan, price + seats * seat_price, per, starts, _end(place, entry, starts))


def _shared_cost(number: int, entry: Mapping[str, Any]) -> SharedCost:
    place = f"shared_costs, entry {number}"
    _known(place, entry, _SHARED_KEYS)
    cost = _dollars(place, "cost_usd", entry.get("cost_usd"))
    starts = _moment(place, "from", entry.get("from")) or _EPOCH
    return SharedCost(
        _text(place, "name", entry.get("name")),
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
