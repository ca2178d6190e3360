"""Owns the endpoints that read text and answer with one number, vector or legacy completion."""

import base64
import hashlib
import struct
from typing import Any

from llmwatch.standin import brain
from llmwatch.standin.account import Account
from llmwatch.standin.bodies import EVENT_STREAM, event, json_reply, spoken_pieces
from llmwatch.standin.catalogue import MODELS, answering_name
from llmwatch.standin.exchange import Chunk, Json, RawReply, Reply, RequestInfo
from llmwatch.standin.tokens import count, tokenize

_DIMENSIONS = {"text-embedding-3-large": 3072}
_CATEGORIES = (
    "harassment",
    "harassment/threatening",
    "hate",
    "hate/threatening",
    "illicit",
    "illicit/violent",
    "self-harm",
    "self-harm/instructions",
    "self-harm/intent",
    "sexual",
    "sexual/minors",
    "violence",
    "violence/graphic",
)


def embeddings(info: RequestInfo, reply: Reply, account: Account) -> RawReply:
    """A vector per input, as floats or as base64 of little-endian float32; the same text gives the same vector."""
    given: Any = info.params.get("input") or ""
    texts: list[Any] = [given] if isinstance(given, str) or (given and isinstance(given[0], int)) else given
    size = int(info.params.get("dimensions") or _DIMENSIONS.get(info.model, 1536))
    is_base64 = info.params.get("encoding_format") == "base64"
    data = [
        {"object": "embedding", "index": index, "embedding": _encoded(vector(str(text), size), is_base64=is_base64)}
        for index, text in enumerate(texts)
    ]
    used = sum(len(text) if isinstance(text, list) else count(text) for text in texts)
    usage = {"prompt_tokens": used, "total_tokens": used}
    model = reply.model or answering_name(info.model)
    return json_reply(
        {"object": "list", "data": data, "model": model, "usage": usage},
        reply.first_token_s + used / 50 / reply.tokens_per_s,
    )


def vector(text: str, size: int) -> bytes:
    """Little-endian float32 numbers between -1 and 1 that depend on the text alone."""
    noise = hashlib.shake_128(text.encode()).digest(size * 2)
    return struct.pack(f"<{size}f", *(value / 32768 for (value,) in struct.iter_unpack("<h", noise)))


def _encoded(packed: bytes, *, is_base64: bool) -> str | list[float]:
    if is_base64:
        return base64.b64encode(packed).decode()
    return [round(value, 6) for (value,) in struct.iter_unpack("<f", packed)]


def completions(info: RequestInfo, reply: Reply, account: Account) -> RawReply:
    """A legacy completion, whole or streamed."""
    text = reply.text or brain.sentences(info.rng, 2)
    words = tokenize(text)
    limit = int(info.params.get("max_tokens") or 16)
    finish_reason = "length" if len(words) > limit else "stop"
    text = "".join(words[:limit])
    prompt, _, _ = account.read_prompt(info.model, {"prompt": info.params.get("prompt")})
    spoken = min(len(words), limit)
    usage = {"prompt_tokens": prompt - 3, "completion_tokens": spoken, "total_tokens": prompt - 3 + spoken}
    frame: Json = {
        "id": account.new_id("cmpl-"),
        "object": "text_completion",
        "created": account.now_s(),
        "model": reply.model or answering_name(info.model),
    }
    if info.is_stream:
        return _completion_stream(info, reply, frame, text, finish_reason, usage)
    choice = {"text": text, "index": 0, "logprobs": None, "finish_reason": finish_reason}
    return json_reply({**frame, "choices": [choice], "usage": usage}, reply.first_token_s + spoken / reply.tokens_per_s)


def _completion_stream(
    info: RequestInfo, reply: Reply, frame: Json, text: str, finish_reason: str, usage: Json
) -> RawReply:
    chunks: list[Chunk] = []
    for piece in spoken_pieces(text, reply.tokens_per_delta):
        choice = {"text": piece, "index": 0, "logprobs": None, "finish_reason": None}
        delay_s = 1 / reply.tokens_per_s if chunks else reply.first_token_s
        chunks.append(Chunk(event({**frame, "choices": [choice]}), delay_s, is_moment=not chunks))
    last = {"text": "", "index": 0, "logprobs": None, "finish_reason": finish_reason}
    chunks.append(Chunk(event({**frame, "choices": [last]}), is_moment=False))
    if (info.params.get("stream_options") or {}).get("include_usage"):
        chunks.append(Chunk(event({**frame, "choices": [], "usage": usage}), is_moment=False))
    chunks.append(Chunk(b"data: [DONE]\n\n", is_moment=False))
    return RawReply(200, EVENT_STREAM, chunks=chunks)


def moderations(info: RequestInfo, reply: Reply, account: Account) -> RawReply:
    """A verdict per input: only texts with the word "attack" are flagged."""
    given: Any = info.params.get("input") or ""
    parts: list[Any] = [given] if isinstance(given, str) else given
    are_texts = all(isinstance(part, str) for part in parts)
    results = [_verdict(str(text)) for text in parts] if are_texts else [_verdict(str(given))]
    model = str(info.params.get("model") or "omni-moderation-latest")
    return json_reply({"id": account.new_id("modr-"), "model": model, "results": results}, reply.first_token_s)


def _verdict(text: str) -> Json:
    flagged = "attack" in text.lower()
    return {
        "flagged": flagged,
        "categories": {name: flagged and name == "violence" for name in _CATEGORIES},
        "category_scores": {name: 0.91 if flagged and name == "violence" else 0.0004 for name in _CATEGORIES},
        "category_applied_input_types": {name: ["text"] for name in _CATEGORIES},
    }


def models(info: RequestInfo, account: Account) -> RawReply:
    """Every model offered, or the one named in the path."""
    offered = {
        model.name: {
            "id": model.name,
            "object": "model",
            "created": model.created,
            "owned_by": "system",
            "shutdown_date": model.shutdown_date,
        }
        for model in MODELS.values()
    }
    if not info.path_ids:
        return json_reply({"object": "list", "data": list(offered.values())})
    named = info.path_ids[0]
    return json_reply(
        offered.get(named) or {**offered["gpt-4o"], "id": named, "owned_by": "acme", "shutdown_date": None}
    )


def decisions(info: RequestInfo, reply: Reply, account: Account) -> RawReply:
    """One answer per question, with the usage of a small reading pass."""
    questions: list[Json] = info.params.get("questions") or [{"name": None}]
    answers = [
        {"type": "predicate", "name": asked.get("name"), "probability": round(info.rng.random(), 3)}
        for asked in questions
    ]
    prompt, cached, written = account.read_prompt(info.model, {"input": info.params.get("input")})
    usage = {
        "input_tokens": prompt,
        "input_tokens_details": {"cached_tokens": cached, "cache_write_tokens": written},
        "output_tokens": len(answers),
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": prompt + len(answers),
    }
    model = reply.model or answering_name(info.model)
    return json_reply({"answers": answers, "model": model, "usage": usage}, reply.first_token_s)
