"""What changed near the week from which a task got worse: dated, with how much of the calls it touches.

Owns the finding and ranking of changes among what calls carry; association is all that it can show. Pure.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from .stats import Floats

# Kinds in the order in which they are named where nothing else tells them apart: a deploy carries the others.
KINDS: Final = (
    "prompt_version",
    "response_model",
    "request_model",
    "system_fingerprint",
    "tools",
    "schema",
    "temperature",
    "top_p",
    "max_tokens",
    "reasoning_level",
    "inputs",
    "scorer",
    "service_version",
)
# Values before and after a day are compared over so many days on either side.
_SIDE: Final = 28
# Which value came is told by these days, or as many more as have calls enough.
_SOON: Final = 7
# A change that touches less of the calls is no explanation of anything seen in all of them.
_LEAST_SHARE: Final = 0.15
_LEAST_CALLS: Final = 8
_LEAST_SCORED: Final = 5
# Luck moves shares too: so many standard errors of it are no change.
_LUCK: Final = 2.5
# A week begins on Monday, a deploy perhaps on the Friday before.
_EARLY: Final = timedelta(days=3)
_IN_WEEK, _IN_RANGE, _NEAR = 1.0, 0.85, 0.6
# Of a change whose calls did no worse than the others at the same time.
_UNTOUCHED: Final = 0.3


@dataclass(frozen=True, slots=True)
class Span:
    """When it began by the scan: the likeliest week and the weeks that fit nearly as well, as their Mondays."""

    since: date
    earliest: date
    latest: date


@dataclass(frozen=True, slots=True)
class Cause:
    """One change near the start week; shares are of calls. Nearness in time, never proof."""

    kind: str
    # The value that lost the most calls, and the one that gained the most.
    old: str
    new: str
    # The day, UTC, from which the new value came.
    on: date
    # The share of calls that changed their value.
    share: float
    # How much worse calls with the new value were scored than those with the old at the same time; None where no
    # calls were left with the old one.
    worse_by: float | None
    rank: float
    # The edit of a prompt, line by line.
    diff: tuple[str, ...] = ()


def find_causes(
    rows: Iterable[Mapping[str, Any]], span: Span, loss: float | None = None, kinds: Sequence[str] = KINDS
) -> list[Cause]:
    """The changes within a week of the span, the likeliest first; rows of the query task_changes, of one task.

    `loss`: how much scores fell at equal inputs, by which a change that touches the calls that got worse is told from
    one beside it. `kinds`: those to look at.
    """
    by_kind: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        by_kind[row["kind"]].append(row)
    found = [cause for kind in kinds if (cause := _change(kind, by_kind[kind], span, loss))]
    # The program asked for another model: that another answered says nothing more.
    asked = {cause.on for cause in found if cause.kind == "request_model"}
    found = [cause for cause in found if not (cause.kind == "response_model" and cause.on in asked)]
    return sorted(found, key=lambda cause: (-round(cause.rank, 2), KINDS.index(cause.kind)))


@dataclass(frozen=True, slots=True)
class _Days:
    """Calls, scored calls and sums of scores of one kind, each (day, value)."""

    first: date
    values: tuple[str, ...]
    calls: Floats
    scored: Floats
    total: Floats

    def sides(self, day: int) -> tuple[slice, slice]:
        """The days before and from a day on."""
        return slice(max(0, day - _SIDE), day), slice(day, day + _SIDE)


def _days(rows: Sequence[Mapping[str, Any]]) -> _Days:
    values = tuple(sorted({row["value"] for row in rows}))
    column = {value: at for at, value in enumerate(values)}
    first, last = min(row["day"] for row in rows), max(row["day"] for row in rows)
    grids = np.zeros((3, (last - first).days + 1, len(values)))
    for row in rows:
        at = ((row["day"] - first).days, column[row["value"]])
        grids[(0, *at)] += row["calls"]
        grids[(1, *at)] += row["scored"]
        grids[(2, *at)] += row["total"]
    return _Days(first, values, grids[0], grids[1], grids[2])


def _change(kind: str, rows: Sequence[Mapping[str, Any]], span: Span, loss: float | None) -> Cause | None:
    """The largest change of one kind near the span; None where nothing changed beyond luck."""
    if not rows:
        return None
    days = _days(rows)
    if len(days.values) == 1:
        return None
    near = (span.earliest - timedelta(days=7), span.latest + timedelta(days=13))
    # Searched beyond what is near, lest the slope of a change elsewhere pass for one here.
    first = max(1, (near[0] - days.first).days - _SIDE // 2)
    last = min(len(days.calls) - 1, (near[1] - days.first).days + _SIDE // 2)
    best = max(range(first, last + 1), key=lambda day: _moved(days, day)[0], default=None)
    if best is None:
        return None
    share, change = _moved(days, best)
    if share < _LEAST_SHARE:
        return None
    new, old = _first_gained(days, best), int(np.argmin(change))
    # The day on which the new value was seen, not a silent Sunday before it.
    seen = np.flatnonzero(days.calls[best:, new])
    on = days.first + timedelta(days=best + int(seen[0]))
    if not near[0] <= on <= near[1]:
        return None
    worse = _worse_by(days, best, old, new)
    rank = share * _timing(on, span) * _touch(worse, loss)
    return Cause(kind, days.values[old], days.values[new], on, share, worse, rank)


def _moved(days: _Days, day: int) -> tuple[float, NDArray[np.float64]]:
    """The share of calls whose value differs before and from a day on, 0 if luck moves as much; and by value."""
    before, after = (days.calls[side].sum(axis=0) for side in days.sides(day))
    n0, n1 = before.sum(), after.sum()
    if min(n0, n1) < _LEAST_CALLS:
        return 0.0, np.zeros(len(days.values))
    change = after / n1 - before / n0
    share = float(np.abs(change).sum() / 2)
    pooled = (before + after) / (n0 + n1)
    luck = float(np.sqrt(pooled * (1 - pooled) * (1 / n0 + 1 / n1)).sum() / 2)
    return (share if share > _LUCK * luck else 0.0), change


def _first_gained(days: _Days, day: int) -> int:
    """The value that gained the most calls soon after a day: a week later another may have come in its place."""
    before = days.calls[days.sides(day)[0]].sum(axis=0)
    soon = before
    for width in (_SOON, 2 * _SOON, _SIDE):
        soon = days.calls[day : day + width].sum(axis=0)
        if soon.sum() >= _LEAST_CALLS:
            break
    return int(np.argmax(soon / soon.sum() - before / before.sum()))


def _worse_by(days: _Days, day: int, old: int, new: int) -> float | None:
    """Mean score with the old value less that with the new, in the same days after the change."""
    _, after = days.sides(day)
    n, total = days.scored[after].sum(axis=0), days.total[after].sum(axis=0)
    if min(n[old], n[new]) < _LEAST_SCORED:
        return None
    return float(total[old] / n[old] - total[new] / n[new])


def _timing(on: date, span: Span) -> float:
    """How well the day fits the start."""
    if span.since - _EARLY <= on < span.since + timedelta(days=7):
        return _IN_WEEK
    return _IN_RANGE if span.earliest - _EARLY <= on < span.latest + timedelta(days=7) else _NEAR


def _touch(worse_by: float | None, loss: float | None) -> float:
    """Whether the calls it touches are those that got worse; 1 where nothing tells."""
    if worse_by is None or not loss or loss <= 0:
        return 1.0
    return _UNTOUCHED + (1 - _UNTOUCHED) * min(max(worse_by / loss, 0.0), 1.0)
