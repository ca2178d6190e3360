"""Owns the way of a call and of a try to the disk: one record, one line, one write, before the call returns."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from opentelemetry.trace import SpanContext

from ..call import RESOURCE_FIELDS, attempt_record, encode_record, record_from_span
from ..settings import Settings
from ..spool import ATTEMPT, CALL, SpoolWriter
from .recorder import Attempt, CallSpan


class SpoolRecorder:
    """Encodes spans and appends them to this process's spool segment."""

    def __init__(self, settings: Settings, clock: Callable[[], int] | None = None) -> None:
        self.spool = SpoolWriter(settings.spool_dir, settings.spool_max_mb << 20, clock or time.time_ns)
        self._resources: dict[int, tuple[Mapping[str, Any], dict[str, Any]]] = {}

    def _resource(self, resource: Mapping[str, Any] | None, pid: int) -> dict[str, Any]:
        """The resource's columns; the process id is that of the caller, whoever forked it."""
        if resource is None:
            return {"process_pid": pid}
        known = self._resources.get(id(resource))
        if known is None or known[0] is not resource or known[1]["process_pid"] != pid:
            columns = {f.column: resource[f.attribute] for f in RESOURCE_FIELDS if f.attribute in resource}
            columns["process_pid"] = pid
            known = self._resources[id(resource)] = (resource, columns)
        return known[1]

    def write_span(self, span: CallSpan, resource: Mapping[str, Any] | None) -> bool:
        """Writes one call, of a process with these resource attributes; True means that no crash can lose it."""
        identity = _identity(span.context, span.parent, span.started_ns, span.ended_ns)
        record = record_from_span(identity, self._resource(resource, span.pid), span.attributes)
        return self.spool.append(CALL, encode_record(record))

    def write_attempt(self, attempt: Attempt) -> bool:
        """Writes one HTTP try of a call."""
        identity = _identity(attempt.context, attempt.parent, attempt.started_ns, attempt.ended_ns)
        return self.spool.append(ATTEMPT, encode_record(attempt_record(identity, attempt.attributes)))


def _identity(context: SpanContext, parent: SpanContext | None, started_ns: int, ended_ns: int) -> dict[str, Any]:
    return {
        "trace_id": f"{context.trace_id:032x}",
        "span_id": f"{context.span_id:016x}",
        "parent_span_id": f"{parent.span_id:016x}" if parent is not None else None,
        "started_us": started_ns // 1000,
        # A clock set back during a call must not make it end before it began.
        "ended_us": max(started_ns, ended_ns) // 1000,
    }
