"""Which side of a verdict is meant: words and heads of columns beside numbers that leave one reading only."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from llmwatch.analysis.course import Course
from llmwatch.analysis.downgrade import STAKES, Sequential, Verdict
from llmwatch.analysis.downgrade_report import downgrade_report
from llmwatch.analysis.downgrade_wording import Swap, verdict_text
from llmwatch.analysis.drift import Drift
from llmwatch.analysis.drift_wording import sentence
from llmwatch.analysis.levels import Mean
from llmwatch.analysis.replayed import Pair
from llmwatch.analysis.saving import Saving
from llmwatch.analysis.spend import Period
from llmwatch.analysis.task_drift import Alarm, TaskDrift
from llmwatch.analysis.weekly import week_of
from llmwatch.figures.downgrade import load_downgrade
from llmwatch.figures.reading import Reading
from llmwatch.store import Store
from tests.downgrading import Planted, planted_store
from tests.stores import MOMENT

SWAP = Swap("tag_ticket", "gpt-4o", "gpt-6-luna")


def verdict(**fields: Any) -> Verdict:
    """A verdict on 100 replays."""
    plain: dict[str, Any] = {
        "kind": "keep", "reason": "worse", "stakes": STAKES["standard"], "replays": 100, "same": 70, "better": 8,
        "worse": 22, "unscored": 0, "audits": 0, "difference": -0.14, "interval": (-0.21, -0.07), "log_evidence": 0.0,
    }  # fmt: skip
    return Verdict(**{**plain, **fields})


@pytest.mark.parametrize(("says", "value"), [("worse", -1.0), ("same", 0.0), ("better", 1.0), ("unjudged", None)])
def test_what_a_judge_says_is_of_the_candidate(says: Any, value: float | None) -> None:
    """Candidate minus incumbent: worse is a loss."""
    pair = Pair("a", judge=says)

    assert (pair.judged, pair.sided) == (value, says)


@pytest.mark.parametrize(
    ("incumbent", "candidate", "difference", "sided"),
    [(1.0, 0.25, -0.75, "worse"), (0.25, 1.0, 0.75, "better"), (0.5, 0.5, 0.0, "same")],
)
def test_a_score_below_the_incumbents_is_worse(
    incumbent: float, candidate: float, difference: float, sided: str
) -> None:
    """Candidate minus incumbent, and the word for it, whatever a judge says."""
    pair = Pair("a", incumbent_score=incumbent, candidate_score=candidate, judge="same")

    assert (pair.difference, pair.sided) == (difference, sided)


def test_a_loss_is_said_with_its_lower_end_and_the_counts_on_their_sides() -> None:
    """14 points lost, between 7 and 21: at least 7; 8 better and 22 worse."""
    text = verdict_text(verdict(), SWAP)

    assert "gpt-6-luna loses 14 more of 100 answers (at least 7; 95 %)." in text
    assert "100 stored requests replayed: 70 same answer, 8 better, 22 worse." in text


def test_what_people_said_stands_under_the_word_they_said_it_with() -> None:
    """Of 10 reviewed 3 were better and 2 worse, so 5 were as good."""
    text = verdict_text(verdict(better=0, worse=0, unscored=30, reviewed=(10, 3, 2)), SWAP)

    assert "30 different (10 reviewed: 3 better, 2 worse, 5 as good)" in text


def test_a_fall_is_said_with_its_lower_end() -> None:
    """From 90 to 70 of 100, and more than 12 with confidence."""
    monday = date(2026, 11, 9)
    alarm = Alarm("t", "label", monday, monday, monday, monday, 0.2, 0.125, 0.9, 0.7, 0.001, 100, 100, 0.0)
    drift = Drift("t", week_of(monday), "fell", loss=0.2, lower=0.125, mean_before=0.9, mean_after=0.7, mix_part=0.0)

    one = TaskDrift("t", "label", "", drift, alarm=alarm)
    week, now = week_of(monday), Mean(0.7, 0.61, 0.78, 100, 2)
    course = Course("fell", week, (week, week), Mean(0.9, 0.88, 0.92, 900, 12), now, 0.2, 0.125, 0.0)

    text, old = sentence(replace(one, course=course), monday), sentence(one, monday)

    assert "90 of 100 answers were acceptable before; 70 now (61 to 78, last 2 weeks): 20 fewer, at least 12." in text
    assert "90 of 100 answers were acceptable before; 70 then (20 fewer, at least 12)." in old
    assert "Too few scores since" in old


def test_the_ends_of_a_saving_stand_under_their_heads(tmp_path: Path) -> None:
    """$2 a month, between $1 and $3: at least 1, at most 3."""
    planted = planted_store(tmp_path / "home", [Planted("tag_ticket", replays=400, worse=4, better=4)])
    with Store(planted).read() as con:
        found = load_downgrade(Reading(con, settings=planted), Period(MOMENT - timedelta(days=30), MOMENT))
    saving = Saving(Decimal(1), Decimal(2), Decimal(3), 0.5, 400)
    options = tuple(replace(one, saving=saving) for one in found.options[:1])

    [table] = downgrade_report(replace(found, options=options), 5).sections[0].tables

    cells = dict(zip((column.title for column in table.columns), table.rows[0].cells, strict=True))
    values = [cells[head].value for head in ("at least", "saves a month", "at most")]
    assert values == [1, 2, 3]
    assert cells["worse at most"].value == pytest.approx(
        Decimal(found.options[0].verdict.at_most_worse), abs=Decimal("1e-6")
    )


def test_a_test_is_not_too_dear_while_an_answer_waits_for_its_score() -> None:
    """One in five better and one worse: too many for 2 points, unless a score may still come."""
    differences = [(-1.0, 0.0, 1.0, 0.0, 0.0)[n % 5] for n in range(1600)]
    pairs = [Pair(str(n), incumbent_score=0.5 - d / 2, candidate_score=0.5 + d / 2) for n, d in enumerate(differences)]
    known, waiting, seen = (Sequential(STAKES["high"], reviewed=names) for names in ((), (), {"waiting"}))
    waiting.take(Pair("waiting", judge="same"))
    seen.take(Pair("waiting", judge="same"))
    for pair in pairs:
        known.take(pair)
        waiting.take(pair)
        seen.take(pair)

    # one waits to be looked at; of one that was and has no score yet nothing more is asked
    assert (known.reason, waiting.reason, seen.reason) == ("too_dear", "review", "cap")
