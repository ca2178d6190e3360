"""Drift: the formulas against numbers worked by hand, and the traps that raise false alarms or hide true ones."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from llmwatch.analysis.behaviour import AnswersChanged, find_changed_answers
from llmwatch.analysis.drift import (
    A_LOOK,
    NEW_INPUTS,
    UNDECIDED,
    Drift,
    find_drift,
    find_sudden,
    levels_of,
    weekly_alarms,
    weekly_verdicts,
)
from llmwatch.analysis.drift_wording import signal_sentence
from llmwatch.analysis.scan import (
    BASELINE,
    CANDIDATES,
    WEEKS,
    Sums,
    Wandering,
    permutation_p,
    pooled_overdispersion,
    scan,
    split,
)
from llmwatch.analysis.stats import benjamini_hochberg, maximum_p, null_maxima, skewness_corrected, wilson
from llmwatch.analysis.weekly import Cell, cells_of, monday_of, week_of, window_of
from llmwatch.errors import UsageError

Rows = list[tuple[str, int, str, float]]


def passes(task: str, week: int, stratum: str, n: int, hits: int) -> Cell:
    """A cell of passes and fails."""
    return Cell(task, week, stratum, n, float(hits), float(hits), float(hits))


def level(task: str, weeks: range, n: int, hits: int, stratum: str = "en") -> list[Cell]:
    """The same cell every week."""
    return [passes(task, week, stratum, n, hits) for week in weeks]


def rows(task: str, weeks: range, scores: Sequence[float], stratum: str = "en") -> Rows:
    """The same scores every week."""
    return [(task, week, stratum, score) for week in weeks for score in scores]


def only(found: Sequence[Drift]) -> Drift:
    """The one verdict."""
    assert len(found) == 1
    return found[0]


def binary(n: np.ndarray, hits: np.ndarray) -> Sums:
    """Sums of passes and fails."""
    return Sums(n, hits, hits, hits)


# --- formulas


def test_wilson_gives_the_published_interval_and_knows_nothing_of_nothing() -> None:
    """8 of 10: 0.4902 to 0.9433."""
    assert wilson(8, 10) == pytest.approx((0.4902, 0.9433), abs=5e-5)
    assert wilson(0, 0) == (0.0, 1.0)
    assert wilson(0, 20)[0] == 0.0 < wilson(0, 20)[1]


def test_benjamini_hochberg_matches_a_worked_example_in_any_order() -> None:
    """Sorted 0.005 0.01 0.03 0.04: 0.02 0.02 0.04 0.04."""
    assert benjamini_hochberg([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.02, 0.04, 0.04, 0.02])
    assert benjamini_hochberg([]) == []


def test_the_skewness_correction_is_the_parabola_near_zero_and_rises_where_the_parabola_turns_down() -> None:
    """A collapse must never look smaller than a dip."""
    z, g = np.linspace(-1, 40, 400), np.full(400, 0.5)

    near = skewness_corrected(np.array([1.5, 2.0]), np.array([0.05, 0.05]))
    assert near == pytest.approx([1.5 - 0.05 * 1.25 / 6, 2.0 - 0.05 * 3 / 6], abs=1e-3)
    assert np.all(np.diff(skewness_corrected(z, g)) > 0)
    assert np.any(np.diff(z - g * (z * z - 1) / 6) < 0)
    assert skewness_corrected(np.array([2.0]), np.array([0.0])) == pytest.approx([2.0])


def test_loss_standard_error_and_skewness_are_those_worked_by_hand() -> None:
    """Strata 36/40 -> 7/10 and 30/60 -> 18/40 have Mantel-Haenszel weights 8 and 24."""
    n, hits = np.zeros((WEEKS, 2)), np.zeros((WEEKS, 2))
    n[WEEKS - 5 : WEEKS - 1], hits[WEEKS - 5 : WEEKS - 1] = (10, 15), ((10, 8), (9, 8), (9, 7), (8, 7))
    n[-1], hits[-1] = (10, 40), (7, 18)

    last = split(binary(n, hits))

    assert last.weight[-1] == pytest.approx([0.25, 0.75])
    assert last.loss[-1] == pytest.approx(0.25 * 0.2 + 0.75 * 0.05)
    variance = 0.25**2 * (6.02 + 0.25) / 51 * (1 / 40 + 1 / 10) + 0.75**2 * (24.96 + 0.25) / 101 * (1 / 60 + 1 / 40)
    assert last.se[-1] == pytest.approx(variance**0.5)
    third = 0.25**3 * -0.086688 * (1 / 1600 - 1 / 100) + 0.75**3 * 0.009984 * (1 / 3600 - 1 / 1600)
    assert last.skewness[-1] == pytest.approx(third / variance**1.5)
    assert list(last.is_eligible) == [False] * 7 + [True]


def test_the_largest_of_independent_statistics_has_the_chance_that_multiplication_gives() -> None:
    """P(max of 8 > 2) = 1 - 0.97725^8; beyond the draws Bonferroni's bound stands in for 0."""
    maxima = null_maxima(np.eye(8))

    assert maximum_p(2.0, maxima, 8) == pytest.approx(1 - 0.97725**8, abs=0.008)
    assert 0 < maximum_p(9.0, maxima, 8) < 1e-17


