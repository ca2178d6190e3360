"""Owns what is known of the drift of all tasks at one moment: which evidence speaks for each, verdicts, alarms, causes.

Pure of the clock and of the store. The statistics are `drift` (scores) and `behaviour` (what capture sees).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from math import ceil
from typing import Any, Final

import numpy as np

from .behaviour import AnswersChanged
from .calibration import PEOPLE, Calibration, calibration_of, is_enough
from .causes import Cause, Span
from .course import Course, Fallen
from .drift import Drift, find_drift_in
from .scan import CANDIDATES, MIN_BASELINE_SCORES, MIN_NEW_SCORES, WEEKS
from .stratum import scored_by, scorer_of
from .weekly import Window, grid_of, monday_of, week_of

# Best first. A judge speaks only where people audited it, and then last.
LADDER: Final = ("reference", "label", "review", "feedback", "judge")
UNAUDITED: Final = "only a judge that nobody audited has scored it; see `llmwatch review`"
NO_SCORES: Final = "no scores"
ONLY_WITH_EACH_OTHER: Final = "the new scores are by {new}, those before by {old}, and only scores of one are compared"
# A scorer of fewer is not told apart.
SMALL_SCORER: Final = 0.1
OTHER_SCORERS: Final = "others"
LEAST_JOINT: Final = 30
JOINED_WITHIN: Final = 0.04
# Judges that differ on every tenth answer.
_LIKELY_VARIANCE: Final = 0.1
# The running week counts from Saturday on: a look a day would make seven chances of a false alarm of one. Before, only
# falls that nobody can wait for are looked for in it, very strictly: `drift.find_sudden`.
_ENOUGH_OF_A_WEEK: Final = timedelta(days=5)


@dataclass(frozen=True, slots=True)
class JudgeChange:
    """Another judge scores a task than before: by how much it scores the same answers higher, as far as is measured."""

    old: str
    new: str
    # Answers that both scored.
    n: int
    step: float
    error: float

    @property
    def is_joined(self) -> bool:
        """The step is known to +-4 points, so that the older series can stand before the newer one."""
        return self.n >= LEAST_JOINT and 1.96 * self.error <= JOINED_WITHIN

    @property
    def missing(self) -> int:
        """Answers that both have still to score, about; 0 once the series are joined."""
        if self.is_joined:
            return 0
        variance = self.error**2 * self.n if self.n >= LEAST_JOINT else _LIKELY_VARIANCE
        return max(ceil(variance * (1.96 / JOINED_WITHIN) ** 2) - self.n, LEAST_JOINT - self.n, 1)


def judge_changes(rows: Rows) -> dict[str, JudgeChange]:
    """Task -> the change from the last judge before its present one; rows of the query judge_steps.

    Assumes: the two differ by as much on any answers of the task. Lies when: one is stricter on bad answers alone and
    quality falls at the same time.
    """
    last = {row["task"]: row for row in sorted(rows, key=lambda row: (row["older_until"], row["older"]))}
    found: dict[str, JudgeChange] = {}
    for task, row in last.items():
        n, total, squares = int(row["n"]), float(row["total"]), float(row["squares"])
        step = total / n if n else 0.0
        # Half a pseudo-answer that they differ on either way: never certain.
        variance = (max(squares - n * step**2, 0.0) + 1.0) / (n + 1)
        found[task] = JudgeChange(row["older"], row["series"], n, step, (variance / n) ** 0.5 if n else 1.0)
    return found


@dataclass(frozen=True, slots=True)
class Alarm:
    """A fall as it was first raised, at the end of the week that began on `week`; weeks are their Mondays."""

    task: str
    evidence: str
    week: date
    since: date
    earliest: date
    latest: date
    loss: float
    lower: float | None = None
    mean_before: float | None = None
    mean_after: float | None = None
    chance: float | None = None
    scores_before: int = 0
    scores_after: int = 0
    mix_part: float | None = None


@dataclass(frozen=True, slots=True)
class TaskDrift:
    """One task: what its scores say, what its answers look like, and what changed near the start."""

    task: str
    # The rung of evidence whose scores were compared; empty where there are none.
    evidence: str
    series: str
    # Weeks are numbers, as `weekly.week_of` has them.
    drift: Drift
    answers: int = 0
    signals: tuple[AnswersChanged, ...] = ()
    causes: tuple[Cause, ...] = ()
    # The first alarm that nobody acknowledged; what is found of the same fall later is `drift`.
    alarm: Alarm | None = None
    acknowledged: date | None = None
    # What became of the alarm by today; None where too few scores say.
    course: Course | None = None
    # Another judge has begun within the weeks that are compared.
    judge: JudgeChange | None = None
    # The judge that people's scores calibrate, whose answers sharpen theirs.
    calibration: Calibration | None = None

    @property
    def standing(self) -> str:
        """Of an alarm: fell, fell again or recovered; empty without one."""
        if self.alarm is None:
            return ""
        return self.course.standing if self.course else "fell"

    @property
    def found(self) -> str:
        """The verdict in a word, as it is shown and stored: of an alarm where it stands."""
        if self.alarm or self.drift.verdict == "mix changed":
            return self.standing or "mix changed"
        return "answers changed" if self.signals else "watch" if self.drift.is_watch else self.drift.verdict

    @property
    def is_alarm(self) -> bool:
        """It fell, nobody acknowledged it, and it has not recovered."""
        return self.standing in ("fell", "fell again")

    @property
    def scores_per_week(self) -> float:
        """Scores a week on average over the weeks that were compared."""
        return self.drift.scores_per_week

    @property
    def span(self) -> Span | None:
        """When it began: the fall's that is told, else that of the verdict or of the first signal."""
        if self.course and self.standing == "fell again":
            return _span(self.course.moved, self.course.moved_between)
        if self.course and self.course.since is not None:
            return _span(self.course.since, self.course.between)
        if self.alarm:
            return Span(self.alarm.since, self.alarm.earliest, self.alarm.latest)
        if self.drift.verdict == "mix changed":
            return _span(self.drift.since_week, self.drift.since_range)
        return _span(self.signals[0].since_week, self.signals[0].since_range) if self.signals else None


