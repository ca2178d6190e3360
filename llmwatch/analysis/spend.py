"""Owns what was spent, on what, and how that differs from the period before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from ..pasted import command
from .measures import Measures, change, compared
from .report import (
    Cell,
    Chart,
    Column,
    Moment,
    Note,
    Row,
    Section,
    Series,
    Table,
    Text,
    Unknown,
    count,
    share,
    usd,
    utc,
)

DIMENSIONS: Final = ("task", "customer", "feature", "model", "service", "user")
GRADES: Final[Mapping[str, str]] = {
    "A": "reported usage, price of its day",
    "B": "reported usage, price partly inferred",
    "C": "estimated usage",
    "D": "no price, in no total",
}

Rows = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Period:
    """Half-open [since, until) in UTC; the period before it has the same length and ends where it begins."""

    since: datetime
    until: datetime

    @property
    def length(self) -> timedelta:
        """How long it is."""
        return self.until - self.since

    @property
    def previous_since(self) -> datetime:
        """Where the period before begins."""
        return self.since - self.length

    @property
    def step(self) -> timedelta:
        """The width of one point of a trend: an hour up to two days, a day up to ninety, else a week."""
        if self.length <= timedelta(days=2):
            return timedelta(hours=1)
        return timedelta(days=1) if self.length <= timedelta(days=90) else timedelta(days=7)

    @property
    def steps(self) -> int:
        """How many points a trend has; the last may be a shorter step."""
        return -(-self.length // self.step)


@dataclass(frozen=True, slots=True)
class Spend:
    """Everything a report is made from: the question, and the rows of each query by its name."""

    period: Period
    dimension: str
    # The names to list, worst first.
    names: tuple[str, ...]
    by: Rows
    # Names of this period that are not listed; names of either period that are not.
    other_names: int = 0
    past_names: int = 0
    # Calls of this period that carry no name of the dimension are among the others.
    is_nameless_left: bool = False
    each: Rows = ()
    over_time: Rows = ()
    unpriced: Rows = ()
    defects: Rows = ()
    events: Rows = ()
    first_call_at: datetime | None = None
    prices: str = ""
    prices_age_days: int | None = None
    # Path of the configuration in force and the day of its adoption; empty for the defaults.
    configuration: str = ""
    # What kept the store from being up to date, as sentences.
    hindrances: tuple[str, ...] = ()
    # The flags by which another command answers about the same calls, each after a space.
    flags: str = ""
    now: Measures = field(init=False)
    before: Measures = field(init=False)

    def __post_init__(self) -> None:
        """The rows over all names, of both periods."""
        totals = {bool(row["is_current"]): row for row in self.by if row["is_total"]}
        object.__setattr__(self, "now", Measures(totals.get(True, {})))
        object.__setattr__(self, "before", Measures(totals.get(False, {})))

    @property
    def is_comparable(self) -> bool:
        """The store holds the whole period before, so that a difference to it means something."""
        return self.first_call_at is not None and self.first_call_at <= self.period.previous_since + timedelta(hours=24)


def facts(spend: Spend) -> tuple[tuple[str, Cell], ...]:
    """What was asked, for programs."""
    period = spend.period
    return (
        ("since", Moment(utc(period.since))),
        ("until", Moment(utc(period.until))),
        ("previous_since", Moment(utc(period.previous_since))),
        ("by", Text(spend.dimension)),
        ("calls", count(spend.now.calls)),
        ("prices", Text(spend.prices) if spend.prices else Unknown("no price table was read")),
        ("configuration", Text(spend.configuration) if spend.configuration else Unknown("default settings")),
    )


def head(spend: Spend) -> tuple[str, ...]:
    """The period in words, then how much of everything it has, and the prices and settings it rests on."""
    names = {str(row["dimension"]): int(row["current_names"]) for row in spend.each}
    counts = [f"{spend.now.calls:,} call{plural(spend.now.calls)}"]
    counts += [f"{n:,} {d}{plural(n)}" for d in ("task", "model", "customer") if (n := names.get(d, 0))]
    prices = f"prices {spend.prices}" if spend.prices else "no price table"
    settings = [f"configuration {spend.configuration}"] if spend.configuration else []
    return (period_words(spend.period, spend.is_comparable), " · ".join([*counts, prices, *settings]))


def period_words(period: Period, is_comparable: bool) -> str:
    """The period with its length, and what it is compared with."""
    length = _length(period.length)
    against = f", against the {length} before" if is_comparable else ""
    return f"{_day(period.since)} to {_day(period.until)} UTC ({length}){against}"


def _day(at: datetime) -> str:
    whole = at.hour == at.minute == at.second == 0
    return f"{at:%a} {at.day} {at:%b %Y}" + ("" if whole else f" {at:%H:%M}")


def _length(length: timedelta) -> str:
    minutes = round(length / timedelta(minutes=1))
    if minutes < 120:
        return f"{minutes} minute{plural(minutes)}"
    hours = round(minutes / 60)
    days, rest = divmod(hours, 24) if hours % 24 == 0 or hours > 48 else (0, hours)
    parts = ((days, "day"), (rest, "hour"))
    return " ".join(f"{n:,} {unit}{plural(n)}" for n, unit in parts if n)


def empty_section(spend: Spend) -> Section:
    """What a period without calls has to say: what to do next."""
    if spend.first_call_at is None:
        remedy, code = (
            "Call llmwatch.init() where your service starts, make a call, then ask again:",
            "import llmwatch\nllmwatch.init()",
        )
        note = Note("The store has no calls yet.", remedy, code)
    else:
        note = Note(
            f"No calls in this period; the store's first call is of {_day(spend.first_call_at)} UTC.",
            "Ask for a later end:" if spend.first_call_at >= spend.period.until else "Ask for an earlier start:",
            command("report", since=f"{spend.first_call_at:%Y-%m-%d}"),
        )
    return Section("empty", "", notes=(note, *(Note(text) for text in spend.hindrances)))


def money_section(spend: Spend, *, is_below_margin: bool = False) -> Section:
    """What was spent, on which kind of token, how that differs, and on what evidence each dollar rests.

    Below a margin it is the cost in detail; without one it is all that is known of the money.
    """
    now, before = spend.now, spend.before
    parts = (
        ("input_usd", "input, not cached"),
        ("cached_input_usd", "input, read from cache"),
        ("cache_write_usd", "input, written to cache"),
        ("output_usd", "output and reasoning"),
        ("tool_usd", "tools"),
        ("unsplit_usd", "stated by the server, not split"),
    )
    rows = [
        _money_row(spend, "spend_usd", "Spend", now.spend, before.spend),
        *(
            _money_row(spend, key, title, now.money(key), before.money(key), is_part=True)
            for key, title in parts
            if now.money(key) or before.money(key)
        ),
        *_undetailed(spend, [key for key, _ in parts]),
        Row(
            "calls",
            (
                Text("Calls"),
                count(now.calls),
                Text(""),
                count(before.calls),
                change(now.calls, before.calls, "count", spend.is_comparable),
            ),
        ),
        _money_row(
            spend, "per_thousand_usd", "Cost per 1,000 calls", now.per_thousand, before.per_thousand, shows_share=False
        ),
        _money_row(
            spend,
            "cache_saving_usd",
            "Saved by cached input",
            now.money("cache_saving_usd"),
            before.money("cache_saving_usd"),
            shows_share=False,
        ),
        _money_row(
            spend, "unheard_usd", "Paid for answers nobody received", now.unheard, before.unheard, is_bad_up=True
        ),
    ]
    columns = (
        Column("measure", "", is_number=False),
        Column("now", "this period"),
        Column("share", "of spend", rank=1),
        Column("before", "before"),
        Column("change", "change"),
    )
    tables = (
        Table("money", "measure", compared(columns, spend.is_comparable), tuple(rows)),
        *(() if is_below_margin else (evidence_table(now),)),
    )
    charts = () if is_below_margin else _charts(spend)
    title = "LLM COST" if is_below_margin else "MONEY"
    return Section("money", title, tables, tuple(_money_notes(spend)), charts=charts)


def _undetailed(spend: Spend, parts: Sequence[str]) -> list[Row]:
    """What no kind of token explains, so that the parts add up to the spend; none where they do."""
    now, before = (
        None if sums.spend is None else sums.spend - sum((sums.money(key) or Decimal(0) for key in parts), Decimal(0))
        for sums in (spend.now, spend.before)
    )
    return [_money_row(spend, "other_usd", "not broken down", now, before, is_part=True)] if now or before else []


def _money_row(
    spend: Spend,
    key: str,
    title: str,
    now: Decimal | None,
    before: Decimal | None,
    *,
    is_part: bool = False,
    shows_share: bool = True,
    is_bad_up: bool = False,
) -> Row:
    reason = "no call of the period has a price"
    of_spend = (
        share(now, spend.now.spend, spend.now.no_share_reason) if shows_share and key != "spend_usd" else Text("")
    )
    cells = (
        Text(title),
        usd(now, reason),
        of_spend,
        usd(before, "no calls, or none with a price"),
        change(now, before, "usd", spend.is_comparable, is_bad_up=is_bad_up),
    )
    return Row(key, cells, kind="part" if is_part else "")


def over_time(spend: Spend) -> tuple[str, tuple[str, ...], tuple[Decimal | None, ...]] | None:
    """The word for one step, where each step begins, and the spend of each; None where a picture would show nothing.

    The spend of a step is None where nothing but unpriced calls could cost.
    """
    period = spend.period
    known = {int(row["step"]): Measures(row).spend for row in spend.over_time}
    if period.steps < 3 or not known or spend.now.spend is None:
        return None
    points = tuple((period.since + n * period.step).isoformat() for n in range(period.steps))
    word = {1: "hour", 24: "day", 168: "week"}[int(period.step / timedelta(hours=1))]
    return word, points, tuple(known.get(n, Decimal(0)) for n in range(period.steps))


def _charts(spend: Spend) -> tuple[Chart, ...]:
    found = over_time(spend)
    if found is None:
        return ()
    word, points, values = found
    series = (Series("spend_usd", "Spend", values),)
    return (Chart("money_over_time", f"Spend per {word}", "usd", points, series),)


def evidence_table(now: Measures) -> Table:
    """Each grade with its dollars and calls; what is unpriced and what was never billed stand apart."""
    columns = (
        Column("grade", "evidence", is_number=False),
        Column("spend_usd", "spend"),
        Column("share", "of spend"),
        Column("calls", "calls"),
        Column("calls_share", "of calls"),
        Column("meaning", "what it rests on", rank=1, is_number=False),
    )
    rows: list[Row] = []
    unbilled = now.count("unbilled_calls")
    for grade, meaning in GRADES.items():
        calls = now.unpriced if grade == "D" else now.count(f"grade_{grade.lower()}_calls")
        calls -= unbilled if grade == "A" else 0
        amount = None if grade == "D" else now.money(f"grade_{grade.lower()}_usd") or Decimal(0)
        if not calls and (grade != "A" or now.spend is None or unbilled):
            continue
        cells = (
            Text(grade),
            usd(amount, "no price: see NOT KNOWN"),
            share(amount, now.spend, now.no_share_reason) if amount is not None else Unknown("no price: see NOT KNOWN"),
            count(calls),
            share(calls, now.calls, "no calls"),
            Text(meaning),
        )
        rows.append(Row(grade, cells))
    if unbilled:
        nothing = Unknown("failed before there was an answer: no usage is known of them, and none is billed")
        cells = (
            Text("none"),
            nothing,
            nothing,
            count(unbilled),
            share(unbilled, now.calls, "no calls"),
            Text("failed, not billed"),
        )
        rows.append(Row("none", cells))
    return Table("evidence", "grade", columns, tuple(rows))


def _money_notes(spend: Spend) -> list[Note]:
    notes: list[Note] = []
    if spend.now.unpriced:
        unpriced = f"{spend.now.unpriced:,} unpriced call{plural(spend.now.unpriced)}"
        others = spend.now.calls - spend.now.unpriced
        rest = f"; cost per 1,000 calls is of the other {others:,}" if others else ""
        notes.append(Note(f"The total leaves out {unpriced}, named under NOT KNOWN{rest}."))
    if not spend.is_comparable and spend.first_call_at is not None:
        notes.append(Note(f"The store begins on {_day(spend.first_call_at)} UTC, too late for a change to be stated."))
    notes.append(Note("Spend is reported usage at list or contract prices of the day; it is not the invoice."))
    return notes


def plural(number: int) -> str:
    """The s of more than one."""
    return "" if number == 1 else "s"
