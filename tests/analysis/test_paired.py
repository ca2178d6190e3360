"""The statistics of paired differences against brute force, published figures and their own guarantees."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.optimize import brentq, minimize_scalar

from llmwatch.analysis.paired import (
    LOG_PROOF,
    Z95,
    Evidence,
    audit_bound,
    audit_plan,
    e_bh,
    holm,
    is_hopeless,
    is_too_dear,
    log_evidence,
    lossless_replays,
    lowest_difference,
    planned_replays,
    sequential_replays,
    summarized,
    tango_interval,
    tango_z,
    two_phase,
)
from tests.simulations.downgrade import (
    STYLE,
    WEAK,
    Task,
    audited,
    e_process,
    judged,
    no_difference,
    peeking,
    replays,
    taken_as_truth,
    two_phase_without_spread,
)


def _brute_z(g: int, w: int, n: int, difference: float) -> float:
    """The score statistic with the constrained maximum found by search."""

    def minus_log_likelihood(share_worse: float) -> float:
        share_better = share_worse + difference
        terms = ((g, share_better), (w, share_worse), (n - g - w, 1 - share_better - share_worse))
        return -sum(count * math.log(max(share, 1e-300)) for count, share in terms if count)

    low, high = max(0.0, -difference), (1 - difference) / 2
    found = minimize_scalar(minus_log_likelihood, bounds=(low, high), method="bounded", options={"xatol": 1e-13})
    variance = (2 * found.x + difference - difference**2) / n
    return ((g - w) / n - difference) / math.sqrt(variance)


@pytest.mark.parametrize(("g", "w", "n"), [(1, 7, 21), (6, 16, 161), (40, 20, 160), (0, 3, 50), (4, 4, 400)])
@pytest.mark.parametrize("difference", [-0.2, -0.05, -0.02, 0.03, 0.15])
def test_the_score_statistic_is_that_of_the_constrained_maximum(g: int, w: int, n: int, difference: float) -> None:
    """The closed form is what a search over all tables with this difference finds."""
    assert float(tango_z(g, w, n, difference)) == pytest.approx(_brute_z(g, w, n, difference), rel=2e-5, abs=2e-5)


@pytest.mark.parametrize(("g", "w", "n"), [(1, 7, 21), (6, 16, 161), (40, 20, 160), (4, 4, 400)])
def test_the_interval_ends_where_a_bracketed_root_does(g: int, w: int, n: int) -> None:
    """Both ends agree with a root search on the brute-force statistic."""
    low, high = tango_interval(g, w, n)
    middle = (g - w) / n
    roots = (brentq(lambda x: _brute_z(g, w, n, x) - Z95, -0.95, middle - 1e-6),
             brentq(lambda x: _brute_z(g, w, n, x) + Z95, middle + 1e-6, 0.95))  # fmt: skip

    assert (float(low), float(high)) == pytest.approx(roots, abs=1e-5)


def test_the_interval_is_the_published_one() -> None:
    """Airway hyper-responsiveness before and after transplantation (Bentur 2009; Fagerland 2014): -0.517 to -0.026."""
    low, high = tango_interval(1, 7, 21, 1.959964)

    assert (round(float(low), 3), round(float(high), 3)) == (-0.517, -0.026)


def test_no_difference_at_all_still_leaves_a_loss_open() -> None:
    """With 0 of n differing the bound is z2 / (n + z2), not 0."""
    low, high = tango_interval(0, 0, 300)

    assert float(low) == pytest.approx(-(Z95**2) / (300 + Z95**2), abs=1e-9)
    assert float(high) == -float(low)
    assert float(tango_z(0, 0, 300, 0.0)) == 0


def test_the_interval_covers_nine_times_of_ten() -> None:
    """Coverage of the 90 % interval, over rates from 1 to 15 %, stays between 86 and 96 %."""
    rng = np.random.default_rng(1)
    for better, worse, n in ((0.01, 0.02, 400), (0.05, 0.05, 200), (0.15, 0.05, 100)):
        g, w, _ = rng.multinomial(n, (better, worse, 1 - better - worse), size=3000).T
        low, high = tango_interval(g, w, n)
        covered = ((low <= better - worse) & (better - worse <= high)).mean()
        assert 0.86 < covered < 0.96


def test_graded_scores_have_an_interval_of_their_mean() -> None:
    """Graded differences are not forced into better and worse; the interval holds the mean and shrinks with n."""
    few, many = (summarized([0.25, -0.5, 0.0, 0.125] * times) for times in (10, 1000))

    assert few.is_graded
    assert few.interval()[0] < few.mean < few.interval()[1]
    assert many.interval()[1] - many.interval()[0] < (few.interval()[1] - few.interval()[0]) / 5
    assert summarized([0.0] * 5 + [0.5]).interval()[1] > summarized([0.0] * 5 + [0.5]).mean


def test_the_evidence_is_the_mean_of_four_bets() -> None:
    """E by the definition, for a safe proof and for its mirror, and the same one replay at a time."""
    d, m = [0.0, 1.0, -1.0, 0.0, 0.5], 0.03
    safe = sum(math.prod(1 + bet / (1 - m) * (x + m) for x in d) for bet in (0.15, 0.35, 0.6, 0.9)) / 4
    unsafe = sum(math.prod(1 - bet / (1 + m) * (x + m) for x in d) for bet in (0.15, 0.35, 0.6, 0.9)) / 4

    assert float(log_evidence(d, m)[-1]) == pytest.approx(math.log(safe))
    assert float(log_evidence(d, m, is_mirrored=True)[-1]) == pytest.approx(math.log(unsafe))
    for is_mirrored in (False, True):
        one_by_one = Evidence(m, is_mirrored=is_mirrored)
        assert [one_by_one.take(x) for x in d] == pytest.approx(log_evidence(d, m, is_mirrored=is_mirrored))


def test_proof_without_any_loss_takes_the_stated_number_of_replays() -> None:
    """224, 148 and 88 replays at 2, 3 and 5 points."""
    assert [lossless_replays(m) for m in (0.02, 0.03, 0.05)] == [224, 148, 88]


@pytest.mark.parametrize("margin", [0.02, 0.05])
def test_the_evidence_may_be_looked_at_after_every_replay(margin: float) -> None:
    """At a loss of exactly the margin either side is ever proved in 5 % of runs at most."""
    rng = np.random.default_rng(3)
    d = replays(Task(0.03, 0.03 + margin, 0), 2000, 1600, rng)

    for is_mirrored in (False, True):
        assert (log_evidence(d, margin, is_mirrored=is_mirrored).max(axis=1) >= LOG_PROOF).mean() < 0.06


def test_peeking_with_a_test_of_fixed_size_breaks_its_promise() -> None:
    """On a task that loses just over the margin, peeking every 50 recommends far more often than betting does."""
    d = replays(Task(0.02, 0.0405, 0), 400, 2000, np.random.default_rng(4))
    safe = log_evidence(d, 0.02)

    assert peeking(d, safe, 0.02, 2000).mean() > 0.12
    assert e_process(d, safe, 0.02, 2000).mean() < 0.06


def test_no_significant_difference_is_no_proof_of_safety() -> None:
    """A task that loses 4 points is "not significantly worse" in most runs of 100, and proved safe in hardly any."""
    d = replays(Task(0.04, 0.08, 0), 500, 100, np.random.default_rng(5))

    assert no_difference(d, d, 0.02, 100).mean() > 0.5
    assert e_process(d, log_evidence(d, 0.02), 0.02, 100).mean() < 0.06


def test_leaving_the_spread_within_a_verdict_out_recommends_bad_tasks() -> None:
    """Where all differing answers are audited only that term says that other inputs could have been drawn."""
    task = Task(0.05, 0.102, 0.0)
    rng = np.random.default_rng(6)
    sums = audited(judged(task, WEAK, 200, 600, rng), 200, 40, rng)

    right = (two_phase(*sums).low() > -0.05).mean()
    trap = (two_phase_without_spread(*sums) > -0.05).mean()

    assert right <= 0.08
    assert trap >= 0.10
    assert trap > 3 * right


@pytest.mark.parametrize("judge", [WEAK, STYLE], ids=lambda judge: judge.name)
def test_a_wrong_judge_grows_more_certain_with_data_and_audits_repair_it(judge: object) -> None:
    """Taken as truth it recommends a task that loses 8 points, more often the more replays; 40 audits stop it."""
    task, rng = Task(0.01, 0.09, 0.05), np.random.default_rng(7)
    rates = {n: taken_as_truth(judged(task, judge, n, 300, rng), n, 0.05).mean() for n in (50, 1000)}  # type: ignore[arg-type]
    audits = two_phase(*audited(judged(task, judge, 1000, 300, rng), 1000, 40, rng))  # type: ignore[arg-type]

    assert rates[1000] >= rates[50]
    assert rates[1000] > 0.9
    assert (audits.low() > -0.05).mean() < 0.05


def test_the_two_phase_estimate_by_hand() -> None:
    """200 identical, 100 judged worse with 10 audits of which 6 were: mean and error as the formula says."""
    estimate = two_phase(200, [100], [10], [-6], [6])
    mu, spread = -6 / 11, 7 / 11 - (6 / 11) ** 2
    mean = mu / 3
    variance = ((spread + (mu - mean) ** 2) / 3 + 2 / 3 * mean**2) / 300 + spread / 9 * (1 / 10 - 1 / 100)

    assert float(estimate.mean) == pytest.approx(mean)
    assert float(estimate.error) == pytest.approx(math.sqrt(variance))


def test_audits_without_a_surprise_are_no_certainty() -> None:
    """Five audits that all found no loss leave a standard error above 0."""
    assert float(two_phase(400, [100], [5], [0], [0]).error) > 0.02


def test_every_verdict_that_occurs_is_audited() -> None:
    """At least 5 of each, or all there are; the rest in proportion; never more than there are."""
    plan = audit_plan({"worse": 3, "same": 400, "better": 20, "unjudged": 0}, 40)

    assert plan["worse"] == 3
    assert plan["better"] >= 5
    assert sum(plan.values()) == 40
    assert "unjudged" not in plan
    assert audit_plan({"worse": 4, "same": 2}, 40) == {"worse": 4, "same": 2}


def test_replays_are_planned_as_stated() -> None:
    """One look at equal models: 155, 310, 773 at 1, 2, 5 % disagreement and 2 points; betting about twice that."""
    looks = [planned_replays(x / 2, x / 2, 0.02) for x in (0.01, 0.02, 0.05)]

    assert looks == pytest.approx([155, 310, 773], rel=0.01)
    assert sequential_replays(0.05, 0.0, 0.02) == pytest.approx(1566, rel=0.05)
    assert sequential_replays(0.0, 0.0, 0.05) == 88
    assert planned_replays(0.05, 0.0, 0.05) == math.inf


def test_futility_sees_hopeless_and_too_dear() -> None:
    """A loss of 10 points is hopeless at 2; equal models that differ on 20 % need more than the cap; 2 % do not.

    What looks worse than the margin is given 400 replays to show it.
    """
    assert bool(is_hopeless(200, -0.10, 0.1, 0.02))
    assert not bool(is_hopeless(100, -0.02, 0.02, 0.02))
    assert bool(is_too_dear(400, -0.016, 0.2, 0.02, 1600))
    assert not bool(is_too_dear(400, 0.0, 0.02, 0.02, 1600))
    assert [bool(is_too_dear(n, -0.03, 0.3, 0.02, 1600)) for n in (400, 600)] == [False, True]


def test_many_tasks_need_more_evidence_each() -> None:
    """Holm and e-BH reject what their definitions say."""
    assert holm([0.01, 0.04, 0.03], 0.10) == [True, True, True]
    assert holm([0.04, 0.2, 0.5], 0.10) == [False, False, False]
    assert e_bh([math.log(20)] + [0.0] * 29) == [False] * 30
    assert e_bh([math.log(400)] + [0.0] * 29) == [True] + [False] * 29
    assert e_bh([math.log(40)] * 10 + [0.0] * 20) == [True] * 10 + [False] * 20


def _wealth(differences: list[float], margin: float) -> float:
    """The largest mean of the four bettors' wealth, one product at a time, against a loss of `margin`."""
    bettors, most = [1.0] * 4, 1.0
    for d in differences:
        bettors = [
            w * (1 + s / (1 - margin) * (d + margin)) for w, s in zip(bettors, (0.15, 0.35, 0.6, 0.9), strict=True)
        ]
        most = max(most, sum(bettors) / 4)
    return most