def _span(since: Any, between: Any) -> Span | None:
    if since is None or between is None:
        return None
    return Span(monday_of(int(since)), monday_of(int(between[0])), monday_of(int(between[1])))


@dataclass(frozen=True, slots=True)
class Drifts:
    """All tasks at `as_of`: those with an alarm first, then by how much is known of them."""

    as_of: datetime
    # The Monday of the last week that counts, and whether that week is still running.
    week: date
    is_week_running: bool
    tasks: tuple[TaskDrift, ...]
    # Scores before this day were left out at the user's wish.
    since: date | None = None
    hindrances: tuple[str, ...] = ()

    @property
    def has_alarm(self) -> bool:
        """Some task fell, nobody acknowledged it and it has not recovered; what `--fail-on drift` asks."""
        return any(task.is_alarm for task in self.tasks)

    @property
    def fell(self) -> tuple[TaskDrift, ...]:
        """Tasks with an alarm that stands."""
        return tuple(task for task in self.tasks if task.is_alarm)

    @property
    def changed(self) -> tuple[TaskDrift, ...]:
        """Tasks whose answers changed while scores say nothing of a fall."""
        return tuple(task for task in self.tasks if task.signals and not task.alarm)

    def of(self, task: str) -> TaskDrift | None:
        """One task by its name."""
        return next((one for one in self.tasks if one.task == task), None)


def last_week(as_of: datetime) -> int:
    """The last week that counts: the running one from Saturday 00:00 UTC on, else the one before."""
    week = week_of(as_of.date())
    begun = datetime.combine(monday_of(week), datetime.min.time())
    return week if as_of - begun >= _ENOUGH_OF_A_WEEK else week - 1


def ends_at(week: int) -> datetime:
    """The first moment after a week."""
    return datetime.combine(monday_of(week + 1), datetime.min.time())


def begins_at(through: int) -> datetime:
    """The first moment of the window that ends with week `through`."""
    return datetime.combine(monday_of(through - WEEKS + 1), datetime.min.time())


Rows = Sequence[Mapping[str, Any]]


def speaking(
    rows: Rows, audited: Iterable[tuple[str, str]], through: int, doubles: Rows = ()
) -> dict[str, tuple[str, str]]:
    """Task -> the rung and series whose scores are compared: the first of the ladder with enough of them.

    `rows`: the query weekly_scores. `audited`: task and series of judges that people audited; of others and of names
    but quality nothing is used. Of judges only the latest series counts: another judge measures something else.
    A rung with so few scores that an audited judge's show far more gives way to it; `doubles`: weekly_doubles.
    """
    is_audited = set(audited)
    sizes: dict[str, dict[tuple[str, str], list[float]]] = defaultdict(dict)
    for row in rows:
        if row["name"] != "quality" or row["evidence"] not in LADDER:
            continue
        key = (row["evidence"], row["series"])
        if row["evidence"] == "judge" and (row["task"], row["series"]) not in is_audited:
            continue
        size = sizes[row["task"]].setdefault(key, [0.0, 0.0, 0.0])
        week = week_of(row["week"])
        size[0 if week <= through - CANDIDATES else 1] += row["n"]
        size[2] = max(size[2], row["last_scored_at"].timestamp())
    both: dict[tuple[str, str], list[Mapping[str, Any]]] = defaultdict(list)
    for row in doubles:
        both[row["task"], row["evidence"]].append(row)
    return {task: _first_enough(task, found, both) for task, found in sizes.items()}


