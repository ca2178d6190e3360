"""Owns the conditions of `--fail-on`: what may be asked, and which of them hold. What is unknown does not pass."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from difflib import get_close_matches
from typing import Final

from ..errors import UsageError
from .margin import Line
from .report import money_text
from .spend import plural
from .unknowns import percent
from .weekly_report import NO_REVENUE, Weekly

# Names that one sentence lists.
_NAMED: Final = 3
_FORM: Final = re.compile(r"\s*([a-z-]+)\s*(?:([<>])\s*(-?\d{1,9}(?:\.\d{1,9})?)\s*(%?))?\s*")


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition as it was written; `limit` is None where it has none, percent signs are resolved."""

    words: str
    name: str
    limit: Decimal | None = None


def conditions_of(text: str | None) -> tuple[Condition, ...]:
    """The conditions between commas; raises UsageError, which lists what is possible."""
    return tuple(_condition(part) for part in text.split(",")) if text is not None else ()


def _condition(text: str) -> Condition:
    match = _FORM.fullmatch(text)
    if match is None:
        raise UsageError(f"--fail-on {text.strip()!r} is not a condition.", f"Possible: {POSSIBLE}.")
    name, operator, number, sign = match.groups()
    if name not in _KINDS:
        near = get_close_matches(name, _KINDS, n=1, cutoff=0.6)
        hint = f"Did you mean {near[0]}? " if near else ""
        raise UsageError(f"--fail-on {text.strip()!r}: there is no {name!r}.", f"{hint}Possible: {POSSIBLE}.")
    kind = _KINDS[name]
    if operator is None and not kind.stands_alone:
        raise UsageError(f"--fail-on {name} needs a limit.", f"Write {kind.example}.")
    if operator is not None and operator != kind.operator:
        wants = f"Write {kind.example}." if kind.operator else f"Write {name}."
        raise UsageError(f"--fail-on {text.strip()!r} is not a condition.", wants)
    limit = None if number is None else Decimal(number) / (100 if sign else 1)
    return Condition(text.strip(), name, limit)


def tripped(weekly: Weekly, conditions: Sequence[Condition]) -> tuple[str, ...]:
    """One sentence for every condition that holds, or that nothing is known about."""
    found = ((condition, _KINDS[condition.name].holds(weekly, condition.limit)) for condition in conditions)
    return tuple(f"{condition.words}: {because}" for condition, because in found if because)


def _unpriced(weekly: Weekly, limit: Decimal | None) -> str:
    now = weekly.spend.now
    if not now.unpriced or (limit is not None and Decimal(now.unpriced) / now.calls <= limit):
        return ""
    return f"{now.unpriced:,} call{plural(now.unpriced)} ({percent(now.unpriced, now.calls)}) have no price."


def _errors(weekly: Weekly, limit: Decimal | None) -> str:
    now = weekly.spend.now
    failed = now.count("failed_calls")
    if not now.calls:
        return "unknown, there are no calls in the period."
    if Decimal(failed) / now.calls <= (limit or 0):
        return ""
    return f"{failed:,} of {now.calls:,} calls ({percent(failed, now.calls)}) ended in an error."


def _unattributed(weekly: Weekly, limit: Decimal | None) -> str:
    now = weekly.spend.now
    amount = now.money("untagged_customer_usd")
    if amount is None or now.spend is None:
        return "unknown, no call of the period has a price."
    if not now.spend or amount / now.spend <= (limit or 0):
        return ""
    return f"{money_text(amount)} ({percent(amount, now.spend)} of spend) carry no customer."


def _spend(weekly: Weekly, limit: Decimal | None) -> str:
    now = weekly.spend.now
    if now.spend is None:
        return "unknown, no call of the period has a price."
    return f"{money_text(now.spend)} were spent." if now.spend > (limit or 0) else ""


def _drift(weekly: Weekly, limit: Decimal | None) -> str:
    """An alarm that nobody acknowledged; too little evidence is no alarm, and the report says where that is so."""
    del limit
    fell = weekly.drifts.fell if weekly.drifts is not None else ()
    named = ", ".join(f"{one.task} since {one.alarm.since:%Y-%m-%d}" for one in fell if one.alarm)
    return f"the quality of {len(fell):,} task{plural(len(fell))} fell: {named}." if fell else ""


def _margin(weekly: Weekly, limit: Decimal | None) -> str:
    if weekly.margin is None or weekly.margin.now_totals.share is None:
        return f"unknown, which is no pass: {NO_REVENUE}" if not weekly.has_revenue else "unknown: there is no revenue."
    found = weekly.margin.now_totals.share
    return f"the LLM gross margin is {found * 100:.1f} %." if found < (limit or 0) else ""


def _customer_margin(weekly: Weekly, limit: Decimal | None) -> str:
    """Of customers with revenue; one that has cost and earned nothing is below every limit."""
    lines = weekly.margin.customers if weekly.margin is not None else ()
    known = [line for line in lines if line.name and line.margin is not None]
    if not known:
        return f"unknown, which is no pass: {NO_REVENUE}"
    below = [line for line in known if (line.margin or 0) < 0 or (line.share is not None and line.share < (limit or 0))]
    below.sort(key=lambda line: line.rank)
    if not below:
        return ""
    named = ", ".join(f"{line.name} {_of_revenue(line)}" for line in below[:_NAMED])
    more = f" and {len(below) - _NAMED:,} more" if len(below) > _NAMED else ""
    return f"{len(below):,} customer{plural(len(below))}: {named}{more}."


def _of_revenue(line: Line) -> str:
    return money_text(line.margin or Decimal(0)) if line.share is None else f"{line.share * 100:.1f} %"


@dataclass(frozen=True, slots=True)
class _Kind:
    example: str
    holds: Callable[[Weekly, Decimal | None], str]
    operator: str = ""
    stands_alone: bool = False


_KINDS: Final[Mapping[str, _Kind]] = {
    "drift": _Kind("drift", _drift, stands_alone=True),
    "margin": _Kind("margin<0.5", _margin, "<"),
    "customer-margin": _Kind("customer-margin<0", _customer_margin, "<"),
    "unpriced": _Kind("unpriced or unpriced>0.01", _unpriced, ">", stands_alone=True),
    "unattributed": _Kind("unattributed>0.05", _unattributed, ">"),
    "errors": _Kind("errors>0.02", _errors, ">"),
    "spend": _Kind("spend>500", _spend, ">"),
}
POSSIBLE: Final = ", ".join(kind.example for kind in _KINDS.values())
