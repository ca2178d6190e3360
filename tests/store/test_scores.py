"""Scores find their calls: by span, response or trace, the latest word of each, in the week and stratum of the call."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any

from llmwatch.call import encode_record
from llmwatch.records import SCORE_COLUMNS
from llmwatch.settings import Settings
from llmwatch.spool import FEEDBACK, SpoolWriter
from llmwatch.store import Store
from llmwatch.store.queries import create_views, rows
from tests.stores import MOMENT, call, empty_store, fill

SCORED_US = 1_795_219_200_000_000
EVER = {"since": datetime(2026, 1, 1), "until": datetime(2027, 1, 1)}  # noqa: DTZ001 - as stored


def score(number: int, *, second: int = 0, **fields: Any) -> dict[str, Any]:
    """One spooled score of quality."""
    return {
        "score_id": f"s{number}",
        "scored_us": SCORED_US + second * 1_000_000,
        "name": "quality",
        "evidence": "label",
        **fields,
    }


def spooled(settings: Settings, *scores: Mapping[str, Any]) -> None:
    """Appends the scores as a program would; nothing is merged."""
    writer = SpoolWriter(settings.spool_dir, 1 << 30)
    for record in scores:
        assert set(record) <= set(SCORE_COLUMNS)
        assert writer.append(FEEDBACK, encode_record(dict(record)))
    writer.close()


def asked(settings: Settings, sql: str) -> list[tuple[Any, ...]]:
    """The rows of a query over the views, with what is still in the spool."""
    with Store(settings).read() as con:
        create_views(con)
        return con.execute(sql).fetchall()


def test_a_score_is_of_the_call_that_any_of_its_ids_names(tmp_path: Path) -> None:
    """Span, response, and a trace with one call; a trace with two names neither, an unknown id nothing."""
    settings = empty_store(tmp_path / "home")
    fill(
        settings,
        [
            call(1, trace_id="a" * 32),
            call(2, response_id="chatcmpl-2", trace_id="b" * 32),
            call(3, trace_id="c" * 32),
            call(4, trace_id="d" * 32),
            call(5, trace_id="d" * 32),
        ],
    )
    spooled(
        settings,
        score(1, span_id=f"{1:016x}", value=1.0),
        score(2, response_id="chatcmpl-2", value=1.0),
        score(3, trace_id="c" * 32, value=1.0),
        score(4, trace_id="d" * 32, value=1.0),
        score(5, span_id="f" * 16, value=1.0),
    )

    found = asked(settings, "select score_id, span_id from scores_current order by score_id")

    assert found == [("s1", f"{1:016x}"), ("s2", f"{2:016x}"), ("s3", f"{3:016x}"), ("s4", None), ("s5", None)]


def test_the_answer_itself_is_scored_not_a_later_reading_of_it(tmp_path: Path) -> None:
    """A background response is read by its id; both records carry it."""
    settings = empty_store(tmp_path / "home")
    read = call(1, response_id="resp_1", operation_name="fetch_response", hours_ago=3)
    fill(settings, [read, call(2, response_id="resp_1", hours_ago=2)])
    spooled(settings, score(1, response_id="resp_1", value=0.0))

    assert asked(settings, "select span_id from scores_current") == [(f"{2:016x}",)]


def test_the_latest_word_counts_and_a_deleted_one_does_not(tmp_path: Path) -> None:
    """Records of one id in any order of writing; one that deletes takes the score away."""
    settings = empty_store(tmp_path / "home")
    fill(settings, [call(1), call(2)])
    span = {"span_id": f"{1:016x}"}
    spooled(settings, score(1, second=2, value=0.0, **span), score(1, second=1, value=1.0, **span))
    Store(settings).merge()
    spooled(
        settings,
        score(2, second=1, value=1.0, span_id=f"{2:016x}"),
        score(2, second=2, span_id=f"{2:016x}", is_deleted=True),
    )

    assert asked(settings, "select score_id, value from scores_current") == [("s1", 0.0)]


def test_weekly_sums_are_of_the_calls_week_and_stratum_and_weigh_only_the_level(tmp_path: Path) -> None:
    """Scored in the week after, a call of 20 November counts in its own; 1/p is in the weighted sums alone."""
    settings = empty_store(tmp_path / "home")
    fill(
        settings,
        [
            call(1, input_language="de"),
            call(2, input_language="de"),
            call(3, input_language="de", input_tokens=9000, tool_count=2),
            call(4, input_language="de", hours_ago=24 * 7),
        ],
    )
    spooled(
        settings,
        score(1, span_id=f"{1:016x}", value=1.0, probability=0.1),
        score(2, span_id=f"{2:016x}", value=0.5, probability=1.0),
        score(3, span_id=f"{3:016x}", value=1.0),
        score(4, span_id=f"{4:016x}", value=0.0),
    )

    with Store(settings).read() as con:
        create_views(con)
        found = rows(con, "weekly_scores", **EVER)

    keys = ("week", "stratum", "n", "total", "squares", "cubes", "weights", "weighted_total")
    assert [tuple(row[key] for key in keys) for row in found] == [
        (date(2026, 11, 9), "de · <1k", 1, 0.0, 0.0, 0.0, 1.0, 0.0),
        (date(2026, 11, 16), "de · 8-50k · tools", 1, 1.0, 1.0, 1.0, 1.0, 1.0),
        (date(2026, 11, 16), "de · <1k", 2, 1.5, 1.25, 1.125, 11.0, 10.5),
    ]


def test_two_opinions_of_one_answer_are_one_score_and_rungs_stay_apart(tmp_path: Path) -> None:
    """Two reviewers' mean; a user's feedback on the same answer is another row."""
    settings = empty_store(tmp_path / "home")
    fill(settings, [call(1)])
    span = {"span_id": f"{1:016x}"}
    spooled(
        settings,
        score(1, value=1.0, evidence="review", scorer="ann", **span),
        score(2, value=0.0, evidence="review", scorer="bob", **span),
        score(3, value=1.0, evidence="feedback", **span),
    )

    found = asked(settings, "select evidence, value from answer_scores order by evidence")

    assert found == [("feedback", 1.0), ("review", 0.5)]


def test_a_judges_rubric_is_a_series_and_pairs_are_no_quality(tmp_path: Path) -> None:
    """Judgements of single answers count by their rubric; of two answers, and pairs people compared, not at all."""
    settings = empty_store(tmp_path / "home")
    fill(settings, [call(1, sample_probability=0.1)])
    judged = {"state": "answered", "recorded_at": MOMENT, "span_id": f"{1:016x}", "task_name": "reply.draft"}
    fill(
        settings,
        [
            {**judged, "judgement_id": "j1", "rubric_hash": "old", "score": 1.0},
            {**judged, "judgement_id": "j2", "rubric_hash": "new", "score": 0.0},
            {**judged, "judgement_id": "j3", "rubric_hash": "new", "replay_id": "r1", "verdict": "same"},
        ],
        "judgements",
    )
    spooled(settings, score(1, span_id=f"{1:016x}", name="pair", difference=1.0, replay_id="r1", evidence="review"))

    found = asked(settings, "select evidence, series, value, weight from answer_scores order by series")

    assert found == [("judge", "new", 0.0, 10.0), ("judge", "old", 1.0, 10.0)]


def test_an_id_that_names_no_answer_is_not_replaced_by_the_trace(tmp_path: Path) -> None:
    """The trace has one call, but the score is of another answer or span than any that is known."""
    settings = empty_store(tmp_path / "home")
    fill(settings, [call(1, trace_id="c" * 32)])
    spooled(
        settings,
        score(1, trace_id="c" * 32, value=1.0),
        score(2, trace_id="c" * 32, response_id="unknown", value=1.0),
        score(3, trace_id="c" * 32, span_id="f" * 16, value=1.0),
    )

    found = asked(settings, "select score_id, span_id from scores_current order by score_id")

    assert found == [("s1", f"{1:016x}"), ("s2", None), ("s3", None)]


def test_a_score_without_id_or_moment_is_none(tmp_path: Path) -> None:
    """Damaged lines: no id, a moment before 1970 or after 2100; those beside them stand."""
    settings = empty_store(tmp_path / "home")
    moments = {1: SCORED_US, 2: -1, 3: 0, 4: 4_102_444_800_000_000, 5: 4_102_444_800_000_001}
    spooled(settings, *({**score(n), "scored_us": at, "value": 1.0} for n, at in moments.items()),
            {**score(6), "score_id": None, "value": 1.0})  # fmt: skip

    Store(settings).merge()

    assert asked(settings, "select score_id from scores order by score_id") == [("s1",), ("s3",), ("s4",)]


def test_a_score_of_no_time_or_without_an_id_is_not_stored(tmp_path: Path) -> None:
    """A wrong clock and a damaged record: the others are stored, and the merge goes on."""
    settings = empty_store(tmp_path / "home")
    wrong = [
        {**score(2), "scored_us": -1},
        {**score(3), "scored_us": 4_102_444_800_000_001},
        {**score(4), "score_id": None},
    ]
    spooled(settings, score(1, value=1.0), *wrong)

    assert Store(settings).merge().blocked is None
    assert asked(settings, "select score_id from scores") == [("s1",)]
