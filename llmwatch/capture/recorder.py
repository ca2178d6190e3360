"""Owns what all calls of a process share: settings, sampler, redactor, the streams still open, the ids of spans.

`init` builds one `Recorder` and puts it into `state`; the hooks read it there.
"""

from __future__ import annotations

import os
import random
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple, Protocol

from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, Tracer

from ..settings import Settings
from ..spool import SpoolWriter
from .guard import Observe
from .outgoing import Metrics, is_content_asked
from .redact import Redactor
from .sampling import Sampler

_MAX_REMEMBERED: Final = 4096


class OpenCall(Protocol):
    """A call under way, as far as a recorder must know it to end it."""

    last_byte_ns: int | None

    def finish(self, *, stream_end: str | None = None, end_ns: int | None = None) -> None:
        """Ends the call and writes its record, once."""
        ...


class Recorder:
    """What every call of a process shares; built by `init`, replaced by the next `init`."""

    def __init__(
        self,
        settings: Settings,
        write: Callable[[CallSpan], object],
        *,
        tracer: Tracer | None = None,
        pseudonym: Callable[[str], str] | None = None,
        clock: Callable[[], int] | None = None,
        write_attempt: Callable[[Attempt], object] | None = None,
        seal: Callable[[], None] | None = None,
        spool: SpoolWriter | None = None,
    ) -> None:
        self.settings = settings
        # Where what is said beside calls is written, by the same writer as the calls.
        self.spool = spool
        self.write = write
        # Given where the spans also go to somebody else's provider. The record is written whatever its sampler
        # decides: a sampler that keeps 1 % of the spans must not keep 1 % of the costs.
        self.tracer = tracer
        # Given where a meter provider is.
        self.metrics: Metrics | None = None
        self.is_content_asked = tracer is not None and is_content_asked()
        self.pseudonym = pseudonym or str
        self.wall: Callable[[], int] = clock or time.time_ns
        # Durations must not follow the wall clock when it is set back; an injected clock is both.
        self.monotonic: Callable[[], int] = clock or time.perf_counter_ns
        self.clock = clock
        # None where tries are not listed.
        self.write_attempt = write_attempt
        self._seal = seal
        self.sampler = Sampler(settings.sample_rate, settings.sample_floor, settings.sample_rates)
        self.redactor = Redactor(settings.redact)
        self.open: dict[int, OpenCall] = {}
        # Streams dropped unread: filled by garbage collection, where no lock may be taken, emptied by the next call.
        self.abandoned: deque[OpenCall] = deque()
        self._heads: OrderedDict[str, None] = OrderedDict()
        # response id -> tags of the call that made it and whether its usage was counted
        self._responses: OrderedDict[str, tuple[Mapping[str, Any], bool]] = OrderedDict()

    def is_new_head(self, key: str) -> bool:
        """True once per task key and process: the words of a task travel once, its key always."""
        if key in self._heads:
            return False
        self._heads[key] = None
        if len(self._heads) > _MAX_REMEMBERED:
            self._heads.popitem(last=False)
        return True

    def remember_response(self, response_id: str, tags: Mapping[str, Any], *, is_counted: bool) -> None:
        """Notes whose response this is and whether its usage has been counted, for the calls that fetch it later."""
        self._responses[response_id] = (tags, is_counted)
        self._responses.move_to_end(response_id)
        if len(self._responses) > _MAX_REMEMBERED:
            self._responses.popitem(last=False)

    def recall_response(self, response_id: str) -> tuple[Mapping[str, Any], bool] | None:
        """(tags, counted) of a response made or fetched by this process; None if it is not known here."""
        return self._responses.get(response_id)

    def drain(self) -> None:
        """Records the streams that were dropped unread since the last call."""
        while self.abandoned:
            try:
                pending = self.abandoned.popleft()
            except IndexError:
                return
            with Observe("abandoned"):
                pending.finish(stream_end="abandoned", end_ns=pending.last_byte_ns)

    def close(self) -> None:
        """Records every stream still open, as abandoned; calls of a parent process are left to the parent."""
        self.drain()
        for pending in list(self.open.values()):
            with Observe("close"):
                pending.finish(stream_end="abandoned", end_ns=pending.last_byte_ns)

    def seal(self) -> None:
        """Ends the segment, so that a merge may delete it; a call that ends later is still written."""
        if self._seal is not None:
            with Observe("seal"):
                self._seal()


class _State:
    """The recorder in force; None means that the hooks only pass through."""

    recorder: Recorder | None = None
    # Those of the last `init`, also once it is stopped, and when it was told to record nothing.
    settings: Settings | None = None


state: Final = _State()


class CallSpan(NamedTuple):
    """A call's span as it ended: identity, times in nanoseconds since the epoch, attributes by their OTel names."""

    name: str
    context: SpanContext
    parent: SpanContext | None
    started_ns: int
    ended_ns: int
    attributes: dict[str, Any]
    is_error: bool
    pid: int


class Attempt(NamedTuple):
    """One HTTP try of a call as it ended: identity, times in nanoseconds since the epoch, attributes by OTel names."""

    context: SpanContext
    parent: SpanContext
    started_ns: int
    ended_ns: int
    attributes: Mapping[str, Any]


_SAMPLED: Final = TraceFlags(TraceFlags.SAMPLED)


class Ids:
    """Span and trace ids from randomness of our own, reseeded in every fork.

    A program that seeds `random` would give two processes the same ids, and asking the system for each id is one
    more system call in every call, which costs its branch predictions too. The process id is mixed in for forks that
    Python is not told of.
    """

    def __init__(self) -> None:
        self._random = random.Random()
        os.register_at_fork(after_in_child=self._random.seed)

    def span(self, parent: SpanContext, pid: int) -> NonRecordingSpan:
        """A span's identity under `parent`, or one that begins a trace."""
        bits = self._random.getrandbits(192) ^ (pid * 0x9E3779B97F4A7C15)
        trace_id = parent.trace_id if parent.is_valid else (bits >> 64) or 1
        return NonRecordingSpan(SpanContext(trace_id, (bits & _MASK_64) or 1, False, _SAMPLED))


_MASK_64: Final = (1 << 64) - 1
ids: Final = Ids()
