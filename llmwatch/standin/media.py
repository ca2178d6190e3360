"""Owns images, speech and transcription: small real files, and the usage each endpoint reports."""

import base64
import json
import struct
import zlib
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any

from llmwatch.standin import brain
from llmwatch.standin.account import Account
from llmwatch.standin.bodies import EVENT_STREAM, event, json_reply, spoken_pieces
from llmwatch.standin.exchange import Chunk, Json, RawReply, Reply, RequestInfo
from llmwatch.standin.tokens import count

_IMAGE_TOKENS = {"low": 272, "medium": 1056, "high": 4160, "auto": 1056}


def form_fields(body: bytes, content_type: str) -> Json:
    """The fields of a multipart body; a file becomes {"filename", "bytes"}, a field named twice a list."""
    head = f"content-type: {content_type}\r\n\r\n".encode()
    fields: Json = {}
    for part in BytesParser(policy=HTTP).parsebytes(head + body).iter_parts():  # type: ignore[attr-defined]
        name = str(part.get_param("name", header="content-disposition")).removesuffix("[]")
        payload: Any = part.get_payload(decode=True) or b""
        filename = part.get_filename()
        value: Any = {"filename": filename, "bytes": payload} if filename else payload.decode("utf-8", "replace")
        fields[name] = [*_as_list(fields[name]), value] if name in fields else value
    return fields


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def png(shade: int) -> bytes:
    """A valid 8x8 grey picture."""

    def block(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + bytes([shade % 256] * 8) for _ in range(8))
    header = struct.pack(">IIBBBBB", 8, 8, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + block(b"IHDR", header) + block(b"IDAT", zlib.compress(rows)) + block(b"IEND", b"")


def images(info: RequestInfo, reply: Reply, account: Account) -> RawReply:
    """Generated or edited images, whole or streamed with partial images."""
    how_many = int(info.params.get("n") or 1)
    pictures = [base64.b64encode(png(info.rng.randint(0, 255))).decode() for _ in range(how_many)]
    usage = _image_usage(info, how_many)
    shown = {
        "background": "opaque",
        "output_format": str(info.params.get("output_format") or "png"),
        "quality": str(info.params.get("quality") or "medium"),
        "size": str(info.params.get("size") or "1024x1024"),
    }
    if info.is_stream:
        return _image_stream(info, pictures[0], shown, usage, reply, account)
    body = {"created": account.now_s(), **shown, "data": [{"b64_json": picture} for picture in pictures]}
    return json_reply({**body, "usage": usage}, reply.first_token_s + usage["output_tokens"] / reply.tokens_per_s)


def _image_usage(info: RequestInfo, how_many: int) -> Json:
    text = count(str(info.params.get("prompt") or ""))
    given = len(_as_list(info.params["image"])) * 323 if "image" in info.params else 0
    made = _IMAGE_TOKENS.get(str(info.params.get("quality") or "auto"), 1056) * how_many
    return {
        "input_tokens": text + given,
        "input_tokens_details": {"text_tokens": text, "image_tokens": given},
        "output_tokens": made,
        "output_tokens_details": {"text_tokens": 0, "image_tokens": made},
        "total_tokens": text + given + made,
    }


def _image_stream(
    info: RequestInfo, picture: str, shown: Json, usage: Json, reply: Reply, account: Account
) -> RawReply:
    kind = "image_edit" if info.endpoint.endswith("/edits") else "image_generation"
    common = {**shown, "b64_json": picture, "created_at": account.now_s()}
    chunks: list[Chunk] = []
    for index in range(int(info.params.get("partial_images") or 0)):
        name = f"{kind}.partial_image"
        chunks.append(Chunk(event({"type": name, "partial_image_index": index, **common}, name), reply.first_token_s))
    name = f"{kind}.completed"
    chunks.append(
        Chunk(event({"type": name, **common, "usage": usage}, name), usage["output_tokens"] / reply.tokens_per_s)
    )
    return RawReply(200, EVENT_STREAM, chunks=chunks)


def transcribe(info: RequestInfo, reply: Reply, account: Account) -> RawReply:
    """A transcript as json, verbose_json, text or a stream; whisper-1 bills seconds, the others tokens."""
    upload: Any = info.params.get("file") or {"bytes": b""}
    seconds = max(1.0, round(len(upload["bytes"]) / 32000, 1))
    text = reply.text if reply.text is not None else brain.answer_text(info)
    usage = _spoken_usage(info.model, text, seconds)
    shape = str(info.params.get("response_format") or "json")
    if info.is_stream and info.model != "whisper-1":
        return _transcript_stream(text, usage, reply)
    if shape in ("text", "srt", "vtt"):
        return RawReply(
            200, {"content-type": "text/plain; charset=utf-8"}, text.encode() + b"\n", delay_s=reply.first_token_s
        )
    body: Json = {"text": text, "usage": usage}
    if shape == "verbose_json":
        body.update(task="transcribe", language="english", duration=seconds, segments=[])
    return json_reply(body, reply.first_token_s + seconds / reply.tokens_per_s)


def _spoken_usage(model: str, text: str, seconds: float) -> Json:
    if model == "whisper-1":
        return {"type": "duration", "seconds": round(seconds)}
    heard, spoken = round(seconds * 10), count(text)
    return {
        "type": "tokens",
        "input_tokens": heard,
        "input_token_details": {"text_tokens": 0, "audio_tokens": heard},
        "output_tokens": spoken,
        "total_tokens": heard + spoken,
    }


def _transcript_stream(text: str, usage: Json, reply: Reply) -> RawReply:
    name, done = "transcript.text.delta", "transcript.text.done"
    chunks = [
        Chunk(event({"type": name, "delta": piece}, name), 1 / reply.tokens_per_s, is_moment=False)
        for piece in spoken_pieces(text, reply.tokens_per_delta)
    ]
    chunks.append(Chunk(event({"type": done, "text": text, "usage": usage}, done)))
    return RawReply(200, EVENT_STREAM, chunks=chunks)


def speech(info: RequestInfo, reply: Reply, account: Account) -> RawReply:
    """Audio bytes that depend on the text, or events with base64 audio and usage when `sse` is asked for."""
    said = str(info.params.get("input") or "")
    audio = b"ID3\x04\x00\x00" + said.encode()[:64].ljust(64, b"\0") * 16
    if info.params.get("stream_format") != "sse":
        chunks = [Chunk(audio[:512], reply.first_token_s), Chunk(audio[512:], 10 / reply.tokens_per_s, is_moment=False)]
        return RawReply(200, {"content-type": "audio/mpeg"}, chunks=chunks)
    heard = count(said)
    usage = {"input_tokens": heard, "output_tokens": heard * 5, "total_tokens": heard * 6}
    encoded = base64.b64encode(audio).decode()
    chunks = [
        Chunk(event({"type": "speech.audio.delta", "audio": encoded}), reply.first_token_s),
        Chunk(event({"type": "speech.audio.done", "usage": usage}), 10 / reply.tokens_per_s),
    ]
    return RawReply(200, EVENT_STREAM, chunks=chunks)


def as_json_params(body: bytes) -> Json:
    """The body as a JSON object; empty for an empty body, ValueError for anything else."""
    params: Any = json.loads(body) if body else {}
    if not isinstance(params, dict):
        raise json.JSONDecodeError("the body is not a JSON object", "", 0)
    return params
