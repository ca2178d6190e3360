"""What replays say of a saving, beside the bill of all calls worked out one by one."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from random import Random

import pytest

from llmwatch.analysis.spend import Period
from llmwatch.analysis.trial import _output_ratio, _outputs_per_call  # pyright: ignore[reportPrivateUsage]
from llmwatch.figures.downgrade import load_uses
from llmwatch.figures.reading import Reading
from llmwatch.store import Store
from llmwatch.store.queries import create_views
from tests.stores import MOMENT, call, empty_store, fill

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


def test_a_failed_call_is_no_answer_of_no_length(tmp_path: Path) -> None:
    """Eight answers of 10 tokens and two failures are 10 tokens an answer, not 8 a call."""
    store = empty_store(tmp_path / "home")
    failed = {"status": "error", "usage_source": None, "input_tokens": None, "output_tokens": None, "cost": None}
    calls = [call(n, operation_name="chat", usage_source="response") for n in range(8)]
    fill(store, [*calls, call(8, operation_name="chat", **failed), call(9, operation_name="chat", **failed)])
    period = Period(MOMENT - timedelta(days=7), MOMENT)

    with Store(store).read() as con:
        create_views(con)
        (use,) = load_uses(Reading(con, (), store), period, lambda *_: {}, Decimal(1))

    assert use.calls == 10
    assert _outputs_per_call(use) == 10