@pytest.mark.parametrize("seed", range(4))
def test_the_bound_that_is_printed_is_where_the_wealth_of_the_bettors_reaches_twenty(seed: int) -> None:
    """A little more loss is ruled out and a little less is not, at the margin that was asked exactly and elsewhere."""
    worse, better, n = ((0.01, 0.01, 400), (0.05, 0.01, 900), (0.02, 0.08, 300), (0.0, 0.0, 60))[seed]
    d = [float(x) for x in replays(Task(better, worse, 0), 1, n, np.random.default_rng(seed))[0]]
    low = lowest_difference(d, 0.03)
    high = -lowest_difference([-x for x in d], -0.03)

    assert low < sum(d) / n < high
    assert _wealth(d, -low + 1e-4) >= 20 > _wealth(d, -low - 1e-4)
    assert _wealth([-x for x in d], high + 1e-4) >= 20 > _wealth([-x for x in d], high - 1e-4)


def test_the_bound_keeps_what_was_once_ruled_out() -> None:
    """148 replays without a difference prove 3 points to the last digit; a bad run after them takes nothing back."""
    d = [0.0] * 148

    assert lowest_difference(d[:-1], 0.03) < -0.03
    assert lowest_difference(d, 0.03) == -0.03
    assert lowest_difference([*d, *[-1.0] * 40], 0.03) == -0.03
    assert lowest_difference([], 0.03) == -1.0


def test_looks_after_more_reviews_spend_ever_less() -> None:
    """5 % at the first, and less than 2.5 % at all later ones together."""
    spent = [0.5 * math.erfc(audit_bound(batches) / math.sqrt(2)) for batches in range(1, 60)]

    assert audit_bound(0) == audit_bound(1)
    assert spent[0] == pytest.approx(0.05)
    assert spent[1] == pytest.approx(0.05 / 6)
    assert 0.02 < sum(spent[1:]) < 0.025
