"""Many swaps tested at once, most of them not to be made: `python -m tests.simulations.downgrade_many`.

Every swap is replayed until it is decided, as the product does; then the moves go through `option.guarded`'s e-BH, and
those that it doubts are replayed on as far as the verdict asks.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from math import log

import numpy as np

from llmwatch.analysis.option import FALSE_SHARE, MANY
from llmwatch.analysis.paired import CAP, LOG_PROOF, e_bh, log_evidence
from tests.simulations.downgrade import Task, replays, stopped


@dataclass
class Moves:
    """Moves of all runs, wrong ones, and good swaps there were."""

    wrong: int = 0
    right: int = 0
    good: int = 0

    @property
    def wrong_share(self) -> float:
        """Percent of the moves."""
        return 100 * self.wrong / max(self.wrong + self.right, 1)

    @property
    def recall(self) -> float:
        """Percent of the good swaps that are moved."""
        return 100 * self.right / self.good

    def add(self, is_move: list[bool], is_bad: list[bool]) -> None:
        """One store's swaps."""
        self.wrong += sum(move and bad for move, bad in zip(is_move, is_bad, strict=True))
        self.right += sum(move and not bad for move, bad in zip(is_move, is_bad, strict=True))
        self.good += sum(not bad for bad in is_bad)


@dataclass(frozen=True)
class Many:
    """Moves by proof alone, those that e-BH leaves, and those it leaves after the replays it asks for."""

    alone: Moves
    guarded: Moves
    replayed: Moves


def simulate(bad: int, good: int, margin: float, reps: int, seed: int) -> Many:
    """`bad` swaps that lose the margin and a hair, and `good` ones that lose nothing, in `reps` stores."""
    tasks = [Task(0.01, 0.011 + margin, 0)] * bad + [Task(0.01, 0.01, 0)] * good
    is_bad = [task.is_bad(margin) for task in tasks]
    found = Many(Moves(), Moves(), Moves())
    for rep in range(reps):
        d = np.concatenate([replays(t, 1, CAP, np.random.default_rng((seed, rep, n))) for n, t in enumerate(tasks)])
        safe, unsafe = log_evidence(d, margin), log_evidence(d, margin, is_mirrored=True)
        ends = stopped(d, safe, unsafe, margin, CAP)
        highest = [float(safe[n, :at].max()) for n, at in enumerate(ends.replays)]
        moves = [bool(move) for move in ends.is_move]
        found.alone.add(moves, is_bad)
        kept = _kept(highest, moves)
        found.guarded.add(kept, is_bad)
        # What is doubted is replayed to what would prove it beside as many moves as there are.
        needed = log(len(tasks) / (FALSE_SHARE * max(sum(moves), 1)))
        more = [
            float(safe[n].max()) if move and not keep and float(safe[n].max()) >= needed else of
            for n, (of, move, keep) in enumerate(zip(highest, moves, kept, strict=True))
        ]
        found.replayed.add(_kept(more, moves), is_bad)
    return found


def _kept(highest: list[float], moves: list[bool]) -> list[bool]:
    if len(highest) <= MANY:
        return moves
    return [keep and move for keep, move in zip(e_bh(highest, FALSE_SHARE), moves, strict=True)]


SCENES = ((20, 5), (40, 5), (40, 20), (15, 30), (100, 10))


def main(reps: int = 100) -> int:
    """Prints every scene; 0 if at most a tenth of the moves is wrong on average over the stores."""
    print(f"{reps} stores, margin 3; E of {LOG_PROOF:.2f} proves one; wrong share of moves / recall, percent")
    missed = False
    for bad, good in SCENES:
        found = simulate(bad, good, 0.03, reps, 7)
        cells = (f"{m.wrong_share:>6.1f}/{m.recall:<5.0f}" for m in (found.alone, found.guarded, found.replayed))
        print(f"  {bad:>3} bad {good:>3} good   alone, e-BH, e-BH after more replays: " + "  ".join(cells))
        missed |= found.guarded.wrong_share > 100 * FALSE_SHARE or found.replayed.wrong_share > 100 * FALSE_SHARE
    print("MISSED" if missed else "all targets reached")
    return int(missed)


if __name__ == "__main__":
    raise SystemExit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 100))
