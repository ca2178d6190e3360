"""Reads what capture wrote, straight from the spool, so that tests of capture need no store."""

from __future__ import annotations

import json
from collections import defaultdict
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


class Follower:
    """Reads each record under a home once, however often it is asked."""

    def __init__(self, home: Path) -> None:
        self._folder = home / "spool"
        self._offsets: dict[Path, int] = {}
        self._unread: defaultdict[bytes, list[bytes]] = defaultdict(list)

    def new(self, kind: bytes) -> list[dict[str, Any]]:
        """The records of one kind that were written since the last look, oldest segment first."""
        for segment in list_segments(self._folder):
            for batch in read_batches(segment.path, self._offsets.get(segment.path, 0)):
                for found_kind, payload in batch.records:
                    self._unread[found_kind].append(payload)
                self._offsets[segment.path] = batch.next_offset
        return [json.loads(payload) for payload in self._unread.pop(kind, [])]