# --- verdicts


def test_a_fall_is_dated_and_its_parts_add_up() -> None:
    """90 % passes, then 60 % for three weeks."""
    fallen = only(find_drift([*level("t", range(17), 30, 27), *level("t", range(17, 20), 30, 18)], 19))

    assert (fallen.verdict, fallen.since_week, fallen.week) == ("fell", 17, 19)
    assert fallen.since_range is not None and 17 in range(int(fallen.since_range[0]), int(fallen.since_range[1]) + 1)
    assert fallen.loss == pytest.approx(0.3)
    assert fallen.lower is not None and 0 < fallen.lower < 0.3
    assert fallen.total_change == pytest.approx(-0.3)
    assert (fallen.mix_part, fallen.quality_part) == (pytest.approx(0.0, abs=1e-12), pytest.approx(-0.3))
    assert (fallen.n_before, fallen.n_after, fallen.compared_share) == (360, 90, 1.0)


def test_a_fall_older_than_the_weeks_tried_is_said_to_be_perhaps_older() -> None:
    """Three weeks after it and nine weeks after it, never acknowledged."""
    cells = [*level("t", range(17), 60, 54), *level("t", range(17, 29), 60, 24)]

    assert [only(find_drift(cells, through)).may_be_older for through in (19, 25)] == [False, True]


def test_a_collapse_in_the_first_week_is_found_where_the_parabola_sees_none() -> None:
    """98 % to 20 %: the plain correction of z = 15 is negative."""
    cells = [*level("t", range(12), 30, 29), *level("t", range(12, 13), 30, 6)]

    fallen = only(find_drift(cells, 12))

    assert (fallen.verdict, fallen.since_week) == ("fell", 12)
    last = split(window_of("t", cells, 12).sums)
    z, g = last.loss[-1] / last.se[-1], last.skewness[-1]
    assert z > 8 and z - g * (z * z - 1) / 6 < 0.6 * z


def mix_cells(
    hard_before: int, hard_after: int, easy: float = 0.95, hard: float = 0.7, fall: float = 0.0
) -> list[Cell]:
    """A hundred scores a week in an easy and a hard language; the mix moves, and perhaps the quality, at week 12."""
    cells: list[Cell] = []
    for week in range(20):
        n = hard_after if week >= 12 else hard_before
        lost = fall if week >= 12 else 0.0
        cells.append(passes("t", week, "easy", 100 - n, round((100 - n) * (easy - lost))))
        cells.append(passes("t", week, "hard", n, round(n * (hard - lost))))
    return cells


def test_a_harder_mix_is_called_that_where_the_plain_average_alarms() -> None:
    """From 20 % to 60 % hard inputs: 10 points less on average, none of it the answers'."""
    cells = mix_cells(20, 60)

    stratified = only(find_drift(cells, 19))
    plain = only(find_drift([c._replace(stratum="all") for c in cells], 19))

    assert plain.verdict == "fell"
    assert (stratified.verdict, stratified.since_week) == ("mix changed", 12)
    assert stratified.mix_part == pytest.approx(-0.1, abs=0.005)
    assert stratified.quality_part == pytest.approx(0.0, abs=0.005)
    assert stratified.total_change == pytest.approx(stratified.mix_part + stratified.quality_part)


