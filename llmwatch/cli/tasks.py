"""`llmwatch tasks`: the tasks the store knows, how it recognises them, and what a user may do about it."""

from __future__ import annotations

import sys
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from ..analysis.tasks import edits_report, tasks_report
from ..figures import tasks as figures
from ..pasted import command
from ..render import FORMATS
from ..store import Store
from .options import AsOf, Format, Home, Output, Since, known_at, moment, now_utc, one_of, settings_for
from .reading import merged, reading, write_report

app = typer.Typer(invoke_without_command=True, rich_markup_mode="rich")
Task = Annotated[str, typer.Argument(help="A task by its name or id.", show_default=False)]


@app.callback()
def tasks(
    context: typer.Context,
    since: Since = "30d",
    format_name: Format = "text",
    output: Output = None,
    as_of: AsOf = None,
    home: Home = None,
) -> None:
    """Tasks: how each is recognised, its calls and spend, its prompt versions, when it was first and last seen.

    Calls without a tag are told apart by call site, tools, response format and what their prompts share. Names can be
    changed for all calls, past and future; every change can be undone.

    [dim]llmwatch tasks --since 7d
    llmwatch tasks rename "complete / parking bylaw" fines.decide[/dim]
    """
    if context.invoked_subcommand is not None:
        return
    one_of(format_name, FORMATS, "--format")
    start = moment(since, now_utc(as_of), "--since")
    with reading(settings_for(home), known_at(as_of)) as store:
        found = figures.load_tasks(store, start)
    write_report(tasks_report(found), format_name, output)


@app.command()
def rename(old: Task, new: Annotated[str, typer.Argument(show_default=False)], home: Home = None) -> None:
    """Give a task another name."""
    with _changing(home) as con:
        done = figures.rename(con, old, new, _now())
    _say(f"{old!r} is {new!r} now: {_calls(done.calls)} renamed.", done.edit_id)


@app.command()
def merge(
    names: Annotated[list[str], typer.Argument(metavar="TASK TASK...", show_default=False)],
    into: Annotated[str, typer.Option("--into", help="The name of the one task.", show_default=False)],
    home: Home = None,
) -> None:
    """Make one task of several."""
    with _changing(home) as con:
        done = figures.merge(con, names, into, _now())
    _say(f"{len(names)} tasks are {into!r} now: {_calls(done.calls)} renamed.", done.edit_id)


@app.command()
def split(
    task: Task,
    by: Annotated[str, typer.Option("--by", help="call_site, prompt (its static text) or tools.", show_default=False)],
    home: Home = None,
) -> None:
    """Make several tasks of one. Calls with values that are not known yet keep its name."""
    with _changing(home) as con:
        done = figures.split(con, task, by, _now())
    names = ", ".join(repr(name) for name in done.names)
    _say(f"{task!r} is {len(done.names)} tasks now: {names}. {_calls(done.calls)} renamed.", done.edit_id)


@app.command()
def pin(task: Task, home: Home = None) -> None:
    """Keep a task as it is: newly read prompts never change which calls are its own."""
    with _changing(home) as con:
        done = figures.pin(con, task, _now())
    _say(f"{task!r} is pinned.", done.edit_id)


@app.command()
def undo(
    edit_id: Annotated[str | None, typer.Argument(help="Of `llmwatch tasks edits`.", show_default=False)] = None,
    home: Home = None,
) -> None:
    """Take back an edit, the latest one unless another is named; the others stay."""
    with _changing(home) as con:
        edit, calls = figures.undo(con, edit_id, _now())
    renamed = f"; {_calls(calls)} renamed" if edit.action != "pin" else ""
    sys.stdout.write(f"Undone: {edit.action} of {', '.join(map(repr, edit.names))}{renamed}.\n")


@app.command()
def edits(format_name: Format = "text", output: Output = None, home: Home = None) -> None:
    """What was renamed, merged, split and pinned, and what of it was undone."""
    one_of(format_name, FORMATS, "--format")
    with reading(settings_for(home)) as store:
        found = figures.load_edit_rows(store)
    write_report(edits_report(found), format_name, output)


@contextmanager
def _changing(home: Path | None) -> Generator[Any]:
    """The store with the spool merged into it, open for a change."""
    store = Store(settings_for(home))
    # If another process is in the way, opening the store for a change says so.
    merged(store)
    with store.changing() as con:
        yield con


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)


def _calls(count: int) -> str:
    return "1 call" if count == 1 else f"{count:,} calls"


def _say(sentence: str, edit_id: str) -> None:
    sys.stdout.write(f"{sentence}\nTo take it back: {command('tasks', 'undo', edit_id)}\n")
