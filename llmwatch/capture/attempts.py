"""Owns the span of each HTTP try, made by opentelemetry-instrumentation-httpx on the OpenAI client's own HTTP client.

Nothing that instrumentation adds reaches OpenAI: it injects trace context and baggage, a user's e-mail address say,
and the headers are put back as they were below it. Never instruments HTTP globally.
"""

from __future__ import annotations

import functools
import os
import threading
import weakref
from collections.abc import Callable
from contextlib import suppress
from contextvars import ContextVar
from typing import Any, Final

from opentelemetry import context as context_api
from opentelemetry.context import Context
from opentelemetry.metrics import NoOpMeterProvider
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanLimits, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace import Span as SdkSpan
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import Span, set_span_in_context

from .guard import Observe
from .pending import UNSENT, Pending, current

_MARK: Final = "_llmwatch_attempts"
# The instrumentation's own mark on a client.
_INSTRUMENTED: Final = "_is_instrumented_by_opentelemetry"
_inside: ContextVar[_Inside | None] = ContextVar("llmwatch_attempt", default=None)


class ClientInstrumentation:
    """Instruments each HTTP client once, at the first call made through it, whichever recorder is in force then."""

    def __init__(self) -> None:
        # Explicit limits: OTEL_* variables of the program must not cut a record.
        self._tracer_provider = _ForkSafeProvider(
            sampler=ALWAYS_ON, resource=Resource({}), shutdown_on_exit=False, span_limits=_unlimited()
        )
        self._tracer_provider.add_span_processor(AttemptProcessor())
        self._seen: weakref.WeakSet[Any] = weakref.WeakSet()
        self._renew_lock()
        if hasattr(os, "register_at_fork"):
            # Another thread may hold it at the moment of a fork.
            os.register_at_fork(after_in_child=self._renew_lock)
        self._instrumentors = _instrumentors()

    def __call__(self, client: Any) -> None:
        """Instruments `client`; does nothing for one that is known or shares its transport with one."""
        if client in self._seen:
            return
        with self._lock:
            if client in self._seen:
                return
            # Known once it is done: a thread that shares its first call waits, so that no attempt goes unseen.
            with Observe("attempts"):
                self._instrument(client)
            self._seen.add(client)

    def _renew_lock(self) -> None:
        self._lock = threading.Lock()

    def _instrument(self, client: Any) -> None:
        root = _library(type(client))
        instrumentor = self._instrumentors.get(root) if root else None
        # A client that the program has instrumented itself is left alone: its spans are the program's.
        if instrumentor is None or getattr(client, _INSTRUMENTED, False):
            return
        # By the client: a transport may have the methods of both kinds.
        is_async = hasattr(client, "aclose")
        method = "handle_async_request" if is_async else "handle_request"
        transports = [t for t in (client._transport, *client._mounts.values()) if hasattr(t, method)]
        if any(getattr(t, _MARK, False) for t in transports):
            return
        plain = [_plain(transport, method) for transport in transports]
        for transport, original in zip(transports, plain, strict=True):
            setattr(transport, method, (_restore_async if is_async else _restore)(original))
        hook = _note_response_async if is_async else _note_response
        instrumentor.instrument_client(
            client, tracer_provider=self._tracer_provider, meter_provider=NoOpMeterProvider(), response_hook=hook
        )
        for transport, original in zip(transports, plain, strict=True):
            instrumented = getattr(transport, method)
            setattr(transport, method, (_remember_async if is_async else _remember)(original, instrumented))
            setattr(transport, _MARK, True)
        # The program may still want to instrument the client for itself.
        setattr(client, _INSTRUMENTED, False)


class _ForkSafeProvider(TracerProvider):
    """The SDK asks its resource detectors anew in every forked child, in threads of a pool.

    Where `concurrent.futures.thread` was imported after the provider was made, the child waits for ever for a lock that
    the fork itself holds. Our tries carry no resource.
    """

    def _handle_fork(self) -> None:
        self._tracers_lock = threading.Lock()


@functools.cache
def client_instrumentation() -> ClientInstrumentation:
    """The one of this process: a client that one recorder instrumented serves the next one as well."""
    return ClientInstrumentation()


def _unlimited() -> SpanLimits:
    unset = SpanLimits.UNSET
    return SpanLimits(
        max_attributes=unset,
        max_span_attributes=unset,
        max_attribute_length=unset,
        max_span_attribute_length=unset,
    )


class AttemptProcessor(SpanProcessor):
    """Hands each HTTP try to the recorder of the call that it is a try of."""

    def __init__(self) -> None:
        # HTTP spans take their times from the system; with a clock of our own they must agree with their call.
        self._started: dict[int, int] = {}

    def on_start(self, span: SdkSpan, parent_context: Context | None = None) -> None:
        """Notes the time by the recorder's own clock, if it has one."""
        call = current.get()
        if call is not None and call.recorder.clock is not None:
            with Observe("attempt start"):
                self._started[span.get_span_context().span_id] = call.recorder.clock()

    def on_end(self, span: ReadableSpan) -> None:
        """Writes the try."""
        with Observe("attempt end"):
            call = current.get()
            if call is None or call.recorder.write_attempt is None:
                return
            call.tries += 1
            call.sent_tries += _may_be_answered(span)
            started, ended = span.start_time or 0, span.end_time or 0
            if call.recorder.clock is not None and span.context is not None:
                started, ended = self._started.pop(span.context.span_id, started), call.recorder.clock()
            call.recorder.write_attempt(span, started, ended)