def test_a_harder_mix_is_called_that_before_the_plain_average_can_show_it() -> None:
    """Two weeks of 60 % hard inputs: the average's own luck hides ten points, how hard the inputs are has little."""
    cells = [
        cell._replace(n=cell.n // 2, total=half, squares=half, cubes=half)
        for cell in mix_cells(20, 60)
        if cell.week < 14
        for half in [float(round(cell.total / 2))]
    ]

    assert only(find_drift([c._replace(stratum="all") for c in cells], 13)).verdict == "no sign of change"
    shifted = only(find_drift(cells, 13))
    assert (shifted.verdict, shifted.since_week) == ("mix changed", 12)
    assert shifted.mix_part == pytest.approx(-0.1, abs=0.02)


def test_a_harder_mix_of_answers_that_got_better_is_no_change_for_the_worse() -> None:
    """The average did not fall: nobody needs to hear of harder inputs."""
    assert only(find_drift(mix_cells(20, 60, fall=-0.15, easy=0.85), 19)).verdict == "no sign of change"


def test_a_fall_hidden_by_an_easier_mix_is_found_where_the_plain_average_is_silent() -> None:
    """10 points worse at equal mix, while hard inputs go from 60 % to 20 %."""
    cells = mix_cells(60, 20, fall=0.1)

    stratified = only(find_drift(cells, 19))

    assert only(find_drift([c._replace(stratum="all") for c in cells], 19)).verdict == "no sign of change"
    assert stratified.verdict == "fell"
    assert stratified.loss == pytest.approx(0.1, abs=0.01)
    assert stratified.mix_part == pytest.approx(0.1, abs=0.02)


def test_without_the_skewness_correction_good_tasks_raise_false_alarms() -> None:
    """97 % passes, ten a week, nothing changes: luck beyond the 0.25 % level, with and without."""
    rng = np.random.default_rng(5)
    copies = 3000
    n = np.full((copies, WEEKS, 1), 10.0)
    same = split(binary(n, rng.binomial(10, 0.97, n.shape).astype(np.float64)))
    limit = scan_of(level("t", range(WEEKS), 10, 9)).critical(0.0025)

    plain = (same.loss / same.se).max(axis=1) > limit
    corrected = same.evidence().max(axis=1) > limit

    assert plain.mean() > 0.0075
    assert corrected.mean() < 0.0025


def scan_of(cells: Sequence[Cell]):
    """The scan of one task's last window."""
    found = scan(window_of("t", cells, max(c.week for c in cells)).sums)
    assert found is not None
    return found


def test_the_order_of_rows_and_cells_changes_nothing() -> None:
    """Graded scores in weeks of unequal size, so that permutations take part."""
    rng = random.Random(3)
    given = [
        ("t", week, rng.choice("ab"), rng.random() * (0.6 if week > 16 else 1))
        for week in range(20)
        for _ in range(3 + week)
    ]
    shuffled = given[:]
    rng.shuffle(shuffled)

    assert weekly_verdicts(given) == weekly_verdicts(shuffled)
    assert any(d.is_permuted for d in weekly_verdicts(given))


def test_graded_cells_add_up_in_any_order_and_any_pieces() -> None:
    """Floats summed in another order differ in the last digit, and shuffled in another order in every one."""
    rng = random.Random(4)
    given = [("t", week, "en", rng.random() * (0.6 if week > 16 else 1)) for week in range(20) for _ in range(3 + week)]
    cells, pieces = cells_of(given), [cell for part in range(3) for cell in cells_of(given[part::3])]

    whole, pieced = only(find_drift(cells, 19)), only(find_drift(pieces, 19))

    assert find_drift(cells[::-1], 19) == [whole]
    assert find_drift(pieces[::-1], 19) == [pieced]
    assert whole.is_permuted
    assert (pieced.p, pieced.loss) == (whole.p, pytest.approx(whole.loss))


def test_cells_of_one_week_add_up() -> None:
    """A week written twice in halves is the week."""
    whole = [*level("t", range(17), 30, 28), *level("t", range(17, 20), 30, 18)]
    halves = [*level("t", range(17), 20, 19), *level("t", range(17), 10, 9), *level("t", range(17, 20), 15, 9) * 2]

    assert find_drift(halves, 19) == find_drift(whole, 19)


def test_scores_that_never_vary_show_no_change() -> None:
    """All right or all wrong: nothing to divide by, and below all wrong nothing to see."""
    right = only(find_drift(level("t", range(20), 30, 30), 19))
    wrong = only(find_drift(level("t", range(20), 30, 0), 19))

    assert (right.verdict, right.loss, right.mix_part) == ("no sign of change", 0.0, 0.0)
    assert right.p is not None and right.p > 0.5
    assert (wrong.verdict, wrong.could_have_seen) == ("no sign of change", None)


def test_weeks_and_strata_without_scores_leave_the_rest_as_it_is() -> None:
    """A cell of nothing, a silent month and a stratum that appears once."""
    cells = [*level("t", range(8), 30, 27), *level("t", range(12, 17), 30, 27), *level("t", range(17, 20), 30, 15)]
    empty = [passes("t", week, "fr", 0, 0) for week in range(20)]

    assert find_drift(cells, 19) == find_drift([*cells, *empty], 19)
    once = only(find_drift([*cells, passes("t", 19, "fr", 12, 0)], 19))
    assert (once.verdict, once.since_week, once.loss) == ("fell", 17, pytest.approx(0.4))
    assert once.compared_share == pytest.approx(90 / 102)


def test_small_strata_are_one_stratum_together() -> None:
    """Forty strata of one score would each lack a side to compare with."""
    cells = [passes("t", week, f"rare {week}", 1, 1) for week in range(20)] + level("t", range(20), 100, 90)

    assert window_of("t", cells, 19).sums.n.shape == (WEEKS, 2)
    assert only(find_drift(cells, 19)).compared_share == 1.0


def test_a_fall_that_is_neither_clearly_the_answers_nor_the_inputs_is_undecided() -> None:
    """3 points by the mix and 5 by the answers: too few scores to prove the 5, too much lost for no change."""
    cells = [
        passes("t", week, stratum, n, round(n * (right - (0.06 if week > 15 else 0.0))))
        for week in range(20)
        for stratum, n, right in (("easy", 76 if week > 15 else 80, 0.95), ("hard", 24 if week > 15 else 20, 0.3))
    ]

    verdict = only(find_drift(cells, 19))

    assert (verdict.verdict, verdict.reason) == ("too little evidence", UNDECIDED)
    assert verdict.mix_part == pytest.approx(-0.026, abs=0.001)


def test_inputs_of_a_new_kind_alone_prove_nothing_about_the_answers() -> None:
    """The average fell by 30 points when every input became French."""
    cells = [*level("t", range(17), 60, 54, "en"), *level("t", range(17, 20), 60, 36, "fr")]

    verdict = only(find_drift(cells, 19))

    assert (verdict.verdict, verdict.reason) == ("too little evidence", NEW_INPUTS)


def test_graded_scores_fall_as_passes_do() -> None:
    """Shares of a rubric from 0.85 to 0.65 in steps."""
    before, after = (0.6, 0.8, 0.9, 1.0, 0.95, 0.85), (0.4, 0.6, 0.7, 0.8, 0.75, 0.65)
    fallen = weekly_alarms([*rows("t", range(17), before), *rows("t", range(17, 20), after)])[-1]

    assert (fallen.since_week, fallen.loss) == (17, pytest.approx(0.2))


@pytest.mark.parametrize("score", [1.5, -0.1, float("nan")])
def test_a_score_outside_0_and_1_is_refused(score: float) -> None:
    """A percentage read as a share would be a fall of thousands of points."""
    with pytest.raises(UsageError, match="between 0 and 1"):
        cells_of([("t", 1, "en", score)])


def test_a_loss_under_three_points_is_no_alarm_however_certain() -> None:
    """2 points on 100,000 scores a week."""
    cells = [*level("t", range(17), 100_000, 92_000), *level("t", range(17, 20), 100_000, 90_000)]

    verdict = only(find_drift(cells, 19))

    assert verdict.p is not None and verdict.p < 1e-6
    assert verdict.verdict == "no sign of change"


def test_what_stands_out_alone_may_be_luck_among_many() -> None:
    """The same scores among few tasks, and as one of 300, which may raise one false alarm a month together."""
    one = [*level("t", range(18), 60, 54), *level("t", range(18, 20), 60, 47)]
    many = [cell for task in range(299) for cell in level(f"quiet {task}", range(20), 30, 27)]

    alone, among = only(find_drift(one, 19)), next(d for d in find_drift([*one, *many], 19) if d.task == "t")

    assert (alone.verdict, among.verdict) == ("fell", "no sign of change")
    assert (alone.p, alone.level, among.level) == (among.p, 0.05 / 16, pytest.approx(0.001))
    assert among.is_watch and among.scores_to_decide is not None
    weighty = next(d for d in find_drift([*one, *many], 19, weights={"t": 4.0}) if d.task == "t")
    assert (weighty.verdict, weighty.level) == ("fell", 0.0025)


def test_levels_add_up_to_one_false_alarm_a_month_and_no_task_is_looked_at_less_strictly_than_alone() -> None:
    """Of 600 tasks a hundred weigh ten times as much as the others."""
    assert levels_of([1.0]) == [0.05 / 16]
    assert levels_of([1.0] * 120) == [0.0025] * 120
    shared = levels_of([10.0] * 100 + [1.0] * 500)

    assert sum(shared) == pytest.approx(A_LOOK)
    assert shared[0] == pytest.approx(10 * shared[-1]) == pytest.approx(10 * A_LOOK / 1500)
    assert levels_of([1000.0] + [1.0] * 599)[0] == 0.0025


def test_a_roll_back_is_raised_within_the_running_week() -> None:
    """120 scores of a Tuesday at 60 % after twelve weeks at 90 %; 88 % raises nothing, and neither do ten scores."""
    before = level("t", range(12), 100, 90)

    def sudden(n: int, hits: int) -> list[Drift]:
        return find_sudden([window_of("t", [*before, passes("t", 12, "en", n, hits)], 12)], 12)

    [raised] = sudden(120, 72)
    assert (raised.verdict, raised.since_week, raised.since_range) == ("fell", 12, (12, 12))
    assert raised.loss == pytest.approx(0.3)
    assert sudden(120, 105) == sudden(10, 0) == []


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        (level("t", range(20), 1, 1), "20 scores in 20 weeks"),
        (level("t", range(16, 20), 50, 45), "scores in 4 weeks"),
        (level("t", range(12), 50, 45), "in the last 8 weeks"),
        ([], ""),
    ],
)
def test_too_little_evidence_says_what_lacks(cells: list[Cell], reason: str) -> None:
    """Never a verdict on what is not there."""
    found = find_drift(cells, 19)

    assert all(d.verdict == "too little evidence" and reason in d.reason and d.p is None for d in found)
    assert len(found) == bool(cells)


