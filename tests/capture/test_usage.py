"""Usage as servers write it: every spelling and place gives the counts that were meant, read off by hand."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmwatch.capture.endpoints import classify
from llmwatch.capture.response import read_answer
from llmwatch.capture.sse import StreamFold
from llmwatch.capture.stated_cost import amount, stated_cost
from llmwatch.capture.usage import usage_fields, usage_of

CHAT = classify("post", "/v1/chat/completions")
RESPONSES = classify("post", "/v1/responses")
IMAGES = classify("post", "/v1/images/generations")
TRANSCRIPTION = classify("post", "/v1/audio/transcriptions")


def counts(usage: dict[str, Any]) -> tuple[Any, ...]:
    """(input, cached, written, output, reasoning), None for what is not known."""
    read = usage_fields(usage)
    names = ("input_tokens", "cached_input_tokens", "cache_write_tokens", "output_tokens", "reasoning_tokens")
    return tuple(read.get(name) for name in names)


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        # OpenAI's own shapes
        ({"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12}, (9, None, None, 3, None)),
        ({"input_tokens": 9, "output_tokens": 3, "total_tokens": 12}, (9, None, None, 3, None)),
        (
            {
                "input_tokens": 90,
                "input_tokens_details": {"cached_tokens": 50, "cache_write_tokens": 20},
                "output_tokens": 30,
                "output_tokens_details": {"reasoning_tokens": 10},
                "total_tokens": 120,
            },
            (90, 50, 20, 30, 10),
        ),
        ({"prompt_tokens": 8, "total_tokens": 8}, (8, None, None, None, None)),
        # the cached part at the top
        (
            {
                "prompt_tokens": 10_000,
                "completion_tokens": 100,
                "total_tokens": 10_100,
                "prompt_cache_hit_tokens": 9_000,
                "prompt_cache_miss_tokens": 1_000,
            },
            (10_000, 9_000, None, 100, None),
        ),
        (
            {"prompt_cache_hit_tokens": 9_000, "prompt_cache_miss_tokens": 1_000, "completion_tokens": 5},
            (10_000, 9_000, None, 5, None),
        ),
        (
            {"prompt_tokens": 500, "completion_tokens": 10, "total_tokens": 510, "cached_tokens": 400},
            (500, 400, None, 10, None),
        ),
        # zeros under one spelling, real counts under the other
        (
            {
                "prompt_tokens": 0,
                "completion_tokens": 0,
                "total_tokens": 0,
                "input_tokens": 70,
                "output_tokens": 7,
                "input_tokens_details": {"cached_tokens": 60},
                "prompt_tokens_details": {"cached_tokens": 0},
            },
            (70, 60, None, 7, None),
        ),
        (
            {
                "prompt_tokens": 70,
                "completion_tokens": 7,
                "total_tokens": 77,
                "input_tokens": 0,
                "output_tokens": 0,
                "prompt_tokens_details": {"cached_tokens": 0},
                "prompt_cache_hit_tokens": 64,
            },
            (70, 64, None, 7, None),
        ),
        # reasoning beside the completion: the total says so
        (
            {
                "prompt_tokens": 32,
                "completion_tokens": 9,
                "total_tokens": 135,
                "completion_tokens_details": {"reasoning_tokens": 94},
            },
            (32, None, None, 103, 94),
        ),
        # reasoning inside the completion: the total says that too
        (
            {
                "prompt_tokens": 32,
                "completion_tokens": 103,
                "total_tokens": 135,
                "completion_tokens_details": {"reasoning_tokens": 94},
            },
            (32, None, None, 103, 94),
        ),
        # in the total only
        ({"prompt_tokens": 20, "completion_tokens": 424, "total_tokens": 1_016}, (20, None, None, 996, None)),
        (
            {
                "prompt_tokens": 21,
                "completion_tokens": 0,
                "total_tokens": 81,
                "completion_tokens_details": {"reasoning_tokens": 60},
            },
            (21, None, None, 60, 60),
        ),
        # Gemini's own, Bedrock's and the AI SDK's names
        (
            {
                "promptTokenCount": 100,
                "candidatesTokenCount": 20,
                "thoughtsTokenCount": 30,
                "cachedContentTokenCount": 40,
                "totalTokenCount": 150,
            },
            (100, 40, None, 50, 30),
        ),
        (
            {"inputTokens": 4, "outputTokens": 272, "cacheReadInputTokens": 1_024, "totalTokens": 1_300},
            (1_028, 1_024, None, 272, None),
        ),
        ({"promptTokens": 11, "completionTokens": 4, "totalTokens": 15}, (11, None, None, 4, None)),
        # cached tokens beside the input, as Anthropic counts; through a proxy the total settles it
        (
            {
                "input_tokens": 50,
                "cache_read_input_tokens": 900,
                "cache_creation_input_tokens": 30,
                "output_tokens": 20,
            },
            (980, 900, 30, 20, None),
        ),
        (
            {
                "prompt_tokens": 980,
                "completion_tokens": 20,
                "total_tokens": 1_000,
                "cache_read_input_tokens": 900,
                "cache_creation_input_tokens": 30,
                "prompt_tokens_details": {"cached_tokens": 900},
            },
            (980, 900, 30, 20, None),
        ),
        (
            {
                "prompt_tokens": 50,
                "completion_tokens": 20,
                "total_tokens": 1_000,
                "cache_read_input_tokens": 900,
                "cache_creation_input_tokens": 30,
            },
            (980, 900, 30, 20, None),
        ),
        (
            {"prompt_tokens": 50, "completion_tokens": 20, "total_tokens": 70, "cache_read_input_tokens": 900},
            (950, 900, None, 20, None),
        ),
        (
            {
                "input_tokens": 50,
                "output_tokens": 20,
                "cache_read_input_tokens": 0,
                "cache_creation": {"ephemeral_5m_input_tokens": 10, "ephemeral_1h_input_tokens": 30},
            },
            (90, 0, 40, 20, None),
        ),
        # numbers as servers in other languages write them
        ({"prompt_tokens": 12.0, "completion_tokens": "3", "total_tokens": 15}, (12, None, None, 3, None)),
    ],
)
def test_a_usage_object_is_read_as_it_was_meant(usage: dict[str, Any], expected: tuple[Any, ...]):
    """Input holds what was cached and written, output holds reasoning, whoever counts."""
    assert counts(usage) == expected


@pytest.mark.parametrize(
    ("usage", "doubt"),
    [
        ({"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12}, None),
        (
            {
                "prompt_tokens": 9,
                "completion_tokens": 3,
                "total_tokens": 14,
                "completion_tokens_details": {"reasoning_tokens": 2},
            },
            None,
        ),
        ({"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 14}, "2 tokens stand in the total only"),
        ({"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 10}, "the total is 2 tokens less"),
        (
            {
                "prompt_tokens": 9,
                "completion_tokens": 3,
                "total_tokens": 4,
                "prompt_tokens_details": {"cached_tokens": 8},
            },
            None,
        ),
        ({"prompt_tokens": 9, "input_tokens": 8, "output_tokens": 1}, "input tokens stand under two spellings"),
        ({"prompt_tokens": 9, "input_tokens": 8, "output_tokens": 1, "total_tokens": 9}, None),
        ({"input_tokens": 5, "output_tokens": 1, "cache_read_input_tokens": 3}, "taken as counted beside the input"),
    ],
)
def test_what_does_not_agree_is_said(usage: dict[str, Any], doubt: str | None):
    """A difference that a part explains is no doubt; one that nothing explains is named."""
    said = usage_fields(usage).get("usage_doubt")

    assert said == doubt if doubt is None else doubt in str(said)


@pytest.mark.parametrize(
    "usage",
    [
        {"prompt_tokens": 1_000, "completion_tokens": 5, "total_tokens": 100},
        {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 10**12},
    ],
)
def test_usage_that_contradicts_itself_says_nothing(usage: dict[str, Any]):
    """A total below one of its parts, or beyond any answer, is a reason and no count is corrected by it."""
    read = usage_fields(usage)

    assert read["usage_conflict"].startswith("the reported usage contradicts itself")
    assert (read["input_tokens"], read["output_tokens"]) == (usage["prompt_tokens"], 5)


REAL = {"prompt_tokens": 2_300, "completion_tokens": 190, "total_tokens": 2_490}


@pytest.mark.parametrize(
    "body",
    [
        {"usage": REAL},
        {"usage": None, "x_groq": {"id": "req", "usage": REAL}},
        {"usage": {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}, "x_groq": {"usage": REAL}},
        {"choices": [{"index": 0, "message": {"content": "x"}, "finish_reason": "stop", "usage": REAL}]},
        {"usageMetadata": {"promptTokenCount": 2_300, "candidatesTokenCount": 190, "totalTokenCount": 2_490}},
    ],
)
def test_usage_is_found_where_it_stands(body: dict[str, Any]):
    """Beside the choices, in one of them, under a vendor's own key."""
    fields = read_answer(CHAT, body).fields

    assert (fields["input_tokens"], fields["output_tokens"], fields["usage_source"]) == (2_300, 190, "response")


