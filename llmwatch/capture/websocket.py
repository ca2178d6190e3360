"""Owns calls made over a WebSocket: Responses and Realtime, one call per `response.create` and its final event.

Hooks what every client event and every server event passes through. A message is read from a copy of its bytes; what
the program sends and receives is untouched. Live sessions, whose connections are hooked here too, are one call each.
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

from . import live
from .endpoints import REALTIME, RESPONSES_SOCKET, Endpoint
from .guard import Observe
from .pending import Pending
from .recorder import Recorder, state
from .socket_call import begin

MODULES: Final = (
    "openai._websocket_connection",
    "openai.resources.responses.responses",
    "openai.resources.beta.responses.responses",
    "openai.resources.realtime.realtime",
    "openai.resources.beta.realtime.realtime",
    *live.MODULES,
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
# What of a client is read: audio and text that it sends, nearly all messages, are not decoded.
_READ: Final = ("response.create", "session.update", "session.start", "transcription_session.update")
# Sound from the server, nearly all messages of a session; its type stands before its payload or right behind it.
_SOUND: Final = (b"output_audio.delta", b"input_audio.append")
_connections: weakref.WeakKeyDictionary[Any, _Socket] = weakref.WeakKeyDictionary()


class _Socket:
    """The calls under way on one connection, oldest first."""

    def __init__(self) -> None:
        self.waiting: list[Pending] = []
        self.by_id: dict[str, Pending] = {}
        self.model: str | None = None
        # The model that transcribes what is said, and the one that did so when each piece of sound was handed in.
        self.transcriber: str | None = None
        self.transcribers: dict[str, str | None] = {}


def install(module: Any) -> None:
    """Hooks the connection classes of one SDK module; a second call changes nothing."""
    for kind in _connection_classes(module):
        # Since 3.5x every message leaves through _send of the base class; before, through send of each connection.
        for name in ("_send", "send"):
            if name == "send" and hasattr(kind, "_send"):
                continue
            _patch(kind, name, _send_hook)
        _patch(kind, "recv_bytes", _receive_hook)
        _patch(kind, "close", _close_hook)


def uninstall(module: Any) -> None:
    """Takes the hooks off again."""
    for kind in _connection_classes(module):
        for name in ("_send", "send", "recv_bytes", "close"):
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
        try:
            message = original(self)
        except Exception as error:
            _observe_end(self, error)
            raise
        _observe_received(self, message)
        return message

    @functools.wraps(original)
    async def async_recv_bytes(self: Any) -> Any:
        try:
            message = await original(self)
        except Exception as error:
            _observe_end(self, error)
            raise
        _observe_received(self, message)
        return message

    return async_recv_bytes if inspect.iscoroutinefunction(original) else recv_bytes


def _close_hook(original: Callable[..., Any]) -> Callable[..., Any]:
    # As for sending, the coroutine of an async original is returned as it is.
    @functools.wraps(original)
    def close(self: Any, *args: Any, **kwargs: Any) -> Any:
        if _is_live(self):
            with Observe("websocket close"):
                live.note_left(self, "closed")
        return original(self, *args, **kwargs)

    return close


def _observe_end(connection: Any, error: Exception) -> None:
    """A Live session whose connection is gone has ended, unless the SDK connects again."""
    if _is_live(connection) and type(error).__name__.startswith("ConnectionClosed"):
        with Observe("websocket end"):
            if getattr(connection, "_on_reconnecting", None) is None:
                live.note_left(connection, "broken")


def _is_live(connection: Any) -> bool:
    return _is_live_class(type(connection))


@functools.lru_cache(256)
def _is_live_class(kind: type) -> bool:
    return any(base.__module__ in live.MODULES for base in kind.__mro__)


def _observe_received(connection: Any, message: Any) -> None:
    recorder = state.recorder
    if recorder is not None:
        with Observe("websocket receive"):
            is_live = _is_live(connection)
            if is_live and _is_sound(message):
                return
            event = json.loads(message)
            if not isinstance(event, Mapping):
                return
            if is_live:
                live.note_received(recorder, connection, event)
            else:
                _note_received(recorder, connection, event)


def _is_sound(message: Any) -> bool:
    if not isinstance(message, bytes) or len(message) < 1024:
        return False
    ends = message[:256] + message[-256:]
    return any(kind in ends for kind in _SOUND)


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
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
    if isinstance(text, str) and not any(kind in text for kind in _READ):
        return
    event = _event(text)
    if _is_live(connection):
        live.note_sent(recorder, connection, event, frame)
        return
    if event.get("type") in ("session.update", "transcription_session.update"):
        _note_session(_socket(connection), event.get("session"))
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
    return begin(recorder, connection, _endpoint(connection), body, body.get("model") or socket.model, frame)


def _note_session(socket: _Socket, session: Any) -> None:
    """Which model answers in the session, and which one transcribes what is said to it."""
    if not isinstance(session, Mapping):
        return
    if isinstance(session.get("model"), str):
        socket.model = session["model"]
    sound = session.get("audio")
    heard = sound.get("input") if isinstance(sound, Mapping) else None
    for home, key in ((heard, "transcription"), (session, "input_audio_transcription")):
        if isinstance(home, Mapping) and key in home:
            model = home[key].get("model") if isinstance(home[key], Mapping) else None
            socket.transcriber = model if isinstance(model, str) else None


def _note_heard(socket: _Socket, item_id: Any) -> None:
    if isinstance(item_id, str):
        socket.transcribers[item_id] = socket.transcriber
        if len(socket.transcribers) > _MAX_WAITING:
            del socket.transcribers[next(iter(socket.transcribers))]


def _note_received(recorder: Recorder, connection: Any, event: Mapping[str, Any]) -> None:
    socket = _socket(connection)
    kind = event.get("type")
    _note_session(socket, event.get("session"))
    if kind == "input_audio_buffer.committed":
        _note_heard(socket, event.get("item_id"))
    if kind == "conversation.item.input_audio_transcription.completed":
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
    """Input audio is transcribed by a model of its own and billed apart from the response it belongs to."""
    model = socket.transcribers.pop(str(event.get("item_id")), None) or socket.transcriber
    pending = begin(recorder, connection, _endpoint(connection), {}, model, None)
    pending.fields["operation_name"] = "transcription"
    assert pending.fold is not None
    said = {"status": "completed", "usage": event.get("usage")}
    pending.fold.add_event(None, {"type": "response.transcription", "response": said})
    pending.finish(stream_end="complete")
