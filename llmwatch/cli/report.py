"""`llmwatch report`: what a period cost, and why the number can be believed."""

from __future__ import annotations

import shlex
from dataclasses import replace
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from typing import Annotated, Any, Final

import typer

from ..analysis.spend import DIMENSIONS, Period, Spend, spend_report
from ..errors import UsageError
from ..render import FORMATS
from .options import AsOf, Format, Home, Output, Since, Until, now_utc, one_of, period, settings_for
from .reading import Reading, reading, write_report

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


def load_spend(store: Reading, asked: Period, dimension: str, top: int) -> Spend:
    """Everything the report is made from, in two scans of both periods and a few narrow ones."""
    here: dict[str, Any] = {"since": asked.since, "until": asked.until}
    both: dict[str, Any] = here | {"previous_since": asked.previous_since}
    ranked = store.rows("names_by", dimension=dimension, top=top, **both)
    names = [row["name"] for row in ranked]
    by = store.rows("spend_by", dimension=dimension, names=names, **both)
    speeds = store.rows("speed_by", dimension=dimension, names=names, **both)
    prices, age_days = price_table(store, asked)
    coverage = store.rows("coverage")[0]
    return Spend(
        period=asked,
        dimension=dimension,
        names=tuple(names),
        other_names=ranked[0]["names"] - len(names) if ranked else 0,
        by=joined(by, speeds),
        each=store.rows("spend_by_each", top=5, **both),
        over_time=store.rows("spend_over_time", step_seconds=int(asked.step.total_seconds()), **here),
        unpriced=store.rows("unpriced", **here),
        defects=store.rows("defects", **here),
        events=store.rows("events", **here),
        first_call_at=coverage["first_call_at"],
        prices=prices,
        prices_age_days=age_days,
        hindrances=store.hindrances,
    )


def joined(by: list[dict[str, Any]], speeds: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows of sums with the percentiles of the same period and name."""
    found = {(row["is_current"], row["is_total"], row["name"]): row for row in speeds}
    return [row | found.get((row["is_current"], row["is_total"], row["name"]), {}) for row in by]


def price_table(store: Reading, asked: Period) -> tuple[str, int | None]:
    """Name of the prices that the store's costs were made with, and the age of their list at the period's end."""
    known = {row["key"]: row["value"] for row in store.rows("meta")}
    try:
        name = f"genai-prices {version('genai-prices')}"
    except PackageNotFoundError:
        name = "genai-prices"
    digest = known.get("price_digest")
    checked = known.get("prices_verified_on")
    words = [name, *([f"of {checked}"] if checked else []), *([f"table {digest[:8]}"] if digest else [])]
    age = (asked.until.date() - date.fromisoformat(checked)).days if checked else None
    return " ".join(words), age
