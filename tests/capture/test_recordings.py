"""Real recorded traffic, replayed through the real SDK: each answer gives one call that says what it says."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest

import llmwatch
from llmwatch.standin import StandinServer
from llmwatch.standin.recorded import Recording, load, serve
from tests.spooled import calls

FOLDER = Path(__file__).parents[3] / "shared" / "recorded"
RECORDINGS = load(FOLDER) if FOLDER.is_dir() else []
pytestmark = pytest.mark.skipif(not RECORDINGS, reason="the recordings are not here")


@pytest.fixture(scope="module")
def server() -> Iterator[StandinServer]:
    """One server for all recordings."""
    with StandinServer() as running:
        yield running


@pytest.fixture(scope="module")
def client(server: StandinServer) -> Iterator[openai.OpenAI]:
    """One client for all recordings: making one reads the machine's certificates."""
    with openai.OpenAI(base_url=server.base_url, api_key="test", max_retries=0) as made:
        yield made


@pytest.fixture(params=RECORDINGS, ids=lambda r: f"{r.endpoint.strip('/').replace('/', '-')}-{r.id}")
def recording(request: pytest.FixtureRequest) -> Recording:
    """Each recording in turn."""
    return request.param


METHODS = {
    "/chat/completions": lambda c: c.chat.completions.create,
    "/responses": lambda c: c.responses.create,
    "/embeddings": lambda c: c.embeddings.create,
    "/completions": lambda c: c.completions.create,
    "/images/generations": lambda c: c.images.generate,
    "/audio/transcriptions": lambda c: c.audio.transcriptions.create,
    "/audio/speech": lambda c: c.audio.speech.create,
}
REQUIRED = {
    "/audio/transcriptions": {"model": "whisper-1", "file": ("a.wav", b"RIFF")},
    "/audio/speech": {"model": "tts-1", "voice": "alloy", "input": "hello"},
}


def replay(client: openai.OpenAI, recording: Recording) -> None:
    """Sends the recorded request with the SDK's own method and consumes the answer; an API error is an answer."""
    method = METHODS[recording.endpoint](client)
    arguments: dict[str, Any] = {**REQUIRED.get(recording.endpoint, {}), **recording.request}
    known = inspect.signature(method).parameters
    extra = {k: arguments.pop(k) for k in list(arguments) if k not in known}
    if recording.is_stream:
        arguments["stream"] = True
    try:
        answer = method(**arguments, extra_body=extra or None)
        if recording.is_stream:
            for _ in answer:
                pass
    except openai.APIStatusError as error:
        assert error.status_code == recording.status


def counts(recording: Recording) -> dict[str, int]:
    """What the recording's usage says, in columns; a count the reader did not find is left out."""
    usage = (recording.truth or {}).get("usage") or {}
    columns = {
        "input": "input_tokens",
        "output": "output_tokens",
        "cached": "cached_input_tokens",
        "cache_write": "cache_write_tokens",
        "reasoning": "reasoning_tokens",
        "audio_in": "audio_input_tokens",
        "audio_out": "audio_output_tokens",
    }
    return {columns[k]: v for k, v in usage.items() if k in columns and v is not None}


def test_every_recorded_answer_is_one_call_with_the_recorded_facts(
    recording: Recording, client: openai.OpenAI, server: StandinServer, tmp_path: Path
) -> None:
    """Response model, every kind of token, finish reasons and error equal the recording."""
    llmwatch.init(home=tmp_path, content="metadata", attempts="off")
    serve(server, recording)

    replay(client, recording)
    llmwatch.shutdown()

    (call,) = calls(tmp_path)
    truth = recording.truth or {}
    assert call.get("response_model") == truth.get("model")
    assert call.get("response_id") == truth.get("id")
    assert {k: call.get(k) for k in counts(recording)} == counts(recording)
    if recording.endpoint != "/responses":
        assert call.get("finish_reasons", []) == (truth.get("finish") or [])
    elif truth.get("status") == "completed":
        assert call["finish_reasons"] in (["stop"], ["tool_calls"])
    assert call.get("error_type") == truth.get("error")
    assert call.get("tool_call_count", 0) >= (truth.get("tool_calls") or 0)
    assert call["http_status_code"] == recording.status
    assert recording.request_id in (None, call.get("request_id"))
