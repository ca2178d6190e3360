"""`llmwatch calls`: the calls of a period, filtered and ordered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final

import typer

from ..analysis.calls import Listed, calls_report
from ..errors import UsageError
from ..render import FORMATS
from ..store.queries import fetch, query_sql
from .filters import Filter, conditions, parse_filter
from .options import AsOf, Format, Home, Output, Since, Until, known_at, now_utc, one_of, period, settings_for
from .reading import reading, write_report

ORDERS: Final[Mapping[str, str]] = {
    "cost": "cost desc nulls last,",
    "latency": "latency desc nulls last,",
    "tokens": "input_tokens + output_tokens desc nulls last,",
    "started": "started desc,",
}
STATUSES: Final = ("ok", "error", "incomplete")


def calls(  # noqa: PLR0913, PLR0917 - each is an option of the command
    where: Annotated[
        list[str] | None,
        typer.Option(
            "--where",
            "-w",
            help='A condition, as "cost>0.01" or "error~timeout"; several must all hold.',
            show_default=False,
        ),
    ] = None,
    task: Annotated[str | None, typer.Option("--task", show_default=False)] = None,
    customer: Annotated[str | None, typer.Option("--customer", show_default=False)] = None,
    model: Annotated[str | None, typer.Option("--model", show_default=False)] = None,
    status: Annotated[str | None, typer.Option("--status", help="ok, error or incomplete.", show_default=False)] = None,
    order: Annotated[str, typer.Option("--order", help="started, cost, latency or tokens.")] = "started",
    limit: Annotated[int, typer.Option("--limit", "-n", help="Calls to list.")] = 20,
    since: Since = "7d",
    until: Until = None,
    format_name: Format = "text",
    output: Output = None,
    as_of: AsOf = None,
    home: Home = None,
) -> None:
    """The calls of a period, newest first, or by cost, latency or tokens.

    [dim]llmwatch calls --customer acme --order cost
    llmwatch calls --where "status=error" --where "latency>5000" --since 24h[/dim]
    """
    one_of(format_name, FORMATS, "--format")
    if not 1 <= limit <= 100_000:
        raise UsageError(f"--limit {limit} is not a number from 1 to 100000.")
    if status is not None:
        one_of(status, STATUSES, "--status")
    flags = {"task": task, "customer": customer, "model": model, "status": status}
    filters = [parse_filter(text) for text in where or ()]
    filters += [Filter(column, "=", value) for column, value in flags.items() if value is not None]
    start, end = period(since, until, now_utc(as_of))
    sql, parameters = calls_query(filters, order)

    with reading(settings_for(home), known_at(as_of)) as store:
        found = fetch(store.con, sql, {"since": start, "until": end, "limit": limit, **parameters})

    write_report(calls_report(Listed(found, start, end, order, store.hindrances)), format_name, output)


def calls_query(filters: list[Filter], order: str) -> tuple[str, dict[str, Any]]:
    """The query with its markers replaced from fixed lists, and the values of its filters."""
    one_of(order, tuple(ORDERS), "--order")
    condition, parameters = conditions(filters)
    sql = query_sql("calls").replace("/* and conditions */", condition).replace("/* order */", ORDERS[order])
    return sql, parameters
