"""What the contract tests share: a server whose bytes repeat, a kit that calls sync and async clients alike, and a
full description of whatever a call gave, so that two runs can be compared for equality.

A way of calling is one coroutine function; with a sync client it is driven without an event loop.
"""

from __future__ import annotations

import asyncio
import gc
import hashlib
import inspect
import logging
import math
import re
import ssl
import warnings
import zlib
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import openai
from pydantic import BaseModel

from llmwatch.standin import StandinServer, SystemClock
from llmwatch.standin.account import Account

NOON_NS = 1_793_620_800_000_000_000
# Made anew for each request by the SDK, the HTTP library or the WebSocket library.
_RANDOM_HEADERS = {"idempotency-key", "sec-websocket-key"}
_BOUNDARY = re.compile(rb"boundary=\"?([\w'-]+)")
_ADDRESS = re.compile(r"0x[0-9a-f]+")


@contextmanager
def without_certificates() -> Iterator[None]:
    """Clients are made without reading the machine's certificates: nothing here speaks TLS, and that takes 30 ms."""
    real = ssl.create_default_context
    ssl.create_default_context = lambda *_, **__: ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        yield
    finally:
        ssl.create_default_context = real


class FrozenClock(SystemClock):
    """Tells one moment for ever, so that ids, dates and ages repeat; waiting still takes real time."""

    def peek_ns(self) -> int:
        """The moment."""
        return NOON_NS


class RepeatableServer(StandinServer):
    """A stand-in that can be put back to its first request."""

    def __init__(self) -> None:
        super().__init__(clock=FrozenClock(), seed=7)
        self.asked: list[Any] = []

    def put_back(self, seed: int) -> None:
        """The next request is the first again: the ids and answers of this seed."""
        self.forget()
        self.account = Account(self.clock, seed)
        self._count = 0


@dataclass
class Way:
    """One way of calling; `lacks` says why an SDK cannot be called like that, None means that it can."""

    name: str
    run: Callable[[Kit], Awaitable[Any]]
    mode: str
    needs: str | None = None
    # asyncio and the collector race with the SDK here; its own log lines differ from run to run.
    is_racy: bool = False

    @property
    def id(self) -> str:
        """Name and mode, as pytest shows it."""
        return f"{self.name}-{self.mode}"


@dataclass
class Kit:
    """What a way is given: a server, a client, and sync and async made one."""

    server: RepeatableServer
    is_async: bool
    expected: list[dict[str, Any]] = field(default_factory=list)
    notes: list[Any] = field(default_factory=list)
    to_close: list[Any] = field(default_factory=list)
    http_client: Any = None
    base_url: str = ""
    # Run when the server is put back, before the way: what it is to answer.
    before: Callable[[], None] = lambda: None

    def make(self, sync_class: Any = None, async_class: Any = None, **options: Any) -> Any:
        """A client of this mode that the kit closes at the end."""
        kind = (async_class or openai.AsyncOpenAI) if self.is_async else (sync_class or openai.OpenAI)
        if sync_class is None or "base_url" not in options:
            options.setdefault("base_url", self.base_url or self.server.base_url)
        options.setdefault("api_key", "sk-standin")
        if self.http_client is not None:
            options.setdefault("http_client", self.http_client())
        client = kind(**options)
        self.to_close.append(client)
        return client

    @property
    def client(self) -> Any:
        """The way's plain client."""
        if not self.to_close:
            self.make()
        return self.to_close[0]

    async def get(self, value: Any) -> Any:
        """The value, awaited where it can be."""
        return await value if inspect.isawaitable(value) else value

    async def all(self, iterable: Any) -> list[Any]:
        """Everything it yields, by a plain loop."""
        if hasattr(iterable, "__aiter__"):
            return [item async for item in iterable]
        return list(iterable)

    async def take(self, iterable: Any, how_many: int) -> list[Any]:
        """The first items, by a loop left with `break`."""
        taken: list[Any] = []
        if hasattr(iterable, "__aiter__"):
            async for item in iterable:
                taken.append(item)
                if len(taken) == how_many:
                    break
        else:
            for item in iterable:
                taken.append(item)
                if len(taken) == how_many:
                    break
        return taken

    def entered(self, manager: Any) -> _Entered:
        """`async with` for context managers of both kinds."""
        return _Entered(manager)

    async def close(self, thing: Any) -> None:
        """Closes a client, stream or response by the method it has."""
        method = getattr(thing, "aclose", None) if self.is_async else None
        await self.get((method or thing.close)())

    async def stream(self, **changes: Any) -> Any:
        """A chat stream, noted as the object it is."""
        stream = await self.get(self.client.chat.completions.create(**{**CHAT, "stream": True, **changes}))
        self.notes.append(describe(stream))
        return stream

    def record(self, usage: Any = None, **columns: Any) -> None:
        """Expects one record with these columns; `usage` is the SDK's own object, None for none reported."""
        columns.update(_usage_columns(usage) if usage is not None else {})
        self.expected.append(columns)


