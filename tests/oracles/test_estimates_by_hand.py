"""Tokens of answers that reported none, from the lengths of answers that did: every ratio worked out by hand."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from llmwatch.store.file import connect
from tests.store.records import call, merged, query

DAY_US = 86_400_000_000


def known(number: int, **fields: Any) -> list[dict[str, Any]]:
    """So many answers of 1,000 characters and 200 tokens in, 50 pieces and 60 tokens out, 300 characters long."""
    plain: dict[str, Any] = {
        "task": "t", "task_source": "tag", "input_characters": 1000, "input_tokens": 200, "delta_count": 50,
        "output_tokens": 60, "output_characters": 300,
    }  # fmt: skip
    return [call(**{**plain, **fields}) for _ in range(number)]


def left(**fields: Any) -> dict[str, Any]:
    """A stream that was left: 500 characters in, 20 pieces of 90 characters out, and no usage."""
    plain: dict[str, Any] = {
        "task": "t", "task_source": "tag", "usage_source": "absent", "input_tokens": None, "output_tokens": None,
        "input_characters": 500, "delta_count": 20, "output_characters": 90, "response_id": "left",
        "status": "incomplete", "stream_end": "closed",
    }  # fmt: skip
    return call(**{**plain, **fields})


def estimate(home: Path, *calls: dict[str, Any]) -> tuple[Any, ...]:
    """Input and output tokens, error, grade and cost of the one that was left."""
    opened = merged(home, *calls)
    [found] = query(
        opened,
        "select estimated_input_tokens, estimated_output_tokens, estimate_error, cost_grade, cost_usd from calls"
        " where response_id = 'left'",
    )
    return found


def test_an_estimate_is_that_of_its_task_and_model(tmp_path: Path) -> None:
    """0.2 tokens a character in, 1.2 tokens a piece out: 100 and 24, at gpt-4o-mini's $0.15 and $0.60 per million."""
    found = estimate(tmp_path, *known(5), left())

    assert found == (100, 24, 0.0, "C", Decimal("0.0000294"))


def test_five_answers_of_a_task_are_needed_else_the_models_count(tmp_path: Path) -> None:
    """Four of the task, and six of another one with 0.4 a character and 2 a piece: all ten together, 0.32 and 1.68."""
    others = known(6, task="u", input_tokens=400, output_tokens=100)

    found = estimate(tmp_path, *known(4), *others, left())

    assert found[:2] == (160, round(20 * (4 * 60 + 6 * 100) / 500))
    # |320 - 200| + 4 |84 - 60| of four, |320 - 400| + 4 |84 - 100| of six, over 4 (200 + 240) + 6 (400 + 400)
    assert found[2] == pytest.approx((4 * (120 + 96) + 6 * (80 + 64)) / (4 * 440 + 6 * 800))


def test_a_task_of_its_own_counts_before_its_model(tmp_path: Path) -> None:
    """Five of the task and as many of another: the task's alone."""
    others = known(9, task="u", input_tokens=900, output_tokens=900)

    assert estimate(tmp_path, *known(5), *others, left())[:3] == (100, 24, 0.0)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        # of another model, failed, estimated, without characters or tokens: nothing to learn from
        ({"response_model": "gpt-4o"}, (125, 20)),
        ({"status": "error"}, (125, 20)),
        ({"usage_source": "absent", "operation_name": "moderation"}, (125, 20)),
        ({"input_characters": 0}, (125, 20)),
        ({"input_tokens": 0}, (125, 20)),
        # one character of two tokens: 1,000 of 500
        ({"input_characters": 1, "input_tokens": 2}, (1000, 24)),
        ({"started_us": 1_795_219_200_000_000 - 40 * DAY_US}, (100, 24)),
    ],
)
def test_what_is_learned_from(tmp_path: Path, fields: dict[str, Any], expected: tuple[int, int]) -> None:
    """Four characters and one piece a token where nothing else is known."""
    assert estimate(tmp_path, *known(5, **fields), left())[:2] == expected


