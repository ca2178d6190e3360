"""Which task took the place of another: a prompt rewritten so far that recognition tells the two apart.

Pure. It is a proposal: time, call site and volume say that one followed the other, not that they do the same work.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

# Who is seen in fewer calls, or lived less long, says nothing of when it ended or began.
_LEAST_CALLS: Final = 20
_LEAST_LIFE: Final = timedelta(days=1)
# Part of the shorter life that both may have together: a rollout.
_ROLLOUT: Final = 0.1
# The later one has begun by then after the former's last call, whatever weekend lies between.
_GAP: Final = timedelta(days=4)
# The former is gone for good once it has been silent so long.
_SILENT: Final = timedelta(days=2)
# Calls a day of the one per those of the other.
_ALIKE: Final = 4.0


@dataclass(frozen=True, slots=True)
class Successor:
    """A task that ended, and the one that began where it ended."""

    old: str
    new: str
    at: datetime
    call_site: str


@dataclass(frozen=True, slots=True)
class _Life:
    name: str
    calls: int
    first_at: datetime
    last_at: datetime

    @property
    def length(self) -> timedelta:
        return max(self.last_at - self.first_at, timedelta(hours=1))

    @property
    def a_day(self) -> float:
        return self.calls / (self.length / timedelta(days=1))


def successors(rows: Sequence[Mapping[str, Any]], named_in_code: frozenset[str]) -> list[Successor]:
    """Pairs of tasks of one call site, each the only one that fits the other, the latest first.

    `rows`: task, source, all_calls, first_at, last_at, call_site of the query tasks; a task that code names is never
    another's version, nor is a bucket's other prompts.
    """
    newest = max((row["last_at"] for row in rows), default=None)
    by_site: defaultdict[str, list[_Life]] = defaultdict(list)
    for row in rows:
        is_told = row["source"] in named_in_code or row["task"].endswith("/ other prompts")
        if row["call_site"] and row["task"] and not is_told and row["all_calls"] >= _LEAST_CALLS:
            by_site[row["call_site"]].append(_Life(row["task"], row["all_calls"], row["first_at"], row["last_at"]))
    found: list[Successor] = []
    for site, lives in by_site.items():
        pairs = [(old, new) for old in lives for new in lives if newest and _follows(old, new, newest)]
        for old, new in pairs:
            if sum(old is one for one, _ in pairs) == sum(new is other for _, other in pairs) == 1:
                found.append(Successor(old.name, new.name, new.first_at, site))
    return sorted(found, key=lambda one: (-one.at.timestamp(), one.old))


def _follows(old: _Life, new: _Life, newest: datetime) -> bool:
    if old is new or min(old.length, new.length) < _LEAST_LIFE:
        return False
    both = old.last_at - new.first_at
    return (
        old.first_at < new.first_at
        and newest - old.last_at >= _SILENT
        and -_GAP <= both <= _ROLLOUT * min(old.length, new.length)
        and 1 / _ALIKE <= new.a_day / old.a_day <= _ALIKE
    )
