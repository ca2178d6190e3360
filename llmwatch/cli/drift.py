"""`llmwatch drift`: which tasks got worse, since when, and what changed near it."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

import typer

from ..analysis.drift_report import DriftAsked, drift_report
from ..analysis.drift_wording import day_words
from ..analysis.task_drift import Drifts
from ..errors import StoreLocked, UsageError
from ..figures.drift import acknowledge as keep_acknowledgement
from ..figures.drift import keep_drift, load_drift, take_up_again
from ..render import FORMATS
from ..settings import Settings
from ..store import ASIDE_WAIT_S, Store
from .options import AsOf, Format, Home, Output, known_at, moment, now_utc, one_of, settings_for
from .reading import reading, write, write_report

app = typer.Typer(invoke_without_command=True, rich_markup_mode="rich")


@app.callback()
def drift(
    context: typer.Context,
    task: Annotated[str | None, typer.Option("--task", help="This task alone, in words.", show_default=False)] = None,
    since: Annotated[
        str | None,
        typer.Option("--since", "-s", help="Leave out weeks before this: 12w or a date, UTC.", show_default=False),
    ] = None,
    format_name: Format = "text",
    output: Output = None,
    as_of: AsOf = None,
    home: Home = None,
) -> None:
    """Which tasks got worse, since when, what changed near it; and what could have been seen where nothing is.

    Compares the last 8 weeks with the 12 before, at equal inputs. An alarm stands until the task recovers or it is
    acknowledged. Weeks begin on Monday, UTC; the running week counts from Saturday on, and is looked at daily for large
    falls before. "Watch" is no alarm: a fall may have begun.

    [dim]llmwatch drift --task reply.draft
    llmwatch drift acknowledge reply.draft --note "known, fixed in v15"[/dim]
    """
    if context.invoked_subcommand is not None:
        return
    one_of(format_name, FORMATS, "--format")
    now = now_utc(as_of)
    start = None if since is None else moment(since, now, "--since").date()
    settings = settings_for(home)
    with reading(settings, known_at(as_of)) as store:
        found = load_drift(store, now, start)
    if task is not None:
        one_of(task, [one.task for one in found.tasks], "--task")
    if as_of is None and since is None:
        _keep(settings, found)
    write_report(
        drift_report(DriftAsked(found, task, has_all_rows=format_name in ("json", "csv"))), format_name, output
    )


def _keep(settings: Settings, found: Drifts) -> None:
    """New alarms are remembered; a store that somebody else holds costs that, not the answer."""
    if not settings.store_path.exists():
        return
    try:
        with Store(settings).changing(ASIDE_WAIT_S) as con:
            keep_drift(con, found)
    except (StoreLocked, OSError):
        pass


@app.command("acknowledge")
def acknowledge(
    task: Annotated[str, typer.Argument(help="The task that fell.", show_default=False)],
    note: Annotated[
        str | None, typer.Option("--note", help="Why, for those who read it later.", show_default=False)
    ] = None,
    undo: Annotated[bool, typer.Option("--undo", help="Take the last acknowledgement back.")] = False,
    as_of: AsOf = None,
    home: Home = None,
) -> None:
    """Set an alarm aside: a new baseline begins with the week from which the task had fallen.

    [dim]llmwatch drift acknowledge reply.draft --note "known, fixed in v15"
    llmwatch drift acknowledge reply.draft --undo[/dim]
    """
    settings = settings_for(home)
    if undo:
        with Store(settings).changing() as con:
            is_undone = take_up_again(con, task, now_utc(as_of))
        if not is_undone:
            raise UsageError(f"No alarm of {task!r} was acknowledged.", "`llmwatch drift` lists the alarms.")
        write(f"The alarm of {task} stands again.\n", None)
        return
    week = _acknowledged(settings, task, note, now_utc(as_of))
    write(
        f"Acknowledged. The new baseline of {task} begins with the week of {day_words(week, week)} {week.year}.\n"
        "Undo it with --undo.\n",
        None,
    )


def _acknowledged(settings: Settings, task: str, note: str | None, now: datetime) -> date:
    with reading(settings) as store:
        found = load_drift(store, now)
    one = found.of(task)
    if one is None or one.alarm is None:
        names = ", ".join(fallen.task for fallen in found.fell)
        hint = f"Alarms: {names}." if names else "No task has an alarm."
        raise UsageError(f"The task {task!r} has no alarm to acknowledge.", hint)
    with Store(settings).changing() as con:
        return keep_acknowledgement(con, found, task, now, note)
