"""`llmwatch doctor`: proves that calls are captured, and finds what would make a report wrong."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import typer

from ..analysis.doctor import Found, Place, doctor_report, has_failed
from ..analysis.measures import Measures
from ..errors import LlmwatchError, StoreCorrupt
from ..figures.reading import Reading
from ..figures.spend import load_unpriced
from ..render import FORMATS
from ..settings import Settings
from ..store import Store
from .options import AsOf, Format, Home, Output, now_utc, one_of, settings_for
from .reading import reading, write_report

_LOOKS_BACK = timedelta(days=7)
# More models than anybody calls in that time.
_MODELS = 10_000
_PROBE_TIMEOUT_S = 30


def doctor(
    format_name: Format = "text",
    output: Output = None,
    as_of: AsOf = None,
    is_repair: Annotated[bool, typer.Option("--repair", help="Set a damaged store aside; deletes nothing.")] = False,
    home: Home = None,
) -> None:
    """SDK and hooks, spool, merge, drops, redaction, prices, tags; exit code 1 if a check fails.

    Nothing is sent anywhere: capture is proved by one call that is answered inside a process of its own.
    """
    one_of(format_name, FORMATS, "--format")
    doubts: list[str] = []
    settings = settings_for(home, doubts.append)
    if is_repair:
        repair(settings)
    report = doctor_report(replace(look(settings, now_utc(as_of)), doubts=tuple(doubts)))
    write_report(report, format_name, output)
    if has_failed(report):
        raise typer.Exit(1)


def repair(settings: Settings) -> None:
    """Sets a store that is damaged aside under another name; a sound one is left alone."""
    try:
        with reading(settings):
            sys.stderr.write("llmwatch: note: the store can be read, nothing was set aside\n")
    except StoreCorrupt:
        sys.stderr.write(f"llmwatch: note: set aside as {Store(settings).quarantine()}\n")


def look(settings: Settings, now: datetime) -> Found:
    """All that the checks need; a part that cannot be had is said, not raised."""
    stored, error = stored_facts(settings, now) if settings.home.exists() else ({}, "")
    stored = stored or prices(settings, now, frozenset())
    health = Store(settings).health()
    return Found(
        probe=probe(),
        home=place(settings.home),
        store=place(settings.store_path),
        spool_bytes=health.spool_bytes,
        spool_max_bytes=settings.spool_max_mb * 2**20,
        pending_records=health.pending_records,
        torn_segments=health.torn_segments,
        quarantined=tuple(str(path) for path in health.quarantined),
        problems=tuple(problem for problem in health.problems if problem != error),
        now=now,
        content=settings.content,
        stream_usage=settings.stream_usage,
        store_error=error,
        **stored,
    )


def probe() -> dict[str, Any]:
    """What the capturing half finds in a process of its own; this half does not import it."""
    command = [sys.executable, "-m", "llmwatch.capture.probe"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_PROBE_TIMEOUT_S, check=False)
        return json.loads(done.stdout.strip().splitlines()[-1])
    except subprocess.TimeoutExpired:
        return {"error": f"the test call did not end within {_PROBE_TIMEOUT_S} s"}
    except (OSError, ValueError, IndexError) as e:
        return {"error": f"the test call could not be made: {type(e).__name__}"}


def place(path: Path) -> Place:
    """What the file system says of a path."""
    try:
        found = path.stat()
    except OSError:
        return Place(str(path), exists=False, is_writable=False, is_private=True)
    return Place(
        str(path),
        exists=True,
        is_writable=bool(found.st_mode & 0o200),
        is_private=not found.st_mode & 0o077,
        size_bytes=found.st_size,
    )


def stored_facts(settings: Settings, now: datetime) -> tuple[dict[str, Any], str]:
    """What the store says about the last days, or the sentence that says why it says nothing."""
    since = now - _LOOKS_BACK
    try:
        with reading(settings) as store:
            total = store.rows("spend_by", dimension="task", names=[], since=since, until=now, previous_since=since)
            called = store.rows(
                "names_by", dimension="model", top=_MODELS, since=since, until=now, previous_since=since
            )
            return {
                "calls": Measures(next((row for row in total if row["is_total"]), {})),
                "last_call_at": store.rows("coverage")[0]["last_call_at"],
                "events": store.rows("events", since=since, until=now),
                "unpriced": load_unpriced(store, since, now),
                "global_deployments": store.rows("taken_as_global", since=since, until=now),
                "defects": store.rows("defects", since=since, until=now),
                "hindrances": store.hindrances,
                **prices(store.settings, now, frozenset(str(row["name"]).lower() for row in called)),
                **configured(store),
            }, ""
    except LlmwatchError as e:
        return {}, str(e)


def configured(store: Reading) -> dict[str, Any]:
    """The configuration in force, and what pricing calls of older price tables again would change."""
    from ..store.configuration import in_force
    from ..store.repricing import older_calls, reprice

    ours = in_force(store.con)
    older = older_calls(store.con)
    changed = reprice(store.con, store.settings, None, None, is_dry=True) if older else []
    return {
        "configuration": "default settings" if ours is None else ours.named(),
        "older_calls": older,
        "changed_calls": sum(one.calls for one in changed),
        "changed_usd": sum((one.after_usd - one.before_usd for one in changed), Decimal(0)),
    }


def prices(settings: Settings, now: datetime, called: frozenset[str]) -> dict[str, Any]:
    """Age and digest of the price table, or what is wrong with it."""
    # 0.25 s of import, which only this command and `show` pay.
    from ..prices import PriceBook

    try:
        book = PriceBook(settings.prices, settings.price_file, hosts=settings.hosts)
    except LlmwatchError as e:
        return {"prices_error": str(e)}
    return {
        "prices_age_days": book.age_days(now.date()),
        "prices_digest": book.digest()[:8],
        "missed_models": book.missed_models(called),
    }
