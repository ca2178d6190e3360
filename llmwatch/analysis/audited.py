"""Owns what people's reviews of some of the different answers say of all replays, and of each stratum of the inputs.

A pair that people have not seen is known by the others that the judge said the same of; identical pairs need nobody.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .paired import LEAST_AUDITS, Z95, Estimate, tail, tango_interval, two_phase
from .replayed import Judgement, Pair


@dataclass(frozen=True, slots=True)
class Audited:
    """The two-phase estimate of the mean difference, and the numbers it rests on."""

    estimate: Estimate
    n: int
    # Different answers without a score, of those reviewed; and reviews short of 5 of every way in which answers differ.
    different: int
    audits: int
    missing: int
    # Of the reviewed ones.
    better: int
    worse: int
    # Answers won and lost as far as the reviews tell, in pairs.
    won: float
    lost: float

    @property
    def mean(self) -> float:
        """The mean difference."""
        return float(self.estimate.mean)

    def low(self, z: float = Z95) -> float:
        """The lower bound at `z`; not above that of as many pairs with all of them known.

        The two-phase error is that of a normal mean, too small where hardly any answer differs: Tango's bound holds
        there, and without a single loss it asks for the replays that it takes to rule one out.
        """
        if not self.n:
            return -1.0
        exact, _ = tango_interval(self.won, self.lost, self.n, z)
        return max(min(float(self.estimate.low(z)), float(exact)), -1.0)

    def high(self, z: float = Z95) -> float:
        """The upper bound at `z`."""
        return min(float(self.estimate.high(z)), 1.0)


def audited(pairs: Sequence[Pair], audits: Mapping[str, float], *, unseen: float | None = None) -> Audited:
    """What is known of these pairs; a way of differing that nobody has reviewed counts as `unseen`, if given."""
    known = [d for pair in pairs if (d := pair.difference) is not None]
    ways: dict[Judgement, list[Pair]] = {}
    for pair in pairs:
        if pair.difference is None:
            ways.setdefault(pair.way, []).append(pair)
    said = {way: [audits[p.id] for p in of if p.id in audits] for way, of in ways.items()}
    groups = [(len(of), said[way]) for way, of in sorted(ways.items())]
    if unseen is not None:
        groups = [(n, ds or [unseen] * n) for n, ds in groups]
    # Pairs with a score are a way of their own, reviewed to the last one.
    if different := [d for d in known if d]:
        groups.append((len(different), different))
    # Every way, reviewed or not, has one row; a way of no pair stands for none that differ.
    rows = [(n, len(ds), sum(ds), sum(d * d for d in ds)) for n, ds in groups] or [(0, 0, 0.0, 0.0)]
    short = [max(min(n, LEAST_AUDITS) - len(ds), 0) for n, ds in groups]
    reviewed = [d for ds in said.values() for d in ds]
    return Audited(
        estimate=two_phase(len(known) - len(different), *zip(*rows, strict=True)),
        n=len(pairs),
        different=sum(map(len, ways.values())),
        audits=len(reviewed),
        missing=sum(short),
        better=sum(d > 0 for d in reviewed),
        worse=sum(d < 0 for d in reviewed),
        won=sum(n * sum(d for d in ds if d > 0) / len(ds) for n, ds in groups if ds),
        lost=sum(n * sum(-d for d in ds if d < 0) / len(ds) for n, ds in groups if ds),
    )


def audited_loss(pairs: Sequence[Pair], audits: Mapping[str, float], margin: float) -> tuple[float, float, int]:
    """(mean difference, the chance of one so low if the loss were the margin, reviews) of one stratum."""
    seen = audited(pairs, audits, unseen=1.0)
    error = float(seen.estimate.error)
    chance = tail((seen.mean + margin) / error) if error > 0 else float(seen.mean >= -margin)
    return seen.mean, chance, seen.audits
