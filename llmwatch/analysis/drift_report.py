"""Owns how drift is shown: falls first with what changed near them, then what is weaker, then what nobody can tell."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from ..pasted import command
from .causes import Cause
from .drift_wording import NOT_PROOF, cause_sentence, cause_words, day_words, evidence_words, sentence, short_words
from .measures import name_cell
from .report import (
    DATA_RANK,
    Cell,
    Column,
    Moment,
    Note,
    Number,
    Report,
    Row,
    Section,
    Table,
    Text,
    Unknown,
    count,
    utc,
)
from .task_drift import NO_SCORES, Drifts, TaskDrift
from .weekly import monday_of

_COLUMNS: Final = (
    Column("task", "task", is_number=False),
    Column("verdict", "drift", is_number=False, can_wrap=True),
    Column("before", "before"),
    Column("after", "now"),
    Column("now_low", "now, at least", rank=DATA_RANK),
    Column("now_high", "now, at most", rank=DATA_RANK),
    Column("loss", "fewer of 100", rank=1),
    Column("lower", "at least", rank=2),
    Column("since", "since week of", is_number=False),
    Column("cause", "changed near it", is_number=False, can_wrap=True),
    Column("could_have_seen", "fall that would show", rank=1),
    Column("scores_per_week", "scores a week", rank=2),
    Column("evidence", "evidence", rank=2, is_number=False),
    Column("reason", "what lacks", rank=DATA_RANK, is_number=False),
    Column("earliest", "earliest week", rank=DATA_RANK, is_number=False),
    Column("latest", "latest week", rank=DATA_RANK, is_number=False),
    Column("lost_at_most", "answers lost at most", rank=DATA_RANK),
    Column("scores_to_decide", "scores to decide", rank=DATA_RANK),
    Column("mix_part", "of inputs", rank=DATA_RANK),
    Column("quality_part", "of answers", rank=DATA_RANK),
    Column("chance", "chance", rank=DATA_RANK),
    Column("first_alarm", "first raised", rank=DATA_RANK, is_number=False),
    Column("moved", "recovered or fell again", rank=DATA_RANK, is_number=False),
    Column("segment", "segment", rank=DATA_RANK, is_number=False),
    Column("signals", "signals", rank=DATA_RANK, is_number=False),
    Column("sentence", "in words", rank=DATA_RANK, is_number=False),
)
# Tasks without a score that a text lists by name.
_NAMED: Final = 5
# Tasks without a change that a text lists; formats for programs list all.
_MOST_QUIET: Final = 20
_CAUSES: Final = 3
# Tasks being watched that the weekly report names; llmwatch drift names all.
_WATCHED: Final = 3


@dataclass(frozen=True, slots=True)
class DriftAsked:
    """What was asked: the findings, and the task if one was named."""

    drifts: Drifts
    task: str | None = None
    # Also a row for each task that nothing is known of.
    has_all_rows: bool = False


def drift_report(asked: DriftAsked) -> Report:
    """Every task's verdict; of one task all there is."""
    drifts = asked.drifts
    tasks = tuple(one for one in drifts.tasks if asked.task in (None, one.task))
    listed = tasks if asked.has_all_rows else () if asked.task else _listed(tasks)
    words = [one for one in tasks if asked.task or _is_loud(one) or one.found == "watch"]
    sections = [
        *(_task_section(drifts, one) for one in words),
        _table_section(drifts, () if asked.task else tasks, listed),
    ]
    facts = (
        ("as_of", Moment(utc(drifts.as_of))),
        ("week", Text(drifts.week.isoformat())),
        ("is_week_running", Text("yes" if drifts.is_week_running else "no")),
        ("tasks", count(len(tasks))),
        ("alarms", count(sum(one.is_alarm for one in tasks))),
    )
    return Report("drift", _title(drifts), facts, sections=tuple(sections), main_table="drift")


def _title(drifts: Drifts) -> str:
    running = ", which still runs" if drifts.is_week_running else ""
    return (
        f"drift of quality, up to the week of {day_words(drifts.week, drifts.as_of.date())} {drifts.week.year}{running}"
    )


