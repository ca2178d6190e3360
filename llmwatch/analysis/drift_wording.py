"""Owns the words of drift: a heading and sentences a reader can act on, and no number of their own."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from math import ceil, floor
from typing import Final

from ..pasted import command
from .behaviour import LENGTH, AnswersChanged
from .causes import Cause, Span
from .course import Course
from .levels import Mean
from .power import WEEKS_AGO
from .report import counted
from .stratum import stratum_words
from .task_drift import JudgeChange, TaskDrift
from .weekly import monday_of

# So many answers show a fall of 20 points from 80 to 60 of 100 four times in five (one-sided 95 %, normal law).
TO_SCORE: Final = 60
# A change of mix below this moves no whole answer in a hundred.
_LEAST_MIX: Final = 0.01
NOT_PROOF: Final = "Changed near that week (nearness is no proof):"

RUNGS: Final[Mapping[str, str]] = {
    "reference": "known right answers",
    "label": "labels",
    "review": "review",
    "feedback": "users' feedback",
    "judge": "judge, audited",
}
_SIGNALS: Final[Mapping[str, str]] = {
    "output_empty": "are empty",
    "output_fenced": "begin with a code fence",
    "output_json_valid": "are valid JSON",
    "output_schema_valid": "are of their schema",
    "tool_arguments_valid": "have valid tool arguments",
    "refusal_phrase": "refuse",
    "output_truncated": "are cut off",
    "output_expected_language": "are in the language of the input",
    "output_repeated": "say the same as the answer before",
}
_SHORT_SIGNALS: Final[Mapping[str, str]] = {
    "output_empty": "empty answers",
    "output_fenced": "code fences",
    "output_json_valid": "valid JSON",
    "output_schema_valid": "valid schema",
    "tool_arguments_valid": "valid tool arguments",
    "refusal_phrase": "refusals",
    "output_truncated": "cut answers",
    "output_expected_language": "language of the input",
    "output_repeated": "repeated answers",
    LENGTH: "length",
}
_KINDS: Final[Mapping[str, str]] = {
    "prompt_version": "prompt version",
    "response_model": "answering model",
    "request_model": "requested model",
    "system_fingerprint": "system fingerprint",
    "tools": "tools",
    "schema": "output schema",
    "temperature": "temperature",
    "top_p": "top_p",
    "max_tokens": "limit of output tokens",
    "reasoning_level": "reasoning level",
    "inputs": "inputs",
    "scorer": "scorer",
    "service_version": "service version",
}
_DIGESTS: Final = ("tools", "schema", "system_fingerprint")


def day_words(day: date, near: date) -> str:
    """`9 Nov`, with the year where it is not that of `near`."""
    return f"{day.day} {day:%b}" + ("" if day.year == near.year else f" {day.year}")


def since_words(span: Span, near: date, is_older: bool = False) -> str:
    """The start week and the weeks that fit nearly as well."""
    words = f"Since the week of {day_words(span.since, near)}"
    if is_older:
        return f"{words} or earlier."
    if span.earliest == span.latest:
        return f"{words}."
    first, last = day_words(span.earliest, near), day_words(span.latest, near)
    first = (
        first.split(" ")[0]
        if (span.earliest.month, span.earliest.year) == (span.latest.month, span.latest.year)
        else first
    )
    return f"{words} (could be {first} to {last})."


def cause_words(cause: Cause, near: date) -> str:
    """One change in a few words: `prompt version 3 → 4 on 10 Nov`."""
    on = f"on {day_words(cause.on, near)}"
    if cause.kind == "inputs":
        return f"more inputs of {stratum_words(cause.new)} from {day_words(cause.on, near)}"
    if cause.kind in _DIGESTS and "none" not in (cause.old, cause.new):
        return f"{_KINDS[cause.kind]} {on}"
    return f"{_KINDS[cause.kind]} {cause.old} → {cause.new} {on}"


def cause_sentence(cause: Cause, near: date) -> str:
    """One change with its date, the share of calls it touches, and how those were scored beside the others."""
    share = f"{100 * cause.share:.0f} % of calls"
    words = cause_words(cause, near)
    text = f"{words[0].upper()}{words[1:]} ({share})."
    if cause.worse_by is None:
        return text
    points = round(100 * cause.worse_by)
    if points > 0:
        return f"{text} Calls with it were scored {points} points lower than those without it at the same time."
    return f"{text} Calls with it were not scored lower than those without it at the same time."


def heading(one: TaskDrift) -> str:
    """The verdict, as it is headed."""
    task = f"`{one.task}`"
    if one.alarm:
        return f"Quality of {task} {one.standing}."
    if one.drift.verdict == "mix changed":
        if one.causes and one.causes[0].kind == "scorer":
            return f"Scores of {task} are lower, and others give them."
        open_ = (
            "; whether its answers got worse too is open" if one.drift.is_open else ", its answers did not get worse"
        )
        return f"Inputs of {task} got harder{open_}."
    scores = "watch" if one.drift.is_watch else one.drift.verdict
    if one.signals:
        told = {"watch": "; its scores may have fallen", "no sign of change": "; its scores show no fall"}
        return f"Answers of {task} changed{told.get(scores, ', quality unknown')}."
    if scores == "watch":
        return f"Watch {task}: its quality may have fallen."
    return f"No sign of change in {task}." if scores == "no sign of change" else f"Too little evidence on {task}."


def evidence_words(one: TaskDrift) -> str:
    """What a verdict rests on, in a cell."""
    return RUNGS.get(one.evidence, one.evidence) + (", judge calibrated" if one.calibration else "")


def sentence(one: TaskDrift, near: date) -> str:
    """The verdict on one task, heading first, without its causes."""
    parts = [heading(one)]
    if one.alarm:
        parts += _fell(one, near)
    elif one.drift.verdict == "mix changed":
        parts += _mixed(one, near)
    elif one.drift.is_watch:
        parts += _watched(one, near)
    elif one.signals:
        parts += [_seen(one)] if one.drift.verdict == "no sign of change" else []
    elif one.drift.verdict == "no sign of change":
        parts.append(_seen(one))
    else:
        parts.append(f"{one.drift.reason[0].upper()}{one.drift.reason[1:]}.")
    if one.signals:
        parts += _answers(one, near)
    parts += _judges(one)
    if one.acknowledged and not one.alarm:
        parts.append(
            f"An alarm was acknowledged: the baseline begins with the week of {day_words(one.acknowledged, near)}."
        )
    return " ".join(part for part in parts if part)


def _judges(one: TaskDrift) -> list[str]:
    """What a judge has to do with the scores: a change of judge, one that speaks alone, one that people calibrate."""
    parts = [_judge(one.task, one.judge)] if one.judge else []
    if one.is_alarm and one.evidence == "judge":
        parts.append(
            "The judge speaks alone here: reviews of answers of these weeks would tell whether it has drifted itself."
        )
    if one.calibration and one.evidence:
        judge = one.calibration.series.partition(" ")[2] or "the judge"
        parts.append(
            f"{judge} is calibrated by the {one.calibration.doubles:,} answers that it and people scored: what it says"
            " of all others sharpens each week."
        )
    return parts


def _judge(task: str, change: JudgeChange) -> str:
    """Who judges now and before, and what becomes of the earlier scores."""
    (old_rubric, _, old), (rubric, _, new) = change.old.partition(" "), change.new.partition(" ")
    what = f"The judge changed from {old} to {new}" if old != new else f"The rubric of the judge {new} changed"
    if rubric != old_rubric and old != new:
        what += ", with another rubric"
    if change.is_joined:
        points = 100 * change.step
        scored = f"{abs(points):.0f} points {'lower' if points < 0 else 'higher'}" if round(points) else "the same"
        return (
            f"{what}: it scores the same {change.n:,} answers {scored} (±{196 * change.error:.0f}), which is taken out"
            " of the comparison."
        )
    return (
        f"{what}: earlier scores are not compared. About {change.missing:,} more answers that both have judged would"
        f" join them; the next run asks for them: `{command('judge', task=task, run=True)}`."
    )


def _fell(one: TaskDrift, near: date) -> list[str]:
    """Before, since and now of one fit; without late scores, what was seen when the alarm was raised."""
    alarm, course, drift = one.alarm, one.course, one.drift
    assert alarm is not None
    first = "" if _is_first(one) else f"First raised at the end of the week of {day_words(alarm.week, near)}."
    if course is None:
        span = Span(alarm.since, alarm.earliest, alarm.latest)
        return [
            _levels(alarm.mean_before or 0.0, alarm.mean_after or 0.0, alarm.loss, alarm.lower, alarm.mix_part or 0.0),
            since_words(span, near),
            _inputs(alarm.loss, alarm.mix_part or 0.0),
            first,
            "Too few scores since to say how it is today.",
            _chance(alarm.chance),
        ]
    is_older = drift.verdict == "fell" and drift.may_be_older and _is_first(one)
    chance = _chance(drift.p if drift.verdict == "fell" else alarm.chance)
    if course.standing != "fell":
        began = monday_of(course.since) if course.since is not None else alarm.since
        return [_moved(course, began, near), first, chance]
    span = one.span
    parts = [_now(course), since_words(span, near, is_older) if span else "", _segment(course)]
    if course.moved is not None and course.between_level is not None:
        parts.append(
            f"It had been at {100 * course.between_level.value:.0f} until the week of"
            f" {day_words(monday_of(course.moved), near)}, and has not come back to what it was."
        )
    return [*parts, _inputs(course.loss, course.mix_part), first, chance]


def _chance(p: float | None) -> str:
    return "" if p is None else f"Chance of seeing this with no change: {chance_words(p)}."


def _now(course: Course) -> str:
    """`91 of 100 answers were acceptable before; 84 now (78 to 89, last 4 weeks): 7 fewer, at least 3.`"""
    before, now, loss, mix = course.before.value, course.now, course.loss, course.mix_part
    fewer = round(100 * before) - round(100 * now.value) if abs(mix) < _LEAST_MIX else round(100 * loss)
    least = floor(100 * course.lower)
    bound = f", at least {least}" if 0 < least < fewer else ""
    equal = "" if abs(mix) < _LEAST_MIX else " at equal inputs"
    return (
        f"{100 * before:.0f} of 100 answers were acceptable before; {100 * now.value:.0f} now ({_interval(now)}):"
        f" {fewer} fewer{equal}{bound}."
    )


def _interval(now: Mean) -> str:
    return f"{100 * now.low:.0f} to {100 * now.high:.0f}, {_last_weeks(now.weeks)}"


def _last_weeks(weeks: int) -> str:
    return "last week" if weeks == 1 else f"last {weeks} weeks"


def _moved(course: Course, began: date, near: date) -> str:
    """The three levels of a task that recovered or fell again, and when each began."""
    before, level, now = course.before.value, course.between_level, course.now
    moved = f" since the week of {day_words(monday_of(course.moved), near)}" if course.moved is not None else ""
    between = f"; {100 * level.value:.0f} from the week of {day_words(began, near)} on" if level else ""
    return (
        f"{100 * before:.0f} of 100 answers were acceptable before{between}; {100 * now.value:.0f} now"
        f" ({_interval(now)}){moved}."
    )


def _segment(course: Course) -> str:
    """The one segment that fell, where others did not."""
    if course.segment is None:
        return ""
    one = course.segment
    return (
        f"Only answers to inputs of {stratum_words(one.name)} fell, from {100 * one.before.value:.0f} to"
        f" {100 * one.after.value:.0f}; those to all others did not."
    )


def _is_first(one: TaskDrift) -> bool:
    """The alarm was raised by today's look."""
    return one.alarm is not None and one.alarm.week == monday_of(int(str(one.drift.week)))


