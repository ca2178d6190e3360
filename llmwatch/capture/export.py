"""Owns a span processor and an exporter of the standard OpenTelemetry shape, usable in any tracer provider.

Only spans of our own scope become calls, so that other instrumentations beside ours count nothing twice. Loaded where a
program asks for one of the two.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.trace import StatusCode

from ..call import ATTRIBUTE_TO_COLUMN, SCOPE_NAME
from ..settings import Settings, load_settings
from .disk import SpoolRecorder
from .guard import Observe
from .outgoing import WORDS
from .recorder import CallSpan, state
from .redact import Redactor
from .tags import is_content_refused


def call_span(span: ReadableSpan) -> CallSpan | None:
    """A finished span of the SDK as a call's span; None for one without identity."""
    if span.context is None:
        return None
    attributes = dict(span.attributes or {})
    is_error = span.status.status_code is StatusCode.ERROR
    # A span of another instrumentation says neither; what it reports is what its API answered.
    attributes.setdefault("llmwatch.status", "error" if is_error else "ok")
    has_usage = "gen_ai.usage.input_tokens" in attributes or "gen_ai.usage.output_tokens" in attributes
    attributes.setdefault("llmwatch.usage.source", "response" if has_usage else "absent")
    return CallSpan(
        span.name,
        span.context,
        span.parent,
        span.start_time or 0,
        span.end_time or 0,
        attributes,
        is_error,
        os.getpid(),
    )


def _attributes(span: ReadableSpan) -> Mapping[str, Any] | None:
    return None if span.resource is None else span.resource.attributes  # pyright: ignore[reportUnnecessaryComparison]


class _SpoolSpans:
    """What processor and exporter share: which spans are calls, and where they go."""

    def __init__(self, settings: Settings | None, scopes: Collection[str]) -> None:
        settings = settings or load_settings()
        self._recorder = SpoolRecorder(settings)
        self._mode = settings.content
        self._redactor = Redactor(settings.redact)
        self._scopes = frozenset(scopes)

    def write(self, span: ReadableSpan) -> bool:
        scope = span.instrumentation_scope
        if scope is None or scope.name not in self._scopes:
            return True
        # `init` writes its calls itself, sampled or not; here they would be written twice.
        if scope.name == SCOPE_NAME and state.recorder is not None:
            return True
        call = call_span(span)
        if call is not None and self._mode != "full":
            # What another instrumentation put on its span was never asked whether it may be kept.
            call = call._replace(attributes=self._kept(call.attributes))
        return call is None or self._recorder.write_span(call, _attributes(span))

    def _kept(self, attributes: Mapping[str, Any]) -> dict[str, Any]:
        """The attributes as the mode allows; in `metadata` of those without a field of ours only numbers."""
        if self._mode == "metadata" or is_content_refused():
            return {
                name: value
                for name, value in attributes.items()
                if name not in WORDS and (name in ATTRIBUTE_TO_COLUMN or isinstance(value, int | float))
            }
        kept: dict[str, Any] = {}
        for name, value in attributes.items():
            # Identities stay; what is free text or unknown is searched. What fails the search is left out.
            free = name in WORDS or name not in ATTRIBUTE_TO_COLUMN
            found = self._redactor.value(value)[0] if free else value
            if found is not None:
                kept[name] = found
        return kept

    def close(self) -> None:
        self._recorder.spool.close()


class SpoolSpanProcessor(SpanProcessor):
    """Writes the calls among the spans of any tracer provider, each as it ends.

    `scopes` are the instrumentation scopes whose spans are calls: ours, and those of other GenAI instrumentations
    you name. Synchronous on purpose: what is queued is what a killed process loses.
    """

    def __init__(self, settings: Settings | None = None, *, scopes: Collection[str] = (SCOPE_NAME,)) -> None:
        self._spans = _SpoolSpans(settings, scopes)

    def on_end(self, span: ReadableSpan) -> None:
        """Writes the span if it is a call."""
        with Observe("span end"):
            self._spans.write(span)

    def shutdown(self) -> None:
        """Seals the segment; nothing is lost without it."""
        with Observe("shutdown"):
            self._spans.close()

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """True at once: what has ended is written."""
        return True


class SpoolSpanExporter(SpanExporter):
    """The same as an exporter; behind a batching processor the spans of its queue are lost with the process."""

    def __init__(self, settings: Settings | None = None, *, scopes: Collection[str] = (SCOPE_NAME,)) -> None:
        self._spans = _SpoolSpans(settings, scopes)

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Writes the calls among `spans`."""
        is_written = False
        with Observe("export"):
            is_written = all([self._spans.write(span) for span in spans])
        return SpanExportResult.SUCCESS if is_written else SpanExportResult.FAILURE

    def shutdown(self) -> None:
        """Seals the segment; nothing is lost without it."""
        self._spans.close()

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """True at once: what was exported is written."""
        return True
