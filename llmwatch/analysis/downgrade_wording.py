"""Owns the words of a verdict: a heading and sentences a reader can act on, and no number of their own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from .downgrade import Decider, Kind, Verdict
from .guards import Exclusion, Guard
from .report import counted, money_text
from .saving import Saving, Speed
from .stratum import stratum_words

HEADINGS: Final[Mapping[Kind, str]] = {
    "move": "Move (measured).",
    "promising": "Promising (not proved).",
    "keep": "Keep.",
    "cannot_tell": "Cannot tell yet.",
}
# A stratum replayed less often than this is named: the verdict says little of it.
_THIN: Final = 30


@dataclass(frozen=True, slots=True)
class Swap:
    """What a verdict is about, and what its replays cost and showed beside quality."""

    task: str
    incumbent: str
    candidate: str
    saving: Saving | None = None
    speed: Speed | None = None
    test_usd: Decimal | None = None
    is_step_of_agent: bool = False
    first_token: Speed | None = None
    # That the incumbent stops answering soon, as the end of a sentence.
    ending: str = ""
    # Why the model is no candidate, as the end of a sentence.
    hindrance: str = ""
    # Dollars a month that are saved: at the incumbent's own counts, and truly, as far as it can be known unmeasured.
    naive_usd: Decimal | None = None
    estimated_usd: Decimal | None = None
    # What the task costs a month, and the tokens of one of its images: on the candidate, on the incumbent.
    spend_usd: Decimal | None = None
    image_tokens: tuple[int, int] | None = None
    # The causes that set the two apart, and what is not known.
    causes: tuple[tuple[str, Decimal], ...] = ()
    unknown: tuple[str, ...] = ()
    bad_answer_usd: Decimal | None = None
    net_usd: Decimal | None = None
    # (share of answers that a check sends back, saving if those are asked of the incumbent again)
    cascade: tuple[float, Decimal] | None = None


def verdict_text(verdict: Verdict, swap: Swap) -> str:
    """The verdict in the words of a report, heading first."""
    say = {"move": _move, "promising": _promising, "keep": _keep, "cannot_tell": _cannot_tell}[verdict.kind]
    remarks = [] if verdict.reason == "critical" else _remarks(verdict, swap)
    parts = [HEADINGS[verdict.kind], *say(verdict, swap), *remarks]
    return " ".join(part for part in parts if part)


def _move(verdict: Verdict, swap: Swap) -> list[str]:
    margin = verdict.stakes.margin or 0.0
    return [
        f"`{swap.task}` can move to {swap.candidate}{_but(verdict)}{_saves(swap.saving)}.",
        _counts(verdict),
        f"At most {_points(verdict.at_most_worse)} worse (you allow {margin * 100:g}; 95 %).",
        "" if swap.test_usd is None else f"Cost of the test {_dollars(swap.test_usd)}.",
    ]


def _promising(verdict: Verdict, swap: Swap) -> list[str]:
    if verdict.reason == "many":
        why = "so many swaps were tested that some would look proved by luck"
    elif verdict.unscored:
        why = "the judge has not been checked"
    else:
        why = "the scores have not been checked by a person"
    return [
        f"`{swap.task}` looks equal on {swap.candidate}{_but(verdict)}{_saves(swap.saving)}, but {why}.",
        _counts(verdict),
        _next(verdict.decider, verdict),
    ]


def _keep(verdict: Verdict, swap: Swap) -> list[str]:
    stays = f"`{swap.task}` stays on {swap.incumbent}:"
    match verdict.reason:
        case "critical":
            return [f"{stays[:-1]}: its stakes are critical."]
        case "excluded":
            return [f"{stays} {swap.candidate} {swap.hindrance}.", _truly_dearer(swap), *_measured_so_far(verdict)]
        case "guard":
            return [stays, "; ".join(map(_guard, verdict.guards)) + ".", _counts(verdict)]
        case "dearer":
            return [stays, *_dearer(verdict, swap)]
        case "bad_answers":
            return [stays, *_too_risky(verdict, swap), _counts(verdict)]
        case _:
            low, loss = -verdict.interval[1] * 100, -verdict.difference * 100
            if low >= 1:
                lost = f"{swap.candidate} loses {loss:.0f} more of 100 answers (at least {low:.0f}; 95 %)."
            else:
                # Stopped since no test of an affordable size would show that the loss is allowed.
                lost = (
                    f"{swap.candidate} lost {loss:.0f} more of 100 answers in these replays. A smaller loss is not"
                    " ruled out, but more replays would hardly show one that you allow."
                )
            return [f"{stays} {lost}", _counts(verdict)]


def _measured_so_far(verdict: Verdict) -> list[str]:
    return [_counts(verdict)] if verdict.replays else []


def _dearer(verdict: Verdict, swap: Swap) -> list[str]:
    if swap.saving is None:
        return [f"{swap.candidate} would cost more.", _truly_dearer(swap) or " ".join(_estimate(swap))]
    looks = (
        ""
        if swap.naive_usd is None
        else f" At {swap.incumbent}'s own token counts it looks like {_saved(swap.naive_usd)}."
    )
    if swap.saving.middle_usd > 0:
        saves = _saves(swap.saving)[2:]
        return [f"{swap.candidate} {saves}: no saving is shown.{looks}", *_causes(swap), *_measured_so_far(verdict)]
    return [f"{swap.candidate} {_saves(swap.saving)[2:]}.{looks}", *_causes(swap), *_measured_so_far(verdict)]


def _truly_dearer(swap: Swap) -> str:
    """That list prices promise a saving where the candidate's own counts make it dearer."""
    naive, true, spend = swap.naive_usd, swap.estimated_usd, swap.spend_usd
    if naive is None or true is None or not spend or naive <= 0 or true >= 0:
        return ""
    how = "estimated" if swap.saving is None else "measured"
    text = f"By price it looks like {-naive / spend:+.0%} of the task's cost, {how} {-true / spend:+.0%}"
    if swap.image_tokens is not None:
        there, here = swap.image_tokens
        return f"{text}: an image counts about {_round(there):,} tokens there, about {_round(here):,} here."
    return f"{text}: {', '.join(word for word, usd in swap.causes if usd > 0)}."


