"""What leaves for a program's own providers, and that a call that may keep no words keeps none anywhere."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import openai
import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import llmwatch
from llmwatch.capture import guard
from llmwatch.settings import load_settings
from tests.played import Player, player, response, tokens
from tests.spooled import attempts, calls

ASKED = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
PROMPT, ANSWER, STOP = "zebraprompt of the council", "giraffeanswer to it", "walrusstop"
WORDS = ("zebra", "giraffe", "walrus", "hippo")
CHAT: dict[str, Any] = {
    "model": "gpt-5.5",
    "messages": [
        {"role": "developer", "content": "Be brief, hippo."},
        {"role": "user", "content": [{"type": "text", "text": PROMPT}]},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "look", "arguments": '{"at": 1}'}}],
        },
        {"role": "tool", "tool_call_id": "c1", "content": "seen a@b.co"},
    ],
    "stop": [STOP],
    "tools": [{"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}],
}
CHAT_ANSWER = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1793000000,
    "model": "gpt-5.5-2026-04-01",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": ANSWER}}],
    "usage": {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18},
}
EMBEDDING = {
    "object": "list",
    "data": [{"object": "embedding", "index": 0, "embedding": [0.5, 0.25]}],
    "model": "text-embedding-3-small",
    "usage": {"prompt_tokens": 3, "total_tokens": 3},
}
ITEM = {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed"}
RESPONSE = response(
    "resp_1",
    tokens(5, 6),
    output=[
        {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "thought of a giraffe"}]},
        {**ITEM, "content": [{"type": "output_text", "text": ANSWER, "annotations": []}]},
        {"type": "function_call", "id": "fc_1", "call_id": "c9", "name": "look", "arguments": "{}"},
    ],
)  # fmt: skip

# The shapes that the convention's JSON schemas of messages ask for.
_PART: dict[str, Any] = {
    "type": "object",
    "required": ["type"],
    "properties": {"type": {"type": "string"}},
    "allOf": [
        {"if": {"properties": {"type": {"const": kind}}}, "then": {"required": list(wanted), "properties": wanted}}
        for kind, wanted in {
            "text": {"content": {"type": "string"}},
            "reasoning": {"content": {"type": "string"}},
            "tool_call": {"name": {"type": "string"}, "id": {"type": ["string", "null"]}},
            "tool_call_response": {"response": {}, "id": {"type": ["string", "null"]}},
            "uri": {"uri": {"type": "string"}, "modality": {"type": "string"}},
            "file": {"file_id": {"type": "string"}, "modality": {"type": "string"}},
        }.items()
    ],
}
_PARTS = {"type": "array", "items": _PART}
_MESSAGE = {
    "type": "object",
    "required": ["role", "parts"],
    "properties": {"role": {"type": "string"}, "parts": _PARTS, "name": {"type": ["string", "null"]}},
}
SCHEMAS: dict[str, Any] = {
    "gen_ai.input.messages": {"type": "array", "items": _MESSAGE},
    "gen_ai.output.messages": {
        "type": "array",
        "items": {
            **_MESSAGE,
            "required": ["role", "parts", "finish_reason"],
            "properties": {**_MESSAGE["properties"], "finish_reason": {"type": "string"}},  # pyright: ignore[reportGeneralTypeIssues]
        },
    },
    "gen_ai.system_instructions": _PARTS,
    "gen_ai.tool.definitions": {
        "type": "array",
        "items": {"type": "object", "required": ["type", "name"], "properties": {"name": {"type": "string"}}},
    },
}


@pytest.fixture
def server() -> Iterator[Player]:
    """A provider on loopback."""
    with player() as found:
        found.routes = {
            "/chat/completions": CHAT_ANSWER,
            "/responses": RESPONSE,
            "/responses/resp_1": RESPONSE,
            "/embeddings": EMBEDDING,
        }
        yield found
    llmwatch.shutdown()


def _provider() -> tuple[TracerProvider, InMemorySpanExporter]:
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return provider, exporter


def _client(server: Player) -> openai.OpenAI:
    return openai.OpenAI(api_key="x", base_url=server.url, max_retries=0)


def _chat(**changed: Any) -> dict[str, Any]:
    return {**CHAT, **changed}


def _has_words(value: object) -> list[str]:
    said = json.dumps(value, default=str)
    return [word for word in WORDS if word in said]


@pytest.mark.parametrize("asked", [None, "NO_CONTENT", "EVENT_ONLY", "nonsense", "false", ""])
def test_no_words_leave_unless_asked(
    server: Player, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: str | None
) -> None:
    """The record here keeps its content; the span of the program's provider has none of it."""
    if asked is None:
        monkeypatch.delenv(ASKED, raising=False)
    else:
        monkeypatch.setenv(ASKED, asked)
    provider, exporter = _provider()
    llmwatch.init(home=tmp_path, tracer_provider=provider, content="full")
    with _client(server) as client:
        client.chat.completions.create(**_chat(stop=None))
        client.responses.create(model="gpt-5.5", input=PROMPT, instructions="hippo")

    spans = exporter.get_finished_spans()

    assert len(spans) == 2
    assert [_has_words([dict(s.attributes or {}), s.name, s.status.description, s.events]) for s in spans] == [[], []]
    assert {word for call in calls(tmp_path) for word in _has_words(call)} >= {"zebra", "giraffe", "hippo"}