def _levels(before: float, after: float, loss: float, lower: float | None, mix: float) -> str:
    fewer = round(100 * before) - round(100 * after) if abs(mix) < _LEAST_MIX else round(100 * loss)
    least = floor(100 * (lower or 0.0))
    bound = f", at least {least}" if 0 < least < fewer else ""
    equal = "" if abs(mix) < _LEAST_MIX else " at equal inputs"
    was, is_ = f"{100 * before:.0f} of 100 answers were acceptable before", f"{100 * after:.0f} then"
    return f"{was}; {is_} ({fewer} fewer{equal}{bound})."


def _inputs(loss: float, mix: float) -> str:
    if abs(mix) < _LEAST_MIX:
        return "Not explained by a change of inputs."
    if mix < 0:
        more = round(-100 * mix)
        return f"A change of inputs explains {more} more, which {'is' if more == 1 else 'are'} not counted here."
    return f"Easier inputs hide {round(100 * mix)} of them in the plain average."


def chance_words(p: float) -> str:
    """A small chance in per cent.

    >>> chance_words(0.0012), chance_words(0.00003)
    ('0.1 %', 'below 0.01 %')
    """
    percent = 100 * p
    if percent < 0.01:
        return "below 0.01 %"
    return f"{percent:.2f} %" if percent < 0.095 else f"{percent:.1f} %"


