"""Owns the words of a verdict: a heading and sentences a reader can act on, and no number of their own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from .downgrade import Decider, Kind, Verdict
from .guards import Exclusion, Guard
from .saving import Saving, Speed

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


def verdict_text(verdict: Verdict, swap: Swap) -> str:
    """The verdict in the words of a report, heading first."""
    say = {"move": _move, "promising": _promising, "keep": _keep, "cannot_tell": _cannot_tell}[verdict.kind]
    parts = [HEADINGS[verdict.kind], *say(verdict, swap), *_remarks(verdict, swap)]
    return " ".join(part for part in parts if part)


def _move(verdict: Verdict, swap: Swap) -> list[str]:
    margin = verdict.stakes.margin or 0.0
    return [
        f"`{swap.task}` can move to {swap.candidate}{_but(verdict)}{_saves(swap.saving)}.",
        _counts(verdict),
        f"At most {_points(verdict.at_most_worse)} worse (you allow {margin * 100:g}; 95 %).",
        "" if swap.test_usd is None else f"Cost of the test {_usd(swap.test_usd)}.",
    ]


def _promising(verdict: Verdict, swap: Swap) -> list[str]:
    why = "the scores have not been checked by a person" if not verdict.unscored else "the judge has not been checked"
    return [
        f"`{swap.task}` looks equal on {swap.candidate}, but {why}.",
        _counts(verdict),
        _next(verdict.decider, verdict),
    ]


def _keep(verdict: Verdict, swap: Swap) -> list[str]:
    stays = f"`{swap.task}` stays on {swap.incumbent}:"
    if verdict.reason == "critical":
        return [f"`{swap.task}` stays on {swap.incumbent}: its stakes are critical."]
    if verdict.reason == "guard":
        return [stays, "; ".join(map(_guard, verdict.guards)) + "."]
    low = max(-verdict.interval[1], 0.0) * 100
    loss = -verdict.difference * 100
    return [f"{stays} {swap.candidate} loses {loss:.0f} more of 100 answers (at least {low:.0f}).", _counts(verdict)]


def _cannot_tell(verdict: Verdict, swap: Swap) -> list[str]:
    return [f"`{swap.task}` on {swap.candidate}:", _counts(verdict), _next(verdict.decider, verdict)]


def _next(decider: Decider | None, verdict: Verdict) -> str:
    if decider is None:
        return ""
    if decider.what == "replay":
        price = "" if decider.cost_usd is None else f", about {_usd(decider.cost_usd)},"
        return f"Replay {decider.count:,} more samples{price} to decide."
    if decider.what == "review":
        return f"Review {decider.count:,} differing answers to decide."
    margin = verdict.stakes.margin or 0.0
    differing = (verdict.replays - verdict.same) / verdict.replays if verdict.replays else 0.0
    cannot = f"No test of this size decides {margin * 100:g} points: the models differ on {differing:.0%} of answers."
    if decider.what == "accept" and decider.margin is not None:
        more = f" and {decider.count:,} more replays" if decider.count else ""
        return f"{cannot} {decider.margin * 100:g} points{more} could be decided."
    return cannot


def _counts(verdict: Verdict) -> str:
    parts = [f"{verdict.same:,} same", f"{verdict.better:,} better", f"{verdict.worse:,} worse"]
    if verdict.unscored:
        reviewed = f", {verdict.audits:,} of them reviewed" if verdict.audits else ""
        parts.append(f"{verdict.unscored:,} different{reviewed}")
    return f"{verdict.replays:,} stored requests replayed: {', '.join(parts)}."


def _but(verdict: Verdict) -> str:
    if not verdict.exclusions:
        return ""
    return ", all but " + " and ".join(_exclusion(one) for one in verdict.exclusions)


def _exclusion(one: Exclusion) -> str:
    if one.why == "untested":
        return f"{one.stratum} ({one.replays:,} replays only)"
    loss = "" if one.difference is None else f" ({-one.difference * 100:.0f} points worse on {one.replays:,} replays)"
    return f"{one.stratum or 'inputs of no stratum'}{loss}"


def _guard(guard: Guard) -> str:
    what = "answers that break their schema or tools" if guard.what == "invalid" else "cut off or refused answers"
    return f"{what} rise from {guard.incumbent_share:.1%} to {guard.candidate_share:.1%} of {guard.replays:,}"


def _saves(saving: Saving | None) -> str:
    if saving is None:
        return ""
    low, middle, high = saving.low_usd, saving.middle_usd, saving.high_usd
    if middle <= 0:
        return f": costs {_usd(-middle)} a month more ({_usd(-high)} to {_usd(-low)})"
    return f": saves {_usd(middle)} a month ({_usd(low)} to {_usd(high)})"


def _remarks(verdict: Verdict, swap: Swap) -> list[str]:
    thin = [f"{name or 'no stratum'}, {n:,} replays only" for name, n in sorted(verdict.strata.items()) if n < _THIN]
    several = len(verdict.strata) > 1
    speed = swap.speed
    return [
        f"Watch: {'; '.join(thin)}." if thin and several and verdict.kind == "move" else "",
        "" if speed is None else f"Latency {speed.p50_ratio:.2f} times (P95 {speed.p95_ratio:.2f} times).",
        "One step of an agent was replayed, not where it leads: this holds for the step only."
        if swap.is_step_of_agent
        else "",
    ]


def _points(share: float) -> str:
    return f"{share * 100:.1f} points"


def _usd(amount: Decimal) -> str:
    sign = "-" if amount < 0 else ""
    size = abs(amount)
    return (
        f"{sign}${size:,.0f}"
        if size >= 100
        else f"{sign}${size:,.2f}"
        if size >= Decimal("0.005")
        else f"{sign}${size:.2g}"
    )
