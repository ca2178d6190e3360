"""Owns one request through the OpenAI SDK: streamed, timed, and what each way of failing means for the bill.

The SDK repeats nothing here: every request that leaves is one that the ledger knows.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Literal, cast
from urllib.parse import urlsplit

from ..errors import UsageError
from .answers import FIRST_TOKEN, Family, StreamFold

if TYPE_CHECKING:
    from openai import APIError, APIStatusError, OpenAI

# rate: later, unbilled; again: unbilled, worth another try; parameter: unbilled, this parameter is not taken;
# lost: unbilled, this input will never be answered; refused: unbilled; unknown: perhaps billed; fatal: no request
# of this run can succeed.
Failed = Literal["rate", "again", "parameter", "lost", "refused", "unknown", "fatal"]

_TIMEOUT_S: Final = 300.0
_LOST_CODES: Final = frozenset(
    {"content_filter", "content_policy_violation", "invalid_prompt", "context_length_exceeded",
     "string_above_max_length", "cyber_policy_violation"}
)  # fmt: skip
_PARAMETER_CODES: Final = frozenset({"unsupported_parameter", "unsupported_value", "unknown_parameter"})
# Other servers refuse a parameter in words alone, and some do not say which in a field of its own.
_NOT_TAKEN: Final = re.compile(
    r"unsupported|not supported|n.t support|unknown|unrecogni[sz]ed|unexpected|not permitted|not allowed|extra fields",
    re.IGNORECASE,
)
_INSTEAD: Final = re.compile(r"\buse ['\"`]?(\w+)['\"`]? instead", re.IGNORECASE)
# Without these a request is another request.
ESSENTIAL: Final = frozenset(
    {"model", "messages", "input", "instructions", "tools", "functions", "response_format", "text", "stream"}
)
_BROKE_CODES: Final = frozenset({"insufficient_quota", "billing_hard_limit_reached", "billing_not_active"})
# No byte of the request can have reached the model.
_NEVER_LEFT: Final = frozenset({"ConnectError", "ConnectTimeout", "PoolTimeout", "UnsupportedProtocol"})


@dataclass(frozen=True, slots=True)
class Answered:
    """A whole answer: the body an unstreamed one would have had, and its times in milliseconds."""

    body: dict[str, Any]
    headers: Mapping[str, str]
    latency_ms: float
    first_token_ms: float | None
    # Parameters of the request that the model turned out not to take, each with its other name or "" if it has none.
    changed: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class Failure:
    """Why there is no answer, and what that means."""

    kind: Failed
    message: str
    # The parameter that is not taken, and the name under which it is.
    param: str = ""
    instead: str = ""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class Place:
    """Where requests go."""

    base_url: str | None
    host: str
    port: int | None


def place_of(base_url: str | None) -> Place:
    """The server: named, else OPENAI_BASE_URL, else OpenAI's own."""
    named = base_url or os.environ.get("OPENAI_BASE_URL") or None
    parts = urlsplit(named or "https://api.openai.com/v1")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError(f"--base-url {named!r} is not an address.", "Give one as https://api.openai.com/v1.")
    return Place(named, parts.hostname, parts.port)


def asking(place: Place) -> Callable[[str, Mapping[str, Any]], Answered | Failure]:
    """What sends a request there, with the key of the environment; a missing key is a sentence."""
    if not os.environ.get("OPENAI_API_KEY"):
        raise UsageError("OPENAI_API_KEY is not set.", "Set it in the environment; it is read nowhere else.")
    # A run is no production traffic: whatever else captures in this process does not see it.
    from ..capture import shutdown

    shutdown()
    from openai import OpenAI

    return partial(ask, OpenAI(base_url=place.base_url, max_retries=0, timeout=_TIMEOUT_S))


