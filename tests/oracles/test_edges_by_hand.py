"""Figures whose neighbors are easily taken for them: of the other task, the other count, the other end."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from llmwatch.analysis.agent_runs import _run
from llmwatch.analysis.course import Fallen, _fall_in, _since_long
from llmwatch.analysis.drift import Drift
from llmwatch.analysis.levels import Levels, Mean, Step, difference
from llmwatch.analysis.option import _log_evidence
from llmwatch.analysis.scan import Sums
from llmwatch.analysis.spend import Period
from llmwatch.analysis.stats import normal_share
from llmwatch.analysis.task_drift import Alarm, TaskDrift, in_order
from llmwatch.figures.drift import _weights
from llmwatch.figures.margin import load_margin
from llmwatch.figures.reading import Reading
from llmwatch.settings import Settings
from llmwatch.store import file
from llmwatch.store.queries import rows
from llmwatch.store.steps import step
from tests.stores import MOMENT, call

from .test_margin_by_hand import put

WEEK = Period(MOMENT - timedelta(days=7), MOMENT)
HOUR = timedelta(hours=1)


@pytest.fixture
def con(tmp_path: Any) -> Iterator[Any]:
    """Tables and views of today, empty, without a file."""
    made = file.connect(":memory:", tmp_path, read_only=False)
    file.migrate(made, 0)
    yield made
    made.close()


def test_a_run_ends_with_the_last_of_its_calls(con: Any) -> None:
    """A call of a minute, and one that began within it and took five: five and a half minutes in all."""
    began = MOMENT - HOUR
    both = {"trace_id": "t", "parent_span_id": "p"}
    put(con, "calls", {**call(1), **both, "started_at": began, "ended_at": began + timedelta(minutes=1)},
        {**call(2), **both, "started_at": began + timedelta(seconds=30),
         "ended_at": began + timedelta(seconds=330)})  # fmt: skip

    found = con.execute("select started_at, ended_at, duration_ms from runs").fetchall()

    assert found == [(began, began + timedelta(seconds=330), 330_000.0)]


@pytest.mark.parametrize(("unpriced", "words"), [(1, "1 of 4 calls has no price"), (2, "2 of 4 calls have no price")])
def test_a_run_says_how_many_calls_have_no_price(unpriced: int, words: str) -> None:
    """One has, two have."""
    row = _run(
        {"trace": "t", "kind": "k", "started_at": MOMENT, "customer": None, "calls": 4, "cost_usd": None,
         "unpriced_calls": unpriced, "duration_ms": 5.0, "failed_calls": 0, "is_success": None}
    )  # fmt: skip

    assert any(words in str(cell) for cell in row.cells)


def test_what_replays_and_judgements_cost_is_counted_apart(con: Any) -> None:
    """Two replays at $1 and $2, three judgements at $4, $8 and a price that nobody knows."""
    put(con, "replays", *({"replay_id": f"r{n}", "state": "done", "recorded_at": MOMENT - HOUR, "cost_usd": Decimal(n)}
                          for n in (1, 2)))  # fmt: skip
    put(con, "judgements", *({"judgement_id": f"j{n}", "state": "done", "recorded_at": MOMENT - HOUR,
                              "cost_usd": cost, "reserved_usd": Decimal(16)}
                             for n, cost in enumerate((Decimal(4), Decimal(8), None))))  # fmt: skip

    [row] = rows(con, "cost_of_knowing", since=WEEK.since, until=WEEK.until)

    assert row == {"replays_usd": 3, "judgements_usd": 12, "replays": 2, "judgements": 3, "unknown": 1,
                   "reserved_usd": 16}  # fmt: skip


def judged(con: Any, number: int, task: str, *scores: tuple[str, float], days_ago: float = 1.0) -> None:
    """A call of the task and what judges said of it, one after another."""
    put(con, "calls", call(number, hours_ago=24 * days_ago, task=task, task_name=task))
    put(con, "judgements", *({"judgement_id": f"{number} {n}", "state": "done", "model": model, "score": score,
                              "rubric_hash": "r", "span_id": f"{number:016x}",
                              "recorded_at": MOMENT - HOUR + timedelta(minutes=n)}
                             for n, (model, score) in enumerate(scores)))  # fmt: skip


def test_the_step_between_two_judges_is_of_one_task_and_period(con: Any) -> None:
    """draft: the new judge is 0.5 milder on one of two answers. The judges of sort and a call before have no part."""
    judged(con, 1, "draft", ("old", 0.25), ("new", 0.75))
    judged(con, 2, "draft", ("old", 1.0), ("new", 1.0))
    judged(con, 3, "sort", ("old", 0.0))
    judged(con, 4, "draft", ("old", 0.0), ("new", 1.0), days_ago=9)
    judged(con, 5, "sort", ("third", 0.0), ("new", 0.25))

    of_draft = rows(con, "judge_steps", since=WEEK.since, until=WEEK.until, task="draft")
    of_all = rows(con, "judge_steps", since=WEEK.since, until=WEEK.until, task=None)

    names = ("task", "series", "older", "n", "total", "squares", "older_scores")
    draft = ("draft", "r new", "r old", 2, 0.5, 0.25, 2)
    assert [tuple(row[name] for name in names) for row in of_draft] == [draft]
    assert [tuple(row[name] for name in names) for row in of_all] == [
        draft, ("sort", "r new", "r old", 0, 0.0, 0.0, 1), ("sort", "r new", "r third", 1, 0.25, 0.0625, 1),
    ]  # fmt: skip


def test_scores_stated_as_a_judges_from_outside_are_listed_without_a_model(con: Any) -> None:
    """One answer judged here and one whose score a program stated."""
    judged(con, 1, "draft", ("old", 1.0))
    put(con, "calls", call(2, task="draft", task_name="draft"))
    put(con, "scores", {"score_id": "s", "scored_at": MOMENT, "span_id": f"{2:016x}", "task": "draft",
                        "name": "quality", "value": 0.0, "evidence": "judge", "scorer": "theirs",
                        "source": "code"})  # fmt: skip

    found = rows(con, "judged_by", task="draft", since=WEEK.since, until=WEEK.until, series=None)

    assert [(row["span_id"], row["model"], row["rubric_hash"]) for row in found] == [
        (f"{1:016x}", "old", "r"), (f"{2:016x}", None, None),
    ]  # fmt: skip


def test_the_plan_of_a_customer_who_changed_it_is_the_later_one(con: Any) -> None:
    """From starter to team in the middle of the week: today's and the former period's."""
    middle = WEEK.since + timedelta(days=3)
    put(con, "subscriptions",
        {"customer_id": "acme", "plan": "starter", "amount_usd": Decimal(1), "per": "day",
         "starts_at": WEEK.since - timedelta(days=30), "ends_at": middle},
        {"customer_id": "acme", "plan": "team", "amount_usd": Decimal(9), "per": "day",
         "starts_at": middle})  # fmt: skip

    found = rows(
        con, "margin_periods", since=WEEK.since, until=WEEK.until, previous_since=WEEK.since - timedelta(days=7)
    )

    assert {row["is_current"]: row["plan"] for row in found} == {True: "team", False: "starter"}


def test_what_is_removed_is_noted_with_the_calls_that_had_no_price(con: Any) -> None:
    """Of three calls one: $0.03 in all."""
    put(con, "calls", call(1, cost="0.01"), call(2, cost="0.02"), call(3, cost=None))
    insert, _, _ = step("removed").format(condition="true").partition("delete from")

    con.execute(insert, {"removed_at": MOMENT, "reason": "purge"})

    assert con.execute("select calls, unpriced_calls, spend_usd from removals").fetchall() == [(3, 1, Decimal("0.03"))]


def test_a_name_is_absorbed_once_no_call_without_a_tag_has_it(con: Any) -> None:
    """old's untagged call is new's now; a call that got a tag meanwhile keeps no name alive."""
    put(con, "calls", call(1, task=None, task_origin="new"), call(2, task="a tag", task_origin="old"),
        call(3, task=None, task_origin="kept"), call(4, task=None, task_origin="new"))  # fmt: skip
    con.execute("create temp table origins_before as select * from (values (?, 'old'), (?, 'kept'), (?, 'kept'))"
                " as t(span_id, task_origin)", [f"{n:016x}" for n in (1, 3, 4)])  # fmt: skip

    assert con.execute(step("absorbed_names")).fetchall() == [("new", ["old"])]


def test_a_task_without_a_success_has_none(con: Any) -> None:
    """One outcome was reported, a failure."""
    put(con, "calls", call(1))
    put(con, "revenue", {"event_id": "o", "recorded_at": MOMENT - HOUR, "occurred_at": MOMENT - HOUR,
                         "kind": "outcome", "source": "code", "outcome": "resolved", "is_success": False,
                         "task": "reply.draft"})  # fmt: skip

    [line] = load_margin(Reading(con, settings=Settings()), WEEK, "task", 10).lines

    assert (line.outcomes, line.successes) == (1, 0)


def weights(con: Any, settings: Settings, *spends: float) -> list[float]:
    """Of tasks that spent so much each."""
    for n, usd in enumerate(spends):
        put(con, "calls", call(n, task=f"t{n}", task_name=f"t{n}", cost=str(usd)))
    tasks = [f"t{n}" for n in range(len(spends))]
    found = _weights(Reading(con, settings=settings), tasks, MOMENT)
    return [found[task] for task in tasks] if found else []


def test_among_many_tasks_one_counts_by_the_root_of_its_spend_up_to_double(con: Any) -> None:
    """Four hundred tasks: nearly all spend $1, one $25 and one a cent. 2 at the most, 0.5 at the least."""
    found = weights(con, Settings(), *([1.0] * 398), 25.0, 0.01)

    mean = (398 + 25 + 0.01) / 400
    assert found[0] == pytest.approx((1 / mean) ** 0.5)
    assert found[-2:] == [2.0, 0.5]


def test_few_tasks_count_alike(con: Any) -> None:
    """What each may alarm falsely is not shared out."""
    assert weights(con, Settings(), 1.0, 100.0) == []


def test_of_two_equal_falls_the_busier_task_stands_first() -> None:
    """By the answers of the task."""

    def fell(task: str, answers: int) -> TaskDrift:
        week = date(2026, 11, 2)
        alarm = Alarm(task, "label", week, week, week, week, 0.1)
        return TaskDrift(task, "label", "", Drift(task, 0, "fell"), answers=answers, alarm=alarm)

    found = in_order([fell("a quiet", 10), fell("busy", 1000), fell("c quiet", 20)])

    assert [one.task for one in found] == ["busy", "c quiet", "a quiet"]


def levels(*steps: tuple[int, float], weeks: int = 20) -> Levels:
    """Steps at these weeks, each plain to see."""
    made = tuple(Step(week, (week, week), size, 0.01) for week, size in steps)
    return Levels((0, *(week for week, _ in steps)), made, weeks, (0.0, 0.0, 0.0, 1.0))


def test_a_rise_nearby_is_not_taken_for_the_fall() -> None:
    """The alarm was dated week 8, the level rose then and fell in week 10."""
    assert _fall_in(levels((8, 0.2), (10, -0.2)), 8) == 1
    assert _fall_in(levels((8, 0.2)), 8) is None


def test_a_rise_at_the_start_of_an_old_fall_is_no_later_move() -> None:
    """Before 90 of 100 by the alarm; what moved within three weeks of its start is the fall's own, not its end."""
    n = np.full((20, 1), 40.0)
    sums = Sums(n, 0.7 * n, 0.7 * n, 0.7 * n)
    now, fallen = Mean(0.7, 0.65, 0.75, 160, 4), Fallen(102, 0.2, 0.9, 400)

    near = _since_long(levels((4, 0.1)), sums, 100, fallen, now, 1.0)
    later = _since_long(levels((9, -0.1)), sums, 100, fallen, now, 1.0)

    assert near is not None and later is not None
    assert (near.standing, near.moved) == ("fell", None)
    assert (later.standing, later.moved) == ("fell again", 109)
    error = ((0.9 * 0.1 + 0.25 / 400) / 400 + (0.05 / 1.959964) ** 2) ** 0.5
    assert near.lower == pytest.approx(0.2 - 2.4 * error)


def test_a_kind_of_input_with_one_score_on_either_side_counts() -> None:
    """1 of 1 -> 0 of 1 and 5 of 10 -> 5 of 10, at weights 0.5 and 5: a fall of 1/11."""
    n, hits = np.array([[1.0, 10.0], [1.0, 10.0]]), np.array([[1.0, 5.0], [0.0, 5.0]])

    size, _ = difference(Sums(n, hits, hits, hits), slice(0, 1), slice(1, 2))

    assert size == pytest.approx(-1 / 11)


def test_a_move_that_fewer_replays_proved_is_told_by_its_difference() -> None:
    """-log of the chance of so small a difference were the loss the margin: one standard error above it, 0.159."""
    verdict: Any = type("Verdict", (), {})()
    verdict.is_move, verdict.log_evidence, verdict.difference, verdict.error = True, 1.0, -0.01, 0.02
    verdict.stakes = type("Stakes", (), {"margin": 0.03})()

    assert _log_evidence(verdict) == pytest.approx(-np.log(normal_share(-1.0)))
    verdict.error = 0.0
    assert _log_evidence(verdict) == 1.0
