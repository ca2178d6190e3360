"""A stream whose body the transport has read already: caches and mock transports hand such responses over."""

from __future__ import annotations

from pathlib import Path

import httpx2
import openai
import pytest

import llmwatch
from llmwatch.capture import hook
from tests.capture.test_sse import HEAD, chunk, sse
from tests.spooled import calls


def test_a_stream_that_is_read_already_is_recorded_whole(tmp_path: Path) -> None:
    """Usage, finish reason and text length as of a stream that came over the network."""
    rows = [chunk({"content": "hello"}), chunk({}, "stop"), {**HEAD, "choices": [], "usage": {"prompt_tokens": 3}}]
    transport = httpx2.MockTransport(lambda _: httpx2.Response(200, content=sse(rows)))
    llmwatch.init(home=tmp_path)
    client = openai.OpenAI(api_key="k", base_url="http://mock/v1", http_client=httpx2.Client(transport=transport))

    chunks = list(client.chat.completions.create(model="gpt-4o", messages=[], stream=True))
    llmwatch.shutdown()

    (call,) = calls(tmp_path)
    assert len(chunks) == 3
    assert (call["status"], call["stream_end"], call["usage_source"]) == ("ok", "complete", "response")
    assert (call["finish_reasons"], call["input_tokens"], call["output_characters"]) == (["stop"], 3, 5)
    assert "defects" not in call


def test_an_option_that_fails_costs_no_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """HTTP tries that cannot be listed leave the call recorded and its answer as it was."""

    def broken() -> None:
        raise RuntimeError

    monkeypatch.setattr(hook, "client_instrumentation", broken)
    transport = httpx2.MockTransport(
        lambda _: httpx2.Response(200, json={"id": "c1", "model": "gpt-4o", "choices": []})
    )
    llmwatch.init(home=tmp_path)
    client = openai.OpenAI(api_key="k", base_url="http://mock/v1", http_client=httpx2.Client(transport=transport))

    answer = client.chat.completions.create(model="gpt-4o", messages=[])
    llmwatch.shutdown()

    assert answer.id == "c1"
    assert [call["response_id"] for call in calls(tmp_path)] == ["c1"]
