"""Where a task that fell stands: whether "now" holds the truth, and how often "recovered" and "fell again" are right.

`python -m tests.simulations.drift_course` prints, per course of the truth, how often the interval of "now" holds the
true share of the last week, beside the mean since the start week that was said before; seeded, one process.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

import numpy as np

from llmwatch.analysis.course import Fallen, course_of
from llmwatch.analysis.drift import find_drift
from llmwatch.analysis.weekly import window_of
from tests.simulations.drift import BASELINE_WEEKS, STRATA, binary_cells, recent, steady

LOOKS = 16
# Points below 0.9 by week from the first bad one; the last stays.
COURSES: dict[str, tuple[float, ...]] = {
    "10 for good": (0.10,),
    "20 for good": (0.20,),
    "20 for 3 weeks, then back": (0.20,) * 3 + (0.0,),
    "20 for 5 weeks, then back": (0.20,) * 5 + (0.0,),
    "12, from week 6 on 30": (0.12,) * 5 + (0.30,),
    "20, from week 5 on 10": (0.20,) * 4 + (0.10,),
}


@dataclass
class Told:
    """What was said over the looks from the alarm on."""

    alarms: int = 0
    held: list[bool] = field(default_factory=list[bool])
    width: list[float] = field(default_factory=list[float])
    # How far the mean since the start week was from the truth: what "now" meant before.
    off_before: list[float] = field(default_factory=list[float])
    off: list[float] = field(default_factory=list[float])
    # Number of the look -> what was said at it; and per alarm whether it was ever said.
    standing: defaultdict[int, list[str]] = field(default_factory=lambda: defaultdict(list))
    ever: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))

    def share(self, word: str, look: int) -> float:
        """How often a word was said at a look."""
        return float(np.mean([one == word for one in self.standing[look]])) if self.standing[look] else float("nan")


def told(course: tuple[float, ...], rate: float, repetitions: int, seed: int = 21) -> Told:
    """One task whose quality takes this course, looked at weekly; everything from its first alarm on."""
    rng = np.random.default_rng(seed)
    found = Told()
    for _ in range(repetitions):
        n, chance = steady(rng, BASELINE_WEEKS + LOOKS, rate, 0.9)
        lost = np.array([*course, *(course[-1:] * (LOOKS - len(course)))])
        chance[BASELINE_WEEKS:] = np.clip(chance[BASELINE_WEEKS:] - lost[:, None], 0.01, 0.99)
        cells = list(binary_cells("t", n, rng.binomial(n, chance), STRATA))
        fallen: Fallen | None = None
        said: set[str] = set()
        for look in range(1, LOOKS + 1):
            through = BASELINE_WEEKS + look - 1
            if fallen is None:
                (drift,) = find_drift(recent(cells, through), through)
                if drift.verdict != "fell":
                    continue
                fallen = Fallen(int(str(drift.since_week)), drift.loss or 0.0, drift.mean_before, drift.n_before)
                found.alarms += 1
            one = course_of(window_of("t", recent(cells, through), through), through, fallen)
            assert one is not None
            last = n[through - 3 : through + 1].sum(axis=0)
            truth = float(last @ chance[through] / last.sum())
            found.held.append(one.now.low <= truth <= one.now.high)
            found.width.append(one.now.high - one.now.low)
            found.off.append(abs(one.now.value - truth))
            since = slice(max(fallen.since, through - 19), through + 1)
            passed = sum(c.total for c in cells if since.start <= c.week < since.stop)
            found.off_before.append(
                abs(passed / max(1, sum(c.n for c in cells if since.start <= c.week < since.stop)) - truth)
            )
            found.standing[look].append(one.standing)
            said.add(one.standing)
        for word in said:
            found.ever[word] += 1
    return found


def main() -> None:
    """Prints the table."""
    print(
        "'now' holds the truth, % / its width / off by, points (mean since the start: off by) | ever said, % of alarms"
    )
    for rate in (30, 100):
        for name, course in COURSES.items():
            one = told(course, rate, 150)
            ever = {word: f"{100 * one.ever[word] / max(one.alarms, 1):.0f}" for word in ("recovered", "fell again")}
            later = (8, 12) if len(course) > 1 else (12, 16)
            at = " ".join(
                f"week {look}: {100 * one.share('recovered', look):.0f} / {100 * one.share('fell again', look):.0f}"
                for look in later
            )
            print(
                f"  {rate:3} a week, {name:27} {100 * np.mean(one.held):5.1f} / {100 * np.mean(one.width):4.1f} /"
                f" {100 * np.mean(one.off):4.1f} ({100 * np.mean(one.off_before):4.1f}) |"
                f" recovered {ever['recovered']:>3}, fell again {ever['fell again']:>3}; {at}",
                flush=True,
            )


if __name__ == "__main__":
    main()
