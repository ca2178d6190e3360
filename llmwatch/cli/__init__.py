"""Owns the `llmwatch` command: its subjects, its exit codes, and the only place where errors become words.

Exit codes: 0 answered; 1 a check failed; 2 usage or configuration; 3 the store; 130 interrupted.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Annotated, Final, NoReturn

import typer

from ..errors import LlmwatchError
from ..render.inert import one_line
from . import (
    calls,
    dashboards,
    doctor,
    downgrade,
    drift,
    export,
    feedback,
    judge,
    margin,
    merge,
    purge,
    quality,
    report,
    revenue,
    review,
    serve,
    shadow,
    show,
    simulate,
    sql,
    sunset,
    tasks,
)

INTERRUPTED: Final = 130

_EPILOG: Final = (
    "Exit codes: 0 answered, 1 a check failed, 2 usage or configuration, 3 the store, 130 interrupted. "
    "Data goes to standard output, everything else to standard error."
)

app = typer.Typer(
    name="llmwatch",
    help="What your OpenAI calls cost, for whom and for what, how fast and how whole the answers were.",
    epilog=_EPILOG,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)

_ASK: Final = "Ask"
_KEEP: Final = "Keep"
_LEARN: Final = "Learn, for money"
app.command("report", rich_help_panel=_ASK)(report.report)
app.command("margin", rich_help_panel=_ASK)(margin.margin)
app.command("sunset", rich_help_panel=_ASK)(sunset.sunset)
app.command("calls", rich_help_panel=_ASK)(calls.calls)
app.command("show", rich_help_panel=_ASK)(show.show)
app.add_typer(tasks.app, name="tasks", rich_help_panel=_ASK)
app.command("quality", rich_help_panel=_ASK)(quality.quality)
app.add_typer(drift.app, name="drift", rich_help_panel=_ASK)
app.add_typer(review.app, name="review", rich_help_panel=_ASK)
app.add_typer(feedback.app, name="feedback", rich_help_panel=_KEEP)
app.command("downgrade", rich_help_panel=_ASK)(downgrade.downgrade)
app.command("simulate", rich_help_panel=_ASK)(simulate.simulate)
app.command("sql", rich_help_panel=_ASK)(sql.sql)
app.command("shadow", rich_help_panel=_LEARN)(shadow.shadow)
app.command("judge", rich_help_panel=_LEARN)(judge.judge)
app.add_typer(revenue.revenue, rich_help_panel=_KEEP)
app.command("serve", rich_help_panel=_KEEP)(serve.serve)
app.add_typer(dashboards.app, name="dashboards", rich_help_panel=_KEEP)
app.command("doctor", rich_help_panel=_KEEP)(doctor.doctor)
app.command("merge", rich_help_panel=_KEEP)(merge.merge)
app.command("purge", rich_help_panel=_KEEP)(purge.purge)
app.command("export", rich_help_panel=_KEEP)(export.export)


def _print_version(is_asked: bool) -> None:
    if not is_asked:
        return
    try:
        sys.stdout.write(f"llmwatch {version('llmwatch')}\n")
    except PackageNotFoundError:
        sys.stdout.write("llmwatch, run from its source tree\n")
    raise typer.Exit


@app.callback()
def options(
    is_version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True)
    ] = False,
    is_debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error; goes anywhere.")] = False,
) -> None:
    """Options of every command; `main` has acted on --debug before this is reached."""
    del is_version, is_debug


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Runs one command and exits with its code; without --debug no error is shown as a traceback."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    is_debug = "--debug" in given
    given = [argument for argument in given if argument != "--debug"]
    try:
        app(given, prog_name="llmwatch")
    except LlmwatchError as e:
        if is_debug:
            raise
        _leave(_sentence(e), e.exit_code)
    except KeyboardInterrupt:
        _leave("interrupted", INTERRUPTED)
    except BrokenPipeError:
        _close_quietly()
    except Exception as e:
        if is_debug:
            raise
        _leave(_unforeseen(e), 3)
    sys.exit(0)


def _sentence(error: LlmwatchError) -> str:
    message = "\n".join(one_line(line) for line in error.message.split("\n"))
    hint = "\n".join(one_line(line) for line in error.hint.split("\n"))
    return f"{message}\n{hint}".strip()


def _unforeseen(error: Exception) -> str:
    # A file that cannot be had is the machine's matter, not a defect.
    if isinstance(error, OSError) and error.filename:
        return f"{one_line(str(error.filename))}: {error.strerror}. Correct the path or its permissions."
    return f"{type(error).__name__}: {error}. This is a defect of llmwatch; --debug shows where."


def _leave(message: str, code: int) -> NoReturn:
    sys.stdout.flush()
    sys.stderr.write(f"llmwatch: error: {message}\n" if code != INTERRUPTED else "llmwatch: interrupted\n")
    sys.exit(code)


def _close_quietly() -> NoReturn:
    # The reader went away, as `| head` does. Point stdout at nothing, or the interpreter complains while it exits.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(0)