def test_after_an_acknowledgement_the_new_level_is_the_baseline() -> None:
    """The alarm repeats until then, is silent after, and the next fall is found from the new level."""
    cells = [*level("t", range(17), 30, 27), *level("t", range(17, 27), 30, 21), *level("t", range(27, 31), 30, 9)]

    assert only(find_drift(cells, 19)).verdict == "fell"
    assert only(find_drift(cells, 19, {"t": 17})).verdict == "too little evidence"
    assert only(find_drift(cells, 26, {"t": 17})).verdict == "no sign of change"
    again = only(find_drift(cells, 30, {"t": 17}))
    assert (again.verdict, again.since_week, again.mean_before) == ("fell", 27, pytest.approx(0.7))


def test_weeks_given_as_days_come_back_as_the_mondays_of_their_weeks() -> None:
    """Across a new year, for ISO text and for dates."""
    first = week_of(date(2025, 9, 3))
    numbered = [*rows("t", range(first, first + 17), [1.0] * 27 + [0.0] * 3)]
    numbered += rows("t", range(first + 17, first + 19), [1.0] * 15 + [0.0] * 15)
    days = [(task, monday_of(week), stratum, score) for task, week, stratum, score in numbered]
    texts = [(task, day.isoformat(), stratum, score) for task, day, stratum, score in days]

    by_day, by_text = weekly_alarms(days)[-1], weekly_alarms(texts)[-1]

    assert (by_day.since_week, by_text.since_week) == (date(2025, 12, 29), "2025-12-29")
    assert (by_day.week, by_text.week) == (date(2026, 1, 5), "2026-01-05")
    assert by_day.p == by_text.p == weekly_alarms(numbered)[-1].p
    with pytest.raises(UsageError, match="no date"):
        weekly_alarms([("t", "last week", "en", 1.0)])


