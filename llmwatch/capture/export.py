"""Owns the way of a span to the disk: one record, one line, one write, before the call returns.

A span processor and an exporter of the standard OpenTelemetry shape, usable in any tracer provider. Only spans of our
own scope become calls, so that other instrumentations beside ours count nothing twice.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
from opentelemetry.sdk.trace import Span as SdkSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.trace import Span, SpanContext, format_span_id, format_trace_id

from ..call import RESOURCE_FIELDS, SCOPE_NAME, attempt_record, encode_record, record_from_span
from ..settings import Settings, load_settings
from ..spool import ATTEMPT, CALL, SpoolWriter
from .guard import Observe

_HTTP_SCOPE: Final = "opentelemetry.instrumentation.httpx"
# The instrumentation writes old or new names as the process has opted; both mean the same.
_HTTP_NAMES: Final[Mapping[str, str]] = {
    "http.status_code": "http.response.status_code",
    "http.method": "http.request.method",
    "net.peer.name": "server.address",
    "http.host": "server.address",
}


class SpoolRecorder:
    """Encodes spans and appends them to this process's spool segment."""

    def __init__(self, settings: Settings, clock: Callable[[], int] | None = None) -> None:
        self.spool = SpoolWriter(settings.spool_dir, settings.spool_max_mb << 20, clock or time.time_ns)
        self._resources: dict[int, tuple[Resource, dict[str, Any]]] = {}

    def _resource(self, resource: Resource | None) -> dict[str, Any]:
        """The resource's columns; the process id is that of the writer, whoever forked it."""
        if resource is None:
            return {"process_pid": os.getpid()}
        known = self._resources.get(id(resource))
        if known is None or known[0] is not resource or known[1]["process_pid"] != os.getpid():
            attributes = resource.attributes
            columns = {f.column: attributes[f.attribute] for f in RESOURCE_FIELDS if f.attribute in attributes}
            columns["process_pid"] = os.getpid()
            known = self._resources[id(resource)] = (resource, columns)
        return known[1]

    def write_call(
        self,
        context: SpanContext,
        parent: SpanContext | None,
        times: tuple[int, int],
        resource: Resource | None,
        attributes: Mapping[str, Any],
    ) -> bool:
        """Writes one call; True means that no crash of this process can lose it."""
        record = record_from_span(_identity(context, parent, times), self._resource(resource), attributes)
        return self.spool.append(CALL, encode_record(record))

    def write_attempt(
        self, context: SpanContext, parent: SpanContext, times: tuple[int, int], span: ReadableSpan
    ) -> bool:
        """Writes one HTTP try of a call."""
        attributes = {_HTTP_NAMES.get(k, k): v for k, v in (span.attributes or {}).items()}
        record = attempt_record(_identity(context, parent, times), attributes)
        if "http_status_code" not in record and "error_type" not in record:
            record["error_type"] = _exception_type(span)
        return self.spool.append(ATTEMPT, encode_record(record))


def _identity(context: SpanContext, parent: SpanContext | None, times: tuple[int, int]) -> dict[str, Any]:
    return {
        "trace_id": format_trace_id(context.trace_id),
        "span_id": format_span_id(context.span_id),
        "parent_span_id": format_span_id(parent.span_id) if parent is not None else None,
        "started_us": times[0] // 1000,
        "ended_us": max(times) // 1000,
    }


def _exception_type(span: ReadableSpan) -> str | None:
    for event in span.events:
        kind = (event.attributes or {}).get("exception.type")
        if kind:
            return str(kind).rpartition(".")[2]
    return None


class SpoolSpanProcessor(SpanProcessor):
    """Writes every llmwatch span that ends, and the HTTP tries under it; add it to any tracer provider."""

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        recorder: SpoolRecorder | None = None,
        clock: Callable[[], int] | None = None,
    ) -> None:
        self._recorder = recorder or SpoolRecorder(settings or load_settings(), clock)
        # HTTP spans take their times from the system; with a clock of our own they must agree with their call.
        self._clock = clock
        self._started: dict[int, int] = {}
        self._calls: set[int] = set()

    def on_start(self, span: SdkSpan, parent_context: Context | None = None) -> None:
        """Notes which spans are calls, so that only tries under a call are written."""
        with Observe("span start"):
            scope = span.instrumentation_scope
            context = span.get_span_context()
            if scope is None:
                return
            if scope.name == SCOPE_NAME:
                self._calls.add(context.span_id)
            elif self._clock is not None and scope.name == _HTTP_SCOPE:
                self._started[context.span_id] = self._clock()

    def on_end(self, span: ReadableSpan) -> None:
        """Writes the span if it is ours. Synchronous on purpose: what is queued is what a killed process loses."""
        with Observe("span end"):
            scope, context = span.instrumentation_scope, span.context
            if scope is None or context is None:
                return
            if scope.name == SCOPE_NAME:
                self._calls.discard(context.span_id)
                times = (span.start_time or 0, span.end_time or 0)
                self._recorder.write_call(context, span.parent, times, span.resource, span.attributes or {})
            elif scope.name == _HTTP_SCOPE and span.parent is not None and span.parent.span_id in self._calls:
                started = self._started.pop(context.span_id, span.start_time or 0)
                ended = self._clock() if self._clock is not None else span.end_time or 0
                self._recorder.write_attempt(context, span.parent, (started, ended), span)

    def shutdown(self) -> None:
        """Seals the segment; nothing is lost without it."""
        with Observe("shutdown"):
            self._recorder.spool.close()

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """True at once: what has ended is written."""
        return True


class SpoolSpanExporter(SpanExporter):
    """The same as an exporter, for a provider whose processors are given; a batching one may lose its queue."""

    def __init__(self, settings: Settings | None = None) -> None:
        self._recorder = SpoolRecorder(settings or load_settings())

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Writes the calls among `spans`."""
        is_written = True
        with Observe("export"):
            for span in spans:
                scope, context = span.instrumentation_scope, span.context
                if scope is not None and context is not None and scope.name == SCOPE_NAME:
                    times = (span.start_time or 0, span.end_time or 0)
                    is_written &= self._recorder.write_call(
                        context, span.parent, times, span.resource, span.attributes or {}
                    )
        return SpanExportResult.SUCCESS if is_written else SpanExportResult.FAILURE

    def shutdown(self) -> None:
        """Seals the segment; nothing is lost without it."""
        self._recorder.spool.close()

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """True at once: what was exported is written."""
        return True


class DirectWriter:
    """Writes calls whose spans belong to somebody else's provider, whatever its sampler decided."""

    def __init__(self, recorder: SpoolRecorder, resource: Resource) -> None:
        self._recorder = recorder
        self._resource = resource

    def __call__(self, span: Span, started_ns: int, ended_ns: int, attributes: Mapping[str, Any]) -> None:
        """Writes one call under the identity of its span."""
        parent = getattr(span, "parent", None)
        self._recorder.write_call(span.get_span_context(), parent, (started_ns, ended_ns), self._resource, attributes)
