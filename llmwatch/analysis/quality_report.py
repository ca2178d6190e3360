"""Owns how quality is shown: one line a task with its evidence, all rungs of one task, what the numbers rest on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from ..pasted import command
from .breakdown import others_cell
from .measures import name_cell
from .quality import ENOUGH, Level, MadeUp, Quality, Rung, Scored, Share, quality_by_task
from .report import (
    DATA_RANK,
    Cell,
    Column,
    Interval,
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
    counted,
    share,
    utc,
)

RUNG_WORDS: Final[Mapping[Rung, str]] = {
    "reference": "known right answers",
    "label": "labels",
    "review": "review",
    "feedback": "users' feedback",
    "audited judge": "judge, audited",
    "judge": "judge, not audited",
    "checks": "checks only",
}
NO_EVIDENCE: Final = "nothing scored it, and its answers have no form to check"
NO_FACTS: Final = "nobody counted made-up facts"
NOTHING_SAID: Final = "no calls"
# Tasks that a note names; the others are counted.
_NAMES: Final = 10
_COLUMNS: Final = (
    Column("task", "task", is_number=False),
    Column("answers", "answers"),
    Column("quality", "acceptable (95 %)"),
    Column("evidence", "evidence", is_number=False),
    Column("scored", "scored"),
    Column("scored_share", "of answers", rank=2),
    Column("made_up", "made-up facts per 100", rank=1),
    Column("answers_made_up", "answers with any", rank=1),
    Column("failures", "what checks found", rank=3, is_number=False, can_wrap=True),
)
_LEVEL_COLUMNS: Final = (
    Column("task", "task", is_number=False),
    Column("evidence", "evidence", is_number=False),
    Column("quality", "acceptable (95 %)"),
    Column("scored", "scored"),
    Column("effective", "worth", rank=3),
    Column("scored_share", "of answers", rank=1),
    Column("audits", "audited by people", rank=2),
    Column("series", "rubric", rank=DATA_RANK, is_number=False),
)


def quality_cell(quality: Quality | None) -> Cell:
    """The level that speaks for a task, as one cell; what only bounds it says so, what nobody audited is grey."""
    if quality is None or quality.best is None:
        return Unknown(why_unknown(quality))
    return level_cell(quality.best)


def why_unknown(quality: Quality | None) -> str:
    """Why nothing can be said of a task's quality, in a few words."""
    levels = quality.levels if quality else ()
    few = max((level.n for level in levels if level.rung != "checks"), default=0)
    if few:
        return f"{few} scored, too few"
    return f"nothing scored it, and only {levels[0].n} answers were checked" if levels else NO_EVIDENCE


def level_cell(level: Level) -> Cell:
    """A level as one cell."""
    if level.share is None:
        return Unknown(level.reason)
    if level.rung == "checks":
        return Text("at most " + f"{level.share.high * 100:.1f}".removesuffix(".0") + " %", "quiet")
    return interval(level.share, tone="" if level.is_alarming else "quiet")


def interval(found: Share, unit: str = "share", tone: str = "") -> Interval:
    """A share as a cell, to six places: enough for any reader, and the same on every machine."""
    low, value, high = (Decimal(f"{x:.6f}") for x in (found.low, found.value, found.high))
    return Interval(low, value, high, "plain" if unit == "plain" else "share", tone="quiet" if tone == "quiet" else "")


@dataclass(frozen=True, slots=True)
class QualityAsked:
    """What was asked: the rows, and the task if one was named."""

    scored: Scored
    task: str | None = None
    # Every rung of every task, not of the named one alone.
    has_all_rungs: bool = False


def quality_report(asked: QualityAsked) -> Report:
    """Every task with the evidence for it; of one task every rung."""
    scored = asked.scored
    found = quality_by_task(scored)
    if asked.task is not None:
        found = {task: quality for task, quality in found.items() if task == asked.task}
    section = quality_section(found, scored)
    levels = (_levels_section(found),) if found and (asked.task is not None or asked.has_all_rungs) else ()
    since, until = utc(scored.since), utc(scored.until)
    facts = (("since", Moment(since)), ("until", Moment(until)), ("tasks", count(len(found))))
    title = f"quality of the answers from {since:%Y-%m-%d %H:%M} to {until:%Y-%m-%d %H:%M} UTC"
    return Report("quality", title, facts, sections=(section, *levels), main_table="quality")


def quality_section(found: Mapping[str, Quality], scored: Scored, top: int | None = None) -> Section:
    """One line a task, the lowest known quality first, then what is not known; with `top` the others in one line."""
    order = sorted(found.values(), key=_worst_first)
    rows = [_row(quality) for quality in order[:top]]
    if others := order[len(rows) :]:
        rows.append(_others_row(others))
    table = Table("quality", "task", _COLUMNS, tuple(rows))
    notes = list(_notes(order, scored))
    if others:
        notes.append(Note("All tasks:", code="llmwatch quality"))
    return Section("quality", "QUALITY", (table,) if order else (), tuple(notes))


