"""What replays say of a saving, beside the bill of all calls worked out one by one."""

from __future__ import annotations

from random import Random

import pytest

from llmwatch.analysis.trial import _output_ratio  # pyright: ignore[reportPrivateUsage]

np = pytest.importorskip("numpy")


def _rows(draws: list[int], thought: int) -> object:
    """Rows of (old input, old output, new input, new output) where the candidate adds the same thinking to each."""
    return np.array([(60, old, 60, old + thought) for old in draws], dtype=np.float64)


def test_thinking_that_does_not_grow_with_the_answer_is_counted_per_answer() -> None:
    """A sample of answers longer than all of them understates thinking by a ratio, not by the regression."""
    rng = Random(1)
    everything = [rng.randint(5, 15) for _ in range(5000)]
    longer = sorted(rng.sample(everything, 150))[30:]
    rows = _rows(longer, thought=180)
    mean = sum(everything) / len(everything)

    ratio = float(_output_ratio(rows, mean)(rows.sum(axis=0)[None, :])[0])
    plain = float(_output_ratio(rows, None)(rows.sum(axis=0)[None, :])[0])

    assert ratio * mean == pytest.approx(mean + 180, rel=0.001)
    assert plain * mean < (mean + 180) * 0.95


def test_an_answer_that_is_so_many_times_longer_keeps_its_ratio() -> None:
    """Where the new length grows with the old one, both estimates are the ratio."""
    rng = Random(2)
    rows = np.array([(60, old, 60, 3 * old) for old in (rng.randint(5, 400) for _ in range(200))], dtype=np.float64)

    assert float(_output_ratio(rows, 111.0)(rows.sum(axis=0)[None, :])[0]) == pytest.approx(3.0)
