"""The chat endpoint, as the real SDK sees it."""

import json

import openai
import pytest
from openai import AzureOpenAI, OpenAI

from llmwatch.standin import Reply, StandinServer

ASKED = [{"role": "user", "content": "Where is my invoice?"}]
TICKET = {
    "type": "object",
    "properties": {
        "category": {"type": "string", "enum": ["billing", "bug"]},
        "urgent": {"type": "boolean"},
        "score": {"type": "integer", "minimum": 1, "maximum": 5},
        "tags": {"type": "array", "items": {"$ref": "#/$defs/tag"}, "minItems": 2, "maxItems": 2},
    },
    "required": ["category", "urgent", "score", "tags"],
    "additionalProperties": False,
    "$defs": {"tag": {"type": "string", "maxLength": 5}},
}


def test_a_plain_answer_has_text_usage_and_the_dated_model(client: OpenAI):
    """A chat completion looks like OpenAI's: snapshot, tier, fingerprint, finish reason, a usage that adds up."""
    answer = client.chat.completions.create(model="gpt-4o", messages=ASKED)

    usage = answer.usage
    assert usage is not None
    assert answer.choices[0].message.content
    assert (answer.model, answer.service_tier, answer.choices[0].finish_reason) == (
        "gpt-4o-2024-08-06",
        "default",
        "stop",
    )
    assert answer.system_fingerprint
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens > 0
    assert usage.prompt_tokens_details is not None
    assert usage.prompt_tokens_details.cached_tokens == 0


def test_the_same_seed_gives_the_same_bytes():
    """Two servers of one seed and one virtual time answer the same request with equal ids and text."""
    seen = []
    for _ in range(2):
        with StandinServer(seed=3) as server, OpenAI(base_url=server.base_url, api_key="k") as client:
            answer = client.chat.completions.create(model="gpt-4o", messages=ASKED)
            seen.append((answer.id, answer.choices[0].message.content))

    assert seen[0] == seen[1]


def test_headers_carry_the_request_id_and_the_rate_limits(client: OpenAI):
    """Raw responses show what OpenAI's show."""
    raw = client.chat.completions.with_raw_response.create(model="gpt-4o", messages=ASKED)

    assert raw.headers["x-request-id"].startswith("req_")
    assert {"openai-processing-ms", "openai-version", "x-ratelimit-remaining-tokens"} <= set(raw.headers)


def test_n_answers_bill_one_prompt(client: OpenAI):
    """With n=3 the prompt counts once and the outputs are summed."""
    one = client.chat.completions.create(model="gpt-4o", messages=ASKED)
    three = client.chat.completions.create(model="gpt-4o", messages=ASKED, n=3)

    assert len(three.choices) == 3
    assert one.usage and three.usage
    assert three.usage.prompt_tokens == one.usage.prompt_tokens
    assert three.usage.completion_tokens > one.usage.completion_tokens


def test_a_schema_is_followed(client: OpenAI):
    """Structured output is valid JSON for the schema, references and limits included."""
    wanted = {"type": "json_schema", "json_schema": {"name": "ticket", "schema": TICKET, "strict": True}}
    answer = client.chat.completions.create(model="gpt-4o", messages=ASKED, response_format=wanted)

    ticket = json.loads(answer.choices[0].message.content or "")
    assert ticket["category"] in ("billing", "bug")
    assert ticket["urgent"] in (True, False)
    assert 1 <= ticket["score"] <= 5
    assert [len(tag) <= 5 for tag in ticket["tags"]] == [True, True]


def test_json_mode_gives_an_object(client: OpenAI):
    """`json_object` without a schema still answers with an object."""
    answer = client.chat.completions.create(model="gpt-4o", messages=ASKED, response_format={"type": "json_object"})

    assert isinstance(json.loads(answer.choices[0].message.content or ""), dict)


def test_a_tool_is_called_and_its_result_ends_the_turn(client: OpenAI):
    """The one tool offered is called with arguments for its schema; after its result comes text."""
    tool = {"type": "function", "function": {"name": "open_ticket", "parameters": TICKET}}
    asked = client.chat.completions.create(model="gpt-4o", messages=ASKED, tools=[tool])
    call = asked.choices[0].message.tool_calls[0]
    result = {"role": "tool", "tool_call_id": call.id, "content": "ticket 12"}
    told = client.chat.completions.create(
        model="gpt-4o", messages=[*ASKED, asked.choices[0].message, result], tools=[tool]
    )

    assert asked.choices[0].finish_reason == "tool_calls"
    assert set(json.loads(call.function.arguments)) == set(TICKET["properties"])
    assert told.choices[0].finish_reason == "stop"
    assert told.choices[0].message.content


