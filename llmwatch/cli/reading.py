"""Owns what every reading command does first: merge the spool, open the store, and say what stood in the way."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Final

from ..analysis.report import Report
from ..errors import UsageError
from ..figures.reading import Reading
from ..render import FORMATS, RENDERERS
from ..render.inert import one_line
from ..settings import Settings
from ..store import Store
from ..store.configuration import settings_in_force
from ..store.history import recall
from ..store.queries import create_views
from .options import one_of

# A command may open the store several times.
_SAID: Final[set[str]] = set()


@contextmanager
def reading(settings: Settings, known_at: datetime | None = None) -> Generator[Reading]:
    """The store with the spool merged into it; a merge that is blocked costs freshness, not the answer.

    The settings of the reading are those of the store's own configuration, whichever folder one asks from.

    With `known_at` (UTC, no zone) it is the store as it was known at that moment.
    """
    store = Store(settings)
    hindrances: tuple[str, ...] = ()
    with ExitStack() as opened:
        con = opened.enter_context(store.read_settled())
        if con is None:
            hindrances = merged(store)
            con = opened.enter_context(store.read_long())
        if known_at is not None:
            recall(con, known_at)
        create_views(con)
        say_notes(store)
        yield Reading(con, hindrances, settings_in_force(con, settings))


def merged(store: Store) -> tuple[str, ...]:
    """Merges; a sentence if another process was in the way."""
    with progress_on_terminal("merging") as progress:
        result = store.merge(progress=progress)
    say_notes(store)
    return (f"The newest calls were read from the spool, not merged: {result.blocked}",) if result.blocked else ()


def say_notes(store: Store) -> None:
    """What was adopted, priced or not used is one line each on standard error, once a command."""
    for note in store.notes:
        if note not in _SAID:
            _SAID.add(note)
            sys.stderr.write(f"llmwatch: note: {one_line(note)}\n")


@contextmanager
def progress_on_terminal(word: str) -> Generator[Callable[[int, int], None] | None]:
    """A counter on standard error while work lasts; None where no person is looking."""
    if not sys.stderr.isatty():
        yield None
        return
    shown = False

    def show(done: int, total: int) -> None:
        nonlocal shown
        if total > 0 and (shown or total > 1):
            shown = True
            sys.stderr.write(f"\r\x1b[K{word}: {done:,} of {total:,}")
            sys.stderr.flush()

    try:
        yield show
    finally:
        if shown:
            sys.stderr.write("\r\x1b[K")


def write_report(report: Report, format_name: str, output: Path | None) -> None:
    """Renders and writes to the file or to standard output; nothing else ever goes there."""
    one_of(format_name, FORMATS, "--format")
    if format_name == "text":
        from ..render.text import render_text
        from .screen import has_color, screen_width

        text = render_text(report, screen_width(output is None), is_colored=output is None and has_color())
    else:
        text = RENDERERS[format_name](report)
    write(text, output)


def write(text: str, output: Path | None, flag: str = "--output") -> None:
    """Writes the text whole; characters the terminal's encoding lacks are replaced, not fatal."""
    if output is not None:
        try:
            output.write_text(text, "utf-8", newline="\n")
        except OSError as e:
            raise UsageError(f"{flag} {output} cannot be written: {e.strerror}.") from e
        return
    encoding = sys.stdout.encoding or "utf-8"
    sys.stdout.write(text.encode(encoding, "replace").decode(encoding))
    sys.stdout.flush()
