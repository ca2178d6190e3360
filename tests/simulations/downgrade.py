"""Simulated downgrades with known truth, beside the reference figures: `python -m tests.simulations.downgrade`.

The tasks are a spread of true (gain, loss) rates: disagreement 0.5 to 40 %, true loss -10 to +30 points. It was set so
that what has no choice in it, the one-look Tango test and agreement alone, recalls about as much as on the reference's
real tasks; the figures of the other procedures then say how they compare. One process, one core.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import qmc

from llmwatch.analysis.paired import (
    LOG_PROOF,
    LOOKS,
    Z95,
    audit_plan,
    is_hopeless,
    is_too_dear,
    log_evidence,
    tango_interval,
    tango_z,
    two_phase,
)

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Task:
    """True shares of answers that get better and worse, and of answers that differ without being either."""

    better: float
    worse: float
    reworded: float

    @property
    def loss(self) -> float:
        """The true loss."""
        return self.worse - self.better

    def is_bad(self, margin: float) -> bool:
        """Whether it may not be moved."""
        return self.loss > margin

    def is_safe(self, margin: float) -> bool:
        """Whether it should be moved."""
        return self.loss <= margin / 4


def spread_of_tasks(seed: int, n: int = 136) -> list[Task]:
    """Tasks of which about half are safe at 3 points, some of them better on the candidate; even over their range."""
    # Better, equal and worse candidates: range of loss per disagreement, and disagreement 0.5 to 20, 20 and 40 %.
    kinds = ((-0.9, -0.2, 40, 0.55), (-0.15, 0.15, 40, 0.55), (0.15, 1.0, 80, 0.7))
    tasks: list[Task] = []
    for spread, kind, side, words in qmc.LatinHypercube(4, rng=seed).random(n):
        low, high, times, bend = kinds[int(np.searchsorted((0.25, 0.60), kind))]
        disagreement = 0.005 * times ** (float(spread) ** bend)
        loss = float(np.clip(disagreement * (low + (high - low) * side), -0.10, 0.30))
        reworded = min(disagreement * float(words), 1 - disagreement)
        tasks.append(Task((disagreement - loss) / 2, (disagreement + loss) / 2, reworded))
    return tasks


def replays(task: Task, reps: int, n: int, rng: np.random.Generator) -> Floats:
    """Differences of `n` replays, repeated."""
    u = rng.random((reps, n))
    return (u < task.better).astype(float) - (u > 1 - task.worse)


@dataclass(frozen=True)
class Stopped:
    """Where the sequential procedure stopped, and whether it recommended."""

    is_move: Flags
    replays: NDArray[np.int64]


def stopped(d: Floats, safe: Floats, unsafe: Floats, margin: float, cap: int) -> Stopped:
    """The procedure of `Sequential` on whole paths at once; a test holds the two to each other."""
    never = d.shape[1] + 1
    proof = _first(safe[:, :cap] >= LOG_PROOF, never)
    stop = np.minimum(_first(unsafe[:, :cap] >= LOG_PROOF, never), cap)
    for look in LOOKS:
        if look <= cap:
            seen = d[:, :look]
            mean, variance = seen.mean(axis=1), seen.var(axis=1)
            futile = is_hopeless(look, mean, variance, margin) | is_too_dear(look, mean, variance, margin, cap)
            stop = np.where(futile, np.minimum(stop, look), stop)
    return Stopped(proof <= stop, np.minimum(proof, stop))


def _first(flags: Flags, never: int) -> NDArray[np.int64]:
    return np.where(flags.any(axis=1), flags.argmax(axis=1) + 1, never)


Procedure = Callable[[Floats, Floats, float, int], Flags]


def naive(d: Floats, _safe: Floats, margin: float, n: int) -> Flags:
    """Recommends if the loss seen is no larger than the margin."""
    return d[:, :n].mean(axis=1) >= -margin


def no_difference(d: Floats, _safe: Floats, _margin: float, n: int) -> Flags:
    """Reads "not significantly worse" (McNemar) as safe."""
    g, w = (d[:, :n] > 0).sum(axis=1), (d[:, :n] < 0).sum(axis=1)
    return (w - g) < Z95 * np.sqrt(np.maximum(g + w, 1))


def one_look(d: Floats, _safe: Floats, margin: float, n: int) -> Flags:
    """Tango's test at one look that was planned."""
    g, w = (d[:, :n] > 0).sum(axis=1), (d[:, :n] < 0).sum(axis=1)
    return tango_z(g, w, n, -margin) > Z95