def test_reasoning_counts_as_output_and_can_eat_the_limit(client: OpenAI):
    """A reasoning model with little room answers nothing, is cut by length, and is billed."""
    answer = client.chat.completions.create(
        model="gpt-6.1-terra", messages=ASKED, reasoning_effort="high", max_completion_tokens=20
    )

    assert answer.usage and answer.usage.completion_tokens_details
    assert answer.choices[0].finish_reason == "length"
    assert answer.choices[0].message.content == ""
    assert answer.usage.completion_tokens >= answer.usage.completion_tokens_details.reasoning_tokens > 0


def test_a_stream_joins_to_the_text_and_usage_comes_only_when_asked(client: OpenAI, server: StandinServer):
    """With include_usage the last chunk has no choices and the usage; without it no chunk has one."""
    server.brain = lambda info: Reply(text="Four words, one stop.")
    plain = list(client.chat.completions.create(model="gpt-4o", messages=ASKED, stream=True))
    asked = list(
        client.chat.completions.create(
            model="gpt-4o", messages=ASKED, stream=True, stream_options={"include_usage": True}
        )
    )

    assert "".join(c.choices[0].delta.content or "" for c in plain) == "Four words, one stop."
    assert [c.usage for c in plain if c.usage] == []
    assert plain[-1].choices[0].finish_reason == "stop"
    assert (asked[-1].choices, asked[-1].usage.completion_tokens) == ([], 6)


def test_a_streamed_tool_call_arrives_in_pieces(client: OpenAI):
    """Name first, then arguments that join to JSON."""
    tool = {"type": "function", "function": {"name": "open_ticket", "parameters": TICKET}}
    with client.chat.completions.stream(model="gpt-4o", messages=ASKED, tools=[tool]) as stream:
        final = stream.get_final_completion()

    call = final.choices[0].message.tool_calls[0]
    assert call.function.name == "open_ticket"
    assert set(json.loads(call.function.arguments)) == set(TICKET["properties"])


def test_stored_completions_are_listed_by_page(client: OpenAI):
    """`store=True` keeps a completion; the SDK pages through them and reads the messages back."""
    made = [
        client.chat.completions.create(model="gpt-4o", messages=ASKED, store=True, metadata={"n": str(n)}).id
        for n in range(5)
    ]

    assert [kept.id for kept in client.chat.completions.list(limit=2)] == made
    assert client.chat.completions.retrieve(made[0]).metadata == {"n": "0"}
    assert client.chat.completions.messages.list(made[0]).data[0].content == ASKED[0]["content"]
    assert client.chat.completions.delete(made[0]).deleted


def test_azure_paths_and_filters_work(server: StandinServer):
    """The Azure client's deployment path answers, with content filter results."""
    with AzureOpenAI(azure_endpoint=server.origin, api_key="k", api_version="2025-04-01-preview") as azure:
        answer = azure.chat.completions.create(model="prod-4o", messages=ASKED)

    assert answer.model == "prod-4o"
    assert answer.model_extra and "prompt_filter_results" in answer.model_extra
    assert server.requests[-1].path == "/openai/deployments/prod-4o/chat/completions"


def test_the_account_refuses_a_bad_key_a_missing_model_and_an_unknown_path(server: StandinServer, client: OpenAI):
    """401, 404 and 404, each in OpenAI's error shape."""
    with pytest.raises(openai.AuthenticationError) as bad_key:
        client.with_options(api_key="sk-invalid").models.list()
    with pytest.raises(openai.NotFoundError) as no_model:
        client.chat.completions.create(model="this-model-does-not-exist", messages=ASKED)
    with pytest.raises(openai.NotFoundError) as no_path:
        client.post("/teleport", cast_to=object, body={"model": "gpt-4o"})

    assert bad_key.value.code == "invalid_api_key"
    assert no_model.value.code == "model_not_found"
    assert "Invalid URL (POST /v1/teleport)" in str(no_path.value)
