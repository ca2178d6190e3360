"""Owns the nouns of one exchange: what was received, what a brain is told, what it may answer, and raw bytes back.

These are plain values. Nothing here reads a socket or knows an endpoint.
"""

import json
import math
import random
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import parse_qs

Json = dict[str, Any]


@dataclass(frozen=True)
class ReceivedRequest:
    """One HTTP request as it came over the wire; `headers` keep their spelling and order."""

    number: int
    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    received_at_ns: int

    @property
    def path(self) -> str:
        """The target without its query."""
        return self.target.partition("?")[0]

    @property
    def query(self) -> dict[str, str]:
        """The query's last value for each name."""
        return {name: values[-1] for name, values in parse_qs(self.target.partition("?")[2]).items()}

    def header(self, name: str) -> str | None:
        """The first value of a header, whatever its case; None when absent."""
        wanted = name.lower()
        return next((value for key, value in self.headers if key.lower() == wanted), None)

    def json(self) -> Any:
        """The body decoded; raises ValueError when it is not JSON."""
        return json.loads(self.body)


@dataclass(frozen=True)
class Chunk:
    """Bytes sent together after `delay_s`; `is_moment` marks one whose arrival a client may want to time."""

    data: bytes
    delay_s: float = 0.0
    is_moment: bool = True


@dataclass(frozen=True)
class RawReply:
    """Exact bytes to send, and the ways of failing to.

    `chunks` (bytes, (delay, bytes) or Chunk) are sent with chunked transfer encoding in place of `body`. A header
    given here replaces the standard one; an empty value removes it. `die_after` closes the connection after so many
    bytes of the body, with a reset if `reset`; `never_finish` sends everything and then holds the connection open;
    `never_answer` reads the request and sends nothing.
    """

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    body: bytes = b""
    chunks: Sequence["Chunk | bytes | tuple[float, bytes]"] | None = None
    delay_s: float = 0.0
    die_after: int | None = None
    reset: bool = False
    never_finish: bool = False
    never_answer: bool = False

    def pieces(self) -> list[Chunk]:
        """The chunks, each as a Chunk."""
        return [_as_chunk(piece) for piece in self.chunks or ()]

    def seconds_to_head(self) -> float:
        """Seconds until the status line is sent: with a stream, until its first chunk."""
        pieces = self.pieces()
        return self.delay_s + (pieces[0].delay_s if pieces else 0.0)

    def whole_body(self) -> bytes:
        """Every byte of the body, chunked or not."""
        return self.body if self.chunks is None else b"".join(piece.data for piece in self.pieces())


def _as_chunk(piece: "Chunk | bytes | tuple[float, bytes]") -> Chunk:
    if isinstance(piece, Chunk):
        return piece
    return Chunk(piece) if isinstance(piece, bytes) else Chunk(piece[1], piece[0])


@dataclass(frozen=True)
class ToolCall:
    """A function the model wants called."""

    name: str
    arguments: str


@dataclass(frozen=True)
class ApiError:
    """An error answer in OpenAI's shape; `retry_after_s` becomes both retry-after headers."""

    status: int
    message: str
    code: str | None = None
    kind: str = "invalid_request_error"
    param: str | None = None
    retry_after_s: float | None = None

    def body(self) -> Json:
        """The error object."""
        return {
            "error": {"message": self.message, "type": self.kind, "param": self.param, "code": self.code},
        }


@dataclass(frozen=True)
class Reply:
    """What the model answers. None anywhere means: what a plain model would do with this request."""

    text: str | None = None
    tool_calls: tuple[ToolCall, ...] = ()
    refusal: str | None = None
    # A chat finish reason (stop, length, content_filter, tool_calls).
    finish_reason: str | None = None
    reasoning_tokens: int | None = None
    web_searches: tuple[str, ...] = ()
    model: str | None = None
    service_tier: str | None = None
    cached_tokens: int | None = None
    # Seconds until the first token and tokens a second after it; by default everything comes at once.
    first_token_s: float = 0.0
    tokens_per_s: float = math.inf
    tokens_per_delta: int = 1
    # Retried or refused work: an error in place of an answer, after `first_token_s`.
    error: ApiError | None = None
    # A response that fails after it started (status failed, or an error inside a stream), with this message.
    failure: str | None = None
    # Usage left out of the body, as some compatible servers do.
    has_usage: bool = True


@dataclass(frozen=True)
class RequestInfo:
    """What a brain is told about a request: where it went, what it asks, and when."""

    request: ReceivedRequest
    endpoint: str
    params: Json
    path_ids: tuple[str, ...] = ()
    deployment: str | None = None
    now_ns: int = 0
    seed: int = 0

    @property
    def model(self) -> str:
        """The model asked for; an Azure deployment's name where there is no model."""
        return str(self.params.get("model") or self.deployment or "gpt-4o-mini")

    @property
    def is_stream(self) -> bool:
        """Whether server-sent events are asked for."""
        wanted = self.params.get("stream") or self.request.query.get("stream")
        return str(wanted).lower() == "true"

    @property
    def retry_count(self) -> int:
        """How many attempts of this call the SDK says came before this one."""
        return int(self.request.header("x-stainless-retry-count") or 0)

    @cached_property
    def rng(self) -> random.Random:
        """Random numbers that depend on the seed and the request's body alone."""
        # A form's boundary is random, so its fields stand in for its bytes.
        is_form = (self.request.header("content-type") or "").startswith("multipart/")
        asked = repr(self.params).encode() if is_form else self.request.body
        return random.Random(f"{self.seed}:{self.endpoint}:{zlib.crc32(asked)}")

    @property
    def schema(self) -> Json | None:
        """The JSON schema the answer must follow, from either API's spelling; None when there is none."""
        chat = (
            (self.params.get("response_format") or {}) if isinstance(self.params.get("response_format"), dict) else {}
        )
        text = self.params.get("text")
        responses = text.get("format") or {} if isinstance(text, dict) else {}
        return (chat.get("json_schema") or {}).get("schema") or responses.get("schema")

    @property
    def wants_json(self) -> bool:
        """Whether any JSON object will do (`json_object`)."""
        text = self.params.get("text")
        formats = (self.params.get("response_format"), text.get("format") if isinstance(text, dict) else None)
        return any(isinstance(chosen, dict) and chosen.get("type") == "json_object" for chosen in formats)

    @property
    def prompt(self) -> str:
        """What the caller said last, as text: a message, an input or a prompt."""
        for key in ("messages", "input", "prompt"):
            if self.params.get(key):
                return last_text(self.params[key])
        return ""


def last_text(value: Any) -> str:
    """The last text inside a string, a message list or content parts."""
    if isinstance(value, list) and value:
        return last_text(value[-1])
    if isinstance(value, dict):
        return last_text(value.get("content") or value.get("text") or value.get("output") or "")
    return value if isinstance(value, str) else ""


Brain = Callable[[RequestInfo], "Reply | RawReply"]
