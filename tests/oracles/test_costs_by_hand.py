"""What calls cost and save, and what a run may cost, by arithmetic on the list's rates."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from llmwatch.prices import Cost, PriceKey, Unpriced, explain, price_one
from llmwatch.runs.ask import Place
from llmwatch.runs.money import Meter, Size
from tests.prices.calls import BOOK, call, cost, reason, usd

OPENAI = Place("https://api.openai.com/v1", "api.openai.com", 443)


def meter(model: str, *, reasons: bool = False) -> Meter:
    """A run's prices of the model."""
    return Meter(BOOK, OPENAI, "openai", model, reasons=reasons, most_output=None)


@pytest.mark.parametrize(
    ("kept_12h", "written", "saved"),
    [(0, "0.001875", "-0.0003750"), (500, "0.0025", "-0.0010"), (1500, "0.00375", "-0.00225")],
)
def test_a_cache_write_of_12_hours_is_set_against_fresh_input(kept_12h: int, written: str, saved: str) -> None:
    """gpt-6.1-terra: $1 fresh, $1.25 for 30 minutes, $2.50 for 12 hours per million; 1,500 are written."""
    found = cost(call("gpt-6.1-terra", 3000, 0, cache_write_tokens=1500, cache_write_12h_tokens=kept_12h))

    assert found.cache_write_cost_usd == Decimal(written)
    assert found.cache_saving_usd == Decimal(saved)


def test_a_budget_knows_the_fee_of_every_request() -> None:
    """gpt-5-search-api: $1.25 in, $10 out per million, and $10 for 1,000 requests."""
    size = Size(1000, 200, max_tokens=300)

    low, likely, high = meter("gpt-5-search-api").expected(size)

    assert likely == Decimal("0.01325")
    assert (low, high) == (Decimal("0.01225"), Decimal("0.01425"))
    assert meter("gpt-5-search-api").reserve(size) == Decimal("0.01") + 1164 * Decimal("0.00000125") + Decimal("0.003")


def test_a_budget_reckons_with_a_cold_cache_that_is_written_and_with_long_context() -> None:
    """gpt-6.1-terra: all input written at $1.25; above 272,000 tokens twice that, and output half as much more."""
    short, long = Size(10_000, 1000, max_tokens=1000), Size(272_001, 1000, max_tokens=1000)

    assert meter("gpt-6.1-terra").expected(short)[1] == Decimal("0.0125") + Decimal("0.005")
    assert meter("gpt-6.1-terra").expected(long)[1] == Decimal("0.6800025") + Decimal("0.0075")
    assert meter("gpt-6.1-terra").reserve(short) == 11_064 * Decimal("0.00000125") + Decimal("0.005")
    assert meter("gpt-6.1-terra").expected(Size(272_000, 0, max_tokens=1000))[1] == Decimal("0.34")


def test_a_budget_without_a_limit_reckons_with_an_answer_of_another_length() -> None:
    """Four times the known length and 1,000 more; a model that thinks may think 8,000 on top; two answers are twice."""
    plain, thinking = meter("gpt-4o"), meter("gpt-5", reasons=True)

    assert plain.output_limit(Size(10, 100)) == 1400
    assert plain.output_limit(Size(10, 100, choices=2)) == 2800
    assert plain.output_limit(Size(10, 100, max_tokens=50, choices=2)) == 100
    assert thinking.output_limit(Size(10, 100)) == 9400
    assert plain.expected(Size(1000, 100, max_tokens=120)) == (Decimal("0.003"), Decimal("0.0035"), Decimal("0.0037"))


SPLIT = {
    "text_input_tokens": 300, "audio_input_tokens": 500, "image_input_tokens": 200, "cached_input_tokens": 400,
    "cached_audio_input_tokens": 250, "cached_image_input_tokens": 100,
    "text_output_tokens": 60, "audio_output_tokens": 40, "reasoning_tokens": 60,
}  # fmt: skip


def test_parts_that_fill_their_whole_agree_with_it() -> None:
    """gpt-realtime: $4, $32 and $5 in, $0.40, $0.40 and $0.50 read, $16 and $64 out per million tokens."""
    found = cost(call("gpt-realtime", 1000, 100, **SPLIT))

    # 250 fresh of text, 250 of sound, 100 of images; 50, 250 and 100 of them read from the cache.
    assert found.input_cost_usd == Decimal("0.0010") + Decimal("0.0080") + Decimal("0.0005")
    assert found.cached_input_cost_usd == Decimal("0.00002") + Decimal("0.0001") + Decimal("0.00005")
    assert found.output_cost_usd == Decimal("0.00096") + Decimal("0.00256")
    assert found.cache_saving_usd == Decimal("0.00018") + Decimal("0.0079") + Decimal("0.00045")
    assert (found.is_usage_inconsistent, found.grade, found.note) == (False, "A", None)


