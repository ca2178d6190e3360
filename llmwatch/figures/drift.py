"""Owns how the drift of all tasks is asked for, and how what was found is kept for dashboards and later looks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any, Final

import numpy as np

from ..analysis.behaviour import LEAST_CHANGE, LENGTH, AnswersChanged, Signals, changed_answers
from ..analysis.calibration import calibrations_of, with_calibrated
from ..analysis.causes import KINDS, Cause, find_causes
from ..analysis.course import Course, course_of
from ..analysis.drift import A_LOOK, Drift, find_drift_in, find_sudden, levels_of
from ..analysis.drift_wording import cause_words, sentence
from ..analysis.prompt_diff import prompt_diff
from ..analysis.quality import audits_missing
from ..analysis.stats import Floats
from ..analysis.task_drift import (
    NO_SCORES,
    UNAUDITED,
    Alarm,
    Drifts,
    Evidence,
    TaskDrift,
    alarm_of,
    begins_at,
    ends_at,
    fallen_of,
    first_alarms,
    in_order,
    judge_changes,
    last_week,
    scorers_changed,
    speaking,
    with_causes,
    without_evidence,
)
from ..analysis.weekly import Window, monday_of, week_of
from ..store.queries import query_sql
from ..store.task_edits import given_names, load_edits, names_today
from .reading import Reading
from .stated import stated_today

# What a task counts, where there are so many that not all can be looked at as strictly as one: high stakes twice.
_STAKES: Final = {"low": 0.5, "standard": 1.0, "high": 2.0, "critical": 2.0}
_SPEND: Final = (0.5, 2.0)
_MIX: Final = ("inputs", "scorer")
_NEARLY: Final = 0.999
_SHARES: Final = tuple(signal for signal in LEAST_CHANGE if signal != LENGTH)


@dataclass(frozen=True, slots=True)
class _Answers:
    """What the answers of all tasks look like, by column, and how many each task has."""

    signals: Signals
    answers: dict[str, int]


def load_drift(reading: Reading, as_of: datetime, since: date | None = None) -> Drifts:
    """What is known of every task's drift at a moment; `since`: scores and answers of weeks before it are left out."""
    through = last_week(as_of)
    period = {"since": begins_at(through), "until": min(as_of, ends_at(through))}
    acknowledged = _acknowledged(reading, as_of)
    starts = {task: week_of(week) for task, (week, _) in acknowledged.items()}
    every = reading.rows("weekly_scores", since=period["since"], until=as_of)
    every = [row for row in every if row["name"] == "quality"]
    scores = [row for row in every if week_of(row["week"]) <= through]
    judged = {row["task"] for row in scores}
    seen = _answers(reading, period)
    if since is not None:
        asked = dict.fromkeys({row["task"] for row in scores} | set(seen.answers), week_of(since))
        starts = {task: max(week, starts.get(task, week)) for task, week in asked.items()}
    has_judge = any(row["evidence"] == "judge" for row in every)
    doubles = reading.rows("weekly_doubles", since=period["since"], until=as_of) if has_judge else []
    chosen = speaking(scores, _audited(reading, scores, period), through, doubles)
    judges = judge_changes(reading.rows("judge_steps", task=None, **period)) if _has_judge(chosen) else {}
    calibrations = calibrations_of(scores, doubles, chosen)
    every = with_calibrated(every, doubles, chosen, calibrations)
    scores = [row for row in every if week_of(row["week"]) <= through]
    evidence = Evidence(scores, chosen, starts, judges)
    windows = {window.task: window for window in evidence.windows(through)}
    evidence = replace(evidence, weights=_weights(reading, list(windows), as_of))
    found = {d.task: d for d in find_drift_in(list(windows.values()), through, evidence.weights)}
    found |= {task: _with_scorers(drift, windows[task]) for task, drift in found.items()}
    signals: dict[str, list[AnswersChanged]] = defaultdict(list)
    for changed in changed_answers(seen.signals, through, starts):
        signals[changed.task].append(changed)
    alarms = _alarms(reading, as_of, acknowledged, evidence, found)
    running = through + 1
    today = {w.task: w for w in replace(evidence, rows=_in_running(every, running)).windows(running)}
    for drift in find_sudden(list(today.values()), running, evidence.weights):
        if drift.task not in alarms or alarms[drift.task].week > monday_of(through):
            found[drift.task] = drift
            alarms.setdefault(drift.task, alarm_of(drift, chosen[drift.task][0]))
    tasks = [
        TaskDrift(
            task,
            *chosen.get(task, ("", "")),
            drift=found.get(task) or without_evidence(task, through, UNAUDITED if task in judged else NO_SCORES),
            answers=seen.answers.get(task, 0),
            signals=tuple(signals[task]),
            alarm=alarms.get(task),
            acknowledged=acknowledged[task][0] if task in acknowledged else None,
            judge=judges.get(task) if chosen.get(task, ("", ""))[0] == "judge" else None,
            calibration=calibrations.get(task),
            course=_course(alarms.get(task), found.get(task), windows, today, through),
        )
        for task in sorted(set(found) | set(seen.answers) | judged | set(alarms))
    ]
    explained = _explained(reading, tasks, period | {"until": as_of})
    is_running = as_of < ends_at(through)
    return Drifts(as_of, monday_of(through), is_running, in_order(explained), since, reading.hindrances)