def _others_row(others: Sequence[Quality]) -> Row:
    """How many there are and what speaks for them; of several tasks there is no quality in one number."""
    rungs = Counter(quality.best.rung if quality.best else None for quality in others)
    said = [f"{rungs[rung]:,} {words}" for rung, words in RUNG_WORDS.items() if rungs[rung]]
    if rungs[None]:
        said.append(f"{rungs[None]:,} nothing")
    cells = (
        others_cell(len(others)),
        count(sum(quality.answers for quality in others)),
        Text(""),
        Text(", ".join(said), "quiet"),
        *[Text("")] * (len(_COLUMNS) - 4),
    )
    return Row("(others)", cells, kind="rest")


def _worst_first(quality: Quality) -> tuple[bool, bool, float, str]:
    best = quality.best
    if best is None or best.share is None:
        return True, True, 0.0, quality.task
    return False, best.rung == "checks", best.share.value, quality.task


def _row(quality: Quality) -> Row:
    best = quality.best
    cells = (
        name_cell("task", quality.task),
        count(quality.answers),
        quality_cell(quality),
        _evidence_cell(best),
        Unknown(why_unknown(quality)) if best is None else count(best.n),
        share(best.n if best else None, quality.answers, NOTHING_SAID),
        *_made_up_cells(quality.made_up),
        Text(", ".join(f"{n:,} {words}" for words, n in quality.failures) or "nothing"),
    )
    return Row(quality.task, cells)


def _evidence_cell(level: Level | None) -> Cell:
    return Unknown(NO_EVIDENCE) if level is None else Text(RUNG_WORDS[level.rung], "" if level.is_alarming else "quiet")


def _made_up_cells(made_up: MadeUp | None) -> tuple[Cell, Cell]:
    if made_up is None:
        return Unknown(NO_FACTS), Unknown(NO_FACTS)
    rate = made_up.per_hundred
    low, value, high = (Decimal(f"{x:.1f}") for x in (rate.low, rate.value, rate.high))
    return Interval(low, value, high, "plain"), interval(made_up.share)


def _levels_section(found: Mapping[str, Quality]) -> Section:
    rows = [
        Row(
            f"{task}/{level.rung}",
            (
                name_cell("task", task),
                _evidence_cell(level),
                level_cell(level),
                count(level.n),
                Number(Decimal(f"{level.effective_n:.0f}"), "count"),
                share(level.n, quality.answers, NOTHING_SAID),
                count(level.audits) if "judge" in level.rung else Unknown("no judge"),
                Text(level.series) if level.series else Unknown("no judge"),
            ),
        )
        for task, quality in sorted(found.items())
        for level in quality.levels
    ]
    table = Table("evidence", "rung", _LEVEL_COLUMNS, tuple(rows))
    note = Note("Rungs are never added up. Worth: how many scores of evenly drawn answers would say as much.")
    return Section("evidence", "EVIDENCE, EVERY RUNG", (table,), (note,))


def _notes(order: Iterable[Quality], scored: Scored) -> Iterable[Note]:
    found = list(order)
    best = [quality.best for quality in found if quality.best is not None]
    rungs = {level.rung for level in best}
    if not best:
        yield _nothing(found)
    if "feedback" in rungs:
        yield Note(
            "Users decide what they rate: their feedback shows change over time, not how many answers are acceptable."
        )
    for quality in found:
        yield from _judge_notes(quality)
    few = [quality.task for quality in found if quality.best and quality.best.is_alarming and quality.best.n < ENOUGH]
    if few:
        more = f" and {len(few) - _NAMES:,} more" if len(few) > _NAMES else ""
        yield Note(f"Fewer than {ENOUGH} scores, so the intervals are wide: {', '.join(sorted(few)[:_NAMES])}{more}.")
    if "checks" in rungs:
        yield Note(
            "At most: the share of answers that passed every check; how many of those are acceptable nobody has said.",
            "To know, review some:",
            "llmwatch review",
        )
    if any(level.is_graded for level in best):
        yield Note("Where grades were given, acceptable is their mean, from 0 to 1.")
    if scored.unresolved:
        yield Note(
            f"{counted(scored.unresolved, 'score')} of no call in the store: counted once its call arrives.",
            "Look at their ids:",
            'llmwatch sql "select * from scores_current where span_id is null"',
        )
    yield from (Note(text) for text in scored.hindrances)


def _nothing(found: list[Quality]) -> Note:
    text = "No answer has been scored." if found else "No answers in this period."
    return Note(text, "Score from your program, or review a sample:", "llmwatch.feedback(True, call=answer)")


def _judge_notes(quality: Quality) -> Iterable[Note]:
    for level in quality.levels:
        if level.rung == "judge" and level.audits_missing:
            yield Note(
                f"{quality.task}: the judge is not audited, so its figure is no evidence of quality yet "
                f"({level.audits} of its {level.n} answers were reviewed).",
                f"Review {level.audits_missing} more:",
                command("review", task=quality.task),
            )
