"""Owns reading segments back: every whole record, whatever else stands in the file, and nothing that is not one."""

from __future__ import annotations

import fcntl
import os
import re
import stat
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from .line import SEEDS, SUFFIX, take_lock

# Beyond it a line is garbage: capture caps a record at far less.
LINE_BYTES: Final = 64 << 20


@dataclass(frozen=True, slots=True)
class Segment:
    """A segment on disk; `is_live` means that its writer may still append to it."""

    name: str
    path: Path
    size: int
    is_live: bool


@dataclass(frozen=True, slots=True)
class Batch:
    """Verified records of one stretch of a segment, in order; `next_offset` is where to read on."""

    records: list[tuple[bytes, bytes]]
    next_offset: int
    # Lines that are not what was written, skipped.
    damaged: int = 0
    # Bytes after the last newline: a write under way in a live segment, damage in any other.
    tail_bytes: int = 0


def list_segments(directory: Path) -> list[Segment]:
    """The segments of a spool, oldest first; one that vanishes meanwhile is left out."""
    try:
        paths = sorted(path for path in directory.iterdir() if path.name.endswith(SUFFIX))
    except FileNotFoundError:
        return []
    found = map(_look_at, paths)
    return [segment for segment in found if segment is not None]


def _look_at(path: Path) -> Segment | None:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        # The lock first: what is sealed cannot grow after it was looked at.
        is_live = take_lock(fd, fcntl.LOCK_SH) is not True
        status = os.fstat(fd)
    finally:
        os.close(fd)
    return Segment(path.name, path, status.st_size, is_live) if stat.S_ISREG(status.st_mode) else None


def remove_if_consumed(path: Path, consumed: int) -> bool:
    """Delete a segment that nobody can append to and of which every byte was consumed; False leaves it as it is."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        # Held while deleting, so that a writer that has just created the file sees it and takes another name.
        if take_lock(fd, fcntl.LOCK_SH) is not True or os.fstat(fd).st_size > consumed:
            return False
        path.unlink()
    except OSError:
        return False
    finally:
        os.close(fd)
    return True


def blank(path: Path, end: int) -> None:
    """The first `end` bytes, which a merge has consumed, say nothing any more; what is appended is untouched."""
    fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        done = 0
        while done < end:
            done += os.pwrite(fd, b"\n" * min(1 << 20, end - done), done)
        os.fsync(fd)
    finally:
        os.close(fd)


def read_batches(path: Path, offset: int = 0, max_bytes: int = 8 << 20) -> Iterator[Batch]:
    """The records from `offset` on, in batches of about `max_bytes`; the last batch says what tail is left.

    No content of the file makes it fail: a line whose checksum is wrong is skipped and counted.
    """
    with path.open("rb", buffering=0) as file:
        file.seek(offset)
        rest = b""
        while block := file.read(max_bytes):
            block = rest + block
            end = block.rfind(b"\n") + 1
            if not end and len(block) > LINE_BYTES:
                offset += len(block)
                rest = b""
                yield Batch([], offset, damaged=1)
            elif end:
                offset += end
                rest = block[end:]
                yield _verify(block[: end - 1].split(b"\n"), offset, len(rest))
            else:
                rest = block
        if rest:
            yield Batch([], offset, tail_bytes=len(rest))


def _verify(lines: list[bytes], offset: int, tail_bytes: int) -> Batch:
    records: list[tuple[bytes, bytes]] = []
    damaged = 0
    crc32 = zlib.crc32
    seeds = SEEDS
    for line in lines:
        kind, payload = line[:1], line[11:]
        seed = seeds.get(kind)
        if seed is not None and line[:11] == b"%b %08x " % (kind, crc32(payload, seed)):
            records.append((kind, payload))
        # An empty line is what `blank` leaves.
        elif line:
            recovered = _resync(line)
            records.extend(recovered)
            damaged += len(recovered) < 2
    return Batch(records, offset, damaged, tail_bytes)


_HEADER: Final = re.compile(rb"[A-Z] [0-9a-f]{8} ")


def _resync(line: bytes) -> list[tuple[bytes, bytes]]:
    """Whole records inside a damaged line: what stood on either side of a newline that was hit."""
    # Bounded, because a crafted line could hold a header every 11 bytes and make this quadratic.
    for _, match in zip(range(32), _HEADER.finditer(line), strict=False):
        if not match.start():
            continue
        behind = _parse(line[match.start() :])
        if behind:
            before = _parse(line[: match.start() - 1])
            return [before, behind] if before else [behind]
    return []


def _parse(line: bytes) -> tuple[bytes, bytes] | None:
    kind, payload = line[:1], line[11:]
    seed = SEEDS.get(kind)
    if seed is None or line[:11] != b"%b %08x " % (kind, zlib.crc32(payload, seed)):
        return None
    return kind, payload
