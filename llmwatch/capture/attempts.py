"""Owns the span of each HTTP try, made by opentelemetry-instrumentation-httpx on the OpenAI client's own HTTP client.

Nothing that instrumentation adds reaches OpenAI: it injects trace context and baggage, a user's e-mail address say,
and the headers are put back as they were below it. Never instruments HTTP globally.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable
from contextvars import ContextVar
from functools import cache
from typing import Any, Final

from opentelemetry.metrics import NoOpMeterProvider
from opentelemetry.trace import Span, TracerProvider

from .guard import Observe

# The request and its headers as they were above the instrumentation.
_untouched: ContextVar[tuple[Any, Any] | None] = ContextVar("llmwatch_untouched", default=None)
_MARK: Final = "_llmwatch_attempts"


class ClientInstrumentation:
    """Instruments each HTTP client once, at the first call made through it."""

    def __init__(self, tracer_provider: TracerProvider) -> None:
        self._tracer_provider = tracer_provider
        self._seen: weakref.WeakSet[Any] = weakref.WeakSet()
        self._lock = threading.Lock()

    def __call__(self, client: Any) -> None:
        """Instruments `client`; does nothing for one that is known, shared, or instrumented by the program itself."""
        if client in self._seen:
            return
        with self._lock:
            if client in self._seen:
                return
            self._seen.add(client)
        with Observe("attempts"):
            self._instrument(client)

    def _instrument(self, client: Any) -> None:
        root = _library(type(client))
        instrumentor = _instrumentors().get(root) if root else None
        if instrumentor is None or getattr(client, "_is_instrumented_by_opentelemetry", False):
            return
        # A program that instruments HTTP globally has its spans already; ours would double them.
        if instrumentor().is_instrumented_by_opentelemetry:
            return
        is_async = hasattr(client._transport, "handle_async_request")
        method = "handle_async_request" if is_async else "handle_request"
        transports = [t for t in (client._transport, *client._mounts.values()) if hasattr(t, method)]
        if any(getattr(t, _MARK, False) for t in transports):
            return
        for transport in transports:
            _wrap(transport, method, _restore_async if is_async else _restore)
        hook = _note_response_async if is_async else _note_response
        instrumentor.instrument_client(
            client, tracer_provider=self._tracer_provider, meter_provider=NoOpMeterProvider(), response_hook=hook
        )
        for transport in transports:
            _wrap(transport, method, _remember_async if is_async else _remember)
            setattr(transport, _MARK, True)


@cache
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


def _wrap(transport: Any, method: str, wrap: Callable[[Callable[..., Any]], Callable[..., Any]]) -> None:
    setattr(transport, method, wrap(getattr(transport, method)))


def _remember(original: Callable[..., Any]) -> Callable[..., Any]:
    def handle_request(request: Any, *args: Any, **kwargs: Any) -> Any:
        token = _untouched.set((request, request.headers))
        try:
            return original(request, *args, **kwargs)
        finally:
            _untouched.reset(token)

    return handle_request


def _remember_async(original: Callable[..., Any]) -> Callable[..., Any]:
    async def handle_async_request(request: Any, *args: Any, **kwargs: Any) -> Any:
        before = _untouched.get()
        _untouched.set((request, request.headers))
        try:
            return await original(request, *args, **kwargs)
        finally:
            _untouched.set(before)

    return handle_async_request


def _put_back(request: Any) -> None:
    noted = _untouched.get()
    if noted is not None and noted[0] is request and request.headers is not noted[1]:
        request.headers = noted[1]


def _restore(original: Callable[..., Any]) -> Callable[..., Any]:
    def handle_request(request: Any, *args: Any, **kwargs: Any) -> Any:
        _put_back(request)
        return original(request, *args, **kwargs)

    return handle_request


def _restore_async(original: Callable[..., Any]) -> Callable[..., Any]:
    async def handle_async_request(request: Any, *args: Any, **kwargs: Any) -> Any:
        _put_back(request)
        return await original(request, *args, **kwargs)

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
