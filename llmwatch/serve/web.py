"""Owns the small web side: the report, health and metrics, for a browser on this machine or one with the password.

Speaks just enough HTTP: GET and HEAD, one request per connection, heads of 8 KB. No answer can be framed, cached, or
read by another origin, and no request changes anything.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qsl, urlsplit

HEAD_BYTES: Final = 8192
_HEAD_S: Final = 10.0
_SEND_S: Final = 20.0
CONNECTIONS: Final = 50
_REASONS: Final = {
    200: "OK", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed",
    421: "Misdirected Request", 431: "Request Header Fields Too Large", 500: "Internal Server Error",
    503: "Service Unavailable",
}  # fmt: skip
_ALWAYS: Final = (
    "X-Content-Type-Options: nosniff\r\nX-Frame-Options: DENY\r\nReferrer-Policy: no-referrer\r\n"
    "Cross-Origin-Resource-Policy: same-origin\r\nCache-Control: no-store\r\nConnection: close\r\n"
)
NOTHING: Final = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


@dataclass(frozen=True, slots=True)
class Request:
    """A request that may be answered."""

    path: str
    query: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Answer:
    """What is sent; `policy` is the content security policy of a page."""

    body: str
    kind: str = "text/plain"
    status: int = 200
    policy: str = NOTHING
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


class Refused(Exception):
    """A request that is answered with its status alone."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class WebServer:
    """Routes by exact path."""

    def __init__(
        self,
        routes: Mapping[str, Callable[[Request], Awaitable[Answer]]],
        host_names: frozenset[str],
        tls: ssl.SSLContext | None,
        is_password: Callable[[str], bool] | None,
    ) -> None:
        self._routes = routes
        self._host_names = host_names
        self._tls = tls
        # None where anybody on this machine may look.
        self._is_password = is_password
        self._server: asyncio.Server | None = None
        self._open = 0
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self, host: str, port: int) -> int:
        """Listens; returns the port."""
        self._server = await asyncio.start_server(self._accept, host, port, limit=HEAD_BYTES, ssl=self._tls)
        return int(self._server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        """Stops listening and drops what is under way."""
        if self._server is not None:
            self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._open += 1
        try:
            if self._open <= CONNECTIONS:
                await self._serve(reader, writer)
        except (OSError, TimeoutError, asyncio.IncompleteReadError):
            pass
        finally:
            self._open -= 1
            self._tasks.discard(task)
            with contextlib.suppress(Exception):
                writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        is_head = False
        try:
            async with asyncio.timeout(_HEAD_S):
                head = await reader.readuntil(b"\r\n\r\n")
            method, request = self._admitted(head)
            is_head = method == "HEAD"
            answer = await self._answer(request)
        except asyncio.LimitOverrunError:
            answer = Answer("The request is too long.\n", status=431)
        except Refused as e:
            more = {"WWW-Authenticate": 'Basic realm="llmwatch", charset="UTF-8"'} if e.status == 401 else {}
            answer = Answer(f"{e}\n", status=e.status, headers=more)
        writer.write(written(answer, is_head=is_head))
        async with asyncio.timeout(_SEND_S):
            await writer.drain()

    async def _answer(self, request: Request) -> Answer:
        route = self._routes.get(request.path)
        if route is None:
            raise Refused(404, "There is no such page.")
        return await route(request)

    def _admitted(self, head: bytes) -> tuple[str, Request]:
        """(method, request); refuses what another site, another host name or a stranger asks."""
        method, target, headers = parsed(head)
        if method not in ("GET", "HEAD"):
            raise Refused(405, "Only GET is answered.")
        host = headers.get("host", "")
        name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() and ":" in host else host
        # A name that leads here without being ours is how a web site reaches into this machine.
        if name.lower().strip("[]") not in self._host_names:
            raise Refused(421, "This host name is not served.")
        if "origin" in headers or headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
            raise Refused(403, "Requests of other sites are refused.")
        if self._is_password is not None and not self._is_password(_basic(headers.get("authorization", ""))):
            raise Refused(401, "The password of the wire is needed.")
        parts = urlsplit(target)
        return method, Request(parts.path, dict(parse_qsl(parts.query, max_num_fields=20)))


def parsed(head: bytes) -> tuple[str, str, dict[str, str]]:
    """Method, target and headers by lower-case name; Refused for anything that is no plain request."""
    try:
        first, *lines = head.decode("ascii").split("\r\n")[:-2]
        method, target, version = first.split(" ")
    except (UnicodeDecodeError, ValueError) as e:
        raise Refused(400, "This is no HTTP request.") from e
    if version not in ("HTTP/1.1", "HTTP/1.0") or not target.startswith("/") or target.startswith("//"):
        raise Refused(400, "This is no HTTP request.")
    headers: dict[str, str] = {}
    for line in lines:
        name, separator, value = line.partition(":")
        if not separator or not name or name != name.strip() or name.lower() in headers:
            raise Refused(400, "A header is not plain.")
        headers[name.lower()] = value.strip()
    if "transfer-encoding" in headers or headers.get("content-length", "0") != "0":
        raise Refused(400, "A request has no body here.")
    return method, target, headers


def _basic(value: str) -> str:
    scheme, _, rest = value.partition(" ")
    if scheme.lower() == "bearer":
        return rest.strip()
    try:
        return base64.b64decode(rest, validate=True).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return ""


def written(answer: Answer, *, is_head: bool) -> bytes:
    """The bytes of the response."""
    body = answer.body.encode("utf-8", "replace")
    more = "".join(f"{name}: {value}\r\n" for name, value in answer.headers.items())
    head = (
        f"HTTP/1.1 {answer.status} {_REASONS[answer.status]}\r\n"
        f"Content-Type: {answer.kind}; charset=utf-8\r\nContent-Length: {len(body)}\r\n"
        f"Content-Security-Policy: {answer.policy}\r\n{_ALWAYS}{more}\r\n"
    )
    return head.encode("ascii") + (b"" if is_head else body)
