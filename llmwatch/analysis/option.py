"""Owns the whole verdict on a task and a cheaper model: its answers, its true saving, its dates, what bad answers cost.

The verdict on answers alone is `downgrade`'s; here a move must also pay. Pure; figures are of a month.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from math import ceil, log
from typing import Final

from ..prices.models import Model
from .candidates import Excluded, hindrance, unknown_abilities
from .counterfactual import Counterfactual, Part, task_cost
from .downgrade import AUDIT_BATCH, Decider, Reason, Stakes, Terms, Verdict, decide
from .paired import CAP, LEAST_AUDITS, LOG_PROOF, e_bh, sequential_replays, tail
from .saving import Saving
from .traffic import Use
from .trial import Trial, measured, measured_saving

# Above this many tested swaps some would be proved by luck: at most this share of the moves may be wrong.
MANY: Final = 20
FALSE_SHARE: Final = 0.10
# Before any replay: as if one answer in twenty would differ, in either direction alike.
_EXPECTED_DIFFERING: Final = 0.05


@dataclass(frozen=True, slots=True)
class Option:
    """One task, one model it could move to, and everything known of the swap; money is US dollars a month."""

    use: Use
    model: Model
    verdict: Verdict
    # None where the candidate has no price for these calls.
    cost: Counterfactual | None
    saving: Saving | None
    trial: Trial | None
    excluded: Excluded | None
    unknown: tuple[str, ...]
    as_of: date
    # What is left of the saving when the bad answers that the interval leaves open are paid for; None: not asked.
    net_usd: Decimal | None = None
    bad_answer_usd: Decimal | None = None
    # Known revenue of the task's month; None where it is not known.
    revenue_usd: Decimal | None = None

    @property
    def naive_saving_usd(self) -> Decimal | None:
        """What the candidate's rates on the incumbent's tokens would save."""
        return self._saved(None if self.cost is None else self.cost.naive_usd)

    @property
    def estimated_saving_usd(self) -> Decimal | None:
        """What is truly saved as far as it is known; measured where replays were."""
        return self._saved(None if self.cost is None else self.cost.true_usd)

    def _saved(self, cost: Decimal | None) -> Decimal | None:
        spend = self.use.spend_usd
        return None if cost is None or spend is None else (spend - cost) / self.use.months

    @property
    def parts(self) -> tuple[Part, ...]:
        """Why naive and true differ, a month."""
        return () if self.cost is None else tuple(Part(p.cause, p.usd / self.use.months) for p in self.cost.parts)

    @property
    def best_saving_usd(self) -> Decimal | None:
        """The saving to rank by: measured, else estimated, else naive."""
        if self.saving is not None:
            return self.saving.middle_usd
        return self.naive_saving_usd if self.estimated_saving_usd is None else self.estimated_saving_usd

    @property
    def margin_points(self) -> Decimal | None:
        """Points of margin that the saving adds, 0 to 1; None where revenue or saving is not known."""
        saved = self.best_saving_usd
        return None if not self.revenue_usd or saved is None else saved / self.revenue_usd

    @property
    def cascade(self) -> tuple[float, Decimal] | None:
        """(share of answers that a schema or tool check sends back, saving if those are asked of the incumbent again).

        An answer sent back is paid twice: the saving less that share of the incumbent's cost.
        """
        trial, spend, left_out = self.trial, self.use.spend_month_usd, self.verdict.exclusions
        share = None if trial is None else trial.without(left_out).invalid_share
        if share is None or trial is None or self.saving is None or spend is None:
            return None
        return share, self.saving.middle_usd - Decimal(repr(share)) * spend * trial.share_left(left_out)


@dataclass(frozen=True, slots=True)
class Setting:
    """What a task is decided under."""

    stakes: Stakes
    as_of: date
    bad_answer_usd: Decimal | None = None
    revenue_usd: Decimal | None = None
    cap: int = CAP


def option(use: Use, model: Model, trial: Trial | None, setting: Setting) -> Option:
    """The verdict on this swap, answers first, then whether it pays."""
    seen = measured(trial)
    cost = task_cost(use.slices, use.current, model, seen)
    verdict = _untested(setting.stakes, cost, use)
    saving = None
    if trial is not None and trial.pairs:
        verdict = _tested(trial, setting)
        saving, cost = measured_saving(use, model, trial, verdict.exclusions)
    excluded = hindrance(model, use.current, use.needs, setting.as_of)
    base = Option(
        use=use,
        model=model,
        verdict=verdict,
        cost=cost,
        saving=saving,
        trial=trial,
        excluded=excluded,
        unknown=(*unknown_abilities(model, use.needs), *(() if cost is None else cost.unknown)),
        as_of=setting.as_of,
        bad_answer_usd=setting.bad_answer_usd,
        revenue_usd=setting.revenue_usd,
    )
    base = replace(base, net_usd=_net(base))
    return replace(base, verdict=_paying(base))


def _tested(trial: Trial, setting: Setting) -> Verdict:
    replays = len(trial.pairs)
    price = None if trial.test_usd is None or not replays else trial.test_usd / replays
    # Later batches of reviews are judged more strictly.
    batches = max(ceil((len(trial.audits) - LEAST_AUDITS) / AUDIT_BATCH), 1)
    return decide(trial.pairs, Terms(setting.stakes, setting.cap, price, trial.traffic, batches), trial.audits)


def _untested(stakes: Stakes, cost: Counterfactual | None, use: Use) -> Verdict:
    margin = stakes.margin
    if margin is None:
        return decide([], Terms(stakes))
    needed = min(int(sequential_replays(_EXPECTED_DIFFERING, 0.0, margin)), CAP)
    bill = None if cost is None else cost.naive_usd if cost.true_usd is None else cost.true_usd
    price = None if bill is None or not use.calls else bill / use.calls * needed
    return Verdict(
        "cannot_tell", "untested", stakes, 0, 0, 0, 0, 0, 0, 0.0, (-1.0, 1.0), 0.0,
        decider=Decider("replay", needed, price),
    )  # fmt: skip


def _net(found: Option) -> Decimal | None:
    """Saving less the dearest the bad answers can be: calls x the largest loss left open x what one costs."""
    if found.bad_answer_usd is None or found.saving is None or not found.verdict.replays:
        return None
    lost = Decimal(repr(found.verdict.at_most_worse))
    return found.saving.middle_usd - found.use.calls_month * lost * found.bad_answer_usd


def _paying(found: Option) -> Verdict:
    """The verdict on the answers, unless the swap ends soon, cannot be made, or does not pay."""
    verdict = found.verdict
    if found.excluded is not None and verdict.reason != "critical":
        return _kept(verdict, "excluded")
    if verdict.kind == "keep":
        return verdict
    if found.saving is None:
        estimate = found.estimated_saving_usd
        if estimate is not None and estimate <= 0:
            return _kept(verdict, "dearer")
        is_move = verdict.kind == "move"
        return replace(verdict, kind="cannot_tell", reason="unpriced", decider=None) if is_move else verdict
    if found.saving.middle_usd <= 0 or (verdict.kind == "move" and found.saving.low_usd <= 0):
        return _kept(verdict, "dearer")
    if verdict.kind == "move" and found.net_usd is not None and found.net_usd <= 0:
        return _kept(verdict, "bad_answers")
    return verdict


def _kept(verdict: Verdict, reason: Reason) -> Verdict:
    return replace(verdict, kind="keep", reason=reason, decider=None)


def guarded(options: Sequence[Option]) -> list[Option]:
    """The same options; among more than 20 tested swaps, moves that could be luck are moves no more.

    e-BH (Wang and Ramdas 2022) at 10 %. A move on reviews has a p value for an E: both are compared with one line.
    """
    tested = [n for n, one in enumerate(options) if one.verdict.replays]
    if len(tested) <= MANY:
        return list(options)
    kept = e_bh([_log_evidence(options[n].verdict) for n in tested], FALSE_SHARE)
    lucky = {n for n, is_kept in zip(tested, kept, strict=True) if not is_kept and options[n].verdict.is_move}
    moves = sum(one.verdict.is_move for one in options)
    return [
        replace(one, verdict=_doubted(one.verdict, len(tested), moves)) if n in lucky else one
        for n, one in enumerate(options)
    ]


def _log_evidence(verdict: Verdict) -> float:
    if not verdict.is_move or verdict.log_evidence >= LOG_PROOF:
        return verdict.log_evidence
    margin, error = verdict.stakes.margin or 0.0, verdict.error
    return -log(max(tail(-(verdict.difference + margin) / error), 1e-300)) if error else verdict.log_evidence


def _doubted(verdict: Verdict, tested: int, moves: int) -> Verdict:
    """A move that is not yet proved beside so many others, and the replays that would prove it at its pace."""
    needed = log(tested / (FALSE_SHARE * moves))
    pace = verdict.log_evidence / verdict.replays if verdict.replays else 0.0
    more = int((needed - verdict.log_evidence) / pace) + 1 if pace > 0 and verdict.log_evidence >= LOG_PROOF else 0
    left = CAP - verdict.replays
    unseen = verdict.unscored - verdict.reviewed[0]
    if verdict.log_evidence < LOG_PROOF and unseen:
        return replace(verdict, kind="promising", reason="many", decider=Decider("review", min(unseen, AUDIT_BATCH)))
    decider = Decider("replay", more) if 0 < more <= left else Decider("nothing")
    return replace(verdict, kind="promising", reason="many", decider=decider)


def ranked(options: Sequence[Option]) -> list[Option]:
    """Moves first, then promising ones, open questions, and what stays; by margin gained, the most first."""
    order: Mapping[str, int] = {"move": 0, "promising": 1, "cannot_tell": 2, "keep": 3}
    return sorted(
        options,
        key=lambda one: (
            order[one.verdict.kind], one.best_saving_usd is None, -(one.best_saving_usd or 0), one.use.task,
            one.use.incumbent, one.model.name,
        ),
    )  # fmt: skip


def defensible_usd(options: Sequence[Option]) -> Decimal:
    """What the measured moves save a month together; of two moves of one task on one model only the better counts."""
    best: dict[tuple[str, str], Decimal] = {}
    for one in options:
        if one.verdict.is_move and one.saving is not None:
            key = (one.use.task, one.use.incumbent)
            best[key] = max(best.get(key, Decimal(0)), one.saving.middle_usd)
    return sum(best.values(), Decimal(0))
