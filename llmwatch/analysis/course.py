"""The course of a fall that was raised before: has it recovered, has it fallen again, and what is true now.

Before, after, since and now come from one fit of the window (`levels.py`), so that they agree with each other. Pure;
weeks are numbers, as `weekly.week_of` has them.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Final, Literal

import numpy as np

from .levels import Levels, Mean, Step, difference, fit_levels, now_of, plain_mean
from .scan import MIN_NEW_SCORES, Sums
from .stats import normal_quantile
from .weekly import Window

Standing = Literal["fell", "recovered", "fell again"]

# Less than this is no move worth a word: as `drift.LEAST_LOSS`.
LEAST_MOVE: Final = 0.03
# A start that the fit dates so many weeks from where the alarm was first dated is that alarm's.
_NEAR: Final = 3
_SHOWN: Final = 1.645
# What the largest of eight candidates' errors exceeds once in twenty.
_SURE: Final = 2.4
# Moves after an alarm are looked for every week for as long as it stands: a further fall as strictly as the first.
_ROSE: Final = 3.0
# One good week is no recovery.
_GOOD_WEEKS: Final = 2
_FELL: Final = 3.4
# What came back by less than so much of the loss has not recovered.
_CAME_BACK: Final = 0.75
# A segment falls alone where all others together lost less than so much of its loss.
_OTHERS: Final = 1 / 3
_MOST_OF_ALL: Final = 0.9


@dataclass(frozen=True, slots=True)
class Segment:
    """The one kind of inputs whose answers fell, with its own levels."""

    name: str
    before: Mean
    after: Mean


@dataclass(frozen=True, slots=True)
class Fallen:
    """What is known of the alarm whose course is told: its weeks, its levels and its loss at equal mix."""

    since: int
    loss: float
    before: float | None = None
    scores_before: int = 0


@dataclass(frozen=True, slots=True)
class Course:
    """What became of a fall by the end of a window."""

    standing: Standing
    # The start of the fall and the weeks that fit nearly as well; None where it lies before the window.
    since: int | None
    between: tuple[int, int] | None
    before: Mean
    now: Mean
    # Before less now at equal mix, in score units, and what it is at least, whichever of the start weeks it is.
    loss: float
    lower: float
    # before.value - now.value = loss - mix_part; 0 where the fall lies before the window.
    mix_part: float
    # The level between the fall and the last move, and the week of that move; None without one.
    between_level: Mean | None = None
    moved: int | None = None
    moved_between: tuple[int, int] | None = None
    segment: Segment | None = None


def course_of(window: Window, through: int, fallen: Fallen, overdispersion: float = 1.0) -> Course | None:
    """Where the task stands; None where the last weeks have too few scores to say.

    Assumes: the alarm is true. Lies when: the mix moves within strata.
    """
    sums = window.sums
    first = through - len(sums.n) + 1
    levels = fit_levels(sums, overdispersion)
    weeks, now = now_of(sums, levels, overdispersion)
    if now.n < MIN_NEW_SCORES:
        return None
    number = _fall_in(levels, fallen.since - first)
    if number is None:
        return _since_long(levels, sums, first, fallen, now, overdispersion)
    fall = levels.steps[number]
    before = levels.stretch(number)
    gap, error = difference(sums, before, weeks, overdispersion)
    old = plain_mean(sums, before, overdispersion)
    later = levels.steps[number + 1 :]
    standing, moved = _standing(later, -gap, -fall.size, levels.weeks)
    level = plain_mean(sums, levels.stretch(-2), overdispersion) if moved else None
    return Course(
        standing,
        first + fall.week,
        (first + fall.compatible[0], first + fall.compatible[1]),
        old,
        now,
        -gap,
        -gap - _SURE * error,
        now.value - old.value - gap,
        level,
        *_dated(moved, first),
        _segment(window, before, levels.stretch(number + 1), overdispersion),
    )


def _fall_in(levels: Levels, near: int) -> int | None:
    """The number of the step that is the alarm's; None where the fit has none near."""
    found = [
        (abs(step.week - near), number)
        for number, step in enumerate(levels.steps)
        if step.size < 0 and abs(step.week - near) <= _NEAR
    ]
    return min(found)[1] if found else None