def _with_scorers(drift: Drift, window: Window) -> Drift:
    """A verdict that lacks evidence because others score now says so."""
    if drift.verdict != "too little evidence":
        return drift
    return replace(drift, reason=scorers_changed(window) or drift.reason)


def _has_judge(chosen: Mapping[str, tuple[str, str]]) -> bool:
    return any(evidence == "judge" for evidence, _ in chosen.values())


def _in_running(rows: Sequence[Mapping[str, Any]], running: int) -> list[Mapping[str, Any]]:
    """The rows of tasks that have scores in the running week."""
    today = {row["task"] for row in rows if week_of(row["week"]) == running}
    return [row for row in rows if row["task"] in today]


def _course(
    alarm: Alarm | None, drift: Drift | None, windows: Mapping[str, Window], today: Mapping[str, Window], through: int
) -> Course | None:
    """What became of an alarm; of one that the running week raised, with that week."""
    if alarm is None or drift is None or alarm.task not in windows:
        return None
    if week_of(alarm.week) > through and alarm.task in today:
        return course_of(today[alarm.task], through + 1, fallen_of(alarm), drift.overdispersion)
    return course_of(windows[alarm.task], through, fallen_of(alarm), drift.overdispersion)


def _weights(reading: Reading, tasks: Sequence[str], as_of: datetime) -> dict[str, float]:
    """What each task counts among many: by its stakes, and by the root of what it spends; alike where few are."""
    if sum(levels_of([1.0] * len(tasks))) < A_LOOK * _NEARLY:
        return {}
    stakes = stated_today(reading).stakes
    rows = reading.rows("task_spend", since=as_of - timedelta(days=28), until=as_of)
    spent = {row["task"]: float(row["cost_usd"] or 0) for row in rows}
    mean = sum(spent.get(task, 0.0) for task in tasks) / len(tasks)
    return {
        task: _STAKES.get(stakes.get(task, "standard"), 1.0)
        * (min(max((spent.get(task, 0.0) / mean) ** 0.5, _SPEND[0]), _SPEND[1]) if mean else 1.0)
        for task in tasks
    }


def _acknowledged(reading: Reading, as_of: datetime) -> dict[str, tuple[date, datetime]]:
    """Task -> the week of its new baseline and when that was said; the latest counts."""
    rows = sorted(reading.rows("drift_acknowledgements", until=as_of), key=lambda row: row["acknowledged_at"])
    called = _names_today(reading.con, rows, "acknowledged_at")
    return {
        task: (row["week"], row["acknowledged_at"]) for row, names in zip(rows, called, strict=True) for task in names
    }


def _names_today(con: Any, rows: Sequence[Mapping[str, Any]], said_at: str) -> list[tuple[str, ...]]:
    """What the tasks that each row was said of are called now: several names of one that was taken apart since."""
    edits = load_edits(con) if rows else []
    return [
        names_today(edits, row["said_of"] or row["task_name"], row[said_at], lambda: given_names(con)) for row in rows
    ]


def _audited(
    reading: Reading, scores: Iterable[Mapping[str, Any]], period: Mapping[str, datetime]
) -> set[tuple[str, str]]:
    """Task and series of the judges that people have audited."""
    if not any(row["evidence"] == "judge" for row in scores):
        return set()
    strata: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for row in reading.rows("judge_audits", **period):
        strata[row["task"], row["series"]].append(row)
    return {key for key, own in strata.items() if not audits_missing(own)}


