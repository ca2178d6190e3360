"""Owns which calls keep their content, and with what chance: a rate per task, a floor so that rare tasks are seen."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import Final

_DAY_NS: Final = 86_400 * 10**9
_MAX_TASKS: Final = 4096


class Sampler:
    """Decides per call; the first `floor` calls of a task in a UTC day are kept with chance 1, the rest at its rate."""

    def __init__(
        self, rate: float, floor: int, rates: Mapping[str, float], draw: Callable[[], float] | None = None
    ) -> None:
        self._rate = rate
        self._floor = floor
        self._rates = rates
        # A generator of our own: seeding the program's must not change what is sampled, nor sampling its numbers.
        self._draw = draw or random.Random().random
        self._day = -1
        self._seen: dict[str, int] = {}

    def decide(self, task: str, now_ns: int) -> tuple[bool, float]:
        """(keep this call's content, the chance with which that was decided)."""
        day = now_ns // _DAY_NS
        if day != self._day:
            self._day, self._seen = day, {}
        seen = self._seen.get(task, 0)
        if seen < self._floor and (seen or len(self._seen) < _MAX_TASKS):
            self._seen[task] = seen + 1
            return True, 1.0
        rate = self._rates.get(task, self._rate)
        return self._draw() < rate, rate
