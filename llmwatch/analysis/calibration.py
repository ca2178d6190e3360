"""Reviews calibrate the judge: weekly scores of people, sharpened by the many answers that a judge scored as well.

Each week's average of people moves by the slope times what the judge says of all its answers beyond those that people
scored too. What the judge says there has mean zero whatever the judge is like: one that errs otherwise than before
makes the average less sharp and no less true. Pure; rows are those of the queries weekly_scores and weekly_doubles.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

Rows = Sequence[Mapping[str, Any]]
# Who may calibrate a judge; feedback comes from those who felt like giving it.
PEOPLE: Final = ("reference", "label", "review")
# Fewer answers that both scored say too little of how closely a judge follows people.
LEAST_DOUBLES: Final = 30
# What a judge is taken to follow people by where that is not known, as a share of variance.
_UNKNOWN_FIT: Final = 0.25
# A judge says how far answers fell on its own scale alone, and may itself have drifted: people speak where what they
# scored is worth at least so much of what it scored.
_ENOUGH: Final = 0.5


@dataclass(frozen=True, slots=True)
class Calibration:
    """How one judge's scores follow those of people on the same answers of a task, within weeks and strata."""

    series: str
    # Answers that both scored.
    doubles: int
    # Points of people's scores per point of the judge's, and the share of their variance that it foretells.
    slope: float
    fit: float

    @property
    def is_known(self) -> bool:
        """Enough answers were scored by both."""
        return self.doubles >= LEAST_DOUBLES


def calibration_of(doubles: Rows, series: str) -> Calibration:
    """The slope and the fit of one task, from its rows of weekly_doubles of one rung of people.

    Reference: the regression estimator, W. Cochran, Sampling Techniques, 7; power-tuned prediction-powered inference,
    A. Angelopoulos et al. (2023). Lies when: people chose what to review by something the judge does not see.
    """
    own = [row for row in doubles if row["series"] == series]
    n = sum(int(row["n"]) for row in own)
    people = sum(_spread(row, "people_squares", "people", "people") for row in own)
    judge = sum(_spread(row, "judge_squares", "judge", "judge") for row in own)
    both = sum(_spread(row, "product", "people", "judge") for row in own)
    free = n - len(own)
    # A judge that never differs, or follows people the wrong way round, says nothing.
    if free <= 0 or judge <= 0 or both <= 0:
        return Calibration(series, n, 0.0, 0.0)
    # Half a pseudo-answer either way keeps a few dozen from looking exact; adjusted for the slope that was fitted.
    fit = both**2 / ((people + 0.25) * (judge + 0.25))
    return Calibration(series, n, both / (judge + 0.25), max(1 - (1 - fit) * free / max(free - 1, 1), 0.0))


def _spread(row: Mapping[str, Any], product: str, one: str, other: str) -> float:
    return float(row[product]) - float(row[one]) * float(row[other]) / float(row["n"])


def calibrated(rows: Rows, doubles: Rows, evidence: str, calibration: Calibration) -> list[dict[str, Any]]:
    """One task's rows of a rung of people with each week's average calibrated, as the scores that it is worth.

    A cell keeps its variance and skewness and counts as n / (1 - m / n * fit * (1 - M / N)) scores: n by people, m of
    them by the judge too; of all people of that week and stratum M, who share what the judge says of its N answers.
    """
    judged: dict[tuple[Any, str], list[float]] = defaultdict(lambda: [0.0, 0.0])
    for row in rows:
        if row["evidence"] == "judge" and row["series"] == calibration.series:
            sums = judged[row["week"], row["stratum"]]
            sums[0] += row["n"]
            sums[1] += row["total"]
    both = {
        (row["week"], row["stratum"], row["scorer"]): row
        for row in doubles
        if row["evidence"] == evidence and row["series"] == calibration.series
    }
    shared: dict[tuple[Any, str], float] = defaultdict(float)
    for (week, stratum, _), double in both.items():
        shared[week, stratum] += float(double["n"])
    found: list[dict[str, Any]] = []
    for row in rows:
        if row["evidence"] != evidence:
            continue
        double = both.get((row["week"], row["stratum"], row["scorer"]))
        place = row["week"], row["stratum"]
        found.append({**row, **_moved(row, double, judged[place], shared[place], calibration)})
    return found


def _moved(
    row: Mapping[str, Any], double: Mapping[str, Any] | None, judge: Sequence[float], shared: float, by: Calibration
) -> dict[str, float]:
    n_judged, judged = judge
    if double is None or n_judged <= double["n"]:
        return {}
    n, m = float(row["n"]), float(double["n"])
    plain = float(row["total"]) / n
    mean = plain + by.slope * m / n * (judged / n_judged - float(double["judge"]) / m)
    worth = n / (1 - m / n * by.fit * max(1 - shared / n_judged, 0.0))
    # The second and third moment about the mean stay those of the scores.
    second = max(float(row["squares"]) / n - plain**2, 0.0)
    third = float(row["cubes"]) / n - 3 * plain * float(row["squares"]) / n + 2 * plain**3
    return {
        "n": worth,
        "total": worth * mean,
        "squares": worth * (second + mean**2),
        "cubes": worth * (third + 3 * second * mean + mean**3),
    }


def calibrations_of(rows: Rows, doubles: Rows, chosen: Mapping[str, tuple[str, str]]) -> dict[str, Calibration]:
    """Task -> the calibration of its latest judge, of tasks for which people speak and whose judge follows them."""
    latest: dict[str, tuple[Any, str]] = {}
    for row in rows:
        if row["evidence"] == "judge":
            one = (row["last_scored_at"], row["series"])
            latest[row["task"]] = max(latest.get(row["task"], one), one)
    by_task = _by_task(doubles)
    found: dict[str, Calibration] = {}
    for task, (evidence, _) in chosen.items():
        if evidence in PEOPLE and task in latest:
            own = [row for row in by_task.get(task, ()) if row["evidence"] == evidence]
            one = calibration_of(own, latest[task][1])
            if one.is_known and one.fit > 0:
                found[task] = one
    return found


def with_calibrated(
    rows: Rows, doubles: Rows, chosen: Mapping[str, tuple[str, str]], calibrations: Mapping[str, Calibration]
) -> list[Mapping[str, Any]]:
    """All rows, those of people calibrated where a calibration is given; the judge's own of these tasks are used up."""
    if not calibrations:
        return list(rows)
    kept = [row for row in rows if row["task"] not in calibrations]
    by_task, both = _by_task([row for row in rows if row["task"] in calibrations]), _by_task(doubles)
    for task, one in calibrations.items():
        kept += calibrated(by_task.get(task, ()), both.get(task, ()), chosen[task][0], one)
    return kept


def _by_task(rows: Rows) -> dict[str, list[Mapping[str, Any]]]:
    found: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        found[row["task"]].append(row)
    return found


def is_enough(people: tuple[float, float], judge: tuple[float, float], known: Calibration | None) -> bool:
    """What people scored (before, in the last weeks) is worth comparing rather than what a judge did.

    `known`: how far the judge follows them; None where people do not calibrate it.
    """
    fit = known.fit if known and known.is_known else _UNKNOWN_FIT
    gained = known.fit if known and known.is_known else 0.0
    worth = [n / (1 - gained * max(1 - n / of, 0.0)) if of else n for n, of in zip(people, judge, strict=True)]
    return _worth(*worth) >= _ENOUGH * fit * _worth(*judge)


def _worth(before: float, after: float) -> float:
    return before * after / (before + after) if before and after else 0.0
