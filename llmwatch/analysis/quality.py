"""Owns the quality of a task: the share of answers that are acceptable, on the best evidence there is, never blended.

The ladder, best first: people (a reference, a label, a review), feedback, a judge audited by people, a judge nobody
audited, and the checks that capture makes of every answer, which only bound the share from above.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, Literal

from .paired import LEAST_AUDITS, Z975, mean_error, two_phase
from .stats import gamma_quantile, wilson

Rung = Literal["reference", "label", "review", "feedback", "audited judge", "judge", "checks"]
PEOPLE: Final[tuple[Rung, ...]] = ("reference", "label", "review")
# With fewer scores a lower rung that has enough speaks for the task; without one, these few do, down to the least.
ENOUGH: Final = 30
LEAST: Final = 5
_CHECKS: Final = (
    ("schema_invalid", "not of its schema"),
    ("json_invalid", "no JSON"),
    ("arguments_invalid", "wrong tool arguments"),
    ("empty_answers", "empty"),
    ("truncated", "cut off"),
    ("refused", "refused"),
)


@dataclass(frozen=True, slots=True)
class Share:
    """A share or mean of 0 to 1 with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Level:
    """What one rung of evidence says of a task; `share` is None where it says too little, and `reason` why."""

    rung: Rung
    n: int
    share: Share | None
    # Grades between 0 and 1 were given, so that the share is their mean.
    is_graded: bool = False
    reason: str = ""
    # What n scores are worth, were all answers as likely to be scored.
    effective_n: float = 0.0
    # Of a judge: its series, and the reviews that would audit it, 0 once it is audited.
    series: str = ""
    audits: int = 0
    audits_missing: int = 0

    @property
    def is_people(self) -> bool:
        """Whether a person or a known right answer said it."""
        return self.rung in PEOPLE

    @property
    def is_alarming(self) -> bool:
        """Whether a fall of it may be called one: never of a judge that nobody audited, nor of checks."""
        return self.rung not in ("judge", "checks")


@dataclass(frozen=True, slots=True)
class MadeUp:
    """Facts that people found to be made up: per 100 answers (Poisson), and the share of answers with any (Wilson)."""

    answers: int
    per_hundred: Share
    share: Share


@dataclass(frozen=True, slots=True)
class Quality:
    """One task in the period: the level that speaks for it, every other level, made-up facts, what checks found."""

    task: str
    answers: int
    best: Level | None
    levels: tuple[Level, ...]
    made_up: MadeUp | None
    # (what is wrong, answers), the most frequent first.
    failures: tuple[tuple[str, int], ...] = ()

    @property
    def scored_share(self) -> float | None:
        """The share of the period's answers that the best level rests on; of feedback the response rate."""
        return self.best.n / self.answers if self.best and self.answers else None


@dataclass(frozen=True, slots=True)
class Scored:
    """Rows of the queries quality_scores, judge_audits, answer_checks and unresolved_scores over one period."""

    since: datetime
    until: datetime
    scores: Sequence[Mapping[str, Any]]
    audits: Sequence[Mapping[str, Any]]
    checks: Sequence[Mapping[str, Any]]
    unresolved: int = 0
    hindrances: tuple[str, ...] = ()


def quality_by_task(scored: Scored) -> dict[str, Quality]:
    """The quality of every task that has an answer or a score in the period, by name."""
    scores, audits = _by_task(scored.scores), _by_task(scored.audits)
    checks = {row["task"]: row for row in scored.checks}
    tasks = sorted({*scores, *checks})
    return {task: _quality(task, scores[task], audits[task], checks.get(task)) for task in tasks}


def _by_task(rows: Iterable[Mapping[str, Any]]) -> defaultdict[str, list[Mapping[str, Any]]]:
    grouped: defaultdict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        grouped[row["task"]].append(row)
    return grouped


def _quality(
    task: str, scores: list[Mapping[str, Any]], audits: list[Mapping[str, Any]], checks: Mapping[str, Any] | None
) -> Quality:
    levels = [level_of(row, row["evidence"]) for row in scores if row["n"] and row["evidence"] in _HUMAN]
    levels.sort(key=lambda level: (not level.is_people, -level.n, level.rung))
    levels += _judged(scores, audits)
    if checks and checks["checked"]:
        levels.append(_checked(checks))
    return Quality(
        task=task,
        answers=checks["answers"] if checks else 0,
        best=best_of(levels),
        levels=tuple(levels),
        made_up=_made_up(scores),
        failures=_failures(checks) if checks else (),
    )


_HUMAN: Final = (*PEOPLE, "feedback")


def best_of(levels: Sequence[Level]) -> Level | None:
    """The first level with enough scores, else the first with a few, else checks; levels come in the ladder's order."""
    speaking = [level for level in levels if level.share is not None]
    sound = [level for level in speaking if level.is_alarming]
    for least, among in ((ENOUGH, sound), (LEAST, sound), (LEAST, speaking)):
        for level in among:
            if level.n >= least:
                return level
    return None


