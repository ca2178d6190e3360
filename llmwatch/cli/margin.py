"""`llmwatch margin`: what each customer, task, feature, plan, model or service earned, cost and left."""

from __future__ import annotations

from typing import Annotated, Final

import typer

from ..analysis.margin import DIMENSIONS
from ..analysis.margin_report import margin_report
from ..analysis.spend import Period
from ..errors import UsageError
from ..figures.history import with_history
from ..figures.margin import load_margin
from ..render import FORMATS
from .options import AsOf, Format, Home, Output, Since, Until, known_at, now_utc, one_of, period, settings_for
from .reading import reading, write_report

# More names than any dimension has: formats for programs get them all.
_ALL: Final = 1_000_000


def margin(
    since: Since = "7d",
    until: Until = None,
    by: Annotated[str, typer.Option("--by", help="customer, task, feature, plan, model or service.")] = "customer",
    format_name: Format = "text",
    output: Output = None,
    top: Annotated[
        int | None, typer.Option("--top", help="Names to list. Default: 10; all in json and csv.", show_default=False)
    ] = None,
    as_of: AsOf = None,
    home: Home = None,
) -> None:
    """Revenue, LLM cost and margin of a period, greatest loss first.

    Revenue comes from llmwatch.revenue() in code, from `llmwatch revenue import FILE` and from plans and subscriptions
    in llmwatch.toml; it is recognised by the second.

    [dim]llmwatch margin --since 2026-09-01 --until 2026-10-01
    llmwatch margin --by plan --since 30d[/dim]
    """
    one_of(format_name, FORMATS, "--format")
    dimension = one_of(by, DIMENSIONS, "--by")
    if top is not None and top < 1:
        raise UsageError(f"--top {top} lists nothing.", "Give 1 or more.")
    asked = Period(*period(since, until, now_utc(as_of)))
    listed = top or (_ALL if format_name in ("json", "csv") else 10)
    with reading(settings_for(home), known_at(as_of)) as store:
        found = load_margin(with_history(store, asked), asked, dimension, listed)
    write_report(margin_report(found), format_name, output)
