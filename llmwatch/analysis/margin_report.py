"""Owns what is said of margin: the head of the money, what stands beside it, and what is missing."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

from .margin import Margin, Totals
from .margin_tables import NO_REVENUE, UNKNOWN_REVENUE, customers_section, names_section, outcomes_section, points
from .measures import LEAVES_OUT, change, compared
from .report import (
    Cell,
    Column,
    Moment,
    Note,
    Number,
    Report,
    Row,
    Section,
    Table,
    Text,
    Unknown,
    counted,
    money_text,
    share,
    usd,
    utc,
)
from .spend import period_words, plural

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
    rows = [
        _head_row(margin, "revenue_usd", "Revenue recognised", now.revenue, before.revenue),
        _head_row(margin, "direct_usd", "LLM cost of who pays it", now.direct, before.direct, is_cost=True),
    ]
    if margin.shared_costs:
        rows.append(
            _head_row(margin, "shared_usd", "Shared cost of who pays it", now.shared, before.shared, is_cost=True)
        )
    rows += [
        _head_row(margin, "margin_usd", "LLM gross margin", now.margin, before.margin, kind="total"),
        _share_row(margin),
        *_outside_rows(margin),
    ]
    table = Table("margin", "measure", compared(columns, margin.is_comparable), tuple(rows))
    return Section("margin", "MARGIN", (table,), (Note(_AFTER),))


def _outside_rows(margin: Margin) -> list[Row]:
    """What lies beside the margin, each where there is any."""
    now, before = margin.now_totals, margin.before_totals
    optional = (
        ("leakage_usd", "Lost on customers below zero", "leakage"),
        ("unknown_usd", "LLM cost, revenue unknown (in no margin)", "unknown"),
        ("unattributed_usd", "LLM cost, no customer (in no margin)", "unattributed"),
        ("unowned_usd", "Revenue, no customer (in no margin)", "unowned"),
    )
    rows = [
        _head_row(margin, key, title, getattr(now, part), getattr(before, part), is_cost=True)
        for key, title, part in optional
        if getattr(now, part) or getattr(before, part)
    ]
    if now.unknown or now.unattributed or now.unowned:
        rows.append(_head_row(margin, "least_usd", "Margin if that cost earned nothing", now.least, before.least))
    knowing = [_knowing(row) for row in (margin.knowing, margin.knowing_before)]
    rows.append(_head_row(margin, "knowing_usd", "Cost of knowing (in no margin)", *knowing))
    return rows


def _knowing(row: Any) -> Decimal:
    return Decimal(row.get("replays_usd") or 0) + Decimal(row.get("judgements_usd") or 0)


def _head_row(
    margin: Margin,
    key: str,
    title: str,
    now: Decimal | None,
    before: Decimal | None,
    *,
    is_cost: bool = False,
    kind: Any = "",
) -> Row:
    revenue = margin.now_totals.revenue
    caveat = LEAVES_OUT if margin.now_totals.has_unpriced and key != "revenue_usd" else ""
    has_share = key not in ("revenue_usd", "least_usd", "unowned_usd", "knowing_usd")
    cells = (
        Text(title),
        usd(now, UNKNOWN_REVENUE, caveat if is_cost or key == "margin_usd" else ""),
        share(now, revenue, NO_REVENUE if revenue is not None else UNKNOWN_REVENUE) if has_share else Text(""),
        usd(before, UNKNOWN_REVENUE),
        _change(margin, now, before, is_bad_up=is_cost),
    )
    return Row(key, cells, kind=kind)


def _change(margin: Margin, now: Decimal | None, before: Decimal | None, *, is_bad_up: bool = False) -> Cell:
    if margin.is_comparable and (now is None or before is None):
        return Unknown(UNKNOWN_REVENUE)
    return change(now, before, "usd", margin.is_comparable, is_bad_up=is_bad_up)


def _share_row(margin: Margin) -> Row:
    now, before = margin.now_totals, margin.before_totals
    return Row(
        "margin_share",
        (
            Text("LLM gross margin %"),
            _total_share(now),
            Text(""),
            _total_share(before),
            points(margin, now.share, before.share),
        ),
        kind="total",
    )


def _total_share(totals: Totals) -> Cell:
    if totals.share is not None:
        return Number(totals.share, "share")
    return Text(NO_REVENUE) if totals.revenue is not None else Unknown(UNKNOWN_REVENUE)


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
    unpriced = sum(line.measures.unpriced for line in margin.customers)
    if unpriced and not is_beside_spend:
        text = f"What {unpriced:,} unpriced call{plural(unpriced)} cost: they are in no cost and in no margin."
        notes.append(Note(text, "See which:", f"llmwatch report{margin.flags}"))
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


def _undivided_note(margin: Margin) -> Note:
    text = (
        f"Which {margin.dimension} {money_text(margin.undivided)} of revenue is for: only share of cost could divide"
        " it, and then the margin of all would be the same, so none is stated."
    )
    remedy = 'Say what a call or an outcome earns, or set revenue_by = "calls" in llmwatch.toml:'
    return Note(text, remedy, 'llmwatch.outcome("ticket.resolved", value_usd=2.50)')
