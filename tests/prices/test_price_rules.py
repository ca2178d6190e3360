"""What is billed of a call: parts that overlap, tools, failures, estimates, and what is not known."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from llmwatch.prices import explain

from .calls import BOOK, call, cost, reason, usd


def test_reasoning_and_predictions_are_part_of_the_output() -> None:
    """Reasoning tokens are never added again."""
    assert usd(call("gpt-5", 0, 1000, reasoning_tokens=900)) == Decimal("0.01")


def test_audio_is_taken_out_of_the_text_and_never_charged_twice() -> None:
    """600 of 1,000 input tokens and 80 of 100 output tokens are audio."""
    found = cost(call("gpt-audio", 1000, 100, audio_input_tokens=600, audio_output_tokens=80, text_input_tokens=400))

    assert found.input_cost_usd == Decimal("0.0202")
    assert found.output_cost_usd == Decimal("0.00532")


def test_cached_audio_leaves_the_fresh_audio() -> None:
    """Of 500 audio tokens 300 are cached, and text has 100 of the 400 cached tokens."""
    found = cost(
        call(
            "gpt-realtime", 1000, 0, audio_input_tokens=500, audio_output_tokens=0, cached_input_tokens=400,
            cached_audio_input_tokens=300,
        )
    )  # fmt: skip

    assert found.input_cost_usd == Decimal("0.0080")
    assert found.cached_input_cost_usd == Decimal("0.00016")


def test_modalities_that_overlap_the_cached_part_are_capped_at_what_it_left() -> None:
    """All input is audio and all of it is cached: no audio is left to charge, and the split is not known."""
    found = cost(call("gpt-realtime", 1000, 0, audio_input_tokens=1000, cached_input_tokens=1000))

    assert (found.cost_usd, found.grade) == (Decimal("0.0004"), "B")


def test_audio_on_a_model_without_an_audio_price_is_unpriced() -> None:
    """Audio is never charged as text."""
    assert reason(call("gpt-4o-audio-preview", 100, 10, audio_input_tokens=50)) == (
        "no audio input price for model gpt-4o-audio-preview"
    )


def test_image_input_of_a_chat_model_is_charged_as_its_input() -> None:
    """Chat models count images in tokens of the ordinary price."""
    assert usd(call("gpt-4o", 1000, 0, image_input_tokens=800)) == Decimal("0.0025")


@pytest.mark.parametrize(
    ("more", "expected", "grade"),
    [
        ({"image_output_tokens": 900, "text_output_tokens": 100}, "0.0298", "A"),
        ({"text_output_tokens": 100}, "0.0298", "A"),
        ({}, "0.032", "B"),
    ],
)
def test_output_of_an_image_model_is_image_unless_it_says_text(more: dict[str, int], expected: str, grade: str) -> None:
    """Unsplit output of an image model is taken as image, and graded B."""
    found = cost(call("gpt-image-1.5", 0, 1000, **more))

    assert (found.output_cost_usd, found.grade) == (Decimal(expected), grade)


def test_a_speech_is_charged_by_its_characters() -> None:
    """tts-1 reports no usage; the request's characters are what is billed."""
    found = cost(call("tts-1", usage_source="absent", input_characters=2000))

    assert (found.cost_usd, found.grade) == (Decimal("0.03"), "B")


def test_a_transcription_is_charged_by_its_seconds() -> None:
    """whisper-1 costs $0.006 a minute."""
    found = cost(call("whisper-1", audio_seconds=90.5))

    assert (found.cost_usd, found.grade) == (Decimal("0.00905"), "A")


