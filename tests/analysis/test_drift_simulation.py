"""Drift by simulation: how often it is found, missed and imagined; small here, whole in the slow lane."""

from __future__ import annotations

import numpy as np
import pytest

from llmwatch.analysis.behaviour import HARD_SIGNALS, SOFT_SIGNALS, find_changed_answers
from llmwatch.analysis.drift import find_drift
from llmwatch.analysis.weekly import Cell
from tests.simulations.drift import binary_cells, drops, false_alarms, mix_shift, recent
from tests.simulations.drift_looks import (
    false_alarms_a_month,
    found_among,
    said_of_harder_inputs,
    sudden_false,
    sudden_found,
    watched,
)
from tests.simulations.drift_scorers import judge_switch, reviewer_switch


def test_few_tasks_that_never_change_alarm_within_half_a_year() -> None:
    """Half the yearly bound of 10 % of tasks, with room for the luck of 60 tasks."""
    year = false_alarms(30, 3, looks=26)

    assert year.tasks_alarmed <= 0.07


@pytest.mark.slow
def test_a_task_alone_alarms_no_more_often_than_one_of_twenty() -> None:
    """At 0.05 a look more than half of lone tasks would alarm within a year."""
    assert false_alarms(30, 30, tasks=1).tasks_alarmed <= 0.1


def test_a_shift_of_inputs_alone_is_never_a_fall_and_mostly_named() -> None:
    """Hard languages from 15 to 65 % of the traffic."""
    verdicts = [d.verdict for d in mix_shift(300, 40)]

    assert verdicts.count("fell") <= 1
    assert verdicts.count("mix changed") >= 36


def test_a_fall_hidden_by_easier_inputs_is_found_at_its_size() -> None:
    """8 points at equal mix, while the plain average rises."""
    verdicts = mix_shift(300, 30, fall=0.08, hard=(0.65, 0.15))

    assert sum(d.verdict == "fell" for d in verdicts) >= 27
    assert np.median([d.loss or 0.0 for d in verdicts]) == pytest.approx(0.08, abs=0.02)
    assert np.median([d.total_change or 0.0 for d in verdicts]) > -0.02


def test_large_drops_are_found_within_weeks_and_dated() -> None:
    """20 points at 30 a week, 10 points at 100 a week: within four weeks."""
    for rate, points in ((30, 20), (100, 10)):
        found = drops(rate, points, 40)

        assert found.within[1] >= 0.8
        assert found.within[2] >= 0.95
        assert found.start_right >= 0.85


@pytest.mark.parametrize(("rate", "quality"), [(30, 0.9), (100, 0.75)])
def test_what_could_have_been_seen_is_seen_four_times_in_five(rate: int, quality: float) -> None:
    """The power named without simulation, against simulation."""
    rng = np.random.default_rng(11)
    n = np.full((20, 1), rate)
    hits = np.full((20, 1), round(rate * quality))
    (quiet,) = find_drift(binary_cells("t", n, hits, ("en",)), 19)
    assert quiet.could_have_seen is not None
    chance = np.full((20, 1), quality)
    chance[16:] -= quiet.could_have_seen

    found = [find_drift(binary_cells("t", n, rng.binomial(n, chance), ("en",)), 19)[0] for _ in range(300)]

    assert np.mean([d.verdict == "fell" for d in found]) == pytest.approx(0.8, abs=0.08)


def test_signals_of_unchanged_answers_stay_silent() -> None:
    """Nine shares of thirty tasks, 100 calls a week, eight looks a week apart."""
    rng = np.random.default_rng(12)
    n = np.full((20, 1), 100)
    signals = [*HARD_SIGNALS, *SOFT_SIGNALS]
    cells: dict[str, list[Cell]] = {signal: [] for signal in signals}
    for task in range(30):
        for signal in signals:
            share = rng.choice([0.002, 0.02, 0.3, 0.98])
            cells[signal] += binary_cells(f"task {task}", n, rng.binomial(n, share), ("en",))

    alerts = {
        (c.task, c.signal)
        for through in range(12, 20)
        for c in find_changed_answers({s: recent(of, through) for s, of in cells.items()}, through)
    }

    assert len(alerts) <= 1


@pytest.mark.slow
@pytest.mark.parametrize("rate", [10, 30, 100])
def test_at_most_a_tenth_of_unchanged_tasks_alarm_in_a_year(rate: int) -> None:
    """The bound for a whole year, 12 times 20 tasks."""
    assert false_alarms(rate, 12).tasks_alarmed <= 0.10


