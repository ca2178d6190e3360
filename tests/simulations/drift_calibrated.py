"""People review some of what a judge scores: how soon a fall is found, and what a judge that drifts makes of it.

`python -m tests.simulations.drift_calibrated` prints alarms of years without a change and falls found within 2, 4 and
8 weeks: with calibrated reviews (as `llmwatch drift` does), with reviews alone (as before), by the judge alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal

import numpy as np

from llmwatch.analysis.calibration import calibrations_of, with_calibrated
from llmwatch.analysis.drift import find_drift_in
from llmwatch.analysis.task_drift import speaking, windows_of
from llmwatch.analysis.weekly import monday_of, week_of

BEFORE, AFTER = 12, 8
FIRST = week_of(datetime(2026, 1, 5).date())  # noqa: DTZ001 - a day
Row = dict[str, Any]
Way = Literal["calibrated", "reviews", "judge"]


@dataclass(frozen=True)
class World:
    """Answers a week that a judge scores, those of them that people review, and how often the judge is right."""

    judged: int = 100
    reviewed: float = 30
    accuracy: float = 0.9
    quality: float = 0.9
    # Points that answers lose after week BEFORE, and that the judge does not see of it.
    fall: float = 0.0
    is_hidden: bool = False
    # The judge's accuracy from week BEFORE on, where it changes.
    later_accuracy: float | None = None
    # Reviews in every so manieth week alone.
    every: int = 1
    # How many times likelier an answer that the judge refused is reviewed.
    leaning: float = 1.0
    # Who share the reviews.
    people: int = 1


def weeks_of(rng: np.random.Generator, world: World, weeks: int) -> tuple[list[Row], list[Row]]:
    """(rows of weekly_scores, rows of weekly_doubles)."""
    rows: list[Row] = []
    doubles: list[Row] = []
    for week in range(weeks):
        is_after = week >= BEFORE
        n = max(int(rng.poisson(world.judged)), 1)
        good = rng.random(n) < world.quality
        accuracy = world.later_accuracy if is_after and world.later_accuracy else world.accuracy
        says = np.where(rng.random(n) < accuracy, good, ~good)
        spoilt = is_after & (rng.random(n) < world.fall / world.quality)
        if is_after and not world.is_hidden:
            good = good & ~spoilt
            says = np.where(rng.random(n) < accuracy, good, ~good)
        good = good & ~spoilt
        share = world.reviewed / world.judged * np.where(says, 1.0, world.leaning)
        seen = rng.random(n) < share if week % world.every == 0 else np.zeros(n, dtype=bool)
        rows.append(_row(week, says, evidence="judge", series="r j"))
        who = rng.integers(world.people, size=n)
        for person in range(world.people):
            own = seen & (who == person)
            if own.any():
                name = str(person) if world.people > 1 else ""
                people, judge = good[own].astype(float), says[own].astype(float)
                rows.append(_row(week, people, evidence="review", series="", scorer=name))
                doubles.append(_double(week, people, judge, name))
    return rows, doubles


def _row(week: int, scores: np.ndarray, **fields: Any) -> Row:
    at = datetime.combine(monday_of(FIRST + week), datetime.min.time()) + timedelta(days=6)
    total = float(scores.sum())
    return {
        "task": "t", "week": monday_of(FIRST + week), "stratum": "en", "name": "quality", "scorer": "",
        "n": len(scores), "total": total, "squares": total, "cubes": total, "last_scored_at": at, **fields,
    }  # fmt: skip


def _double(week: int, people: np.ndarray, judge: np.ndarray, scorer: str) -> Row:
    return {
        "task": "t", "week": monday_of(FIRST + week), "stratum": "en", "scorer": scorer, "evidence": "review",
        "series": "r j", "n": len(people), "people": float(people.sum()), "people_squares": float(people.sum()),
        "judge": float(judge.sum()), "judge_squares": float(judge.sum()), "product": float((people * judge).sum()),
    }  # fmt: skip


def alarm(rows: Sequence[Row], doubles: Sequence[Row], week: int, way: Way) -> bool:
    """Whether the look at the end of a week says "fell"."""
    through = FIRST + week
    seen: list[Mapping[str, Any]] = [row for row in rows if through - 20 < week_of(row["week"]) <= through]
    both = [row for row in doubles if through - 20 < week_of(row["week"]) <= through]
    audited = {("t", "r j")}
    if way == "calibrated":
        chosen = speaking(seen, audited, through, both)
        seen = with_calibrated(seen, both, chosen, calibrations_of(seen, both, chosen))
    else:
        chosen = {"t": ("review", "") if way == "reviews" else ("judge", "r j")}
    return any(one.verdict == "fell" for one in find_drift_in(windows_of(seen, chosen, through, {}), through))


def found_within(world: World, way: Way, repetitions: int, seed: int = 51) -> tuple[float, float, float]:
    """Shares of falls (or of switches of the judge) with an alarm within 2, 4 and 8 weeks."""
    rng = np.random.default_rng(seed)
    first: list[int] = []
    for _ in range(repetitions):
        rows, doubles = weeks_of(rng, world, BEFORE + AFTER)
        first.append(next((k for k in range(AFTER) if alarm(rows, doubles, BEFORE + k, way)), AFTER) + 1)
    return tuple(float(np.mean([one <= limit for one in first])) for limit in (2, 4, 8))  # type: ignore[return-value]


def tasks_alarmed(world: World, way: Way, repetitions: int, *, looks: int = 52, seed: int = 52) -> float:
    """Share of tasks without a change that raise an alarm within a year of weekly looks."""
    rng = np.random.default_rng(seed)
    hits = 0
    for _ in range(repetitions):
        calm = replace(world, quality=float(rng.uniform(0.7, 0.95)), fall=0.0)
        rows, doubles = weeks_of(rng, calm, BEFORE + looks)
        hits += any(alarm(rows, doubles, BEFORE + k, way) for k in range(looks))
    return hits / repetitions


WORLDS: Mapping[str, World] = {
    "10 points": World(fall=0.1),
    "20 points": World(fall=0.2),
    "10 points, a weaker judge (0.8)": World(fall=0.1, accuracy=0.8),
    "10 points, 5 reviews a week": World(fall=0.1, reviewed=5),
    "10 points, reviews every fourth week": World(fall=0.1, every=4),
    "10 points, refused ones reviewed twice as often": World(fall=0.1, leaning=2.0),
    "20 points that the judge does not see": World(fall=0.2, is_hidden=True),
    "no fall, the judge's accuracy 0.9 -> 0.75": World(later_accuracy=0.75),
    "the same with 5 reviews a week": World(later_accuracy=0.75, reviewed=5),
}
CALM: Mapping[str, World] = {
    "30 reviews of 100 judged": World(),
    "10 reviews of 100 judged": World(reviewed=10),
    "5 reviews of 100 judged": World(reviewed=5),
    "60 reviews by three people": World(reviewed=60, people=3),
    "reviews every fourth week": World(every=4),
    "refused ones reviewed twice as often": World(leaning=2.0),
}


def main(repetitions: int = 400) -> None:
    """Prints both tables."""
    ways: tuple[Way, ...] = ("calibrated", "reviews", "judge")
    print("% with an alarm within 2/4/8 weeks: calibrated | reviews alone | the judge alone")
    for name, world in WORLDS.items():
        found = ("/".join(f"{100 * share:.0f}" for share in found_within(world, way, repetitions)) for way in ways)
        print(f"  {name:50} {' | '.join(f'{one:>9}' for one in found)}", flush=True)
    print("% of tasks with a false alarm within a year")
    for name, world in CALM.items():
        shares = (100 * tasks_alarmed(world, way, repetitions // 2) for way in ways)
        print(f"  {name:50} {' | '.join(f'{one:9.1f}' for one in shares)}", flush=True)


if __name__ == "__main__":
    main()
