"""Owns the row of each HTTP try, seen at the transport of the OpenAI client's own HTTP client.

Where the calls' spans go to a provider of the program, the tries are spans too (`attempt_spans.py`); without one nobody
would see them, and a few lines of our own watch a try: a tenth of the cost, and nothing to import. Never global.
"""

from __future__ import annotations

import functools
import os
import threading
import weakref
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

from opentelemetry.trace import SpanContext

from .guard import Observe
from .pending import UNSENT, Pending, current
from .recorder import Attempt, ids

# (client, httpx or httpx2, its transports, what they do without us, their method)
BySpans = Callable[[Any, str, list[Any], list[Callable[..., Any]], str], None]
MARK: Final = "_llmwatch_attempts"
# The instrumentation's own mark on a client.
INSTRUMENTED: Final = "_is_instrumented_by_opentelemetry"


class ClientInstrumentation:
    """Instruments each HTTP client once, at the first call made through it, whichever recorder is in force then."""

    def __init__(self) -> None:
        self._seen: weakref.WeakSet[Any] = weakref.WeakSet()
        self._renew_lock()
        if hasattr(os, "register_at_fork"):
            # Another thread may hold it at the moment of a fork.
            os.register_at_fork(after_in_child=self._renew_lock)

    def __call__(self, client: Any, by_spans: BySpans | None = None) -> None:
        """Watches `client`, by spans where given how; does nothing for one that is known or shares its transport."""
        if client in self._seen:
            return
        with self._lock:
            if client in self._seen:
                return
            # Known once it is done: a thread that shares its first call waits, so that no attempt goes unseen.
            with Observe("attempts"):
                self._instrument(client, by_spans)
            self._seen.add(client)

    def _renew_lock(self) -> None:
        self._lock = threading.Lock()

    def _instrument(self, client: Any, by_spans: BySpans | None) -> None:
        root = _library(type(client))
        # A client that the program has instrumented itself is left alone: its spans are the program's.
        if root is None or getattr(client, INSTRUMENTED, False):
            return
        # By the client: a transport may have the methods of both kinds.
        is_async = hasattr(client, "aclose")
        method = "handle_async_request" if is_async else "handle_request"
        transports = [t for t in (client._transport, *client._mounts.values()) if hasattr(t, method)]
        if any(getattr(t, MARK, False) for t in transports):
            return
        plain = [_plain(transport, method) for transport in transports]
        if by_spans is None:
            for transport, original in zip(transports, plain, strict=True):
                setattr(transport, method, (_watch_async if is_async else _watch)(original))
                setattr(transport, MARK, True)
            return
        by_spans(client, root, transports, plain, method)


@functools.cache
def client_instrumentation() -> ClientInstrumentation:
    """The one of this process: a client that one recorder instrumented serves the next one as well."""
    return ClientInstrumentation()


def note_attempt(
    call: Pending, context: SpanContext, parent: SpanContext, started: int, ended: int, attributes: dict[str, Any]
) -> None:
    """Counts a try and writes it, at once: a killed process keeps what its calls have cost it so far."""
    status = attributes.get("http.response.status_code")
    call.tries += 1
    # All may have reached a server but those that failed to connect, and those that were refused.
    call.sent_tries += status < 400 if isinstance(status, int) else attributes.get("error.type") not in UNSENT
    if call.recorder.write_attempt is not None:
        call.recorder.write_attempt(Attempt(context, parent, started, ended, attributes))


# --- without spans


def _watched() -> tuple[Pending, int] | None:
    """(the call that a try is one of, when it began); None where nobody asks."""
    call = current.get()
    if call is None or call.recorder.write_attempt is None:
        return None
    return call, call.recorder.wall()


def _ended(watched: tuple[Pending, int], request: Any, response: Any, error: BaseException | None) -> None:
    with Observe("attempt"):
        call, started = watched
        attributes: dict[str, Any] = {"http.request.method": request.method}
        if response is not None:
            attributes["http.response.status_code"] = response.status_code
            attributes |= said_by(response.headers)
        elif isinstance(error, Exception):
            attributes["error.type"] = type(error).__name__
        parent = call.span.get_span_context()
        context = ids.span(parent, call.pid).get_span_context()
        note_attempt(call, context, parent, started, call.recorder.wall(), attributes)


def _watch(plain: Callable[..., Any]) -> Callable[..., Any]:
    def handle_request(request: Any, *args: Any, **kwargs: Any) -> Any:
        watched = _watched()
        if watched is None:
            return plain(request, *args, **kwargs)
        try:
            response = plain(request, *args, **kwargs)
        except BaseException as error:
            _ended(watched, request, None, error)
            raise
        _ended(watched, request, response, None)
        return response

    return handle_request


def _watch_async(plain: Callable[..., Any]) -> Callable[..., Any]:
    async def handle_async_request(request: Any, *args: Any, **kwargs: Any) -> Any:
        watched = _watched()
        if watched is None:
            return await plain(request, *args, **kwargs)
        try:
            response = await plain(request, *args, **kwargs)
        except BaseException as error:
            _ended(watched, request, None, error)
            raise
        _ended(watched, request, response, None)
        return response

    return handle_async_request


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


def said_by(headers: Any) -> dict[str, Any]:
    """What a response says of its try."""
    found: dict[str, Any] = {}
    if request_id := headers.get("x-request-id") or headers.get("apim-request-id"):
        found["openai.request_id"] = request_id[:128]
    processing = headers.get("openai-processing-ms")
    if processing and processing.isdigit():
        found["openai.processing_ms"] = int(processing)
    if retry_after := headers.get("retry-after"):
        # A date is not told in seconds.
        with suppress(ValueError):
            found["llmwatch.retry_after"] = float(retry_after)
    return found
