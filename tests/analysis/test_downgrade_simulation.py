"""Error rates of the downgrade procedure on tasks of known truth; in full: `python -m tests.simulations.downgrade`."""

from __future__ import annotations

import numpy as np
import pytest

from llmwatch.analysis.downgrade import Item, paired_verdict
from tests.simulations.downgrade import (
    TARGET_RECALL,
    WEAK,
    Task,
    main,
    simulate_judges,
    simulate_scored,
    spread_of_tasks,
)
from tests.simulations.downgrade_bounds import main as bounds_main
from tests.simulations.downgrade_bounds import simulate_reviewed
from tests.simulations.downgrade_bounds import simulate_scored as bounds_of_scored
from tests.simulations.downgrade_many import simulate as simulate_many
from tests.simulations.downgrade_strata import SCENES, simulate
from tests.simulations.downgrade_strata import main as strata_main


@pytest.mark.parametrize("points", [2, 3, 5])
def test_scored_replays_reach_the_targets(points: int) -> None:
    """False at most 5 % on average and on 10 % of the worst task; wrong share, and recall at 200 and 800."""
    _, capped = simulate_scored(spread_of_tasks(2026, 68), points / 100, (200,), (200, 800), 60, points)

    for cap, rates in capped.items():
        assert rates.false_mean <= 5
        assert rates.false_worst <= 10
        assert rates.wrong_share <= 5
        assert rates.recall >= TARGET_RECALL[points, cap]


def test_forty_audits_make_a_weak_judge_safe_to_use() -> None:
    """Taken as truth it recommends most bad tasks; audited, 2 % at most, and 90 % of the safe ones."""
    found = simulate_judges(spread_of_tasks(2026, 68), [WEAK], 0.05, 500, 40, 1)

    assert found["weak", "truth"].false_mean > 30
    assert found["weak", "audits"].false_mean <= 2
    assert found["weak", "audits"].recall >= 90


def test_the_adapter_gives_the_rates_of_the_simulation() -> None:
    """Through `paired_verdict` with a weak judge and audits: a bad task is moved seldom, a safe one mostly."""
    moved = {loss: sum(_run(Task(0.01, 0.01 + loss, 0.03), seed) for seed in range(30)) for loss in (0.0, 0.09)}

    assert moved[0.09] <= 2
    assert moved[0.0] >= 25


def _run(task: Task, seed: int) -> bool:
    rng = np.random.default_rng(seed)
    truth = rng.choice((-1.0, 0.0, 1.0, 9.0), 500, p=(task.worse, task.reworded, task.better,
                                                       1 - task.worse - task.reworded - task.better))  # fmt: skip
    says = [rng.choice(("worse", "same", "better"), p=WEAK.says[int(t) + 1]) if t != 9 else "identical" for t in truth]
    items: list[Item] = [(str(n), "", None, None, str(say)) for n, say in enumerate(says)]  # type: ignore[misc]
    return paired_verdict(items, lambda one: float(truth[int(one)]), "low", seed=seed).verdict.is_move


@pytest.mark.parametrize(
    ("name", "least_right"), [("one of three loses 35 points, 400 replays", 27), ("all lose 6 points of 5", 0)]
)
def test_strata_that_people_see_lose_are_left_and_tasks_that_lose_everywhere_stay(name: str, least_right: int) -> None:
    """Of 30 runs at most 3 move what loses; one bad language is left alone and the rest moves."""
    found = simulate(next(scene for scene in SCENES if scene.name == name), 30)

    assert found["move wrong"] <= 3
    assert found["move right"] >= least_right


def test_among_many_tested_swaps_a_proof_that_could_be_luck_needs_more_replays() -> None:
    """40 swaps that may not be made and 5 that may: the replays asked for bring back the right moves, not the wrong."""
    found = simulate_many(40, 5, 0.03, 12, 7)

    assert found.guarded.wrong_share <= 10
    assert found.replayed.wrong <= found.alone.wrong
    assert found.replayed.recall >= 90


def test_at_most_one_printed_bound_in_twenty_is_false() -> None:
    """Of moves, of tasks that stay, and of moves that were replayed on; by people's reviews as by scores."""
    tasks = spread_of_tasks(2026, 68)
    scored, reviewed = bounds_of_scored(tasks, 0.03, 4, 7), simulate_reviewed(tasks, WEAK, 0.05, 4, 11)

    for found in (scored, reviewed):
        for verdict in ("move", "keep"):
            assert found[verdict, "all"].n > 20
            assert found[verdict, "all"].percent <= 5
    assert scored["move, 300 later", "all"].percent <= 5


@pytest.mark.slow
def test_the_full_simulation_of_printed_bounds_reaches_every_target() -> None:
    """Margins of 2, 3 and 5 points, 40 repetitions."""
    assert bounds_main(40) == 0


@pytest.mark.slow
def test_the_full_simulation_of_strata_reaches_every_target() -> None:
    """Every scene, 200 runs."""
    assert strata_main(200) == 0


@pytest.mark.slow
def test_the_full_simulation_reaches_every_target() -> None:
    """All tables, 200 repetitions."""
    assert main(200) == 0
