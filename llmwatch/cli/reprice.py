"""`llmwatch reprice`: charges stored calls by the price table in force, or says what that would change."""

from __future__ import annotations

from typing import Annotated

import typer

from ..analysis.configuration import repriced_report
from ..render import FORMATS
from ..store import Store
from ..store.configuration import settings_in_force
from ..store.file import get_meta
from ..store.repricing import older_calls
from ..store.repricing import reprice as reprice_calls
from .options import Format, Home, Output, moment, now_utc, one_of, settings_for
from .reading import merged, write_report


def reprice(
    since: Annotated[
        str | None,
        typer.Option("--since", "-s", help="Start: 7d or a date, UTC. Default: all.", show_default=False),
    ] = None,
    until: Annotated[
        str | None, typer.Option("--until", "-u", help="End, excluded. Default: now.", show_default=False)
    ] = None,
    is_dry: Annotated[bool, typer.Option("--dry-run", help="Say what would change; change nothing.")] = False,
    format_name: Format = "text",
    output: Output = None,
    home: Home = None,
) -> None:
    """Charge stored calls by the price table and the contract prices in force, and say what changed and why.

    Nothing else changes the cost of a call that has one. What it was before is kept: --as-of answers with it.

    [dim]llmwatch reprice --dry-run
    llmwatch reprice --since 2026-11-01[/dim]
    """
    one_of(format_name, FORMATS, "--format")
    settings, now = settings_for(home), now_utc(None)
    first, last = (
        None if text is None else moment(text, now, flag) for text, flag in ((since, "--since"), (until, "--until"))
    )
    store = Store(settings)
    merged(store)
    with store.read_merged() if is_dry else store.changing() as con:
        rows = reprice_calls(con, settings_in_force(con, settings), first, last, is_dry=is_dry)
        report = repriced_report(rows, older_calls(con), get_meta(con, "price_digest") or "", is_dry=is_dry)
    write_report(report, format_name, output)
