"""Owns the shapes several endpoints share: JSON answers, errors, server-sent events, tiers, pieces of a stream."""

import json
from collections.abc import Iterator
from typing import Any

from llmwatch.standin import brain
from llmwatch.standin.exchange import ApiError, Json, RawReply, Reply, RequestInfo
from llmwatch.standin.tokens import tokenize

EVENT_STREAM = {"content-type": "text/event-stream; charset=utf-8"}


def error_reply(error: ApiError, delay_s: float = 0.0) -> RawReply:
    """The error as an HTTP answer, with both retry-after headers where a delay is given."""
    headers = {"content-type": "application/json"}
    if error.retry_after_s is not None:
        headers["retry-after"] = str(max(1, round(error.retry_after_s)))
        headers["retry-after-ms"] = str(round(error.retry_after_s * 1000))
    return RawReply(error.status, headers, json.dumps(error.body(), indent=2).encode(), delay_s=delay_s)


def json_reply(body: Any, delay_s: float = 0.0) -> RawReply:
    """A 200 answer with this JSON body."""
    return RawReply(200, {"content-type": "application/json"}, json.dumps(body).encode(), delay_s=delay_s)


def event(data: Json, name: str | None = None) -> bytes:
    """One server-sent event, named or not."""
    head = f"event: {name}\n".encode() if name else b""
    return head + b"data: " + json.dumps(data, separators=(",", ":")).encode() + b"\n\n"


def tier_of(info: RequestInfo, reply: Reply) -> str:
    """The tier that served it: what was asked for, where `auto` means default and `fast` is reported as priority."""
    asked = reply.service_tier or str(info.params.get("service_tier") or "default")
    return {"auto": "default", "fast": "priority"}.get(asked, asked)


def reasoning_of(info: RequestInfo, reply: Reply) -> int:
    """Tokens thought before the answer."""
    return brain.reasoning_tokens(info) if reply.reasoning_tokens is None else reply.reasoning_tokens


def spoken_pieces(text: str, tokens_per_delta: int) -> Iterator[str]:
    """The text in the pieces a stream sends it in."""
    words = tokenize(text)
    for start in range(0, len(words), tokens_per_delta):
        yield "".join(words[start : start + tokens_per_delta])