def _round(tokens: int) -> int:
    """Three digits: sizes of images are worked out from tokens, not known."""
    return int(float(f"{tokens:.3g}"))


def _too_risky(verdict: Verdict, swap: Swap) -> list[str]:
    saving, cost, net = swap.saving, swap.bad_answer_usd, swap.net_usd
    if saving is None or cost is None or net is None:
        return []
    lost = saving.middle_usd - net
    return [
        f"{swap.candidate} {_saves(saving)[2:]}, but up to {_points(verdict.at_most_worse)} worse answers at"
        f" {_dollars(cost)} each may cost {_dollars(lost)}: net {_dollars(net)}."
    ]


def _cannot_tell(verdict: Verdict, swap: Swap) -> list[str]:
    if verdict.reason == "untested":
        return [
            f"`{swap.task}` on {swap.candidate} was never replayed.",
            *_estimate(swap),
            _next(verdict.decider, verdict),
        ]
    if verdict.reason == "unpriced":
        what = f"{swap.candidate} costs" if swap.spend_usd is not None else "the task costs today"
        why = f"answers are equal, but what {what} is not known."
        return [f"`{swap.task}` on {swap.candidate}: {why}", _counts(verdict)]
    saves = _saves(swap.saving)[2:]
    return [
        f"`{swap.task}` on {swap.candidate}{_but(verdict)}" + (f" {saves}:" if saves else ":"),
        _counts(verdict),
        _next(verdict.decider, verdict),
    ]


def _estimate(swap: Swap) -> list[str]:
    """Naive and true saving before any replay, and what sets them apart."""
    if swap.naive_usd is None:
        return [f"It has no price for these calls, or {swap.incumbent}'s calls have none."]
    naive = f"At {swap.incumbent}'s own token counts: {_saved(swap.naive_usd)} a month"
    if swap.estimated_usd is None:
        return [f"{naive}; not known before a replay: {', '.join(swap.unknown)}."]
    open_yet = f" Not known before a replay: {', '.join(swap.unknown)}." if swap.unknown else ""
    if abs(swap.naive_usd - swap.estimated_usd) <= abs(swap.naive_usd) / 100:
        return [f"About {_saved(swap.estimated_usd)} a month at {swap.incumbent}'s own token counts.", open_yet.strip()]
    return [f"{naive}; estimated {_saved(swap.estimated_usd)}.", *_causes(swap), open_yet.strip()]


def _causes(swap: Swap) -> list[str]:
    # What changes the figure by less than a hundredth explains nothing.
    least = abs(swap.naive_usd or 0) / 100
    large = [cause for cause in sorted(swap.causes, key=lambda cause: -abs(cause[1]))[:3] if abs(cause[1]) > least]
    told = [f"{word} {'+' if usd > 0 else ''}{_dollars(usd)}" for word, usd in large]
    return [f"Why they differ, a month: {', '.join(told)}."] if told else []


def _saved(amount: Decimal) -> str:
    return f"{_dollars(amount)} saved" if amount > 0 else f"{_dollars(-amount)} more"


