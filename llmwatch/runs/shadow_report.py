"""Owns how a shadow run is said: the plan before a cent is spent, and what came of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final

from ..analysis.downgrade import Stakes
from ..analysis.paired import sequential_replays
from ..analysis.report import (
    Cell,
    Column,
    Note,
    Number,
    Report,
    Row,
    Section,
    Table,
    Text,
    count,
    counted,
    money_text,
    share,
    usd,
)
from ..analysis.stratum import stratum_words
from ..figures.replays import Replay
from ..pasted import command
from .engine import Outcome
from .shadow import ShadowPlan

_FACTS: Final = (Column("what", "", is_number=False), Column("value", "", is_number=False, can_wrap=True))
_REASONS: Final = (Column("reason", "not used", is_number=False), Column("calls", "calls"))
_STRATA: Final = (
    Column("stratum", "inputs", is_number=False),
    Column("to_send", "to send"),
    Column("traffic_share", "of calls"),
)
_STOPPED: Final[Mapping[str, str]] = {
    "proved": "it is proved that at most {points} of 100 answers get worse",
    "worse": "it is shown that more than {points} of 100 answers get worse",
    "hopeless": "it gets worse by more than {points} of 100 answers, as far as can be seen",
    "too_dear": "the models differ so often that even {cap} replays would not decide {points} points",
    "review": "only people can tell whether the different answers are as good; more replays would say little",
    "cap": "{cap} replays did not decide it",
}


def facts_table(rows: Sequence[tuple[str, str, Cell]]) -> Table:
    """(key, words, value) as a table of two columns."""
    return Table("plan", "plan", _FACTS, tuple(Row(key, (Text(words), value)) for key, words, value in rows))


def range_text(low: Decimal, likely: Decimal, high: Decimal) -> str:
    """An amount with its range."""
    return f"{money_text(likely)} ({money_text(low)} to {money_text(high)})" if high else "$0"


def points_text(stakes: Stakes) -> str:
    """The loss allowed, in points."""
    return f"{(stakes.margin or 0) * 100:g}"


def stop_text(reason: str, stakes: Stakes, cap: int) -> str:
    """Why a run may stop, as a clause."""
    return _STOPPED.get(reason, reason).format(points=points_text(stakes), cap=f"{cap:,}")


def what_it_decides(n: int, stakes: Stakes) -> str:
    """What so many replays can prove, by how often the two models' answers differ."""
    margin = stakes.margin or 0.0
    shares = [s / 1000 for s in range(0, 301, 5)]
    enough = [s for s in shares if sequential_replays(s, 0.0, margin) <= n]
    allowed = f"a loss of at most {points_text(stakes)} of 100 answers ({stakes.name} stakes)"
    if not enough:
        least = int(sequential_replays(0.0, 0.0, margin))
        return f"{counted(n, 'replay')} cannot prove {allowed}; {least:,} can if no answer differs"
    if not enough[-1]:
        return f"{counted(n, 'replay')} can prove {allowed} if no answer differs"
    often = f"{enough[-1] * 100:g} % of answers" if enough[-1] < shares[-1] else "up to 30 % of answers"
    return f"{counted(n, 'replay')} can prove {allowed} if the models differ on {often} and none is better"


def plan_report(plan: ShadowPlan, workers: int, command: str, hindrances: tuple[str, ...] = ()) -> Report:
    """Everything that would be done, and how to do it."""
    wanted, drawn = plan.wanted, plan.drawn
    rows: list[tuple[str, str, Cell]] = [
        ("kept", "inputs kept", Text(f"{drawn.kept:,} of {drawn.calls:,} calls, {drawn.usable:,} usable")),
        ("replayed", "replayed", count(len(plan.past.final))),
        ("to_send", "to send", count(len(plan.items))),
        ("sent_to", "sent to", Text(f"{wanted.place.host}: the kept inputs and nothing else, {workers} at a time")),
        ("expected_usd", "will cost", Text(_cost_text(plan))),
        ("max_usd", "at most", Text(_cap_text(plan))),
        ("decides", "can decide", Text(_decides_text(plan))),
    ]
    sections = [Section("plan", "", (facts_table(rows),), tuple(Note(text) for text in hindrances))]
    if drawn.reasons:
        sections.append(Section("not_used", "NOT USED", (_reasons_table(drawn.reasons),)))
    if plan.items:
        sections.append(Section("strata", "WHICH INPUTS", (_strata_table(plan),)))
    sections.append(Section("notes", "WHAT TO KNOW", notes=_plan_notes(plan), is_warning=True))
    if plan.items:
        sections.append(Section("run", "", notes=(Note("Nothing was sent. To send it:", code=f"{command} --run"),)))
    return Report(
        "shadow_plan",
        f"shadow plan for {wanted.task}: {drawn.incumbent} to {wanted.model}",
        (
            ("task", Text(wanted.task)),
            ("incumbent", Text(drawn.incumbent)),
            ("model", Text(wanted.model)),
            ("to_send", count(len(plan.items))),
            ("expected_usd", Number(plan.expected.likely, "usd")),
            ("expected_low_usd", Number(plan.expected.low, "usd")),
            ("expected_high_usd", Number(plan.expected.high, "usd")),
            ("max_usd", Number(wanted.max_usd, "usd")),
            ("used_usd", Number(plan.past.used_usd, "usd")),
            ("lost", count(len(plan.past.lost))),
            ("decided", Text(plan.decided)),
        ),
        sections=tuple(sections),
        main_table="plan",
    )


