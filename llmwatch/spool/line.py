"""Owns the form of a line and of a segment: `KIND crc32 payload\\n`, the checksum over kind and payload."""

from __future__ import annotations

import fcntl
import json
import os
import zlib
from typing import Final

CALL: Final = b"C"
ATTEMPT: Final = b"A"
EVENT: Final = b"E"
FEEDBACK: Final = b"F"
REVENUE: Final = b"R"
REPLAY: Final = b"P"
JUDGEMENT: Final = b"J"
# For what a later version will write: kept as it is.
RESERVED: Final = b"X"
KINDS: Final = (CALL, ATTEMPT, EVENT, FEEDBACK, REVENUE, REPLAY, JUDGEMENT, RESERVED)
# The checksum of a payload continues the checksum of its kind.
SEEDS: Final = {kind: zlib.crc32(kind) for kind in KINDS}

SUFFIX: Final = ".spool"


def encode_line(kind: bytes, payload: bytes) -> bytes:
    """One spool line; raises KeyError for a kind that readers do not know."""
    return b"%b %08x %b\n" % (kind, zlib.crc32(payload, SEEDS[kind]), payload)


def encode_event(kind: str, count: int, detail: str, occurred_us: int) -> bytes:
    """The payload of a pipeline event: what the collector has to say about itself."""
    event = {
        "event_id": os.urandom(8).hex(),
        "occurred_us": occurred_us,
        "kind": kind,
        "count": count,
        "detail": detail,
        "process_pid": os.getpid(),
    }
    return json.dumps(event).encode("ascii")


def take_lock(fd: int, operation: int) -> bool | None:
    """True if the lock was taken, False if somebody holds it, None where the file system has no locks."""
    try:
        fcntl.flock(fd, operation | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True