@pytest.mark.parametrize(
    ("model", "more", "expected", "grade"),
    [
        ("gpt-5", {"web_search_calls": 3}, "0.03", "A"),
        ("gpt-5", {"file_search_calls": 4}, "0.01", "A"),
        ("gpt-5", {"web_search_preview_calls": 1}, "0.01", "A"),
        ("gpt-4.1", {"web_search_preview_calls": 1}, "0.025", "B"),
        ("gpt-4o-mini", {"web_search_calls": 1}, "0.01", "B"),
        ("gpt-4o", {"web_search_calls": 1}, "0.01", "A"),
        ("gpt-5-search-api", {}, "0.01", "B"),
        ("gpt-5", {"container_calls": 1}, "0", "B"),
        ("gpt-6.1-terra", {"web_search_calls": 1, "server_address": "eu.api.openai.com"}, "0.01", "B"),
    ],
)
def test_tools_are_charged_by_the_call(model: str, more: dict[str, Any], expected: str, grade: str) -> None:
    """Fees stand in a part of their own; what is ambiguous about them makes the call grade B."""
    found = cost(call(model, 1000, 0, **more))

    assert (found.tool_cost_usd, found.grade) == (Decimal(expected), grade)


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"http_status_code": 429, "error_type": "RateLimitError"}, ("A", "not billed: HTTP 429")),
        ({"error_type": "APIConnectionError", "is_unsent": True}, ("A", "not billed: not sent, APIConnectionError")),
        (
            {"http_status_code": 500, "server_address": "llm.acme.internal"},
            ("B", "not billed: HTTP 500"),
        ),
    ],
)
def test_a_call_that_was_refused_or_never_arrived_costs_nothing(
    more: dict[str, Any], expected: tuple[str, str]
) -> None:
    """OpenAI does not bill what it does not answer; that of other hosts, and of no answer at all, is an assumption."""
    found = cost(call("gpt-9-foo", status="error", usage_source="absent", **more))

    assert (found.grade, found.note) == expected
    assert found.cost_usd == 0


@pytest.mark.parametrize("status", [None, 200])
@pytest.mark.parametrize("error", ["APITimeoutError", "CancelledError", "APIConnectionError", "RemoteProtocolError"])
def test_a_request_that_left_may_have_been_billed(error: str, status: int | None) -> None:
    """A timeout, a cancellation, a reset or a body that dies says nothing about what the server did: unknown."""
    made = call("gpt-4o", status="error", usage_source="absent", error_type=error, http_status_code=status)
    assert reason(made) == "usage not reported"


def test_a_failed_answer_with_usage_is_billed() -> None:
    """An answer that was cut or failed after generating reports usage, and is charged."""
    assert usd(call("gpt-4o", 1000, 0, status="error", http_status_code=200)) == Decimal("0.0025")


@pytest.mark.parametrize(
    ("source", "note"),
    [("repeated", "counted on the call that created it"), ("none", "not billable")],
)
def test_what_was_counted_before_or_bills_nothing_costs_nothing(source: str, note: str) -> None:
    """Reading an answer again repeats its usage and must not repeat its cost."""
    found = cost(call("gpt-9-foo", 1000, 1000, usage_source=source))

    assert (found.cost_usd, found.grade, found.note, found.price_id) == (0, "A", note, None)


def test_a_stream_without_usage_is_unknown_not_free() -> None:
    """Absent usage has no cost."""
    assert reason(call("gpt-4o", usage_source="absent")) == "usage not reported"


@pytest.mark.parametrize(("known", "missing"), [((1000, None), "output"), ((None, 100), "input")])
def test_half_a_usage_is_unknown(known: tuple[int | None, int | None], missing: str) -> None:
    """A cost of half a call would pass for a whole one."""
    assert reason(call("gpt-4o", *known)) == f"{missing} tokens not reported"


def test_an_embedding_needs_no_output() -> None:
    """Models that charge for input only are complete without output tokens."""
    assert usd(call("text-embedding-3-small", 1000)) == Decimal("0.00002")


def test_an_estimate_is_charged_and_graded_c() -> None:
    """Estimated tokens are rounded to whole ones."""
    found = cost(call("gpt-4o", usage_source="estimated", estimated_input_tokens=999.6, estimated_output_tokens=100.2))

    assert (found.cost_usd, found.grade, found.note) == (Decimal("0.0035"), "C", "tokens estimated")


@pytest.mark.parametrize("estimate", [float("nan"), float("inf"), None])
def test_an_estimate_that_is_no_number_is_unknown(estimate: float | None) -> None:
    """A broken estimate costs neither 0 nor the merge."""
    made = call("gpt-4o", usage_source="estimated", estimated_input_tokens=estimate, estimated_output_tokens=1.0)

    assert reason(made) == "input tokens not reported"


def test_a_cache_that_is_written_more_than_read_saves_less_than_nothing() -> None:
    """1,000 written tokens cost a quarter more than fresh ones; 1,000 read ones nine tenths less."""
    written = cost(call("gpt-6-luna", 1000, 0, cache_write_tokens=1000))
    read = cost(call("gpt-6-luna", 1000, 0, cached_input_tokens=1000))

    assert written.cache_saving_usd == Decimal("-0.000025")
    assert read.cache_saving_usd == Decimal("0.00009")