@pytest.mark.parametrize(
    "changed",
    [
        {"text_input_tokens": 301}, {"audio_input_tokens": 501}, {"image_input_tokens": 201},
        {"cached_audio_input_tokens": 301}, {"cached_image_input_tokens": 151},
        {"text_output_tokens": 61}, {"audio_output_tokens": 41}, {"image_output_tokens": 1}, {"reasoning_tokens": 101},
        {"cached_input_tokens": 1001}, {"cache_write_tokens": 601}, {"cache_write_12h_tokens": 601},
        {"cache_write_tokens": 10, "cache_write_12h_tokens": 11},
        {"cached_input_tokens": -1}, {"cache_write_tokens": -1}, {"cache_write_12h_tokens": -1},
        {"audio_input_tokens": -1}, {"image_input_tokens": -1}, {"audio_output_tokens": -1},
        {"image_output_tokens": -1},
        {"input_tokens": -1}, {"output_tokens": -1},
    ],
)  # fmt: skip
def test_a_count_that_contradicts_the_others_is_flagged(changed: dict[str, int]) -> None:
    """One token more than there is room for, or fewer than none: the cost is not sure."""
    found = cost({**call("gpt-realtime", 1000, 100, **SPLIT), **changed})

    assert (found.is_usage_inconsistent, found.grade) == (True, "B")
    assert "contradicts itself" in (found.note or "")


@pytest.mark.parametrize(
    ("more", "note"),
    [
        ({}, "input not split by modality, taken as text"),
        ({"text_output_tokens": 100}, "input not split by modality, taken as text"),
        ({"text_input_tokens": 1000}, "output not split by modality, taken as text"),
        ({"image_input_tokens": 0}, "output not split by modality, taken as text"),
        ({"audio_input_tokens": 0, "audio_output_tokens": 0}, None),
    ],
)
def test_what_is_not_split_is_said(more: dict[str, int], note: str | None) -> None:
    """One part of a side named is a split of that side."""
    found = cost(call("gpt-realtime", 1000, 100, **more))

    assert (note is None) == (found.note is None)
    assert note is None or note in (found.note or "")
    assert found.cost_usd == Decimal("0.0056")


@pytest.mark.parametrize(
    ("source", "code", "error", "grade"),
    [
        ("absent", 429, "RateLimitError", "A"), ("absent", 400, "BadRequestError", "A"),
        ("absent", None, "APIConnectionError", "D"), ("absent", None, "APITimeoutError", "D"),
        ("absent", None, "asyncio.CancelledError", "D"), ("absent", None, "GeneratorExit", "D"),
        ("absent", None, "KeyboardInterrupt", "D"), ("absent", 399, "Odd", "D"),
    ],
)  # fmt: skip
def test_what_failed_is_free_only_where_nothing_can_have_been_billed(
    source: str, code: int | None, error: str, grade: str
) -> None:
    """Refused by the server: free. Broken or left after it was sent: nobody knows."""
    made = call("gpt-4o", usage_source=source, status="error", http_status_code=code, error_type=error)
    found = price_one(made, BOOK)

    if grade == "D":
        assert isinstance(found, Unpriced)
    else:
        assert isinstance(found, Cost) and (found.cost_usd, found.grade) == (0, grade)


def test_tools_are_counted_up_to_a_million() -> None:
    """$10 for 1,000 searches: a million cost $10,000, and so does any number that no answer can have."""
    assert cost(call("gpt-5", 1, 1, web_search_calls=1_000_000)).tool_cost_usd == 10_000
    assert cost(call("gpt-5", 1, 1, web_search_calls=2_000_000)).tool_cost_usd == 10_000
    assert cost(call("gpt-5", 1, 1, web_search_calls=-1)).tool_cost_usd == 0


def test_every_term_of_a_cost_is_shown() -> None:
    """Each with its count, its rate and its amount, which add up to the last line."""
    searching = explain(call("gpt-5-search-api", 1000, 200), BOOK)
    speaking = explain(call("gpt-realtime", 1000, 100, **SPLIT), BOOK)
    calling = explain(call("gpt-4.1", 0, 0, web_search_preview_calls=2, file_search_calls=4), BOOK)
    kept = explain(call("gpt-6.1-terra", 3000, 0, cache_write_tokens=1500, cache_write_12h_tokens=500), BOOK)

    assert searching[1:4] == [
        "fresh input: 1,000 tokens x $1.25 per 1,000,000 = $0.00125",
        "output: 200 tokens x $10 per 1,000,000 = $0.002",
        "request: 1 requests x $10 per 1,000 = $0.01",
    ]
    assert speaking[1:] == [
        "fresh input: 250 tokens x $4 per 1,000,000 = $0.001",
        "fresh audio input: 250 tokens x $32 per 1,000,000 = $0.008",
        "fresh image input: 100 tokens x $5 per 1,000,000 = $0.0005",
        "cached input: 50 tokens x $0.4 per 1,000,000 = $0.00002",
        "cached audio input: 250 tokens x $0.4 per 1,000,000 = $0.0001",
        "cached image input: 100 tokens x $0.5 per 1,000,000 = $0.00005",
        "output: 60 tokens x $16 per 1,000,000 = $0.00096",
        "audio output: 40 tokens x $64 per 1,000,000 = $0.00256",
        "cost $0.01319, grade A",
    ]
    assert calling[1:3] == [
        "web search preview: 2 calls x $25 per 1,000 = $0.05",
        "file search: 4 calls x $2.5 per 1,000 = $0.01",
    ]
    assert kept[2:4] == [
        "cache write: 1,000 tokens x $1.25 per 1,000,000 = $0.00125",
        "12-hour cache write: 500 tokens x $2.5 per 1,000,000 = $0.00125",
    ]
    assert explain(call("whisper-1", audio_seconds=90.5), BOOK)[1] == "audio: 90.5 seconds x $0.36 per 3,600 = $0.00905"
    assert explain(call("tts-1", usage_source="absent", input_characters=2000), BOOK)[1] == (
        "characters: 2,000 characters x $15 per 1,000,000 = $0.03"
    )


