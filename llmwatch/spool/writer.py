"""Owns appending: one write(2) a record, to a segment of this process's own. Never raises into its caller, holds no
lock across a fork and starts no thread before the first append."""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import stat
import threading
import time
import weakref
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from .line import EVENT, SUFFIX, encode_event, encode_line, take_lock

SEGMENT_BYTES: Final = 16 << 20
# Shortest and longest pause after a failed write; the longest keeps "resumes within 5 s" true.
PAUSE_S: Final = (0.25, 4.0)
SYNC_S: Final = 1.0
LOG_S: Final = 60.0

_logger = logging.getLogger("llmwatch")


@dataclass(slots=True)
class _OpenSegment:
    path: Path
    fd: int
    device: int
    inode: int
    written: int = 0

    def is_ours(self, found: os.stat_result) -> bool:
        """False once the host program has closed our descriptor and its number belongs to another file."""
        return found.st_ino == self.inode and found.st_dev == self.device

    def close(self) -> None:
        """Close without unlocking: after a fork the lock is shared with the parent, and LOCK_UN would end both."""
        try:
            if self.is_ours(os.fstat(self.fd)):
                os.close(self.fd)
        except OSError:
            pass


@dataclass(slots=True)
class _Drops:
    """Records not written and not yet reported in the spool, by reason."""

    counts: dict[str, int] = field(default_factory=dict[str, int])
    reason: str = ""
    pause_s: float = 0.0
    resume_at: float = 0.0