def test_answers_of_an_earlier_merge_count_for_thirty_days(tmp_path: Path) -> None:
    """The same ratios from calls in the store; from before that nothing is learned."""
    merged(tmp_path / "near", *known(5))
    merged(tmp_path / "far", *known(5, started_us=1_795_219_200_000_000 - 31 * DAY_US))

    assert estimate(tmp_path / "near", left())[:2] == (100, 24)
    assert estimate(tmp_path / "far", left())[:2] == (125, 20)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        # without pieces by the characters that came: 60 tokens of 300 characters
        ({"delta_count": None}, (100, 18, "C")),
        ({"delta_count": 0, "output_characters": 0}, (100, 0, "C")),
        ({"delta_count": None, "output_characters": None}, (None, None, "D")),
        ({"input_characters": None}, (None, None, "D")),
        ({"operation_name": "embeddings", "endpoint": "/embeddings"}, (100, 0, "C")),
        ({"operation_name": "moderation"}, (None, None, "D")),
        ({"status": "error", "error_type": "APIConnectionError", "http_status_code": None}, (100, 24, "C")),
        (
            {"status": "error", "error_type": "APITimeoutError", "http_status_code": None, "delta_count": 0},
            (None, None, "D"),
        ),
        # images say nothing by characters; a task that is known carries them
        ({"media_count": 1}, (100, 24, "C")),
        ({"media_count": 1, "task": "v"}, (None, None, "D")),
        ({"task": "v"}, (100, 24, "C")),
        ({"input_characters": 10**10}, (1_000_000_000, 24, "C")),
    ],
)
def test_what_is_estimated_and_what_is_not(tmp_path: Path, fields: dict[str, Any], expected: tuple[Any, ...]) -> None:
    """Chat, completions and embeddings that were answered and did not say what they used."""
    found = estimate(tmp_path, *known(5), left(**fields))

    assert (found[0], found[1], found[3]) == expected


def test_the_plain_rule_stands_in_for_a_length_that_no_answer_has(tmp_path: Path) -> None:
    """Five answers that say nothing of pieces and characters: four characters, or one piece, are a token of output."""
    mute = {"delta_count": 0, "output_characters": 0}
    by_characters = left(delta_count=0, output_characters=4000)

    assert estimate(tmp_path / "characters", *known(5, **mute), by_characters)[:2] == (100, 1000)
    assert estimate(tmp_path / "pieces", *known(5, **mute), left(delta_count=400))[:2] == (100, 400)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"task": "t", "task_source": "header"}, ("t", "header")),
        ({"task": "t"}, ("t", "tag")),
        ({}, (None, "endpoint")),
        ({"call_site": "app:go", "task_key": "k"}, (None, "call_site")),
    ],
)
def test_a_task_keeps_where_it_came_from(tmp_path: Path, fields: dict[str, Any], expected: tuple[Any, ...]) -> None:
    """A tag, a header, or nothing but the endpoint."""
    opened = merged(tmp_path, call(**fields))

    assert query(opened, "select task, task_source from calls") == [expected]


def test_a_read_takes_the_tags_of_the_call_that_made_the_answer(tmp_path: Path) -> None:
    """Whatever it does not say itself: task, customer, feature, user, session."""
    tags = {
        "task": "t",
        "task_source": "header",
        "customer_id": "acme",
        "feature": "f",
        "user_id": "u",
        "session_id": "s",
    }
    made = call(**tags, response_id="resp_1", usage_source="pending", input_tokens=None, output_tokens=None)
    read = {"operation_name": "fetch_response", "response_id": "resp_1", "started_us": made["started_us"] + 5}

    opened = merged(
        tmp_path, made, call(**read), call(**{**read, "customer_id": "globex", "started_us": read["started_us"] + 5})
    )

    assert query(
        opened,
        "select task, task_source, customer_id, feature, user_id, session_id, is_repeated from calls"
        " where operation_name = 'fetch_response' order by started_at",
    ) == [("t", "header", "acme", "f", "u", "s", True), ("t", "header", "globex", "f", "u", "s", True)]


@pytest.mark.parametrize(
    ("before_us", "is_repeated"),
    [(0, True), (1, True), (DAY_US, True), (DAY_US + 1, False), (-1, False)],
)
@pytest.mark.parametrize("is_apart", [True, False])
def test_a_request_is_repeated_within_a_day(tmp_path: Path, before_us: int, is_repeated: bool, is_apart: bool) -> None:
    """The same request up to a day before, in the store already or in the same batch; a later one does not count."""
    now = 1_795_219_200_000_000
    earlier = call(request_hash="h", started_us=now - before_us, response_id="earlier")
    again = call(request_hash="h", started_us=now, response_id="again")

    if is_apart:
        merged(tmp_path, earlier)
        opened = merged(tmp_path, again)
    else:
        opened = merged(tmp_path, earlier, again)

    # the earlier of both repeats nothing; what arrives after a later one is not seen as repeated, nor is that
    assert query(opened, "select count(*) from calls where is_request_repeated") == [
        (int(is_repeated or (before_us < 0 and not is_apart)),)
    ]


def test_a_prompt_is_told_apart_within_its_call_site(tmp_path: Path) -> None:
    """Two call sites send the same text: each has its own task."""
    merged(tmp_path)
    with connect(tmp_path / "store.duckdb", tmp_path, read_only=False) as con:
        con.executemany(
            "insert into task_members values (?, ?, ?, 'b')",
            [("k1", "h", "one"), ("k2", "h", "two"), ("k1", "", "any")],
        )

    opened = merged(
        tmp_path, call(task_key="k1", prompt_hash="h"), call(task_key="k2", prompt_hash="h"),
        call(task_key="k1", prompt_hash="other"),
    )  # fmt: skip

    assert query(opened, "select task_name from calls order by started_at") == [("one",), ("two",), ("any",)]
