"""Owns the way of scores into the spool: one record, one write, on disk before anybody is told that it is saved."""

from __future__ import annotations

import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from ..call import encode_record
from ..errors import StoreError
from ..settings import Settings
from ..spool import FEEDBACK, SpoolWriter


class Scoring:
    """Writes scores to the spool of a home; the next merge stores them."""

    def __init__(self, settings: Settings) -> None:
        self._folder = settings.spool_dir
        self._writer = SpoolWriter(settings.spool_dir, settings.spool_max_mb << 20)
        self._last_us = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.close()

    def now_us(self) -> int:
        """Microseconds since the epoch, later than every one given before: of two records of an id the later counts."""
        self._last_us = max(self._last_us + 1, time.time_ns() // 1000)
        return self._last_us

    def keep(self, record: Mapping[str, Any]) -> None:
        """The record survives a kill -9 from here on; StoreError if it could not be written."""
        if not self._writer.append(FEEDBACK, encode_record(dict(record))):
            raise StoreError(
                f"The score could not be written to {self._folder}.", "Is the disk full or read-only? Nothing was lost."
            )
