"""Says what an import of revenue did or would do: what counts, what does not, and what may count twice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta

from ..analysis.report import Column, Note, Report, Row, Section, Table, Text, Unknown, count, counted, money_text, usd
from ..analysis.revenue import Unmatched, unmatched_tables
from ..figures.revenue_file import KindTotal, RevenueFile
from ..figures.revenue_kinds import Effect
from ..store.revenue import Imported


def import_report(
    found: RevenueFile, done: Imported, name: str, unmatched: Sequence[Unmatched], *, is_dry: bool
) -> Report:
    """One line of result, the kinds of rows with their amounts, then every note."""
    notes = [Note(text) for text in _sentences(name, found, done, is_dry)]
    if unmatched:
        words = "customer is" if len(unmatched) == 1 else "customers are"
        text = f"{len(unmatched):,} {words} in no call. If a name differs there, correct the file and import it."
        notes.append(Note(text))
    tables = (*_kinds(found.kinds), *unmatched_tables(unmatched))
    section = Section("imported", "", tables, tuple(notes))
    return Report(
        "revenue_import", "", (), (_head(found, done, is_dry),), (section,), main_table=tables[0].key if tables else ""
    )


def _kinds(kinds: Sequence[KindTotal]) -> tuple[Table, ...]:
    columns = (
        Column("kind", "rows of kind", is_number=False),
        Column("rows", "rows"),
        Column("counted_usd", "counted"),
        Column("not_counted_usd", "not counted"),
    )
    return (Table("kinds", "kind", columns, tuple(map(_kind, kinds))),)


def _kind(total: KindTotal) -> Row:
    amount = usd(total.amount_usd, "not in US dollars")
    is_counted = total.effect is not Effect.LEFT_OUT
    cells = (amount, Unknown("")) if is_counted else (Unknown(""), amount)
    return Row(f"{total.word} {total.effect.value}", (Text(total.word), count(total.rows), *cells))


def _head(found: RevenueFile, done: Imported, is_dry: bool) -> str:
    did = "would be imported" if is_dry else "imported"
    first = min(row.occurred_at for row in found.rows)
    # A period ends before its end.
    last = max(
        row.occurred_at if row.recognised_until is None else row.recognised_until - timedelta(microseconds=1)
        for row in found.rows
    )
    rows = f"{counted(done.rows, 'row')} of {counted(len(found.customers), 'customer')}"
    return f"{rows} {did}, {money_text(done.amount_usd)} in all, {first:%Y-%m-%d} to {last:%Y-%m-%d} UTC."


def _sentences(name: str, found: RevenueFile, done: Imported, is_dry: bool) -> Iterator[str]:
    would = "would be " if is_dry else ""
    yield f"Read: {', '.join(f'{field} from {column!r}' for field, column in found.columns.items())}."
    yield from found.notes
    yield f"{done.added:,} {would}new, {done.changed:,} {would}changed, {done.unchanged:,} as they were."
    if done.withdrawn:
        yield f"{counted(done.withdrawn, 'row')} that {name} does not say any more: {would}withdrawn."
    if done.kept:
        yield f"{counted(done.kept, 'earlier row')} of {name} on other days: untouched."
    if done.known_elsewhere:
        yield f"{counted(done.known_elsewhere, 'row')} known from another source too: counted once."
    if done.alike and done.alike_example:
        event, source, other = done.alike_example
        look = "looks" if done.alike == 1 else "look"
        yield (
            f"{counted(done.alike, 'row')} {look} like one of {source} under another id, as {event!r} and {other!r}: "
            "same customer, amount and day. Counted twice if it is one sale: llmwatch revenue undo takes a source back."
        )
