"""One world of the twenty that `python -m tests.endtoend` makes: every planted truth is found, and nothing else."""

from pathlib import Path

import pytest

from .truths import check
from .world import follow_advice, make_world, review_all, shadow_all


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_every_planted_truth_is_found(tmp_path: Path) -> None:
    """Calls over HTTP, merged, replayed by `shadow`, reviewed, and read back by `drift` and `downgrade`."""
    world = make_world(tmp_path / "home", seed=1)
    shadow_all(world)
    review_all(world)
    if follow_advice(world):
        review_all(world, batches=4)

    wrong = {truth: said for truth, said in check(world).items() if said}

    assert wrong == {}
