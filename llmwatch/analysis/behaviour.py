"""Have a task's answers changed in kind, whatever their quality? A weaker and earlier alert than drift.

Counts of what capture sees on every call: no judgement of an answer enters, so a change is never called a fall.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import exp, log
from typing import Final, Literal

from .scan import Scan, scan
from .weekly import Cell, candidate_week, candidate_weeks, window_of

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


def find_changed_answers(
    cells: Mapping[str, Iterable[Cell]], through: int, baselines: Mapping[str, int] | None = None
) -> list[AnswersChanged]:
    """The signals that moved, by task, the least likely first; at equal mix where the cells have strata.

    `cells`: signal -> cells, a share's with n answers that tell and their hits as total, squares and cubes alike.
    """
    starts = baselines or {}
    changed: list[AnswersChanged] = []
    for signal, of_signal in cells.items():
        by_task: dict[str, list[Cell]] = defaultdict(list)
        for cell in of_signal:
            by_task[cell.task].append(cell)
        for task, own in by_task.items():
            found = _changed(task, signal, own, through, starts.get(task))
            changed.extend([found] if found else [])
    return sorted(changed, key=lambda c: (c.task, c.p, c.signal))


def _changed(task: str, signal: str, cells: Iterable[Cell], through: int, start: int | None) -> AnswersChanged | None:
    """The signal's likelier direction if it is beyond luck and large enough to matter."""
    window = window_of(task, cells, through, start)
    ways: tuple[tuple[Direction, Scan | None], ...] = (
        ("down", scan(window.sums, window.scores)),
        ("up", scan(window.sums.flipped(), None)),
    )
    tests = 2 * len(LEAST_CHANGE)
    for direction, found in ways:
        p = min(1.0, found.p * tests) if found else 1.0
        if found is None or p > FALSE_ALARM or found.loss < LEAST_CHANGE[signal]:
            continue
        before, after = found.plain_means(window.sums, found.best)
        if signal == LENGTH:
            before, after = exp(before) - 1, exp(after) - 1
        return AnswersChanged(
            task,
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