def test_usage_of_several_choices_is_one_input_and_all_outputs():
    """The prompt was read once."""
    usage = [{"prompt_tokens": 100, "completion_tokens": n, "total_tokens": 100 + n} for n in (7, 9)]
    fields = read_answer(CHAT, {"choices": [{"index": i, "usage": u} for i, u in enumerate(usage)]}).fields

    assert (fields["input_tokens"], fields["output_tokens"]) == (100, 16)


def folded(*rows: dict[str, Any]) -> dict[str, Any]:
    """What a stream of these chunks adds up to."""
    fold = StreamFold("chat")
    for row in rows:
        fold.feed(b"data: " + json.dumps(row, separators=(",", ":")).encode() + b"\n\n")
    fold.feed(b"data: [DONE]\n\n")
    return read_answer(CHAT, fold.body()).fields


def piece(**more: Any) -> dict[str, Any]:
    """A chunk of text, as OpenAI writes it, with something more."""
    choice = {"index": 0, "delta": {"content": "hi"}, "logprobs": None, "finish_reason": None}
    return {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice], **more}


@pytest.mark.parametrize(
    "last",
    [
        piece(usage=REAL),
        piece(x_groq={"usage": REAL}),
        {"id": "c", "choices": [], "usage": REAL},
        {"id": "c", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop", "usage": REAL}]},
    ],
)
def test_usage_of_a_stream_is_found_where_it_stands(last: dict[str, Any]):
    """On the last chunk, with choices or without, in a choice, or under a vendor's own key."""
    fields = folded(piece(), piece(), last)

    assert (fields["input_tokens"], fields["output_tokens"]) == (2_300, 190)


def test_zeros_behind_the_real_counts_of_a_stream_are_not_the_usage():
    """Some servers close with a usage of zeros."""
    zeros = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
    fields = folded(piece(usage=REAL), {"id": "c", "choices": [], "usage": zeros})

    assert (fields["input_tokens"], fields["output_tokens"]) == (2_300, 190)


@pytest.mark.parametrize(
    ("body", "usd", "source"),
    [
        ({"usage": {"cost": 0.0123}}, "0.012300000000", "usage.cost"),
        ({"usage": {"cost": "0.0123"}}, "0.012300000000", "usage.cost"),
        ({"usage": {"cost": 0}}, "0.000000000000", "usage.cost"),
        (
            {"usage": {"cost": {"request_cost": 0.005, "total_cost": 0.005433}}},
            "0.005433000000",
            "usage.cost.total_cost",
        ),
        ({"usage": {"cost_in_usd_ticks": 232_856_000}}, "0.023285600000", "usage.cost_in_usd_ticks"),
        ({"usage": {"cost_in_usd_ticks": 1, "cost": 7}}, "0.000000000100", "usage.cost_in_usd_ticks"),
        ({"usage": {"estimated_cost": 1.07e-06}}, "0.000001070000", "usage.estimated_cost"),
        ({"usage": {"cost_usd_total": 0.000125, "cost_usd_input": 1}}, "0.000125000000", "usage.cost_usd_total"),
        ({"usage": {}, "response_cost": 0.25}, "0.250000000000", "response_cost"),
        ({"usage": {}, "_hidden_params": {"response_cost": 2e-05}}, "0.000020000000", "_hidden_params.response_cost"),
        (
            {"choices": [{"message": {"provider_metadata": {"gateway": {"cost": "0.0045405"}}}}]},
            "0.004540500000",
            "provider_metadata.gateway.cost",
        ),
        # a key of one's own: the gateway's fee is stated, the vendor's charge stands beside it
        (
            {"usage": {"cost": 0.95, "cost_details": {"upstream_inference_cost": 19}}},
            "19.950000000000",
            "usage.cost",
        ),
        (
            {"usage": {"cost": 0.02, "is_byok": False, "cost_details": {"upstream_inference_cost": 0.02}}},
            "0.020000000000",
            "usage.cost",
        ),
    ],
)
def test_a_stated_cost_is_read_to_the_last_digit(body: dict[str, Any], usd: str, source: str):
    """Whatever its unit and its place."""
    assert stated_cost(body, body.get("usage")) == {"stated_cost_usd": usd, "stated_cost_source": source}
    assert read_answer(CHAT, body).fields["stated_cost_usd"] == usd


@pytest.mark.parametrize(
    "usage", [{"cost": True}, {"cost": -1}, {"cost": "a lot"}, {"cost": None}, {"cost": 1e9}, {"cost": float("nan")},
              {"cost": {"total_cost": 3, "currency": "CNY"}}, {"cost": [1]}, {"cost": "9" * 99}]
)  # fmt: skip
def test_what_is_no_amount_of_dollars_is_no_cost(usage: dict[str, Any]):
    """Nothing is made up of it, and nothing raises."""
    assert stated_cost({}, usage) == {}


def test_no_binary_fraction_reaches_an_amount():
    """The shortest decimal of a float is what the server wrote."""
    assert amount(0.1) == "0.100000000000"
    assert amount(4.35) == "4.350000000000"


def test_svg_authoring_is_counted_as_text_beside_the_image():
    """30 + 70 tokens of input, 400 of the picture and 200 of its source."""
    body = {
        "usage": {
            "input_tokens": 30,
            "input_tokens_details": {"text_tokens": 30, "image_tokens": 0},
            "output_tokens": 400,
            "total_tokens": 430,
        },
        "svg_usage": {
            "model": "gpt-6-luna",
            "input_tokens": 70,
            "output_tokens": 200,
            "reasoning_tokens": 50,
            "total_tokens": 270,
        },
    }
    fields = read_answer(IMAGES, body).fields

    assert (fields["input_tokens"], fields["text_input_tokens"]) == (100, 100)
    assert (fields["output_tokens"], fields["text_output_tokens"], fields["image_output_tokens"]) == (600, 200, 400)
    assert "SVG authoring by gpt-6-luna" in fields["usage_doubt"]


@pytest.mark.parametrize(
    ("author", "expected"),
    [
        ("gpt-6-luna", (170, 250, None)),
        ("gpt-image-2", (100, 50, "SVG authoring by gpt-image-2 (270 tokens) is not in this cost")),
    ],
)
def test_svg_authoring_in_a_response_is_never_dropped_in_silence(author: str, expected: tuple[Any, ...]):
    """By the answer's own model it is its tokens; by another one it is named as missing."""
    drawn = {"model": author, "input_tokens": 70, "output_tokens": 200, "reasoning_tokens": 0, "total_tokens": 270}
    body = {
        "model": "gpt-6-luna",
        "status": "completed",
        "output": [{"type": "image_generation_call", "id": "ig_1", "svg_usage": drawn}],
        "usage": {"input_tokens": 100, "output_tokens": 50, "total_tokens": 150},
    }
    fields = read_answer(RESPONSES, body).fields

    assert (fields["input_tokens"], fields["output_tokens"], fields.get("usage_doubt")) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"text": "hi", "duration": 8.47, "usage": {"type": "duration", "seconds": 9}}, (9.0, None)),
        ({"text": "hi", "duration": 8.47, "language": "english"}, (8.47, "the seconds are the length of the sound")),
        ({"text": "hi", "duration": "8.47"}, (None, None)),
        ({"text": "hi", "duration": True}, (None, None)),
    ],
)
def test_the_duration_of_a_verbose_transcript_is_its_usage(body: dict[str, Any], expected: tuple[Any, Any]):
    """The billed seconds where they are reported, else the length of the sound with a doubt."""
    fields = read_answer(TRANSCRIPTION, body).fields
    seconds, doubt = expected

    assert fields.get("audio_seconds") == seconds
    assert (doubt or "") in (fields.get("usage_doubt") or "")


JSON: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
NAMES = (
    "prompt_tokens", "completion_tokens", "total_tokens", "input_tokens", "output_tokens", "prompt_tokens_details",
    "completion_tokens_details", "input_tokens_details", "cached_tokens", "cache_read_input_tokens", "inputTokens",
    "reasoning_tokens", "cache_creation", "cost", "cost_details", "cost_in_usd_ticks", "prompt_cache_hit_tokens",
    "type", "seconds",
)  # fmt: skip


@given(st.dictionaries(st.sampled_from(NAMES), JSON, max_size=9), JSON)
def test_no_usage_raises(usage: dict[str, Any], other: Any):
    """Counts are numbers of tokens or absent, whatever came."""
    read = usage_fields(usage)
    body = {"usage": usage, "x_groq": other, "choices": other, "svg_usage": other, "provider_metadata": other}

    assert all(v >= 0 for k, v in read.items() if k.endswith("_tokens"))
    usage_of(body)
    stated_cost(body, usage)
    read_answer(IMAGES, body)
