"""Owns Live sessions: one call per session, however many connections see it, with the audio seconds it is billed by.

Usage events carry totals, never increments: the last one is the session's. Responses and decisions that a session
delegates are billed apart from it and are calls of their own.
"""

from __future__ import annotations

import re
import weakref
from collections import OrderedDict
from collections.abc import Mapping
from types import FrameType
from typing import Any, Final

from .endpoints import RESPONSES_SOCKET, Endpoint, classify
from .pending import Pending
from .recorder import Recorder
from .socket_call import begin, path
from .usage import seconds

Json = Mapping[str, Any]
MODULES: Final = ("openai.resources.live.live", "openai.resources.live.sideband", "openai.resources.live.forks")
_LIVE: Final = Endpoint("/live/sessions", "live", "plain", "reported", "live")
# A session that runs elsewhere, in a browser or on a telephone, and is only watched here: where the process that
# started it recorded it too, the store bills it there.
_WATCHED: Final = Endpoint("/live/sessions/{id}", "fetch_live", "plain", "reported", "live")
_DECISIONS: Final = classify("post", "/decisions")
_FINAL: Final = ("response.completed", "response.failed", "response.incomplete", "response.cancelled")
# What says that a session runs, and what says how long it did.
_OF_SESSION: Final = ("session.usage.updated", "session.closed")
_BEGINS: Final = ("session.started", "response.event", "decision.event", *_OF_SESSION)
_SESSION_PATH: Final = re.compile(r"/live/sessions/([^/?]+)")
_MAX_ENDED: Final = 1024
_MAX_DELEGATED: Final = 64


class LiveSession:
    """One session while it runs."""

    def __init__(self, recorder: Recorder, pending: Pending) -> None:
        self._recorder = recorder
        self._pending = pending
        self._seconds: float | None = None
        self._delegated: dict[Any, Pending] = {}
        self.id: str | None = None
        self.is_finished = False
        self.last_byte_ns: int | None = None
        # The recorder ends the session, not the bare call, when the process ends.
        recorder.open[id(pending)] = self

    def note(self, event: Json) -> None:
        """Takes what an event of the server says about the session."""
        pending = self._pending
        self.last_byte_ns = pending.now()
        pending.first_byte_ns = pending.first_byte_ns or self.last_byte_ns
        session = event.get("session")
        if isinstance(session, dict):
            self._note_session(session)
        usage = event.get("usage")
        length = seconds(usage.get("seconds")) if isinstance(usage, dict) else None
        if length is not None:
            self._seconds = max(self._seconds or 0.0, length)
        if event.get("type") == "error" and self.id is None:
            problem = event.get("error")
            code = problem.get("code") or problem.get("type") if isinstance(problem, dict) else None
            pending.fields["error_type"] = str(code or "error")[:128]
        if event.get("type") == "session.closed":
            reason = event.get("reason")
            pending.fields["finish_reasons"] = [reason[:64] if isinstance(reason, str) else "closed"]
            self.finish(stream_end="complete")

    def _note_session(self, session: Json) -> None:
        fields = self._pending.fields
        if isinstance(session.get("id"), str):
            self.know_id(session["id"])
        if isinstance(session.get("model"), str):
            fields["response_model"] = session["model"][:256]

    def know_id(self, session_id: str) -> None:
        """The session is found by its id from now on."""
        self.id = session_id[:256]
        self._pending.fields["response_id"] = self.id
        _running.setdefault(self.id, self)

    def note_delegated(self, connection: Any, event: Json) -> None:
        """A response that the session's backend model gives is a call of its own."""
        nested = event.get("event")
        if not isinstance(nested, dict):
            return
        key = event.get("delegation_id")
        response = nested.get("response")
        if nested.get("type") == "response.created" or (key not in self._delegated and isinstance(response, dict)):
            self._begin_delegated(connection, key, response if isinstance(response, dict) else {})
        pending = self._delegated.get(key)
        if pending is None or pending.fold is None:
            return
        pending.first_byte_ns = pending.first_byte_ns or pending.now()
        pending.last_byte_ns = pending.now()
        pending.fold.event_count += 1
        pending.fold.add_event(None, nested)
        if nested.get("type") in _FINAL:
            del self._delegated[key]
            pending.finish(stream_end="complete")

    def _begin_delegated(self, connection: Any, key: Any, response: Json) -> None:
        while len(self._delegated) >= _MAX_DELEGATED or key in self._delegated:
            oldest = key if key in self._delegated else next(iter(self._delegated))
            self._delegated.pop(oldest).finish(stream_end="abandoned")
        model = response.get("model")
        made = begin(self._recorder, connection, RESPONSES_SOCKET, {}, model if isinstance(model, str) else None, None)
        self._inherit(made)
        self._delegated[key] = made

    def note_decision(self, connection: Any, event: Json) -> None:
        """A decision that the session asks for is a call of its own."""
        nested = event.get("event")
        decision = nested.get("decision") if isinstance(nested, dict) else None
        if isinstance(decision, dict):
            made = begin(self._recorder, connection, _DECISIONS, {}, decision.get("model"), None)
            self._inherit(made)
            assert made.fold is not None
            made.fold.add_event(None, {"type": "response.completed", "response": {**decision, "status": "completed"}})
            made.finish(stream_end="complete")

    def _inherit(self, made: Pending) -> None:
        made.tags = dict(self._pending.tags)
        made.site = self._pending.site

    def finish(self, *, stream_end: str | None = None, end_ns: int | None = None) -> None:
        """Ends the session's call with the last total it reported; the second call of it does nothing."""
        if self.is_finished:
            return
        self.is_finished = True
        for made in self._delegated.values():
            made.finish(stream_end="abandoned")
        if self.id is not None:
            _running.pop(self.id, None)
            _ended[self.id] = None
            if len(_ended) > _MAX_ENDED:
                _ended.popitem(last=False)
        self._conclude(stream_end or "abandoned")
        self._pending.finish(end_ns=end_ns)

    def _conclude(self, stream_end: str) -> None:
        fields = self._pending.fields
        fields["stream_end"] = stream_end
        if stream_end != "complete":
            failed = stream_end == "broken" or "error_type" in fields
            fields["status"] = "error" if failed else "incomplete"
            if failed:
                fields.setdefault("error_type", "stream_broken")
        if self._seconds is not None:
            fields["audio_seconds"] = self._seconds
            fields["usage_source"] = "response"
            fields["usage_raw"] = f'{{"seconds":{self._seconds!r}}}'
            if stream_end != "complete":
                fields["usage_doubt"] = "the session did not close, the seconds are the last it reported"


