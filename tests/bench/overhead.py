"""CPU that capture adds to one call, against the bare SDK of the same run; the transport is in-process, no network."""

from __future__ import annotations

import gc
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import openai

import llmwatch

MESSAGES = [
    {"role": "system", "content": "You sort support tickets into billing, bug or question. Answer with one word."},
    {"role": "user", "content": "The invoice of last month lists two seats that we cancelled in August. Please check."},
]
CHAT = {
    "id": "chatcmpl-Bx9cJ2mKq",
    "object": "chat.completion",
    "created": 1795200000,
    "model": "gpt-4o-2024-08-06",
    "choices": [
        {
            "index": 0,
            "message": {
                "role": "assistant",
                "content": "The two seats were cancelled in August, but the invoice of last month still lists them; "
                "this is a billing question, and the amount should be refunded with the next invoice. " * 2,
                "refusal": None,
                "annotations": [],
            },
            "logprobs": None,
            "finish_reason": "stop",
        }
    ],
    "usage": {
        "prompt_tokens": 61,
        "completion_tokens": 31,
        "total_tokens": 92,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
    },
    "service_tier": "default",
    "system_fingerprint": "fp_50cad350e4",
}
EVENTS = 300


def _stream() -> bytes:
    head = {k: CHAT[k] for k in ("id", "created", "model", "service_tier", "system_fingerprint")}
    head["object"] = "chat.completion.chunk"
    rows: list[dict[str, Any]] = [_chunk(head, {"role": "assistant", "content": "", "refusal": None})]
    rows += [_chunk(head, {"content": f" w{i}"}) for i in range(EVENTS - 3)]
    rows += [_chunk(head, {}, "stop"), {**head, "choices": [], "usage": CHAT["usage"]}]
    return (
        b"".join(b"data: " + json.dumps(r, separators=(",", ":")).encode() + b"\n\n" for r in rows)
        + b"data: [DONE]\n\n"
    )


def _chunk(head: dict[str, Any], delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
    return {**head, "choices": [choice], "usage": None}


def _embedding() -> bytes:
    vector = [0.0123456789 + i / 1e6 for i in range(1536)]
    rows = [{"object": "embedding", "index": i, "embedding": vector} for i in range(35)]
    body = {
        "object": "list",
        "data": rows,
        "model": "text-embedding-3-small",
        "usage": {"prompt_tokens": 9, "total_tokens": 9},
    }
    return json.dumps(body).encode()


class _Chunks(httpx2.SyncByteStream):
    """An SSE body in the chunks it would arrive in, one event each."""

    def __init__(self, data: bytes) -> None:
        self._chunks = [e + b"\n\n" for e in data.split(b"\n\n") if e]

    def __iter__(self) -> Iterator[bytes]:
        yield from self._chunks


def _client() -> openai.OpenAI:
    chat, stream, embedding = json.dumps(CHAT).encode(), _stream(), _embedding()

    def answer(request: httpx2.Request) -> httpx2.Response:
        headers = {"x-request-id": "req_1", "openai-processing-ms": "12", "content-type": "application/json"}
        if request.url.path.endswith("embeddings"):
            return httpx2.Response(200, content=embedding, headers=headers)
        if b'"stream":true' in request.content:
            return httpx2.Response(
                200, stream=_Chunks(stream), headers={**headers, "content-type": "text/event-stream"}
            )
        return httpx2.Response(200, content=chat, headers=headers)

    return openai.OpenAI(api_key="k", http_client=httpx2.Client(transport=httpx2.MockTransport(answer)), max_retries=0)


def shapes(client: openai.OpenAI) -> dict[str, tuple[Callable[[], object], int]]:
    """Name -> (one call, calls per round)."""

    def stream() -> None:
        for _ in client.chat.completions.create(model="gpt-4o", messages=MESSAGES, stream=True):  # type: ignore[arg-type]
            pass

    return {
        "chat, not streamed": (lambda: client.chat.completions.create(model="gpt-4o", messages=MESSAGES), 200),  # type: ignore[arg-type]
        f"chat stream, {EVENTS} events": (stream, 8),
        "embedding, 1 MB": (
            lambda: client.embeddings.create(model="text-embedding-3-small", input="x", encoding_format="float"),
            8,
        ),
    }


def _cpu(call: Callable[[], object], count: int) -> float:
    gc.collect()
    gc.disable()
    try:
        start = time.process_time_ns()
        for _ in range(count):
            call()
        return (time.process_time_ns() - start) / count / 1000
    finally:
        gc.enable()


def _setups(home: Path) -> dict[str, tuple[Callable[[], object], Callable[[], object]]]:
    """Name -> (switch on, switch off)."""
    setups: dict[str, tuple[Callable[[], object], Callable[[], object]]] = {"bare SDK": (lambda: None, lambda: None)}
    for name, settings in {
        "llmwatch, metadata, attempts off": {"content": "metadata", "attempts": "off"},
        "llmwatch, redacted (default), attempts off": {"content": "redacted", "attempts": "off"},
        "llmwatch, default": {},
    }.items():
        setups[name] = (lambda s=settings: llmwatch.init(home=home, **s), llmwatch.shutdown)
    peer = _peer()
    if peer is not None:
        setups["otel genai-openai, no content"] = peer
    return setups


def _peer() -> tuple[Callable[[], object], Callable[[], object]] | None:
    """opentelemetry-instrumentation-genai-openai beside ours, into a processor that drops; None if not installed."""
    try:
        from opentelemetry.instrumentation.genai.openai import OpenAIInstrumentor
    except ImportError:
        return None
    from opentelemetry.sdk.trace import SpanProcessor, TracerProvider

    provider = TracerProvider()
    provider.add_span_processor(SpanProcessor())
    peer = OpenAIInstrumentor()
    return (lambda: peer.instrument(tracer_provider=provider)), peer.uninstrument


def measure(rounds: int = 7) -> dict[str, dict[str, float]]:
    """Setup -> shape -> CPU microseconds per call, the median of interleaved rounds."""
    with tempfile.TemporaryDirectory() as folder:
        setups = _setups(Path(folder))
        samples: dict[tuple[str, str], list[float]] = {}
        for _ in range(rounds):
            for setup, (on, off) in setups.items():
                on()
                # A client of its own: attempts are switched on per HTTP client and stay on.
                for shape, (call, count) in shapes(_client()).items():
                    call()
                    samples.setdefault((setup, shape), []).append(_cpu(call, count))
                off()
    names = list(dict.fromkeys(shape for _, shape in samples))
    return {s: {n: statistics.median(samples[s, n]) for n in names} for s in setups}


def main() -> None:
    """Prints the table."""
    table = measure()
    bare = table["bare SDK"]
    print(f"{'CPU per call, us':<46}" + "".join(f"{shape:>26}" for shape in bare))
    for setup, row in table.items():
        cells = (
            f"{value:,.0f}" if setup == "bare SDK" else f"+{value - bare[shape]:,.0f} (x{value / bare[shape]:.2f})"
            for shape, value in row.items()
        )
        print(f"{setup:<46}" + "".join(f"{cell:>26}" for cell in cells))
    plain, streamed, _ = bare
    for setup, row in table.items():
        if setup != "bare SDK":
            events = (row[streamed] - bare[streamed]) - (row[plain] - bare[plain])
            print(f"{setup}: {events / EVENTS:+.2f} us per stream event")


if __name__ == "__main__":
    main()
