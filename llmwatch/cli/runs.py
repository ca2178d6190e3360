"""`llmwatch runs`: what agent loops and workflows cost, how long they take and what they reach."""

from __future__ import annotations

from typing import Annotated

import typer

from ..analysis.agent_runs import runs_report
from ..analysis.spend import Period
from ..render import FORMATS
from .options import AsOf, Format, Home, Output, Since, Until, known_at, now_utc, one_of, period, settings_for
from .reading import reading, write_report


def runs(
    since: Since = "7d",
    until: Until = None,
    kind: Annotated[str | None, typer.Option("--kind", help="Only runs of this kind.", show_default=False)] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="Number of single runs shown.")] = 20,
    format_name: Format = "text",
    output: Output = None,
    as_of: AsOf = None,
    home: Home = None,
) -> None:
    """Runs (the calls of one trace: an agent loop, a workflow) by kind, and the most expensive ones.

    A run's kind is the task of its first call. Calls made under no span of your program are no run.

    [dim]llmwatch runs --since 30d[/dim]
    """
    one_of(format_name, FORMATS, "--format")
    asked = Period(*period(since, until, now_utc(as_of)))
    with reading(settings_for(home), known_at(as_of)) as store:
        here = {"since": asked.since, "until": asked.until, "kind": kind}
        kinds, single = store.rows("runs_by_kind", **here), store.rows("runs", **here, limit=limit)
    write_report(runs_report(asked, kinds, single), format_name, output)
