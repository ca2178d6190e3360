"""What became of a fall: levels worked by hand, "now" after dips and second falls, and the simulated rates."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from llmwatch.analysis.course import Course, Fallen, course_of
from llmwatch.analysis.levels import difference, fit_levels, now_of, plain_mean
from llmwatch.analysis.scan import Sums
from llmwatch.analysis.weekly import Cell, window_of
from tests.simulations.drift_course import COURSES, told


def cells(parts: Sequence[tuple[int, int, int]], stratum: str = "en") -> list[Cell]:
    """(weeks, scores a week, passes a week) one after another, from week 0 on."""
    found: list[Cell] = []
    for weeks, n, passes in parts:
        hits = float(passes)
        found += [Cell("t", len(found) + at, stratum, n, hits, hits, hits) for at in range(weeks)]
    return found


def course(own: Sequence[Cell], fallen: Fallen) -> Course:
    """Of the last week of the cells."""
    through = max(cell.week for cell in own)
    found = course_of(window_of("t", own, through), through, fallen)
    assert found is not None
    return found


FELL = Fallen(10, 0.2, 0.9, 400)


def test_after_a_dip_now_is_the_level_of_today_and_the_task_recovered() -> None:
    """90, three weeks of 70, and 90 again: 'since the start' would say 83."""
    one = course(cells([(10, 40, 36), (3, 40, 28), (6, 40, 36)]), FELL)

    assert (one.standing, one.since, one.moved) == ("recovered", 10, 13)
    assert (one.before.value, one.now.value, one.now.weeks, one.now.n) == (0.9, 0.9, 4, 160)
    assert one.between_level is not None and one.between_level.value == pytest.approx(0.7)
    # Wilson's interval of 144 of 160, and a little more as the level may be younger.
    assert (one.now.low, one.now.high) == pytest.approx((0.8439, 0.9374), abs=0.01)


def test_of_two_falls_now_is_the_second_and_before_is_before_the_first() -> None:
    """90, 80, 60: the mean since the start would say 71."""
    one = course(cells([(10, 60, 54), (5, 60, 48), (4, 60, 36)]), Fallen(10, 0.1, 0.9, 600))

    assert (one.standing, one.since, one.moved) == ("fell again", 10, 15)
    assert (one.before.value, one.now.value) == (pytest.approx(0.9), pytest.approx(0.6))
    assert one.loss == pytest.approx(0.3)
    # Scores of 0 and 1 with half a pseudo-score of either.
    variance = (540 - 540**2 / 600 + 0.25) / 601 / 600 + (144 - 144**2 / 240 + 0.25) / 241 / 240
    assert one.lower == pytest.approx(0.3 - 2.4 * variance**0.5)


def test_one_good_week_is_no_recovery() -> None:
    """Of forty scores, all of them passes."""
    one = course(cells([(10, 40, 36), (5, 40, 26), (1, 40, 38)]), FELL)

    assert one.standing == "fell"
    assert one.now.low < 0.9 < one.now.high


def test_a_fall_for_good_stays_a_fall_when_it_has_left_the_window() -> None:
    """Twenty weeks later only the alarm knows what was before; and half a year later it recovered."""
    fallen = Fallen(10, 0.2, 0.9, 400)
    long_ago = course(cells([(10, 40, 36), (25, 40, 28)]), fallen)
    since = course(cells([(10, 40, 36), (4, 40, 28), (25, 40, 36)]), fallen)

    assert (long_ago.standing, long_ago.since, long_ago.before.value) == ("fell", None, 0.9)
    assert long_ago.loss == pytest.approx(0.2)
    assert since.standing == "recovered"


def test_a_fall_of_one_segment_names_it() -> None:
    """Japanese inputs from 90 to 50, English ones as they were."""
    own = [*cells([(16, 60, 54)], "en"), *cells([(12, 20, 18), (4, 20, 10)], "ja")]
    one = course(own, Fallen(12, 0.1, 0.9, 900))
    both = course([*cells([(12, 60, 54), (4, 60, 36)], "en"), *cells([(12, 20, 18), (4, 20, 12)], "ja")], FELL)

    assert one.segment is not None
    assert (one.segment.name, one.segment.before.value, one.segment.after.value) == ("ja", 0.9, 0.5)
    assert both.segment is None


def test_a_difference_at_equal_mix_is_that_worked_by_hand() -> None:
    """36/40 -> 7/10 and 30/60 -> 18/40 at Mantel-Haenszel weights 8 and 24: 0.0875 less."""
    n, hits = np.array([[40.0, 60.0], [10.0, 40.0]]), np.array([[36.0, 30.0], [7.0, 18.0]])

    size, error = difference(Sums(n, hits, hits, hits), slice(0, 1), slice(1, 2))

    def spread(hits: float, n: float) -> float:
        return (hits - hits**2 / n + 0.25) / (n + 1) / n

    assert size == pytest.approx(-0.25 * 0.2 - 0.75 * 0.05)
    variance = 0.0625 * (spread(36, 40) + spread(7, 10)) + 0.5625 * (spread(30, 60) + spread(18, 40))
    assert error == pytest.approx(variance**0.5)


def test_a_moved_mix_is_no_step() -> None:
    """From one in five hard inputs to three in five: the average falls by ten points, no level does."""
    n = np.array([[80.0, 20.0]] * 12 + [[40.0, 60.0]] * 8)
    hits = np.rint(n * np.array([0.95, 0.7]))

    assert fit_levels(Sums(n, hits, hits, hits)).steps == ()


def test_grades_have_the_interval_of_a_mean_and_silent_weeks_are_no_news() -> None:
    """Half of the grades 0.4, half 0.8: variance 0.04."""
    n = np.array([[50.0]] * 18 + [[0.0]] * 2)
    sums = Sums(n, 0.6 * n, 0.4 * n, 0.288 * n)

    weeks, now = now_of(sums, fit_levels(sums))

    assert (weeks, now.n) == (slice(16, 20), 100)
    assert now.value == pytest.approx(0.6)
    assert now.high - now.value == pytest.approx(1.96 * (0.0425 * 100 / 101) ** 0.5 / 10, abs=0.002)
    assert plain_mean(sums, slice(18, 20)).n == 0


@pytest.mark.parametrize("name", ["20 for 5 weeks, then back", "12, from week 6 on 30"])
def test_now_holds_the_truth_after_a_dip_and_after_a_second_fall(name: str) -> None:
    """A fast part of the simulation: 100 scores a week."""
    one = told(COURSES[name], 100, 12)

    assert np.mean(one.held) >= 0.9
    assert np.mean(one.off) < 0.5 * np.mean(one.off_before)


@pytest.mark.slow
@pytest.mark.parametrize("rate", [30, 100])
@pytest.mark.parametrize("name", COURSES)
def test_now_holds_the_truth_in_93_of_100_looks(name: str, rate: int) -> None:
    """All looks from the alarm on, those just after a move among them."""
    one = told(COURSES[name], rate, 150)

    assert np.mean(one.held) >= 0.93
    if name.endswith("for good"):
        assert one.ever["fell again"] <= 0.1 * one.alarms
        assert np.mean([one.share("recovered", look) for look in range(8, 17)]) <= 0.08
    if name.endswith("then back"):
        assert one.share("recovered", 12) >= 0.75
