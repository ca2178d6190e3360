"""Owns a second process that judges answers in a large store while the first counts money: one core each.

Half of a report's time is Python, which one process does one thing at a time. Both see the same moment, as neither
lets anybody write while it reads; where that cannot be so, or the second process fails, there is only the first.
"""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from ..settings import Settings, load_settings
from ..store.process import command_of

if TYPE_CHECKING:
    from ..analysis.quality import Scored
    from ..analysis.spend import Period
    from ..analysis.task_drift import Drifts
    from .reading import Reading

# To start a process takes half a second, as long as a smaller store's answers take to judge.
_LARGE: Final = 32 << 20


@dataclass(frozen=True, slots=True)
class Judged:
    """What is said of the answers of a period and the weeks before it."""

    scored: Scored
    drifts: Drifts
    quality_over_time: list[dict[str, Any]]


def load_judged(reading: Reading, asked: Period) -> Judged:
    """Quality and drift, with what they stand on computed once for the connection."""
    from ..analysis.drift_chart import WEEKS, drawn
    from ..store.queries import keep
    from .drift import load_drift
    from .quality import load_quality

    keep(reading.con, "scores_current", "answer_scores")
    drifts = load_drift(reading, asked.until)
    names = [one.task for one in drawn(drifts)]
    since = asked.until - timedelta(weeks=WEEKS)
    shown = reading.rows("quality_over_time", since=since, until=asked.until, names=names) if names else []
    return Judged(load_quality(reading, asked.since, asked.until), drifts, shown)


class Beside:
    """The second process, waiting with all that it imports; without one every answer is None."""

    def __init__(self, process: subprocess.Popen[bytes] | None, known_at: datetime | None) -> None:
        self._process = process
        self._known_at = known_at

    def ask(self, reading: Reading, asked: Period) -> bool:
        """Whether it has begun: it sees what `reading` sees, which stays open until it has answered."""
        if self._process is None or not _is_the_file_alone(reading):
            return False
        times = (asked.since, asked.until, self._known_at)
        line = json.dumps([None if at is None else at.isoformat() for at in times]).encode() + b"\n"
        try:
            _pipe(self._process.stdin).write(line)
            _pipe(self._process.stdin).flush()
        except OSError:
            return False
        return True

    def answer(self) -> Judged | None:
        """What was asked for; None if the process failed."""
        assert self._process is not None
        # Written by our own code a moment ago, and by nobody else.
        said = _pipe(self._process.stdout).read()
        return pickle.loads(said) if self._process.wait() == 0 else None


def _pipe(pipe: Any) -> BinaryIO:
    assert pipe is not None
    return pipe


def _is_the_file_alone(reading: Reading) -> bool:
    """The connection reads the store's own file and nothing of the spool, so that a second one sees the same."""
    seen = reading.con.execute(
        "select (select path from duckdb_databases() where database_name = current_database()),"
        " (select count(*) from duckdb_tables() where temporary and table_name = 'pending_calls')"
    ).fetchone()
    return seen is not None and seen == (str(reading.settings.store_path), 0)


@contextmanager
def beside(settings: Settings, known_at: datetime | None) -> Generator[Beside]:
    """A second process for as long as the block lasts, where the store is large and there is a core for it."""
    try:
        is_worth_it = settings.store_path.stat().st_size >= _LARGE and len(os.sched_getaffinity(0)) > 1
    except (OSError, AttributeError):
        is_worth_it = False
    process = _started(settings.home) if is_worth_it else None
    try:
        yield Beside(process, known_at)
    finally:
        if process is not None:
            process.kill()
            process.communicate()


def _started(home: Path) -> subprocess.Popen[bytes] | None:
    try:
        return subprocess.Popen(
            command_of("llmwatch.figures.beside", str(home)),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
    except OSError:
        return None


def main() -> None:
    """Waits for one line, since, until and the moment known of, and writes what is judged."""
    from ..analysis.spend import Period
    from ..store import Store
    from ..store.history import recall
    from ..store.queries import create_views
    from .drift import load_drift
    from .quality import load_quality
    from .reading import Reading

    del load_drift, load_quality
    import duckdb

    del duckdb
    settings = load_settings({"home": Path(sys.argv[1])})
    line = sys.stdin.readline()
    if not line:
        return
    since, until, known_at = json.loads(line)
    asked = Period(datetime.fromisoformat(since), datetime.fromisoformat(until))
    with Store(settings).read_merged() as con:
        if known_at is not None:
            recall(con, datetime.fromisoformat(known_at))
        create_views(con)
        judged = load_judged(Reading(con, (), settings), asked)
    sys.stdout.buffer.write(pickle.dumps(judged))
    sys.stdout.buffer.flush()