class _Entered:
    def __init__(self, manager: Any) -> None:
        self._manager = manager

    async def __aenter__(self) -> Any:
        if hasattr(self._manager, "__aenter__"):
            return await self._manager.__aenter__()
        return self._manager.__enter__()

    async def __aexit__(self, *error: Any) -> Any:
        if hasattr(self._manager, "__aexit__"):
            return await self._manager.__aexit__(*error)
        return self._manager.__exit__(*error)


ASKED = [{"role": "system", "content": "You answer support questions."}, {"role": "user", "content": "Where is it?"}]
CHAT: dict[str, Any] = {"model": "gpt-4o-mini", "messages": ASKED}


def scenario(name: str) -> dict[str, str]:
    """The header that asks the stand-in for a scenario."""
    return {"x-standin-scenario": name}


def _usage_columns(usage: Any) -> dict[str, Any]:
    dump = usage.model_dump() if isinstance(usage, BaseModel) else dict(usage)
    details = dump.get("prompt_tokens_details") or dump.get("input_tokens_details") or {}
    thought = dump.get("completion_tokens_details") or dump.get("output_tokens_details") or {}
    columns = {
        "input_tokens": dump.get("prompt_tokens", dump.get("input_tokens")),
        "output_tokens": dump.get("completion_tokens", dump.get("output_tokens")),
        "cached_input_tokens": details.get("cached_tokens"),
        "reasoning_tokens": thought.get("reasoning_tokens"),
        "audio_seconds": dump.get("seconds"),
    }
    return {"usage_source": "response", **{k: v for k, v in columns.items() if v is not None}}


# --- describing ------------------------------------------------------------------------------------------------


def _name(value: Any) -> str:
    kind = type(value)
    return f"{kind.__module__}.{kind.__qualname__}"


def describe(value: Any, depth: int = 0) -> Any:
    """Plain data that is equal for equal values of equal types, whatever it is."""
    if isinstance(value, float) and math.isnan(value):
        return "nan"
    if value is None or isinstance(value, bool | int | float | str):
        return value if type(value) in (bool, int, float, str, type(None)) else [_name(value), repr(value)]
    if depth > 60:
        return _name(value)
    for kind, describer in _DESCRIBERS:
        if kind(value):
            return describer(value, depth + 1)
    return _name(value)


def _bytes(value: bytes, depth: int) -> Any:
    return ["bytes", len(value), hashlib.sha256(value).hexdigest(), value[:40].decode("latin-1")]


def _sequence(value: Any, depth: int) -> Any:
    items = [describe(item, depth) for item in value]
    return items if type(value) is list else [_name(value), *(sorted(items, key=repr) if type(value) is set else items)]


def _mapping(value: Mapping[Any, Any], depth: int) -> Any:
    return {"": _name(value), **{str(k): describe(v, depth) for k, v in value.items()}}


def _model(value: BaseModel, depth: int) -> Any:
    private = getattr(value, "__pydantic_private__", None) or {}
    return {
        "": _name(value),
        "fields": {k: describe(v, depth) for k, v in value.__dict__.items()},
        "extra": describe(value.__pydantic_extra__, depth),
        "set": sorted(value.model_fields_set),
        "private": {k: v if isinstance(v, str) else _name(v) for k, v in private.items()},
    }


def _error(value: BaseException, depth: int) -> Any:
    attributes = {k: describe(v, depth) for k, v in vars(value).items() if not k.startswith("__")}
    return {
        "": _name(value),
        "bases": [_name_of(base) for base in type(value).__mro__],
        "text": _ADDRESS.sub("0x", str(value)),
        "args": [describe(a, depth) for a in value.args],
        "attributes": attributes,
        "cause": describe(value.__cause__, depth + 10),
        "context": _name(value.__context__),
        "suppressed": value.__suppress_context__,
        "notes": getattr(value, "__notes__", None),
    }


