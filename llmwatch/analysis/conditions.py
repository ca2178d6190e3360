"""Owns the conditions of `--fail-on`: what may be asked, and which of them hold. What is unknown does not pass."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from difflib import get_close_matches
from typing import Final

from ..errors import UsageError
from .margin import Line, of_money
from .margin_tables import Kept
from .report import money_text, share_text
from .spend import plural
from .unknowns import percent
from .weekly_report import NO_REVENUE, Weekly

# Names that one sentence lists.
_NAMED: Final = 3
_UNKNOWN: Final = "unknown, which is no pass: "
_AT_DEAREST: Final = "if unpriced calls cost what the dearest of their task do"
_NO_RATE: Final = "their tasks have too few priced calls to say what they cost at most"
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
    now, most = weekly.spend.now, limit or Decimal(0)
    amount = now.money("untagged_customer_usd")
    if amount is None or now.spend is None:
        return "unknown, no call of the period has a price."
    if now.spend and amount / now.spend > most:
        return f"{money_text(amount)} ({percent(amount, now.spend)} of spend) carry no customer."
    dearest = _dearest(weekly, [""])
    if dearest is None:
        return f"{_UNKNOWN}calls without a customer are unpriced, and {_NO_RATE}."
    whole = now.spend + dearest
    if not whole or (amount + dearest) / whole <= most:
        return ""
    return f"{percent(amount + dearest, whole)} of spend may carry no customer, {_AT_DEAREST}."


def _spend(weekly: Weekly, limit: Decimal | None) -> str:
    now, most = weekly.spend.now, limit or Decimal(0)
    if now.spend is None:
        return "unknown, no call of the period has a price."
    if now.spend > most:
        return f"{money_text(now.spend)} were spent."
    dearest = _dearest(weekly, weekly.dearest)
    if dearest is None:
        return f"{_UNKNOWN}at least {money_text(now.spend)} were spent, {now.gap.words}, and {_NO_RATE}."
    if now.spend + dearest <= most:
        return ""
    return f"{money_text(now.spend)} were spent, and {money_text(now.spend + dearest)} {_AT_DEAREST}."


def _dearest(weekly: Weekly, customers: Iterable[str]) -> Decimal | None:
    """What the unpriced calls of these customers cost at most, as far as is known; None where nothing says it."""
    found = [weekly.dearest[name] for name in customers if name in weekly.dearest]
    return None if None in found else sum((usd for usd in found if usd is not None), Decimal(0))


def _drift(weekly: Weekly, limit: Decimal | None) -> str:
    """An alarm that nobody acknowledged; too little evidence is no alarm, and the report says where that is so."""
    del limit
    fell = weekly.drifts.fell if weekly.drifts is not None else ()
    named = ", ".join(f"{one.task} since {one.span.since:%Y-%m-%d}" for one in fell if one.span)
    return f"the quality of {len(fell):,} task{plural(len(fell))} fell: {named}." if fell else ""


def _margin(weekly: Weekly, limit: Decimal | None) -> str:
    found = weekly.margin
    if found is None or found.now_totals.most is None:
        return f"{_UNKNOWN}{NO_REVENUE}" if not weekly.has_revenue else "unknown: there is no revenue."
    paying = [line.name for line in found.customers if line.name and line.revenue is not None]
    return _below(weekly, found.now_totals, ("", *paying), limit or Decimal(0), "the LLM gross margin is ")


def _below(weekly: Weekly, kept: Kept, customers: Iterable[str], limit: Decimal, words: str) -> str:
    """Whether the margin is below the limit, or would be if unpriced calls were as dear as any of their task."""
    share = of_money(kept.most, kept.revenue)
    if share is None or kept.most is None:
        return "unknown: there is no revenue."
    most = "at most " if kept.gap.unpriced else ""
    if share < limit:
        return f"{words}{most}{share_text(share)}."
    dearest = _dearest(weekly, customers)
    if dearest is None:
        return f"{words}{_UNKNOWN}{most}{share_text(share)}, {kept.gap.words}, and {_NO_RATE}."
    least = of_money(kept.most - dearest, kept.revenue)
    if least is None or least >= limit:
        return ""
    return f"{words}at most {share_text(share)}, {kept.gap.words}, and {share_text(least)} {_AT_DEAREST}."


def _customer_margin(weekly: Weekly, limit: Decimal | None) -> str:
    """Of customers with revenue; one that has cost and earned nothing is below every limit."""
    lines = weekly.margin.customers if weekly.margin is not None else ()
    known = [line for line in lines if line.name and line.revenue is not None]
    if not known:
        return f"{_UNKNOWN}{NO_REVENUE}"
    found = [(line, because) for line in known if (because := _customer_below(weekly, line, limit or Decimal(0)))]
    found.sort(key=lambda one: one[0].rank)
    if not found:
        return ""
    named = ", ".join(f"{line.name} {because.removesuffix('.')}" for line, because in found[:_NAMED])
    more = f" and {len(found) - _NAMED:,} more" if len(found) > _NAMED else ""
    return f"{len(found):,} customer{plural(len(found))}: {named}{more}."


def _customer_below(weekly: Weekly, line: Line, limit: Decimal) -> str:
    if line.most is not None and line.most < 0:
        share = of_money(line.most, line.revenue)
        words = money_text(line.most) if share is None else share_text(share)
        return f"{'at most ' if line.gap.unpriced else ''}{words}"
    if line.revenue:
        return _below(weekly, line, [line.name], limit, "")
    # Without revenue every cost is a loss, and an unpriced call has one.
    return f"{_UNKNOWN}{line.gap.reason}" if line.gap.unpriced else ""


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
