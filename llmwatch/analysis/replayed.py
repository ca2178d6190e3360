"""Owns one replayed input: what the incumbent gave, what the candidate gave, and who has compared the two."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

# What a comparison of two different answers says of the candidate's; "unjudged" if nobody compared them.
Judgement = Literal["worse", "same", "better", "unjudged"]

LONG_TOKENS: Final = 50_000
_VALUE: Final = {"worse": -1.0, "same": 0.0, "better": 1.0}


@dataclass(frozen=True, slots=True)
class Pair:
    """One stored input replayed on the candidate; None is not known, never no."""

    id: str
    stratum: str = ""
    # Equal after normalisation: nothing to compare.
    is_same: bool = False
    # 0 to 1, from a reference, a check or a person; never from a judge.
    incumbent_score: float | None = None
    candidate_score: float | None = None
    judge: Judgement | None = None
    # The difference as a person gave it.
    scored: float | None = None
    input_tokens: int | None = None
    # Whether schema and tool calls of an answer are valid.
    incumbent_valid: bool | None = None
    candidate_valid: bool | None = None
    # Whether an answer was cut off or refused.
    incumbent_cut: bool | None = None
    candidate_cut: bool | None = None

    @property
    def difference(self) -> float | None:
        """Candidate minus incumbent on the best evidence there is; None if only a judge, or nobody, compared them."""
        if self.scored is not None:
            return self.scored
        if self.incumbent_score is not None and self.candidate_score is not None:
            return self.candidate_score - self.incumbent_score
        if self.is_same:
            return 0.0
        if self.incumbent_valid is not None and self.candidate_valid is not None:
            # An answer that breaks its schema is lost whatever it says; two valid ones still need comparing.
            return None if self.incumbent_valid == self.candidate_valid else 1.0 if self.candidate_valid else -1.0
        return None

    @property
    def judged(self) -> float | None:
        """The judge's verdict as a difference."""
        return _VALUE.get(self.judge or "")

    @property
    def way(self) -> Judgement:
        """What the judge says."""
        return self.judge or "unjudged"

    @property
    def sided(self) -> Judgement:
        """What the score says, or else the judge."""
        known = self.difference
        return self.way if known is None else "same" if known == 0 else "better" if known > 0 else "worse"

    @property
    def is_long(self) -> bool:
        """Whether the input is longer than most tests of a model ever are."""
        return self.input_tokens is not None and self.input_tokens > LONG_TOKENS