def test_alarms_are_the_falls_of_every_weekly_look() -> None:
    """Raised from the first week that shows it, and each week after."""
    given = [*rows("t", range(15), [1.0] * 27 + [0.0] * 3), *rows("t", range(15, 18), [1.0] * 12 + [0.0] * 18)]

    alarms = weekly_alarms(given)

    assert [d.week for d in alarms] == [15, 16, 17]
    assert {d.since_week for d in alarms} == {15}
    assert len(weekly_verdicts(given)) == 18
    assert weekly_alarms([]) == []


def test_permutations_agree_with_the_normal_law_where_both_are_right() -> None:
    """And passes and fails give the same whether dealt as counts or as scores."""
    n = np.full((WEEKS, 1), 100.0)
    hits = np.full((WEEKS, 1), 80.0)
    hits[-3:] = 74
    found = scan(binary(n, hits))
    assert found is not None
    observed = float(found.split.evidence(found.overdispersion).max())
    graded = Sums(n, 0.9 * hits, 0.81 * hits, 0.729 * hits)
    scores = (np.concatenate([np.repeat([0.0, 0.9], [100 - int(h), int(h)]) for h in hits[:, 0]]),)

    counted, dealt = permutation_p(binary(n, hits), None, observed), permutation_p(graded, scores, observed)

    assert counted == pytest.approx(found.p, rel=0.5)
    assert dealt == pytest.approx(counted, rel=0.5)
    assert permutation_p(graded, None, observed) is None