def test_a_count_that_no_call_can_have_has_no_cost() -> None:
    """It neither overflows nor passes for a number of dollars; of a batch, a sum, it is one."""
    assert reason(call("gpt-4o", 2**62, 5)) == "usage out of range"
    assert reason(call("gpt-4o", 1_000_000_001, 5)) == "usage out of range"
    # Half of $2.50 for each of 3,000 million tokens.
    assert usd(call("gpt-4o", 3_000_000_000, 0, is_batch=True, requests=50_000)) == Decimal(3750)


@pytest.mark.parametrize(
    ("requests", "tokens", "dollars", "grade"),
    [
        # gpt-5.5 in a batch: $2.50 a million, $5.00 where one request has more than 272,000 input tokens
        (1, 272_000, "0.68", "A"),
        (1, 272_001, "1.360005", "A"),
        (2, 272_000, "0.68", "A"),
        (2, 272_001, "0.6800025", "B"),
        (1000, 400_000, "1", "B"),
    ],
)
def test_the_long_context_price_is_a_rule_about_one_request(
    requests: int, tokens: int, dollars: str, grade: str
) -> None:
    """A sum of requests says nothing about each: the short price holds, B where one of them may have been long."""
    found = cost(call("gpt-5.5", tokens, 0, is_batch=True, requests=requests))

    assert (found.cost_usd, found.grade) == (Decimal(dollars), grade)
    assert ("272,000 input tokens" in (found.note or "")) == (grade == "B")


_IMAGE = {"image_tool_calls": 1, "image_tool_model": "gpt-image-2", "image_tool_input_tokens": 30}


def test_the_image_generation_tool_is_billed_as_its_own_model() -> None:
    """gpt-image-2: text $5, cached text $1.25, image $8, cached image $2, image output $30 a million."""
    plain = cost(call("gpt-5.5", 1000, 100, **_IMAGE, image_tool_output_tokens=7024))
    parts = cost(
        call(
            "gpt-5.5", 1000, 100, image_tool_calls=1, image_tool_model="gpt-image-2",
            image_tool_input_tokens=1000, image_tool_image_input_tokens=600, image_tool_cached_input_tokens=300,
            image_tool_cached_image_input_tokens=200, image_tool_output_tokens=500,
        )
    )  # fmt: skip

    assert plain.tool_cost_usd == Decimal("0.00015") + Decimal("0.21072")
    assert plain.grade == "A"
    # 300 text x 5 + 100 cached text x 1.25 + 400 image x 8 + 200 cached image x 2 + 500 x 30, a million
    assert parts.tool_cost_usd == Decimal("0.020225")


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"image_tool_calls": 1}, "usage of the image generation tool not reported"),
        ({**_IMAGE, "image_tool_model": None}, "model of the image generation tool not reported"),
        (
            {**_IMAGE, "image_tool_model": "gpt-image-99"},
            "no price for model gpt-image-99 of the image generation tool",
        ),
    ],
)
def test_an_image_without_its_usage_or_price_has_no_cost(more: dict[str, Any], expected: str) -> None:
    """The picture is most of the cost: without it a number would be wrong by most of itself."""
    assert reason(call("gpt-5.5", 1000, 100, **more)) == expected


def test_an_explanation_shows_every_term_and_ends_in_the_total() -> None:
    """A number can be traced by hand."""
    lines = explain(call("gpt-4o", 3000, 500, cached_input_tokens=1024), BOOK)

    assert lines[1:] == [
        "fresh input: 1,976 tokens x $2.5 per 1,000,000 = $0.00494",
        "cached input: 1,024 tokens x $1.25 per 1,000,000 = $0.00128",
        "output: 500 tokens x $10 per 1,000,000 = $0.005",
        "cost $0.01122, grade A",
    ]


def test_an_explanation_of_no_price_gives_the_reason() -> None:
    """The same words as in the report."""
    assert explain(call("gpt-9-foo", 1, 1), BOOK) == ["cost unknown: no price for model gpt-9-foo on api.openai.com"]


@pytest.mark.parametrize(
    ("model", "seconds", "expected"),
    [
        ("gpt-live-1", 3_600.0, "3"),
        ("gpt-live-1", 1_234.5678, "1.0288065"),
        ("whisper-1", 8.47, "0.000847"),
        ("gpt-realtime-whisper", 3_600.0, "1.02"),
    ],
)
def test_an_hour_costs_what_an_hour_costs(model: str, seconds: float, expected: str) -> None:
    """Prices per hour are exact, although they are kept per second."""
    assert cost(call(model, audio_seconds=seconds)).cost_usd == Decimal(expected)