def drift_section(drifts: Drifts) -> Section:
    """Drift in the weekly report: a note per task that moved, and how many others there are."""
    loud = [one for one in drifts.tasks if _is_loud(one)]
    notes = [_note(drifts, one) for one in loud]
    notes += [
        Note(sentence(one, drifts.week)) for one in [one for one in drifts.tasks if one.found == "watch"][:_WATCHED]
    ]
    notes += _quiet_notes(one for one in drifts.tasks if not _is_loud(one))
    if not notes:
        notes = [Note("Nothing can be said yet: no task has answers in the last weeks to compare.")]
    return Section("drift", "DRIFT", notes=tuple(notes), is_warning=drifts.has_alarm)


def drift_words_by_task(drifts: Drifts) -> dict[str, Cell]:
    """Task -> its drift in one cell; Unknown with the reason where there is too little evidence."""
    return {one.task: _words_cell(drifts, one) for one in drifts.tasks}


def _words_cell(drifts: Drifts, one: TaskDrift) -> Cell:
    words = short_words(one, drifts.week)
    if one.alarm:
        return Text(words, "bad" if one.is_alarm else "quiet")
    if _is_loud(one):
        return Text(words)
    return Text(words, "quiet") if one.drift.verdict == "no sign of change" else Unknown(words)


def _is_loud(one: TaskDrift) -> bool:
    return bool(one.alarm or one.signals or one.drift.verdict == "mix changed")


def _is_known(one: TaskDrift) -> bool:
    return _is_loud(one) or one.drift.reason != NO_SCORES


def _listed(tasks: Iterable[TaskDrift]) -> tuple[TaskDrift, ...]:
    """What a text lists: every task with something to say, and the busiest of those with evidence."""
    known = [one for one in tasks if _is_known(one)]
    loud = sum(_is_loud(one) for one in known)
    return tuple(known[: loud + _MOST_QUIET])


def _note(drifts: Drifts, one: TaskDrift) -> Note:
    causes = " ".join(cause_sentence(cause, drifts.week) for cause in one.causes[:_CAUSES])
    near = f" {NOT_PROOF} {causes}" if causes else _nothing_near(one)
    return Note(sentence(one, drifts.week) + near)


def _nothing_near(one: TaskDrift) -> str:
    return " Nothing that calls carry changed near that week." if one.span and (one.alarm or one.signals) else ""


def _task_section(drifts: Drifts, one: TaskDrift) -> Section:
    """One task in words, each change near it with the edit of its prompt."""
    notes = [Note(sentence(one, drifts.week) + ("" if one.causes else _nothing_near(one)))]
    if one.causes:
        notes += [
            Note(
                f"{NOT_PROOF if at == 0 else 'And:'} {cause_sentence(cause, drifts.week)}",
                _edit_words(cause),
                _edit(cause),
            )
            for at, cause in enumerate(one.causes[:_CAUSES])
        ]
    if one.alarm:
        stands = "The alarm stands until it recovers or you acknowledge it, which begins a new baseline:"
        known = "It raises no alarm any more. To forget the fall and begin a new baseline:"
        notes.append(Note(stands if one.is_alarm else known, "", command("drift", "acknowledge", one.task)))
    return Section("drift_task", "", notes=tuple(notes), is_warning=one.is_alarm)


def _edit_words(cause: Cause) -> str:
    return "The edit:" if cause.diff else ""


def _edit(cause: Cause) -> str:
    return "\n".join(cause.diff)


def _table_section(drifts: Drifts, tasks: Iterable[TaskDrift], listed: tuple[TaskDrift, ...]) -> Section:
    notes = [Note(text) for text in drifts.hindrances]
    shown = {one.task for one in listed}
    hidden = [one for one in tasks if one.task not in shown]
    unscored = sorted((one for one in hidden if not _is_known(one)), key=lambda one: (-one.answers, one.task))
    if unscored:
        notes.append(_unscored_note(unscored))
    if more := len(hidden) - len(unscored):
        notes.append(Note(f"{more} more tasks show no change or have too little evidence: --format csv lists all."))
    if not drifts.tasks:
        notes.append(Note("No task has answers or scores in the last 20 weeks."))
    table = Table("drift", "task", _COLUMNS, tuple(_row(drifts, one) for one in listed))
    return Section("drift", "", (table,) if listed else (), tuple(notes))


