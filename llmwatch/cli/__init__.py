"""Owns the `llmwatch` command: its subjects, its exit codes, and the only place where errors become words.

Exit codes: 0 answered; 1 a check failed; 2 usage or configuration; 3 the store; 130 interrupted.
"""

from __future__ import annotations

import gc
import os
import sys
import threading
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Annotated, Any, Final, NoReturn

import typer

from ..errors import LlmwatchError
from ..render.inert import one_line

INTERRUPTED: Final = 130
# What a command makes lives until it ends: to look for cycles in it every 700 objects takes a twentieth of a report.
_OBJECTS_BETWEEN_COLLECTIONS: Final = 100_000

_EPILOG: Final = (
    "Exit codes: 0 answered, 1 a check failed, 2 usage or configuration, 3 the store, 130 interrupted. "
    "Data goes to standard output, everything else to standard error."
)

_ASK: Final = "Ask"
_KEEP: Final = "Keep"
_LEARN: Final = "Learn, for money"
# Every command is the module of its name, and the function or the commands in it are of that name or called `app`.
_COMMANDS: Final[Mapping[str, str]] = {
    **dict.fromkeys(
        ("report", "margin", "sunset", "runs", "calls", "show", "tasks", "quality", "drift", "review"), _ASK
    ),
    **dict.fromkeys(("downgrade", "simulate", "prices", "sql"), _ASK),
    **dict.fromkeys(("shadow", "judge"), _LEARN),
    **dict.fromkeys(("feedback", "revenue", "serve", "dashboards", "doctor", "merge", "config", "reprice"), _KEEP),
    **dict.fromkeys(("purge", "export", "backup"), _KEEP),
}


def _print_version(is_asked: bool) -> None:
    if not is_asked:
        return
    from importlib.metadata import PackageNotFoundError, version

    try:
        sys.stdout.write(f"llmwatch {version('llmwatch')}\n")
    except PackageNotFoundError:
        sys.stdout.write("llmwatch, run from its source tree\n")
    raise typer.Exit


def _everywhere(
    is_version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True)
    ] = False,
    is_debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error; goes anywhere.")] = False,
) -> None:
    """Options of every command; `main` has acted on --debug before this is reached."""
    del is_version, is_debug


def make_app(only: str = "") -> typer.Typer:
    """The program with all its commands, or with one: what the others would load takes longer than most answers."""
    made = typer.Typer(
        name="llmwatch",
        help="Which customers and tasks lose money on OpenAI calls, which got worse, where a cheaper model will do.",
        epilog=_EPILOG,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode="rich",
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    made.callback()(_everywhere)
    for name, panel in _COMMANDS.items():
        if only not in ("", name):
            continue
        module = import_module(f".{name}", __name__)
        command = getattr(module, "app", None) or getattr(module, name)
        if isinstance(command, typer.Typer):
            made.add_typer(command, name=name, rich_help_panel=panel)
        else:
            made.command(name, rich_help_panel=panel)(command)
    return made


def __getattr__(name: str) -> Any:
    if name != "app":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return make_app()


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Runs one command and exits with its code; without --debug no error is shown as a traceback."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    is_debug = "--debug" in given
    # Our arrays are small: threads of the library of vectors cost a start, and a process with threads has no copies.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS)
    given = [argument for argument in given if argument != "--debug"]
    try:
        named = next((word for word in given if not word.startswith("-")), "")
        make_app(named if named in _COMMANDS else "")(given, prog_name="llmwatch")
    except SystemExit as left:
        if arguments is None and isinstance(left.code, int):
            _end(left.code)
        raise
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


def _end(code: int) -> None:
    """Ends the process, unless a thread works on: to take all that is loaded to pieces takes a tenth of a second."""
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except BrokenPipeError:
        _close_quietly()
    if threading.active_count() == 1:
        os._exit(code)


def _close_quietly() -> NoReturn:
    # The reader went away, as `| head` does. Point stdout at nothing, or the interpreter complains while it exits.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(0)
