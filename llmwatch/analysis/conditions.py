"""Owns the conditions of `--fail-on`: what may be asked, and which of them hold. What is unknown does not pass."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from difflib import get_close_matches
from typing import Final

from ..errors import UsageError
from .report import money_text
from .spend import plural
from .unknowns import percent
from .weekly_report import Weekly

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


@dataclass(frozen=True, slots=True)
class _Kind:
    example: str
    holds: Callable[[Weekly, Decimal | None], str]
    operator: str = ""
    stands_alone: bool = False


_KINDS: Final[Mapping[str, _Kind]] = {
    "unpriced": _Kind("unpriced or unpriced>0.01", _unpriced, ">", stands_alone=True),
    "unattributed": _Kind("unattributed>0.05", _unattributed, ">"),
    "errors": _Kind("errors>0.02", _errors, ">"),
    "spend": _Kind("spend>500", _spend, ">"),
}
POSSIBLE: Final = ", ".join(kind.example for kind in _KINDS.values())
