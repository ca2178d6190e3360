"""`llmwatch tasks`: the tasks the store knows, and how it recognises them."""

from __future__ import annotations

from ..analysis.tasks import tasks_report
from ..render import FORMATS
from .options import AsOf, Format, Home, Output, Since, moment, now_utc, one_of, settings_for
from .reading import reading, write_report


def tasks(
    since: Since = "30d",
    format_name: Format = "text",
    output: Output = None,
    as_of: AsOf = None,
    home: Home = None,
) -> None:
    """Tasks: how each is recognised, its calls and spend, when it was first and last seen.

    [dim]llmwatch tasks --since 7d[/dim]
    """
    one_of(format_name, FORMATS, "--format")
    start = moment(since, now_utc(as_of), "--since")
    with reading(settings_for(home)) as store:
        rows = store.rows("tasks", since=start)
    write_report(tasks_report(rows, start, store.hindrances), format_name, output)
