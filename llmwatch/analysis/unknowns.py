"""Owns what a report does not know: each gap with its size, its reason and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, Protocol

from .measures import Measures
from .report import Cell, Column, Note, Row, Section, Table, Text, Unknown, count, counted, money_text

# Prices older than this are said to be old: providers changed list prices in 4 of the last 6 months of 2026.
OLD_PRICES_DAYS: Final = 14
# Models whose entries one note spells out.
_ENTRIES: Final = 5
_ASK_FOR_USAGE: Final = "Let streams report their usage, in the request or for the whole service:"
REPORT_USAGE: Final = """stream_options={"include_usage": True}        # in the request
llmwatch.init(stream_usage="ask")             # or for every stream"""


class Asked(Protocol):
    """What the gaps are found in."""

    @property
    def now(self) -> Measures:
        """The sums over all calls of the period."""
        ...

    @property
    def unpriced(self) -> Sequence[Mapping[str, Any]]:
        """Rows of the query of that name."""
        ...

    @property
    def defects(self) -> Sequence[Mapping[str, Any]]:
        """Rows of the query of that name."""
        ...

    @property
    def events(self) -> Sequence[Mapping[str, Any]]:
        """Rows of the query of that name."""
        ...

    @property
    def prices_age_days(self) -> int | None:
        """Age of the price table."""
        ...

    @property
    def hindrances(self) -> tuple[str, ...]:
        """What kept the store from being up to date."""
        ...

    @property
    def flags(self) -> str:
        """How another command is asked about the same calls."""
        ...


def unknowns_section(asked: Asked, more: Sequence[Note] = (), *, is_customer_said: bool = False) -> Section:
    """Every gap found, with `more` that other subjects found; when there is none, the section says so.

    With `is_customer_said` the cost without a customer is among `more`.
    """
    notes = (
        *_unpriced_notes(asked),
        *_estimate_notes(asked.now),
        *_untagged_notes(asked.now, "customer" if is_customer_said else ""),
        *more,
        *_defect_notes(asked),
        *_event_notes(asked.events),
        *_price_age_notes(asked.prices_age_days),
        *(Note(text) for text in asked.hindrances),
    )
    tables = (_unpriced_table(asked.unpriced),) if asked.unpriced else ()
    if not notes:
        notes = (Note("Nothing: every call is priced from reported usage and carries a task and a customer."),)
        return Section("unknowns", "NOT KNOWN", notes=notes)
    return Section("unknowns", "NOT KNOWN", tables, notes, is_warning=True)


def _unpriced_table(rows: Sequence[Mapping[str, Any]]) -> Table:
    columns = (
        Column("model", "unpriced model", is_number=False),
        Column("host", "host", is_number=False),
        Column("calls", "calls"),
        Column("input_tokens", "tokens in", rank=1),
        Column("output_tokens", "tokens out", rank=1),
        Column("reason", "why", is_number=False),
    )
    return Table("unpriced", "unpriced_model", columns, tuple(_unpriced_row(row) for row in rows))


def _unpriced_row(row: Mapping[str, Any]) -> Row:
    measures = Measures(row)
    cells: tuple[Cell, ...] = (
        Text(row["model"]) if row["model"] else Unknown("the call names no model"),
        Text(row["host"]) if row["host"] else Unknown("the call names no host"),
        count(measures.calls),
        measures.tokens("input_tokens"),
        measures.tokens("output_tokens"),
        Text(row["reason"] or "no reason recorded"),
    )
    return Row(f"{row['model'] or ''}@{row['host'] or ''}", cells)


def _unpriced_notes(asked: Asked) -> list[Note]:
    if not asked.now.unpriced:
        return []
    of_calls = percent(asked.now.unpriced, asked.now.calls)
    text = f"What {asked.now.unpriced:,} unpriced calls cost ({of_calls} of calls): they are in no total."
    notes = [Note(text, "Look at them:", f'llmwatch calls --where "grade=D"{asked.flags}')]
    notes += gateway_notes(asked.unpriced)
    priceless = [row for row in asked.unpriced if row["model"] and "no price" in str(row["reason"])]
    priceless = [row for row in priceless if not row.get("provider")]
    if priceless:
        notes.append(_price_note([(str(row["model"]), row["host"]) for row in priceless]))
    silent = sum(int(row["calls"]) for row in asked.unpriced if "not reported" in str(row["reason"]))
    if silent:
        notes.append(
            Note(f"The usage of {counted(silent, 'call')}, for none was reported.", _ASK_FOR_USAGE, REPORT_USAGE)
        )
    return notes


def gateway_notes(rows: Sequence[Mapping[str, Any]]) -> list[Note]:
    """For each host whose calls one table of settings would price: that table, to paste."""
    notes: list[Note] = []
    for host, provider in sorted({(str(row["host"]), str(row["provider"])) for row in rows if row.get("provider")}):
        calls = sum(int(row["calls"]) for row in rows if row["host"] == host and row.get("provider"))
        text = f"The price of {counted(calls, 'call')} to {host}, a host of no known provider."
        remedy = f"If {provider} is behind it, this in llmwatch.toml prices them:"
        notes.append(Note(text, remedy, f'[[prices]]\nhost = "{host}"\nprovider = "{provider}"'))
    return notes


