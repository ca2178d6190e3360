"""Owns what was spent, on what, and how that differs from the period before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from .answers import answers_section, speed_section, tokens_section
from .measures import Measures, change, compared, money_cells, name_cell
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
    Trend,
    Unknown,
    count,
    share,
    usd,
    utc,
)
from .unknowns import unknowns_section

DIMENSIONS: Final = ("task", "customer", "feature", "model", "service", "user")
# What a report shows beside the dimension asked for, where calls carry it.
_BESIDE: Final = ("task", "model", "customer", "feature", "service")
_BESIDE_ROWS: Final = 5

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


@dataclass(frozen=True, slots=True)
class Spend:
    """Everything a report is made from: the question, and the rows of each query by its name."""

    period: Period
    dimension: str
    # The names to list, worst first; those in either period that are not listed.
    names: tuple[str, ...]
    by: Rows
    other_names: int = 0
    each: Rows = ()
    over_time: Rows = ()
    unpriced: Rows = ()
    defects: Rows = ()
    events: Rows = ()
    first_call_at: datetime | None = None
    prices: str = ""
    prices_age_days: int | None = None
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


def spend_report(spend: Spend) -> Report:
    """What the period cost and why it can be believed; one sentence of advice where it has no calls."""
    facts = _facts(spend)
    if not spend.now.calls:
        return Report("report", "llmwatch report", facts, _head(spend), (_empty_section(spend),))
    sections = (
        _money_section(spend),
        _breakdown_section(spend),
        *_beside_sections(spend),
        speed_section(spend.dimension, spend.names, spend.by),
        answers_section(spend.now, spend.before, spend.is_comparable, spend.flags),
        tokens_section(spend.now, spend.before, spend.is_comparable),
        unknowns_section(spend),
    )
    return Report("report", "llmwatch report", facts, _head(spend), sections, main_table=f"spend_by_{spend.dimension}")


def _facts(spend: Spend) -> tuple[tuple[str, Cell], ...]:
    period = spend.period
    return (
        ("since", Moment(utc(period.since))),
        ("until", Moment(utc(period.until))),
        ("previous_since", Moment(utc(period.previous_since))),
        ("by", Text(spend.dimension)),
        ("calls", count(spend.now.calls)),
        ("prices", Text(spend.prices) if spend.prices else Unknown("no price table was read")),
    )


def _head(spend: Spend) -> tuple[str, ...]:
    period = spend.period
    length = _length(period.length)
    against = f", against the {length} before" if spend.is_comparable else ""
    dates = f"{_day(period.since)} to {_day(period.until)} UTC ({length}){against}"
    names = {str(row["dimension"]): int(row["current_names"]) for row in spend.each}
    counts = [f"{spend.now.calls:,} call{_s(spend.now.calls)}"]
    counts += [f"{n:,} {d}{_s(n)}" for d in ("task", "model", "customer") if (n := names.get(d, 0))]
    prices = f"prices {spend.prices}" if spend.prices else "no price table"
    return (dates, " · ".join([*counts, prices]))


def _day(at: datetime) -> str:
    whole = at.hour == at.minute == at.second == 0
    return f"{at:%a} {at.day} {at:%b %Y}" + ("" if whole else f" {at:%H:%M}")


def _length(length: timedelta) -> str:
    minutes = round(length / timedelta(minutes=1))
    if minutes < 120:
        return f"{minutes} minute{_s(minutes)}"
    hours = round(minutes / 60)
    days, rest = divmod(hours, 24) if hours % 24 == 0 or hours > 48 else (0, hours)
    parts = ((days, "day"), (rest, "hour"))
    return " ".join(f"{n:,} {unit}{_s(n)}" for n, unit in parts if n)


def _empty_section(spend: Spend) -> Section:
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
            f"llmwatch report --since {spend.first_call_at:%Y-%m-%d}",
        )
    return Section("empty", "", notes=(note, *(Note(text) for text in spend.hindrances)))


def _money_section(spend: Spend) -> Section:
    now, before = spend.now, spend.before
    parts = (
        ("input_usd", "input, not cached"),
        ("cached_input_usd", "input, read from cache"),
        ("cache_write_usd", "input, written to cache"),
        ("output_usd", "output and reasoning"),
        ("tool_usd", "tools"),
    )
    rows = [
        _money_row(spend, "spend_usd", "Spend", now.spend, before.spend),
        *(
            _money_row(spend, key, title, now.money(key), before.money(key), is_part=True)
            for key, title in parts
            if now.money(key) or before.money(key)
        ),
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
        *_trend_tables(spend),
        _grade_table(now),
    )
    return Section("money", "MONEY", tables, tuple(_money_notes(spend)))


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


def _trend_tables(spend: Spend) -> tuple[Table, ...]:
    step = spend.period.step
    steps = -(-spend.period.length // step)
    known = {int(row["step"]): row["spend_usd"] or Decimal(0) for row in spend.over_time}
    if steps < 3 or not known or spend.now.spend is None:
        return ()
    values = tuple(known.get(n, Decimal(0)) for n in range(steps))
    word = {1: "hour", 24: "day", 168: "week"}[int(step / timedelta(hours=1))]
    columns = (
        Column("step", "", is_number=False),
        Column("trend", "", is_number=False),
        Column("low_usd", "lowest"),
        Column("high_usd", "highest"),
    )
    cells = (
        Text(f"Spend per {word}"),
        Trend(values, spend.period.since.isoformat()),
        usd(min(values), ""),
        usd(max(values), ""),
    )
    return (Table("trend", "step", columns, (Row(f"spend_per_{word}", cells),)),)


def _grade_table(now: Measures) -> Table:
    columns = (
        Column("grade", "evidence", is_number=False),
        Column("spend_usd", "spend"),
        Column("share", "of spend"),
        Column("calls", "calls"),
        Column("calls_share", "of calls"),
        Column("meaning", "what it rests on", rank=1, is_number=False),
    )
    rows: list[Row] = []
    for grade, meaning in GRADES.items():
        calls = now.unpriced if grade == "D" else now.count(f"grade_{grade.lower()}_calls")
        amount = None if grade == "D" else now.money(f"grade_{grade.lower()}_usd") or Decimal(0)
        if not calls and (grade != "A" or now.spend is None):
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
    return Table("evidence", "grade", columns, tuple(rows))


def _money_notes(spend: Spend) -> list[Note]:
    notes: list[Note] = []
    if spend.now.unpriced:
        unpriced = f"{spend.now.unpriced:,} unpriced call{_s(spend.now.unpriced)}"
        others = spend.now.calls - spend.now.unpriced
        rest = f"; cost per 1,000 calls is of the other {others:,}" if others else ""
        notes.append(Note(f"The total leaves out {unpriced}, named under NOT KNOWN{rest}."))
    if not spend.is_comparable and spend.first_call_at is not None:
        notes.append(Note(f"The store begins on {_day(spend.first_call_at)} UTC, too late for a change to be stated."))
    notes.append(Note("Spend is reported usage at list or contract prices of the day; it is not the invoice."))
    return notes


_BREAKDOWN_COLUMNS: Final = (
    Column("calls", "calls"),
    Column("spend_usd", "spend"),
    Column("share", "of spend", has_bar=True),
    Column("before_usd", "before", rank=2),
    Column("change_usd", "change"),
    Column("per_thousand_usd", "$ per 1,000", rank=1),
    Column("cached_share", "cached", rank=3),
    Column("cache_saving_usd", "cache saved", rank=4),
    Column("input_tokens", "tokens in", rank=3),
    Column("output_tokens", "tokens out", rank=3),
    Column("unpriced_calls", "unpriced calls", rank=9),
    Column("estimated_calls", "estimated calls", rank=9),
)


def _breakdown_section(spend: Spend) -> Section:
    dimension = spend.dimension
    found = {(bool(row["is_current"]), row["name"]): Measures(row) for row in spend.by if not row["is_total"]}
    none = Measures({})
    rows = [
        _breakdown_row(
            spend, name, name_cell(dimension, name), found.get((True, name), none), found.get((False, name), none)
        )
        for name in spend.names
    ]
    if spend.other_names:
        title = Text(f"{spend.other_names:,} other{_s(spend.other_names)}", "quiet")
        rest = found.get((True, None), none), found.get((False, None), none)
        rows.append(_breakdown_row(spend, "(others)", title, *rest, kind="rest"))
    rows.append(_breakdown_row(spend, "(all)", Text("all"), spend.now, spend.before, kind="total"))
    columns = (Column(dimension, dimension, is_number=False), *compared(_BREAKDOWN_COLUMNS, spend.is_comparable))
    return Section(
        "spend",
        f"WHERE THE MONEY WENT, BY {dimension.upper()}",
        (Table(f"spend_by_{dimension}", dimension, columns, tuple(rows)),),
    )


def _breakdown_row(spend: Spend, key: str, title: Cell, now: Measures, before: Measures, kind: Any = "") -> Row:
    cells = (
        title,
        *money_cells(now, before, spend.now.spend, is_comparable=spend.is_comparable),
        usd(now.per_thousand, now.no_spend_reason),
        share(now.count("cached_input_tokens"), now["input_tokens"], "no usage reported"),
        usd(now.money("cache_saving_usd"), now.no_spend_reason),
        now.tokens("input_tokens"),
        now.tokens("output_tokens"),
        count(now.unpriced),
        count(now.count("estimated_calls")),
    )
    return Row(key, cells, kind=kind)


def _beside_sections(spend: Spend) -> tuple[Section, ...]:
    """The other dimensions in short, where calls carry more than one name of them."""
    tables = tuple(t for d in _BESIDE if d != spend.dimension and (t := _beside_table(spend, d)))
    return (Section("beside", "AND BY", tables),) if tables else ()


def _beside_table(spend: Spend, dimension: str) -> Table | None:
    mine = [row for row in spend.each if row["dimension"] == dimension]
    now = {row["name"]: Measures(row) for row in mine if row["is_current"]}
    before = {row["name"]: Measures(row) for row in mine if not row["is_current"]}
    if len(now) < 2 and dimension != "model":
        return None
    names = list(now)[:_BESIDE_ROWS]
    rows = [_beside_row(spend, str(n), name_cell(dimension, n), now[n], before.get(n, Measures({}))) for n in names]
    others = max((int(row["names"]) for row in mine), default=0) - len(names)
    if others > 0:
        listed_before = [before[n] for n in names if n in before]
        rest = spend.now.minus(now[n] for n in names), spend.before.minus(listed_before)
        rows.append(_beside_row(spend, "(others)", Text(f"{others:,} other{_s(others)}", "quiet"), *rest, kind="rest"))
    columns = (Column(dimension, dimension, is_number=False), *compared(_BREAKDOWN_COLUMNS[:6], spend.is_comparable))
    return Table(f"spend_by_{dimension}", dimension, columns, tuple(rows))


def _beside_row(spend: Spend, key: str, title: Cell, now: Measures, before: Measures, kind: Any = "") -> Row:
    cells = (
        title,
        *money_cells(now, before, spend.now.spend, is_comparable=spend.is_comparable),
        usd(now.per_thousand, now.no_spend_reason),
    )
    return Row(key, cells, kind=kind)


def _s(number: int) -> str:
    return "" if number == 1 else "s"
