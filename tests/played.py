"""A server on loopback that plays given answers, for tests of what the stand-in never says."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

# An object is JSON, bytes are themselves, a list is the events of a stream; a function makes one or does it all.
Body = Any


class Player:
    """Answers by the end of the path; what no route knows is 404."""

    def __init__(self) -> None:
        self.routes: dict[str, Body] = {}
        player = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: object) -> None:
                pass

            def _answer(self) -> None:
                self.rfile.read(int(self.headers.get("content-length") or 0))
                path = self.path.split("?")[0]
                known = [body for end, body in player.routes.items() if path.endswith(end)]
                player.play(self, known[-1] if known else None)

            do_GET = do_POST = do_DELETE = _answer

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Ends the server."""
        self._server.shutdown()
        self._server.server_close()

    def play(self, handler: BaseHTTPRequestHandler, body: Body) -> None:
        """Sends one answer."""
        if callable(body):
            act: Callable[[BaseHTTPRequestHandler], Body] = body
            body = act(handler)
            if body is None:
                handler.close_connection = True
                return
        if isinstance(body, list):
            kind, content = "text/event-stream", b"".join(_event(event) for event in body)
        elif isinstance(body, bytes):
            kind, content = "application/octet-stream", body
        else:
            kind, content = "application/json", json.dumps(body or {"error": {"message": "no route"}}).encode()
        handler.send_response(404 if body is None else 200)
        handler.send_header("content-type", kind)
        handler.send_header("content-length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)


def _event(event: Mapping[str, Any] | str) -> bytes:
    if isinstance(event, str):
        return event.encode()
    name = f"event: {event['type']}\n" if "type" in event else ""
    return f"{name}data: {json.dumps(event)}\n\n".encode()


@contextmanager
def player() -> Iterator[Player]:
    """A server for as long as the block runs."""
    found = Player()
    try:
        yield found
    finally:
        found.close()


def tokens(inputs: int, outputs: int) -> dict[str, Any]:
    """Usage as the Responses API and batches write it."""
    return {
        "input_tokens": inputs,
        "output_tokens": outputs,
        "total_tokens": inputs + outputs,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens_details": {"reasoning_tokens": 0},
    }


def response(name: str, usage: Mapping[str, Any] | None, status: str = "completed", **more: Any) -> dict[str, Any]:
    """A response of gpt-5.5."""
    made = {"id": name, "object": "response", "created_at": 1793000000, "status": status, "model": "gpt-5.5"}
    return {
        **made,
        "output": [],
        "usage": usage,
        "tools": [],
        "tool_choice": "auto",
        "parallel_tool_calls": True,
        **more,
    }


def batch(name: str, status: str, usage: Mapping[str, Any] | None, counts: tuple[int, int, int], **more: Any) -> Any:
    """A batch of gpt-5.5; `counts` are requests in all, completed and failed."""
    total, completed, failed = counts
    made = {"id": name, "object": "batch", "endpoint": "/v1/responses", "status": status, "input_file_id": "file-in"}
    return {
        **made,
        "completion_window": "24h",
        "created_at": 1793000000,
        "model": "gpt-5.5",
        "request_counts": {"total": total, "completed": completed, "failed": failed},
        "usage": usage,
        **more,
    }
