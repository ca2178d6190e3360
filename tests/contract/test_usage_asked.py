"""`stream_usage="ask"` on a host that takes the option: the caller sees the stream it asked for, we see the usage."""

from __future__ import annotations

import asyncio
import gzip
import json
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import openai
import openai._base_client as base
import pytest

import llmwatch
from llmwatch.capture import hook
from llmwatch.standin import RawReply, Reply
from tests.spooled import calls

from .bare import unhooked
from .kit import CHAT, Kit, RepeatableServer, Way, run
from .ways import WAYS, lacks

LIBRARY: Any = base.httpx2 if hasattr(base, "httpx2") else base.httpx
STREAMS = (
    "stream_",
    "streaming_lines",
    "streaming_raw",
    "streaming_parsed_as",
    "raw_streamed",
    "retry_429_then_stream",
)
# Where the stand-in cuts or changes a body by its length or its usage, the longer body is another body.
OTHER_BODIES = ("stream_dies_midway", "stream_reset", "stream_without_end_marker", "stream_usage_on_each_chunk")
ASKED = [w for w in WAYS if w.name.startswith(STREAMS) and w.name not in OTHER_BODIES and not lacks(w.needs)]

# Old SDKs leave the socket of a dropped stream to the collector, in whichever test that runs.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Capture that asks for usage where the host is known to answer."""
    home = tmp_path_factory.mktemp("home")
    llmwatch.init(home=home, stream_usage="ask", content="metadata")
    yield home
    llmwatch.shutdown()


def kit_of(way: Way, server: RepeatableServer) -> Kit:
    """A kit whose client believes that it talks to OpenAI."""

    def sent_here(request: Any) -> None:
        request.url = request.url.copy_with(scheme="http", host="127.0.0.1", port=server.port)

    class Here(LIBRARY.HTTPTransport):
        def handle_request(self, request: Any) -> Any:
            sent_here(request)
            return super().handle_request(request)

    class HereAsync(LIBRARY.AsyncHTTPTransport):
        async def handle_async_request(self, request: Any) -> Any:
            sent_here(request)
            return await super().handle_async_request(request)

    is_async = way.mode == "async"
    kit = Kit(server, is_async, base_url="https://api.openai.com/v1")
    kit.http_client = lambda: (
        LIBRARY.AsyncClient(transport=HereAsync()) if is_async else LIBRARY.Client(transport=Here())
    )
    return kit


def without_requests(value: Any) -> Any:
    """An outcome less what was sent, which differs by the option asked for, and less the size of a packed stream."""
    if isinstance(value, dict):
        other = ("request", "_request", "received", *(("downloaded",) if "gzip" in str(value.get("headers")) else ()))
        return {k: without_requests(v) for k, v in value.items() if k not in other}
    return [without_requests(v) for v in value] if isinstance(value, list) else value


@pytest.fixture(autouse=True)
def _same_words(server: RepeatableServer) -> Iterator[None]:
    """What the model says depends on the request's bytes; here it must not."""
    usual = server.brain

    def answer(info: Any) -> Reply:
        text = '{"city": "Bern", "days": 3} "usage":null,"choices":[] \\n\\n and so on.\n\n'
        return replace(usual(info), text=text)

    server.brain = answer
    yield
    server.brain = usual


@pytest.mark.parametrize("way", ASKED, ids=lambda way: way.id)
def test_the_caller_sees_the_stream_it_asked_for(way: Way, home: Path, server: RepeatableServer):
    """Chunks, lines, bytes and errors equal the bare SDK's; the usage that was added is nowhere in them."""
    with unhooked():
        bare, _ = run(way, server, kit_of(way, server))
    before = len(calls(home))

    seen, _ = run(way, server, kit_of(way, server))

    assert without_requests(seen.plain()) == without_requests(bare.plain())
    assert seen.said == []
    bodies = [request.body for request in server.requests]
    assert bodies
    assert all(b'"include_usage":true' in body for body in bodies)
    recorder = hook.state.recorder
    assert recorder is not None
    recorder.drain()
    record = calls(home)[before:][-1]
    if record["status"] == "ok" and record.get("stream_end") == "complete" and "carriage" not in way.name:
        assert record["usage_source"] == "response"
        assert record["input_tokens"] > 0


SAID = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
CHUNKS = [
    {**SAID, "choices": [{"index": 0, "delta": {"content": 'so "usage":null'}, "finish_reason": None}], "usage": None},
    {**SAID, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "usage": None},
]
USAGE = {**SAID, "choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}}


@pytest.mark.parametrize("newline", ["\n", "\r\n"], ids=["newlines", "carriage returns"])
@pytest.mark.parametrize("separators", [(",", ":"), (", ", ": ")], ids=["compact", "spaced"])
@pytest.mark.parametrize("packing", [None, "gzip", "deflate"])
def test_what_was_asked_for_is_hidden_however_it_is_written(
    newline: str, separators: tuple[str, str], packing: str | None, home: Path, server: RepeatableServer
):
    """With either line end, with or without spaces, packed or not; and each chunk passes on as it comes."""
    pack = {None: lambda data: data, "gzip": gzip.compress, "deflate": zlib.compress}[packing]

    def sent(chunks: list[Any]) -> RawReply:
        lines = [json.dumps(chunk, separators=separators) for chunk in chunks] + ["[DONE]"]
        body = pack("".join(f"data: {line}{newline}{newline}" for line in lines).encode())
        headers = {"content-type": "text/event-stream", **({"content-encoding": packing} if packing else {})}
        return RawReply(200, headers, chunks=[body[:70], body[70:]])

    way = Way("stream", _text, "sync")
    with unhooked():
        server.put_back(0)
        server.script("*", [sent([{k: v for k, v in c.items() if k != "usage"} for c in CHUNKS])])
        bare = asyncio.run(_text(kit_of(way, server)))
    server.script("*", [sent([*CHUNKS, USAGE])])

    seen = asyncio.run(_text(kit_of(way, server)))

    assert seen == bare
    assert calls(home)[-1]["input_tokens"] == 3


def test_a_damaged_packed_stream_fails_as_it_does_without(home: Path, server: RepeatableServer):
    """The program gets its own library's decoding error, not one of ours."""
    packed = bytearray(gzip.compress(json.dumps(CHUNKS).encode() * 50))
    packed[20:24] = b"????"
    reply = RawReply(200, {"content-type": "text/event-stream", "content-encoding": "gzip"}, bytes(packed))

    def outcome() -> str:
        server.script("*", [reply])
        kit = kit_of(Way("damaged", _text, "sync"), server)
        with pytest.raises((LIBRARY.DecodingError, openai.APIConnectionError)) as raised:
            asyncio.run(_text(kit))
        return repr(raised.value) + repr(raised.value.__cause__)

    with unhooked():
        bare = outcome()

    assert outcome() == bare


async def _text(kit: Kit) -> Any:
    stream = kit.client.chat.completions.create(**CHAT, stream=True)
    return [chunk.to_dict() for chunk in stream]