@pytest.mark.parametrize(("asked", "tier"), [("flex", "flex"), (None, "default")])
def test_a_price_that_is_missing_is_of_the_tier_that_was_asked_for(asked: str | None, tier: str) -> None:
    """The standard one where none was."""
    [row] = BOOK.resolve([PriceKey("openai", "gpt-9-foo", asked, "api.openai.com", date(2026, 11, 20))])

    assert (row.service_tier, row.is_priced, row.rates) == (tier, False, {})


def test_one_kind_of_input_leaves_room_for_the_next() -> None:
    """gpt-realtime: 80 of 100 tokens are sound at $32, so 20 of the 80 that are said to be images are, at $5."""
    found = cost(call("gpt-realtime", 100, 0, text_input_tokens=0, audio_input_tokens=80, image_input_tokens=80))

    assert found.input_cost_usd == Decimal("0.00256") + Decimal("0.0001")


@pytest.mark.parametrize(
    ("split", "expected"),
    [
        ({}, "0.0006"),  # all of it sound: 100 x $6
        ({"text_input_tokens": 30}, "0.000495"),  # 70 x $6 + 30 x $2.50
        ({"text_input_tokens": 30, "audio_input_tokens": 50}, "0.000425"),  # 50 x $6 + 50 x $2.50
        ({"text_input_tokens": 100}, "0.00025"),  # 100 x $2.50
    ],
)
def test_what_of_a_transcription_is_no_text_is_sound(split: dict[str, int], expected: str) -> None:
    """gpt-4o-transcribe, 100 tokens; what is stated of sound counts before what is left beside the text."""
    found = cost(call("gpt-4o-transcribe", 100, 0, **split))

    assert found.input_cost_usd == Decimal(expected)


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0.0, "0"), (0.5, "0.00005"), (90.0, "0.009"), (-3.0, "0"), (999_999.0, "99.9999"), (1_000_000.0, None),
        (float("inf"), None),
    ],
)  # fmt: skip
def test_sound_is_billed_to_the_part_of_a_second(seconds: float, expected: str | None) -> None:
    """whisper-1: $0.006 a minute; a recording of eleven days is none, and is not charged as one of less."""
    made = call("whisper-1", endpoint="/audio/transcriptions", audio_seconds=seconds)

    if expected is None:
        assert reason(made) == "usage out of range"
    else:
        assert cost(made).cost_usd == cost(made).input_cost_usd == Decimal(expected)


def test_what_no_sum_of_money_can_hold_has_no_cost() -> None:
    """A batch of 10^12 - 1 tokens at $10 per million is $10,000,000; a tenth is a cost, however great."""
    batch = {"is_batch": True, "batch_requests": 50_000, "requests": 50_000}

    assert reason(call("gpt-4o", 10, 999_999_999_999, **batch)) == "usage out of range"
    assert usd(call("gpt-4o", 0, 99_999_999_999, **batch)) == Decimal("499999.999995")


@pytest.mark.parametrize(
    ("tokens", "expected"),
    [
        # all of text; all of images; what is read of each; more images than input, more read than there is: cut
        ({"input": 1000}, "0.005"),
        ({"input": 1000, "image_input": 1000}, "0.008"),
        ({"input": 1000, "image_input": 100}, "0.0053"),
        ({"input": 1000, "image_input": 400, "cached_input": 300}, "0.005075"),
        ({"input": 1000, "image_input": 400, "cached_input": 300, "cached_image_input": 300}, "0.0044"),
        ({"input": 100, "image_input": 300}, "0.0008"),
        ({"input": 100, "cached_input": 300}, "0.000125"),
        ({"input": 1000, "output": 200}, "0.011"),
    ],
)
def test_the_image_tool_is_billed_by_what_it_read_and_made(tokens: dict[str, int], expected: str) -> None:
    """gpt-image-2: $5 of text, $8 of images, $1.25 and $2 of either read, $30 made, per million."""
    counts = {f"image_tool_{kind}_tokens": count for kind, count in tokens.items()}

    found = cost(call("gpt-5.5", 1000, 100, image_tool_calls=1, image_tool_model="gpt-image-2", **counts))

    assert found.tool_cost_usd == Decimal(expected)
    assert found.cost_usd == Decimal(expected) + Decimal("0.005") + Decimal("0.003")
