"""The quality of a task: the best evidence there is, never blended; a judge audited by people; facts made up."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import numpy as np
import pytest
from scipy.special import gammaincinv

from llmwatch.analysis.quality import Scored, audited_share, poisson, quality_by_task
from llmwatch.analysis.quality_report import QualityAsked, level_cell, quality_cell, quality_report, quality_section
from llmwatch.analysis.report import Interval, Text, Unknown

SINCE, UNTIL = datetime(2026, 11, 1), datetime(2026, 11, 21)  # noqa: DTZ001 - as stored


def row(evidence: str, n: int, good: float, *, weights: list[float] | None = None, **fields: Any) -> dict[str, Any]:
    """A row of quality_scores: n scores of 0 and 1, the first `good` of them 1."""
    w = weights or [1.0] * n
    total = sum(w[: int(good)])
    return {
        "task": "t", "evidence": evidence, "series": "", "n": n, "is_binary": True, "weights": sum(w),
        "weights_squared": sum(x * x for x in w), "weighted_total": total, "weighted_squares": total,
        "last_scored_at": UNTIL, "fact_answers": 0, "fact_weights": None, "fact_weights_squared": None,
        "fact_weighted_total": None, "fact_weighted_answers": None, **fields,
    }  # fmt: skip


def stratum(name: str, n: int, audits: int, good: int) -> dict[str, Any]:
    """A row of judge_audits with 0 and 1."""
    return {
        "task": "t", "series": "", "stratum": name, "n": n, "audits": audits, "total": float(good),
        "squares": float(good), "is_binary": True,
    }  # fmt: skip


CHECKS = {
    "task": "t", "answers": 1000, "checked": 1000, "unacceptable": 21, "empty_answers": 0, "truncated": 20,
    "refused": 1, "json_invalid": 0, "schema_invalid": 0, "arguments_invalid": 0,
}  # fmt: skip


def scored(*scores: dict[str, Any], audits: tuple[dict[str, Any], ...] = (), checks: bool = True) -> Scored:
    """The rows of one task."""
    return Scored(SINCE, UNTIL, scores, audits, (CHECKS,) if checks else ())


def best(*scores: dict[str, Any], audits: tuple[dict[str, Any], ...] = ()) -> str:
    """The rung that speaks for the task."""
    level = quality_by_task(scored(*scores, audits=audits))["t"].best
    return level.rung if level else ""


AUDITED = (stratum("high", 40, 10, 10), stratum("low", 20, 10, 1))


def test_people_speak_before_users_users_before_a_judge_and_a_judge_before_checks() -> None:
    """Each rung alone is enough to take the word from those below it."""
    people, users, judge = row("review", 40, 30), row("feedback", 400, 390), row("judge", 60, 40)

    assert best(people, users, judge) == "review"
    assert best(users, judge, audits=AUDITED) == "feedback"
    assert best(judge, audits=AUDITED) == "audited judge"
    assert best(judge) == "judge"
    assert best() == "checks"


def test_a_judge_nobody_audited_never_takes_the_word_from_a_few_people() -> None:
    """Twelve reviews against a thousand judgements."""
    assert best(row("review", 12, 10), row("judge", 1000, 990)) == "review"


def test_rungs_are_never_blended() -> None:
    """The reviews' value is what it is without all other evidence."""
    alone = quality_by_task(scored(row("review", 40, 30)))["t"].best
    among = quality_by_task(scored(row("review", 40, 30), row("feedback", 400, 0), row("label", 6, 0)))["t"].best

    assert alone == among


def test_an_unaudited_judge_is_grey_and_says_what_would_audit_it() -> None:
    """Seven reviews are missing; the note names the command."""
    audits = (stratum("high", 40, 3, 3), stratum("low", 20, 0, 0))
    report = quality_report(QualityAsked(scored(row("judge", 60, 40), audits=audits)))
    cell = quality_cell(quality_by_task(scored(row("judge", 60, 40), audits=audits))["t"])
    notes = [note for section in report.sections for note in section.notes]

    assert isinstance(cell, Interval)
    assert cell.tone == "quiet"
    assert any("not audited" in note.text and note.remedy == "Review 7 more:" for note in notes)


def test_checks_only_say_at_most() -> None:
    """21 of 1,000 answers failed a check; nobody said that the others are acceptable."""
    cell = quality_cell(quality_by_task(scored())["t"])

    assert cell == Text("at most 97.9 %", "quiet")


def test_a_handful_of_scores_is_unknown_with_its_number() -> None:
    """Three reviews and no checks."""
    quality = quality_by_task(scored(row("review", 3, 3), checks=False))["t"]

    assert quality_cell(quality) == Unknown("3 scored, too few")
    assert level_cell(quality.levels[0]) == Unknown("3 scored, too few")


def test_a_weighted_share_has_the_width_of_its_effective_number() -> None:
    """20 drawn with chance 1 and 20 with chance 0.1: worth 24 even draws."""
    level = quality_by_task(scored(row("review", 40, 20, weights=[1.0] * 20 + [10.0] * 20)))["t"].best

    assert level is not None
    assert level.share is not None
    assert level.share.value == pytest.approx(20 / 220)
    assert level.effective_n == pytest.approx(220**2 / 2020)
    assert level.share.low < 20 / 220 < level.share.high


