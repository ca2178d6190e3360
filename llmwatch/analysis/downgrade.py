"""Owns the verdict on one task and one cheaper model: move, promising, keep, or cannot tell yet and what would decide.

Evidence comes one replay at a time (`Sequential`), so that a replay runner stops as soon as it is decided. An
unaudited judge never moves a task; a guard can block what the sum of all replays would allow.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import partial
from math import ceil, isnan, nan
from random import Random
from typing import Any, Final, Literal, cast

import numpy as np

from .audited import audited, audited_loss
from .guards import Exclusion, Guard, behaviour_guards, is_worth_moving, losing_strata, untested_long
from .paired import (
    CAP,
    LEAST_AUDITS,
    Z95,
    Z975,
    Z995,
    Summary,
    audit_bound,
    audit_plan,
    lowest_difference,
    sequential_replays,
    summarized,
)
from .replayed import Judgement, Pair
from .sequential import STAKES, Reason, Sequential, Stakes

Kind = Literal["move", "promising", "keep", "cannot_tell"]
AUDIT_BATCH: Final = 40
Excluded = Mapping[str, Exclusion]
_NOTHING: Final[Excluded] = {}
# Audits that overturn more scores than this say that the scores are no truth; 5 to 10 % hardly matter.
_OVERTURNED: Final = 0.10


@dataclass(frozen=True, slots=True)
class Decider:
    """What would settle a question that is open: how many more replays or reviews, and what the replays cost."""

    what: Literal["replay", "review", "accept", "nothing"]
    count: int = 0
    cost_usd: Decimal | None = None
    # The margin at which the replays made, or the count named, would do.
    margin: float | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """A recommendation and everything it rests on; shares are of replayed answers, differences in -1 to 1."""

    kind: Kind
    reason: Reason
    stakes: Stakes
    replays: int
    same: int
    better: int
    worse: int
    # Different answers that nobody but perhaps a judge has compared.
    unscored: int
    # Of all replays, whether they would move or not.
    audits: int
    difference: float
    # What is not ruled out of the difference, at 95 % for each end, at any number of looks.
    interval: tuple[float, float]
    log_evidence: float
    exclusions: tuple[Exclusion, ...] = ()
    guards: tuple[Guard, ...] = ()
    decider: Decider | None = None
    strata: Mapping[str, int] = field(default_factory=dict[str, int])
    # Different answers without a score that people have seen: how many, and of them better and worse.
    reviewed: tuple[int, int, int] = (0, 0, 0)
    # The standard error of a difference that rests on reviews.
    error: float | None = None

    @property
    def is_move(self) -> bool:
        """Whether the task can move now."""
        return self.kind == "move"

    @property
    def scope(self) -> int:
        """The replays of inputs that would move."""
        return self.same + self.better + self.worse + self.unscored

    @property
    def at_most_worse(self) -> float:
        """The largest loss that the interval leaves open; 0 if it leaves none."""
        return max(-self.interval[0], 0.0)


@dataclass(frozen=True, slots=True)
class Terms:
    """What a decision is made under: the price of one replay, traffic by stratum, and the batches of audits made."""

    stakes: Stakes
    cap: int = CAP
    replay_usd: Decimal | None = None
    traffic: Mapping[str, float] | None = None
    audit_batches: int = 1


def decide(pairs: Sequence[Pair], terms: Terms, audits: Mapping[str, float] | None = None) -> Verdict:
    """The verdict on these replays, in order; `audits` are differences that people gave, by the id of the pair."""
    stakes = terms.stakes
    if stakes.margin is None:
        return _seen(pairs, terms, "keep", "critical")
    given = audits or {}
    trusts_scores = _overturned(pairs, given) <= _OVERTURNED
    known = [_with_audit(pair, given, trusts_scores=trusts_scores) for pair in pairs]
    run = Sequential(stakes, cap=terms.cap, traffic=terms.traffic, reviewed=given)
    for pair in known:
        run.take(pair)
    run.settle()
    verdict = _measured(run, known, terms, given)
    guards = behaviour_guards(_in_scope({one.stratum: one for one in verdict.exclusions}, pairs))
    if guards and verdict.kind in ("move", "promising"):
        verdict = replace(verdict, kind="keep", reason="guard", decider=None)
    return replace(verdict, guards=guards, audits=sum(pair.id in given for pair in pairs))


def _overturned(pairs: Sequence[Pair], audits: Mapping[str, float]) -> float:
    """The share of scored and audited pairs whose audit is another one than the score."""
    both = [(pair.difference, audits[pair.id]) for pair in pairs if pair.id in audits and pair.difference is not None]
    return sum(score != audit for score, audit in both) / len(both) if both else 0.0


def _with_audit(pair: Pair, audits: Mapping[str, float], *, trusts_scores: bool) -> Pair:
    if pair.difference is None or pair.is_same:
        return pair
    if trusts_scores:
        return replace(pair, scored=audits[pair.id]) if pair.id in audits else pair
    # Scores that people overturn are one more judge's opinion.
    return replace(pair, scored=None, incumbent_score=None, candidate_score=None, judge=pair.sided)


def _measured(run: Sequential, pairs: Sequence[Pair], terms: Terms, audits: Mapping[str, float]) -> Verdict:
    reason = run.reason
    if reason == "proved":
        missing = _missing_audits(pairs, audits) if terms.stakes.needs_audit else 0
        if missing:
            return _seen(pairs, terms, "promising", "unaudited", run.excluded, run, Decider("review", missing))
        return _seen(pairs, terms, "move", "proved", run.excluded, run)
    if reason in ("worse", "hopeless"):
        return _seen(pairs, terms, "keep", reason, run.excluded, run)
    if any(pair.difference is None for pair in _in_scope(run.excluded, pairs)):
        return _audited(run, pairs, terms, audits)
    verdict = _seen(pairs, terms, "cannot_tell", reason or "undecided", run.excluded, run)
    verdict = replace(verdict, decider=_what_decides(run, terms, _in_scope(run.excluded, run.taken), {}))
    return _of_rest(verdict, _seen(pairs, terms, "keep", run.whole, run=run)) if run.whole else verdict


def _missing_audits(pairs: Sequence[Pair], audits: Mapping[str, float]) -> int:
    """Reviews short of 5 of every way in which answers differ."""
    counts = Counter(pair.sided for pair in pairs if not pair.is_same)
    made = Counter(pair.sided for pair in pairs if not pair.is_same and pair.id in audits)
    return sum(max(min(count, LEAST_AUDITS) - made[way], 0) for way, count in counts.items())


def _in_scope(excluded: Excluded, pairs: Sequence[Pair]) -> list[Pair]:
    drops_long = bool(untested_long(pairs))
    return [p for p in pairs if p.stratum not in excluded and not (drops_long and p.is_long)]


def _seen(
    pairs: Sequence[Pair], terms: Terms, kind: Kind, reason: Reason, excluded: Excluded = _NOTHING,
    run: Sequential | None = None, decider: Decider | None = None,
) -> Verdict:  # fmt: skip
    """A verdict with what was counted; the interval takes unscored pairs at their worst and best."""
    scope = _in_scope(excluded, pairs)
    known = [pair.difference for pair in scope if pair.difference is not None]
    unscored = len(scope) - len(known)
    summary: Summary = summarized(known)
    # In the order of the test that decided, so that what it has proved is what the interval says.
    is_of_run = run is not None and set(excluded) == set(run.excluded)
    taken = run.counted if run is not None and is_of_run else [pair.difference for pair in scope]
    margin = terms.stakes.margin or 0.0
    low = lowest_difference([-1.0 if d is None else d for d in taken], margin)
    high = -lowest_difference([-1.0 if d is None else -d for d in taken], -margin)
    exclusions = (*excluded.values(), *untested_long(pairs))
    return Verdict(
        kind=kind,
        reason=reason,
        stakes=terms.stakes,
        replays=len(pairs),
        same=len(known) - summary.better - summary.worse,
        better=summary.better,
        worse=summary.worse,
        unscored=unscored,
        audits=0,
        difference=summary.total / len(scope) if scope else 0.0,
        interval=(low, high),
        log_evidence=run.log_evidence if run else 0.0,
        exclusions=exclusions,
        decider=decider,
        strata=dict(Counter(pair.stratum for pair in pairs)),
    )


def _audited(run: Sequential, pairs: Sequence[Pair], terms: Terms, audits: Mapping[str, float]) -> Verdict:
    """The verdict where only people can tell: of the inputs that are left when those that lose stay where they are."""
    margin = run.margin
    scope = _in_scope(run.excluded, pairs)
    losing = losing_strata(scope, margin, terms.traffic, partial(audited_loss, audits=audits, margin=margin))
    excluded = {**run.excluded, **{one.stratum: one for one in losing}}
    if losing and is_worth_moving(pairs, excluded, terms.traffic):
        verdict = _estimated(run, pairs, terms, audits, excluded)
        # Where the rest looks no better than allowed, the task loses, and not some of its inputs.
        if verdict.is_move or (verdict.kind != "keep" and verdict.difference > -margin):
            return _of_rest(verdict, _estimated(run, pairs, terms, audits, run.excluded))
    return _estimated(run, pairs, terms, audits, run.excluded)


def _of_rest(rest: Verdict, whole: Verdict) -> Verdict:
    """The verdict on what is left beside inputs that lose; on the whole that loses if no test can decide the rest."""
    is_open = rest.kind == "cannot_tell" and rest.decider is not None and rest.decider.what in ("replay", "review")
    return whole if whole.kind == "keep" and rest.kind == "cannot_tell" and not is_open else rest


def _estimated(
    run: Sequential, pairs: Sequence[Pair], terms: Terms, audits: Mapping[str, float], excluded: Excluded
) -> Verdict:
    """The two-phase verdict on the inputs in scope; without enough reviews of them, what the judge suggests."""
    margin, scope = run.margin, _in_scope(excluded, pairs)
    # Another look at the same pairs, after more reviews or without what was found to lose, meets a stricter bound.
    bound = max(audit_bound(terms.audit_batches), Z975 if len(excluded) > len(run.excluded) else Z95)
    seen = audited(scope, audits)
    if seen.missing and not terms.stakes.needs_audit:
        # Few enough to be given up for lost need no review.
        worst = audited(scope, audits, unseen=-1.0)
        seen = worst if not worst.missing and worst.low(bound) > -margin else seen
    verdict = _seen(pairs, terms, "cannot_tell", "review", excluded, run)
    verdict = replace(verdict, difference=seen.mean, reviewed=(seen.audits, seen.better, seen.worse))
    if seen.missing:
        ask = max(seen.missing, min(AUDIT_BATCH, seen.different) - seen.audits)
        kind: Kind = "promising" if _judge_likes(scope, margin) else "cannot_tell"
        reason: Reason = "unaudited" if kind == "promising" else "review"
        return replace(verdict, kind=kind, reason=reason, decider=Decider("review", ask))
    low, high = seen.low(Z995), seen.high(Z995)
    verdict = replace(verdict, interval=(low, high), error=float(seen.estimate.error))
    # What decided is known at 95 %, and nothing narrower than that may be said of it.
    if seen.low(bound) > -margin:
        return replace(verdict, kind="move", reason="proved", interval=(max(low, -margin), high))
    if seen.high(bound) < -margin:
        return replace(verdict, kind="keep", reason="worse", interval=(low, min(high, -margin)))
    left = seen.different - seen.audits
    if left:
        return replace(verdict, decider=Decider("review", min(left, max(seen.audits, AUDIT_BATCH))))
    return replace(verdict, reason="undecided", decider=_what_decides(run, terms, scope, audits))


def _judge_likes(pairs: Sequence[Pair], margin: float) -> bool:
    """Whether the task would move if the judge were right; not if an answer was never judged."""
    values = [p.difference if p.difference is not None else p.judged for p in pairs]
    if any(value is None for value in values):
        return False
    return summarized([v for v in values if v is not None]).interval()[0] > -margin


def _what_decides(run: Sequential, terms: Terms, pairs: Sequence[Pair], audits: Mapping[str, float]) -> Decider:
    """The replays that would decide, were the difference what it looks like; or the margin that the cap can decide.

    Replays are drawn from all inputs: `pairs`, those in question, stay the share of them that they are.
    """
    scope = summarized([d for p in pairs if (d := audits.get(p.id, p.difference)) is not None])
    variance, drawn = scope.variance, len(run.taken) / max(len(pairs), 1)
    needed = sequential_replays(variance, min(scope.mean, 0.0), run.margin) * drawn
    if needed <= terms.cap:
        more = max(ceil(needed) - len(run.taken), LEAST_AUDITS * 4)
        if len(run.taken) + more <= terms.cap:
            return Decider("replay", more, None if terms.replay_usd is None else terms.replay_usd * more)
    margins = sorted(s.margin for s in STAKES.values() if s.margin is not None and s.margin > run.margin)
    for wider in margins:
        total = sequential_replays(variance, min(scope.mean, 0.0), wider) * drawn
        if total <= terms.cap:
            return Decider("accept", max(ceil(total) - len(run.taken), 0), margin=wider)
    return Decider("nothing")


_SAID: Final = ("identical", "worse", "same", "better", "unjudged")
_ITEM_IS: Final = "(id, stratum, incumbent score, candidate score, judge verdict)"
Item = tuple[str, str, float | None, float | None, Judgement | Literal["identical"] | None]


@dataclass(frozen=True, slots=True)
class PairedAnswer:
    """What outside data gave: the verdict, the 90 % interval of the difference, and what it took."""

    verdict: Verdict
    interval: tuple[float, float]
    replays: int
    audits: int


def paired_verdict(
    items: Iterable[Item],
    audit: Callable[[str], float | None] | None = None,
    stakes: str | Stakes = "standard",
    *,
    cap: int = CAP,
    audit_batches: int = 2,
    seed: int = 0,
) -> PairedAnswer:
    """Replays items until decided, then asks for audits where they are needed; the same code as the commands use.

    An item is (id, stratum, incumbent score, candidate score, judge verdict). With both scores the judge is not
    asked; without them the answers differ unless the verdict is "identical". `audit` gives the difference by id, or
    None where a person cannot say. ValueError for a score outside 0 to 1 and an audit outside -1 to 1.
    """
    if cap < 1:
        raise ValueError(f"a cap of {cap!r} leaves nothing to replay")
    level = _stakes(stakes)
    terms = Terms(level, cap)
    if level.margin is None:
        return _answer(decide([], terms))
    run = Sequential(level, cap=cap)
    # Ids may repeat, as in draws with replacement; a replay is its place in the order.
    names: list[str] = []
    for item in _items(items):
        pair = _pair(str(len(names)), item)
        names.append(item[0])
        if run.take(pair).is_over:
            break
    pairs = run.taken
    verdict, audits, asked = decide(pairs, terms), dict[str, float](), dict[str, float]()
    for batch in range(1, audit_batches + 1):
        wants = verdict.decider
        if audit is None or wants is None or wants.what != "review":
            break
        for chosen in to_audit(pairs, AUDIT_BATCH, done=asked, seed=seed):
            said = audit(names[int(chosen)])
            asked[chosen] = 0.0
            if said is not None:
                audits[chosen] = _within(said, -1.0)
        verdict = decide(pairs, replace(terms, audit_batches=batch), audits)
    return _answer(verdict, len(audits))


def _stakes(stakes: str | Stakes) -> Stakes:
    if isinstance(stakes, Stakes):
        if stakes.margin is not None and not 0 < stakes.margin < 1:
            raise ValueError(f"the margin {stakes.margin!r} of stakes is not a share between 0 and 1")
        return stakes if stakes.margin is None else replace(stakes, margin=float(stakes.margin))
    if stakes not in STAKES:
        raise ValueError(f"stakes {stakes!r} are not one of {', '.join(STAKES)}")
    return STAKES[stakes]


def _within(value: Any, low: float) -> float:
    """The value as it is; outside its range the test would prove nothing, so it is refused."""
    try:
        number = nan if isinstance(value, str | bytes) else float(value)
    except (TypeError, ValueError):
        number = nan
    if not low <= number <= 1.0:
        raise ValueError(f"{value!r} is not from {low:g} to 1")
    return number


def _answer(verdict: Verdict, audits: int = 0) -> PairedAnswer:
    return PairedAnswer(verdict, verdict.interval, verdict.replays, audits)


def _items(items: Any) -> Iterable[Any]:
    if isinstance(items, str | bytes) or not isinstance(items, Iterable):
        raise ValueError(f"the items {items!r} are no list of items: {_ITEM_IS}")  # noqa: TRY004 - as of wrong items
    return cast("Iterable[Any]", items)


def _pair(place: str, item: Any) -> Pair:
    try:
        _, stratum, old, new, judge = item
    except (TypeError, ValueError) as error:
        raise ValueError(f"the item {item!r} has not five parts: {_ITEM_IS}") from error
    said = None if _is_missing(judge) else judge
    if said is not None and (not isinstance(said, str) or said not in _SAID):
        raise ValueError(f"the judge verdict {said!r} is not one of {', '.join(_SAID)} or None")
    kind = "" if _is_missing(stratum) else str(stratum)
    judged = None if said in (None, "identical") else said
    return Pair(place, kind, said == "identical", _score(old), _score(new), judged)


def _is_missing(value: Any) -> bool:
    """None, or NaN: how tables write that there is none."""
    return value is None or (isinstance(value, float | Decimal | np.floating) and isnan(cast("float", value)))


def _score(value: Any) -> float | None:
    return None if _is_missing(value) else _within(value, 0.0)


def to_audit(pairs: Sequence[Pair], budget: int, *, done: Mapping[str, float], seed: int = 0) -> list[str]:
    """Ids drawn at random within every way of differing, at least 5 of each; `done` are not drawn again."""
    open_pairs = [p for p in pairs if not p.is_same and p.id not in done]
    unscored = [p for p in open_pairs if p.difference is None]
    ways: dict[Judgement, list[str]] = {}
    for pair in unscored or open_pairs:
        ways.setdefault(pair.sided, []).append(pair.id)
    counts: dict[Judgement, int] = {way: len(ids) for way, ids in ways.items()}
    plan = audit_plan(counts, budget)
    rng = Random(seed)
    return [one for way in sorted(plan) for one in rng.sample(sorted(ways[way]), plan[way])]
