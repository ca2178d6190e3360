"""The reports of `llmwatch config` and `llmwatch reprice`: what figures are made with, and what other prices change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

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
    count,
    counted,
    money_text,
    usd,
    utc,
)  # fmt: skip

CAUSES: Final[Mapping[str, str]] = {
    "hosts": "provider of a host ([hosts])",
    "contract": "contract prices ([[prices]])",
    "list": "price list",
    "rule": "correction of a rule",
    "unpriced": "still unpriced, for another reason",
}
_SETTING: Final = Column("setting", "setting", is_number=False)


@dataclass(frozen=True, slots=True)
class Adopted:
    """One configuration: where it was stated, when it was adopted (UTC, None for not), and the settings it states."""

    place: str
    adopted_at: datetime | None
    settings: Mapping[str, str]


def configuration_report(found: Adopted) -> Report:
    """The configuration in force: one row per setting that is not the default."""
    columns = (_SETTING, Column("value", "value", is_number=False, can_wrap=True))
    rows = tuple(Row(key, (Text(key), Text(value))) for key, value in found.settings.items())
    notes = () if rows else (Note("Every setting that changes a figure has its default."),)
    facts = (("place", Text(found.place)), ("adopted_at", _moment(found.adopted_at)))
    day = "" if found.adopted_at is None else f", adopted {found.adopted_at:%Y-%m-%d %H:%M} UTC"
    section = Section("configuration", "", (Table("configuration", "setting", columns, rows),), notes)
    return Report("config", "llmwatch config", facts, (f"{found.place}{day}",), (section,), main_table="configuration")


def difference_report(place: str | None, rows: Sequence[tuple[str, str, str]], command: str) -> Report:
    """(setting, value in force, value found) of each setting that differs."""
    columns = (
        _SETTING,
        Column("in_force", "in force", is_number=False, can_wrap=True),
        Column("found", "found here", is_number=False, can_wrap=True),
    )
    table = Table(
        "difference", "setting", columns, tuple(Row(key, (Text(key), Text(a), Text(b))) for key, a, b in rows)
    )
    if place is None:
        notes = (Note("No settings that change a figure were found here; the store uses its own."),)
    elif not rows:
        notes = (Note(f"{place} states what is in force."),)
    else:
        notes = (Note(f"Found in {place}.", "To use it from now on:", command),)
    facts = (("found", Text(place or "")), ("different", count(len(rows))))
    return Report("config_diff", "", facts, (), (Section("difference", "", (table,), notes),), main_table="difference")


def history_report(past: Sequence[tuple[Adopted, str]]) -> Report:
    """Every configuration that was in force, oldest first, each with the settings it changed."""
    columns = (
        Column("adopted_at", "adopted"),
        Column("place", "from", is_number=False, can_wrap=True),
        Column("changed", "changed", is_number=False, can_wrap=True),
    )
    rows = tuple(
        Row(str(n), (_moment(one.adopted_at), Text(one.place), Text(changed)))
        for n, (one, changed) in enumerate(past, 1)
    )
    table = Table("configurations", "configuration", columns, rows)
    facts = (("configurations", count(len(rows))),)
    return Report("config_history", "", facts, (), (Section("history", "", (table,)),), main_table="configurations")


def repriced_report(rows: Sequence[Any], older: int, price_table: str, *, is_dry: bool) -> Report:
    """What pricing stored calls again changes, by cause and model, and in all; `rows` are those of store.repricing."""
    columns = (
        Column("cause", "cause", is_number=False),
        Column("model", "model", is_number=False),
        Column("calls", "calls"),
        Column("before_usd", "before"),
        Column("after_usd", "after"),
        Column("difference_usd", "difference"),
        Column("priced", "newly priced", rank=1),
        Column("unpriced", "now unpriced", rank=1),
    )
    listed = tuple(Row(f"{one.cause}/{one.model}", _repriced(CAUSES[one.cause], one.model, (one,))) for one in rows)
    total = (Row("total", _repriced("total", "", rows), kind="total"),) if rows else ()
    calls = sum(one.calls for one in rows)
    difference = sum((one.after_usd - one.before_usd for one in rows), Decimal(0))
    verb = "would change" if is_dry else "changed"
    summary = f"{counted(calls, 'call')} {verb}, spend by {_signed(difference)} (price table {price_table[:8]})"
    notes: list[Note] = []
    if is_dry and (rows or older):
        notes.append(
            Note("Nothing was changed.", "To charge stored calls by the price table in force:", "llmwatch reprice")
        )
    if not is_dry and rows:
        notes.append(Note("The costs before are kept: --as-of a moment before now answers with them."))
    facts: tuple[tuple[str, Cell], ...] = (
        ("calls", count(calls)),
        ("difference_usd", Number(difference, "usd")),
        ("older_calls", count(older)),
        ("price_table", Text(price_table)),
        ("is_dry_run", Text(str(is_dry).lower())),
    )
    table = Table("repriced", "cause", columns, (*listed, *total))
    return Report("reprice", "", facts, (summary,), (Section("repriced", "", (table,), tuple(notes)),), "repriced")


def _repriced(cause: str, model: str, rows: Sequence[Any]) -> tuple[Cell, ...]:
    before = sum((one.before_usd for one in rows), Decimal(0))
    after = sum((one.after_usd for one in rows), Decimal(0))
    was, now = sum(one.unpriced_before for one in rows), sum(one.unpriced_after for one in rows)
    calls = sum(one.calls for one in rows)
    still = sum(one.calls for one in rows if one.cause == "unpriced")
    no_cost = "unpriced"
    return (
        Text(cause),
        Text(model),
        count(calls),
        usd(None if was == calls else before, no_cost),
        usd(None if now == calls else after, no_cost),
        Number(after - before, "usd"),
        count(was - still),
        count(now),
    )


def _signed(value: Decimal) -> str:
    return f"+{money_text(value)}" if value > 0 else money_text(value)


def _moment(at: datetime | None) -> Cell:
    return Unknown("never adopted") if at is None else Moment(utc(at))
