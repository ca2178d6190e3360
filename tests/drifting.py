"""A history with planted falls, through spool and merge: twenty weeks of calls and scores that end on 2026-11-21."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from llmwatch.call import encode_record
from llmwatch.settings import Settings
from llmwatch.spool import CALL, FEEDBACK, SpoolWriter
from llmwatch.store import Store
from tests.store.records import call
from tests.stores import fill

AS_OF = datetime(2026, 11, 21, 12)  # noqa: DTZ001 - stored times are UTC without a zone
FIRST = date(2026, 7, 6)
DAYS = (AS_OF.date() - FIRST).days
PROMPT_CHANGED = date(2026, 11, 3)
ALIAS_FLIPPED = date(2026, 10, 20)
MIX_CHANGED = date(2026, 10, 26)
QUIET = ("chat.stream", "invoice.extract", "ticket.route")


def history(home: Path, *, a_day: int = 6, seed: int = 1) -> Settings:
    """The store: reply.draft falls with a prompt, ticket.classify gets harder inputs, parse.address code fences."""
    random_ = random.Random(seed)
    writer = SpoolWriter(home / "spool", 1 << 30)
    for day in (FIRST + timedelta(days=n) for n in range(DAYS)):
        for number in range(a_day):
            moment = datetime.combine(day, datetime.min.time(), UTC) + timedelta(hours=8, minutes=7 * number)
            for fields, value in _answers(day, random_):
                record = call(started_us=int(moment.timestamp() * 1_000_000), **fields)
                assert writer.append(CALL, encode_record(record))
                if value is not None:
                    assert writer.append(FEEDBACK, encode_record(_score(record, value)))
    writer.close()
    settings = Settings(home=home)
    assert Store(settings).merge().blocked is None
    # These calls kept no content, of which merging would have made the texts.
    with Store(settings).changing() as con:
        con.execute("delete from prompt_versions")
        con.execute("delete from prompts")
    fill(settings, [_version(1, "Be brief."), _version(2, "Be brief. Promise a refund.")], "prompt_versions")
    fill(settings, [_hash("p1", "v1"), _hash("p2", "v2")], "prompts")
    return settings


def _answers(day: date, random_: random.Random) -> Iterator[tuple[dict[str, Any], float | None]]:
    """One call of every task: what differs from an ordinary one, and its score."""
    plain = {
        "service_name": "desk",
        "service_version": "1.4" if day < PROMPT_CHANGED else "1.5",
        "input_language": "en",
    }
    is_new = day >= PROMPT_CHANGED
    yield (
        plain | {"task": "reply.draft", "prompt_hash": "p2" if is_new else "p1"},
        float(random_.random() < (0.6 if is_new else 0.92)),
    )
    hard = random_.random() < (0.65 if day >= MIX_CHANGED else 0.1)
    yield (
        plain | {"task": "ticket.classify", "input_language": "ja" if hard else "en"},
        float(random_.random() < (0.55 if hard else 0.96)),
    )
    is_flipped = day >= ALIAS_FLIPPED
    yield (
        plain
        | {
            "task": "parse.address",
            "request_model": "gpt-4o",
            "response_model": "gpt-4o-2024-08-06" if is_flipped else "gpt-4o-2024-05-13",
            "is_output_fenced": is_flipped and random_.random() < 0.85,
        },
        None,
    )
    for task in QUIET:
        yield plain | {"task": task, "is_output_fenced": random_.random() < 0.1}, float(random_.random() < 0.9)


def _score(record: dict[str, Any], value: float) -> dict[str, Any]:
    return {
        "score_id": f"of-{record['span_id']}",
        "scored_us": record["ended_us"],
        "response_id": record["response_id"],
        "name": "quality",
        "value": value,
        "evidence": "label",
    }


def _version(number: int, text: str) -> dict[str, Any]:
    return {"task_name": "reply.draft", "prompt_version": f"v{number}", "number": number, "text": text}


def _hash(prompt_hash: str, version: str) -> dict[str, Any]:
    return {"task_name": "reply.draft", "prompt_hash": prompt_hash, "prompt_version": version}
