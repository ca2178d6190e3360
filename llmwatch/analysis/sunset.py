"""Owns what runs on models with a shutdown date: by date, its spend, the customers who use them, their margin."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

from .activity import is_quiet
from .margin import Line, Margin, known_sum
from .margin_tables import UNKNOWN_REVENUE
from .measures import Measures
from .report import (
    Cell,
    Column,
    Moment,
    Note,
    Report,
    Row,
    Section,
    Table,
    Text,
    count,
    money_text,
    share,
    share_text,
    usd,
    utc,
)
from .spend import Period, period_words, plural
from .unpriced import bounded, together

_ZERO: Final = Decimal(0)
NO_CUSTOMER: Final = "its calls name no customer"
# A customer of many is named where the money is; the others are counted.
_NAMES: Final = 3


@dataclass(frozen=True, slots=True)
class Ending:
    """One model with a shutdown date, and what ran on it in the period."""

    model: str
    shutdown_on: date
    measures: Measures
    # Names with the dearest first.
    customers: tuple[str, ...]
    tasks: tuple[str, ...]
    # Its last call of the period.
    last_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Sunset:
    """Every model in use that stops answering, the soonest first, beside the spend and the customers of the period."""

    period: Period
    endings: tuple[Ending, ...]
    spend: Decimal | None
    # Customer -> its line of the margin of the same period.
    customers: Mapping[str, Line]
    # The newest day on which the catalogue of models was checked.
    checked_on: date | None = None
    hindrances: tuple[str, ...] = ()

    @property
    def on(self) -> date:
        """The day that is counted from."""
        return self.period.until.date()


def find_endings(
    rows: Sequence[Mapping[str, Any]],
    tasks: Sequence[Mapping[str, Any]],
    shutdowns: Mapping[str, date],
) -> tuple[Ending, ...]:
    """The models of the rows that have a shutdown date, the soonest first, then the dearest."""
    found = [_ending(model, on, rows, tasks) for model, on in shutdowns.items()]
    return tuple(sorted(found, key=lambda e: (e.shutdown_on, -(e.measures.spend or _ZERO), e.model)))


def _ending(model: str, on: date, rows: Sequence[Mapping[str, Any]], tasks: Sequence[Mapping[str, Any]]) -> Ending:
    mine = [row for row in rows if row["model"] == model]
    dearest = sorted(mine, key=lambda row: (-(row["spend_usd"] or _ZERO), str(row["customer"])))
    prices = [row["spend_usd"] for row in mine if row["spend_usd"] is not None]
    sums = {
        "calls": sum(int(row["calls"] or 0) for row in mine),
        "spend_usd": sum(prices, _ZERO) if prices else None,
        "unpriced_calls": sum(int(row["unpriced_calls"] or 0) for row in mine),
    }
    return Ending(
        model,
        on,
        Measures(sums),
        tuple(str(row["customer"]) for row in dearest if row["customer"]),
        tuple(str(row["task"]) for row in tasks if row["model"] == model and row["task"]),
        max((row["last_at"] for row in mine if row.get("last_at")), default=None),
    )


def sunset_report(found: Sunset, replacements: Section | None = None) -> Report:
    """What stops when, what depends on it, and what could stand in."""
    facts: tuple[tuple[str, Cell], ...] = (
        ("since", Moment(utc(found.period.since))),
        ("until", Moment(utc(found.period.until))),
    )
    head = (period_words(found.period, False), *_headline(found))
    sections = (sunset_section(found), *([] if replacements is None else [replacements]))
    return Report("sunset", "llmwatch sunset", facts, head, sections, main_table="sunset")


def _headline(found: Sunset) -> tuple[str, ...]:
    """How much of the spend runs on models that stop next, in one sentence."""
    endings = [ending for ending in found.endings if not _is_left(found, ending)]
    if not endings:
        return ()
    soonest = min(ending.shutdown_on for ending in endings)
    spend = sum((e.measures.spend or _ZERO for e in endings), _ZERO)
    of_all = f"{share_text(spend / found.spend)} of spend" if found.spend else "an unknown share of spend"
    last = max(ending.shutdown_on for ending in endings)
    dates = f"on {soonest}" if soonest == last else f"from {soonest} to {last}"
    return (f"{of_all} ({money_text(spend)}) runs on models that stop answering {dates}; {_until(found.on, soonest)}.",)


def _is_left(found: Sunset, ending: Ending) -> bool:
    """Nothing of the service runs on it any more."""
    return ending.last_at is not None and is_quiet(found.period, ending.last_at)


def _until(today: date, on: date) -> str:
    days = (on - today).days
    if days <= 0:
        return "the first has stopped already"
    return f"{days:,} day{plural(days)} are left until the first" if days != 1 else "1 day is left until the first"


def sunset_section(found: Sunset) -> Section:
    """One row per model, the soonest first, and one per date with more models than one."""
    notes = [Note(text) for text in found.hindrances]
    if not found.endings:
        text = "No model in use has an announced shutdown date"
        checked = f"; the catalogue was last checked on {found.checked_on}." if found.checked_on else "."
        return Section("sunset", "SUNSET", notes=(Note(text + checked), *notes))
    columns = (
        Column("shutdown_on", "stops on", is_number=False),
        Column("days", "days left"),
        Column("model", "model", is_number=False),
        Column("calls", "calls", rank=3),
        Column("spend_usd", "spend"),
        Column("share", "of spend", rank=1),
        Column("customers", "customers", rank=1),
        Column("revenue_usd", "their revenue", rank=2),
        Column("margin_usd", "their margin", rank=2),
        Column("tasks", "tasks", rank=4, is_number=False, can_wrap=True),
        Column("names", "customers, dearest first", rank=5, is_number=False, can_wrap=True),
    )
    rows: list[Row] = []
    for on in sorted({ending.shutdown_on for ending in found.endings}):
        mine = [ending for ending in found.endings if ending.shutdown_on == on]
        rows += [_row(found, [ending], ending.model) for ending in mine]
        if len(mine) > 1:
            rows.append(_row(found, mine, f"all that stop on {on}", "total"))
    known = f" Dates are those announced until {found.checked_on}." if found.checked_on else ""
    text = "Revenue and margin are those of the customers who used the model, whole: what depends on a replacement."
    if any(row.kind == "total" for row in rows):
        text += " A customer of several models counts once in their sum."
    left = [e for e in found.endings if _is_left(found, e)]
    if left:
        named = ", ".join(f"{e.model} (last call {e.last_at:%Y-%m-%d})" for e in left)
        notes.insert(0, Note(f"No longer in use: {named}."))
    return Section("sunset", "SUNSET", (Table("sunset", "model", columns, tuple(rows)),), (Note(text + known), *notes))


def _row(found: Sunset, endings: Sequence[Ending], title: str, kind: Any = "") -> Row:
    on = endings[0].shutdown_on
    spends = [e.measures.spend for e in endings if e.measures.spend is not None]
    spend = sum(spends, _ZERO) if spends else None
    names = list(dict.fromkeys(name for ending in endings for name in ending.customers))
    lines = [found.customers[name] for name in names if name in found.customers]
    revenue = [line.revenue for line in lines if line.revenue is not None]
    paying = [line for line in lines if line.revenue is not None]
    margin = known_sum(line.most for line in paying) if paying else None
    unknown = len(names) - len(revenue)
    why_unknown = UNKNOWN_REVENUE if names else NO_CUSTOMER
    caveat = f"without {unknown:,} customer{plural(unknown)} of unknown revenue" if unknown else ""
    cells = (
        Text(str(on)),
        count((on - found.on).days),
        Text(title),
        count(sum(e.measures.calls for e in endings)),
        usd(spend, "no price", next((e.measures.caveat for e in endings if e.measures.caveat), "")),
        share(spend, found.spend, "no price" if found.spend is None else "nothing was spent"),
        count(len(names)),
        usd(sum(revenue, _ZERO) if revenue else None, why_unknown, caveat),
        bounded(margin, "usd", together(line.gap for line in paying), "at most", why_unknown, caveat),
        Text(_few(list(dict.fromkeys(task for e in endings for task in e.tasks)))),
        Text(_few(names)),
    )
    return Row(f"{on}/{'(all)' if kind else title}", cells, kind=kind)


def _few(names: Sequence[str]) -> str:
    more = len(names) - _NAMES
    return ", ".join(names[:_NAMES]) + (f" and {more:,} more" if more > 0 else "")


def sunset_of(
    margin: Margin,
    rows: Sequence[Mapping[str, Any]],
    tasks: Sequence[Mapping[str, Any]],
    shutdowns: Mapping[str, date],
    checked_on: date | None,
) -> Sunset:
    """The sunset of the period of a margin."""
    prices = [row["spend_usd"] for row in rows if row["spend_usd"] is not None]
    return Sunset(
        margin.period,
        find_endings(rows, tasks, shutdowns),
        sum(prices, _ZERO) if prices else None,
        {line.name: line for line in margin.customers},
        checked_on,
        margin.hindrances,
    )
