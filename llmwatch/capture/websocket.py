"""Owns calls made over a WebSocket: Responses and Realtime, one call per `response.create` and its final event.

Hooks what every client event and every server event passes through. A message is read from a copy of its bytes; what
the program sends and receives is untouched. Live sessions bill by the hour and report running totals, which no call
could carry without counting twice: they are not recorded here.
"""

from __future__ import annotations

import functools
import inspect
import json
import sys
import weakref
from collections.abc import Callable, Mapping
from types import FrameType
from typing import Any, Final

from .endpoints import REALTIME, RESPONSES_SOCKET, Endpoint, provider_name
from .fingerprint import call_site
from .guard import Observe
from .pending import Pending
from .recorder import Recorder, state
from .sse import StreamFold
from .tags import current_tags, request_tags

MODULES: Final = (
    "openai._websocket_connection",
    "openai.resources.responses.responses",
    "openai.resources.beta.responses.responses",
    "openai.resources.realtime.realtime",
    "openai.resources.beta.realtime.realtime",
)
_MARK: Final = "_llmwatch_hook"
_FINAL: Final = (
    "response.completed",
    "response.done",
    "response.failed",
    "response.incomplete",
    "response.cancelled",
)
_MAX_WAITING: Final = 64
_connections: weakref.WeakKeyDictionary[Any, _Socket] = weakref.WeakKeyDictionary()


class _Socket:
    """The calls under way on one connection, oldest first."""

    def __init__(self) -> None:
        self.waiting: list[Pending] = []
        self.by_id: dict[str, Pending] = {}
        self.model: str | None = None


def install(module: Any) -> None:
    """Hooks the connection classes of one SDK module; a second call changes nothing."""
    for kind in _connection_classes(module):
        # Since 3.5x every message leaves through _send of the base class; before, through send of each connection.
        for name in ("_send", "send"):
            if name == "send" and hasattr(kind, "_send"):
                continue
            _patch(kind, name, _send_hook)
        _patch(kind, "recv_bytes", _receive_hook)


def uninstall(module: Any) -> None:
    """Takes the hooks off again."""
    for kind in _connection_classes(module):
        for name in ("_send", "send", "recv_bytes"):
            hook = kind.__dict__.get(name)
            if getattr(hook, _MARK, False):
                setattr(kind, name, hook.__wrapped__)  # pyright: ignore[reportOptionalMemberAccess]


def _connection_classes(module: Any) -> list[type]:
    found = [v for k, v in vars(module).items() if inspect.isclass(v) and k.endswith(("Connection", "ConnectionBase"))]
    return [c for c in found if c.__module__ == module.__name__]


def _patch(kind: type, name: str, wrap: Callable[[Callable[..., Any]], Callable[..., Any]]) -> None:
    original = kind.__dict__.get(name)
    if original is None or getattr(original, _MARK, False):
        return
    hook = wrap(original)
    setattr(hook, _MARK, True)
    setattr(kind, name, hook)


def _send_hook(original: Callable[..., Any]) -> Callable[..., Any]:
    # The coroutine of an async original is returned as it is: sending starts when the program awaits it.
    @functools.wraps(original)
    def send(self: Any, event: Any, *args: Any, **kwargs: Any) -> Any:
        recorder = state.recorder
        if recorder is not None:
            with Observe("websocket send"):
                _note_sent(recorder, self, event, sys._getframe(1))  # pyright: ignore[reportPrivateUsage]
        return original(self, event, *args, **kwargs)

    return send


