"""How often "at most X points worse" and "loses at least X" are false: `python -m tests.simulations.downgrade_bounds`.

The tasks are those of `downgrade`. Scored replays stop where the procedure does; reviewed ones are looked at after each
of eight batches of 40, until they are decided. A printed bound is false where the true loss is beyond it.

At true losses near the margin the few verdicts that are wrong print false bounds by necessity, so that shares of those
are of the moves at all margins together. A task that stays although it loses no more than allowed is such a verdict.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from llmwatch.analysis.paired import (
    LOG_PROOF,
    Z995,
    Estimate,
    audit_bound,
    audit_plan,
    log_evidence,
    lowest_difference,
    tango_interval,
    two_phase,
)

from .downgrade import MEDIUM, WEAK, Floats, Judge, Task, judged, replays, spread_of_tasks, stopped

CAP, LATER, BATCHES, REVIEWED = 1_600, 300, 8, 500
_TRUTH = np.array([-1.0, 0.0, 1.0])


@dataclass
class Printed:
    """Verdicts, and how many of their bounds are false."""

    n: int = 0
    false: int = 0

    @property
    def percent(self) -> float:
        """Of the verdicts."""
        return 100 * self.false / self.n if self.n else 0.0


Found = dict[tuple[str, str], Printed]


def _count(found: Found, verdict: str, task: Task, *, is_false: bool) -> None:
    for where in ("all", "1 to 3 points") if 0.01 <= task.loss <= 0.03 else ("all",):
        one = found[verdict, where]
        one.n += 1
        one.false += is_false


def simulate_scored(tasks: Sequence[Task], margin: float, reps: int, seed: int) -> Found:
    """Moves, moves after 300 more replays, and tasks kept since their loss is proved."""
    found: Found = defaultdict(Printed)
    for number, task in enumerate(tasks):
        d = replays(task, reps, CAP + LATER, np.random.default_rng((seed, number)))
        safe, unsafe = (log_evidence(d[:, :CAP], margin, is_mirrored=way) for way in (False, True))
        end = stopped(d, safe, unsafe, margin, CAP)
        for row, n, moves, against in zip(d, end.replays, end.is_move, unsafe, strict=True):
            if moves:
                _count(found, "move", task, is_false=task.loss > -lowest_difference(list(row[:n]), margin))
                later = lowest_difference(list(row[: n + LATER]), margin)
                _count(found, "move, 300 later", task, is_false=task.loss > -later)
            elif against[n - 1] >= LOG_PROOF:
                _count(found, "keep", task, is_false=task.loss < lowest_difference(list(-row[:n]), -margin))
    return found


@dataclass(frozen=True)
class Look:
    """What is known after a batch, an element per repetition."""

    estimate: Estimate
    won: Floats
    lost: Floats

    def low(self, z: float) -> Floats:
        """As `analysis.audited` bounds it from below."""
        return np.maximum(np.minimum(self.estimate.low(z), tango_interval(self.won, self.lost, REVIEWED, z)[0]), -1.0)


def _looks(task: Task, judge: Judge, reps: int, rng: np.random.Generator) -> Iterator[Look]:
    counts: NDArray[np.int64] = judged(task, judge, REVIEWED, reps, rng)
    said, seen = counts.sum(axis=2), np.zeros_like(counts)
    for _ in range(BATCHES):
        for rep, left in enumerate(counts - seen):
            plan = audit_plan({str(way): int(n) for way, n in enumerate(left.sum(axis=1))}, 40)
            for way, n in plan.items():
                seen[rep, int(way)] += rng.multivariate_hypergeometric(left[int(way)], n)
        n = seen.sum(axis=2)
        shares = seen / np.maximum(n, 1)[:, :, None]
        yield Look(
            two_phase(REVIEWED - said.sum(axis=1), said, n, seen @ _TRUTH, seen @ _TRUTH**2),
            (said * shares[:, :, 2]).sum(axis=1),
            (said * shares[:, :, 0]).sum(axis=1),
        )


def simulate_reviewed(tasks: Sequence[Task], judge: Judge, margin: float, reps: int, seed: int) -> Found:
    """Moves and tasks kept by people's reviews, and how many of the tasks that may not move were moved."""
    found: Found = defaultdict(Printed)
    for number, task in enumerate(tasks):
        is_open = np.ones(reps, dtype=bool)
        moved = 0
        for batch, look in enumerate(_looks(task, judge, reps, np.random.default_rng((seed, number))), 1):
            z = audit_bound(batch)
            moves = is_open & (look.low(z) > -margin)
            stays = is_open & ~moves & (look.estimate.high(z) < -margin)
            at_most = np.minimum(-look.low(Z995), margin)
            at_least = np.maximum(-look.estimate.high(Z995), margin)
            for loss in at_most[moves]:
                _count(found, "move", task, is_false=task.loss > max(loss, 0.0))
            for loss in at_least[stays]:
                _count(found, "keep", task, is_false=task.loss < loss)
            is_open &= ~(moves | stays)
            moved += int(moves.sum())
        if task.is_bad(margin):
            found["bad task", "all"].n += reps
            found["bad task", "all"].false += moved
    return found


def main(reps: int = 40) -> int:
    """Prints the shares; 0 if at most one bound in twenty is false."""
    tasks, missed = spread_of_tasks(2026), 0
    near = Printed()
    for points in (2, 3, 5):
        margin = points / 100
        print(f"\nmargin {points}, {reps} repetitions: percent of printed bounds that are false (of how many)")
        runs = {"scored": simulate_scored(tasks, margin, reps, 7)}
        if points > 2:
            runs |= {f"{j.name} judge": simulate_reviewed(tasks, j, margin, reps, 11) for j in (WEAK, MEDIUM)}
        for name, found in runs.items():
            for (verdict, where), one in sorted(found.items()):
                print(f"  {name:<13} {verdict:<16} {where:<14} {one.percent:5.1f} ({one.n:,})")
                missed += where == "all" and one.percent > 5
                if (verdict, where) == ("move", "1 to 3 points"):
                    near.n, near.false = near.n + one.n, near.false + one.false
    print(f"\nmoves at true losses of 1 to 3 points, all margins: {near.percent:.1f} ({near.n:,})")
    missed += near.percent > 5
    print("\nall targets reached" if not missed else f"\nMISSED: {missed}")
    return 1 if missed else 0


if __name__ == "__main__":
    raise SystemExit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 40))
