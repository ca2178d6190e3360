"""`llmwatch revenue`: money from files, where it came from, and whether its customers are those of calls."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated

import typer

from ..analysis.report import counted
from ..analysis.revenue import check_report, sources_report
from ..errors import UsageError
from ..figures.currencies import currency_of
from ..figures.revenue import load_sources, unmatched_names
from ..figures.revenue_file import COLUMNS, FileOptions, read_revenue_file
from ..pasted import command
from ..render import FORMATS
from ..store import Store
from ..store.revenue import import_revenue, undo_import, withdraw_source
from .options import Format, Home, Output, mapping_of, one_of, optional_one_of, settings_for
from .reading import merged, progress_on_terminal, reading, write_report
from .revenue_import import import_report

revenue = typer.Typer(
    name="revenue",
    help="Revenue: import it from files, list where it came from, check its customers against those of calls.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@revenue.command("import")
def import_(  # noqa: PLR0913, PLR0917 - each is an option
    path: Annotated[Path, typer.Argument(metavar="FILE", help="CSV, Excel, OpenDocument or Parquet.")],
    maps: Annotated[
        list[str] | None,
        typer.Option("--map", help="FIELD=COLUMN, where the name does not say it; - for none.", show_default=False),
    ] = None,
    ignored: Annotated[
        list[str] | None,
        typer.Option("--ignore", help="A column that does not change the amounts.", show_default=False),
    ] = None,
    counted: Annotated[
        list[str] | None,
        typer.Option("--count", help="A status or type whose rows are revenue.", show_default=False),
    ] = None,
    skipped: Annotated[
        list[str] | None,
        typer.Option("--skip", help="A status or type whose rows are not revenue.", show_default=False),
    ] = None,
    decimals: Annotated[str | None, typer.Option("--decimal", help="point or comma.", show_default=False)] = None,
    dates: Annotated[str | None, typer.Option("--dates", help="day-first or month-first.", show_default=False)] = None,
    units: Annotated[
        str | None, typer.Option("--units", help="major (dollars) or minor (cents).", show_default=False)
    ] = None,
    rates: Annotated[
        list[str] | None,
        typer.Option("--rate", help="CURRENCY=RATE, US dollars for one of it.", show_default=False),
    ] = None,
    sheet: Annotated[str | None, typer.Option("--sheet", help="Sheet of a workbook.", show_default=False)] = None,
    encoding: Annotated[
        str | None, typer.Option("--encoding", help="Encoding of a CSV that is not Unicode.", show_default=False)
    ] = None,
    source: Annotated[
        str | None, typer.Option("--source", help="Name of the source. Default: the file's name.", show_default=False)
    ] = None,
    is_end_included: Annotated[
        bool, typer.Option("--end-included", help="The last day of a period belongs to it.")
    ] = False,
    is_dry: Annotated[bool, typer.Option("--dry-run", help="Show what would change; change nothing.")] = False,
    format_name: Format = "text",
    home: Home = None,
) -> None:
    """Import revenue; importing a file again changes nothing, a corrected one replaces what it said.

    Exports of Stripe (payments, invoices, invoice lines, itemized balance) are read as they are; other files need a
    customer, an amount and a date or a period, which ends before period_end. Tax, refunds, void, draft, open and failed
    rows, fees and payouts are no revenue. What a file does not settle is asked for, with both readings. Of the days
    that the file covers, rows that it does not contain any more are withdrawn.

    [dim]llmwatch revenue import invoices.csv --dry-run
    llmwatch revenue import sales.xlsx --map "amount=Net Amount" --rate EUR=1.08[/dim]
    """
    one_of(format_name, FORMATS, "--format")
    if not path.is_file():
        raise UsageError(f"{path} is not a file.", "Name a CSV, Excel, OpenDocument or Parquet file.")
    options = FileOptions(
        mapping=mapping_of(maps or (), tuple(COLUMNS)),
        ignored=ignored or (),
        counted=counted or (),
        skipped=skipped or (),
        decimals=optional_one_of(decimals, ("point", "comma"), "--decimal"),
        dates=optional_one_of(dates, ("day-first", "month-first"), "--dates"),
        units=optional_one_of(units, ("major", "minor"), "--units"),
        rates=_rates(rates or ()),
        sheet=sheet,
        encoding=encoding,
        is_end_included=is_end_included,
    )
    with progress_on_terminal("reading") as progress:
        found = read_revenue_file(path, options, progress=progress)
    name = source or path.name
    store = Store(settings_for(home))
    for sentence in merged(store):
        sys.stderr.write(f"llmwatch: note: {sentence}\n")
    with store.changing() as con:
        done = import_revenue(con, name, found.rows, left_out=found.left_out, span=found.span, is_dry=is_dry)
    with reading(settings_for(home)) as opened:
        unmatched = unmatched_names(opened, found.customers)
    write_report(import_report(found, done, name, unmatched, is_dry=is_dry), format_name, None)


def _rates(texts: Sequence[str]) -> dict[str, Decimal]:
    found: dict[str, Decimal] = {}
    for text in texts:
        name, _, number = text.partition("=")
        code = currency_of(name)
        try:
            rate = Decimal(number.strip())
        except InvalidOperation:
            rate = Decimal(0)
        if code is None or not rate.is_finite() or not 0 < rate < 10**6:
            raise UsageError(
                f"--rate {text!r} is not CURRENCY=RATE.", "Write --rate EUR=1.08: one EUR is 1.08 US dollars."
            )
        found[code] = rate
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
    name: Annotated[
        str, typer.Argument(metavar="IMPORT|SOURCE", help="An id or a source, as `llmwatch revenue list` names it.")
    ],
    home: Home = None,
) -> None:
    """Take back one import, so that what it replaced stands again, or everything that one source has said.

    [dim]llmwatch revenue undo 20261124-093000-000000
    llmwatch revenue undo invoices.csv[/dim]
    """
    settings = settings_for(home)
    with reading(settings) as opened:
        known = [str(row["source"]) for row in opened.rows("revenue_sources") if row["source"] != "code"]
        imports = {str(row["import_id"]): row for row in opened.rows("revenue_imports")}
    if name == "code":
        raise UsageError("What code has said cannot be taken back.", "Record a refund: llmwatch.revenue(-49, ...).")
    if name in imports:
        source = imports[name]["source"]
        if not imports[name]["is_last"]:
            later = next(one for one, row in imports.items() if row["source"] == source)
            raise UsageError(
                f"{source} was imported again after {name}.", f"First: {command('revenue', 'undo', later)}"
            )
        with Store(settings).changing() as con:
            gone, back = undo_import(con, name)
        sys.stdout.write(f"{counted(gone, 'row')} of {source} withdrawn, {back:,} back as before the import.\n")
        return
    one_of(name, [*known, *imports], "IMPORT|SOURCE")
    with Store(settings).changing() as con:
        gone = withdraw_source(con, name)
    sys.stdout.write(f"{counted(gone, 'row')} of {name} withdrawn.\n")
