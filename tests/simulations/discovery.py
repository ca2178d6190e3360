"""How well tasks are discovered: a corpus of known truth through the code that `llmwatch tasks` uses.

`python -m tests.simulations.discovery` prints our figures beside those the method was chosen by; seeded, one process.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from llmwatch.analysis.discovery import discover
from tests.simulations.prompts import KINDS, records, tasks

# ARI / purity / captured / clusters of 119 true tasks
REFERENCE = {"call sites known, 20 % wrapped": (0.98, 1.0, 0.97, 142), "one wrapper": (0.89, 0.90, 0.91, 136)}
TARGET = {"call sites known, 20 % wrapped": 0.95, "one wrapper": 0.85}


@dataclass(frozen=True)
class Fit:
    """Agreement of found and true tasks, and what a record took."""

    ari: float
    purity: float
    captured: float
    clusters: int
    microseconds: float
    # kind -> share of its true tasks' calls whose found task is mostly theirs and holds most of them
    by_kind: Mapping[str, float]


def adjusted_rand(found: Mapping[str, str], truth: Mapping[str, str]) -> float:
    """Adjusted Rand index of two ways to group the same ids; 1 is the same grouping, 0 is chance."""
    pairs = Counter((found[key], truth[key]) for key in truth)

    def choose_two(counts: object) -> float:
        numbers = np.fromiter(counts, dtype=float)  # type: ignore[arg-type]
        return float((numbers * (numbers - 1)).sum() / 2)

    together = choose_two(pairs.values())
    a, b = (choose_two(Counter(groups.values()).values()) for groups in (found, truth))
    expected = a * b / choose_two([len(truth)])
    return (together - expected) / ((a + b) / 2 - expected)


def measured(count: int = 119, seed: int = 1, wrapped: float = 0.2, limit: int | None = None) -> Fit:
    """One corpus discovered."""
    made = tasks(count, seed)
    rows, truth = records(made, seed, wrapped, limit)
    started = time.perf_counter()
    found = discover(rows)
    taken = time.perf_counter() - started
    clusters: dict[str, Counter[str]] = {}
    for key, name in truth.items():
        clusters.setdefault(found[key], Counter())[name] += 1
    named = {task: names for task, names in clusters.items() if not task.endswith("/other")}
    captured = sum(sum(names.values()) for names in named.values())
    pure = sum(max(names.values()) for names in named.values())
    sizes = Counter(truth.values())
    right: Counter[str] = Counter()
    for names in named.values():
        name, calls = names.most_common(1)[0]
        if calls > 0.5 * sizes[name]:
            right[name] += calls
    by_kind = {
        kind: sum(right[t.name] for t in made if t.kind == kind) / sum(sizes[t.name] for t in made if t.kind == kind)
        for kind in KINDS
    }
    return Fit(
        adjusted_rand(found, truth),
        pure / max(captured, 1),
        captured / len(truth),
        len(named),
        taken / len(truth) * 1e6,
        by_kind,
    )


def main() -> None:
    """Prints both situations over five corpora."""
    for title, wrapped in zip(REFERENCE, (0.2, 1.0), strict=True):
        fits = [measured(seed=seed, wrapped=wrapped) for seed in range(1, 6)]
        print(f"\n{title} (target: ARI >= {TARGET[title]:.2f})")
        print("corpus      ARI  purity  captured  tasks found  us per call")
        for number, fit in enumerate(fits, 1):
            print(
                f"{number:6}   {fit.ari:6.3f}  {fit.purity:6.3f}  {fit.captured:8.3f}  {fit.clusters:11}"
                f"  {fit.microseconds:11.0f}"
            )
        ari, purity, captured, clusters = REFERENCE[title]
        print(f"stats.md {ari:6.2f}  {purity:6.2f}  {captured:8.2f}  {clusters:11}      460-500")
        for kind in KINDS:
            print(f"  {kind:16} {np.mean([fit.by_kind[kind] for fit in fits]):6.1%} of calls in a task of their own")


if __name__ == "__main__":
    main()
