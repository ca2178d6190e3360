"""Owns when replays of one task have said enough: proved, worse, hopeless, too dear, or a question for people.

Evidence comes one replay at a time, so that a replay runner stops as soon as it is decided. Strata that lose are left
out before the sum of all replays is given up.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from .guards import LONG_UNTIL, Exclusion, is_worth_moving, losing_strata
from .paired import CAP, LOG_PROOF, LOOKS, Evidence, is_hopeless, is_too_dear
from .replayed import Pair

Reason = Literal[
    "", "proved", "worse", "hopeless", "too_dear", "cap", "review", "guard", "critical", "unaudited", "undecided",
    # of a swap rather than of its answers: see `option`
    "untested", "excluded", "dearer", "bad_answers", "many", "unpriced",
]  # fmt: skip

# Replays of a task that only people can score, since the last that they reviewed: more say little until some more are.
UNSCORED_REPLAYS: Final = 500


@dataclass(frozen=True, slots=True)
class Stakes:
    """The loss a task may take, in shares of answers; None: it may not be moved at all."""

    name: str
    margin: float | None
    needs_audit: bool = False


STAKES: Final[Mapping[str, Stakes]] = {
    "low": Stakes("low", 0.05),
    "standard": Stakes("standard", 0.03),
    "high": Stakes("high", 0.02, needs_audit=True),
    "critical": Stakes("critical", None),
}


@dataclass(frozen=True, slots=True)
class Step:
    """What a runner does after a replay; `reason` says why it may stop."""

    is_over: bool
    reason: Reason
    replays: int


class Sequential:
    """Takes replays in the order of time and says when to stop; what it has proved stays proved.

    A different answer without a score counts as lost for the proof and as won for the disproof, so neither needs a
    judge. Replays of long inputs wait until there are enough of them to say anything. `reviewed`: ids of pairs that
    people have compared.
    """

    def __init__(
        self,
        stakes: Stakes,
        *,
        cap: int = CAP,
        traffic: Mapping[str, float] | None = None,
        reviewed: Collection[str] = (),
    ) -> None:
        if stakes.margin is None:
            raise ValueError(f"stakes {stakes.name}: there is nothing to replay for")
        self.margin = stakes.margin
        self.cap = cap
        self.taken: list[Pair] = []
        self.excluded: dict[str, Exclusion] = {}
        self.reason: Reason = ""
        # Why the sum of all replays was given up, if only the rest beside the strata that lose is still in question.
        self.whole: Reason = ""
        self._traffic = traffic
        self._long: list[Pair] = []
        self._unscored = 0
        self._reviewed = reviewed
        # Replays since the last reviewed one, and those of them that differ without a score.
        self._since_review, self._unseen = 0, 0
        self._restart()

    def _restart(self) -> None:
        self._safe = Evidence(self.margin)
        self._unsafe = Evidence(self.margin, is_mirrored=True)
        self._n, self._total, self._total_sq = 0, 0.0, 0.0
        # What both tests have taken, in their order; None is not known.
        self.counted: list[float | None] = []

    @property
    def log_evidence(self) -> float:
        """The highest logarithm of E so far."""
        return self._safe.highest

    @property
    def is_proved(self) -> bool:
        """Whether the loss was shown to be below the margin, all excluded inputs left out."""
        return self.reason == "proved"

    def take(self, pair: Pair) -> Step:
        """Continue, or stop with a reason; replays after a proof add to its evidence and change nothing else."""
        self.taken.append(pair)
        self._unscored += pair.difference is None
        if pair.id in self._reviewed:
            self._since_review, self._unseen = 0, 0
        else:
            self._since_review += 1
            self._unseen += pair.difference is None
        if not self.reason:
            self._count(pair)
            self.reason = self._stop()
        elif self.is_proved:
            self._count(pair)
        return Step(self.reason != "", self.reason, len(self.taken))

    def settle(self) -> None:
        """A proof does not outlive replays after it that show a stratum to lose; it must hold without that stratum."""
        if self.is_proved and self._exclude():
            self.reason = "undecided"

    def _count(self, pair: Pair) -> None:
        if pair.stratum in self.excluded:
            return
        if pair.is_long:
            self._long.append(pair)
            if len(self._long) < LONG_UNTIL:
                return
            waiting = self._long if len(self._long) == LONG_UNTIL else [pair]
        else:
            waiting = [pair]
        for one in waiting:
            known = one.difference
            self.counted.append(known)
            self._safe.take(-1.0 if known is None else known)
            hoped = 1.0 if known is None else known
            self._unsafe.take(hoped)
            self._n += 1
            self._total += hoped
            self._total_sq += hoped * hoped

    def _stop(self) -> Reason:
        if self._safe.highest >= LOG_PROOF and not self._exclude():
            return "proved"
        if self._unsafe.highest >= LOG_PROOF:
            return self._stop() if self._is_split("worse") else "worse"
        taken = len(self.taken)
        if taken in LOOKS and self._n:
            futile = self._futility()
            if futile:
                return self._stop() if self._is_split(futile) else futile
        if self._unseen and self._since_review >= min(UNSCORED_REPLAYS, self.cap):
            return "review"
        return "cap" if taken >= self.cap else ""

    def _futility(self) -> Reason:
        mean = self._total / self._n
        variance = self._total_sq / self._n - mean * mean
        if bool(is_hopeless(self._n, mean, variance, self.margin)):
            return "hopeless"
        # Of the replays up to the cap only some are of inputs that are still in question.
        cap = self.cap * self._n // len(self.taken)
        if not self._unscored and bool(is_too_dear(self._n, mean, variance, self.margin, cap)):
            return "too_dear"
        return ""

    def _exclude(self) -> bool:
        """Whether a stratum was found to lose, and everything else is not yet proved without it."""
        return self._leave_out(self._losing()) and self._safe.highest < LOG_PROOF

    def _is_split(self, reason: Reason) -> bool:
        """Whether the loss is that of some strata while others are left; then only those others are in question."""
        fresh, is_whole = self._losing(), not self.excluded
        names = {one.stratum for one in fresh} | set(self.excluded)
        if not is_worth_moving(self.taken, names, self._traffic) or not self._leave_out(fresh):
            return False
        if is_whole and reason in ("worse", "hopeless"):
            self.whole = reason
        return True

    def _losing(self) -> list[Exclusion]:
        found = losing_strata(self.taken, self.margin, self._traffic)
        return [one for one in found if one.stratum not in self.excluded]

    def _leave_out(self, fresh: Sequence[Exclusion]) -> bool:
        if not fresh:
            return False
        self.excluded |= {one.stratum: one for one in fresh}
        self._restart()
        self._long = []
        for pair in self.taken:
            self._count(pair)
        return True