class SpoolWriter:
    """Appends records to this process's own segment; True from `append` means that a crash cannot lose the record."""

    def __init__(self, directory: Path, max_bytes: int, clock: Callable[[], int] = time.time_ns) -> None:
        self._directory = directory
        self._max_bytes = max_bytes
        # A live segment cannot be deleted, so it must stay small against the bound of the whole folder.
        self._segment_bytes = min(SEGMENT_BYTES, max(64 << 10, max_bytes // 8))
        self._clock = clock
        self._totals: dict[str, int] = {}
        self._last_log = float("-inf")
        self._start_afresh()
        _writers.add(self)

    def _start_afresh(self) -> None:
        """The state of a process that has not written yet; a forked child keeps nothing of its parent's."""
        self._pid = os.getpid()
        self._lock = threading.RLock()
        self._is_busy = False
        self._segment: _OpenSegment | None = None
        self._sealed: list[_OpenSegment] = []
        self._folder_bytes = 0
        self._drops = _Drops()
        self._sync_thread: threading.Thread | None = None
        # Released when there is something to sync. A bare lock: an Event would deadlock when the garbage collector
        # runs an append inside its own wait.
        self._sync_bell = threading.Lock()
        self._sync_bell.acquire()
        self._is_dirty = False

    @property
    def counters(self) -> dict[str, int]:
        """Since this process started: records `written`, and dropped ones as `dropped_<reason>`."""
        return dict(self._totals)

    def append(self, kind: bytes, payload: bytes) -> bool:
        """Write one record with one write(2); False if it was dropped, which is counted. Never raises."""
        try:
            is_written = self._append(kind, payload)
            if not is_written:
                self._complain()
        except Exception as e:
            return self._refuse(type(e).__name__)
        return is_written

    def _append(self, kind: bytes, payload: bytes) -> bool:
        if os.getpid() != self._pid:
            self._forget_parent()
        if b"\n" in payload:
            return self._refuse("malformed")
        line = encode_line(kind, payload)
        with self._lock:
            if self._is_busy:
                return self._append_apart(line)
            try:
                self._is_busy = True
                return self._append_line(line)
            finally:
                self._is_busy = False

    def close(self) -> None:
        """Sync and seal the current segment, so that a merge may delete it; the next append starts another."""
        with self._lock:
            segment, self._segment = self._segment, None
            sealed, self._sealed = self._sealed, []
            self._stop_syncing()
            if segment and self._drops.counts and os.getpid() == self._pid:
                self._report_drops(segment)
        for one in (*sealed, *([segment] if segment else [])):
            _sync(one)
            one.close()

    def sync(self) -> None:
        """What was appended survives a power loss too: for writers that must know before they go on."""
        with self._lock:
            segment = self._segment
        if segment is not None:
            _sync(segment)

    def _refuse(self, reason: str) -> bool:
        self._totals[f"dropped_{reason}"] = self._totals.get(f"dropped_{reason}", 0) + 1
        return False

    def _append_line(self, line: bytes) -> bool:
        drops = self._drops
        if drops.resume_at and time.monotonic() < drops.resume_at:
            return self._drop(drops.reason)
        reason = ""
        # A second try in a new segment: the first one may have been deleted, closed under us, or hit a size limit.
        for _ in range(2):
            segment = self._usable_segment(len(line))
            if isinstance(segment, str):
                reason = segment
                break
            reason = self._write(segment, line)
            if not reason:
                return self._written(segment)
            had_succeeded = segment.written > 0
            self._abandon()
            if not had_succeeded:
                break
        self._pause(reason)
        return self._drop(reason)

    def _written(self, segment: _OpenSegment) -> bool:
        self._totals["written"] = self._totals.get("written", 0) + 1
        if self._drops.resume_at or self._drops.counts:
            self._report_drops(segment)
        if not self._is_dirty:
            self._ring()
        return True

    def _usable_segment(self, size: int) -> _OpenSegment | str:
        """The segment to write to, or the reason why there is none."""
        segment = self._segment
        if segment is not None:
            try:
                found = os.fstat(segment.fd)
                if not segment.is_ours(found) or found.st_nlink == 0 or found.st_size + size > self._segment_bytes:
                    self._retire()
            except OSError:
                self._segment = None
        if self._segment is None or self._folder_bytes + size > self._max_bytes:
            self._folder_bytes = _folder_bytes(self._directory)
            if self._folder_bytes + size > self._max_bytes:
                # Sealed, because a merge can free what is sealed.
                self._retire()
                return "disk_bound"
        if self._segment is None:
            opened = _open_segment(self._directory, self._clock())
            if isinstance(opened, str):
                return opened
            self._segment = opened
        return self._segment

    def _write(self, segment: _OpenSegment, line: bytes) -> str:
        """Empty if every byte of the line is in the file, else the reason, with the file cut back to whole lines."""
        done, reason = 0, "short_write"
        try:
            done = os.write(segment.fd, line)
            while 0 < done < len(line):
                more = os.write(segment.fd, line[done:])
                if not more:
                    break
                done += more
        except OSError as e:
            reason = errno.errorcode.get(e.errno or 0, "OSError")
        if done == len(line):
            segment.written += 1
            self._folder_bytes += done
            return ""
        if done:
            # Only the line's last byte is a newline, so a reader has not taken any of what is cut here.
            with suppress(OSError):
                os.ftruncate(segment.fd, os.fstat(segment.fd).st_size - done)
        return reason

    def _append_apart(self, line: bytes) -> bool:
        """An append from a signal handler or finalizer that interrupted an append: a segment of its own, sealed."""
        segment = _open_segment(self._directory, self._clock())
        if isinstance(segment, str):
            return self._refuse(segment)
        reason = self._write(segment, line)
        segment.close()
        if reason:
            return self._refuse(reason)
        self._totals["written"] = self._totals.get("written", 0) + 1
        return True

    # --- drops

    def _drop(self, reason: str) -> bool:
        self._drops.counts[reason] = self._drops.counts.get(reason, 0) + 1
        return self._refuse(reason)

    def _pause(self, reason: str) -> None:
        shortest, longest = PAUSE_S
        drops = self._drops
        drops.reason = reason
        drops.pause_s = min(longest, max(shortest, drops.pause_s * 2))
        drops.resume_at = time.monotonic() + drops.pause_s

    def _report_drops(self, segment: _OpenSegment) -> None:
        counts, self._drops = self._drops.counts, _Drops()
        for reason, count in counts.items():
            event = encode_event("spool_dropped", count, reason, self._clock() // 1000)
            if self._write(segment, encode_line(EVENT, event)):
                self._drops.counts[reason] = count

    def _complain(self) -> None:
        now = time.monotonic()
        if now - self._last_log >= LOG_S:
            self._last_log = now
            dropped = sum(count for name, count in self._totals.items() if name != "written")
            _logger.warning(
                "llmwatch cannot write to %s (%s); %d records dropped so far, your calls are not affected",
                self._directory,
                self._drops.reason,
                dropped,
            )

    # --- segments

    def _retire(self) -> None:
        """End the current segment; its last bytes are synced by the thread, which closes it."""
        segment, self._segment = self._segment, None
        if segment is None:
            return
        if self._sync_thread is not None and self._is_dirty:
            self._sealed.append(segment)
        else:
            segment.close()

    def _abandon(self) -> None:
        """End a segment that a write failed on; one that never held a record is removed."""
        segment, self._segment = self._segment, None
        if segment is None:
            return
        if not segment.written:
            with suppress(OSError):
                segment.path.unlink()
        segment.close()

    def _forget_parent(self) -> None:
        inherited = [*self._sealed, *([self._segment] if self._segment else [])]
        self._totals = {}
        self._start_afresh()
        for segment in inherited:
            segment.close()

    # --- syncing, so that a power loss costs at most about a second

    def _ring(self) -> None:
        self._is_dirty = True
        if self._sync_thread is None:
            arguments = (self._pid, self._sync_bell)
            thread = threading.Thread(target=self._sync_loop, args=arguments, name="llmwatch-sync", daemon=True)
            try:
                thread.start()
            except RuntimeError:
                # No more threads, or the interpreter is ending: the kernel syncs when it likes.
                return
            self._sync_thread = thread
        # Released already: the thread is awake.
        with suppress(RuntimeError):
            self._sync_bell.release()

    def _stop_syncing(self) -> None:
        """Let the thread end; it has its own bell, so that it cannot take a ring meant for the next one."""
        bell, self._sync_bell = self._sync_bell, threading.Lock()
        self._sync_bell.acquire()
        self._sync_thread, self._is_dirty = None, False
        if bell.locked():
            bell.release()

    def _sync_loop(self, pid: int, bell: threading.Lock) -> None:
        while os.getpid() == pid:
            bell.acquire()
            if bell is not self._sync_bell:
                return
            time.sleep(SYNC_S)
            with self._lock:
                self._is_dirty = False
                sealed, self._sealed = self._sealed, []
                segment = self._segment
            for one in (*sealed, *([segment] if segment else [])):
                _sync(one)
            for one in sealed:
                one.close()


def _sync(segment: _OpenSegment) -> None:
    try:
        if segment.is_ours(os.fstat(segment.fd)):
            os.fdatasync(segment.fd)
    except OSError:
        pass


def _open_segment(directory: Path, now_ns: int) -> _OpenSegment | str:
    """A new locked, empty segment, or the reason why there can be none."""
    try:
        # One by one: the mode of `mkdir` does not hold for parents that it makes on the way.
        directory.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        directory.mkdir(mode=0o700, exist_ok=True)
        if not _is_private(directory):
            return "unsafe_folder"
        for _ in range(8):
            path = directory / f"{now_ns:016x}-{os.urandom(8).hex()}{SUFFIX}"
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
            fd = os.open(path, flags, 0o600)
            found = os.fstat(fd)
            segment = _OpenSegment(path, fd, found.st_dev, found.st_ino)
            # A merge that looked at the file before we locked it may hold the lock or have deleted the file.
            if take_lock(fd, fcntl.LOCK_EX) is not False and os.fstat(fd).st_nlink:
                return segment
            segment.close()
    except OSError as e:
        return errno.errorcode.get(e.errno or 0, "OSError")
    return "lock"


def _is_private(directory: Path) -> bool:
    found = directory.lstat()
    is_own = found.st_uid == os.geteuid() or os.geteuid() == 0
    return stat.S_ISDIR(found.st_mode) and is_own and not found.st_mode & 0o022


def _folder_bytes(directory: Path) -> int:
    try:
        with os.scandir(directory) as entries:
            return sum(e.stat(follow_symlinks=False).st_size for e in entries if e.name.endswith(SUFFIX))
    except OSError:
        return 0


_writers: weakref.WeakSet[SpoolWriter] = weakref.WeakSet()


def _forget_parents() -> None:
    for writer in list(_writers):
        writer._forget_parent()  # pyright: ignore[reportPrivateUsage]


os.register_at_fork(after_in_child=_forget_parents)
