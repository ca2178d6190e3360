"""`llmwatch report`: what a period cost, and why the number can be believed."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Final

import typer

from ..analysis.conditions import conditions_of, tripped
from ..analysis.spend import Period
from ..analysis.weekly_report import DIMENSIONS, weekly_report
from ..errors import UsageError
from ..figures.beside import beside
from ..figures.report import load_weekly
from ..pasted import command
from ..render import FORMATS, RENDERERS
from ..render.inert import one_line
from .options import AsOf, Format, Home, Output, Since, Until, known_at, now_utc, one_of, period, settings_for
from .reading import reading, write, write_report

# More names than any dimension has: formats for programs get them all.
_ALL: Final = 1_000_000


def report(  # noqa: PLR0913, PLR0917 - each is an option
    since: Since = "7d",
    until: Until = None,
    by: Annotated[str, typer.Option("--by", help="task, customer, feature, plan, model, service or user.")] = "task",
    format_name: Format = "text",
    output: Output = None,
    html: Annotated[
        Path | None, typer.Option("--html", help="Write the report as one web page too.", show_default=False)
    ] = None,
    top: Annotated[
        int | None, typer.Option("--top", help="Names to list. Default: 10; all in json and csv.", show_default=False)
    ] = None,
    fail_on: Annotated[
        str | None,
        typer.Option(
            "--fail-on", help="Exit with 1 if one of these holds: drift,margin<0.5,unpriced,...", show_default=False
        ),
    ] = None,
    as_of: AsOf = None,
    home: Home = None,
) -> None:
    """Money, customers, tasks, drift, cheaper models and gaps of a period, against the period before.

    [dim]llmwatch report --since 30d --by customer --html november.html
    llmwatch report --since 7d --fail-on "drift,margin<0.5,unpriced" --format csv -o week.csv[/dim]
    """
    settings = settings_for(home)
    moment_known = known_at(as_of)
    one_of(format_name, FORMATS, "--format")
    dimension = one_of(by, DIMENSIONS, "--by")
    if top is not None and top < 1:
        raise UsageError(f"--top {top} lists nothing.", "Give 1 or more.")
    conditions = conditions_of(fail_on)
    asked = Period(*period(since, until, moment_known or now_utc(None)))
    listed = top or (_ALL if format_name in ("json", "csv") else 10)
    flags = same_calls(since=None if since == "7d" else since, until=until, as_of=as_of, home=home)
    with beside(settings, moment_known, _load_renderer) as aside, reading(settings, moment_known) as store:
        weekly = load_weekly(store, asked, dimension, listed, flags, aside)

    made = weekly_report(weekly)
    if html is not None:
        write(RENDERERS["html"](made), html, "--html")
    write_report(made, format_name, output)
    if reasons := tripped(weekly, conditions):
        sys.stderr.writelines(f"llmwatch: {one_line(reason)}\n" for reason in reasons)
        raise typer.Exit(1)


def _load_renderer() -> None:
    """The terminal library takes 30 ms to load."""
    from ..render.text import render_text

    del render_text


def same_calls(**flags: object) -> str:
    """The flags given, ready to paste behind another command; those not given are left to their default."""
    return command(**flags).removeprefix("llmwatch")
