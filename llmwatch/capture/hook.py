"""Owns the hooks in the OpenAI SDK: the two methods that every request of every endpoint passes through.

`request` is one logical call, retries inside; `_process_response` sees its final HTTP response before anything is
parsed. Both exist unchanged from openai 1.x to 3.x. The SDK's call stands alone between what we do before and after.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import Any, Final

from opentelemetry import context as context_api
from opentelemetry.trace import set_span_in_context

from .attempts import BySpans, client_instrumentation
from .guard import Observe
from .pending import Pending, begin, current, read_headers
from .recorder import Recorder, state
from .sse import StreamFold
from .stream import tee

_MARK: Final = "_llmwatch_hook"
_CLASSES: Final = ("SyncAPIClient", "AsyncAPIClient")


def install(module: Any) -> None:
    """Hooks `openai._base_client`; a second call changes nothing, a missing method leaves its hook out."""
    for name in _CLASSES:
        kind = getattr(module, name, None)
        if kind is None:
            continue
        is_async = name.startswith("Async")
        _patch(kind, "request", _async_request if is_async else _sync_request)
        _patch(kind, "_process_response", functools.partial(_process_response, is_async=is_async))


def uninstall(module: Any) -> None:
    """Takes the hooks off again; bound methods taken before keep passing through."""
    for name in _CLASSES:
        kind = getattr(module, name, None)
        for method in ("request", "_process_response"):
            hook = getattr(kind, method, None)
            if getattr(hook, _MARK, False):
                setattr(kind, method, hook.__wrapped__)  # pyright: ignore[reportOptionalMemberAccess]


def _patch(kind: type, method: str, wrap: Callable[[Callable[..., Any]], Callable[..., Any]]) -> None:
    original = kind.__dict__.get(method)
    if original is None or getattr(original, _MARK, False):
        return
    hook = wrap(original)
    setattr(hook, _MARK, True)
    setattr(kind, method, hook)


class _Running:
    """A call while its `request()` runs: known to the response hook and to the tries."""

    __slots__ = ("_context", "_token", "pending")

    def __init__(self, pending: Pending) -> None:
        self.pending = pending
        self._token = current.set(pending)
        # A span of the program's own provider is its parent for what happens inside. Of ours the program sees nothing.
        is_shown = pending.recorder.tracer is not None
        self._context = context_api.attach(set_span_in_context(pending.span)) if is_shown else None

    def leave(self) -> None:
        """Back to the context before; a coroutine closed from another context has none to go back to."""
        try:
            current.reset(self._token)
        except ValueError:
            return
        if self._context is not None:
            context_api.detach(self._context)

    def fail(self, error: BaseException) -> None:
        """The call raised; the exception goes on to the program as it is."""
        with Observe("failed call"):
            self.leave()
            self.pending.find_site(sys._getframe(1))  # pyright: ignore[reportPrivateUsage]
            self.pending.finish(error=error)

    def returned(self) -> None:
        """The call returned: a whole answer is over, an open one ends with its bytes."""
        with Observe("finished call"):
            self.leave()
            pending = self.pending
            pending.find_site(sys._getframe(1))  # pyright: ignore[reportPrivateUsage]
            if pending.is_open and not pending.is_finished:
                pending.recorder.open[id(pending)] = pending
                pending.read_request()
            else:
                pending.finish()


def _start(client: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> _Running | None:
    recorder = state.recorder
    if recorder is None:
        return None
    running: _Running | None = None
    with Observe("started call"):
        options = kwargs["options"] if "options" in kwargs else args[1]
        pending = begin(recorder, client, options, sys._getframe(2))  # pyright: ignore[reportPrivateUsage]
        # Each apart: an option that fails must not cost the call.
        if recorder.settings.stream_usage == "ask":
            with Observe("usage asked"):
                _ask_for_usage(pending, options)
        if recorder.write_attempt is not None:
            with Observe("attempts"):
                client_instrumentation()(client._client, _by_spans(recorder))
        running = _Running(pending)
    return running


def _by_spans(recorder: Recorder) -> BySpans | None:
    """How tries become spans, where the program takes ours: loads the SDK of OpenTelemetry and the instrumentation."""
    if recorder.tracer is None:
        return None
    from .attempt_spans import instrument

    return instrument


def _sync_request(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def request(self: Any, *args: Any, **kwargs: Any) -> Any:
        running = _start(self, args, kwargs)
        if running is None:
            return original(self, *args, **kwargs)
        try:
            result = original(self, *args, **kwargs)
        except BaseException as error:
            running.fail(error)
            raise
        running.returned()
        return result

    return request


def _async_request(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    async def request(self: Any, *args: Any, **kwargs: Any) -> Any:
        running = _start(self, args, kwargs)
        if running is None:
            return await original(self, *args, **kwargs)
        try:
            result = await original(self, *args, **kwargs)
        except BaseException as error:
            running.fail(error)
            raise
        running.returned()
        return result

    return request


def _process_response(original: Callable[..., Any], *, is_async: bool) -> Callable[..., Any]:
    @functools.wraps(original)
    def process_response(self: Any, *args: Any, **kwargs: Any) -> Any:
        pending = current.get()
        if pending is not None:
            with Observe("response"):
                _note_response(pending, kwargs, is_async=is_async)
        # Async originals return their coroutine, which the SDK awaits as before.
        return original(self, *args, **kwargs)

    return process_response


def _note_response(pending: Pending, kwargs: dict[str, Any], *, is_async: bool) -> None:
    response = kwargs["response"]
    fields = pending.fields
    fields["http_status_code"] = response.status_code
    retries = kwargs.get("retries_taken")
    if isinstance(retries, int):
        fields["retries"] = retries
    read_headers(response.headers, fields)
    is_stream = bool(kwargs.get("stream"))
    if is_stream:
        fields["is_stream"] = True
        # Headers were sent before anything was generated: a cost in them is not the cost of this answer.
        fields.pop("stated_cost_usd", None)
        fields.pop("stated_cost_source", None)
    if hasattr(response.request, "_content"):
        pending.request_content = response.request.content
    if hasattr(response, "_content"):
        pending.content = response.content
        if is_stream or (pending.endpoint.family == "speech" and _is_events(response.headers)):
            # A cache or a test's transport hands over a stream that is read already, and the SDK reads speech whole.
            pending.fold = StreamFold(pending.endpoint.family)
            pending.fold.feed(response.content)
    else:
        tee(response, pending, is_stream=is_stream, is_async=is_async)


def _is_events(headers: Any) -> bool:
    return headers.get("content-type", "").startswith("text/event-stream")


# Hosts that are known to take the option; a strict compatible server would refuse the request.
# Azure is not among them: its older API versions do not know it.
_USAGE_HOSTS: Final = ("api.openai.com", ".api.openai.com")


def _ask_for_usage(pending: Pending, options: Any) -> None:
    """Adds `stream_options.include_usage` to a chat stream that lacks it; the tee hides what comes of it."""
    body = options.json_data
    host = pending.fields["server_address"] or ""
    if pending.endpoint.family != "chat" or not isinstance(body, dict) or body.get("stream") is not True:
        return
    asked = body.get("stream_options") or {}
    if not isinstance(asked, dict) or asked.get("include_usage") or not host.endswith(_USAGE_HOSTS):
        return
    # New dicts: the program may own the old ones. What is asked for must be readable to be hidden again.
    options.json_data = {**body, "stream_options": {**asked, "include_usage": True}}
    headers = options.headers if isinstance(options.headers, dict) else {}
    if not any(name.lower() == "accept-encoding" for name in headers):
        options.headers = {**headers, "Accept-Encoding": "gzip, deflate"}
    pending.stripped_usage = True


def hooked_methods(module: Any) -> dict[str, bool]:
    """`Class.method` -> hooked, for `llmwatch doctor`."""
    return {
        f"{name}.{method}": bool(getattr(getattr(getattr(module, name, None), method, None), _MARK, False))
        for name in _CLASSES
        for method in ("request", "_process_response")
    }