def _cost_text(plan: ShadowPlan) -> str:
    if not plan.items:
        return "$0"
    basis = "by the replays there are" if plan.expected.is_measured else "by today's prices, nothing cached"
    return f"{range_text(plan.expected.low, plan.expected.likely, plan.expected.high)}, {basis}"


def _cap_text(plan: ShadowPlan) -> str:
    used = plan.past.used_usd
    before = f", of which earlier runs used {money_text(used)}" if used else ""
    return f"{money_text(plan.wanted.max_usd)} for this task and model{before}"


def _decides_text(plan: ShadowPlan) -> str:
    if plan.decided:
        return f"nothing more: {stop_text(plan.decided, plan.stakes, 1600)}"
    return what_it_decides(len(plan.past.final) + len(plan.items), plan.stakes)


def _reasons_table(reasons: Mapping[str, int]) -> Table:
    ranked = sorted(reasons.items(), key=lambda pair: (-pair[1], pair[0]))
    return Table("not_used", "reason", _REASONS, tuple(Row(why, (Text(why), count(n))) for why, n in ranked))


def _strata_table(plan: ShadowPlan) -> Table:
    sent = Counter(one.stratum for one in plan.inputs.values())
    traffic = plan.drawn.traffic
    names = sorted({*sent, *traffic}, key=lambda name: (-traffic.get(name, 0.0), name))
    rows = tuple(
        Row(
            name,
            (Text(stratum_words(name)), count(sent[name]), Number(Decimal(f"{traffic.get(name, 0.0):.6f}"), "share")),
        )
        for name in names
    )
    return Table("strata", "stratum", _STRATA, rows)


def _plan_notes(plan: ShadowPlan) -> tuple[Note, ...]:
    inputs = list(plan.inputs.values())
    notes = [*lost_notes(len(plan.past.lost)), *_adapted_notes(plan)]
    redacted = sum(one.is_redacted for one in inputs)
    if redacted:
        notes.append(Note(f"{redacted:,} inputs were redacted when they were kept; they are sent as redacted."))
    steps = sum(one.is_step for one in inputs)
    if steps:
        notes.append(
            Note(f"{steps:,} inputs hold the results of tools: step-level only, not where the conversation would go.")
        )
    if any(one.body.get("tools") or one.body.get("functions") for one in inputs):
        notes.append(Note("Tools are offered to the model as they were, and none is executed."))
    if plan.known is None:
        notes.append(Note(f"What {plan.wanted.model} can do is not in the catalogue; the replay will tell."))
    elif plan.known.shutdown_on is not None:
        notes.append(Note(f"{plan.wanted.model} stops answering on {plan.known.shutdown_on}."))
    if plan.known is not None and plan.known.reasons and any(one.max_tokens for one in inputs):
        limit = "The requests limit their output, and what the model thinks counts against that limit."
        notes.append(Note(limit))
    if plan.items and not plan.is_bounded:
        reserve = money_text(plan.largest_reserve)
        notes.append(
            Note(
                f"Not every request limits its output: {reserve} at most is set aside for one of them, and the cap"
                " could be exceeded by what answers under way cost beyond that."
            )
        )
    if plan.items and plan.budget.used_usd + plan.largest_reserve > plan.budget.cap_usd:
        notes.append(Note("The cap leaves no room for the first request.", "Raise --max-usd."))
    return tuple(notes)


