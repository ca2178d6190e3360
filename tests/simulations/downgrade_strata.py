"""Tasks that only people can score, with strata of known truth: `python -m tests.simulations.downgrade_strata`.

Every run goes through the product's own adapter with 40 audits and 40 more where they are asked for.
"""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import dataclass

import numpy as np

from llmwatch.analysis.downgrade import Item, paired_verdict


@dataclass(frozen=True)
class Stratum:
    """Its share of traffic, and the true shares of answers that are worse, and different without being worse."""

    share: float
    worse: float
    reworded: float = 0.0


@dataclass(frozen=True)
class Scene:
    """A task in strata, and those of them that a right move leaves where they are: all of them where none may move."""

    name: str
    stakes: str
    strata: dict[str, Stratum]
    losing: frozenset[str] = frozenset()
    replays: int = 500


def _all(worse: float, reworded: float = 0.0) -> dict[str, Stratum]:
    return {
        "en": Stratum(0.5, worse, reworded),
        "de": Stratum(0.2, worse, reworded),
        "ja": Stratum(0.3, worse, reworded),
    }


def _one(worse: float, share: float, reworded: float = 0.0) -> dict[str, Stratum]:
    left = (1 - share) / 3
    return {
        "en": Stratum(2 * left, 0.0, reworded),
        "de": Stratum(left, 0.0, reworded),
        "ja": Stratum(share, worse, reworded),
    }


_BAD = frozenset({"ja"})
_EVERY = frozenset({"en", "de", "ja"})
SCENES = (
    Scene("one of three loses 35 points, 400 replays", "standard", _one(0.35, 0.3), _BAD, 400),
    Scene("one of three loses 35 points", "standard", _one(0.35, 0.3), _BAD),
    Scene("a tenth loses 35 points", "standard", _one(0.35, 0.1), _BAD),
    Scene("one of three loses 20 points", "low", _one(0.20, 0.3), _BAD),
    Scene("one of three loses 20 points, 4 % reworded", "low", _one(0.20, 0.3, 0.04), _BAD),
    Scene("one loses 35 points, the others 4 of 3", "standard", _all(0.04) | {"ja": Stratum(0.3, 0.35)}, _EVERY),
    Scene("equal everywhere, 4 % reworded", "low", _all(0.0, 0.04)),
    Scene("equal everywhere", "standard", _all(0.002)),
    Scene("all lose 3.1 points of 3", "standard", _all(0.031), _EVERY),
    Scene("all lose 4 points of 3", "standard", _all(0.04), _EVERY),
    Scene("all lose 6 points of 5", "low", _all(0.06), _EVERY),
    Scene("all lose 6 points of 5, 6 % reworded", "low", _all(0.06, 0.06), _EVERY),
    Scene("all lose 6 points of 5, 150 replays", "low", _all(0.06), _EVERY, 150),
    Scene("all lose 4 points of 3, 120 replays", "standard", _all(0.04), _EVERY, 120),
    Scene("all lose 3.1 points of 3, 60 replays", "standard", _all(0.031), _EVERY, 60),
)


def outcome(scene: Scene, seed: int) -> str:
    """move right, move wrong, or the verdict; a move that leaves a losing stratum in is wrong."""
    rng = np.random.default_rng((seed, SCENES.index(scene)))
    names = sorted(scene.strata)
    at = rng.choice(names, scene.replays, p=[scene.strata[name].share for name in names])
    truth: list[float] = []
    items: list[Item] = []
    for n, name in enumerate(at):
        of, u = scene.strata[str(name)], rng.random()
        truth.append(-1.0 if u < of.worse else 0.0)
        items.append((str(n), str(name), None, None, None if u < of.worse + of.reworded else "identical"))
    verdict = paired_verdict(items, lambda one: truth[int(one)], scene.stakes, seed=seed).verdict
    left_out = {one.stratum for one in verdict.exclusions}
    if not verdict.is_move:
        return verdict.kind
    if not scene.losing <= left_out:
        return "move wrong"
    return "move right" if left_out == scene.losing else "move less"


def simulate(scene: Scene, reps: int, seed: int = 0) -> Counter[str]:
    """Outcomes of so many runs."""
    return Counter(outcome(scene, seed * reps + rep) for rep in range(reps))


def main(reps: int = 400) -> int:
    """Prints every scene; 0 if at most 5 % of runs of any move what loses, and one bad stratum is left alone mostly."""
    missed: list[str] = []
    print(f"{reps} runs each, 40 audits and 40 more where asked for; percent of runs")
    print(f"{'':<46}{'moved':>7}{'less':>6}{'WRONG':>7}{'keep':>6}{'open':>6}")
    for scene in SCENES:
        found = simulate(scene, reps)
        words = ("move right", "move less", "move wrong", "keep", "cannot_tell")
        right, less, wrong, keep, unclear = (100 * found[word] / reps for word in words)
        print(f"{scene.name:<46}{right:>7.1f}{less:>6.1f}{wrong:>7.1f}{keep:>6.1f}{unclear:>6.1f}")
        if wrong > 5:
            missed.append(f"{scene.name}: {wrong:.1f} % wrong")
    print("\nall targets reached" if not missed else "\nMISSED: " + "; ".join(missed))
    return 1 if missed else 0


if __name__ == "__main__":
    raise SystemExit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 400))