def _first_enough(
    task: str, found: Mapping[tuple[str, str], list[float]], doubles: Mapping[tuple[str, str], Rows]
) -> tuple[str, str]:
    latest = max((size[2] for (evidence, _), size in found.items() if evidence == "judge"), default=0.0)
    kept = {key: size for key, size in found.items() if key[0] != "judge" or size[2] == latest}
    ordered = sorted(kept, key=lambda key: (LADDER.index(key[0]), key[1]))
    # What is enough for some start week: the scan itself looks closer.
    enough = [
        key
        for key in ordered
        if sum(kept[key][:2]) >= MIN_BASELINE_SCORES + MIN_NEW_SCORES and kept[key][1] >= MIN_NEW_SCORES
    ]
    judge = next((key for key in enough if key[0] == "judge"), None)
    for key in enough:
        if judge is None or key == judge:
            return key
        known = calibration_of(doubles.get((task, key[0]), ()), judge[1]) if key[0] in PEOPLE else None
        if is_enough((kept[key][0], kept[key][1]), (kept[judge][0], kept[judge][1]), known):
            return key
    return max(ordered, key=lambda key: (kept[key][0] + kept[key][1], -LADDER.index(key[0])))


def windows_of(
    rows: Rows,
    chosen: Mapping[str, tuple[str, str]],
    through: int,
    starts: Mapping[str, int],
    judges: Mapping[str, JudgeChange] | None = None,
) -> list[Window]:
    """The window of each task from the rows of the rung that speaks for it, and of a judge's older series joined to it.

    Scores are compared within a segment, and of people within one scorer: a stricter one is no fall.
    """
    kept = [
        row for row in rows if row["name"] == "quality" and chosen.get(row["task"]) == (row["evidence"], row["series"])
    ]
    if judges:
        kept += joined(rows, chosen, judges)
    if not kept:
        return []
    strata = _strata(kept)
    numbers = np.array([[r["n"], r["total"], r["squares"], r["cubes"]] for r in kept], dtype=np.float64).T
    weeks = np.array([week_of(row["week"]) for row in kept], dtype=np.int64)
    grid = grid_of([r["task"] for r in kept], weeks, strata, numbers[0], through, starts)
    return grid.windows(grid.sums(numbers[0], numbers[1], numbers[2], numbers[3]))


def _strata(rows: Rows) -> list[str]:
    """The stratum of each row, with its scorer where a task has several who scored enough to stand alone."""
    by_scorer: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for row in rows:
        by_scorer[row["task"]][row["scorer"]] += row["n"]
    large = {
        task: {scorer for scorer, n in found.items() if n >= SMALL_SCORER * sum(found.values())}
        for task, found in by_scorer.items()
    }
    return [
        row["stratum"]
        if len(by_scorer[row["task"]]) == 1
        else scored_by(row["stratum"], row["scorer"] if row["scorer"] in large[row["task"]] else OTHER_SCORERS)
        for row in rows
    ]


def scorers_changed(window: Window) -> str:
    """The reason why nothing is compared where others score now than before; empty where the same do."""
    by_scorer: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
    for s, name in enumerate(window.names):
        n = window.sums.n[:, s]
        halves = by_scorer[scorer_of(name)]
        halves[0] += float(n[:-CANDIDATES].sum())
        halves[1] += float(n[-CANDIDATES:].sum())
    sums = [sum(halves[at] for halves in by_scorer.values()) for at in (0, 1)]
    if len(by_scorer) < 2 or not all(sums):
        return ""
    old, new = (max(by_scorer, key=lambda scorer: by_scorer[scorer][at]) for at in (0, 1))
    # The last weeks hold scores of both where the change lies within them.
    gained = max(by_scorer, key=lambda scorer: by_scorer[scorer][1] / sums[1] - by_scorer[scorer][0] / sums[0])
    new = gained if new == old else new
    return ONLY_WITH_EACH_OTHER.format(new=new, old=old) if new != old else ""