def _receive_hook(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def recv_bytes(self: Any) -> Any:
        message = original(self)
        _observe_received(self, message)
        return message

    @functools.wraps(original)
    async def async_recv_bytes(self: Any) -> Any:
        message = await original(self)
        _observe_received(self, message)
        return message

    return async_recv_bytes if inspect.iscoroutinefunction(original) else recv_bytes


def _observe_received(connection: Any, message: Any) -> None:
    recorder = state.recorder
    if recorder is not None:
        with Observe("websocket receive"):
            event = json.loads(message)
            if isinstance(event, Mapping):
                _note_received(recorder, connection, event)


def _socket(connection: Any) -> _Socket:
    found = _connections.get(connection)
    if found is None:
        found = _connections[connection] = _Socket()
    return found


def _event(value: Any) -> Mapping[str, Any]:
    if isinstance(value, bytes | str):
        value = json.loads(value)
    elif hasattr(value, "to_dict"):
        value = value.to_dict(mode="json", exclude_unset=True)
    return value if isinstance(value, Mapping) else {}


def _endpoint(connection: Any) -> Endpoint:
    return REALTIME if "Realtime" in type(connection).__name__ else RESPONSES_SOCKET


def _note_sent(recorder: Recorder, connection: Any, value: Any, frame: FrameType) -> None:
    event = _event(value)
    if event.get("type") != "response.create":
        return
    socket = _socket(connection)
    nested = event.get("response")
    body: dict[str, Any] = (
        dict(nested) if isinstance(nested, Mapping) else {k: v for k, v in event.items() if k != "type"}
    )
    pending = _begin(recorder, connection, socket, body, frame)
    socket.waiting.append(pending)
    if len(socket.waiting) > _MAX_WAITING:
        socket.waiting.pop(0).finish(stream_end="abandoned")


def _begin(
    recorder: Recorder, connection: Any, socket: _Socket, body: Mapping[str, Any], frame: FrameType | None
) -> Pending:
    endpoint = _endpoint(connection)
    host, port = _address(connection)
    fields: dict[str, Any] = {
        "operation_name": endpoint.operation,
        "provider_name": provider_name("", host, port, recorder.settings.hosts),
        "request_model": body.get("model") or socket.model,
        "server_address": host,
        "server_port": port,
        "endpoint": endpoint.template,
        "http_request_method": "WEBSOCKET",
        "api_type": endpoint.api_type,
        "is_stream": True,
    }
    pending = Pending(recorder, endpoint, fields)
    pending.body = body
    pending.fold = StreamFold("responses")
    pending.site = call_site(frame)
    pending.tags = {**request_tags(body, None), **{c: (v, "tag") for c, v in current_tags().items()}}
    pending.read_request()
    pending.is_open = True
    recorder.open[id(pending)] = pending
    return pending


def _address(connection: Any) -> tuple[str | None, int | None]:
    inner = getattr(connection, "_connection", None)
    uri = getattr(getattr(inner, "protocol", None), "uri", None)
    uri = uri or getattr(getattr(inner, "protocol", None), "wsuri", None)
    return getattr(uri, "host", None), getattr(uri, "port", None)


def _note_received(recorder: Recorder, connection: Any, event: Mapping[str, Any]) -> None:
    socket = _socket(connection)
    kind = event.get("type")
    session = event.get("session")
    if isinstance(session, Mapping) and isinstance(session.get("model"), str):
        socket.model = session["model"]
    if kind == "conversation.item.input_audio_transcription.completed" and event.get("usage"):
        _record_transcription(recorder, connection, socket, event)
        return
    pending = _find(recorder, connection, socket, event)
    if pending is None or pending.fold is None:
        return
    now = pending.now()
    pending.last_byte_ns = now
    pending.first_byte_ns = pending.first_byte_ns or now
    if pending.first_token_ns is None and isinstance(kind, str) and kind.endswith(".delta"):
        pending.first_token_ns = now
    pending.fold.event_count += 1
    pending.fold.add_event(None, event)
    if kind in _FINAL or (kind == "error" and pending in socket.waiting):
        _forget(socket, pending)
        if pending.fields["request_model"] is None:
            # Asked for before the session told its model.
            pending.fields["request_model"] = socket.model
        pending.finish(stream_end="complete" if kind in _FINAL else "broken")


def _find(recorder: Recorder, connection: Any, socket: _Socket, event: Mapping[str, Any]) -> Pending | None:
    """The call an event belongs to: by response id, else the oldest that has none yet."""
    response = event.get("response")
    response_id = response.get("id") if isinstance(response, Mapping) else event.get("response_id")
    if isinstance(response_id, str) and response_id in socket.by_id:
        return socket.by_id[response_id]
    if event.get("type") == "response.created" and isinstance(response_id, str):
        # A response the server began by itself (voice activity, say) has no response.create before it.
        pending = socket.waiting.pop(0) if socket.waiting else _begin(recorder, connection, socket, {}, None)
        socket.by_id[response_id] = pending
        return pending
    if isinstance(response, Mapping) or event.get("type") == "error":
        return socket.waiting[0] if socket.waiting else None
    # Deltas of the Responses API do not name their response; one is generated at a time.
    return next(reversed(socket.by_id.values()), None) if not isinstance(response_id, str) else None


def _forget(socket: _Socket, pending: Pending) -> None:
    socket.waiting = [p for p in socket.waiting if p is not pending]
    socket.by_id = {k: p for k, p in socket.by_id.items() if p is not pending}


def _record_transcription(recorder: Recorder, connection: Any, socket: _Socket, event: Mapping[str, Any]) -> None:
    """Input audio is transcribed and billed apart from the response it belongs to."""
    pending = _begin(recorder, connection, socket, {}, None)
    pending.fields["operation_name"] = "transcription"
    assert pending.fold is not None
    pending.fold.add_event(
        None, {"type": "response.transcription", "response": {"status": "completed", "usage": event["usage"]}}
    )
    pending.finish(stream_end="complete")