def _mixed(one: TaskDrift, near: date) -> list[str]:
    drift = one.drift
    before, after = drift.mean_before or 0.0, drift.mean_after or 0.0
    span = one.span
    mix, most = drift.mix_part or 0.0, drift.lost_at_most or 0.0
    total = round(100 * before) - round(100 * after)
    of = "who scores" if one.causes and one.causes[0].kind == "scorer" else "inputs"
    inputs = f"{round(-100 * mix)} points are the change of {of}"
    if drift.is_open:
        parts = f"Open: {round(100 * most)} of {total} points may be the answers' (95 %). About {inputs}."
    else:
        parts = f"{inputs}; at equal inputs answers lost less than {max(ceil(100 * most), 1)} (95 %)."
    return [
        f"On average {100 * before:.0f} of 100 were acceptable before; {100 * after:.0f} now.",
        parts,
        since_words(span, near, drift.may_be_older) if span else "",
    ]


def _watched(one: TaskDrift, near: date) -> list[str]:
    """What may be, and how many scores would tell."""
    drift = one.drift
    since = day_words(monday_of(int(str(drift.since_week))), near)
    if drift.scores_to_decide is None:
        decide = "Even many more scores would not tell with so few before it."
    else:
        decide = f"About {drift.scores_to_decide:,} more scores would decide."
    return [
        f"{100 * (drift.loss or 0.0):.0f} fewer of 100 since the week of {since}, which luck does in"
        f" {chance_words(drift.p or 0.0)} of looks: no alarm. {decide}"
    ]


