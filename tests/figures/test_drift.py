"""Drift through the real store: planted falls found with week and cause, others silent; what is kept of it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from llmwatch.analysis.drift_report import drift_section, drift_words_by_task
from llmwatch.analysis.report import Text, Unknown
from llmwatch.analysis.task_drift import Drifts, TaskDrift, last_week
from llmwatch.analysis.weekly import monday_of
from llmwatch.figures.drift import acknowledge, keep_drift, load_drift, take_up_again
from llmwatch.figures.reading import Reading
from llmwatch.settings import Settings
from llmwatch.store import Store
from llmwatch.store.queries import create_views
from tests.drifting import ALIAS_FLIPPED, AS_OF, MIX_CHANGED, PROMPT_CHANGED, QUIET, history


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The history, merged once; a test that changes it takes a copy."""
    return history(tmp_path_factory.mktemp("drift") / "home")


@pytest.fixture
def own(made: Settings, tmp_path: Path) -> Settings:
    """A copy of the history."""
    shutil.copytree(made.home, tmp_path / "home")
    return Settings(home=tmp_path / "home")


@contextmanager
def reading(settings: Settings) -> Iterator[Reading]:
    """The store as the commands read it."""
    with Store(settings).read() as con:
        create_views(con)
        yield Reading(con, (), settings)


def found(settings: Settings, **options: object) -> Drifts:
    """What is known at the end of the history."""
    with reading(settings) as store:
        return load_drift(store, AS_OF, **options)  # type: ignore[arg-type]


def of(drifts: Drifts, task: str) -> TaskDrift:
    """One task, which must be there."""
    one = drifts.of(task)
    assert one is not None
    return one


def monday(day: date) -> date:
    """The first day of its week."""
    return day - timedelta(days=day.weekday())


def test_a_fall_is_found_with_its_week_and_the_prompt_that_changed(made: Settings) -> None:
    """A deploy of the same day is named behind the prompt it carried."""
    fallen = of(found(made), "reply.draft")

    assert fallen.alarm is not None
    assert fallen.alarm.since == monday(PROMPT_CHANGED)
    assert fallen.alarm.loss == pytest.approx(0.32, abs=0.12)
    assert [(cause.kind, cause.on) for cause in fallen.causes] == [
        ("prompt_version", PROMPT_CHANGED),
        ("service_version", PROMPT_CHANGED),
    ]
    assert (fallen.causes[0].old, fallen.causes[0].new) == ("1", "2")
    assert fallen.causes[0].diff == ("~ Be brief.{+ Promise a refund.+}",)


def test_harder_inputs_are_called_that_and_no_alarm(made: Settings) -> None:
    """The average falls by more than 20 points, none of it the answers'."""
    mixed = of(found(made), "ticket.classify")

    assert (mixed.drift.verdict, mixed.alarm) == ("mix changed", None)
    assert mixed.span is not None and mixed.span.since == monday(MIX_CHANGED)
    assert mixed.drift.mix_part is not None and mixed.drift.mix_part < -0.1
    assert mixed.causes and mixed.causes[0].kind == "inputs" and mixed.causes[0].new.startswith("ja")


def test_code_fences_after_an_alias_flip_are_changed_answers_of_unknown_quality(made: Settings) -> None:
    """Nothing scored them."""
    changed = of(found(made), "parse.address")

    assert [signal.signal for signal in changed.signals] == ["output_fenced"]
    assert (changed.drift.verdict, changed.alarm) == ("too little evidence", None)
    assert [(cause.kind, cause.on) for cause in changed.causes] == [("response_model", ALIAS_FLIPPED)]


def test_tasks_that_did_not_change_are_silent_and_say_what_would_have_shown(made: Settings) -> None:
    """Three tasks of quality 0.9 at 42 scores a week."""
    drifts = found(made)

    for task in QUIET:
        quiet = of(drifts, task)
        assert (quiet.drift.verdict, quiet.alarm, quiet.signals) == ("no sign of change", None, ())
        assert quiet.drift.could_have_seen is not None and 0.05 < quiet.drift.could_have_seen < 0.3


def test_the_same_moment_gives_the_same_findings_before_and_after_they_are_kept(own: Settings) -> None:
    """Kept alarms are those that a later look would raise for the first time."""
    first = found(own)
    with Store(own).changing() as con:
        keep_drift(con, first)
        keep_drift(con, first)
        assert con.execute("select count(*) from drift_alarms").fetchone() == (1,)
        kept = con.execute("select task_name, verdict, cause from drift where is_alarm").fetchall()

    assert kept == [("reply.draft", "fell", "prompt version 1 → 2 on 3 Nov")]
    assert found(own) == first


def test_the_first_alarm_keeps_its_week_as_weeks_pass(own: Settings) -> None:
    """Kept at the end of the first bad week; two weeks later it is that alarm, beside today's estimate."""
    early = AS_OF - timedelta(days=12)
    with reading(own) as store:
        first = load_drift(store, early)
    with Store(own).changing() as con:
        keep_drift(con, first)

    later = of(found(own), "reply.draft")

    assert later.alarm == of(first, "reply.draft").alarm
    assert later.alarm is not None and later.alarm.week == monday(PROMPT_CHANGED)
    assert later.drift.n_after > later.alarm.scores_after


