"""Owns how a judge run is said: the plan before a cent is spent, and what the judge said in sum."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from ..analysis.report import Cell, Note, Number, Report, Section, Text, count, money_text, usd
from ..pasted import command
from .engine import Outcome
from .judge import JudgePlan, Wanted
from .shadow_report import ended_text, facts_table, lost_notes, range_text

_UNAUDITED: Final = (
    "A judge is wrong more certainly the more it is asked. Until people have reviewed some of the same answers its"
    " scores are shown apart and raise no alarm."
)

_JOINING: Final = (
    "Another judge scored this task before. Answers that it scored are judged by this one too, to measure by how much"
    " the two differ: once that is known to 4 points either way, its scores count for drift too."
)


def plan_report(plan: JudgePlan, workers: int, command: str, hindrances: tuple[str, ...] = ()) -> Report:
    """What the judge would be asked, by which rubric and at what price."""
    wanted = plan.wanted
    what = "different pairs" if wanted.candidate else "answers kept"
    used = plan.past.used_usd
    before = f", of which earlier runs used {money_text(used)}" if used else ""
    cost = range_text(plan.expected.low, plan.expected.likely, plan.expected.high)
    rows: list[tuple[str, str, Cell]] = [
        ("available", what, count(plan.available)),
        ("judged", "judged already", count(plan.judged)),
        ("to_send", "to ask", Text(_to_ask(plan))),
        *((("joining", "of them judged by both", count(plan.joining)),) if plan.joining else ()),
        ("sent_to", "sent to", Text(f"{wanted.place.host}: kept inputs and answers, {workers} at a time")),
        ("expected_usd", "will cost", Text(f"{cost}, by today's prices" if plan.items else "$0")),
        ("max_usd", "at most", Text(f"{money_text(wanted.max_usd)} for this judge and rubric{before}")),
        ("rubric", "rubric", Text(f"{wanted.rubric.source}, series {wanted.rubric.hash}")),
    ]
    notes = [Note(text) for text in hindrances]
    notes += [Note("The rubric:", code=wanted.rubric.text), *lost_notes(len(plan.past.lost)), Note(_UNAUDITED)]
    notes += [Note(_JOINING)] if plan.joining else []
    sections = [
        Section("plan", "", (facts_table(rows),)),
        Section("notes", "WHAT TO KNOW", notes=tuple(notes), is_warning=True),
    ]
    if plan.items:
        sections.append(Section("run", "", notes=(Note("Nothing was sent. To send it:", code=f"{command} --run"),)))
    return Report(
        "judge_plan",
        f"judge plan for {wanted.task}: {wanted.model}{_compared(wanted)}",
        (
            *_asked(wanted),
            ("to_send", count(len(plan.items))),
            ("expected_usd", Number(plan.expected.likely, "usd")),
            ("expected_low_usd", Number(plan.expected.low, "usd")),
            ("expected_high_usd", Number(plan.expected.high, "usd")),
            ("max_usd", Number(wanted.max_usd, "usd")),
            ("used_usd", Number(used, "usd")),
            ("lost", count(len(plan.past.lost))),
        ),
        sections=tuple(sections),
        main_table="plan",
    )


def outcome_report(
    plan: JudgePlan, outcome: Outcome, said: list[tuple[str, int]], mean: float | None, lost: int,
    hindrances: tuple[str, ...] = (),
) -> Report:  # fmt: skip
    """What a run did; `said` counts verdicts of pairs, `mean` is the mean score, both of all runs of the series."""
    wanted = plan.wanted
    rows: list[tuple[str, str, Cell]] = [("answered", "judged in this run", count(outcome.answered))]
    rows += [(name, words, count(n)) for name, words, n in _verdicts(said)]
    if mean is not None:
        rows.append(("mean", "mean score of the series", Text(f"{mean:.2f}")))
    rows += [
        ("paid_usd", "paid in this run", usd(outcome.paid_usd, "")),
        ("ended", "ended because", Text(ended_text(outcome))),
    ]
    notes = [Note(text) for text in hindrances] + lost_notes(lost)
    if outcome.unbilled:
        notes.append(Note(f"{outcome.unbilled:,} requests were refused and not billed."))
    if outcome.reason == "cap":
        notes.append(Note("Raise --max-usd to go on."))
    notes.append(Note(_UNAUDITED, code=command("review", task=wanted.task)))
    return Report(
        "judge",
        f"judge run of {wanted.task}: {wanted.model}{_compared(wanted)}",
        (
            *_asked(wanted),
            ("reason", Text(outcome.reason)),
            ("detail", Text(outcome.detail)),
            ("answered", count(outcome.answered)),
            ("paid_usd", Number(outcome.paid_usd, "usd")),
            ("at_risk_usd", Number(outcome.at_risk_usd, "usd")),
            ("lost", count(lost)),
            *((name, count(n)) for name, _, n in _verdicts(said)),
            *((("mean_score", Number(Decimal(f"{mean:.6f}"), "plain")),) if mean is not None else ()),
        ),
        sections=(
            Section("judge", "", (facts_table(rows),)),
            Section("notes", "WHAT TO DO", notes=tuple(notes), is_warning=True),
        ),
        main_table="plan",
    )


def _asked(wanted: Wanted) -> tuple[tuple[str, Cell], ...]:
    return (
        ("task", Text(wanted.task)),
        ("judge", Text(wanted.model)),
        ("candidate", Text(wanted.candidate)),
        ("rubric_hash", Text(wanted.rubric.hash)),
    )


def _to_ask(plan: JudgePlan) -> str:
    n = len(plan.items)
    return f"{n:,} requests, each pair in both orders" if plan.wanted.candidate else f"{n:,}"


def _compared(wanted: Wanted) -> str:
    return f" on pairs with {wanted.candidate}" if wanted.candidate else ""


def _verdicts(said: list[tuple[str, int]]) -> list[tuple[str, str, int]]:
    words = {
        "better": "candidate better, both orders",
        "worse": "candidate worse, both orders",
        "same": "same or unclear",
    }
    counts = dict(said)
    return [(name, words[name], counts[name]) for name in words if name in counts]
