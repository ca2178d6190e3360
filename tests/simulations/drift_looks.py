"""What the looks of many tasks, of harder inputs, of a running week and of "watch" say, and how often that is false.

`python -m tests.simulations.drift_looks` prints every table; seeded, one process.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from llmwatch.analysis.drift import Drift, find_drift, find_drift_in, find_sudden, levels_of
from llmwatch.analysis.weekly import Cell, Window, window_of
from tests.simulations.drift import BASELINE_WEEKS, STRATA, binary_cells, mix_shift, recent, steady

RATES = (10, 30, 100)
# Scores of the running week by the end of its first, second, ... day.
DAYS = 5


def false_alarms_a_month(tasks: int, years: int, *, looks: int = 52, seed: int = 31) -> float:
    """New alarms of all tasks together a month, none of which changed; a third of them at each of RATES."""
    rng = np.random.default_rng(seed)
    first = 0
    for _ in range(years):
        by_task: list[list[Cell]] = []
        for task in range(tasks):
            rate = RATES[task % len(RATES)]
            n, chance = steady(rng, BASELINE_WEEKS + looks, rate, rng.uniform(0.6, 0.96))
            by_task.append(list(binary_cells(f"task {task:04}", n, rng.binomial(n, chance), STRATA)))
        alarmed: set[str] = set()
        for through in range(BASELINE_WEEKS, BASELINE_WEEKS + looks):
            windows = [window_of(cells[0].task, recent(cells, through), through) for cells in by_task]
            fell = {d.task for d in find_drift_in(windows, through) if d.verdict == "fell"}
            first += len(fell - alarmed)
            alarmed |= fell
    return first / (years * looks / 52 * 12)


def found_among(tasks: int, rate: float, points: int, repetitions: int, seed: int = 32) -> tuple[float, ...]:
    """Shares of falls found within 2, 4 and 8 weeks at the level that a look allows one of so many tasks."""
    rng = np.random.default_rng(seed)
    (level,) = set(levels_of([1.0] * tasks))
    weeks: list[int] = []
    for _ in range(repetitions):
        n, chance = steady(rng, BASELINE_WEEKS + 8, rate, 0.9)
        chance[BASELINE_WEEKS:] = np.clip(chance[BASELINE_WEEKS:] - points / 100, 0.0, 1.0)
        cells = list(binary_cells("fallen", n, rng.binomial(n, chance), STRATA))
        for look in range(1, 9):
            through = BASELINE_WEEKS + look - 1
            (drift,) = find_drift_in([window_of("fallen", recent(cells, through), through)], through, among=tasks)
            assert drift.level is None or drift.level == level
            if drift.verdict == "fell":
                weeks.append(look)
                break
    return tuple(sum(week <= limit for week in weeks) / repetitions for limit in (2, 4, 8))


def said_of_harder_inputs(rate: float, repetitions: int, fall: float, seed: int = 33) -> tuple[float, float, float]:
    """Shares of eight-week-old shifts to harder inputs with this fall beside: "did not get worse", "open", "fell"."""
    found = mix_shift(rate, repetitions, fall=fall, seed=seed)
    mixed = [d for d in found if d.verdict == "mix changed"]
    return (
        sum(not d.is_open for d in mixed) / repetitions,
        sum(d.is_open for d in mixed) / repetitions,
        sum(d.verdict == "fell" for d in found) / repetitions,
    )


@dataclass(frozen=True)
class Watched:
    """What "watch" costs and shows."""

    weeks_a_task_year: float
    # Of falls, within four weeks, an alarm counted too.
    shown: float


def watched(rate: float, tasks: int, *, points: int = 10, repetitions: int = 100, seed: int = 34) -> Watched:
    """Weeks of a year in which an unchanged task is watched, and falls that are watched or raised within four weeks."""
    rng = np.random.default_rng(seed)
    weeks = 0
    for task in range(tasks):
        n, chance = steady(rng, BASELINE_WEEKS + 52, rate, rng.uniform(0.6, 0.96))
        cells = list(binary_cells(f"task {task}", n, rng.binomial(n, chance), STRATA))
        for through in range(BASELINE_WEEKS, BASELINE_WEEKS + 52):
            weeks += sum(is_watched(d) for d in find_drift(recent(cells, through), through))
    shown = 0
    for _ in range(repetitions):
        n, chance = steady(rng, BASELINE_WEEKS + 4, rate, 0.9)
        chance[BASELINE_WEEKS:] -= points / 100
        cells = list(binary_cells("fallen", n, rng.binomial(n, chance), STRATA))
        looks = range(BASELINE_WEEKS, BASELINE_WEEKS + 4)
        found = [find_drift(recent(cells, through), through)[0] for through in looks]
        shown += any(is_watched(d) or d.verdict == "fell" for d in found)
    return Watched(weeks / tasks, shown / repetitions)


def is_watched(drift: Drift) -> bool:
    """Shown as "watch"."""
    return drift.is_watch and drift.verdict == "no sign of change"


def sudden_false(rate: float, task_years: int, seed: int = 35) -> float:
    """Share of unchanged tasks that a daily look at the running week raises within a year."""
    rng = np.random.default_rng(seed)
    raised: set[int] = set()
    for task in range(task_years):
        n, chance = steady(rng, BASELINE_WEEKS + 52, rate, rng.uniform(0.6, 0.96))
        hits = rng.binomial(n, chance)
        days = [np.zeros_like(n), *(np.zeros_like(n) for _ in range(DAYS))]
        passed = [np.zeros_like(n) for _ in range(DAYS + 1)]
        for day in range(1, DAYS + 1):
            share = 1 / (8 - day)
            good = rng.binomial(hits - passed[day - 1], share)
            bad = rng.binomial(n - hits - (days[day - 1] - passed[day - 1]), share)
            passed[day], days[day] = passed[day - 1] + good, days[day - 1] + good + bad
        for week in range(BASELINE_WEEKS, BASELINE_WEEKS + 52):
            for day in range(1, DAYS + 1):
                own, ok = n.copy(), hits.copy()
                own[week], ok[week] = days[day][week], passed[day][week]
                own[week + 1 :] = 0
                if find_sudden([windowed(own, ok, week)], week):
                    raised.add(task)
    return len(raised) / task_years


def windowed(n: np.ndarray, hits: np.ndarray, week: int) -> Window:
    """The window that ends with a week."""
    cells = list(binary_cells("t", n[: week + 1], hits[: week + 1], STRATA))
    return window_of("t", recent(cells, week), week)


def sudden_found(rate: float, scored: int, points: int, repetitions: int, seed: int = 36) -> float:
    """Falls found once the running week has so many scores."""
    rng = np.random.default_rng(seed)
    found = 0
    for _ in range(repetitions):
        n, chance = steady(rng, BASELINE_WEEKS + 1, rate, 0.9)
        n[-1] = rng.multinomial(scored, n[:-1].sum(axis=0) / n[:-1].sum())
        chance[-1] -= points / 100
        found += bool(find_sudden([windowed(n, rng.binomial(n, chance), BASELINE_WEEKS)], BASELINE_WEEKS))
    return found / repetitions


def main() -> None:
    """Prints every table."""
    print("500 tasks: new false alarms a month in total; falls of 10 points found within 2/4/8 weeks, %", flush=True)
    print(f"  {false_alarms_a_month(500, 2):.2f} a month", flush=True)
    for rate in (30, 100):
        shown = "/".join(f"{100 * x:.0f}" for x in found_among(500, rate, 10, 200))
        print(f"  {rate:3} a week: {shown}", flush=True)
    print("harder inputs, eight weeks on: % 'did not get worse' / 'open' / 'fell'")
    for rate in (30, 100, 300):
        for fall in (0.0, 0.03, 0.08):
            shown = " / ".join(f"{100 * x:.0f}" for x in said_of_harder_inputs(rate, 150, fall))
            print(f"  {rate:3} a week, answers lost {100 * fall:.0f} points: {shown}", flush=True)
    print("watch: weeks a task-year without a change; % of 10-point falls watched or raised in 4 weeks")
    for rate in RATES:
        one = watched(rate, 40)
        print(f"  {rate:3} a week: {one.weeks_a_task_year:.1f}; {100 * one.shown:.0f}", flush=True)
    print("running week, looked at daily: % of unchanged tasks raised in a year")
    for rate in RATES:
        print(f"  {rate:3} a week: {100 * sudden_false(rate, 40):.1f}", flush=True)
    print("running week, % of falls found with so many scores in it")
    for scored, points in ((30, 30), (60, 30), (120, 30), (120, 20), (30, 50)):
        print(f"  {scored:3} scores, {points} points: {100 * sudden_found(100, scored, points, 200):.0f}", flush=True)


if __name__ == "__main__":
    main()