def ask(client: OpenAI, family: str, body: Mapping[str, Any]) -> Answered | Failure:
    """Sends the body once and reads the answer to its end; never raises for what a server does."""
    import openai

    started = time.perf_counter()
    try:
        return _stream(client, family, body, started)
    except openai.APIStatusError as e:
        return _refusal(e, body)
    except openai.APIConnectionError as e:
        name = type(e.__cause__).__name__
        kind: Failed = "again" if name in _NEVER_LEFT else "unknown"
        return Failure(kind, f"{e.message} ({name})" if e.__cause__ else e.message)
    except openai.OpenAIError as e:
        return Failure("unknown", str(e))
    except Exception as e:
        # The transport's own errors while the answer is read: part of it may have been made and billed.
        if type(e).__module__.partition(".")[0] in ("httpx", "httpx2", "httpcore", "httpcore2", "h11", "ssl"):
            return Failure("unknown", f"{type(e).__name__}: {e}")
        raise


def _stream(client: OpenAI, family: str, body: Mapping[str, Any], started: float) -> Answered | Failure:
    fold = StreamFold(cast("Family", family))
    first: float | None = None
    whole: list[bytes] = []
    tail = b""
    resource: Any = client.responses if family == "responses" else client.chat.completions
    with resource.with_streaming_response.create(**_arguments(family, body)) as response:
        is_stream = "json" not in response.headers.get("content-type", "")
        for chunk in response.iter_bytes():
            if not is_stream:
                whole.append(chunk)
                continue
            if first is None:
                tail = tail[-512:] + chunk
                first = (time.perf_counter() - started) * 1000 if FIRST_TOKEN.search(tail) else None
            fold.feed(chunk)
        headers = {str(key).lower(): str(value) for key, value in response.headers.items()}
    latency_ms = (time.perf_counter() - started) * 1000
    answer = fold.body() if is_stream else _decoded(b"".join(whole))
    problem = answer.get("error")
    if problem:
        message = problem.get("message") if isinstance(problem, dict) else problem
        # Usage in a failed answer says that it was billed, and how much.
        if not answer.get("usage"):
            return Failure("unknown", f"The answer is an error: {message}", headers=headers)
    if is_stream and not fold.is_complete:
        return Failure("unknown", "The answer broke off before its end.", headers=headers)
    return Answered(answer, headers, latency_ms, first)


def _arguments(family: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """The SDK's own parameters and, unchanged, everything it may not know."""
    own = ("model", "input") if family == "responses" else ("model", "messages")
    rest = {key: value for key, value in body.items() if key not in own}
    return {key: body[key] for key in own} | {"stream": True, "extra_body": {**rest, "stream": True}}


def _decoded(data: bytes) -> dict[str, Any]:
    try:
        found = json.loads(data)
    except ValueError:
        found = None
    return found if isinstance(found, dict) else {"error": "the answer is not JSON"}


def _refusal(e: APIStatusError, body: Mapping[str, Any]) -> Failure:
    headers = {str(key).lower(): str(value) for key, value in e.response.headers.items()}
    kind, words = _kind(e.status_code, e), _words(e)
    param = _not_taken(e, body) if kind == "refused" and e.status_code in (400, 422) else ""
    if not param:
        return Failure(kind, words, headers=headers)
    found = _INSTEAD.search(words)
    instead = "" if found is None or found[1] in body else found[1]
    return Failure("parameter", words, param, instead, headers)


def _not_taken(e: APIStatusError, body: Mapping[str, Any]) -> str:
    """The parameter of the request that a refusal is about and that it can do without; empty if there is none."""
    if e.code not in _PARAMETER_CODES and not _NOT_TAKEN.search(e.message):
        return ""
    named = str(e.param or "").partition(".")[0]
    if named:
        return named if named in body and named not in ESSENTIAL else ""
    said = [name for name in body if name not in ESSENTIAL and re.search(rf"\b{re.escape(name)}\b", e.message)]
    return said[0] if len(said) == 1 else ""


def _kind(status: int, e: APIError) -> Failed:
    if e.code in _BROKE_CODES or status in (401, 403, 404):
        return "fatal"
    if status == 429:
        return "rate"
    if e.code in _LOST_CODES:
        return "lost"
    return "again" if status in (408, 409) or status >= 500 else "refused"


def _words(e: APIStatusError) -> str:
    body: Any = e.body
    message = body.get("message") if isinstance(body, dict) else None
    return f"{e.status_code}: {message or e.message}"[:500]