def _adapted_notes(plan: ShadowPlan) -> list[Note]:
    found = Counter(note for notes in plan.adapted.values() for note in notes)
    return [Note(f"{words} in {n:,} requests, for {plan.wanted.model}.") for words, n in found.most_common()]


def lost_notes(n: int) -> list[Note]:
    """What is said of requests that may have been billed without an answer."""
    if not n:
        return []
    was = "1 request was" if n == 1 else f"{n:,} requests were"
    it = "it" if n == 1 else "they"
    verb = "is" if n == 1 else "are"
    return [
        Note(
            f"{was} in flight when a run ended or a connection broke: {it} may have been billed and {verb} not"
            " repeated.",
            "--retry-lost sends them again.",
        )
    ]


_ENDED: Final[Mapping[str, str]] = {
    "done": "everything planned was sent",
    "cap": "the next request could have exceeded the cap",
    "interrupted": "you interrupted it; the same command goes on",
    "refused": "no further request could succeed",
}


def outcome_report(
    plan: ShadowPlan, outcome: Outcome, replays: Sequence[Replay], lost: int, hindrances: tuple[str, ...] = ()
) -> Report:
    """What a run did and what it led to; counts of pairs are of all runs so far."""
    wanted = plan.wanted
    same = sum(replay.pair.is_same for replay in replays)
    differing = [replay for replay in replays if not replay.pair.is_same]
    unscored = sum(replay.pair.difference is None for replay in differing)
    ended = stop_text(outcome.detail, plan.stakes, 1600) if outcome.reason == "decided" else ended_text(outcome)
    rows: list[tuple[str, str, Cell]] = [
        ("answered", "answered in this run", count(outcome.answered)),
        ("pairs", "pairs so far", count(len(replays))),
        ("same", "same answer", Text(f"{same:,} ({_percent(same, len(replays))})")),
        ("unscored", "different, not compared", count(unscored)),
        ("paid_usd", "paid in this run", usd(outcome.paid_usd, "")),
        ("ended", "ended because", Text(ended)),
    ]
    notes = [Note(text) for text in hindrances] + lost_notes(lost)
    if outcome.unbilled:
        notes.append(Note(f"{outcome.unbilled:,} requests were refused and not billed."))
    if dropped := [name for name, new in outcome.changed.items() if not new]:
        notes.append(Note(f"{wanted.model} does not take {', '.join(dropped)}: sent without."))
    if renamed := [f"{name} as {new}" for name, new in outcome.changed.items() if new]:
        notes.append(Note(f"{wanted.model} takes {', '.join(renamed)}: sent so."))
    notes += _next_notes(plan, outcome, unscored)
    return Report(
        "shadow",
        f"shadow run of {wanted.task}: {plan.drawn.incumbent} to {wanted.model}",
        (
            ("task", Text(wanted.task)),
            ("model", Text(wanted.model)),
            ("reason", Text(outcome.reason)),
            ("detail", Text(outcome.detail)),
            ("answered", count(outcome.answered)),
            ("pairs", count(len(replays))),
            ("same", count(same)),
            ("same_share", share(same, len(replays), "no pairs")),
            ("unscored", count(unscored)),
            ("paid_usd", Number(outcome.paid_usd, "usd")),
            ("at_risk_usd", Number(outcome.at_risk_usd, "usd")),
            ("lost", count(lost)),
        ),
        sections=(
            Section("shadow", "", (facts_table(rows),)),
            Section("notes", "WHAT TO DO", notes=tuple(notes), is_warning=True),
        ),
        main_table="plan",
    )


def ended_text(outcome: Outcome) -> str:
    """Why a run ended, unless it was decided."""
    words = _ENDED[outcome.reason]
    return f"{words}: {outcome.detail}" if outcome.detail else words


def _percent(part: int, whole: int) -> str:
    return f"{part / whole * 100:.1f} %" if whole else "none"


def _next_notes(plan: ShadowPlan, outcome: Outcome, unscored: int) -> list[Note]:
    task, model = plan.wanted.task, plan.wanted.model
    notes: list[Note] = []
    if outcome.reason == "cap":
        notes.append(Note("Raise --max-usd to go on."))
    if unscored:
        code = command("review", pairs=True, task=task, to=model)
        notes.append(Note(f"{unscored:,} different answers wait for somebody to compare them:", code=code))
    notes.append(Note("For the verdict:", code=command("downgrade", task=task)))
    return notes
