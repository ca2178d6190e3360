"""`llmwatch revenue`: money from files, where it came from, and whether its customers are those of calls."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from ..analysis.report import Note, Report, Section, counted, money_text
from ..analysis.revenue import check_report, sources_report, unmatched_tables
from ..errors import UsageError
from ..figures.revenue import load_sources, unmatched_names
from ..figures.revenue_file import COLUMNS, RevenueFile, read_revenue_file
from ..render import FORMATS
from ..store import Store
from ..store.revenue import Imported, import_revenue, withdraw_source
from .options import Format, Home, Output, one_of, settings_for
from .reading import merged, progress_on_terminal, reading, write_report

revenue = typer.Typer(
    name="revenue",
    help="Revenue: import it from files, list where it came from, check its customers against those of calls.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@revenue.command("import")
def import_(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="CSV in UTF-8, or Parquet.")],
    maps: Annotated[
        list[str] | None,
        typer.Option("--map", help="FIELD=COLUMN, where the name does not say it; - for none.", show_default=False),
    ] = None,
    source: Annotated[
        str | None, typer.Option("--source", help="Whose word it is. Default: the file's name.", show_default=False)
    ] = None,
    is_end_included: Annotated[
        bool, typer.Option("--end-included", help="The last day of a period belongs to it.")
    ] = False,
    is_dry: Annotated[bool, typer.Option("--dry-run", help="Say what would change; change nothing.")] = False,
    format_name: Format = "text",
    home: Home = None,
) -> None:
    """Import revenue in US dollars; importing a file again changes nothing, a corrected one replaces what it said.

    Needed are a customer, an amount (refunds negative, or of type refund) and a date or a period, which ends before
    period_end. Known fields: customer, amount, date, period_start, period_end, id, type, plan, task, feature, response,
    currency, note. Of the days that the file covers, rows that its source does not say any more are withdrawn.

    [dim]llmwatch revenue import invoices.csv --dry-run
    llmwatch revenue import invoices.csv --map "amount=Net Amount" --map "customer=Account"[/dim]
    """
    one_of(format_name, FORMATS, "--format")
    if not path.is_file():
        raise UsageError(f"{path} is not a file.", "Name a CSV or Parquet file.")
    with progress_on_terminal("reading") as progress:
        found = read_revenue_file(path, _mapping(maps or ()), is_end_included=is_end_included, progress=progress)
    name = source or path.name
    store = Store(settings_for(home))
    for sentence in merged(store):
        sys.stderr.write(f"llmwatch: note: {sentence}\n")
    with store.changing() as con:
        done = import_revenue(con, name, found.rows, is_dry=is_dry)
    with reading(settings_for(home)) as opened:
        unmatched = unmatched_names(opened, found.customers)
    notes = [Note(text) for text in _sentences(name, found, done, is_dry)]
    if unmatched:
        words = "customer is" if len(unmatched) == 1 else "customers are"
        text = f"{len(unmatched):,} {words} in no call. If a name differs there, correct the file and import it."
        notes.append(Note(text))
    section = Section("imported", "", unmatched_tables(unmatched), tuple(notes))
    write_report(Report("revenue_import", "", (), (_head(found, done, is_dry),), (section,)), format_name, None)


def _head(found: RevenueFile, done: Imported, is_dry: bool) -> str:
    did = "would be imported" if is_dry else "imported"
    first = min(row.occurred_at for row in found.rows)
    last = max(row.recognised_until or row.occurred_at for row in found.rows)
    rows = f"{counted(done.rows, 'row')} of {counted(len(found.customers), 'customer')}"
    return f"{rows} {did}, {money_text(done.amount_usd)} in all, {first:%Y-%m-%d} to {last:%Y-%m-%d} UTC."


def _sentences(name: str, found: RevenueFile, done: Imported, is_dry: bool) -> list[str]:
    columns = ", ".join(f"{field} from {column!r}" for field, column in found.columns.items())
    would = "would be " if is_dry else ""
    sentences = [
        f"Read: {columns}.",
        f"{done.added:,} {would}new, {done.changed:,} {would}changed, {done.unchanged:,} as they were.",
    ]
    if done.withdrawn:
        sentences.append(f"{counted(done.withdrawn, 'row')} that {name} does not say any more: {would}withdrawn.")
    if done.kept:
        sentences.append(f"{counted(done.kept, 'earlier row')} of {name} on other days: untouched.")
    if done.known_elsewhere:
        sentences.append(f"{counted(done.known_elsewhere, 'row')} known from another source too: counted once.")
    return sentences


def _mapping(maps: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for text in maps:
        field, separator, column = text.partition("=")
        if not separator or not column:
            raise UsageError(f"--map {text!r} is not FIELD=COLUMN.", 'Write --map "amount=Net Amount".')
        found[one_of(field.strip(), tuple(COLUMNS), "--map")] = column.strip()
    return found


@revenue.command("list")
def list_(format_name: Format = "text", output: Output = None, home: Home = None) -> None:
    """Sources of revenue: code and files, with their events, amounts and days.

    [dim]llmwatch revenue list[/dim]
    """
    one_of(format_name, FORMATS, "--format")
    with reading(settings_for(home)) as store:
        found = load_sources(store)
    write_report(sources_report(found), format_name, output)


@revenue.command("check")
def check(format_name: Format = "text", output: Output = None, home: Home = None) -> None:
    """Customers that pay and are in no call, with the nearest names, and customers of calls that pay nothing known.

    [dim]llmwatch revenue check[/dim]
    """
    one_of(format_name, FORMATS, "--format")
    with reading(settings_for(home)) as store:
        found = load_sources(store)
    write_report(check_report(found), format_name, output)


@revenue.command("undo")
def undo(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="As `llmwatch revenue list` names it.")],
    home: Home = None,
) -> None:
    """Take back everything that one imported file has said.

    [dim]llmwatch revenue undo invoices.csv[/dim]
    """
    settings = settings_for(home)
    with reading(settings) as opened:
        known = [str(row["source"]) for row in opened.rows("revenue_sources") if row["source"] != "code"]
    if source == "code":
        raise UsageError("What code has said cannot be taken back.", "Record a refund: llmwatch.revenue(-49, ...).")
    one_of(source, known, "SOURCE")
    with Store(settings).changing() as con:
        gone = withdraw_source(con, source)
    sys.stdout.write(f"{gone:,} row{'' if gone == 1 else 's'} of {source} withdrawn.\n")
