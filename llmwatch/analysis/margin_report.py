"""Owns what is said of margin: the head of the money, what stands beside it, and what is missing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Final

from .margin import Margin
from .margin_tables import (
    NO_REVENUE,
    UNKNOWN_REVENUE,
    customers_section,
    names_section,
    of_revenue,
    outcomes_section,
    points,
)
from .measures import LEAVES_OUT, NO_PRICE, change, compared
from .report import (
    Bound,
    Cell,
    Change,
    Column,
    Moment,
    Note,
    Report,
    Row,
    Section,
    Table,
    Text,
    Unknown,
    counted,
    money_text,
    shown_usd,
    usd,
    utc,
)
from .spend import period_words, plural
from .unpriced import NONE, Gap, bounded

_ZERO: Final = Decimal(0)
_ADD_REVENUE: Final = "Import it, or state plans in llmwatch.toml:"
_AFTER: Final = (
    "Margin is after LLM cost only: revenue recognised by the second, minus direct and shared LLM cost. Cost of knowing"
    " is what replays and judges cost."
)


def margin_report(margin: Margin) -> Report:
    """What each name of the dimension earned, cost and left, worst first."""
    facts: tuple[tuple[str, Cell], ...] = (
        ("since", Moment(utc(margin.period.since))),
        ("until", Moment(utc(margin.period.until))),
        ("previous_since", Moment(utc(margin.period.previous_since))),
        ("by", Text(margin.dimension)),
    )
    head = (period_words(margin.period, margin.is_comparable),)
    sections: list[Section] = [margin_head_section(margin)]
    sections.append(customers_section(margin) if margin.dimension == "customer" else names_section(margin))
    if margin.outcomes:
        sections.append(outcomes_section(margin))
    notes = margin_unknowns(margin)
    if notes:
        sections.append(Section("unknowns", "NOT KNOWN", notes=notes, is_warning=True))
    return Report("margin", "llmwatch margin", facts, head, tuple(sections), main_table=f"margin_by_{margin.dimension}")


# --- the head


def margin_head_section(margin: Margin) -> Section:
    """Revenue, LLM cost, margin and change, and beside it every cost that is in no margin."""
    now, before = margin.now_totals, margin.before_totals
    columns = (
        Column("measure", "", is_number=False),
        Column("now", "this period"),
        Column("share", "of revenue", rank=1),
        Column("before", "before"),
        Column("change", "change"),
    )
    gaps = (now.gap, before.gap)
    title = "LLM cost of who pays it"
    direct = _Figure("direct_usd", title, now.direct, before.direct, "at least", gaps, is_bad_up=True)
    rows = [
        _head_row(margin, _Figure("revenue_usd", "Revenue recognised", now.revenue, before.revenue, has_share=False)),
        _head_row(margin, direct),
    ]
    if margin.shared_costs:
        shared = _Figure("shared_usd", "Shared cost of who pays it", now.shared, before.shared, is_bad_up=True)
        rows.append(_head_row(margin, shared))
    kept = _Figure("margin_usd", "LLM gross margin", now.most, before.most, "at most", gaps)
    rows += [_head_row(margin, kept, kind="total"), _share_row(margin), *_outside_rows(margin)]
    table = Table("margin", "measure", compared(columns, margin.is_comparable), tuple(rows))
    notes = [Note(_AFTER)]
    if now.margin is not None and now.revenue is not None:
        parts = [shown_usd(amount) for amount in (now.revenue, -(now.direct or _ZERO), -now.shared)]
        if sum(parts) != shown_usd(now.margin):
            notes.append(Note("Rounded: revenue less cost is the margin before rounding."))
    return Section("margin", "MARGIN", (table,), tuple(notes))


@dataclass(frozen=True, slots=True)
class _Figure:
    """One line of the head, in both periods: its value, on which side of it the true one lies, and of which calls."""

    key: str
    title: str
    now: Decimal | None
    before: Decimal | None
    bound: Bound = ""
    gaps: tuple[Gap, Gap] = (NONE, NONE)
    has_share: bool = True
    is_bad_up: bool = False


def _outside_rows(margin: Margin) -> list[Row]:
    """What lies beside the margin, each where there is any."""
    now, before = margin.now_totals, margin.before_totals
    figures = (
        _Figure("leakage_usd", "Lost on customers below zero", now.leakage, before.leakage, "at least",
                (now.gap, before.gap), is_bad_up=True),
        _Figure("unknown_usd", "LLM cost, revenue unknown (in no margin)", now.unknown, before.unknown, "at least",
                (now.unknown_gap, before.unknown_gap), is_bad_up=True),
        _Figure("unattributed_usd", "LLM cost, no customer (in no margin)", now.unattributed, before.unattributed,
                "at least", (now.unattributed_gap, before.unattributed_gap), is_bad_up=True),
        _Figure("unowned_usd", "Revenue, no customer (in no margin)", now.unowned, before.unowned, has_share=False),
    )  # fmt: skip
    rows = [_head_row(margin, each) for each in figures if each.now or each.before or _is_hidden(each)]
    if now.unknown or now.unattributed or now.unowned or now.unknown_gap.unpriced or now.unattributed_gap.unpriced:
        gaps = (now.gap + now.unknown_gap, before.gap + before.unknown_gap)
        title = "Margin if that cost earned nothing"
        rows.append(
            _head_row(margin, _Figure("least_usd", title, now.least, before.least, "at most", gaps, has_share=False))
        )
    title = "Cost of knowing (in no margin)"
    figure = _Figure("knowing_usd", title, _knowing(margin.knowing), _knowing(margin.knowing_before), has_share=False)
    rows.append(_head_row(margin, figure))
    return rows


def _is_hidden(figure: _Figure) -> bool:
    """The cost is not nothing: none of its calls has a price."""
    return figure.key != "leakage_usd" and any(gap.unpriced for gap in figure.gaps)


def _knowing(row: Any) -> Decimal:
    return Decimal(row.get("replays_usd") or 0) + Decimal(row.get("judgements_usd") or 0)


def _head_row(margin: Margin, figure: _Figure, *, kind: Any = "") -> Row:
    revenue = margin.now_totals.revenue
    now, before = (_value(figure, n) for n in (0, 1))
    of_revenue: Cell = Text("")
    if figure.has_share and isinstance(now, Unknown):
        of_revenue = now
    elif figure.has_share and revenue and revenue > 0 and figure.now is not None:
        of_revenue = bounded(figure.now / revenue, "share", figure.gaps[0], figure.bound, UNKNOWN_REVENUE)
    elif figure.has_share:
        of_revenue = Unknown(UNKNOWN_REVENUE if revenue is None else NO_REVENUE)
    cells = (Text(figure.title), now, of_revenue, before, _change(margin, figure, (now, before)))
    return Row(figure.key, cells, kind=kind)


def _value(figure: _Figure, n: int) -> Cell:
    value, gap = (figure.now, figure.before)[n], figure.gaps[n]
    if figure.bound == "at most":
        return bounded(value, "usd", NONE if value is None else gap, "at most", UNKNOWN_REVENUE)
    # A sum is at least what is known of it, and nothing is known where nothing has a price.
    if gap.unpriced and (not value or gap.unpriced == gap.calls):
        return Unknown(gap.reason)
    return usd(value, NO_PRICE if figure.bound else UNKNOWN_REVENUE, LEAVES_OUT if gap.unpriced else "")


def _change(margin: Margin, figure: _Figure, cells: tuple[Cell, Cell]) -> Cell:
    unknown = next((cell for cell in cells if isinstance(cell, Unknown)), None)
    if margin.is_comparable and unknown is not None:
        return unknown
    found = change(figure.now, figure.before, "usd", margin.is_comparable, is_bad_up=figure.is_bad_up)
    has_gap = any(gap.unpriced for gap in figure.gaps)
    return replace(found, caveat=LEAVES_OUT) if has_gap and isinstance(found, Change) else found


def _share_row(margin: Margin) -> Row:
    now, before = margin.now_totals, margin.before_totals
    cells = (Text("LLM gross margin %"), of_revenue(now), Text(""), of_revenue(before), points(margin, now, before))
    return Row("margin_share", cells, kind="total")


# --- what is not known


def margin_unknowns(margin: Margin, *, is_beside_spend: bool = False) -> tuple[Note, ...]:
    """What the margin leaves out, each with its size and what to do; for the section of what is not known.

    Beside what is not known of spend, unpriced calls are named there already.
    """
    now = margin.now_totals
    notes: list[Note] = []
    unknown = [c for c in margin.customers if c.name and c.revenue is None]
    if unknown:
        who = "1 customer pays: it costs" if len(unknown) == 1 else f"{len(unknown):,} customers pay: they cost"
        text = f"What {who} {money_text(now.unknown)}, which is in no margin."
        notes.append(Note(text, _ADD_REVENUE, "llmwatch revenue import revenue.csv"))
    if now.unattributed:
        text = f"For which customer {money_text(now.unattributed)} of LLM cost was: its calls name none."
        notes.append(Note(text, "Name one:", 'with llmwatch.customer("acme"):\n    ...'))
    notes += _unpriced_notes(margin, is_beside_spend)
    unmatched = [c for c in margin.customers if c.name and not c.is_in_calls and c.revenue is not None]
    if unmatched:
        paying = f"{len(unmatched):,} paying customer{plural(len(unmatched))}"
        text = f"{paying} that no call names: another name for one that does?"
        notes.append(Note(text, "See the nearest names:", "llmwatch revenue check"))
    if now.unowned:
        notes.append(Note(f"Whose {money_text(now.unowned)} of revenue is: it names no customer, nor a call of one."))
    if margin.undivided and margin.dimension not in ("customer", "plan"):
        notes.append(_undivided_note(margin))
    if margin.undivided_shared:
        notes.append(Note(f"Whose {money_text(margin.undivided_shared)} of shared cost is: no call divides it."))
    if margin.unlinked.get("events"):
        events = counted(int(margin.unlinked["events"]), "event")
        text = f"{events} of revenue or outcome, for a call that the store does not hold."
        notes.append(Note(text))
    if margin.knowing.get("unknown"):
        requests = counted(int(margin.knowing["unknown"]), "request")
        text = f"What {requests} of replays or judges cost: it may have been billed."
        notes.append(Note(text))
    return (*notes, *(Note(text) for text in margin.hindrances))


def _unpriced_notes(margin: Margin, is_beside_spend: bool) -> list[Note]:
    unpriced = sum(line.measures.unpriced for line in margin.customers)
    if not unpriced:
        return []
    notes: list[Note] = []
    if not is_beside_spend:
        text = f"What {unpriced:,} unpriced call{plural(unpriced)} cost: they are in no cost and in no margin."
        notes.append(Note(text, "See which:", f"llmwatch report{margin.flags}"))
    if any(cost["divided_by"] == "spend" for cost in margin.shared_costs):
        notes.append(Note("Which part of the shared cost divided by spend is theirs: unpriced calls are given none."))
    return notes


def _undivided_note(margin: Margin) -> Note:
    text = (
        f"Which {margin.dimension} {money_text(margin.undivided)} of revenue is for: only share of cost could divide"
        " it, and then the margin of all would be the same, so none is stated."
    )
    remedy = 'Say what a call or an outcome earns, or set revenue_by = "calls" in llmwatch.toml:'
    return Note(text, remedy, 'llmwatch.outcome("ticket.resolved", value_usd=2.50)')
