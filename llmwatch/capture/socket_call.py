"""Owns the start of a call that is made over a WebSocket: what is known of it before its first event."""

from __future__ import annotations

from collections.abc import Mapping
from types import FrameType
from typing import Any

from .call_site import call_site
from .endpoints import Endpoint, provider_name
from .pending import Pending
from .recorder import Recorder
from .sse import StreamFold
from .tags import current_tags, is_content_refused, request_tags


def begin(
    recorder: Recorder,
    connection: Any,
    endpoint: Endpoint,
    body: Mapping[str, Any],
    model: str | None,
    frame: FrameType | None,
) -> Pending:
    """An open call; whoever began it finishes it."""
    host, port = _address(connection)
    fields: dict[str, Any] = {
        "operation_name": endpoint.operation,
        "provider_name": provider_name("", host, port, recorder.settings.hosts),
        "request_model": model,
        "server_address": host,
        "server_port": port,
        "endpoint": endpoint.template,
        "http_request_method": "WEBSOCKET",
        "api_type": endpoint.api_type,
        "is_stream": True,
    }
    pending = Pending(recorder, endpoint, fields)
    pending.body = body
    pending.site = call_site(frame)
    if frame is not None:
        # A connection lives long: whoever waits for what uses it waits by now.
        pending.find_site(frame)
    pending.tags = {**request_tags(body, None), **{c: (v, "tag") for c, v in current_tags().items()}}
    pending.is_content_refused = is_content_refused()
    if endpoint.family == "responses":
        pending.fold = StreamFold("responses")
        pending.read_request()
    pending.is_open = True
    recorder.open[id(pending)] = pending
    return pending


def _uri(connection: Any) -> Any:
    protocol = getattr(getattr(connection, "_connection", None), "protocol", None)
    return getattr(protocol, "uri", None) or getattr(protocol, "wsuri", None)


def _address(connection: Any) -> tuple[str | None, int | None]:
    uri = _uri(connection)
    return getattr(uri, "host", None), getattr(uri, "port", None)


def path(connection: Any) -> str:
    """The path that the connection was opened with; empty where it cannot be told."""
    found = getattr(_uri(connection), "path", None)
    return found if isinstance(found, str) else ""
