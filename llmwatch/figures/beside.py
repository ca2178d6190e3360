"""Owns a second process that judges answers and swaps in a large store while the first counts money: one core each.

Half of a report's time is Python, which one process does one thing at a time. Both see the same moment, as neither
lets anybody write while it reads; where that cannot be so, or the second process fails, there is only the first.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ..settings import Settings

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.context import ForkProcess

    from ..analysis.downgrade_report import Downgrades
    from ..analysis.quality import Scored
    from ..analysis.spend import Period
    from ..analysis.task_drift import Drifts
    from .reading import Reading

# In a smaller store the answers are judged in less time than two processes take from each other.
_LARGE: Final = 32 << 20
# The report names no more swaps than these; the command has the others.
_SWAPS: Final = 5


@dataclass(frozen=True, slots=True)
class Judged:
    """What is said of the answers of a period and the weeks before it, and of models that could give them for less."""

    scored: Scored
    drifts: Drifts
    quality_over_time: list[dict[str, Any]]
    downgrades: Downgrades


def load_judged(reading: Reading, asked: Period) -> Judged:
    """Quality, drift and swaps, with what they stand on computed once for the connection."""
    from ..analysis.drift_chart import WEEKS, drawn
    from ..store.queries import keep
    from .downgrade import load_downgrade
    from .drift import load_drift
    from .quality import load_quality

    keep(reading.con, "scores_current", "answer_scores")
    drifts = load_drift(reading, asked.until)
    names = [one.task for one in drawn(drifts)]
    since = asked.until - timedelta(weeks=WEEKS)
    shown = reading.rows("quality_over_time", since=since, until=asked.until, names=names) if names else []
    scored = load_quality(reading, asked.since, asked.until)
    return Judged(scored, drifts, shown, load_downgrade(reading, asked, top=_SWAPS))


class Beside:
    """The second process, waiting with all that it imports; without one every answer is None."""

    def __init__(self, pipe: Connection | None, known_at: datetime | None, meanwhile: Callable[[], None]) -> None:
        self._pipe = pipe
        self._known_at = known_at
        self._meanwhile = meanwhile

    def ask(self, reading: Reading, asked: Period) -> bool:
        """Whether it has begun: it sees what `reading` sees, which stays open until it has answered."""
        path = None if self._pipe is None else _file_alone(reading)
        if self._pipe is None or path is None:
            return False
        try:
            self._pipe.send((path, asked, self._known_at))
        except OSError:
            return False
        return True

    def answer(self) -> Judged | None:
        """What was asked for; None if the process failed."""
        assert self._pipe is not None
        self._meanwhile()
        with suppress(EOFError, OSError):
            return self._pipe.recv()
        return None


def _file_alone(reading: Reading) -> Path | None:
    """The file that the connection reads; None if it reads the spool too, which another would see at another moment."""
    seen = reading.con.execute(
        "select path from duckdb_databases() where database_name = current_database() and path is not null"
        " and not exists (from duckdb_tables() where temporary and table_name = 'pending_calls')"
    ).fetchone()
    return None if seen is None else Path(seen[0])


@contextmanager
def beside(
    settings: Settings, known_at: datetime | None, meanwhile: Callable[[], None] = lambda: None
) -> Generator[Beside]:
    """A second process for as long as the block lasts, where the store is large and there is a core for it.

    `meanwhile`: what this one does once it would only wait.
    """
    started = _started(settings) if _is_worth_it(settings) else None
    if started is None:
        yield Beside(None, known_at, meanwhile)
        return
    process, pipe = started
    try:
        yield Beside(pipe, known_at, meanwhile)
    finally:
        pipe.close()
        process.kill()
        process.join()


def _is_worth_it(settings: Settings) -> bool:
    try:
        return settings.store_path.stat().st_size >= _LARGE and len(os.sched_getaffinity(0)) > 1
    except (OSError, AttributeError):
        return False


def _started(settings: Settings) -> tuple[ForkProcess, Connection] | None:
    """A copy of this process, which takes none of the time to start one; None where this one has more threads."""
    # What both need is loaded once.
    import duckdb

    from ..prices.models import checked_on
    from .downgrade import load_downgrade
    from .drift import load_drift
    from .quality import load_quality

    checked_on()
    del duckdb, load_downgrade, load_drift, load_quality
    try:
        # A lock that another thread holds would be held in the copy for ever.
        if len(list(Path("/proc/self/task").iterdir())) != 1:
            return None
        context = get_context("fork")
        ours, theirs = context.Pipe()
        process = context.Process(target=_judge, args=(theirs, ours, settings), daemon=True)
        process.start()
    except (OSError, ValueError):
        return None
    theirs.close()
    return process, ours


def _judge(pipe: Connection, other_end: Connection, settings: Settings) -> None:
    """Waits for a period and the moment known of, and says what is judged; ends if nobody asks any more."""
    from ..store import Store
    from ..store.configuration import settings_in_force
    from ..store.history import recall
    from ..store.queries import create_views
    from .reading import Reading

    other_end.close()
    with Path(os.devnull).open("w", encoding="utf-8") as sys.stderr, suppress(EOFError, OSError):
        path, asked, known_at = pipe.recv()
        with Store(settings).read_merged(path) as con:
            if known_at is not None:
                recall(con, known_at)
            create_views(con)
            pipe.send(load_judged(Reading(con, (), settings_in_force(con, settings)), asked))
