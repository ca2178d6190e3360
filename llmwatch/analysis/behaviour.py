"""Have a task's answers changed in kind, whatever their quality? A weaker and earlier alert than drift.

Counts of what capture sees on every call: no judgement of an answer enters, so a change is never called a fall.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import exp, log
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from .scan import BASELINE, Split, Sums, overdispersion, scan_compared, split
from .stats import Floats, normal_quantile
from .weekly import Cell, Grid, Window, candidate_week, candidate_weeks, grid_of

VERDICT: Final = "answers changed, quality unknown"
Direction = Literal["up", "down"]

# One task and look is wrong once in a hundred, over all signals and both directions (Bonferroni).
FALSE_ALARM: Final = 0.01
# The smallest change of a share worth a line. Hard signals break programs; soft ones wander by themselves.
HARD_SIGNALS: Final = {
    "output_empty": 0.03,
    "output_fenced": 0.03,
    "output_json_valid": 0.03,
    "output_schema_valid": 0.03,
    "tool_arguments_valid": 0.03,
    "refusal_phrase": 0.03,
    "output_truncated": 0.03,
}
SOFT_SIGNALS: Final = {"output_expected_language": 0.05, "output_repeated": 0.10}
# Its cells hold natural logarithms of 1 + characters; the change worth a line is a factor.
LENGTH: Final = "output_length"
LEAST_LENGTH_FACTOR: Final = 1.25
LEAST_CHANGE: Final[Mapping[str, float]] = {**HARD_SIGNALS, **SOFT_SIGNALS, LENGTH: log(LEAST_LENGTH_FACTOR)}
_TESTS: Final = 2 * len(LEAST_CHANGE)
_LOUD: Final = -normal_quantile(FALSE_ALARM / _TESTS)


@dataclass(frozen=True, slots=True)
class AnswersChanged:
    """One signal of one task that moved; `before` and `after` are shares, or typical characters for the length."""

    task: str
    signal: str
    direction: Direction
    is_hard: bool
    before: float
    after: float
    since_week: int
    since_range: tuple[int, int]
    # Over all signals and both directions.
    p: float
    n_before: int
    n_after: int


@dataclass(frozen=True, slots=True)
class Signals:
    """Cells of all signals by column: whose each is, and per signal n, total, squares and cubes."""

    tasks: Sequence[str]
    weeks: NDArray[np.int64]
    strata: Sequence[str]
    values: Mapping[str, tuple[Floats, Floats, Floats, Floats]]


def find_changed_answers(
    cells: Mapping[str, Iterable[Cell]], through: int, baselines: Mapping[str, int] | None = None
) -> list[AnswersChanged]:
    """The signals that moved, by task, the least likely first; at equal mix where the cells have strata.

    `cells`: signal -> cells, a share's with n answers that tell and their hits as total, squares and cubes alike.
    """
    changed: list[AnswersChanged] = []
    for signal, of_signal in cells.items():
        own = list(of_signal)
        numbers = np.array([[c.n, c.total, c.squares, c.cubes] for c in own], dtype=np.float64).reshape(-1, 4).T
        signals = Signals(
            [c.task for c in own],
            np.array([c.week for c in own], dtype=np.int64),
            [c.stratum for c in own],
            {signal: (numbers[0], numbers[1], numbers[2], numbers[3])},
        )
        changed += changed_answers(signals, through, baselines)
    return sorted(changed, key=_order)


def changed_answers(signals: Signals, through: int, baselines: Mapping[str, int] | None = None) -> list[AnswersChanged]:
    """As `find_changed_answers`, from columns: 200 tasks of five strata and ten signals in a tenth of a second."""
    largest = np.max([n for n, *_ in signals.values.values()], axis=0) if signals.values else np.zeros(0)
    if not len(largest):
        return []
    grid = grid_of(signals.tasks, signals.weeks, signals.strata, largest, through, baselines)
    changed = [
        found
        for signal, columns in signals.values.items()
        for found in _moved(signal, grid, grid.sums(*columns), through)
    ]
    return sorted(changed, key=_order)


def _order(changed: AnswersChanged) -> tuple[str, float, str]:
    return changed.task, changed.p, changed.signal


def _moved(signal: str, grid: Grid, sums: Sums, through: int) -> Iterator[AnswersChanged]:
    """The tasks in which one signal moved either way."""
    compared = split(sums)
    windows = grid.windows(sums)
    # What luck alone does as often needs no draws: the chance of one candidate is below that of the largest.
    ways = (compared.evidence(), compared.flipped().evidence())
    loud = np.flatnonzero(np.maximum(*ways).max(axis=-1, initial=-np.inf) > _LOUD)
    first = BASELINE + np.argmax(compared.is_eligible, axis=-1)
    seen = overdispersion(sums, first)
    # Every call is counted, so that a task's own weeks tell how much they wander.
    phi = np.maximum(1.0, np.divide(seen.chi, seen.free, out=np.ones_like(seen.chi), where=seen.free > 0))
    for i in loud.tolist():
        own = compared.only(i, len(grid.strata[i]))
        found = _changed(signal, windows[i], own, float(phi[i]), through)
        if found:
            yield found


def _changed(signal: str, window: Window, compared: Split, phi: float, through: int) -> AnswersChanged | None:
    """The signal's likelier direction if it is beyond luck and large enough to matter."""
    ways: tuple[tuple[Direction, Sums, Split], ...] = (
        ("down", window.sums, compared),
        ("up", window.sums.flipped(), compared.flipped()),
    )
    for direction, sums, own in ways:
        if float(own.evidence(phi).max()) <= _LOUD:
            continue
        found = scan_compared(sums, None, own, phi)
        p = min(1.0, found.p * _TESTS)
        if p > FALSE_ALARM or found.loss < LEAST_CHANGE[signal]:
            continue
        before, after = found.plain_means(window.sums, found.best)
        if signal == LENGTH:
            before, after = exp(before) - 1, exp(after) - 1
        return AnswersChanged(
            window.task,
            signal,
            direction,
            signal in HARD_SIGNALS,
            before,
            after,
            candidate_week(through, found.best),
            candidate_weeks(through, found.compatible),
            p,
            round(float(found.split.n_before[found.best].sum())),
            round(float(found.split.n_after[found.best].sum())),
        )
    return None
