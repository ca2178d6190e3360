"""Owns what blocks or narrows a move although the sum of all replays allows it: checks, cut answers, single strata."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, Literal

from .paired import Z95, holm, summarized, tail
from .replayed import LONG_TOKENS, Pair

# Fewer replays of long inputs than this say nothing of them.
LONG_UNTIL: Final = 30
# How strata name inputs above LONG_TOKENS.
LONG_STRATUM: Final = ">50k"
_LEAST_SHARE: Final = 0.08
_FAMILY_LEVEL: Final = 0.10
_VALID_LOSS: Final = 0.005
_CUT_GAIN: Final = 0.01


@dataclass(frozen=True, slots=True)
class Guard:
    """Something the candidate does worse whatever its answers say; shares are of the same inputs."""

    what: Literal["invalid", "cut"]
    incumbent_share: float
    candidate_share: float
    replays: int


@dataclass(frozen=True, slots=True)
class Exclusion:
    """Inputs that a move leaves where they are, and why."""

    stratum: str
    why: Literal["loses", "untested"]
    replays: int
    difference: float | None = None
    # How many of its replays people reviewed, where that is what the difference rests on.
    audits: int = 0

    def holds(self, pair: Pair) -> bool:
        """Whether the pair's input stays where it is."""
        return pair.is_long if self.why == "untested" else pair.stratum == self.stratum

    def names(self, stratum: str) -> bool:
        """Whether a stratum of the traffic stays where it is."""
        return LONG_STRATUM in stratum.split(" · ") if self.why == "untested" else stratum == self.stratum


def behaviour_guards(pairs: Sequence[Pair]) -> tuple[Guard, ...]:
    """Validity shown to be lower by over 0.5 points; cut and refused answers up by over 1 point, and not by chance."""
    found: list[Guard] = []
    valid = _both(pairs, lambda p: (p.incumbent_valid, p.candidate_valid))
    if valid:
        seen = summarized([float(new) - float(old) for old, new in valid])
        if seen.z(-_VALID_LOSS) < -Z95:
            found.append(_guard("invalid", [(not old, not new) for old, new in valid]))
    cut = _both(pairs, lambda p: (p.incumbent_cut, p.candidate_cut))
    if cut:
        seen = summarized([float(new) - float(old) for old, new in cut])
        if seen.mean > _CUT_GAIN and seen.z(0.0) > Z95:
            found.append(_guard("cut", cut))
    return tuple(found)


def _both(pairs: Sequence[Pair], read: Callable[[Pair], tuple[bool | None, bool | None]]) -> list[tuple[bool, bool]]:
    both = (read(pair) for pair in pairs)
    return [(old, new) for old, new in both if old is not None and new is not None]


def _guard(what: Literal["invalid", "cut"], flags: Sequence[tuple[bool, bool]]) -> Guard:
    n = len(flags)
    return Guard(what, sum(old for old, _ in flags) / n, sum(new for _, new in flags) / n, n)


# (mean difference, the chance of one so low if the loss were the margin, reviews) of one stratum's pairs.
Loss = Callable[[Sequence[Pair]], tuple[float, float, int]]


def losing_strata(
    pairs: Sequence[Pair], margin: float, traffic: Mapping[str, float] | None = None, loss: Loss | None = None
) -> list[Exclusion]:
    """Strata with 8 % of traffic or more whose own loss is shown to be above the margin, Holm 10 % over all of them.

    By scores, an answer without one counted as won, unless `loss` says how else a stratum is judged.
    """
    by_stratum: dict[str, list[Pair]] = {}
    for pair in pairs:
        by_stratum.setdefault(pair.stratum, []).append(pair)
    if len(by_stratum) < 2:
        return []
    shares = _shares(pairs, traffic)
    large = [name for name in sorted(by_stratum) if shares.get(name, 0.0) >= _LEAST_SHARE]
    judged = loss or partial(_scored_loss, margin=margin)
    seen = {name: judged(by_stratum[name]) for name in large}
    rejected = holm([seen[name][1] for name in large], _FAMILY_LEVEL)
    return [
        Exclusion(name, "loses", len(by_stratum[name]), seen[name][0], seen[name][2])
        for name, is_losing in zip(large, rejected, strict=True)
        if is_losing
    ]


def is_worth_moving(pairs: Sequence[Pair], excluded: Iterable[str], traffic: Mapping[str, float] | None = None) -> bool:
    """True if what is left without some strata is as much as a stratum that is judged by itself."""
    shares, names = _shares(pairs, traffic), set(excluded)
    return sum(shares.get(name, 0.0) for name in {pair.stratum for pair in pairs} - names) >= _LEAST_SHARE


def _shares(pairs: Sequence[Pair], traffic: Mapping[str, float] | None) -> Mapping[str, float]:
    return traffic or {name: n / len(pairs) for name, n in Counter(pair.stratum for pair in pairs).items()}


def _scored_loss(pairs: Sequence[Pair], margin: float) -> tuple[float, float, int]:
    known = [d for pair in pairs if (d := pair.difference) is not None]
    hoped = [*known, *([1.0] * (len(pairs) - len(known)))]
    return summarized(known).mean, tail(summarized(hoped).z(-margin)), 0


def untested_long(pairs: Sequence[Pair]) -> tuple[Exclusion, ...]:
    """Inputs above 50,000 tokens, if they were replayed but fewer than 30 times."""
    n = sum(pair.is_long for pair in pairs)
    return (Exclusion(f"inputs above {LONG_TOKENS:,} tokens", "untested", n),) if 0 < n < LONG_UNTIL else ()