def test_shuffling_ends_where_none_of_enough_reached_the_maximum() -> None:
    """Three hundred without one: below 0.01 with 95 % confidence."""
    sums = binary(np.full((WEEKS, 1), 50.0), np.full((WEEKS, 1), 40.0))

    assert permutation_p(sums, None, 9.0, alpha=0.01) == pytest.approx(1 / 334)
    assert permutation_p(sums, None, 9.0) == pytest.approx(1 / 9_991)


def test_busy_tasks_are_taken_for_as_restless_in_points_as_calm_ones() -> None:
    """Weeks that wander by 3 points show four times as much in four times the scores; luck alone counts as none."""
    growth, free = np.repeat([300.0, 1200.0], 10), np.full(20, 11.0)

    restless = pooled_overdispersion(Wandering(free * (1 + 0.03**2 * growth), free, growth))
    lucky = pooled_overdispersion(Wandering(free * 1.1, free, growth))

    assert restless[0] == pytest.approx(1.27, abs=0.04)
    assert restless[-1] == pytest.approx(2.08, abs=0.13)
    assert (lucky == 1).all()


def test_a_shuffling_that_reaches_the_maximum_counts_as_reaching_it() -> None:
    """One failure in 25 scores falls into the last five in a fifth of all shufflings."""
    n, hits = np.zeros((WEEKS, 1)), np.zeros((WEEKS, 1))
    n[-5:], hits[-5:], hits[-1] = 5, 5, 4
    observed = float(split(binary(n, hits)).evidence().max())

    assert permutation_p(binary(n, hits), None, observed) == pytest.approx(0.2, abs=0.04)


def test_the_sums_of_one_minus_the_score_are_those_of_the_turned_scores() -> None:
    """For shares and for logarithms alike."""
    x = np.array([0.2, 0.5, 1.0, 6.5])

    def sums(values: np.ndarray) -> Sums:
        return Sums(*(np.array([[float((values**power).sum())]]) for power in range(4)))

    turned, expected = sums(x).flipped(), sums(1 - x)

    assert (turned.n, turned.total) == (expected.n, pytest.approx(expected.total))
    assert (turned.squares, turned.cubes) == (pytest.approx(expected.squares), pytest.approx(expected.cubes))


def test_the_range_holds_the_start_weeks_within_two_units_of_log_likelihood() -> None:
    """A small fall can be dated only roughly."""
    cells = [*level("t", range(16), 100, 90), *level("t", range(16, 17), 100, 84), *level("t", range(17, 20), 100, 79)]
    z = split(window_of("t", cells, 19).sums).evidence()
    fits = [12 + i for i in range(CANDIDATES) if (z.max() ** 2 - z[i] ** 2) / 2 <= 2]

    fallen = only(find_drift(cells, 19))

    assert fallen.since_range == (fits[0], fits[-1]) == (16, 17)


