"""A judge calibrated by people: cells worked by hand, what they choose between, and the simulated rates."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import numpy as np
import pytest

from llmwatch.analysis.calibration import (
    Calibration,
    calibrated,
    calibration_of,
    calibrations_of,
    is_enough,
    with_calibrated,
)
from llmwatch.analysis.levels import plain_mean
from llmwatch.analysis.scan import Sums
from llmwatch.analysis.task_drift import speaking
from llmwatch.analysis.weekly import monday_of, week_of
from tests.simulations.drift_calibrated import CALM, WORLDS, found_within, tasks_alarmed

WEEK = date(2026, 11, 2)
THROUGH = week_of(WEEK)


def scores(evidence: str, n: int, passes: float, week: date = WEEK, **fields: Any) -> dict[str, Any]:
    """A row of weekly_scores."""
    series = "r j" if evidence == "judge" else ""
    return {"task": "t", "week": week, "stratum": "en", "scorer": "", "name": "quality", "evidence": evidence,
            "series": series, "n": n, "total": passes, "squares": passes, "cubes": passes,
            "last_scored_at": datetime(2026, 11, 8), **fields}  # noqa: DTZ001 # fmt: skip


def double(both: int, people: int, judge: int, n: int, week: date = WEEK, **fields: Any) -> dict[str, Any]:
    """A row of weekly_doubles: passes by both, by people, by the judge."""
    return {"task": "t", "week": week, "stratum": "en", "scorer": "", "evidence": "review", "series": "r j", "n": n,
            "people": people, "people_squares": people, "judge": judge, "judge_squares": judge, "product": both,
            **fields}  # fmt: skip


def test_the_slope_and_the_fit_are_those_of_the_answers_that_both_scored() -> None:
    """Two weeks of 20: 16 passes of people, 14 of the judge, 13 of both; and 18, 16, 16."""
    one = calibration_of([double(13, 16, 14, 20), double(16, 18, 16, 20), double(5, 5, 5, 9, series="r other")], "r j")

    # Within weeks: products 13 - 16 * 14 / 20 = 1.8 and 1.6; people 3.2 and 1.8; the judge 4.2 and 3.2.
    assert (one.series, one.doubles) == ("r j", 40)
    assert one.slope == pytest.approx(3.4 / (7.4 + 0.25))
    plain = 3.4**2 / ((5.0 + 0.25) * (7.4 + 0.25))
    assert one.fit == pytest.approx(1 - (1 - plain) * 38 / 37)


def test_two_answers_that_both_scored_have_a_slope() -> None:
    """One passes with both, one with neither: half a point of spread each, and half of it in common."""
    one = calibration_of([double(1, 1, 1, 2)], "r j")

    assert (one.doubles, one.slope, one.fit) == (2, pytest.approx(0.5 / 0.75), pytest.approx(0.25 / 0.75**2))
    assert not one.is_known


def test_scores_of_one_side_alone_compare_nothing() -> None:
    """However few the judge has: reviews of the last weeks without any before them are no evidence."""
    assert not is_enough((0.0, 50.0), (1.0, 1.0), None)
    assert not is_enough((50.0, 0.0), (1.0, 1.0), None)
    assert is_enough((1.0, 1.0), (4.0, 4.0), None)


def test_a_week_moves_by_what_the_judge_says_of_all_answers_and_counts_as_more_scores() -> None:
    """25 of 30 reviewed pass. Of 20 that the judge scored too it passed 16, of all its 100 70: ten points fewer."""
    rows = [scores("review", 30, 25), scores("judge", 100, 70), scores("judge", 9, 1, series="r former")]

    [cell] = calibrated(rows, [double(15, 17, 16, 20)], "review", Calibration("r j", 200, 0.75, 0.4))

    mean = 25 / 30 - 0.75 * (20 / 30) * (16 / 20 - 70 / 100)
    worth = 30 / (1 - (20 / 30) * 0.4 * (1 - 20 / 100))
    p = 25 / 30
    variance, third = p * (1 - p), p * (1 - p) * (1 - 2 * p)
    assert cell["n"] == pytest.approx(worth)
    assert cell["total"] / worth == pytest.approx(mean)
    assert cell["squares"] / worth - mean**2 == pytest.approx(variance)
    assert cell["cubes"] / worth - 3 * mean * cell["squares"] / worth + 2 * mean**3 == pytest.approx(third)


def test_reviewers_of_one_week_share_what_the_judge_says_of_it() -> None:
    """Ann reviewed 30, 20 of them judged, Ben 40, all judged: 60 of the judge's 100 answers are known to people."""
    rows = [scores("review", 30, 25, scorer="ann"), scores("review", 40, 30, scorer="ben"), scores("judge", 100, 70)]
    doubles = [double(15, 17, 16, 20, scorer="ann"), double(28, 30, 30, 40, scorer="ben")]

    ann, ben = calibrated(rows, doubles, "review", Calibration("r j", 200, 0.75, 0.4))

    assert ann["n"] == pytest.approx(30 / (1 - (20 / 30) * 0.4 * (1 - 60 / 100)))
    assert ben["n"] == pytest.approx(40 / (1 - 0.4 * (1 - 60 / 100)))
    assert ben["total"] / ben["n"] == pytest.approx(0.75 - 0.75 * (30 / 40 - 0.7))


