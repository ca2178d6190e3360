"""Owns what is said of the sources of revenue: what each holds, and whose names do not meet those of calls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from ..pasted import command
from .measures import Measures
from .report import (
    Column,
    Moment,
    Note,
    Report,
    Row,
    Section,
    Table,
    Text,
    Unknown,
    count,
    money_text,
    usd,
    utc,
)
from .spend import plural


@dataclass(frozen=True, slots=True)
class Unmatched:
    """A customer of revenue that no call names, and the customers of calls that are written alike."""

    name: str
    nearest: tuple[str, ...] = ()
    amount_usd: Decimal | None = None
    sources: str = ""


@dataclass(frozen=True, slots=True)
class Sources:
    """Where revenue comes from, and where its names and those of calls do not meet."""

    sources: Sequence[Mapping[str, Any]]
    unmatched: tuple[Unmatched, ...]
    # Customers of calls of whom no revenue is known.
    unpaid: Sequence[Mapping[str, Any]]
    # What names no customer.
    nobody: Mapping[str, Any] = field(default_factory=dict[str, Any])
    unlinked: Mapping[str, Any] = field(default_factory=dict[str, Any])
    hindrances: tuple[str, ...] = ()
    # Imports of files that stand, the newest first.
    imports: Sequence[Mapping[str, Any]] = ()


def sources_report(found: Sources) -> Report:
    """One line per source of revenue."""
    section = Section("revenue", "", _source_tables(found), tuple(_source_notes(found)))
    sections = (section, Section("imports", "IMPORTS", _import_tables(found))) if found.imports else (section,)
    return Report("revenue", "revenue, by source", (), (), sections, main_table="revenue")


def _import_tables(found: Sources) -> tuple[Table, ...]:
    columns = (
        Column("import_id", "import", is_number=False),
        Column("source", "source", is_number=False),
        Column("imported_at", "imported (UTC)", is_number=False),
        Column("rows", "rows"),
        Column("amount_usd", "amount"),
    )
    rows = tuple(
        Row(
            str(row["import_id"]),
            (
                Text(str(row["import_id"])),
                Text(str(row["source"])),
                Moment(utc(row["imported_at"])),
                count(int(row["rows"])),
                usd(row["amount_usd"], "no amount"),
            ),
        )
        for row in found.imports
    )
    return (Table("imports", "import", columns, rows),)


def _source_tables(found: Sources) -> tuple[Table, ...]:
    if not found.sources:
        return ()
    columns = (
        Column("source", "source", is_number=False),
        Column("events", "events"),
        Column("customers", "customers"),
        Column("amount_usd", "amount"),
        Column("first", "first (UTC)", rank=1, is_number=False),
        Column("last", "until (UTC)", rank=1, is_number=False),
    )
    rows = tuple(
        Row(
            str(row["source"]),
            (
                Text(str(row["source"])),
                count(int(row["events"])),
                count(int(row["customers"])),
                usd(row["amount_usd"], "no amount"),
                Moment(utc(row["first_at"])),
                Moment(utc(row["last_at"])),
            ),
        )
        for row in found.sources
    )
    return (Table("revenue", "source", columns, rows),)


def _source_notes(found: Sources) -> list[Note]:
    notes = [Note(text) for text in found.hindrances]
    if not found.sources:
        notes.append(Note("No event of revenue is known.", "Import some:", "llmwatch revenue import revenue.csv"))
    if found.imports:
        code = command("revenue", "undo", found.imports[0]["import_id"])
        notes.append(Note("An import is taken back by its id, a source by its name.", "The last one:", code))
    notes.append(Note("Plans and subscriptions of llmwatch.toml accrue beside these; they are in `llmwatch margin`."))
    return notes


def check_report(found: Sources) -> Report:
    """Customers that pay and make no calls, with the nearest names; customers that make calls and of whom nothing is
    known to be paid."""
    sections = [_unmatched_section(found), _unpaid_section(found)]
    notes = [Note(text) for text in found.hindrances]
    if found.nobody.get("streams"):
        amount = money_text(found.nobody["amount_usd"] or Decimal(0))
        notes.append(Note(f"{amount} of revenue names no customer, nor a call of one."))
    if found.nobody.get("calls"):
        calls = int(found.nobody["calls"])
        text = f"{calls:,} call{plural(calls)} name no customer."
        notes.append(Note(text, "Name one:", 'with llmwatch.customer("acme"):\n    ...'))
    if found.unlinked.get("events"):
        text = f"{int(found.unlinked['events']):,} events of revenue or outcome name a call that is not in the store."
        notes.append(Note(text))
    if notes:
        sections.append(Section("notes", "", notes=tuple(notes)))
    is_clean = not found.unmatched and not found.unpaid and not notes
    head = ("Every customer of revenue is named by calls, and every customer of calls pays.",) if is_clean else ()
    return Report(
        "revenue_check", "", (), head, tuple(s for s in sections if s.tables or s.notes), main_table="unmatched"
    )


def _unmatched_section(found: Sources) -> Section:
    return Section("unmatched", "THEY PAY, AND NO CALL NAMES THEM", unmatched_tables(found.unmatched))


def unmatched_tables(unmatched: Sequence[Unmatched]) -> tuple[Table, ...]:
    """Customers that no call names, with the nearest names; no table where there are none."""
    if not unmatched:
        return ()
    has_amount = any(one.amount_usd is not None for one in unmatched)
    columns = [
        Column("customer", "customer", is_number=False),
        Column("nearest", "written alike in calls", is_number=False),
    ]
    if has_amount:
        columns += [Column("amount_usd", "amount"), Column("sources", "said by", rank=1, is_number=False)]
    return (
        Table("unmatched", "customer", tuple(columns), tuple(_unmatched_row(one, has_amount) for one in unmatched)),
    )


def _unmatched_row(one: Unmatched, has_amount: bool) -> Row:
    near = Text(", ".join(one.nearest)) if one.nearest else Unknown("no name in calls is written alike")
    more = (usd(one.amount_usd, "a subscription of llmwatch.toml"), Text(one.sources)) if has_amount else ()
    return Row(one.name, (Text(one.name), near, *more))


def _unpaid_section(found: Sources) -> Section:
    if not found.unpaid:
        return Section("unpaid", "")
    columns = (
        Column("customer", "customer", is_number=False),
        Column("calls", "calls"),
        Column("spend_usd", "LLM cost"),
    )
    rows = tuple(
        Row(
            str(row["name"]),
            (Text(str(row["name"])), count(int(row["calls"])), usd(Measures(row)["spend_usd"], "no price")),
        )
        for row in found.unpaid
    )
    return Section(
        "unpaid", "THEY MAKE CALLS, AND NOBODY HAS SAID WHAT THEY PAY", (Table("unpaid", "customer", columns, rows),)
    )
