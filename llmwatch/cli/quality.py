"""`llmwatch quality`: how many answers of each task are acceptable, and on what evidence."""

from __future__ import annotations

from typing import Annotated

import typer

from ..analysis.quality_report import QualityAsked, quality_report
from ..figures.quality import load_quality
from ..render import FORMATS
from .options import AsOf, Format, Home, Output, Since, Until, known_at, now_utc, one_of, period, settings_for
from .reading import reading, write_report


def quality(
    task: Annotated[str | None, typer.Option("--task", help="This task alone.", show_default=False)] = None,
    since: Since = "28d",
    until: Until = None,
    format_name: Format = "text",
    output: Output = None,
    as_of: AsOf = None,
    home: Home = None,
) -> None:
    """How many answers of each task are acceptable: on people's word, users' feedback, a judge, or checks alone.

    Kinds of evidence are never blended. A judge that nobody audited is shown grey and raises no alarm.

    [dim]llmwatch quality
    llmwatch quality --task reply.draft --since 8w[/dim]
    """
    one_of(format_name, FORMATS, "--format")
    start, end = period(since, until, now_utc(as_of))
    with reading(settings_for(home), known_at(as_of)) as store:
        scored = load_quality(store, start, end)
    if task is not None:
        one_of(task, sorted({row["task"] for row in (*scored.checks, *scored.scores)}), "--task")
    asked = QualityAsked(scored, task, has_all_rungs=format_name in {"json", "csv"})
    write_report(quality_report(asked), format_name, output)
