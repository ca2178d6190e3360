"""Reads what capture wrote, straight from the spool, so that tests of capture need no store."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from llmwatch.spool import ATTEMPT, CALL, list_segments, read_batches


def records(home: Path, kind: bytes) -> list[dict[str, Any]]:
    """All records of one kind under `home`, oldest segment first."""
    found: list[dict[str, Any]] = []
    for segment in list_segments(home / "spool"):
        for batch in read_batches(segment.path):
            found += [json.loads(payload) for found_kind, payload in batch.records if found_kind == kind]
    return found


def calls(home: Path) -> list[dict[str, Any]]:
    """All call records under `home`."""
    return records(home, CALL)


def attempts(home: Path) -> list[dict[str, Any]]:
    """All HTTP attempt records under `home`."""
    return records(home, ATTEMPT)
