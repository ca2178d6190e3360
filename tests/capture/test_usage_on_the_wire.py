"""Usage and stated costs that the real SDK receives and does not show: each is in the call's record."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import openai
import pytest

import llmwatch
from llmwatch.standin import RawReply, StandinServer
from tests.spooled import calls

MESSAGES: Any = [{"role": "user", "content": "Hello"}]
USAGE = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
SPEECH = (
    b'event: speech.audio.delta\ndata: {"type":"speech.audio.delta","audio":"AAAA"}\n\n'
    b'event: speech.audio.done\ndata: {"type":"speech.audio.done",'
    b'"usage":{"input_tokens":14,"output_tokens":101,"total_tokens":115}}\n\n'
)
EVENTS = {"content-type": "text/event-stream"}


@pytest.fixture(scope="module")
def server() -> Iterator[StandinServer]:
    """One server for the module."""
    with StandinServer() as running:
        yield running


@pytest.fixture
def record(server: StandinServer, tmp_path: Path) -> Iterator[Callable[..., dict[str, Any]]]:
    """Makes a call that gets the reply, and returns its record."""
    llmwatch.init(home=tmp_path, content="metadata", attempts="off")
    with openai.OpenAI(base_url=server.base_url, api_key="k", max_retries=0) as client:

        def run(reply: RawReply, make: Callable[[openai.OpenAI], Any]) -> dict[str, Any]:
            server.script("*", [reply])
            make(client)
            llmwatch.shutdown()
            (call,) = calls(tmp_path)
            return call

        yield run
    llmwatch.shutdown()


def answered(**more: Any) -> bytes:
    """A chat answer."""
    choice = {"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}
    body = {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice], "usage": USAGE}
    return json.dumps({**body, **more}).encode()


def chat(client: openai.OpenAI, **more: Any) -> Any:
    """A chat call, read to its end."""
    answer = client.chat.completions.create(model="m", messages=MESSAGES, **more)
    return list(answer) if more.get("stream") else answer


@pytest.mark.parametrize("name", ["x-litellm-response-cost", "X-LiteLLM-Response-Cost"])
def test_the_cost_in_a_header_is_kept(record: Callable[..., dict[str, Any]], name: str):
    """As the proxy wrote it, exponent and all."""
    call = record(RawReply(headers={name: "1.25e-05"}, body=answered()), chat)

    assert call["stated_cost_usd"] == "0.000012500000"
    assert call["stated_cost_source"] == "header x-litellm-response-cost"


def test_the_cost_in_the_body_wins_over_the_header(record: Callable[..., dict[str, Any]]):
    """It is closer to the answer."""
    body = answered(usage={**USAGE, "cost": 0.5})
    call = record(RawReply(headers={"x-litellm-response-cost": "0.1"}, body=body), chat)

    assert (call["stated_cost_usd"], call["stated_cost_source"]) == ("0.500000000000", "usage.cost")


@pytest.mark.parametrize("value", ["None", "", "free", "-1", "NaN", "9" * 300])
def test_a_header_that_is_no_amount_is_no_cost(record: Callable[..., dict[str, Any]], value: str):
    """And hurts nobody."""
    call = record(RawReply(headers={"x-litellm-response-cost": value}, body=answered()), chat)

    assert "stated_cost_usd" not in call
    assert call["input_tokens"] == 10


def test_the_header_of_a_stream_is_not_its_cost(record: Callable[..., dict[str, Any]]):
    """It was sent before anything was generated; what the last chunk states counts."""
    chunk = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": []}
    last = json.dumps({**chunk, "usage": {**USAGE, "cost": 0.002}}).encode()
    body = b"data: " + last + b"\n\ndata: [DONE]\n\n"
    headers = {**EVENTS, "x-litellm-response-cost": "0.0"}
    call = record(RawReply(headers=headers, body=body), lambda c: chat(c, stream=True))

    assert (call["stated_cost_usd"], call["stated_cost_source"]) == ("0.002000000000", "usage.cost")


def _stream_speech(client: openai.OpenAI) -> None:
    speech = client.audio.speech.with_streaming_response
    with speech.create(model="gpt-4o-mini-tts", voice="alloy", input="Hi", stream_format="sse") as answer:
        assert b"".join(answer.iter_bytes()) == SPEECH


def _read_speech(client: openai.OpenAI) -> None:
    answer = client.audio.speech.create(model="gpt-4o-mini-tts", voice="alloy", input="Hi", stream_format="sse")
    assert answer.content == SPEECH


@pytest.mark.parametrize("make", [_read_speech, _stream_speech])
def test_speech_as_events_reports_its_tokens(record: Callable[..., dict[str, Any]], make: Callable[..., None]):
    """Whether the program reads it whole or as it comes."""
    call = record(RawReply(headers=EVENTS, body=SPEECH), make)

    assert (call["input_tokens"], call["output_tokens"], call["usage_source"]) == (14, 101, "response")


def test_speech_as_sound_reports_nothing(record: Callable[..., dict[str, Any]]):
    """Sound carries no usage, and its bytes are not read."""

    def make(client: openai.OpenAI) -> None:
        client.audio.speech.create(model="gpt-4o-mini-tts", voice="alloy", input="Hi")

    call = record(RawReply(headers={"content-type": "audio/mpeg"}, body=b"\xff\xfb" * 64), make)

    assert call["usage_source"] == "absent"


@pytest.mark.parametrize(
    ("more", "seconds", "doubt"),
    [({"usage": {"type": "duration", "seconds": 9}}, 9, None), ({}, 8.47, "the seconds are the length of the sound")],
)
def test_a_verbose_transcript_reports_its_seconds(
    record: Callable[..., dict[str, Any]], more: dict[str, Any], seconds: float, doubt: str | None
):
    """Of a transcription and of a translation alike."""
    body = json.dumps({"task": "transcribe", "language": "english", "duration": 8.47, "text": "hi", **more}).encode()

    def make(client: openai.OpenAI) -> None:
        sound = ("a.wav", b"RIFF")
        client.audio.transcriptions.create(model="whisper-1", file=sound, response_format="verbose_json")

    call = record(RawReply(body=body), make)

    assert (call["audio_seconds"], call["usage_source"]) == (seconds, "response")
    assert (doubt or "") in (call.get("usage_doubt") or "")
