"""Bodies and streams with fields removed, retyped, cut or filled with rubbish: the caller sees what the bare SDK gives.

Seeded and bounded; a failure names its seed, and `damage(seed, body)` makes the same bytes again.
"""

from __future__ import annotations

import copy
import functools
import gc
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import llmwatch
from llmwatch.capture import guard, hook
from llmwatch.standin import RawReply
from tests.spooled import calls

from .bare import unhooked
from .kit import CHAT, Kit, RepeatableServer, Way, run

DETAILS = {"cached_tokens": 1, "audio_tokens": 0}
USAGE = {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7, "prompt_tokens_details": DETAILS}
CALLED = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Bern"}'}}
MESSAGE = {"role": "assistant", "content": "so it is", "refusal": None, "tool_calls": [CALLED]}
CHAT_BODY: Any = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "gpt-4o-mini",
    "service_tier": "default",
    "choices": [{"index": 0, "message": MESSAGE, "logprobs": None, "finish_reason": "stop"}],
    "usage": USAGE,
}
PART = {"type": "output_text", "text": "so it is", "annotations": []}
OUTPUT = [
    {"id": "msg_1", "type": "message", "role": "assistant", "status": "completed", "content": [PART]},
    {"id": "ws_1", "type": "web_search_call", "status": "completed", "action": {"type": "search", "query": "x"}},
    {"id": "fc_1", "type": "function_call", "name": "weather", "arguments": "{}", "call_id": "call_1"},
]
RESPONSES_BODY: Any = {
    "id": "resp_1",
    "object": "response",
    "created_at": 1,
    "model": "gpt-4o-mini",
    "status": "completed",
    "error": None,
    "incomplete_details": {"reason": "max_output_tokens"},
    "output": OUTPUT,
    "tools": [{"type": "web_search_preview"}],
    "conversation": {"id": "conv_1"},
    "usage": {"input_tokens": 5, "output_tokens": 2, "total_tokens": 7, "input_tokens_details": DETAILS},
}
CHUNK = {k: v for k, v in CHAT_BODY.items() if k != "usage"} | {"object": "chat.completion.chunk"}
CHAT_EVENTS: Any = [
    {**CHUNK, "choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}]},
    {**CHUNK, "choices": [{"index": 0, "delta": {"content": "so"}, "logprobs": None, "finish_reason": None}]},
    {**CHUNK, "choices": [{"index": 0, "delta": {"tool_calls": [{"index": 0, **CALLED}]}, "finish_reason": None}]},
    {**CHUNK, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
    {**CHUNK, "choices": [], "usage": USAGE},
]
RESPONSES_EVENTS: Any = [
    {"type": "response.created", "sequence_number": 0, "response": {**RESPONSES_BODY, "status": "in_progress"}},
    {"type": "response.output_item.added", "sequence_number": 1, "output_index": 0, "item": OUTPUT[0]},
    {"type": "response.output_text.delta", "sequence_number": 2, "output_index": 0, "content_index": 0, "delta": "so"},
    {"type": "response.output_item.done", "sequence_number": 3, "output_index": 0, "item": OUTPUT[0]},
    {"type": "response.completed", "sequence_number": 4, "response": RESPONSES_BODY},
]
RUBBISH: list[Any] = [
    None,
    True,
    -1,
    2**70,
    1.5,
    float("nan"),
    "",
    "n/a",
    "\ud800",
    "\x00",
    [],
    [None],
    [[]],
    {},
    {"": 1},
]
DEEP: Any = [[[[[[[[[[{}]]]]]]]]]]


def damage(seed: int, body: Any) -> Any:
    """The body with one to four random places removed, retyped, doubled or nested."""
    rng = random.Random(seed)
    body = copy.deepcopy(body)
    for _ in range(rng.randint(1, 4)):
        holder, key = rng.choice(list(_places(body)))
        what = rng.random()
        if what < 0.3 and isinstance(holder, dict):
            del holder[key]
        elif what < 0.8:
            holder[key] = copy.deepcopy(rng.choice([*RUBBISH, DEEP]))
        elif what < 0.9 and isinstance(holder, list):
            holder.append(copy.deepcopy(holder[key]))
        else:
            holder[key] = rng.choice([[holder[key]], {"x": holder[key]}, str(holder[key])])
    return body


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    for key in value if isinstance(value, dict) else range(len(value)):
        yield value, key
        if isinstance(value[key], dict | list) and value[key]:
            yield from _places(value[key])


def stream_bytes(seed: int, events: list[Any]) -> bytes:
    """The events as server-sent events, some damaged, and the bytes themselves now and then."""
    rng = random.Random(seed)
    newline = rng.choice([b"\n", b"\n", b"\r\n"])
    lines: list[bytes] = []
    for whole in events:
        event = damage(rng.randrange(2**32), whole) if rng.random() < 0.6 else whole
        name = b"event: " + str(event.get("type")).encode("utf-8", "replace") + newline if "type" in event else b""
        lines.append(name + b"data: " + json.dumps(event, separators=(",", ":")).encode() + newline * 2)
    if rng.random() < 0.3:
        rng.shuffle(lines)
    body = b"".join(lines) + rng.choice([b"data: [DONE]" + newline * 2, b"", b": end"])
    if rng.random() < 0.3:
        body = body[: rng.randrange(len(body))]
    if rng.random() < 0.2:
        at = rng.randrange(len(body) + 1)
        body = body[:at] + rng.choice([b"\xff\xfe", b"\x00", b"\n\n", b"data:", b'"', b"}}", b"\\u"]) + body[at:]
    return body


def reply_of(seed: int, kind: str) -> RawReply:
    """The damaged answer of one kind."""
    rng = random.Random(seed)
    if kind.endswith("stream"):
        body = stream_bytes(seed, CHAT_EVENTS if kind.startswith("chat") else RESPONSES_EVENTS)
        size = rng.choice([7, 64, 10_000])
        pieces = [body[at : at + size] for at in range(0, len(body), size)]
        return RawReply(200, {"content-type": "text/event-stream"}, chunks=pieces)
    body = json.dumps(damage(seed, CHAT_BODY if kind == "chat" else RESPONSES_BODY)).encode()
    if rng.random() < 0.15:
        body = body[: rng.randrange(len(body))]
    return RawReply(200, {"content-type": "application/json"}, body)


async def ask(kit: Kit, kind: str) -> Any:
    """Calls and reads everything there is; what the SDK raises is the result."""
    stream = {"stream": True} if kind.endswith("stream") else {}
    if kind.startswith("chat"):
        answer = await kit.get(kit.client.chat.completions.create(**CHAT, **stream))
    else:
        answer = await kit.get(kit.client.responses.create(model="gpt-4o-mini", input="Where?", **stream))
    return await kit.all(answer) if stream else answer


KINDS = ("chat", "chat stream", "responses", "responses stream")

# Old SDKs leave the socket of a dropped stream to the collector, in whichever test that runs.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Capture with all content, so that every reader of a body runs."""
    home = tmp_path_factory.mktemp("home")
    llmwatch.init(home=home, content="full")
    yield home
    llmwatch.shutdown()


def compare(seeds: range, kind: str, home: Path, server: RepeatableServer) -> None:
    """Each seed's outcome with and without; one record each; nothing of ours failed."""
    before, failures = len(calls(home)), dict(guard.failures)
    for seed in seeds:
        mode = "async" if seed % 2 else "sync"
        way = Way(f"damaged-{seed}", functools.partial(ask, kind=kind), mode)
        script = functools.partial(server.script, "*", [reply_of(seed, kind)])
        with unhooked():
            bare, _ = run(way, server, Kit(server, mode == "async", before=script))

        seen, _ = run(way, server, Kit(server, mode == "async", before=script))

        assert seen.plain() == bare.plain(), (kind, seed)
        assert (seen.said, dict(guard.failures)) == ([], failures), (kind, seed)
    recorder = hook.state.recorder
    assert recorder is not None
    # A stream that was dropped unread is recorded once it is collected.
    gc.collect()
    recorder.drain()
    assert len(calls(home)) - before == len(seeds)


@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_answer_looks_as_it_does_without(kind: str, home: Path, server: RepeatableServer):
    """Sixty damaged answers of each kind."""
    compare(range(60), kind, home, server)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_many_damaged_answers_look_as_they_do_without(kind: str, home: Path, server: RepeatableServer):
    """Five hundred of each kind."""
    compare(range(1_000, 1_500), kind, home, server)
