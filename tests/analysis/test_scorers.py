"""Another judge or reviewer: the step worked by hand, when series are joined, and what is said of it."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from llmwatch.analysis.drift import find_drift_in
from llmwatch.analysis.drift_wording import sentence
from llmwatch.analysis.task_drift import (
    JudgeChange,
    TaskDrift,
    judge_changes,
    scorers_changed,
    speaking,
    windows_of,
    without_evidence,
)
from llmwatch.analysis.weekly import monday_of, week_of

FIRST = week_of(date(2026, 6, 1))
Row = dict[str, Any]


def row(week: int, n: int, passes: int, **fields: Any) -> Row:
    """A row of the query weekly_scores."""
    hits = float(passes)
    return {
        "task": "t", "week": monday_of(FIRST + week), "stratum": "en", "name": "quality", "evidence": "review",
        "series": "", "scorer": "", "n": n, "total": hits, "squares": hits, "cubes": hits,
        "last_scored_at": datetime(2026, 6, 1, week % 24, tzinfo=UTC), **fields,
    }  # fmt: skip


def step(n: int, total: float, squares: float, **fields: Any) -> Row:
    """A row of the query judge_steps."""
    return {
        "task": "t", "series": "r new", "older": "r old", "n": n, "total": total, "squares": squares,
        "older_until": datetime(2026, 6, 1, tzinfo=UTC), **fields,
    }  # fmt: skip


def test_the_step_and_its_error_are_those_worked_by_hand() -> None:
    """Of 240 answers 36 passed the old judge alone and 4 the new one: 32 / 240 lower."""
    change = judge_changes([step(240, -32.0, 40.0)])["t"]

    assert change.step == pytest.approx(-32 / 240)
    assert change.error == pytest.approx(((40 - 32**2 / 240 + 1) / 241 / 240) ** 0.5)
    assert not change.is_joined
    assert change.missing == pytest.approx((40 - 32**2 / 240 + 1) / 241 * (1.96 / 0.04) ** 2 - 240, abs=1)
    assert judge_changes([step(400, -54.0, 66.0)])["t"].is_joined
    assert judge_changes([step(0, 0.0, 0.0)])["t"].missing == 241


def test_a_joined_series_stands_on_the_new_scale_and_counts_what_its_step_leaves() -> None:
    """1,000 old scores of variance 0.09 and a step of error 0.015: v / (v / n + s) = 286 scores."""
    change = JudgeChange("r old", "r new", 400, -0.13, 0.015)
    old = [row(week, 100, 90, evidence="judge", series="r old") for week in range(10)]
    new = [row(week, 100, 77, evidence="judge", series="r new") for week in range(10, 14)]
    through = FIRST + 13

    [window] = windows_of([*old, *new], {"t": ("judge", "r new")}, through, {}, {"t": change})
    by_week = window.sums.n.sum(axis=1)

    assert by_week[-4:].tolist() == [100] * 4
    variance = (900 - 900**2 / 1000 + 0.25) / 1001
    assert by_week[:-4].sum() == pytest.approx(variance / (variance / 1000 + 0.015**2))
    assert window.sums.total[:-4].sum() / by_week[:-4].sum() == pytest.approx(0.77)
    assert [d.verdict for d in find_drift_in([window], through)] == ["no sign of change"]
    unknown = JudgeChange("r old", "r new", 20, -0.13, 0.015)
    [alone] = windows_of([*old, *new], {"t": ("judge", "r new")}, through, {}, {"t": unknown})
    assert alone.sums.n.sum() == 400


def test_the_latest_judge_speaks() -> None:
    """By when it scored, not by what its series is called or which answers it scored."""
    rows = [row(week, 50, 45, evidence="judge", series="z old") for week in range(14)]
    rows += [
        row(week, 50, 40, evidence="judge", series="a new", last_scored_at=datetime(2026, 9, 9, tzinfo=UTC))
        for week in range(12)
    ]

    assert speaking(rows, {("t", "z old"), ("t", "a new")}, FIRST + 13) == {"t": ("judge", "a new")}


def test_reviewers_are_compared_with_themselves_and_small_ones_together() -> None:
    """Ann and Ben score enough to stand alone; nine others do not, and inputs stay apart all the same."""
    rows = [
        row(week, 40, 36, scorer=name, stratum=s) for week in range(14) for name in ("ann", "ben") for s in ("en", "ja")
    ]
    rows += [row(week, 2, 2, scorer=f"other {n}", stratum="ja") for week in range(14) for n in range(9)]

    [window] = windows_of(rows, {"t": ("review", "")}, FIRST + 13, {})

    assert set(window.names) == {
        "en · scored by ann", "en · scored by ben", "ja · scored by ann", "ja · scored by ben", "ja · scored by others"
    }  # fmt: skip
    [one] = windows_of([r for r in rows if r["scorer"] == "ann"], {"t": ("review", "")}, FIRST + 13, {})
    assert set(one.names) == {"en", "ja"}


def test_a_reviewer_who_took_over_is_named_as_what_cannot_be_compared() -> None:
    """Ann until week 12, Ben from then on, ten points stricter."""
    rows = [row(week, 60, 57, scorer="ann") for week in range(12)] + [
        row(week, 60, 51, scorer="ben") for week in (12, 13)
    ]
    [window] = windows_of(rows, {"t": ("review", "")}, FIRST + 13, {})
    [drift] = find_drift_in([window], FIRST + 13)

    assert drift.verdict == "too little evidence"
    assert "new scores are by ben, those before by ann" in scorers_changed(window)


def test_a_changed_judge_is_said_with_its_step_or_with_what_is_missing() -> None:
    """Joined, and not yet."""
    day, drift = monday_of(FIRST + 13), without_evidence("t", FIRST + 13, "no scores")
    joined = JudgeChange("r gpt-5", "r gpt-6", 400, -0.13, 0.017)

    text = sentence(TaskDrift("t", "judge", "r gpt-6", drift, judge=joined), day)
    missing = sentence(
        TaskDrift("a b", "judge", "r gpt-6", drift, judge=JudgeChange("r gpt-5", "s gpt-5", 0, 0, 1)), day
    )

    assert "The judge changed from gpt-5 to gpt-6: it scores the same 400 answers 13 points lower (±3)" in text
    assert "The rubric of the judge gpt-5 changed: earlier scores are not compared. About 241 more answers" in missing
    assert "`llmwatch judge --task 'a b' --run`" in missing