def peeking(d: Floats, _safe: Floats, margin: float, n: int) -> Flags:
    """The same test at every 50th replay until it says yes."""
    return np.any([one_look(d, _safe, margin, at) for at in range(50, n + 1, 50)], axis=0)


def e_process(_d: Floats, safe: Floats, _margin: float, n: int) -> Flags:
    """The betting e-process, looked at after every replay."""
    return (safe[:, :n] >= LOG_PROOF).any(axis=1)


PROCEDURES: dict[str, Procedure] = {
    "naive": naive,
    "no significant difference": no_difference,
    "Tango, one look": one_look,
    "Tango, peeking": peeking,
    "e-process": e_process,
}


@dataclass
class Rates:
    """Shares of runs that recommended, by task."""

    bad: list[float]
    safe: list[float]
    fine: list[float]
    moved_bad: float = 0.0
    moved: float = 0.0
    replays: float = 0.0

    def add(self, task: Task, margin: float, is_move: Flags) -> None:
        """One task's runs."""
        share = float(is_move.mean())
        self.moved += share
        if task.is_bad(margin):
            self.bad.append(share)
            self.moved_bad += share
        else:
            self.fine.append(share)
        if task.is_safe(margin):
            self.safe.append(share)

    @property
    def false_mean(self) -> float:
        """Percent, mean over the tasks that may not be moved."""
        return 100 * float(np.mean(self.bad))

    @property
    def false_worst(self) -> float:
        """Percent, of the worst of these tasks."""
        return 100 * max(self.bad)

    @property
    def recall(self) -> float:
        """Percent of runs on safe tasks that recommended."""
        return 100 * float(np.mean(self.safe))

    @property
    def captured(self) -> float:
        """Percent of runs on all tasks that are not bad."""
        return 100 * float(np.mean(self.fine))

    @property
    def wrong_share(self) -> float:
        """Percent of recommendations that were wrong."""
        return 100 * self.moved_bad / self.moved if self.moved else 0.0


def _rates() -> Rates:
    return Rates([], [], [])


Fixed = dict[tuple[str, int], Rates]
Capped = dict[int, Rates]


def simulate_scored(
    tasks: Sequence[Task], margin: float, sizes: Sequence[int], caps: Sequence[int], reps: int, seed: int
) -> tuple[Fixed, Capped]:
    """Rates of every procedure at every size, and of the stopping procedure at every cap."""
    fixed = {(name, n): _rates() for name in PROCEDURES for n in sizes}
    capped = {cap: _rates() for cap in caps}
    longest = max(*sizes, *caps)
    for number, task in enumerate(tasks):
        d = replays(task, reps, longest, np.random.default_rng((seed, number)))
        safe, unsafe = log_evidence(d, margin), log_evidence(d, margin, is_mirrored=True)
        for (name, n), rates in fixed.items():
            rates.add(task, margin, PROCEDURES[name](d, safe, margin, n))
        for cap, rates in capped.items():
            end = stopped(d, safe, unsafe, margin, cap)
            rates.add(task, margin, end.is_move)
            rates.replays += float(end.replays.mean()) / len(tasks)
    return fixed, capped


@dataclass(frozen=True)
class Judge:
    """Chances of saying worse, same, better of an answer that is truly worse, reworded, better."""

    name: str
    says: tuple[tuple[float, float, float], tuple[float, float, float], tuple[float, float, float]]


def _judge(name: str, right: float, wrong: float, slip: float) -> Judge:
    unclear = 1 - right - wrong
    return Judge(name, ((right, unclear, wrong), (slip, 1 - 2 * slip, slip), (wrong, unclear, right)))


# Levels measured on real pairwise judges, both orders asked, disagreement read as "same".
STRONG = _judge("strong", 0.92, 0.015, 0.05)
MEDIUM = _judge("medium", 0.745, 0.16, 0.08)
WEAK = _judge("weak", 0.18, 0.19, 0.12)
STYLE = Judge("style-biased", ((0.15, 0.35, 0.50), (0.05, 0.45, 0.50), (0.02, 0.18, 0.80)))
NOBODY = Judge("none", ((0, 1, 0), (0, 1, 0), (0, 1, 0)))
JUDGES = (STRONG, MEDIUM, WEAK, STYLE)
_TRUTH = np.array([-1.0, 0.0, 1.0])