@pytest.mark.parametrize("asked", ["SPAN_ONLY", "span_and_event", "true"])
def test_asked_messages_follow_the_schema_and_are_redacted(
    server: Player, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: str
) -> None:
    """Each call's, also where the sample kept none here."""
    monkeypatch.setenv(ASKED, asked)
    provider, exporter = _provider()
    llmwatch.init(home=tmp_path, tracer_provider=provider, sample_rate=0, sample_floor=0)
    with _client(server) as client:
        client.chat.completions.create(**CHAT)
        client.responses.create(model="gpt-5.5", input=[{"role": "user", "content": PROMPT}], instructions="Be brief.")

    chat, answer = (dict(span.attributes or {}) for span in exporter.get_finished_spans())
    for attributes in (chat, answer):
        for name, schema in SCHEMAS.items():
            if name in attributes:
                jsonschema.validate(json.loads(str(attributes[name])), schema)

    assert json.loads(str(chat["gen_ai.input.messages"])) == [
        {"role": "system", "parts": [{"type": "text", "content": "Be brief, hippo."}]},
        {"role": "user", "parts": [{"type": "text", "content": PROMPT}]},
        {"role": "assistant", "parts": [{"type": "tool_call", "id": "c1", "name": "look", "arguments": {"at": 1}}]},
        {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c1", "response": "seen [email]"}]},
    ]
    assert json.loads(str(chat["gen_ai.output.messages"])) == [
        {"role": "assistant", "parts": [{"type": "text", "content": ANSWER}], "finish_reason": "stop"}
    ]
    assert json.loads(str(chat["gen_ai.tool.definitions"])) == [
        {"type": "function", "name": "look", "parameters": {"type": "object"}}
    ]
    assert json.loads(str(answer["gen_ai.system_instructions"])) == [{"type": "text", "content": "Be brief."}]
    kinds = [part["type"] for m in json.loads(str(answer["gen_ai.output.messages"])) for part in m["parts"]]
    assert kinds == ["reasoning", "text", "tool_call"]
    assert [call["is_sampled"] for call in calls(tmp_path)] == [False, False]
    assert not any("output_messages" in call for call in calls(tmp_path))


def test_asked_messages_do_not_leave_where_content_is_refused(
    server: Player, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`no_content()` and `metadata` are stronger than the variable."""
    monkeypatch.setenv(ASKED, "SPAN_ONLY")
    provider, exporter = _provider()
    llmwatch.init(home=tmp_path, tracer_provider=provider)
    with _client(server) as client:
        with llmwatch.no_content():
            client.chat.completions.create(**CHAT)
        llmwatch.init(home=tmp_path, tracer_provider=provider, content="metadata")
        client.chat.completions.create(**CHAT)

    assert [_has_words(dict(span.attributes or {})) for span in exporter.get_finished_spans()] == [[], []]


def _refusing(handler: Any) -> Any:
    body = json.dumps(
        {"error": {"message": f"bad: {PROMPT}", "code": f"near {STOP}", "type": f"say {ANSWER}"}}
    ).encode()
    handler.send_response(400)
    handler.send_header("content-type", "application/json")
    handler.send_header("content-length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


@pytest.mark.parametrize("how", ["metadata", "no_content"])
def test_a_call_that_may_keep_no_words_keeps_none(
    server: Player, tmp_path: Path, caplog: pytest.LogCaptureFixture, how: str
) -> None:
    """Not in an error that quotes the prompt, nor a stop sequence, a stream's error or a failed item of an answer."""
    failed = response("resp_2", None, "failed", error={"code": f"code {STOP}", "message": f"failed on {PROMPT}"})
    llmwatch.init(home=tmp_path, content="metadata" if how == "metadata" else "full")
    with _client(server) as client, llmwatch.no_content() if how == "no_content" else caplog.at_level(logging.DEBUG):
        client.chat.completions.create(**CHAT)
        server.routes["/chat/completions"] = _refusing
        server.routes["/responses"] = failed
        with pytest.raises(openai.BadRequestError):
            client.chat.completions.create(**CHAT)
        client.responses.create(model="gpt-5.5", input=PROMPT, instructions="hippo")
        server.routes["/chat/completions"] = [{"error": {"message": PROMPT, "code": STOP}}]
        with pytest.raises(openai.APIError):
            list(client.chat.completions.create(stream=True, **CHAT))
    llmwatch.shutdown()

    found = [*calls(tmp_path), *attempts(tmp_path)]
    assert len(calls(tmp_path)) == 4
    assert [_has_words({**one, "error_type": None}) for one in found if _has_words({**one, "error_type": None})] == []
    assert not any(" " in (one.get("error_type") or "") for one in found)
    assert not any(word in caplog.text for word in WORDS)


def test_errors_and_stop_sequences_are_redacted(server: Player, tmp_path: Path) -> None:
    """In the default mode they are searched like content."""

    def refuse(handler: Any) -> Any:
        body = json.dumps({"error": {"message": "cannot mail a@b.co", "code": "bad"}}).encode()
        handler.send_response(400)
        handler.send_header("content-type", "application/json")
        handler.send_header("content-length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    server.routes["/chat/completions"] = refuse
    llmwatch.init(home=tmp_path)
    with _client(server) as client, pytest.raises(openai.BadRequestError):
        client.chat.completions.create(**_chat(stop=["a@b.co", "END"]))

    (call,) = calls(tmp_path)
    assert call["stop_sequences"] == ["[email]", "END"]
    assert "[email]" in call["error_message"]
    assert "a@b.co" not in json.dumps(call)


def test_a_failure_of_ours_is_logged_without_its_text(caplog: pytest.LogCaptureFixture) -> None:
    """An exception may quote what it could not read."""
    with guard.Observe("test"):
        raise ValueError(PROMPT)
    guard.failures.clear()

    assert "ValueError at test_outgoing.py:" in caplog.text
    assert "zebra" not in caplog.text


@pytest.mark.parametrize("mode", ["metadata", "redacted", "full"])
def test_spans_of_other_instrumentations_keep_what_the_mode_allows(tmp_path: Path, mode: str) -> None:
    """Their messages, and attributes that only they know, are words of the program too."""
    settings = load_settings({"home": tmp_path, "content": mode})
    provider = TracerProvider()
    provider.add_span_processor(llmwatch.SpoolSpanProcessor(settings, scopes=("other",)))
    with provider.get_tracer("other").start_as_current_span("chat") as span:
        span.set_attributes({
            "gen_ai.input.messages": f'[{{"content": "{PROMPT} a@b.co"}}]', "llm.prompts.0": f"{PROMPT} a@b.co",
            "gen_ai.request.model": "gpt-5.5", "gen_ai.usage.input_tokens": 4, "llm.count": 2,
        })  # fmt: skip
    provider.shutdown()

    (call,) = calls(tmp_path)
    assert (call["request_model"], call["input_tokens"]) == ("gpt-5.5", 4)
    assert ("zebra" in json.dumps(call)) == (mode != "metadata")
    assert ("a@b.co" in json.dumps(call)) == (mode == "full")


def test_metrics_leave_only_where_a_provider_is_given(server: Player, tmp_path: Path) -> None:
    """Duration and tokens by type; usage of a response that is fetched again is not measured again."""
    reader = InMemoryMetricReader()
    meters = MeterProvider([reader])
    llmwatch.init(home=tmp_path, meter_provider=meters)
    with _client(server) as client:
        client.responses.create(model="gpt-5.5", input="go")
        client.responses.retrieve("resp_1")
        client.embeddings.create(model="text-embedding-3-small", input="go", dimensions=2)

    data = json.loads(reader.get_metrics_data().to_json())  # pyright: ignore[reportOptionalMemberAccess]
    (scope,) = data["resource_metrics"][0]["scope_metrics"]
    points = {m["name"]: m["data"]["data_points"] for m in scope["metrics"]}
    tokens_of = [
        (p["attributes"]["gen_ai.operation.name"], p["attributes"]["gen_ai.token.type"], p["sum"])
        for p in points["gen_ai.client.token.usage"]
    ]
    assert scope["schema_url"] == "https://opentelemetry.io/schemas/1.37.0"
    assert sorted(tokens_of) == [("chat", "input", 5), ("chat", "output", 6), ("embeddings", "input", 3)]
    assert sum(p["count"] for p in points["gen_ai.client.operation.duration"]) == 3
    meters.shutdown()


def test_the_span_is_that_of_the_official_instrumentation(server: Player, tmp_path: Path) -> None:
    """Side by side on the same calls: what it says, ours says with the same name and the same value."""
    official = pytest.importorskip("opentelemetry.instrumentation.genai.openai")

    def made(client: openai.OpenAI) -> None:
        client.chat.completions.create(**CHAT)
        client.responses.create(model="gpt-5.5", input=PROMPT, temperature=0.5, max_output_tokens=50)
        client.embeddings.create(model="text-embedding-3-small", input="go", dimensions=2, encoding_format="float")

    theirs_provider, theirs = _provider()
    instrumentor = official.OpenAIInstrumentor()
    instrumentor.instrument(tracer_provider=theirs_provider, skip_dep_check=True)
    try:
        with _client(server) as client:
            made(client)
    finally:
        instrumentor.uninstrument()
    ours_provider, ours = _provider()
    llmwatch.init(home=tmp_path, tracer_provider=ours_provider, hosts={"127.0.0.1": "openai"})
    with _client(server) as client:
        made(client)

    pairs = list(zip(theirs.get_finished_spans(), ours.get_finished_spans(), strict=True))
    differing = [
        (one.name, name, value, (two.attributes or {}).get(name))
        for one, two in pairs
        for name, value in (one.attributes or {}).items()
        if (two.attributes or {}).get(name) != value
        # The answer of a response is one: theirs names a reason for each of its items.
        and name != "gen_ai.response.finish_reasons"
    ]
    assert [one.name for one, _ in pairs] == [two.name for _, two in pairs]
    assert [(one.kind, two.instrumentation_scope.schema_url) for one, two in pairs if two.instrumentation_scope] == [
        (two.kind, one.instrumentation_scope.schema_url) for one, two in pairs if one.instrumentation_scope
    ]
    assert differing == []