@pytest.mark.slow
@pytest.mark.parametrize(
    ("rate", "points", "weeks", "least"),
    [(30, 20, 4, 0.85), (30, 20, 8, 0.98), (100, 10, 4, 0.85), (100, 20, 2, 0.98), (300, 5, 8, 0.90)],
)
def test_drops_are_found_in_time(rate: int, points: int, weeks: int, least: float) -> None:
    """Within two, four or eight weeks; the start week right within one for drops of 10 points at 100 a week."""
    found = drops(rate, points, 200)

    assert found.within[(2, 4, 8).index(weeks)] >= least
    if rate >= 100 and points >= 10:
        assert found.start_right >= 0.85


@pytest.mark.slow
@pytest.mark.parametrize("rate", [100, 300])
def test_a_shift_of_inputs_alone_alarms_in_at_most_one_of_twenty(rate: int) -> None:
    """200 repetitions."""
    assert sum(d.verdict == "fell" for d in mix_shift(rate, 200)) <= 10


def test_did_not_get_worse_is_not_said_of_answers_that_lost_eight_points() -> None:
    """A harder mix and a real fall beside it: a fall, or open."""
    for rate in (30, 100):
        not_worse, is_open, fell = said_of_harder_inputs(rate, 40, 0.08)

        assert not_worse <= 0.05
        assert is_open + fell >= 0.6


def test_one_of_500_tasks_is_found_to_have_fallen() -> None:
    """10 points at 100 scores a week within four weeks: Benjamini-Hochberg over all found 40 of 100."""
    assert found_among(500, 100, 10, 60)[1] >= 0.75


def test_watch_shows_most_falls_of_ten_points_and_a_roll_back_shows_in_a_day() -> None:
    """At 30 scores a week; 120 scores at 60 %."""
    assert watched(30, 1, repetitions=40).shown >= 0.6
    assert sudden_found(100, 120, 30, 30) == 1


@pytest.mark.slow
def test_500_tasks_raise_at_most_one_false_alarm_a_month_in_total() -> None:
    """A third of them at 10, 30 and 100 scores a week."""
    assert false_alarms_a_month(500, 2) <= 1
    assert found_among(500, 100, 10, 300)[1] >= 0.75


@pytest.mark.slow
@pytest.mark.parametrize("rate", [10, 30, 100])
def test_watching_and_daily_looks_cost_little(rate: int) -> None:
    """Weeks a task-year in which nothing changes, and unchanged tasks that a running week raises."""
    assert watched(rate, 60, repetitions=1).weeks_a_task_year <= 3
    assert sudden_false(rate, 60) <= 0.02


@pytest.mark.slow
@pytest.mark.parametrize("rate", [30, 100, 300])
def test_did_not_get_worse_is_false_in_at_most_one_of_twenty(rate: int) -> None:
    """Of answers that lost what matters, or more."""
    for fall in (0.03, 0.08):
        assert said_of_harder_inputs(rate, 300, fall)[0] <= 0.05


def test_a_stricter_judge_or_reviewer_is_no_fall() -> None:
    """13 points stricter, 10 points stricter; the same switches were a fall while nobody was told apart."""
    assert judge_switch(100, 0, 20).alarmed <= 0.1
    assert judge_switch(100, 240, 20).alarmed <= 0.1
    assert reviewer_switch(100, (0.0, 1.0), 20).alarmed <= 0.1
    assert reviewer_switch(100, (0.2, 0.8), 20).alarmed <= 0.1
    assert judge_switch(100, 0, 10, is_told_apart=False).alarmed >= 0.8
    assert reviewer_switch(100, (0.0, 1.0), 10, is_told_apart=False).alarmed >= 0.8


def test_a_fall_after_a_measured_step_is_found() -> None:
    """240 answers judged by both; without them only what came after the switch can be compared."""
    assert judge_switch(100, 240, 20).found >= 0.7
    assert judge_switch(100, 0, 20).found <= 0.3


@pytest.mark.slow
@pytest.mark.parametrize("rate", [30, 100])
def test_at_most_three_of_100_switches_raise_an_alarm(rate: int) -> None:
    """Eight looks after each, which alarm in 1 to 2 of 100 where nothing happens at all."""
    switches = [judge_switch(rate, joint, 600) for joint in (0, 60, 240)]
    switches += [reviewer_switch(rate, shares, 600) for shares in ((0.0, 1.0), (0.2, 0.8))]

    assert np.mean([one.alarmed for one in switches]) <= 0.03
