"""`llmwatch downgrade`: which tasks can move to a cheaper model, on what evidence, and what would decide the rest."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Annotated, Final

import typer

from ..analysis.downgrade_report import Downgrades, downgrade_report
from ..analysis.spend import Period
from ..errors import StoreLocked, UsageError
from ..figures.downgrade import keep_downgrade, load_downgrade
from ..render import FORMATS
from ..store import ASIDE_WAIT_S, Store
from .options import AsOf, Format, Home, Output, Since, known_at, now_utc, one_of, period, settings_for
from .reading import reading, write_report

# More verdicts than there are: formats for programs get them all.
_ALL: Final = 1_000_000
# Dashboards list more than a terminal does.
_KEPT: Final = 50


def downgrade(
    task: Annotated[str | None, typer.Option("--task", help="This task only.", show_default=False)] = None,
    to: Annotated[
        str | None,
        typer.Option("--to", help="This model only, whatever stands against it.", show_default=False),
    ] = None,
    since: Since = "30d",
    format_name: Format = "text",
    output: Output = None,
    top: Annotated[
        int | None,
        typer.Option("--top", help="Verdicts to list. Default: 10; all in json and csv.", show_default=False),
    ] = None,
    as_of: AsOf = None,
    home: Home = None,
) -> None:
    """Tasks that can move to a cheaper model: move, promising, keep, or cannot tell yet and what would decide.

    [dim]llmwatch downgrade --task ticket.classify
    llmwatch downgrade --task reply.draft --to gpt-6-luna --format json[/dim]
    """
    one_of(format_name, FORMATS, "--format")
    if top is not None and top < 1:
        raise UsageError(f"--top {top} lists nothing.", "Give 1 or more.")
    asked = Period(*period(since, None, now_utc(as_of)))
    settings = settings_for(home)
    listed = top or (_ALL if format_name in ("json", "csv") else 10)
    with reading(settings, known_at(as_of)) as store:
        found = load_downgrade(store, asked, task=task or "", to=to or "", top=max(listed, _KEPT))
    if task is not None and task not in found.tasks:
        raise UsageError(f"No chat call of task {task!r} is in this period.", near_task(task, found.tasks))
    # An answer about the past, or about a part, is not what dashboards show.
    if not (task or to or as_of):
        _keep(Store(settings), found)
    write_report(downgrade_report(found, listed), format_name, output)


def near_task(task: str, tasks: Sequence[str]) -> str:
    """What to do about a task that has no calls: the names nearest to it, or the command that lists them."""
    near = get_close_matches(task, tasks, n=3, cutoff=0.5)
    if near:
        return f"Did you mean {' or '.join(near)}?"
    return "llmwatch tasks --since 90d lists the tasks there are; --since 90d asks for longer."


def _keep(store: Store, found: Downgrades) -> None:
    try:
        with store.changing(ASIDE_WAIT_S) as con:
            keep_downgrade(con, found)
    except StoreLocked:
        # Dashboards stay as old as they are; the answer does not depend on it.
        return