def _seen(one: TaskDrift) -> str:
    """What would have been seen."""
    drift = one.drift
    worth = "scores worth " if one.calibration else ""
    rate = f"With {worth}{one.scores_per_week:.0f} {'of people ' if worth else 'scores '}a week"
    if drift.could_have_seen is None:
        return f"{rate} even a total fall that began {_number(WEEKS_AGO)} weeks ago could have been missed."
    fall = f"a fall of {100 * drift.could_have_seen:.0f} points that began {_number(WEEKS_AGO)} weeks ago"
    return f"{rate} {fall} would have been seen 4 times in 5."


def _number(n: int) -> str:
    return ("no", "one", "two", "three", "four", "five", "six", "seven", "eight")[n]


def _answers(one: TaskDrift, near: date) -> list[str]:
    """What capture saw change; for a task whose quality is known to have fallen, in one sentence."""
    # Hard signals break programs; of the soft ones the least likely says enough.
    shown = sorted(one.signals, key=lambda s: (not s.is_hard, s.p, s.signal))[:3]
    parts = [signal_sentence(signal) for signal in shown]
    if one.alarm or one.drift.verdict == "mix changed":
        return parts
    first = shown[0]
    span = Span(monday_of(first.since_week), monday_of(first.since_range[0]), monday_of(first.since_range[1]))
    score = f"Score {TO_SCORE} of them to know more." if one.drift.verdict == "too little evidence" else ""
    return [*parts, since_words(span, near), score]


def signal_sentence(signal: AnswersChanged) -> str:
    """One signal, now and before."""
    if signal.signal == LENGTH:
        now = counted(round(signal.after), "character")
        return f"Answers are now typically {now} long ({signal.before:,.0f} before)."
    return f"{_percent(signal.after)} of answers now {_SIGNALS[signal.signal]} ({_percent(signal.before)} before)."


def _percent(share: float) -> str:
    percent = 100 * share
    return f"{percent:.0f} %" if percent >= 9.95 or percent < 0.05 else f"{percent:.1f} %"


def short_words(one: TaskDrift, near: date) -> str:
    """The drift of a task in one cell."""
    cause = f": {cause_words(one.causes[0], near)}" if one.causes else ""
    if one.alarm:
        return _short_course(one, near, cause)
    if one.drift.verdict == "mix changed":
        span = one.span
        is_open = "; answers open" if one.drift.is_open else ""
        return (f"inputs harder since {day_words(span.since, near)}" if span else "inputs harder") + is_open
    if one.signals:
        first = min(one.signals, key=lambda s: (not s.is_hard, s.p, s.signal))
        since = day_words(monday_of(first.since_week), near)
        return f"answers changed since {since}, {_SHORT_SIGNALS[first.signal]}{cause}"
    if one.drift.is_watch:
        return f"watch: {_to_decide(one.drift.scores_to_decide)}"
    return "no sign of change" if one.drift.verdict == "no sign of change" else one.drift.reason


def _to_decide(scores: int | None) -> str:
    return "may have fallen" if scores is None else f"{scores:,} more scores would decide"


def _short_course(one: TaskDrift, near: date, cause: str) -> str:
    if one.standing == "recovered" and one.course:
        moved = one.course.moved
        return f"recovered since {day_words(monday_of(moved), near)}" if moved is not None else "recovered"
    span = one.span
    return f"▼ {one.standing} since {day_words(span.since, near)}{cause}" if span else f"▼ {one.standing}{cause}"