def level_of(row: Mapping[str, Any], rung: Rung) -> Level:
    """The weighted mean with its interval: Wilson's of 0 and 1, a mean's of grades, both at the effective number.

    Assumes: answers were drawn with the stated chances. Reference: Kish, Survey Sampling (1965), 8.2.
    Lies when: chances that are not stated differ, as where users decide what they rate.
    """
    n, weights, squared = int(row["n"]), float(row["weights"]), float(row["weights_squared"])
    effective = min(weights**2 / squared, float(n))
    mean = float(row["weighted_total"]) / weights
    if row["is_binary"]:
        low, high = wilson(mean * effective, effective)
    else:
        low, high = _mean_interval(mean, float(row["weighted_squares"]) / weights, effective)
    share = Share(mean, min(low, mean), max(high, mean)) if n >= LEAST else None
    reason = "" if share else f"{n} scored, too few"
    return Level(rung, n, share, not row["is_binary"], reason, effective, row["series"])


def _mean_interval(mean: float, mean_square: float, n: float) -> tuple[float, float]:
    """Of grades in 0 to 1, by way of differences in -1 to 1, whose pseudo-pairs keep the error above 0."""
    total, total_sq = (2 * mean - 1) * n, (4 * mean_square - 4 * mean + 1) * n
    half = Z975 * mean_error(total, total_sq, max(round(n), 1)) / 2
    return max(mean - half, 0.0), min(mean + half, 1.0)


def _judged(scores: Iterable[Mapping[str, Any]], audits: Iterable[Mapping[str, Any]]) -> list[Level]:
    """The judge's latest series, audited or not; an older rubric is another series and says nothing of today."""
    series = sorted(
        (row for row in scores if row["evidence"] == "judge" and row["n"]),
        key=lambda row: (row["last_scored_at"], row["series"]),
    )
    if not series:
        return []
    row = series[-1]
    strata = [a for a in audits if a["series"] == row["series"]]
    level = level_of(row, "judge")
    missing, done = audits_missing(strata), sum(a["audits"] for a in strata)
    if strata and not missing:
        is_graded = any(a["is_binary"] is False for a in strata)
        share = audited_share(strata)
        return [replace(level, rung="audited judge", share=share, is_graded=is_graded, reason="", audits=done)]
    reason = level.reason or f"no person has checked the judge: review {missing} more"
    return [
        Level("judge", level.n, level.share, level.is_graded, reason, level.effective_n, level.series, done, missing)
    ]


def audits_missing(strata: Iterable[Mapping[str, Any]]) -> int:
    """Reviews that are missing until every stratum of the judge's scores has five, or all it has."""
    return sum(max(min(row["n"], LEAST_AUDITS) - row["audits"], 0) for row in strata)


def audited_share(strata: Sequence[Mapping[str, Any]]) -> Share:
    """The mean that people would have given to all judged answers, by the two-phase estimator over the judge's strata.

    Assumes: audited answers were drawn at random within a stratum. Reference: Cochran, Sampling Techniques, 12.2.
    Lies when: reviewers chose what to review.
    """
    n = [row["n"] for row in strata]
    m = [row["audits"] for row in strata]
    # A score v in 0 to 1 as a difference 2 v - 1 in -1 to 1.
    total = [2 * row["total"] - row["audits"] for row in strata]
    squares = [4 * row["squares"] - 4 * row["total"] + row["audits"] for row in strata]
    estimate = two_phase(0, n, m, total, squares)
    value, half = (float(estimate.mean) + 1) / 2, Z975 * float(estimate.error) / 2
    return Share(value, max(value - half, 0.0), min(value + half, 1.0))


def _checked(row: Mapping[str, Any]) -> Level:
    """All answers were checked, so there is no interval: 0 to what passed."""
    passed = 1 - row["unacceptable"] / row["checked"]
    return Level("checks", row["checked"], Share(passed, 0.0, passed), effective_n=float(row["checked"]))


def _failures(row: Mapping[str, Any]) -> tuple[tuple[str, int], ...]:
    found = [(words, int(row[key])) for key, words in _CHECKS if row[key]]
    return tuple(sorted(found, key=lambda item: (-item[1], item[0])))


def _made_up(scores: Iterable[Mapping[str, Any]]) -> MadeUp | None:
    """Of the rung of people with the most answers whose facts were counted."""
    rows = [row for row in scores if row["evidence"] in PEOPLE and row["fact_answers"]]
    if not rows:
        return None
    row = max(rows, key=lambda r: (r["fact_answers"], r["evidence"]))
    weights = float(row["fact_weights"])
    effective = min(weights**2 / float(row["fact_weights_squared"]), float(row["fact_answers"]))
    rate = float(row["fact_weighted_total"] or 0) / weights
    share = float(row["fact_weighted_answers"] or 0) / weights
    low, high = poisson(rate * effective)
    return MadeUp(
        int(row["fact_answers"]),
        Share(rate * 100, low / effective * 100, high / effective * 100),
        Share(share, *wilson(share * effective, effective)),
    )


def poisson(events: float, level: float = 0.95) -> tuple[float, float]:
    """The expected numbers of events that this many do not reject.

    Assumes: events independent of each other. Reference: F. Garwood, Biometrika 28 (1936).
    Lies when: made-up facts come many to an answer; it is then too narrow.
    """
    tail = (1 - level) / 2
    # Half a chi-squared quantile with 2 k degrees of freedom is a gamma quantile of shape k.
    low = gamma_quantile(events, tail) if events > 0 else 0.0
    return low, gamma_quantile(events + 1, 1 - tail)
