"""Owns the spool: append-only segments of checksummed lines, one segment per process, written and read here only.

A line is `KIND crc32 payload\\n`; the checksum covers kind and payload. A segment's name never changes; its writer
holds an exclusive flock on it, so *live* means that the lock is held, and the kernel ends that with the process.
The writing half never raises into its caller, holds no lock across a fork and starts no thread before the first
append. Standard library only.
"""

from .line import (
    ATTEMPT,
    CALL,
    EVENT,
    FEEDBACK,
    JUDGEMENT,
    KINDS,
    REPLAY,
    RESERVED,
    REVENUE,
    SUFFIX,
    encode_event,
    encode_line,
)
from .reader import Batch, Segment, blank, list_segments, read_batches, remove_if_consumed
from .writer import PAUSE_S, SEGMENT_BYTES, SYNC_S, SpoolWriter

__all__ = [
    "ATTEMPT",
    "CALL",
    "EVENT",
    "FEEDBACK",
    "JUDGEMENT",
    "KINDS",
    "PAUSE_S",
    "REPLAY",
    "RESERVED",
    "REVENUE",
    "SEGMENT_BYTES",
    "SUFFIX",
    "SYNC_S",
    "Batch",
    "Segment",
    "SpoolWriter",
    "blank",
    "encode_event",
    "encode_line",
    "list_segments",
    "read_batches",
    "remove_if_consumed",
]