def _since_long(
    levels: Levels, sums: Sums, first: int, fallen: Fallen, now: Mean, overdispersion: float
) -> Course | None:
    """Of a fall that lies before the window, or that the fit does not show: measured by the alarm's own level."""
    if fallen.before is None:
        return None
    n = max(fallen.scores_before / overdispersion, 1)
    error_before = sqrt((fallen.before * (1 - fallen.before) + 0.25 / n) / n)
    z = normal_quantile(0.975)
    half = z * error_before
    before = Mean(fallen.before, max(fallen.before - half, 0), min(fallen.before + half, 1), fallen.scores_before, 0)
    gap = fallen.before - now.value
    error = sqrt(error_before**2 + ((now.high - now.low) / 2 / z) ** 2)
    later = tuple(step for step in levels.steps if first + step.week > fallen.since + _NEAR)
    standing, moved = _standing(later, gap, fallen.loss, levels.weeks)
    is_outside = fallen.since <= first
    if standing == "fell" and not later and is_outside and _is_back(gap, fallen.loss) and gap + z * error < fallen.loss:
        standing = "recovered"
    level = plain_mean(sums, levels.stretch(-2), overdispersion) if moved else None
    lower = gap - _SURE * error
    return Course(standing, None, None, before, now, gap, lower, 0.0, level, *_dated(moved, first))


def _dated(moved: Step | None, first: int) -> tuple[int | None, tuple[int, int] | None]:
    if moved is None:
        return None, None
    return first + moved.week, (first + moved.compatible[0], first + moved.compatible[1])


def _standing(later: tuple[Step, ...], gap: float, lost: float, weeks: int) -> tuple[Standing, Step | None]:
    """The verdict by the last move after the fall that is beyond luck; `gap`: before less now at equal mix."""
    last = later[-1] if later else None
    if last is None or abs(last.size) < max(LEAST_MOVE, (_FELL if last.size < 0 else _ROSE) * last.error):
        return "fell", None
    if last.size < 0:
        return "fell again", last
    is_recovered = _is_back(gap, lost) and weeks - last.week >= _GOOD_WEEKS
    return ("recovered" if is_recovered else "fell"), last


def _is_back(gap: float, lost: float) -> bool:
    return gap < max(LEAST_MOVE, (1 - _CAME_BACK) * lost)


def _segment(window: Window, before: slice, after: slice, overdispersion: float) -> Segment | None:
    """The one stratum that fell while all others together did not; None where the fall is of several or all."""
    sums = window.sums
    if len(window.names) < 2:
        return None
    falls: list[tuple[float, float, int]] = []
    for s in range(len(window.names)):
        size, error = difference(_only(sums, [s]), before, after, overdispersion)
        falls.append((size / error, size, s))
    z, size, s = min(falls)
    share = sums.n[:, s].sum() / sums.n.sum()
    if z > normal_quantile(0.05 / len(falls)) or -size < LEAST_MOVE or share > _MOST_OF_ALL:
        return None
    others = [o for o in range(len(window.names)) if o != s]
    rest, error = difference(_only(sums, others), before, after, overdispersion)
    if not np.isfinite(error) or -rest > _OTHERS * -size or -rest > _SHOWN * error:
        return None
    own = _only(sums, [s])
    return Segment(window.names[s], plain_mean(own, before, overdispersion), plain_mean(own, after, overdispersion))


def _only(sums: Sums, strata: list[int]) -> Sums:
    return Sums(*(x[:, strata] for x in (sums.n, sums.total, sums.squares, sums.cubes)))
