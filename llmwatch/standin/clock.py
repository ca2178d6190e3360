"""Owns what time it is for the stand-in: the machine's clock, or a virtual one that only moves when told to.

Nothing else in the package sleeps. `VirtualClock.time_ns` is meant to be handed to `llmwatch.init(clock=...)`.
"""

import threading
import time
from typing import Protocol

NS_PER_S = 1_000_000_000
# Rendezvous with a client that are observed before their number of clock reads is trusted.
_LESSONS = 5


class Clock(Protocol):
    """What the server needs of a clock: read it, let time pass, and let a reader see a moment."""

    @property
    def is_virtual(self) -> bool:
        """Whether time passes only by `sleep`."""
        ...

    def peek_ns(self) -> int:
        """Now, in nanoseconds since 1970, without counting as an observation."""
        ...

    def sleep(self, seconds: float) -> None:
        """Let `seconds` pass."""
        ...

    def let_reader_catch_up(self, reads_before: int) -> None:
        """Return once somebody has read the clock since `reads_before`, or soon after if nobody does."""
        ...

    @property
    def reads(self) -> int:
        """How often `time_ns` was called."""
        ...


class SystemClock:
    """The machine's clock; letting time pass means sleeping."""

    is_virtual = False
    reads = 0

    def time_ns(self) -> int:
        """Now, in nanoseconds since 1970."""
        return time.time_ns()

    peek_ns = time_ns

    def sleep(self, seconds: float) -> None:
        """Sleep; zero and less return at once."""
        if seconds > 0:
            time.sleep(seconds)

    def let_reader_catch_up(self, reads_before: int) -> None:
        """Return at once: the reader's clock moves by itself."""


class VirtualClock:
    """A clock that stands still until it is advanced; safe to share between threads.

    A streaming server must not run the clock ahead of a client that has yet to note when its first
    token came. `let_reader_catch_up` waits for that note: the server calls it between two moments.
    """

    is_virtual = True

    def __init__(self, start_ns: int) -> None:
        """Start at `start_ns`, nanoseconds since 1970."""
        self._now_ns = start_ns
        self._reads = 0
        self._changed = threading.Condition()
        self._usual_reads, self._to_learn = 1, _LESSONS

    def time_ns(self) -> int:
        """Now, in nanoseconds since 1970; counts as an observation by the program under watch."""
        with self._changed:
            self._reads += 1
            self._changed.notify_all()
            return self._now_ns

    def peek_ns(self) -> int:
        """Now, without counting as an observation."""
        with self._changed:
            return self._now_ns

    def advance(self, seconds: float) -> None:
        """Move forward; a negative step is refused, for time that runs back hides mistakes."""
        if seconds < 0:
            raise ValueError(f"a clock only moves forward, not by {seconds} s")
        with self._changed:
            self._now_ns += round(seconds * NS_PER_S)

    sleep = advance

    def move_to(self, now_ns: int) -> None:
        """Move forward to `now_ns`; a moment already past leaves the clock where it is."""
        with self._changed:
            self._now_ns = max(self._now_ns, now_ns)

    @property
    def reads(self) -> int:
        """How often `time_ns` was called."""
        with self._changed:
            return self._reads

    def let_reader_catch_up(self, reads_before: int) -> None:
        """Return when the client has read the clock as often as it usually does; after 50 real ms at the latest.

        A client may read the clock several times for what arrived together (at the headers, at the first token) and
        write to disk in between, so one read does not say that it is done. How many it makes is learned from the
        first few, which are given 10 ms of silence each, and again when the number is not reached.
        """
        with self._changed:
            if self._to_learn:
                self._changed.wait_for(lambda: self._reads > reads_before, timeout=0.05)
                while self._changed.wait(timeout=0.01):
                    pass
                self._usual_reads = max(self._usual_reads, self._reads - reads_before)
                self._to_learn -= 1
            elif not self._changed.wait_for(lambda: self._reads >= reads_before + self._usual_reads, timeout=0.05):
                self._usual_reads, self._to_learn = 1, _LESSONS
