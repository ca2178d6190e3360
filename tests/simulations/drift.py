"""How often drift is found, missed and imagined: simulated scores through the code that `llmwatch drift` uses.

`python -m tests.simulations.drift` prints our figures beside those the method was chosen by; seeded, one process.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from llmwatch.analysis.drift import Drift, find_drift
from llmwatch.analysis.weekly import Cell

TASKS = 20
BASELINE_WEEKS = 12
STRATA = ("de", "en", "fr")
# Four languages of similar ease, three hard ones: 15 % of the traffic, later 65 %; pooled 0.91 -> 0.83.
LANGUAGES = {"en": 0.94, "de": 0.93, "fr": 0.93, "es": 0.92, "th": 0.78, "sw": 0.76, "yo": 0.77}
HARD = 3
# alarms per task-year and share of tasks with one, by scores a week; two runs gave the ranges
REFERENCE_FALSE = {10: "0.12 / 5-6 %", 30: "0.24 / 5-10 %", 100: "0.16 / 5-6 %"}
# % found within 2 / 4 / 8 weeks, by scores a week and points lost
REFERENCE_FOUND = {
    (10, 20): "-/48/78",
    (30, 10): "19/45/69",
    (30, 20): "75/95/100",
    (100, 5): "16/35/51",
    (100, 10): "75/98/100",
    (300, 5): "56/81/95",
}


@dataclass(frozen=True)
class Year:
    """What 52 weekly looks at tasks that never changed raised."""

    alarms_per_task_year: float
    tasks_alarmed: float


@dataclass(frozen=True)
class Found:
    """Shares of drops alarmed within 2, 4 and 8 weeks, and of alarms whose start week is right within one."""

    within: tuple[float, float, float]
    start_right: float


def binary_cells(task: str, n: np.ndarray, passes: np.ndarray, strata: Sequence[str]) -> Iterator[Cell]:
    """Cells of passes and fails, weeks from 0."""
    for week, stratum in zip(*np.nonzero(n), strict=True):
        hits = float(passes[week, stratum])
        yield Cell(task, int(week), strata[stratum], int(n[week, stratum]), hits, hits, hits)


def steady(
    rng: np.random.Generator, weeks: int, rate: float, quality: float, noise: float = 0.0
) -> tuple[np.ndarray, np.ndarray]:
    """Poisson counts in three strata and the chance of a pass in each week and stratum."""
    mix = rng.dirichlet(np.full(len(STRATA), 3.0))
    n = rng.poisson(rate * mix, (weeks, len(STRATA)))
    wander = rng.normal(0, noise, (weeks, 1)) if noise else 0.0
    chance = quality + rng.uniform(-0.05, 0.04, len(STRATA)) + np.zeros((weeks, 1)) + wander
    return n, np.clip(chance, 0.01, 0.99)


def false_alarms(
    rate: float,
    repetitions: int,
    *,
    tasks: int = TASKS,
    noise: float = 0.0,
    restless: int = TASKS,
    looks: int = 52,
    seed: int = 1,
) -> Year:
    """Tasks of quality 0.6 to 0.96 without any change, the first `restless` of which wander by `noise` (SD).

    Every alarm is false, repeats counted.
    """
    rng = np.random.default_rng(seed)
    alarms = alarmed_tasks = 0
    for _ in range(repetitions):
        cells: list[Cell] = []
        for task in range(tasks):
            n, chance = steady(
                rng, BASELINE_WEEKS + looks, rate, rng.uniform(0.6, 0.96), noise if task < restless else 0.0
            )
            cells += binary_cells(f"task {task}", n, rng.binomial(n, chance), STRATA)
        alarmed: set[str] = set()
        for through in range(BASELINE_WEEKS, BASELINE_WEEKS + looks):
            fell = [d.task for d in find_drift(recent(cells, through), through) if d.verdict == "fell"]
            alarms += len(fell)
            alarmed.update(fell)
        alarmed_tasks += len(alarmed)
    years = repetitions * tasks * looks / 52
    return Year(alarms / years, alarmed_tasks / (repetitions * tasks))


def recent(cells: Sequence[Cell], through: int) -> list[Cell]:
    """The cells a look can use."""
    return [c for c in cells if through - 20 < c.week <= through]


def drops(rate: float, points: int, repetitions: int, *, most: int = 0, quality: float = 0.9, seed: int = 2) -> Found:
    """One task falls for good by `points` (up to `most`), alone: among up to 19 quiet ones the level is the same."""
    rng = np.random.default_rng(seed)
    found: list[tuple[int, Drift]] = []
    for _ in range(repetitions):
        n, chance = steady(rng, BASELINE_WEEKS + 8, rate, quality)
        fall = rng.uniform(points, max(points, most)) / 100
        chance[BASELINE_WEEKS:] = np.clip(chance[BASELINE_WEEKS:] - fall, 0.0, 1.0)
        found += first_alarm(list(binary_cells("fallen", n, rng.binomial(n, chance), STRATA)))
    weeks = np.array([week for week, _ in found])
    right = [abs(int(str(d.since_week)) - BASELINE_WEEKS) <= 1 for _, d in found]
    two, four, eight = (float((weeks <= limit).sum()) / repetitions for limit in (2, 4, 8))
    return Found((two, four, eight), float(np.mean(right)) if right else float("nan"))


def first_alarm(cells: Sequence[Cell]) -> list[tuple[int, Drift]]:
    """The first of eight weekly looks that alarms, with its number from 1; nothing if none does."""
    for weeks in range(1, 9):
        through = BASELINE_WEEKS + weeks - 1
        for drift in find_drift(recent(cells, through), through):
            if drift.verdict == "fell":
                return [(weeks, drift)]
    return []


def mix_shift(
    rate: float, repetitions: int, *, fall: float = 0.0, hard: tuple[float, float] = (0.15, 0.65), seed: int = 3
) -> list[Drift]:
    """A task in seven languages whose hard ones go from one share to another, after eight weeks; one verdict each."""
    rng = np.random.default_rng(seed)
    names, quality = list(LANGUAGES), np.array(list(LANGUAGES.values()))
    verdicts: list[Drift] = []
    for _ in range(repetitions):
        weeks = BASELINE_WEEKS + 8
        share = np.where(np.arange(weeks) < BASELINE_WEEKS, hard[0], hard[1])[:, None]
        easy = len(names) - HARD
        mix = np.hstack([np.repeat((1 - share) / easy, easy, axis=1), np.repeat(share / HARD, HARD, axis=1)])
        n = rng.poisson(rate * mix)
        chance = np.where(np.arange(weeks)[:, None] < BASELINE_WEEKS, quality, quality - fall)
        cells = binary_cells("mixed", n, rng.binomial(n, chance), names)
        verdicts += find_drift(cells, weeks - 1)
    return verdicts


def print_false_alarms() -> None:
    """The table of years in which nothing changes."""
    print("\nNothing changes: alarms per task-year / tasks with any alarm       reference (20 tasks, 52 weeks)")
    for rate, reference in REFERENCE_FALSE.items():
        year = false_alarms(rate, 12)
        print(
            f"  {rate:3} a week   {year.alarms_per_task_year:.2f} / {100 * year.tasks_alarmed:.1f} %   {reference:>40}"
        )
    year = false_alarms(30, 120, tasks=1)
    print(f"   30 a week, a task alone   {year.alarms_per_task_year:.2f} / {100 * year.tasks_alarmed:.1f} %")
    for noise in (0.03, 0.06):
        year = false_alarms(50, 3, noise=noise)
        print(
            f"  50 a week, weeks wander by {100 * noise:.0f} points (SD): "
            f"{year.alarms_per_task_year:.2f} / {100 * year.tasks_alarmed:.1f} %"
        )
    year = false_alarms(50, 3, noise=0.06, restless=5)
    print(
        "  50 a week, 5 of 20 tasks wander by 6 points: "
        f"{year.alarms_per_task_year:.2f} / {100 * year.tasks_alarmed:.1f} %"
    )


def print_drops() -> None:
    """The table of drops."""
    print("\nDrops found within 2/4/8 weeks, %; start week right within one, %          reference (2/4/8)")
    for rate in (10, 30, 100, 300):
        for points in (5, 10, 20):
            found = drops(rate, points, 200)
            shown = "/".join(f"{100 * x:.0f}" for x in found.within)
            reference = REFERENCE_FOUND.get((rate, points), "")
            print(
                f"  {rate:3} a week, {points:2} points   {shown:>12}   "
                f"start {100 * found.start_right:4.0f}   {reference:>24}"
            )
    for least, most in ((20, 60), (30, 60)):
        shown = "/".join(f"{100 * x:.0f}" for x in drops(30, least, 200, most=most).within)
        print(f"   30 a week, {least} to {most} points   {shown:>8}")


def print_mix() -> None:
    """The table of input mixes."""
    print("\nSeven languages, eight weeks on: % 'fell' / % 'mix changed' / median loss, points   reference ('fell')")
    cases: tuple[tuple[str, float, tuple[float, float], dict[int, int]], ...] = (
        ("mix shift only", 0.0, (0.15, 0.65), {100: 0, 300: 0}),
        ("mix shift and 8 points lost", 0.08, (0.15, 0.65), {100: 53, 300: 98}),
        ("8 points lost, hidden by easier mix", 0.08, (0.65, 0.15), {100: 64, 300: 100}),
    )
    for name, fall, hard, reference in cases:
        for rate, expected in reference.items():
            verdicts = mix_shift(rate, 100, fall=fall, hard=hard)
            fell, mixed = (100 * np.mean([d.verdict == v for d in verdicts]) for v in ("fell", "mix changed"))
            loss = 100 * float(np.median([d.loss or 0.0 for d in verdicts]))
            print(f"  {name:36} {rate:3} a week   {fell:3.0f} / {mixed:3.0f} / {loss:4.1f}   {expected:>20}")


def main() -> None:
    """Prints every table and how long each took."""
    parts: tuple[Callable[[], None], ...] = (print_false_alarms, print_drops, print_mix)
    for part in parts:
        began = time.perf_counter()
        part()
        print(f"  ({time.perf_counter() - began:.0f} s)", flush=True)


if __name__ == "__main__":
    main()