def _may_be_answered(span: ReadableSpan) -> bool:
    """Whether the try may have reached a server: all but those that failed to connect, and those that were refused."""
    status = (span.attributes or {}).get("http.response.status_code", (span.attributes or {}).get("http.status_code"))
    if isinstance(status, int):
        return status < 400
    kinds = {str((event.attributes or {}).get("exception.type")).rpartition(".")[2] for event in span.events}
    return not kinds & UNSENT


def _instrumentors() -> dict[str, Any]:
    """httpx and httpx2 -> instrumentor class, as far as the installed version knows them.

    Imported at the first call: it loads httpx beside httpx2, 40 ms that would be most of what `init` takes.
    """
    try:
        from opentelemetry.instrumentation import httpx as package
    except Exception:
        return {}
    found = {"httpx": "HTTPXClientInstrumentor", "httpx2": "HTTPX2ClientInstrumentor"}
    return {root: kind for root, name in found.items() if (kind := getattr(package, name, None)) is not None}


def _library(kind: type) -> str | None:
    """httpx or httpx2, by the class the client descends from: a program may have subclassed it."""
    for base in kind.__mro__:
        root = base.__module__.partition(".")[0]
        if root in ("httpx", "httpx2"):
            return root
    return None


def _plain(transport: Any, method: str) -> Callable[..., Any]:
    """What the transport does without us, looked up at each request: the program may patch its class later."""
    if method in vars(transport):
        return getattr(transport, method)

    def handle(*args: Any, **kwargs: Any) -> Any:
        return getattr(type(transport), method)(transport, *args, **kwargs)

    return handle


class _Inside:
    """While a try runs, the call is current for the instrumentation above the transport, and for nothing else."""

    __slots__ = ("_attached", "_noted", "_token", "headers", "program", "request")

    def __init__(self, call: Pending, request: Any) -> None:
        self.request = request
        self.headers = request.headers
        self.program = context_api.get_current()
        self._noted = _inside.set(self)
        self._attached = set_span_in_context(call.span, self.program)
        self._token = context_api.attach(self._attached)

    def leave(self) -> None:
        """Back to the program's context; a coroutine closed from another one has none to go back to."""
        if context_api.get_current() is self._attached:
            context_api.detach(self._token)
        with suppress(ValueError):
            _inside.reset(self._noted)


def _enter(request: Any) -> _Inside | None:
    call = current.get()
    if call is None or call.recorder.write_attempt is None:
        return None
    inside: _Inside | None = None
    with Observe("attempt"):
        inside = _Inside(call, request)
    return inside


def _remember(plain: Callable[..., Any], instrumented: Callable[..., Any]) -> Callable[..., Any]:
    def handle_request(request: Any, *args: Any, **kwargs: Any) -> Any:
        inside = _enter(request)
        if inside is None:
            return plain(request, *args, **kwargs)
        try:
            return instrumented(request, *args, **kwargs)
        finally:
            inside.leave()

    return handle_request


def _remember_async(plain: Callable[..., Any], instrumented: Callable[..., Any]) -> Callable[..., Any]:
    async def handle_async_request(request: Any, *args: Any, **kwargs: Any) -> Any:
        inside = _enter(request)
        if inside is None:
            return await plain(request, *args, **kwargs)
        try:
            return await instrumented(request, *args, **kwargs)
        finally:
            inside.leave()

    return handle_async_request


class _Outside:
    """Below the instrumentation the request has its own headers again, and the program its own context."""

    __slots__ = ("_program", "_token")

    def __init__(self, request: Any) -> None:
        self._token = None
        inside = _inside.get()
        if inside is not None and inside.request is request:
            if request.headers is not inside.headers:
                request.headers = inside.headers
            self._program = inside.program
            self._token = context_api.attach(inside.program)

    def leave(self) -> None:
        """Back above the transport."""
        if self._token is not None and context_api.get_current() is self._program:
            context_api.detach(self._token)


def _restore(plain: Callable[..., Any]) -> Callable[..., Any]:
    def handle_request(request: Any, *args: Any, **kwargs: Any) -> Any:
        outside = _Outside(request)
        try:
            return plain(request, *args, **kwargs)
        finally:
            outside.leave()

    return handle_request


def _restore_async(plain: Callable[..., Any]) -> Callable[..., Any]:
    async def handle_async_request(request: Any, *args: Any, **kwargs: Any) -> Any:
        outside = _Outside(request)
        try:
            return await plain(request, *args, **kwargs)
        finally:
            outside.leave()

    return handle_async_request


def _note_response(span: Span, request: Any, response: Any) -> None:
    with Observe("attempt"):
        headers = response.headers
        if headers is None:
            return
        request_id = headers.get("x-request-id") or headers.get("apim-request-id")
        if request_id:
            span.set_attribute("openai.request_id", request_id[:128])
        processing = headers.get("openai-processing-ms")
        if processing and processing.isdigit():
            span.set_attribute("openai.processing_ms", int(processing))
        retry_after = headers.get("retry-after")
        if retry_after:
            span.set_attribute("llmwatch.retry_after", float(retry_after))
    del request


async def _note_response_async(span: Span, request: Any, response: Any) -> None:
    _note_response(span, request, response)