def _next(decider: Decider | None, verdict: Verdict) -> str:
    if decider is None:
        return ""
    if decider.what == "replay":
        price = "" if decider.cost_usd is None else f", about {_dollars(decider.cost_usd)},"
        samples = f"{decider.count:,} more samples" if verdict.replays else f"up to {decider.count:,} samples"
        return f"Replay {samples}{price} to decide."
    if decider.what == "review":
        return f"Review {decider.count:,} differing answers to decide."
    if verdict.reason == "many":
        return "Even the largest test would not show this one to be no luck."
    margin = verdict.stakes.margin or 0.0
    differing = (verdict.scope - verdict.same) / verdict.scope if verdict.scope else 0.0
    cannot = f"No test of this size decides {margin * 100:g} points: the models differ on {differing:.0%} of answers."
    if decider.what == "accept" and decider.margin is not None:
        more = f" and {decider.count:,} more replays" if decider.count else ""
        return f"{cannot} {decider.margin * 100:g} points{more} could be decided."
    return cannot


def _counts(verdict: Verdict) -> str:
    parts = [f"{verdict.same:,} same answer"]
    if verdict.better or verdict.worse or not verdict.unscored:
        parts += [f"{verdict.better:,} better", f"{verdict.worse:,} worse"]
    if verdict.unscored:
        parts.append(f"{verdict.unscored:,} different{_reviewed(verdict)}")
    kept = f"; of the {verdict.scope:,} that would move" if verdict.scope < verdict.replays else ""
    return f"{verdict.replays:,} stored requests replayed{kept}: {', '.join(parts)}."


def _reviewed(verdict: Verdict) -> str:
    """What people said of the different answers that they saw."""
    seen, better, worse = verdict.reviewed
    if not seen:
        return ""
    alike = seen - better - worse
    said = [f"{n:,} {word}" for n, word in ((better, "better"), (worse, "worse"), (alike, "as good")) if n]
    return f" ({seen:,} reviewed: {', '.join(said)})"


def _but(verdict: Verdict) -> str:
    if not verdict.exclusions:
        return ""
    return ", all but " + " and ".join(_exclusion(one) for one in verdict.exclusions)


def _exclusion(one: Exclusion) -> str:
    if one.why == "untested":
        return f"{stratum_words(one.stratum)} ({counted(one.replays, 'replay')} only)"
    reviewed = f", {one.audits:,} of them reviewed" if one.audits else ""
    on = f"on {counted(one.replays, 'replay')}{reviewed}"
    loss = "" if one.difference is None else f" ({-one.difference * 100:.0f} points worse {on})"
    return f"{stratum_words(one.stratum)}{loss}"


def _guard(guard: Guard) -> str:
    what = "answers that break their schema or tools" if guard.what == "invalid" else "cut off or refused answers"
    return f"{what} rise from {guard.incumbent_share:.1%} to {guard.candidate_share:.1%} of {guard.replays:,}"


def _saves(saving: Saving | None) -> str:
    if saving is None:
        return ""
    low, middle, high = saving.low_usd, saving.middle_usd, saving.high_usd
    if middle <= 0:
        return f": costs {_dollars(-middle)} a month more ({_dollars(-high)} to {_dollars(-low)})"
    ends = f" ({_dollars(low)} to {_dollars(high)})" if _dollars(low) != _dollars(high) else ""
    return f": saves {_dollars(middle)} a month{ends}"


def _remarks(verdict: Verdict, swap: Swap) -> list[str]:
    thin = [
        f"{stratum_words(name)}, {counted(n, 'replay')} only" for name, n in sorted(verdict.strata.items()) if n < _THIN
    ]
    several = len(verdict.strata) > 1
    speed, first = swap.speed, swap.first_token
    return [
        f"{swap.incumbent} itself {swap.ending}." if swap.ending else "",
        f"Watch: {'; '.join(thin)}." if thin and several and verdict.kind == "move" else "",
        ""
        if speed is None
        else f"Answers take {speed.p50_ratio:.2f} times as long (P95 {speed.p95_ratio:.2f} times)"
        + ("." if first is None else f", the first token {first.p50_ratio:.2f} times."),
        _sent_back(swap),
        "One step of an agent was replayed, not where it leads: this holds for the step only."
        if swap.is_step_of_agent
        else "",
    ]


def _sent_back(swap: Swap) -> str:
    if swap.cascade is None or swap.cascade[0] == 0:
        return ""
    share, saving = swap.cascade
    checked = f"{share:.1%} of its answers fail a schema or tool check"
    return f"{checked}; asking {swap.incumbent} again for those leaves {_saved(saving)}."


def _points(share: float) -> str:
    return f"{share * 100:.1f} points"


def _dollars(amount: Decimal) -> str:
    """Whole dollars from a hundred up: cents say nothing beside a range of dollars."""
    sign = "-" if amount < 0 else ""
    return f"{sign}${abs(amount):,.0f}" if abs(amount) >= 100 else money_text(amount)