def _unscored_note(unscored: list[TaskDrift]) -> Note:
    names = ", ".join(one.task for one in unscored[:_NAMED])
    more = f" and {len(unscored) - _NAMED} more" if len(unscored) > _NAMED else ""
    subject = "1 task has no scores" if len(unscored) == 1 else f"{len(unscored)} tasks have no scores"
    return Note(
        f"{subject}, so nobody can say whether quality fell: {names}{more}. A change of kind is noticed all the same.",
        "Score some: `llmwatch review`, or from code:",
        'llmwatch.feedback(1.0, response_id=response.id, evidence="label")',
    )


def _quiet_notes(quiet: Iterable[TaskDrift]) -> list[Note]:
    known = [one for one in quiet]
    steady = sum(one.found == "no sign of change" for one in known)
    watched = sum(one.found == "watch" for one in known)
    few = len(known) - steady - watched
    parts = [f"{steady} {'task shows' if steady == 1 else 'tasks show'} no sign of change"] if steady else []
    parts += [f"{watched} {'task is' if watched == 1 else 'tasks are'} being watched"] if watched else []
    parts += [f"on {few} {'task' if few == 1 else 'tasks'} there is too little evidence"] if few else []
    if not parts:
        return []
    text = "; ".join(parts)
    return [Note(f"{text[0].upper()}{text[1:]}: `llmwatch drift`.")]


def _row(drifts: Drifts, one: TaskDrift) -> Row:
    drift, course, span, near = one.drift, one.course, one.span, drifts.week
    is_fall = one.alarm is not None
    none_begun = "no start was found"
    cells: tuple[Cell, ...] = (
        name_cell("task", one.task),
        _verdict_cell(one),
        _of_hundred(course.before.value if course else drift.mean_before, drift.reason or "not compared"),
        _of_hundred(course.now.value if course else drift.mean_after, drift.reason or "not compared"),
        _of_hundred(course.now.low if course else None, "no fall is shown"),
        _of_hundred(course.now.high if course else None, "no fall is shown"),
        _of_hundred(_loss(one), "no fall is shown"),
        _of_hundred(course.lower if course else drift.lower if is_fall else None, "no fall is shown"),
        Text(span.since.isoformat()) if span else Unknown(none_begun),
        Text(cause_words(one.causes[0], near)) if one.causes else Unknown("nothing that calls carry changed near it"),
        _of_hundred(drift.could_have_seen, "only where no change is seen"),
        Number(Decimal(f"{one.scores_per_week:.1f}"), "plain"),
        Text(evidence_words(one)) if one.evidence else Unknown(drift.reason or NO_SCORES),
        Text(drift.reason) if drift.reason else Unknown("nothing"),
        Text(span.earliest.isoformat()) if span else Unknown(none_begun),
        Text(span.latest.isoformat()) if span else Unknown(none_begun),
        _of_hundred(drift.lost_at_most if one.found == "mix changed" else None, "only where inputs got harder"),
        count(drift.scores_to_decide)
        if one.found == "watch" and drift.scores_to_decide is not None
        else Unknown("only of a task being watched"),
        _points(course.mix_part if course else drift.mix_part, "not compared"),
        _points(-course.loss if course else drift.quality_part, "not compared"),
        Number(Decimal(f"{drift.p:.3g}"), "plain") if drift.p is not None else Unknown("not compared"),
        Text(one.alarm.week.isoformat()) if one.alarm else Unknown("no alarm"),
        Text(monday_of(course.moved).isoformat()) if course and course.moved else Unknown("it did not move since"),
        Text(course.segment.name) if course and course.segment else Unknown("no segment alone"),
        Text("; ".join(f"{s.signal} {s.before:.3g} -> {s.after:.3g}" for s in one.signals))
        if one.signals
        else Unknown("none"),
        Text(sentence(one, near)),
    )
    return Row(one.task, cells)


def _loss(one: TaskDrift) -> float | None:
    if one.course:
        return one.course.loss
    return one.drift.loss if one.alarm or one.drift.verdict == "mix changed" else None


def _verdict_cell(one: TaskDrift) -> Cell:
    if one.is_alarm:
        return Text(one.found, "bad")
    return Text(one.found, "" if one.found in ("mix changed", "answers changed") else "quiet")


def _of_hundred(value: float | None, reason: str) -> Cell:
    return Unknown(reason) if value is None else Number(Decimal(f"{100 * value:.1f}"), "plain")


def _points(value: float | None, reason: str) -> Cell:
    return Unknown(reason) if value is None else Number(Decimal(f"{value:.6f}"), "points")
