"""Owns what is written down of every paid request before it leaves and after it has ended, and who may run at a time.

A record is on the disk before `sent` returns. Whatever kills the program, the next run knows every request that may
have been billed.
"""

from __future__ import annotations

import fcntl
import os
import threading
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from hashlib import blake2b
from typing import Any

from ..call import encode_record
from ..errors import StoreError, StoreLocked
from ..settings import Settings
from ..spool import SpoolWriter


@dataclass(frozen=True, slots=True)
class Item:
    """One request that may be paid for."""

    # The same for the same question: what has it is not asked twice.
    id: str
    # chat or responses
    family: str
    body: Mapping[str, Any]
    # The most it may cost; where nothing bounds the answer, what hardly any answer costs.
    reserved_usd: Decimal
    # Input and output tokens, for rate limits.
    tokens: int
    # What every record of it says.
    record: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Past:
    """What earlier runs of the same question paid, and what became of their requests."""

    final: frozenset[str] = frozenset()
    # Sent, and perhaps billed, without an answer: ids in the order of sending.
    lost: tuple[str, ...] = ()
    paid_usd: Decimal = Decimal(0)
    at_risk_usd: Decimal = Decimal(0)

    @property
    def used_usd(self) -> Decimal:
        """What counts against the cap."""
        return self.paid_usd + self.at_risk_usd


def past_of(rows: list[dict[str, Any]]) -> Past:
    """What the rows of `replay_requests` or `judgement_requests` come to; what was certainly free can be repeated."""
    final = frozenset(row["id"] for row in rows if row["is_final"])
    unknown = [row for row in rows if row["cost_usd"] is None]
    return Past(
        final=final,
        lost=tuple(dict.fromkeys(row["id"] for row in unknown if row["id"] not in final)),
        paid_usd=sum((row["cost_usd"] for row in rows if row["cost_usd"] is not None), Decimal(0)),
        at_risk_usd=sum((row["reserved_usd"] for row in unknown), Decimal(0)),
    )


def digest(*parts: str) -> str:
    """An id that is the same for the same parts."""
    return blake2b("\0".join(parts).encode("utf-8", "surrogatepass"), digest_size=12, usedforsecurity=False).hexdigest()


class Ledger:
    """Writes one run's records of one kind, from any thread."""

    def __init__(self, settings: Settings, kind: bytes, id_column: str) -> None:
        self.run_id = os.urandom(8).hex()
        self._spool = SpoolWriter(settings.spool_dir, settings.spool_max_mb << 20)
        self._kind = kind
        self._id_column = id_column
        self._lock = threading.Lock()
        self._last_us = 0

    def sent(self, item: Item) -> None:
        """On disk, power loss included, before the request may leave; StoreError if it cannot be."""
        self._write(item, {"state": "sent"})
        self._spool.sync()

    def ended(self, item: Item, fields: Mapping[str, Any]) -> None:
        """`fields` has the state, `answered` or `failed`, and what the answer was."""
        self._write(item, fields)

    def _write(self, item: Item, fields: Mapping[str, Any]) -> None:
        with self._lock:
            # Two records of one moment would have no order.
            self._last_us = max(time.time_ns() // 1000, self._last_us + 1)
            record = {
                self._id_column: item.id,
                "run_id": self.run_id,
                "recorded_us": self._last_us,
                "reserved_usd": format(item.reserved_usd, "f"),
                **item.record,
                **{key: format(value, "f") if isinstance(value, Decimal) else value for key, value in fields.items()},
            }
            if not self._spool.append(self._kind, encode_record(record)):
                raise StoreError(
                    "What is paid for cannot be written down, so nothing more is sent.",
                    "Look at the space and the permissions of the spool: llmwatch doctor.",
                )

    def close(self) -> None:
        """Synced and sealed, so that the next merge takes it all."""
        self._spool.close()


@contextmanager
def one_run(settings: Settings, task: str) -> Generator[None]:
    """Only one run on a task at a time, for two would pay for the same pairs; the kernel ends the lock with us."""
    folder = settings.home / "runs"
    settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.mkdir(mode=0o700, exist_ok=True)
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    fd = os.open(folder / f"{digest(task)}.lock", flags, 0o600)
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as e:
            who = os.pread(fd, 20, 0).decode("ascii", "replace").strip() or "unknown"
            raise StoreLocked(
                f"Another run on task {task} is under way (process {who}).", "Wait until it has ended, or end it."
            ) from e
        os.ftruncate(fd, 0)
        os.pwrite(fd, str(os.getpid()).encode("ascii"), 0)
        yield
    finally:
        os.close(fd)