def _answers(reading: Reading, period: Mapping[str, datetime]) -> _Answers:
    """Weekly counts of every signal; by column, as a row of Python per cell takes as long as counting them."""
    # Nothing in it is null: a column with nulls would be a masked one, which takes 30 ms to import.
    column: dict[str, Any] = reading.con.execute(query_sql("weekly_signals"), dict(period)).fetchnumpy()
    tasks = [str(task) for task in column["task"]]
    weeks = (column["week"].astype("datetime64[D]").astype(np.int64) + date(1970, 1, 1).toordinal() - 1) // 7
    values: dict[str, tuple[Floats, Floats, Floats, Floats]] = {}
    for signal in _SHARES:
        hits = column[signal].astype(np.float64)
        values[signal] = (column[f"{signal}_n"].astype(np.float64), hits, hits, hits)
    powers = [column[f"{LENGTH}{suffix}"].astype(np.float64) for suffix in ("_n", "", "_squares", "_cubes")]
    values[LENGTH] = (powers[0], powers[1], powers[2], powers[3])
    answers: dict[str, int] = defaultdict(int)
    for task, n in zip(tasks, column["answers"].tolist(), strict=True):
        answers[task] += n
    return _Answers(Signals(tasks, weeks, [str(s) for s in column["stratum"]], values), dict(answers))


def _alarms(
    reading: Reading,
    as_of: datetime,
    acknowledged: Mapping[str, tuple[date, datetime]],
    evidence: Evidence,
    found: Mapping[str, Drift],
) -> dict[str, Alarm]:
    """Task -> its alarm as first raised and not acknowledged since: the stored one, else what today's look raises."""
    stored: dict[str, Alarm] = {}
    rows = sorted(reading.rows("drift_alarms", until=as_of), key=lambda row: (row["raised_at"], row["week"]))
    for row, names in zip(rows, _names_today(reading.con, rows, "raised_at"), strict=True):
        # Of a task that was taken apart since, each part is looked at by itself.
        said = acknowledged.get(names[0])
        if len(names) == 1 and (said is None or row["raised_at"] > said[1]):
            stored.setdefault(names[0], _stored_alarm(names[0], row))
    fallen = [drift for drift in found.values() if drift.verdict == "fell" and drift.task not in stored]
    raised = {task: alarm_of(drift, evidence.chosen[task][0]) for task, drift in first_alarms(evidence, fallen).items()}
    return stored | raised


def _stored_alarm(task: str, row: Mapping[str, Any]) -> Alarm:
    return Alarm(
        task,
        row["evidence"],
        row["week"],
        row["since_week"],
        row["earliest_week"],
        row["latest_week"],
        row["loss"],
        row["loss_lower"],
        row["mean_before"],
        row["mean_after"],
        row["chance"],
        row["scores_before"] or 0,
        row["scores_after"] or 0,
        row["mix_part"],
    )


def _explained(reading: Reading, tasks: Sequence[TaskDrift], period: Mapping[str, datetime]) -> list[TaskDrift]:
    """The tasks with what changed near the start of those that have one."""
    started = [one for one in tasks if one.span is not None]
    if not started:
        return list(tasks)
    rows: dict[str, list[dict[str, Any]]] = defaultdict(list)
    asked: dict[str, Any] = {
        "tasks": [one.task for one in started],
        "evidences": [one.evidence for one in started],
        "series": [one.series for one in started],
    }
    for row in reading.rows("task_changes", **asked, **period):
        rows[row["task"]].append(row)
    texts = {(row["task"], row["prompt_version"]): row for row in reading.rows("prompt_versions")}
    return [_with_causes(one, rows[one.task], texts) if one.span else one for one in tasks]


def _with_causes(
    one: TaskDrift, rows: Sequence[Mapping[str, Any]], texts: Mapping[tuple[str, str], Mapping[str, Any]]
) -> TaskDrift:
    if one.span is None:
        return one
    loss = one.course.loss if one.course else one.alarm.loss if one.alarm else None
    # A changed mix is one of inputs or of those who score; a fall at equal ones is not explained by them.
    kinds = _MIX if _is_mix(one) else tuple(kind for kind in KINDS if not (one.alarm and kind in _MIX))
    return with_causes(one, [_named(cause, one.task, texts) for cause in find_causes(rows, one.span, loss, kinds)])


def _is_mix(one: TaskDrift) -> bool:
    return one.alarm is None and one.drift.verdict == "mix changed"


def _named(cause: Cause, task: str, texts: Mapping[tuple[str, str], Mapping[str, Any]]) -> Cause:
    """A prompt's versions by their numbers, with the edit between them where both texts were kept."""
    old, new = texts.get((task, cause.old)), texts.get((task, cause.new))
    if cause.kind != "prompt_version" or old is None or new is None:
        return cause
    diff = prompt_diff(old["text"], new["text"]) if old["text"] and new["text"] else []
    return replace(cause, old=str(old["number"]), new=str(new["number"]), diff=tuple(diff))