def test_weeks_that_wander_by_themselves_weaken_the_evidence() -> None:
    """The same fall after a steady and after a restless baseline of equal mean."""
    steady = level("t", range(16), 50, 42)
    restless = [passes("t", week, "en", 50, 42 + (6 if week % 2 else -6)) for week in range(16)]
    fall = level("t", range(16, 20), 50, 36)

    calm, wild = only(find_drift([*steady, *fall], 19)), only(find_drift([*restless, *fall], 19))

    assert calm.overdispersion == 1.0
    assert wild.overdispersion > 2.5
    assert (calm.verdict, wild.verdict) == ("fell", "no sign of change")
    assert calm.loss == pytest.approx(wild.loss)


def test_what_could_have_been_seen_shrinks_with_more_scores() -> None:
    """From most of the quality at five a week to a few points at a thousand."""
    seen = [only(find_drift(level("t", range(20), n, n * 9 // 10), 19)).could_have_seen for n in (10, 100, 1000)]

    assert all(s is not None for s in seen)
    few, some, many = (s or 0.0 for s in seen)
    assert few > 3 * some > 4 * many >= 0.12
    assert many < 0.05


# --- answers changed


def changed(signal: str, cells: Sequence[Cell], through: int = 19) -> list[AnswersChanged]:
    """The alerts of one signal."""
    return find_changed_answers({signal: cells}, through)


def test_code_fences_that_appear_are_an_alert_of_their_own_week() -> None:
    """An alias flip: 1 % to 40 % of answers fenced."""
    found = changed("output_fenced", [*level("t", range(17), 200, 2), *level("t", range(17, 20), 200, 80)])

    assert [(c.signal, c.direction, c.is_hard, c.since_week) for c in found] == [("output_fenced", "up", True, 17)]
    assert (found[0].before, found[0].after) == (pytest.approx(0.01), pytest.approx(0.4))


def test_valid_json_that_becomes_rare_is_an_alert_downwards() -> None:
    """99 % to 80 %."""
    found = changed("output_json_valid", [*level("t", range(18), 200, 198), *level("t", range(18, 20), 200, 160)])

    assert [(c.direction, c.since_week) for c in found] == [("down", 18)]


def test_a_change_too_small_to_matter_is_no_alert_at_any_volume() -> None:
    """1 point of a million calls."""
    cells = [*level("t", range(17), 10**6, 20_000), *level("t", range(17, 20), 10**6, 30_000)]

    assert changed("refusal_phrase", cells) == []


def test_answers_that_become_short_are_an_alert_in_characters() -> None:
    """Around 800 characters, then around 80."""
    rng = np.random.default_rng(8)

    def cell(week: int, characters: int) -> Cell:
        x = np.log1p(rng.lognormal(np.log(characters), 0.5, 60))
        return Cell("t", week, "en", 60, float(x.sum()), float((x**2).sum()), float((x**3).sum()))

    found = changed("output_length", [cell(week, 80 if week > 16 else 800) for week in range(20)])

    assert [(c.direction, c.is_hard, c.since_week) for c in found] == [("down", False, 17)]
    assert found[0].before == pytest.approx(800, rel=0.1) and found[0].after == pytest.approx(80, rel=0.2)
    assert changed("output_length", [cell(week, 800) for week in range(20)]) == []


def test_a_length_of_one_is_said_as_one() -> None:
    """Tool calls are 0 characters long, so that a task with few texts among them has a short typical answer."""
    signal = AnswersChanged("t", "output_length", "down", False, 5.23, 1.33, 17, (17, 17), 0.008, 95, 57)

    assert signal_sentence(signal) == "Answers are now typically 1 character long (5 before)."
    assert signal_sentence(replace(signal, after=1802.6)).startswith("Answers are now typically 1,803 characters long")


def test_a_signal_that_only_follows_the_mix_of_inputs_is_no_alert() -> None:
    """Refusals differ by language, and the languages' shares move."""
    cells = mix_cells(20, 60, easy=0.02, hard=0.3)

    assert changed("refusal_phrase", cells) == []
    assert changed("refusal_phrase", [c._replace(stratum="all") for c in cells]) != []


def test_windows_hold_twelve_weeks_before_the_first_of_eight_candidates() -> None:
    """The scan's shape is what the formulas say."""
    assert (BASELINE, CANDIDATES, WEEKS) == (12, 8, 20)