def _price_note(models: Sequence[tuple[str, str | None]]) -> Note:
    """The entries to fill in, of as many models as one looks through."""
    listed = models[:_ENTRIES]
    named = ", ".join(model for model, _ in listed)
    more = f" and {len(models) - len(listed):,} more" if len(models) > len(listed) else ""
    what, its = ("prices", "their") if len(models) > 1 else ("price", "its")
    remedy = (
        f"Add {'them' if len(models) > 1 else 'it'} to llmwatch.toml; `llmwatch merge` then prices all {its} calls:"
    )
    return Note(f"The {what} of {named}{more}.", remedy, "\n".join(price_entry(*model) for model in listed))


def price_entry(model: str, host: str | None) -> str:
    """The llmwatch.toml entry to fill in; quotes and control characters of a hostile name cannot end the text."""
    place = f"host = {_toml(host)}\n" if host and host != "api.openai.com" else ""
    # Not 0: pasted as it is, it is refused, and does not make the calls free.
    return f'[[prices]]\nmodel = {_toml(model)}\n{place}input = "?"   # dollars per million tokens\noutput = "?"'


def _toml(text: str) -> str:
    escaped = "".join(
        c if c.isprintable() and c not in '"\\' else f"\\u{ord(c):04x}" if ord(c) < 65536 else f"\\U{ord(c):08x}"
        for c in text
    )
    return f'"{escaped}"'


def _estimate_notes(now: Measures) -> list[Note]:
    calls = now.count("estimated_calls")
    if not calls:
        return []
    amount, error = now["estimated_usd"], now["estimate_error_usd"]
    size = (
        f"{money_text(amount)} of spend ({percent(amount, now.spend)})" if amount is not None else "part of the spend"
    )
    within = f", typically within {percent(Decimal(str(error)), amount)}" if error is not None and amount else ""
    text = (
        f"The exact usage of {counted(calls, 'call')}: {size} is estimated{within} (grade C),"
        " because the stream reports none."
    )
    return [Note(text, _ASK_FOR_USAGE, REPORT_USAGE)]


def _untagged_notes(now: Measures, without: str = "") -> list[Note]:
    notes: list[Note] = []
    tags = (
        ("customer", "For whom", 'with llmwatch.customer("acme"):'),
        ("task", "For what, in your own words", 'with llmwatch.task("reply.draft"):'),
    )
    for tag, question, code in tags:
        calls, amount = now.count(f"untagged_{tag}_calls"), now[f"untagged_{tag}_usd"]
        if not calls or tag == without:
            continue
        paid = (
            f"{money_text(amount)} ({percent(amount, now.spend)} of spend)"
            if amount is not None and now.spend
            else "their cost"
        )
        text = f"{question}: {counted(calls, 'call')} ({percent(calls, now.calls)}), {paid}, without a {tag}."
        extra = " Their task is recognised by call site, tools and prompt." if tag == "task" else ""
        notes.append(Note(text + extra, "Around the call:", f"{code}\n    client.chat.completions.create(...)"))
    return notes


def _defect_notes(asked: Asked) -> list[Note]:
    if not asked.defects:
        return []
    named = ", ".join(f"{row['defect']} ({row['calls']:,})" for row in asked.defects[:5])
    calls = asked.now.count("defect_calls")
    return [
        Note(
            f"Fields of {calls:,} {'call' if calls == 1 else 'calls'} that could not be read: {named}.",
            "Look at one of them:",
            f'llmwatch calls --where "defects!="{asked.flags}',
        )
    ]


# Kinds of pipeline events that mean that something is missing from the store, in words.
_LOSSES: Final[Mapping[str, str]] = {
    "spool_dropped": "records were dropped because the spool was full or could not be written",
    "spool_damaged": "records of the spool were damaged and are left out",
}


def _event_notes(events: Sequence[Mapping[str, Any]]) -> list[Note]:
    notes: list[Note] = []
    for row in events:
        words = _LOSSES.get(str(row["kind"]), f"events of kind {row['kind']} were recorded")
        last: datetime | None = row.get("last_at")
        since = f", last on {last:%Y-%m-%d %H:%M} UTC" if last else ""
        notes.append(Note(f"{int(row['count']):,} {words}{since}.", "See what and where:", "llmwatch doctor"))
    return notes


def _price_age_notes(age_days: int | None) -> list[Note]:
    if age_days is None or age_days < OLD_PRICES_DAYS:
        return []
    text = f"Whether prices changed in the last {age_days} days: that is the age of the price table."
    return [Note(text, "Update it:", "pip install --upgrade genai-prices")]


def percent(part: Decimal | int | None, whole: Decimal | int | None) -> str:
    """part / whole for a sentence; words where the whole is nothing."""
    if part is None or not whole:
        return "an unknown share"
    value = Decimal(part) * 100 / Decimal(whole)
    if value and abs(value) < Decimal("0.1"):
        return "under 0.1 %"
    return f"{value:.1f} %"