# --- keeping


def keep_drift(con: Any, results: Drifts) -> None:
    """The verdicts are the rows of their week in the table drift, and new alarms are kept as first raised.

    For a connection that may change the store; results of an invented moment or baseline are not for keeping.
    """
    con.execute("delete from drift where week = $week", {"week": results.week})
    for one in results.tasks:
        if one.evidence or one.signals:
            _insert(con, "drift", _drift_row(results, one))
    known = set(con.execute("select task_name, week, since_week from drift_alarms").fetchall())
    for one in results.tasks:
        if one.alarm and (one.task, one.alarm.week, one.alarm.since) not in known:
            _insert(con, "drift_alarms", _alarm_row(results, one.alarm))


def _insert(con: Any, table: str, row: Mapping[str, Any]) -> None:
    names, marks = ", ".join(row), ", ".join(f"${name}" for name in row)
    con.execute(f"insert into {table} ({names}) values ({marks})", dict(row))


def _drift_row(results: Drifts, one: TaskDrift) -> dict[str, Any]:
    drift, cause, span = one.drift, one.causes[0] if one.causes else None, one.span
    course = one.course
    return {
        "task_name": one.task,
        "week": results.week,
        "evidence": one.evidence or "signals",
        "verdict": one.found,
        "since_week": span.since if span else None,
        "earliest_week": span.earliest if span else None,
        "latest_week": span.latest if span else None,
        "loss": course.loss if course else drift.loss,
        "loss_lower": course.lower if course else drift.lower,
        "mean_before": course.before.value if course else drift.mean_before,
        "mean_after": course.now.value if course else drift.mean_after,
        "mix_part": course.mix_part if course else drift.mix_part,
        "quality_part": -course.loss if course else drift.quality_part,
        "scores_before": course.before.n if course else drift.n_before,
        "scores_after": course.now.n if course else drift.n_after,
        "now_low": course.now.low if course else None,
        "now_high": course.now.high if course else None,
        "now_weeks": course.now.weeks if course else None,
        "moved_week": monday_of(course.moved) if course and course.moved else None,
        "segment": course.segment.name if course and course.segment else None,
        "answers_lost_at_most": drift.lost_at_most if one.found == "mix changed" else None,
        "scores_to_decide": drift.scores_to_decide if one.found == "watch" else None,
        "cause": cause_words(cause, results.week) if cause else None,
        "detail": sentence(one, results.week),
        "cause_at": datetime.combine(cause.on, datetime.min.time()) if cause else None,
        "chance": drift.p,
        "could_have_seen": drift.could_have_seen,
        "is_alarm": one.is_alarm,
        "first_alarm_week": one.alarm.week if one.alarm else None,
    }


def _alarm_row(results: Drifts, alarm: Alarm) -> dict[str, Any]:
    return {
        "task_name": alarm.task,
        "said_of": alarm.task,
        "evidence": alarm.evidence,
        "week": alarm.week,
        "raised_at": results.as_of,
        "since_week": alarm.since,
        "earliest_week": alarm.earliest,
        "latest_week": alarm.latest,
        "loss": alarm.loss,
        "loss_lower": alarm.lower,
        "mean_before": alarm.mean_before,
        "mean_after": alarm.mean_after,
        "chance": alarm.chance,
        "scores_before": alarm.scores_before,
        "scores_after": alarm.scores_after,
        "mix_part": alarm.mix_part,
    }


def acknowledge(con: Any, drifts: Drifts, task: str, at: datetime, note: str | None) -> date:
    """The task's alarm is set aside; a new baseline begins with the last week that its fall may have begun in."""
    one = drifts.of(task)
    assert one is not None and one.alarm is not None
    if not con.execute("select 1 from drift_alarms where task_name = $task", {"task": task}).fetchone():
        _insert(con, "drift_alarms", _alarm_row(drifts, one.alarm))
    row = {
        "task_name": task,
        "said_of": task,
        "week": one.alarm.latest,
        "acknowledged_at": at,
        "note": note,
        "is_undone": False,
    }
    _insert(con, "drift_acknowledgements", row)
    return one.alarm.latest


def take_up_again(con: Any, task: str, at: datetime) -> bool:
    """The task's latest acknowledgement is undone; False where there is none."""
    return bool(
        con.execute(
            "update drift_acknowledgements set is_undone = true, undone_at = $at"
            " where task_name = $task and acknowledged_at = ("
            " select max(acknowledged_at) from drift_acknowledgements where task_name = $task and not is_undone)"
            " returning 1",
            {"task": task, "at": at},
        ).fetchall()
    )