def judged(task: Task, judge: Judge, n: int, reps: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Counts (repetition, what the judge says, what is true) of different answers; the rest of `n` are identical."""
    true = np.array([task.worse, task.reworded, task.better])
    cells = (np.array(judge.says) * true[:, None]).T.ravel()
    drawn = rng.multinomial(n, [*cells, max(1 - cells.sum(), 0.0)], size=reps)
    return drawn[:, :9].reshape(reps, 3, 3)


def taken_as_truth(counts: NDArray[np.int64], n: int, margin: float) -> Flags:
    """The judge's verdicts put where the truth belongs."""
    said = counts.sum(axis=2)
    return tango_interval(said[:, 2], said[:, 0], n)[0] > -margin


def audited(counts: NDArray[np.int64], n: int, budget: int, rng: np.random.Generator) -> tuple[Floats, ...]:
    """Arguments of `two_phase` after `budget` audits drawn at random within every verdict."""
    said = counts.sum(axis=2)
    sums = np.zeros((3, *said.shape))
    for rep, row in enumerate(said):
        plan = audit_plan({str(h): int(c) for h, c in enumerate(row)}, budget)
        for h, m in plan.items():
            drawn = rng.multivariate_hypergeometric(counts[rep, int(h)], m)
            sums[:, rep, int(h)] = m, drawn @ _TRUTH, drawn @ _TRUTH**2
    return (n - said.sum(axis=1), said, *sums)


def two_phase_without_spread(identical: Floats, counts: Floats, m: Floats, total: Floats, total_sq: Floats) -> Floats:
    """The trap: the same lower bound with the spread within a verdict left out of the first term."""
    estimate = two_phase(identical, counts, m, total, total_sq)
    n = identical + counts.sum(axis=1)
    share = counts / n[:, None]
    spread = np.where(counts > 0, (total_sq + 1) / (m + 1) - (total / (m + 1)) ** 2, 0)
    within = (share * spread).sum(axis=1) / n
    return estimate.mean - Z95 * np.sqrt(np.maximum(estimate.error**2 - within, 0))


def simulate_judges(
    tasks: Sequence[Task], judges: Iterable[Judge], margin: float, n: int, reps: int, seed: int, budget: int = 40
) -> dict[tuple[str, str], Rates]:
    """Rates by judge: taken as truth, audited, audited by the formula with the trap, and by agreement alone."""
    found: dict[tuple[str, str], Rates] = {}
    for judge in judges:
        rates = {how: _rates() for how in ("truth", "audits", "trap", "agree")}
        for number, task in enumerate(tasks):
            rng = np.random.default_rng((seed, number))
            counts = judged(task, judge, n, reps, rng)
            sums = audited(counts, n, budget, rng)
            rates["truth"].add(task, margin, taken_as_truth(counts, n, margin))
            rates["audits"].add(task, margin, two_phase(*sums).low() > -margin)
            rates["agree"].add(task, margin, tango_z(0, counts.sum(axis=(1, 2)), n, -margin) > Z95)
            rates["trap"].add(task, margin, two_phase_without_spread(*sums) > -margin)
        found |= {(judge.name, how): one for how, one in rates.items()}
    return found


# (procedure, margin) -> false mean / worst / recall at n = 200 and (where it is stated) 500 and 1000.
REFERENCE = {
    ("naive", 2): ("15/58/96", "9/57/99", "6/43/100"),
    ("no significant difference", 2): ("40/90/100", "18/83/100", "7/65/99"),
    ("Tango, one look", 2): ("0.5/7/58", "0.5/5/81", "0.3/7/94"),
    ("Tango, peeking", 2): ("2.3/13/66", "2.5/17/88", "2.7/17/97"),
    ("e-process", 2): ("0.5/5/37", "0.3/3/64", "0.4/3/83"),
    ("Tango, one look", 3): ("0.4/5/71", "0.4/5/92", "0.1/2/99"),
    ("e-process", 3): ("0.5/3/49", "0.5/7/80", "0.3/5/94"),
    ("naive", 5): ("17/62/100", "11/53/100", "9/42/100"),
    ("Tango, one look", 5): ("0.9/7/90", "0.6/8/99", "0.5/5/100"),
    ("e-process", 5): ("0.7/5/72", "0.7/3/95", "0.6/7/99"),
}
# (margin, cap) -> false mean / worst / recall safe / captured / wrong share / mean replays.
REFERENCE_STOPPING = {
    (2, 200): "0.3/5/36/26/1.6/178",
    (2, 800): "0.3/5/72/52/0.7/247",
    (2, 1600): "0.5/5/85/64/1.0/324",
    (3, 200): "0.4/5/48/31/1.0/177",
    (3, 800): "0.3/3/86/60/0.4/251",
    (3, 1600): "0.8/8/95/70/1.0/322",
    (5, 200): "0.5/5/72/47/0.6/171",
    (5, 800): "0.5/5/98/72/0.4/241",
}
REFERENCE_JUDGES = {
    ("strong", "truth"): ("1.4/10/89", "0.9/8/99", "1.3/10/100"),
    ("medium", "truth"): ("5.7/25/87", "8.9/33/98", "12.5/48/100"),
    ("weak", "truth"): ("33/63/83", "56/97/96", "75/100/99"),
    ("style-biased", "truth"): ("38/100/98", "58/100/100", "71/100/100"),
    ("weak", "audits"): ("0.7/7/88", "0.8/8/93", "0.8/7/93"),
    ("none", "audits"): ("1.0/15/89", "0.8/5/93", "1.2/5/94"),
    ("none", "agree"): ("0/0/13", "0/0/22", "0/0/30"),
    ("weak", "trap"): ("", "10/53/-", ""),
}
TARGET_RECALL = {(2, 200): 30, (3, 200): 45, (5, 200): 65, (2, 800): 70, (3, 800): 85, (5, 800): 95}


def main(reps: int = 200) -> int:
    """Prints every table; 0 if every target is reached."""
    tasks = spread_of_tasks(2026)
    missed = _print_scored(tasks, reps) + _print_judges(tasks, reps)
    print("\nall targets reached" if not missed else "\nMISSED: " + "; ".join(missed))
    return 1 if missed else 0


def _short(rates: Rates) -> str:
    return f"{rates.false_mean:.1f}/{rates.false_worst:.0f}/{rates.recall:.0f}"


def _print_scored(tasks: Sequence[Task], reps: int) -> list[str]:
    missed: list[str] = []
    print(f"{len(tasks)} tasks, {reps} repetitions; ours | reference; false mean / worst / recall, percent")
    for points in (2, 3, 5):
        margin = points / 100
        safe, bad = sum(t.is_safe(margin) for t in tasks), sum(t.is_bad(margin) for t in tasks)
        sizes = (200, 500, 1000)
        fixed, capped = simulate_scored(tasks, margin, sizes, (200, 800, 1600), reps, points)
        print(f"\nmargin {points}: {safe} safe, {bad} bad tasks")
        for name in PROCEDURES:
            theirs = REFERENCE.get((name, points), ("-", "-", "-"))
            cells = (f"n={n} {_short(fixed[name, n]):>12} | {ref:<10}" for n, ref in zip(sizes, theirs, strict=True))
            print(f"  {name:<26}" + "  ".join(cells))
        for cap, rates in capped.items():
            ours = f"{_short(rates)}/{rates.captured:.0f}/{rates.wrong_share:.1f}/{rates.replays:.0f}"
            print(f"  stopping, cap {cap:<5} {ours:>26} | {REFERENCE_STOPPING.get((points, cap), '-')}")
            missed += _missed(f"margin {points}, cap {cap}", rates, TARGET_RECALL.get((points, cap), 0), 5)
    return missed


def _print_judges(tasks: Sequence[Task], reps: int) -> list[str]:
    print("\njudges, margin 5, 40 audits; ours | reference")
    missed: list[str] = []
    for n, at in ((200, 0), (500, 1), (1000, 2)):
        for (judge, how), rates in simulate_judges(tasks, (*JUDGES, NOBODY), 0.05, n, reps, n).items():
            theirs = REFERENCE_JUDGES.get((judge, how), ("", "", ""))[at]
            if theirs or how == "audits":
                print(f"  n={n:<5} {judge:<13} {how:<7} {_short(rates):>12} | {theirs}")
            if (judge, how, n) == ("weak", "audits", 500):
                missed += _missed("weak judge, 40 audits", rates, 90, 2)
    return missed


def _missed(what: str, rates: Rates, recall: float, false_mean: float) -> list[str]:
    found: list[str] = []
    if rates.recall < recall:
        found.append(f"{what}: recall {rates.recall:.1f}, {recall - rates.recall:.1f} below {recall}")
    for name, value, limit in (
        ("false mean", rates.false_mean, false_mean),
        ("worst task", rates.false_worst, 10),
        ("wrong share", rates.wrong_share, 5),
    ):
        if value > limit:
            found.append(f"{what}: {name} {value:.1f}, above {limit}")
    return found


if __name__ == "__main__":
    raise SystemExit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 200))