def test_a_level_that_luck_calibrates_beyond_the_scale_is_shown_at_its_end() -> None:
    """Five of five, and the judge passes more of all answers than of these five."""
    sums = Sums(*(np.array([[x]]) for x in (6.0, 6.5, 7.05, 7.6)))

    one = plain_mean(sums, slice(0, 1))

    assert (one.value, one.high) == (1.0, 1.0)
    assert one.low < 1.0


def test_a_week_that_the_judge_did_not_see_stays_what_people_said() -> None:
    """And so does one of which the judge scored nothing but what people did, and another kind of inputs."""
    rows = [scores("review", 30, 25), scores("review", 10, 5, stratum="ja"), scores("judge", 20, 12)]

    found = calibrated(rows, [double(12, 15, 12, 20)], "review", Calibration("r j", 200, 0.75, 0.4))

    assert found == rows[:2]


def weeks(people: int, judged: int, both: int) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Twenty even weeks."""
    mondays = [monday_of(THROUGH - n) for n in range(20)]
    rows = [scores("review", people, people * 0.9, week) for week in mondays]
    rows += [scores("judge", judged, judged * 0.8, week) for week in mondays]
    # Of ten: eight pass both, one only people, one nobody.
    return rows, [double(8 * both // 10, 9 * both // 10, 8 * both // 10, both, week) for week in mondays if both]


def test_few_reviews_do_not_silence_an_audited_judge() -> None:
    """Two a week of 100 that it judged; thirty speak for themselves, and calibrate it; no audit, no judge."""
    audited = [("t", "r j")]
    few, none = weeks(2, 100, 0)
    many, both = weeks(30, 100, 30)

    assert speaking(few, audited, THROUGH, none) == {"t": ("judge", "r j")}
    assert speaking(few, [], THROUGH, none) == {"t": ("review", "")}
    chosen = speaking(many, audited, THROUGH, both)
    assert chosen == {"t": ("review", "")}
    found = calibrations_of(many, both, chosen)
    assert found["t"].doubles == 600
    cells = with_calibrated(many, both, chosen, found)
    assert {row["evidence"] for row in cells} == {"review"}
    assert all(row["n"] > 35 for row in cells)


def test_a_judge_that_goes_against_people_or_never_differs_calibrates_nothing() -> None:
    """Its slope would be below zero, or of nothing."""
    against = [double(4, 10, 10, 20, monday_of(THROUGH - n)) for n in range(20)]
    always = [double(10, 10, 20, 20, monday_of(THROUGH - n)) for n in range(20)]

    for doubles in (against, always):
        one = calibration_of(doubles, "r j")
        assert (one.doubles, one.slope, one.fit) == (400, 0.0, 0.0)
        assert calibrations_of([scores("judge", 100, 80)], doubles, {"t": ("review", "")}) == {}


@pytest.mark.slow
def test_a_fall_of_ten_points_is_found_within_four_weeks_in_three_of_five() -> None:
    """30 reviews and 100 judged answers a week, a judge of 0.9; reviews alone find two of five."""
    fall = WORLDS["10 points"]

    assert found_within(fall, "calibrated", 400)[1] >= 0.55
    assert found_within(fall, "reviews", 400)[1] <= 0.47


@pytest.mark.slow
@pytest.mark.parametrize("name", CALM)
def test_no_more_than_one_task_in_ten_alarms_falsely_within_a_year(name: str) -> None:
    """Also with few reviews, with reviews every fourth week, and where refused answers are reviewed more often."""
    assert tasks_alarmed(CALM[name], "calibrated", 200) <= 0.13


@pytest.mark.slow
def test_a_judge_that_drifts_is_no_fall() -> None:
    """Its accuracy goes from 0.9 to 0.75, answers stay as they are: reviews show it, the judge alone would not."""
    drifted = WORLDS["no fall, the judge's accuracy 0.9 -> 0.75"]

    assert found_within(drifted, "calibrated", 300)[2] <= 0.05
    assert found_within(drifted, "judge", 100)[2] >= 0.5


@pytest.mark.slow
def test_a_fall_that_the_judge_does_not_see_is_found_by_people() -> None:
    """Twenty points, all of them in answers that the judge passes."""
    assert found_within(WORLDS["20 points that the judge does not see"], "calibrated", 200)[2] >= 0.9
