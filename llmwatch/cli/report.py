"""`llmwatch report`: what a period cost, and why the number can be believed."""

from __future__ import annotations

import shlex
from dataclasses import replace
from typing import Annotated, Final

import typer

from ..analysis.spend import DIMENSIONS, Period, spend_report
from ..errors import UsageError
from ..figures.spend import load_spend
from ..render import FORMATS
from .options import AsOf, Format, Home, Output, Since, Until, now_utc, one_of, period, settings_for
from .reading import reading, write_report

# More names than any dimension has: formats for programs get them all.
_ALL: Final = 1_000_000


def report(
    since: Since = "7d",
    until: Until = None,
    by: Annotated[str, typer.Option("--by", help="task, customer, feature, model, service or user.")] = "task",
    format_name: Format = "text",
    output: Output = None,
    top: Annotated[
        int | None, typer.Option("--top", help="Names to list. Default: 10; all in json and csv.", show_default=False)
    ] = None,
    as_of: AsOf = None,
    home: Home = None,
) -> None:
    """Spend, evidence, speed, failures and gaps of a period, against the period before.

    [dim]llmwatch report --since 30d --by customer
    llmwatch report --since 2026-11-01 --until 2026-12-01 --format csv -o november.csv[/dim]
    """
    one_of(format_name, FORMATS, "--format")
    dimension = one_of(by, DIMENSIONS, "--by")
    if top is not None and top < 1:
        raise UsageError(f"--top {top} lists nothing.", "Give 1 or more.")
    asked = Period(*period(since, until, now_utc(as_of)))
    settings = settings_for(home)
    listed = top or (_ALL if format_name in ("json", "csv") else 10)

    with reading(settings) as store:
        spend = load_spend(store, asked, dimension, listed)

    flags = same_calls(since=None if since == "7d" else since, until=until, as_of=as_of, home=home)
    write_report(spend_report(replace(spend, flags=flags)), format_name, output)


def same_calls(**flags: object) -> str:
    """The flags given, ready to paste behind another command; those not given are left to their default."""
    given = {name: value for name, value in flags.items() if value is not None}
    return "".join(f" --{name.replace('_', '-')} {shlex.quote(str(value))}" for name, value in given.items())