_by_connection: weakref.WeakKeyDictionary[Any, LiveSession] = weakref.WeakKeyDictionary()
_running: dict[str, LiveSession] = {}
_ended: OrderedDict[str, None] = OrderedDict()


def note_sent(recorder: Recorder, connection: Any, event: Json, frame: FrameType) -> None:
    """Starts a session's call when the program starts the session."""
    if event.get("type") != "session.start":
        return
    if (before := _by_connection.get(connection)) is not None:
        # The SDK has connected again, which makes another session.
        before.finish(stream_end="broken")
    session = event.get("session")
    body = dict(session) if isinstance(session, Mapping) else {}
    model = body.get("model")
    pending = begin(recorder, connection, _LIVE, body, model if isinstance(model, str) else None, frame)
    _keep(recorder, connection, LiveSession(recorder, pending))


def note_received(recorder: Recorder, connection: Any, event: Json) -> None:
    """Takes an event of the server; sessions that were started elsewhere begin with the first."""
    session = _session(recorder, connection, event)
    if session is None or session.is_finished:
        return
    kind = event.get("type")
    if kind == "response.event":
        session.note_delegated(connection, event)
    elif kind == "decision.event":
        session.note_decision(connection, event)
    else:
        session.note(event)


def _session(recorder: Recorder, connection: Any, event: Json) -> LiveSession | None:
    own = _by_connection.get(connection)
    if own is not None:
        return own
    named = event.get("session")
    found = _SESSION_PATH.search(path(connection))
    session_id = named.get("id") if isinstance(named, Mapping) else found.group(1) if found else None
    kind = event.get("type")
    if session_id in _running or session_id in _ended:
        # Another connection of this process has it: what this one says of it is the same, or is said twice.
        return _running.get(session_id) if kind in _OF_SESSION else None
    if kind not in _BEGINS:
        return None
    session = LiveSession(recorder, begin(recorder, connection, _WATCHED, {}, None, None))
    if isinstance(session_id, str):
        session.know_id(session_id)
    _keep(recorder, connection, session)
    return session


def _keep(recorder: Recorder, connection: Any, session: LiveSession) -> None:
    _by_connection[connection] = session
    # Called while the connection is collected: no lock, no record, only a note for the next call to find.
    weakref.finalize(connection, _drop, recorder, session).atexit = False


def _drop(recorder: Recorder, session: LiveSession) -> None:
    if not session.is_finished:
        recorder.abandoned.append(session)


def note_left(connection: Any, stream_end: str) -> None:
    """The connection is closed by the program, or was lost for good."""
    session = _by_connection.get(connection)
    if session is not None:
        session.finish(stream_end=stream_end)
