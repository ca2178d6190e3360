"""Another judge or a stricter reviewer, while the answers stay what they are: how often that reads as a fall.

`python -m tests.simulations.drift_scorers` prints the shares of switches after which an alarm is raised within eight
weekly looks, today and as before (one series for every judge of a rubric, nobody told apart); seeded, one process.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from llmwatch.analysis.drift import find_drift_in
from llmwatch.analysis.task_drift import judge_changes, speaking, windows_of
from llmwatch.analysis.weekly import monday_of, week_of

BEFORE, AFTER = 12, 8
FIRST = week_of(datetime(2026, 1, 5).date())  # noqa: DTZ001 - a day
# Chance of a pass of a good and of a bad answer by the former and by the later judge: 13 points stricter at 0.9.
OLD, NEW = (0.97, 0.2), (0.84, 0.1)
Row = dict[str, Any]


@dataclass(frozen=True)
class Switch:
    """What was said after a switch."""

    alarmed: float
    # Of those in which the answers fell by 15 points two weeks after it.
    found: float


def cell(week: int, scores: np.ndarray, **fields: Any) -> Row:
    """A row of the query weekly_scores."""
    total = float(scores.sum())
    at = datetime.combine(monday_of(FIRST + week), datetime.min.time()) + timedelta(days=6)
    return {
        "task": "t", "week": monday_of(FIRST + week), "stratum": "en", "name": "quality", "series": "", "scorer": "",
        "n": len(scores), "total": total, "squares": total, "cubes": total, "last_scored_at": at, **fields,
    }  # fmt: skip


def judge_switch(rate: int, joint: int, repetitions: int, *, is_told_apart: bool = True, seed: int = 41) -> Switch:
    """The judge changes after twelve weeks; `joint` answers of the four weeks before are judged by both."""
    rng = np.random.default_rng(seed)
    outcomes: list[tuple[bool, bool]] = []
    for _ in range(repetitions):
        outcomes.append(tuple(_judged(rng, rate, joint, fall, is_told_apart=is_told_apart) for fall in (0.0, 0.15)))  # type: ignore[arg-type]
    return Switch(*(float(np.mean(one)) for one in zip(*outcomes, strict=True)))


def _judged(rng: np.random.Generator, rate: int, joint: int, fall: float, *, is_told_apart: bool) -> bool:
    quality = 0.9
    rows: list[Row] = []
    left, differences = joint, []
    for week in reversed(range(BEFORE)):
        good = rng.random(rate) < quality
        both = min(left, rate // 2 if week > BEFORE - 9 else 0)
        left -= both
        old, new = passed(rng, good, OLD), passed(rng, good[:both], NEW)
        differences += list(new - old[:both])
        rows.append(cell(week, old[both:], evidence="judge", series="r old"))
        if both:
            at = datetime.combine(monday_of(FIRST + BEFORE), datetime.min.time())
            rows.append(cell(week, new, evidence="judge", series="r new", last_scored_at=at))
    d = np.array(differences)
    steps = [
        {
            "task": "t", "series": "r new", "older": "r old", "n": len(d), "total": float(d.sum()),
            "squares": float((d**2).sum()), "older_until": datetime(2026, 3, 1),  # noqa: DTZ001 - as in the store
        }
    ]  # fmt: skip
    judges = judge_changes(steps) if is_told_apart else {}
    for week in range(BEFORE, BEFORE + AFTER):
        good = rng.random(rate) < quality - (fall if week >= BEFORE + 2 else 0.0)
        rows.append(cell(week, passed(rng, good, NEW), evidence="judge", series="r new"))
    if not is_told_apart:
        rows = [row | {"series": "r"} for row in rows]
    return any(alarm(rows, BEFORE + look, judges) for look in range(AFTER))


def passed(rng: np.random.Generator, good: np.ndarray, judge: tuple[float, float]) -> np.ndarray:
    """What a judge says."""
    return (rng.random(len(good)) < np.where(good, *judge)).astype(np.float64)


def alarm(rows: Sequence[Row], week: int, judges: Mapping[str, Any]) -> bool:
    """Whether the look at the end of a week says "fell"."""
    through = FIRST + week
    seen = [row for row in rows if week_of(row["week"]) <= through]
    audited = {(row["task"], row["series"]) for row in seen}
    chosen = speaking(seen, audited, through)
    windows = windows_of(seen, chosen, through, {}, judges)
    return any(drift.verdict == "fell" for drift in find_drift_in(windows, through))


def reviewer_switch(
    rate: int, shares: tuple[float, float], repetitions: int, *, is_told_apart: bool = True, seed: int = 42
) -> Switch:
    """The share of answers that a reviewer 10 % stricter scores goes from one to another after twelve weeks."""
    rng = np.random.default_rng(seed)
    outcomes: list[list[bool]] = []
    for _ in range(repetitions):
        said: list[bool] = []
        for fall in (0.0, 0.15):
            rows: list[Row] = []
            for week in range(BEFORE + AFTER):
                strict = rng.random(rate) < shares[week >= BEFORE]
                good = rng.random(rate) < 0.9 - (fall if week >= BEFORE + 2 else 0.0)
                scores = (good & (rng.random(rate) < np.where(strict, 0.9, 1.0))).astype(np.float64)
                for name, mine in (("ann", ~strict), ("ben", strict)):
                    if mine.any():
                        scorer = name if is_told_apart else ""
                        rows.append(cell(week, scores[mine], evidence="review", scorer=scorer))
            said.append(any(alarm(rows, BEFORE + look, {}) for look in range(AFTER)))
        outcomes.append(said)
    return Switch(*(float(np.mean(one)) for one in zip(*outcomes, strict=True)))


def main() -> None:
    """Prints the table."""
    print("% of switches with an alarm within 8 weeks; and where answers fell by 15 points 2 weeks after (before)")
    for rate in (30, 100):
        for joint in (0, 60, 240):
            now = judge_switch(rate, joint, 300)
            then = judge_switch(rate, joint, 100, is_told_apart=False)
            print(
                f"  judge, {rate:3} a week, {joint:3} judged by both: {100 * now.alarmed:4.1f}; {100 * now.found:.0f}"
                f" ({100 * then.alarmed:.0f})",
                flush=True,
            )
        for shares in ((0.0, 1.0), (0.2, 0.8), (0.5, 0.5)):
            now = reviewer_switch(rate, shares, 300)
            then = reviewer_switch(rate, shares, 100, is_told_apart=False)
            print(
                f"  reviewer, {rate:3} a week, from {100 * shares[0]:.0f} to {100 * shares[1]:.0f} %:"
                f" {100 * now.alarmed:4.1f}; {100 * now.found:.0f} ({100 * then.alarmed:.0f})",
                flush=True,
            )


if __name__ == "__main__":
    main()