def _name_of(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


def _response(value: Any, depth: int) -> Any:
    base = "AsyncByteStream" if hasattr(value.stream, "__aiter__") else "SyncByteStream"
    return {
        "": _name(value),
        "status": value.status_code,
        "headers": [(k.decode(), v.decode()) for k, v in value.headers.raw],
        "closed": value.is_closed,
        "consumed": value.is_stream_consumed,
        "content": describe(getattr(value, "_content", "unread"), depth),
        "downloaded": value.num_bytes_downloaded,
        "elapsed": _elapsed(value),
        "extensions": sorted(value.extensions),
        "history": len(value.history),
        "encoding": value.encoding if hasattr(value, "_content") else None,
        "version": value.http_version,
        "request": describe(value.request, depth),
        "is stream": [c.__name__ for c in type(value.stream).__mro__ if c.__name__ == base],
    }


def _elapsed(response: Any) -> str:
    try:
        return _name(response.elapsed)
    except RuntimeError as error:
        return str(error)


def _request(value: Any, depth: int) -> Any:
    headers = [(k.decode(), v.decode()) for k, v in value.headers.raw]
    return {
        "": _name(value),
        "method": value.method,
        "url": str(value.url),
        "headers": _steady(headers),
        "content": describe(_unbound(getattr(value, "_content", "unread"), dict(headers)), depth),
    }


def _steady(headers: Any) -> list[tuple[str, str]]:
    """The headers in their order and spelling, random ones by name only."""
    found: list[tuple[str, str]] = []
    for name, value in headers:
        if name.lower() in _RANDOM_HEADERS:
            found.append((name, "random"))
        elif name.lower() == "content-type" and "boundary=" in value:
            found.append((name, value.partition("boundary=")[0]))
        elif name.lower() == "content-length" and any(
            n.lower() == "content-type" and "boundary" in v for n, v in headers
        ):
            found.append((name, "of a form"))
        else:
            found.append((name, value))
    return found


def _unbound(body: Any, headers: Mapping[str, str]) -> Any:
    """A form's body without its random boundary."""
    kind = next((v for k, v in headers.items() if k.lower() == "content-type"), "")
    found = _BOUNDARY.search(kind.encode())
    return body.replace(found[1], b"-") if found and isinstance(body, bytes) else body


def _is_http(name: str) -> Callable[[Any], bool]:
    roots = ("httpx", "httpx2")
    return lambda v: any(c.__name__ == name and c.__module__.partition(".")[0] in roots for c in type(v).__mro__)


def _sdk_stream(value: Any, depth: int) -> Any:
    kinds = [k for k in (openai.Stream, openai.AsyncStream) if isinstance(value, k)]
    return {"": _name(value), "isinstance": [_name_of(k) for k in kinds], "response": describe(value.response, depth)}


def _sdk_response(value: Any, depth: int) -> Any:
    return {
        "": _name(value),
        "http": describe(value.http_response, depth),
        "retries": getattr(value, "retries_taken", None),
        "request_id": getattr(value, "request_id", None),
    }


_DESCRIBERS: tuple[tuple[Callable[[Any], bool], Callable[[Any, int], Any]], ...] = (
    (lambda v: isinstance(v, bytes | bytearray), lambda v, d: _bytes(bytes(v), d)),
    (lambda v: isinstance(v, list | tuple | set), _sequence),
    (lambda v: isinstance(v, Mapping), _mapping),
    (lambda v: isinstance(v, BaseModel), _model),
    (lambda v: isinstance(v, BaseException), _error),
    (_is_http("Response"), _response),
    (_is_http("Request"), _request),
    (lambda v: isinstance(v, openai.Stream | openai.AsyncStream), _sdk_stream),
    (lambda v: _name(v).endswith(("APIResponse", "BinaryAPIResponse")), _sdk_response),
    (
        lambda v: hasattr(v, "response") and _is_http("Response")(v.response),
        lambda v, d: [_name(v), describe(v.response, d)],
    ),
)


# --- running ---------------------------------------------------------------------------------------------------


@dataclass
class Outcome:
    """Everything the caller and the server saw of one way."""

    result: Any
    notes: list[Any]
    logged: list[Any]
    warned: list[str]
    received: list[Any]
    said: list[str] = field(default_factory=list)

    def plain(self) -> dict[str, Any]:
        """What must be equal with and without llmwatch."""
        return {k: v for k, v in vars(self).items() if k != "said"}


class _Listener(logging.Handler):
    """Collects what is logged at WARNING and above, ours apart from everybody else's."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.others: list[Any] = []
        self.ours: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.name == "llmwatch":
            self.ours.append(record.getMessage())
        else:
            self.others.append([record.name, record.levelname, _ADDRESS.sub("0x", record.getMessage())])


def run(way: Way, server: RepeatableServer, kit: Kit | None = None, *, debug: bool = False) -> tuple[Outcome, Kit]:
    """Runs a way from the server's first request on; nothing it raises gets out."""
    # Ids differ from way to way: a response id seen twice would be a response read twice.
    server.put_back(zlib.crc32(way.id.encode()))
    kit = kit or Kit(server, way.mode == "async")
    kit.before()
    listener = _Listener()
    logging.getLogger().addHandler(listener)
    try:
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            result = asyncio.run(_run(way, kit), debug=debug) if kit.is_async else _drive(_run(way, kit))
            gc.collect(2 if way.is_racy else 1)
    finally:
        logging.getLogger().removeHandler(listener)
    said = [f"{w.category.__name__}: {_ADDRESS.sub('0x', str(w.message))}" for w in warned]
    others = [] if way.is_racy else listener.others
    received = [] if way.name.startswith("concurrent") else [_received(r) for r in server.requests]
    return Outcome(result, kit.notes, others, [] if way.is_racy else sorted(said), received, listener.ours), kit


def _received(request: Any) -> Any:
    body = _unbound(request.body, dict(request.headers))
    return [request.method, request.target, _steady(request.headers), describe(body)]


async def _run(way: Way, kit: Kit) -> Any:
    try:
        result = describe(await way.run(kit))
    except BaseException as error:
        result = {"raised": describe(error)}
        del error
    for client in kit.to_close:
        await kit.get(client.close())
    return result


def _drive(coroutine: Any) -> Any:
    """Runs a coroutine that never waits."""
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return stop.value
    raise AssertionError("a sync way waited for something")