def joined(rows: Rows, chosen: Mapping[str, tuple[str, str]], judges: Mapping[str, JudgeChange]) -> Rows:
    """The rows of an older judge on the scale of the one that speaks, counting as much as the measured step leaves.

    An average of n scores of variance v with a step of variance s is worth v / (v / n + s) scores.
    """
    older: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        change = judges.get(row["task"])
        if change is None or not change.is_joined or chosen.get(row["task"]) != ("judge", change.new):
            continue
        if (row["evidence"], row["name"], row["series"]) == ("judge", "quality", change.old):
            older[row["task"]].append(row)
    found: list[Mapping[str, Any]] = []
    for task, own in older.items():
        change = judges[task]
        n, total, squares = (float(sum(row[name] for row in own)) for name in ("n", "total", "squares"))
        variance = (max(squares - total * total / n, 0.0) + 0.25) / (n + 1)
        share = variance / (variance + n * change.error**2)
        found += [_shifted(row, change.step, share) for row in own]
    return found


def _shifted(row: Mapping[str, Any], step: float, share: float) -> dict[str, Any]:
    n, t, s = float(row["n"]), float(row["total"]), float(row["squares"])
    cubes = float(row["cubes"]) + 3 * step * s + 3 * step**2 * t + n * step**3
    moved = {"n": n, "total": t + n * step, "squares": s + 2 * step * t + n * step**2, "cubes": cubes}
    return {**row, **{name: share * value for name, value in moved.items()}}


@dataclass(frozen=True, slots=True)
class Evidence:
    """What every look reads: scores by week, what speaks for each task, and what tasks count."""

    rows: Rows
    chosen: Mapping[str, tuple[str, str]]
    # First week that counts, of tasks with an acknowledged alarm.
    starts: Mapping[str, int]
    judges: Mapping[str, JudgeChange] = field(default_factory=dict[str, JudgeChange])
    weights: Mapping[str, float] = field(default_factory=dict[str, float])

    def windows(self, through: int, tasks: Iterable[str] | None = None) -> list[Window]:
        """The windows of some tasks, or of all, at the end of a week."""
        chosen = self.chosen if tasks is None else {task: self.chosen[task] for task in tasks}
        return windows_of(self.rows, chosen, through, self.starts, self.judges)


def first_alarms(evidence: Evidence, fallen: Sequence[Drift]) -> dict[str, Drift]:
    """Task -> the earliest of the weekly looks, without a gap until today's, that would have raised its alarm.

    Only these tasks are looked at again, over the weeks that are at hand: an older look has a shorter baseline.
    """
    first = {drift.task: drift for drift in fallen}
    open_tasks = set(first)
    through = int(str(fallen[0].week)) if fallen else 0
    for week in range(through - 1, through - CANDIDATES, -1):
        if not open_tasks:
            break
        windows = evidence.windows(week, sorted(open_tasks))
        found = {d.task: d for d in find_drift_in(windows, week, evidence.weights, len(evidence.chosen))}
        open_tasks = {task for task, drift in found.items() if drift.verdict == "fell"}
        first |= {task: found[task] for task in open_tasks}
    return first


def fallen_of(alarm: Alarm) -> Fallen:
    """What the course of an alarm is told from."""
    return Fallen(week_of(alarm.since), alarm.loss, alarm.mean_before, alarm.scores_before)


def alarm_of(drift: Drift, evidence: str) -> Alarm:
    """The alarm that a verdict "fell" raises."""
    span = _span(drift.since_week, drift.since_range)
    assert span is not None
    return Alarm(
        drift.task,
        evidence,
        monday_of(int(str(drift.week))),
        span.since,
        span.earliest,
        span.latest,
        drift.loss or 0.0,
        drift.lower,
        drift.mean_before,
        drift.mean_after,
        drift.p,
        drift.n_before,
        drift.n_after,
        drift.mix_part,
    )


_ORDER: Final = {"answers changed": 1, "mix changed": 2, "watch": 3, "no sign of change": 4, "too little evidence": 5}


def in_order(tasks: Iterable[TaskDrift]) -> tuple[TaskDrift, ...]:
    """Alarms by loss, then changed answers, changed inputs, no sign, too little; the busiest first."""
    return tuple(sorted(tasks, key=_place))


def _place(one: TaskDrift) -> tuple[float, float, int, str]:
    if one.alarm:
        return (0 if one.is_alarm else 0.5), -one.alarm.loss, -one.answers, one.task
    return _ORDER[one.found], 0.0, -one.answers, one.task


def without_evidence(task: str, through: int, reason: str) -> Drift:
    """The verdict on a task that has no scores that count."""
    return Drift(task, through, "too little evidence", reason)


def with_causes(one: TaskDrift, causes: Sequence[Cause]) -> TaskDrift:
    """The same task with what changed near its start."""
    return replace(one, causes=tuple(causes))
