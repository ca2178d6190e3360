"""Has a task's quality fallen, since when, and is it the answers or the inputs? Verdicts over weekly sums of scores.

Reads weekly cells per task and stratum, or raw scores; decides with the scan of `scan.py`, each task at its own level.
Never blends kinds of evidence: the caller passes scores of one kind only. A score lies between 0 and 1.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal, cast

import numpy as np

from .power import scores_to_decide, smallest_visible_fall
from .scan import CANDIDATES, MIN_BASELINE_SCORES, MIN_BASELINE_WEEKS, MIN_NEW_SCORES, WEEKS, Scan, Sums, scan_all
from .stats import normal_quantile, normal_share
from .weekly import Cell, Window, candidate_week, candidate_weeks, window_of
from .weekly_rows import Outside, Row, Week, read_rows

Verdict = Literal["fell", "no sign of change", "mix changed", "too little evidence"]

FALSE_SHARE: Final = 0.05
# A task is looked at as strictly as one of so many at FALSE_SHARE together: alone at 0.05 a week, 55 to 60 % of
# unchanged tasks alarm within a year, as one of 16 7 to 9 %, of 20 5 to 7 %; 12 would be 8 to 12 %.
_ALONE: Final = 16
_AMONG: Final = 20
# The chances of all tasks in one look add up to no more: about one false alarm a month, however many tasks there are.
A_LOOK: Final = 0.3
# However little a task weighs, it keeps this much of an even share.
_LEAST_SHARE: Final = 0.25
# "Watch" is shown at this chance, a look; nothing else follows from it.
WATCH: Final = 0.05
# The running week is looked at daily for falls that a roll-back cannot wait for: this large, on so many scores, and so
# many times as strict as a week's look, that seven looks add next to nothing to a year's false alarms.
SUDDEN_LOSS: Final = 0.10
SUDDEN_SCORES: Final = 20
_TIMES_AS_STRICT: Final = 60
LEAST_LOSS: Final = 0.03
# The upper end of a 95 % interval: at one-sided 95 % the week that is chosen makes 6 of 100 such bounds false.
_UPPER: Final = normal_quantile(0.975)
_HALVINGS: Final = 60
# With less of the new scores in strata known before, the average's fall is neither the inputs' nor the answers'.
LEAST_COMPARED: Final = 0.5
NEW_INPUTS: Final = "the average fell, and most new inputs are of a kind not seen before"
UNDECIDED: Final = "the average fell, and how much of it is the answers' and how much the inputs' is not clear yet"


@dataclass(frozen=True, slots=True)
class Drift:
    """What the scores of one task say at the end of one week. Losses and parts are in score units: 0.03 is 3 points."""

    task: str
    # The last week looked at.
    week: Week
    verdict: Verdict
    # Why there is too little evidence; empty otherwise.
    reason: str = ""
    # Loss at equal mix from the likeliest start week on: biased upwards, so show `lower` beside it.
    loss: float | None = None
    # With 95 % confidence the loss is more than this, whichever of the start weeks it is.
    lower: float | None = None
    since_week: Week | None = None
    since_range: tuple[Week, Week] | None = None
    # The range reaches back to the first week that could be tried: the fall may be older.
    may_be_older: bool = False
    mean_before: float | None = None
    mean_after: float | None = None
    # mean_after - mean_before = mix_part + quality_part.
    mix_part: float | None = None
    quality_part: float | None = None
    p: float | None = None
    # The chance of a false alarm that this look allowed this task.
    level: float | None = None
    n_before: int = 0
    n_after: int = 0
    # Share of the new scores whose stratum has scores before too; only these were compared.
    compared_share: float | None = None
    # The fall that would be shown four times in five had it begun four weeks ago; None is "not even a total one".
    could_have_seen: float | None = None
    overdispersion: float = 1.0
    is_permuted: bool = False
    # Over the weeks of the window that have scores.
    scores_per_week: float = 0.0
    # At equal mix answers lost at most this from the start week on: the end of a 95 % interval.
    lost_at_most: float | None = None
    # A fall may have begun, p below WATCH: how many more scores would tell, if it is as large as it looks; None where
    # even very many would not.
    is_watch: bool = False
    scores_to_decide: int | None = None

    @property
    def total_change(self) -> float | None:
        """What a plain average shows: after less before, at whatever mix."""
        return None if self.mean_before is None or self.mean_after is None else self.mean_after - self.mean_before

    @property
    def is_open(self) -> bool:
        """Inputs got harder, and answers may have lost what matters too."""
        return self.verdict == "mix changed" and (self.is_watch or (self.lost_at_most or 0.0) >= LEAST_LOSS)


@dataclass(frozen=True, slots=True)
class Look:
    """One scan of a task and the chance of a false alarm that it may take."""

    scan: Scan | None
    level: float

    @property
    def is_loss(self) -> bool:
        """It shows a loss that matters."""
        return self.scan is not None and self.scan.p <= self.level and self.scan.loss >= LEAST_LOSS


def levels_of(weights: Sequence[float]) -> list[float]:
    """The chance of a false alarm that one look allows each task: the same yearly rate whatever other tasks do.

    Beyond what all tasks together may raise, it is shared out by weight (stakes, spend), none taking more than it would
    among few. Benjamini-Hochberg over all tasks of a look halves what is found among 500 and gains only where many fall
    at once: `tests.simulations.drift_looks`.
    """
    most = FALSE_SHARE / min(max(len(weights), _ALONE), _AMONG)
    if len(weights) * most <= A_LOOK:
        return [most] * len(weights)
    mean = sum(weights) / len(weights)
    shares = np.array([max(weight / mean, _LEAST_SHARE) if mean > 0 else 1.0 for weight in weights])
    low, high = 0.0, most / _LEAST_SHARE
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if np.minimum(shares * middle, most).sum() <= A_LOOK else (low, middle)
    return np.minimum(shares * low, most).tolist()


def find_drift(
    cells: Iterable[Cell],
    through: int,
    baselines: Mapping[str, int] | None = None,
    weights: Mapping[str, float] | None = None,
) -> list[Drift]:
    """One verdict a task at the end of week `through`, by task name.

    `baselines`: first week that counts, for tasks whose alarm was acknowledged. Cells of one key add up.
    `weights`: what a task counts among many, 1 where nothing is said.
    """
    starts = baselines or {}
    by_task: dict[str, list[Cell]] = defaultdict(list)
    for cell in cells:
        if cell.week <= through:
            by_task[cell.task].append(cell)
    return find_drift_in(
        [window_of(task, by_task[task], through, starts.get(task)) for task in sorted(by_task)], through, weights
    )


def find_drift_in(
    windows: Sequence[Window], through: int, weights: Mapping[str, float] | None = None, among: int = 0
) -> list[Drift]:
    """As `find_drift`, from the windows of all tasks at the end of week `through`, in their order.

    `among`: how many tasks there are, where these are some of them.
    """
    alpha = min(FALSE_SHARE / _AMONG, A_LOOK / max(len(windows), 1))
    found = scan_all([(w.sums, w.scores) for w in windows], alpha)
    levels = _levels(windows, found, weights or {}, among)
    plain = _plain(windows, found, alpha)
    inputs = _inputs(windows, alpha)
    return [
        _verdict(window, through, Look(f, level), Look(one, level), Look(mix, level))
        for window, f, one, mix, level in zip(windows, found, plain, inputs, levels, strict=True)
    ]


def _levels(
    windows: Sequence[Window], found: Sequence[Scan | None], weights: Mapping[str, float], among: int
) -> list[float]:
    """By window; tasks without evidence raise nothing and take no share."""
    tested = [i for i, one in enumerate(found) if one is not None]
    own = [weights.get(windows[i].task, 1.0) for i in tested]
    mean = sum(weights.values()) / len(weights) if weights else 1.0
    levels = [0.0] * len(windows)
    for i, level in zip(tested, levels_of([*own, *[mean] * (among - len(own))]), strict=False):
        levels[i] = level
    return levels


def find_sudden(windows: Sequence[Window], running: int, weights: Mapping[str, float] | None = None) -> list[Drift]:
    """Tasks that fell by much within the running week, which its windows end with: one comparison each, very strict.

    Assumes: as `find_drift`; looked at daily. Lies when: those who score early in a week differ from others.
    """
    found = scan_all([(w.sums, w.scores) for w in windows], 1.0)
    levels = _levels(windows, found, weights or {}, 0)
    sudden: list[Drift] = []
    for window, scan, level in zip(windows, found, levels, strict=True):
        last = CANDIDATES - 1
        if scan is None or not scan.split.is_eligible[last] or window.sums.n[-1].sum() < SUDDEN_SCORES:
            continue
        p = normal_share(-float(scan.split.evidence(scan.overdispersion)[last]))
        if p > level / _TIMES_AS_STRICT or scan.split.loss[last] < SUDDEN_LOSS:
            continue
        one = _compared(window, running, scan, last, "fell", level)
        sudden.append(replace(one, p=p, since_range=(running, running), may_be_older=False))
    return sudden


def _plain(windows: Sequence[Window], found: Sequence[Scan | None], alpha: float) -> list[Scan | None]:
    """The scans of plain averages, which a change of mix moves too."""
    plain = list(found)
    several = [i for i, window in enumerate(windows) if window.strata > 1]
    pooled = [windows[i].as_one_stratum() for i in several]
    for i, one in zip(several, scan_all([(w.sums, w.scores) for w in pooled], alpha), strict=True):
        plain[i] = one
    return plain


def _inputs(windows: Sequence[Window], alpha: float) -> list[Scan | None]:
    """The scans of how hard inputs are: each counts what its stratum scores over the whole window.

    Scores vary within a stratum and this does not, so that a shift is found that a plain average would still hide.
    """
    found: list[Scan | None] = [None] * len(windows)
    several = [i for i, window in enumerate(windows) if window.strata > 1]
    expected = [(windows[i].sums.as_expected(), None) for i in several]
    for i, one in zip(several, scan_all(expected, alpha), strict=True):
        found[i] = one
    return found


def _verdict(window: Window, through: int, own: Look, plain: Look, inputs: Look) -> Drift:
    """The words for one task."""
    found = own.scan
    if found is None:
        return Drift(
            window.task,
            through,
            "too little evidence",
            _what_lacks(window.sums),
            scores_per_week=_per_week(window.sums),
        )
    if own.is_loss:
        return _compared(window, through, found, found.best, "fell", own.level)
    if (mixed := _mixed(window, through, found, inputs)) and _is_mix(mixed):
        return mixed
    if mixed := _mixed(window, through, found, plain):
        if _compared_share(mixed) < LEAST_COMPARED:
            return replace(mixed, verdict="too little evidence", reason=NEW_INPUTS)
        return mixed if _is_mix(mixed) else replace(mixed, verdict="too little evidence", reason=UNDECIDED)
    seen = smallest_visible_fall(window.sums, found, own.level, LEAST_LOSS)
    quiet = _compared(window, through, found, found.best, "no sign of change", own.level)
    if quiet.is_watch:
        return replace(quiet, could_have_seen=seen, scores_to_decide=scores_to_decide(found, own.level))
    return replace(quiet, since_week=None, since_range=None, may_be_older=False, could_have_seen=seen)


def _mixed(window: Window, through: int, found: Scan, look: Look) -> Drift | None:
    """The parts of a fall that the answers at equal inputs do not show; None where this look shows none either."""
    if look.scan is None or not look.is_loss:
        return None
    mixed = _compared(window, through, found, look.scan.best, "mix changed", look.level)
    is_older = look.scan.compatible[0] == int(np.argmax(look.scan.split.is_eligible))
    weeks = candidate_weeks(through, look.scan.compatible)
    return replace(mixed, p=look.scan.p, since_range=weeks, may_be_older=is_older)


def _compared_share(drift: Drift) -> float:
    return drift.compared_share or 0.0


def _is_mix(drift: Drift) -> bool:
    """The change of mix alone takes away the least loss, and more than the answers do, of an average that fell."""
    mix, quality = drift.mix_part or 0.0, drift.quality_part or 0.0
    has_fallen = mix + quality <= -LEAST_LOSS and _compared_share(drift) >= LEAST_COMPARED
    return has_fallen and mix <= -LEAST_LOSS and mix <= quality


def _compared(window: Window, through: int, found: Scan, best: int, verdict: Verdict, level: float) -> Drift:
    """The numbers of one start week, parts included."""
    sides = found.split
    shared = sides.weight[best] > 0
    n_before, n_after = sides.n_before[best], sides.n_after[best]
    before, after = found.plain_means(window.sums, best)
    loss = float(sides.loss[best])
    return Drift(
        window.task,
        through,
        verdict,
        loss=loss,
        lower=found.lower(best),
        since_week=candidate_week(through, best),
        since_range=candidate_weeks(through, found.compatible),
        may_be_older=found.compatible[0] == int(np.argmax(sides.is_eligible)),
        mean_before=before,
        mean_after=after,
        mix_part=after - before + loss,
        quality_part=-loss,
        p=found.p,
        level=level,
        n_before=round(float(n_before.sum())),
        n_after=round(float(n_after.sum())),
        compared_share=float(n_after[shared].sum() / n_after.sum()),
        scores_per_week=_per_week(window.sums),
        overdispersion=found.overdispersion,
        is_permuted=found.is_permuted,
        lost_at_most=loss + _UPPER * float(sides.se[best]) * found.overdispersion**0.5,
        is_watch=verdict != "fell" and found.p < WATCH and found.loss >= LEAST_LOSS,
    )


def _per_week(sums: Sums) -> float:
    """Scores a week, over the weeks with any."""
    by_week = sums.n.sum(axis=1)
    return float(by_week.sum() / max(1, np.count_nonzero(by_week)))


def _what_lacks(sums: Sums) -> str:
    """One clause that says what would have to be there."""
    by_week = sums.n.sum(axis=1)
    scores, weeks = round(float(by_week.sum())), int(np.count_nonzero(by_week))
    if scores < MIN_BASELINE_SCORES + MIN_NEW_SCORES:
        return f"{scores} scores in {WEEKS} weeks; {MIN_BASELINE_SCORES} before and {MIN_NEW_SCORES} new are needed"
    if weeks <= MIN_BASELINE_WEEKS:
        return f"scores in {weeks} weeks; {MIN_BASELINE_WEEKS} before and 1 new are needed"
    if by_week[-CANDIDATES:].sum() < MIN_NEW_SCORES:
        return f"fewer than {MIN_NEW_SCORES} scores in the last {CANDIDATES} weeks"
    return "too few inputs of one kind both before and after"


def weekly_verdicts(rows: Iterable[Row], acknowledged: Mapping[str, Week] | None = None) -> list[Drift]:
    """What `find_drift` says at the end of every week from the first with scores to the last, by week, then task."""
    outside = read_rows(rows)
    starts = {str(task): outside.number(week) for task, week in (acknowledged or {}).items()}
    return [_named(drift, outside) for through in outside.weeks for drift in find_drift(outside.cells, through, starts)]


def weekly_alarms(rows: Iterable[Row], acknowledged: Mapping[str, Week] | None = None) -> list[Drift]:
    """The verdicts "fell" of every weekly look over rows (task, week, stratum, score); repeated until acknowledged.

    Weeks are whole numbers, dates or ISO dates, one kind throughout. `acknowledged`: where a task's baseline begins.
    """
    return [drift for drift in weekly_verdicts(rows, acknowledged) if drift.verdict == "fell"]


def _named(drift: Drift, outside: Outside) -> Drift:
    """The same verdict with its task and weeks as they were given."""

    def name(week: Week) -> Week:
        return outside.week(int(cast("int", week)))

    since, between = drift.since_week, drift.since_range
    return replace(
        drift,
        task=outside.tasks[drift.task],
        week=name(drift.week),
        since_week=None if since is None else name(since),
        since_range=None if between is None else (name(between[0]), name(between[1])),
    )