def test_a_report_lists_the_lowest_and_counts_what_speaks_for_the_others() -> None:
    """Of several tasks no quality is made one number."""
    rows = [{**row("label", 40, good), "task": f"task-{good}"} for good in (10, 20, 30)]
    found = scored(*rows)
    whole, short = quality_section(quality_by_task(found), found), quality_section(quality_by_task(found), found, 2)

    assert [r.key for r in whole.tables[0].rows] == ["task-10", "task-20", "task-30", "t"]
    assert [r.key for r in short.tables[0].rows] == ["task-10", "task-20", "(others)"]
    name, _, quality, evidence, *_ = short.tables[0].rows[-1].cells
    assert (name, quality) == (Text("2 others", "quiet"), Text(""))
    assert evidence == Text("1 labels, 1 checks only", "quiet")
    assert short.notes[-1].code == "llmwatch quality"


def test_made_up_facts_are_two_numbers() -> None:
    """Six facts in four of 300 answers: 2 per 100 by Garwood's interval, and 1.3 % of answers by Wilson's."""
    facts = {"fact_answers": 300, "fact_weights": 300.0, "fact_weights_squared": 300.0, "fact_weighted_total": 6.0,
             "fact_weighted_answers": 4.0}  # fmt: skip
    made_up = quality_by_task(scored(row("review", 300, 290, **facts)))["t"].made_up

    assert made_up is not None
    assert made_up.per_hundred.value == pytest.approx(2.0)
    # Garwood's limits of 6 events are 2.202 and 13.059 (any table).
    assert (made_up.per_hundred.low, made_up.per_hundred.high) == pytest.approx((0.7340, 4.3531), abs=2e-4)
    assert made_up.share.value == pytest.approx(4 / 300)
    assert poisson(0) == pytest.approx((0.0, 3.6889), abs=1e-4)


def test_one_made_up_fact_among_answers_of_far_more_weight_is_a_rate_all_the_same() -> None:
    """One answer drawn for certain and one of a thousand: a thousandth of a fact among little more than one answer."""
    facts: dict[str, Any] = {"fact_answers": 2, "fact_weights": 1001.0, "fact_weights_squared": 1_000_001.0,
             "fact_weighted_total": 1.0, "fact_weighted_answers": 1.0}  # fmt: skip
    made_up = quality_by_task(scored(row("review", 2, 1, **facts)))["t"].made_up

    assert made_up is not None
    assert (made_up.per_hundred.value, made_up.per_hundred.low) == (pytest.approx(100 / 1001), 0.0)
    # half the quantile of chi squared with 2 (1 + 1/1001 x 1001^2 / 1000001) degrees of freedom, of 1.002 answers
    effective = 1001**2 / 1_000_001
    assert made_up.per_hundred.high == pytest.approx(100 * gammaincinv(1 + effective / 1001, 0.975) / effective)


def coverage(rng: np.random.Generator, runs: int, n: int, audits: int) -> tuple[float, float]:
    """Share of intervals that hold the truth, and of one-sided errors, with a judge that is wrong every fourth time."""
    held = 0
    below = 0
    for _ in range(runs):
        truth = rng.random(n) < 0.85
        judged = np.where(rng.random(n) < 0.25, ~truth, truth)
        strata = []
        for name, among in (("high", truth[judged]), ("low", truth[~judged])):
            # In proportion, at least five.
            m = min(len(among), max(5, round(audits * len(among) / n)))
            good = int(rng.choice(among, m, replace=False).sum())
            strata.append(stratum(name, len(among), m, good))
        share = audited_share(strata)
        held += share.low <= 0.85 <= share.high
        below += share.high < 0.85
    return held / runs, below / runs


def test_the_interval_of_an_audited_judge_holds_the_truth() -> None:
    """A weak judge, 40 audits of 300 answers, 400 runs: 95 % within the error of so many runs."""
    held, below = coverage(np.random.default_rng(20261121), 400, 300, 40)

    assert held >= 0.93
    assert below <= 0.05


def test_the_error_of_an_audited_judge_counts_the_spread_within_its_strata() -> None:
    """Leaving s_h^2 out of the first term gave 10 % false recommendations: the variance is that of the formula.

    Two strata of 60 and 40, 10 audits each, 9 and 2 good; half a pseudo-audit at either end.
    """
    share = audited_share((stratum("high", 60, 10, 9), stratum("low", 40, 10, 2)))

    p, n = np.array([0.6, 0.4]), np.array([60, 40])
    # On the scale of -1 to 1: sums 8 and -6 over 11, squares 10 + 1 over 11.
    mu, spread = np.array([8, -6]) / 11, 1 - (np.array([8, -6]) / 11) ** 2
    mean = p @ mu
    variance = p @ (spread + (mu - mean) ** 2) / 100 + p**2 @ (spread * (1 / 10 - 1 / n))
    without = p @ (mu - mean) ** 2 / 100 + p**2 @ (spread * (1 / 10 - 1 / n))
    half = 1.959964 * np.sqrt(variance) / 2
    assert share.value == pytest.approx((mean + 1) / 2)
    assert share.high - share.value == pytest.approx(half, rel=1e-6)
    assert half > 1.959964 * np.sqrt(without) / 2 * 1.02


@pytest.mark.slow
def test_many_intervals_of_an_audited_judge_hold_the_truth() -> None:
    """4,000 runs for each of three budgets of audits."""
    rng = np.random.default_rng(7)

    assert all(coverage(rng, 4000, 500, audits)[0] >= 0.94 for audits in (40, 80, 160))