def test_an_acknowledged_alarm_begins_a_new_baseline_and_can_be_taken_up_again(own: Settings) -> None:
    """Set aside, the task has too few weeks to compare; taken up again, the alarm stands."""
    drifts = found(own)
    with Store(own).changing() as con:
        week = acknowledge(con, drifts, "reply.draft", AS_OF, "known")
    aside = found(own)
    with Store(own).changing() as con:
        assert take_up_again(con, "reply.draft", AS_OF)
        assert not take_up_again(con, "reply.draft", AS_OF)

    assert week == monday(PROMPT_CHANGED)
    assert drifts.has_alarm and not aside.has_alarm
    assert of(aside, "reply.draft").acknowledged == week
    assert of(aside, "reply.draft").drift.verdict == "too little evidence"
    assert found(own).has_alarm


def test_a_judge_that_nobody_audited_raises_no_alarm(own: Settings) -> None:
    """The same fallen scores as a judge's."""
    with Store(own).changing() as con:
        con.execute("update scores set evidence = 'judge', rubric_hash = 'r1'")

    drifts = found(own)

    assert not drifts.has_alarm
    assert "nobody audited" in of(drifts, "reply.draft").drift.reason


def test_people_speak_before_users(own: Settings) -> None:
    """Feedback that always praises, beside the labels."""
    with Store(own).changing() as con:
        con.execute(
            "insert into scores by name select * replace (score_id || 'f' as score_id, 1.0 as value,"
            " 'feedback' as evidence) from scores"
        )

    fallen = of(found(own), "reply.draft")

    assert (fallen.evidence, fallen.alarm is not None) == ("label", True)


def test_the_running_week_counts_from_saturday_on() -> None:
    """Five days of seven: a look a day would be seven chances of a false alarm."""
    friday, saturday = AS_OF.replace(day=20, hour=23), AS_OF.replace(day=21, hour=0)

    assert monday_of(last_week(friday)) == date(2026, 11, 9)
    assert monday_of(last_week(saturday)) == date(2026, 11, 16)


def test_the_weekly_report_has_a_section_and_words_for_every_task(made: Settings) -> None:
    """What a reader of the report sees of it."""
    drifts = found(made)
    section, words = drift_section(drifts), drift_words_by_task(drifts)

    assert section.is_warning
    assert section.notes[0].text.startswith("Quality of `reply.draft` fell. 9")
    assert section.notes[-1].text == "3 tasks show no sign of change: `llmwatch drift`."
    assert words["reply.draft"] == Text("▼ fell since 2 Nov: prompt version 1 → 2 on 3 Nov", "bad")
    assert words["ticket.classify"] == Text("inputs harder since 26 Oct; answers open")
    assert words["chat.stream"] == Text("no sign of change", "quiet")
    assert not any(isinstance(cell, Unknown) for cell in words.values())


def test_an_empty_store_has_no_tasks_and_no_alarm(tmp_path: Path) -> None:
    """Before the first call."""
    with reading(Settings(home=tmp_path / "home")) as store:
        drifts = load_drift(store, AS_OF)

    assert (drifts.tasks, drifts.has_alarm) == ((), False)


def test_a_roll_back_of_the_running_week_is_an_alarm_of_today_and_stands_tomorrow(own: Settings) -> None:
    """Forty labels of a Tuesday, most of them bad; by Wednesday it is stored, and Monday's week has not ended."""
    tuesday = AS_OF.replace(day=24, hour=20)
    plant(own, "chat.stream", tuesday, [0.0] * 30 + [1.0] * 10)
    with reading(own) as store:
        today, before = load_drift(store, tuesday), load_drift(store, tuesday.replace(hour=10))
    with Store(own).changing() as con:
        keep_drift(con, today)
        stored = con.execute("select verdict, is_alarm from drift where task_name = 'chat.stream'").fetchall()
    with reading(own) as store:
        wednesday = of(load_drift(store, tuesday + timedelta(days=1)), "chat.stream")

    raised = of(today, "chat.stream")
    assert not of(before, "chat.stream").is_alarm
    assert raised.alarm is not None and raised.alarm.since == raised.alarm.week == date(2026, 11, 23)
    assert raised.course is not None
    assert raised.course.now.value == pytest.approx(0.25, abs=0.01) and raised.course.now.weeks == 1
    assert stored == [("fell", True)]
    assert (wednesday.alarm, wednesday.standing) == (raised.alarm, "fell")


def plant(settings: Settings, task: str, at: datetime, values: list[float]) -> None:
    """Calls of one hour with a label each."""
    with Store(settings).changing() as con:
        [template] = con.execute(
            "select span_id from scores_current where task = $task order by started_at desc limit 1", {"task": task}
        ).fetchall() or [("",)]
        for number, value in enumerate(values):
            span, when = f"{number + 0xF000_0000:016x}", at - timedelta(minutes=number)
            con.execute(
                "insert into calls by name select * replace ($span as span_id, $span as response_id,"
                " $at::timestamp as started_at, $at::timestamp as ended_at) from calls where span_id = $of",
                {"span": span, "at": when, "of": template[0]},
            )
            con.execute(
                "insert into scores by name select * replace ($span as score_id, $span as span_id, $at::timestamp as"
                " scored_at, $value::double as value, null as response_id) from scores limit 1",
                {"span": span, "at": when, "value": value},
            )
