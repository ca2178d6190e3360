"""Weekly sums of scores: the two ways to make them agree, and what they are of is worked out by hand."""

from __future__ import annotations

import random

import numpy as np
import pytest

from llmwatch.analysis.scan import WEEKS, Sums
from llmwatch.analysis.weekly import Cell, cells_of, grid_of, window_of

THROUGH = 2_900


def drawn(seed: int) -> list[Cell]:
    """Cells of three tasks, weeks before, in and after the window, with small and large strata."""
    draw = random.Random(seed)
    scores = []
    for _ in range(1500):
        stratum = draw.choices(("en", "de", "fr", "it", "ja"), (600, 300, 60, 8, 5))[0]
        week = THROUGH - draw.randrange(-2, WEEKS + 3)
        scores.append((draw.choice("abc"), week, stratum, draw.choice((0.0, 0.25, 1.0))))
    return cells_of(scores)


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("starts", [{}, {"a": THROUGH - 5, "c": THROUGH - 99}])
def test_all_tasks_at_once_are_each_by_itself(seed: int, starts: dict[str, int]) -> None:
    """Small strata share a column in both; weeks outside the window, or before a task's start, count in neither."""
    cells = drawn(seed)
    columns = list(zip(*cells, strict=True))
    n, total, squares, cubes = (np.asarray(column, dtype=np.float64) for column in columns[3:7])
    grid = grid_of(columns[0], np.asarray(columns[1], dtype=np.int64), columns[2], n, THROUGH, starts)

    together = grid.windows(grid.sums(n, total, squares, cubes))

    assert [window.task for window in together] == ["a", "b", "c"]
    for window in together:
        alone = window_of(window.task, [c for c in cells if c.task == window.task], THROUGH, starts.get(window.task))
        assert window.strata == alone.strata > 1
        for part in ("n", "total", "squares", "cubes"):
            np.testing.assert_allclose(getattr(window.sums, part), getattr(alone.sums, part))
    kept = [c for c in cells if THROUGH - WEEKS < c.week <= THROUGH and c.week >= starts.get(c.task, 0)]
    assert sum(float(window.sums.n.sum()) for window in together) == sum(c.n for c in kept)


def test_expected_scores_are_those_of_the_stratum_over_the_whole_window() -> None:
    """Of en 0.5 on average, of de 0.2: weeks of 2 and 1, and of 1 and 4 answers."""
    n = np.array([[2.0, 1.0], [1.0, 4.0]])
    total = np.array([[1.0, 0.5], [0.5, 0.5]])
    sums = Sums(n, total, total, total)

    found = sums.as_expected()

    np.testing.assert_allclose(found.n, [[3], [5]])
    np.testing.assert_allclose(found.total, [[2 * 0.5 + 0.2], [0.5 + 4 * 0.2]])
    np.testing.assert_allclose(found.squares, [[2 * 0.25 + 0.04], [0.25 + 4 * 0.04]])
    np.testing.assert_allclose(found.cubes, [[2 * 0.125 + 0.008], [0.125 + 4 * 0.008]])
