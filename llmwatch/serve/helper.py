"""Owns what `serve` does with DuckDB open: merging, refreshing what is kept, and making the report, each in a process.

The process that serves never loads DuckDB: it stays small, and what grows here is given back when a helper ends.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from ..errors import LlmwatchError
from ..settings import Settings, load_settings
from ..store.process import command_of

_SPAN: Final = re.compile(r"(\d{1,4})([hdw])\Z")
_UNITS: Final = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
# Names listed in the page's report; formats for programs have all.
_TOP: Final = 25
# The line that asks for a merge which adopts the configuration that is found.
ADOPTING: Final = "adopt"


def span_of(text: str) -> timedelta | None:
    """`24h`, `7d`, `4w` as a span of time; None for anything else."""
    found = _SPAN.match(text)
    return int(found[1]) * _UNITS[found[2]] if found and int(found[1]) else None


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None, microsecond=0)


def merge_forever(settings: Settings) -> None:
    """Merges once for every line on standard input, and says what was done in a line of JSON."""
    from ..prices import PriceBook
    from ..store import Store

    store = Store(settings)
    # The list is read before the store is held, not while.
    PriceBook().digest()
    for line in sys.stdin:
        try:
            # Once, not with every merge: `llmwatch config adopt` in another folder would be undone within a second.
            result = store.merge(adopts=line.strip() == ADOPTING)
            done: dict[str, Any] = {"calls": result.calls, "seconds": result.seconds, "blocked": result.blocked}
            done |= {"notes": [*store.notes], "configuration": store.configuration}
            store.notes.clear()
        except LlmwatchError as e:
            done = _blocked(str(e))
        sys.stdout.write(json.dumps(done) + "\n")
        sys.stdout.flush()


def refresh_once(settings: Settings) -> None:
    """The tables that dashboards read say what the commands say now."""
    from ..figures.refresh import refresh

    # Not `nice`: on a busy machine it would hold the merge lock for seconds, and everybody waits for that.
    refresh(settings, _now())


def write_report(settings: Settings, span: str, format_name: str) -> None:
    """The weekly report of the last `span` on standard output, of the store with its spool."""
    from ..analysis.spend import Period
    from ..analysis.weekly_report import weekly_report
    from ..figures.reading import Reading
    from ..figures.report import load_weekly
    from ..render import RENDERERS
    from ..store import Store
    from ..store.configuration import settings_in_force
    from ..store.queries import create_views

    length = span_of(span) or timedelta(days=7)
    until = _now()
    top = _TOP if format_name in ("html", "md") else 1_000_000
    with Store(settings).read_long() as con:
        create_views(con)
        own = settings_in_force(con, settings)
        weekly = load_weekly(Reading(con, (), own), Period(until - length, until), "task", top)
    sys.stdout.write(RENDERERS[format_name](weekly_report(weekly)))


def main() -> None:
    """`merge`, `refresh` or `report SPAN FORMAT`, for the home named first; a failure is one line on stderr."""
    home, work, *arguments = sys.argv[1:]
    works: dict[str, Callable[..., None]] = {"merge": merge_forever, "refresh": refresh_once, "report": write_report}
    try:
        works[work](load_settings({"home": Path(home)}), *arguments)
    except (LlmwatchError, OSError) as e:
        if work == "merge":
            # Whoever asked reads this line; without it nobody would know what is wrong with the settings.
            sys.stdout.write(json.dumps(_blocked(str(e))) + "\n")
        sys.stderr.write(f"{e}\n")
        sys.exit(3)


def _blocked(why: str) -> dict[str, Any]:
    return {"calls": 0, "seconds": 0.0, "blocked": why, "notes": [], "configuration": ""}


def command(home: Path, *arguments: str) -> list[str]:
    """The command line of a helper that sees this process's own modules, wherever it runs."""
    return command_of("llmwatch.serve.helper", str(home), *arguments)
