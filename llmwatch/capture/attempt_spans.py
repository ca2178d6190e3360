"""Owns the span of each HTTP try, made by opentelemetry-instrumentation-httpx, for programs that take our spans.

Nothing that instrumentation adds reaches OpenAI: it injects trace context and baggage, a user's e-mail address say,
and the headers are put back as they were below it. Loaded where a tracer provider is given alone.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Mapping
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

from .attempts import INSTRUMENTED, MARK, note_attempt, said_by
from .guard import Observe
from .pending import Pending, current

# The instrumentation writes old or new names as the process has opted; both mean the same.
_HTTP_NAMES: Final[Mapping[str, str]] = {
    "http.status_code": "http.response.status_code",
    "http.method": "http.request.method",
    "net.peer.name": "server.address",
    "http.host": "server.address",
}
_inside: ContextVar[_Inside | None] = ContextVar("llmwatch_attempt", default=None)


def instrument(client: Any, root: str, transports: list[Any], plain: list[Callable[..., Any]], method: str) -> None:
    """The client's transports with the instrumentation above them; nothing where the library has none."""
    instrumentor = _instrumentors().get(root)
    if instrumentor is None:
        return
    is_async = method == "handle_async_request"
    for transport, original in zip(transports, plain, strict=True):
        setattr(transport, method, (_restore_async if is_async else _restore)(original))
    hook = _note_response_async if is_async else _note_response
    instrumentor.instrument_client(
        client, tracer_provider=_provider(), meter_provider=NoOpMeterProvider(), response_hook=hook
    )
    for transport, original in zip(transports, plain, strict=True):
        instrumented = getattr(transport, method)
        setattr(transport, method, (_remember_async if is_async else _remember)(original, instrumented))
        setattr(transport, MARK, True)
    # The program may still want to instrument the client for itself.
    setattr(client, INSTRUMENTED, False)


class _ForkSafeProvider(TracerProvider):
    """The SDK asks its resource detectors anew in every forked child, in threads of a pool.

    Where `concurrent.futures.thread` was imported after the provider was made, the child waits for ever for a lock that
    the fork itself holds. Our tries carry no resource.
    """

    def _handle_fork(self) -> None:
        self._tracers_lock = threading.Lock()


@functools.cache
def _provider() -> TracerProvider:
    # Explicit limits: OTEL_* variables of the program must not cut a record.
    provider = _ForkSafeProvider(
        sampler=ALWAYS_ON, resource=Resource({}), shutdown_on_exit=False, span_limits=_unlimited()
    )
    provider.add_span_processor(AttemptProcessor())
    return provider


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
            started, ended = span.start_time or 0, span.end_time or 0
            if call.recorder.clock is not None and span.context is not None:
                started, ended = self._started.pop(span.context.span_id, started), call.recorder.clock()
            if span.context is None or span.parent is None:
                return
            attributes = {_HTTP_NAMES.get(name, name): value for name, value in (span.attributes or {}).items()}
            if not {"http.response.status_code", "error.type"} & attributes.keys():
                attributes["error.type"] = _exception_type(span)
            note_attempt(call, span.context, span.parent, started, ended, attributes)


def _exception_type(span: ReadableSpan) -> str | None:
    kinds = (str((event.attributes or {}).get("exception.type") or "").rpartition(".")[2] for event in span.events)
    return next((kind for kind in kinds if kind), None)


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
        if response.headers is not None:
            span.set_attributes(said_by(response.headers))
    del request


async def _note_response_async(span: Span, request: Any, response: Any) -> None:
    _note_response(span, request, response)
