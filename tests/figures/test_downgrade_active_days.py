"""Dollars a month come from the days a task ran: what ended or moved saves nothing, what began counts from there."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from llmwatch.analysis.downgrade_report import Downgrades, downgrade_report, downgrade_section
from llmwatch.analysis.replacement import replacement_section
from llmwatch.analysis.report import Report
from llmwatch.analysis.spend import Period
from llmwatch.analysis.sunset import sunset_report
from llmwatch.figures.downgrade import load_downgrade, load_replacements
from llmwatch.figures.reading import Reading
from llmwatch.figures.sunset import load_sunset
from llmwatch.render.text import render_text
from llmwatch.store import file
from tests.stores import MOMENT, call

MONTH = Period(MOMENT - timedelta(days=28), MOMENT)
COLUMNS = {"service_tier": "default", "is_batch": False, "request_model": "gpt-4o", "input_tokens": 2000,
           "output_tokens": 100, "cached_input_tokens": 0, "cost": "0.006"}  # fmt: skip


@pytest.fixture
def con(tmp_path: Path) -> Any:
    """Tables and views of today without a file, and one task that is there every day of nine weeks."""
    con = file.connect(":memory:", tmp_path, read_only=False)
    file.migrate(con, 0)
    put(con, 0, [24 * n + 1 for n in range(63)], "steady")
    return con


def put(con: Any, number: int, hours_ago: list[float], task: str, model: str = "gpt-4o") -> None:
    """A call of the task on the model at each of these hours before the end of the period."""
    for n, hours in enumerate(hours_ago):
        row = call(number + n, hours_ago=hours, task_name=task, task=task, response_model=model, **COLUMNS)
        names = ", ".join(f'"{name}"' for name in row)
        con.execute(f"insert into calls ({names}) values ({', '.join(f'${n}' for n in row)})", row)


def found_by(con: Any, period: Period = MONTH) -> tuple[Downgrades, dict[str, Any]]:
    """The answer, and its options by task."""
    found = load_downgrade(Reading(con), period)
    return found, {one.use.task: one for one in found.options}


def words(found: Downgrades) -> str:
    """What the report and its section say."""
    section = Report("x", "", (), (), (downgrade_section(found),))
    return render_text(downgrade_report(found, 10), 400) + render_text(section, 400)


def test_a_steady_task_counts_all_days(con: Any) -> None:
    """28 calls at 0.6 cents in 28 days."""
    found, by_task = found_by(con)

    assert by_task["steady"].use.spend_month_usd == Decimal("0.006") * Decimal("30.4375")
    assert found.spend_month_usd == by_task["steady"].use.spend_month_usd
    assert "began inside" not in words(found)


def test_a_task_that_has_been_dead_for_two_weeks_saves_nothing(con: Any) -> None:
    """It is named with its last day, and is in no sum."""
    put(con, 100, [24 * n + 1 for n in range(14, 40)], "dead")
    found, by_task = found_by(con)

    assert set(by_task) == {"steady"}
    assert found.spend_month_usd == by_task["steady"].use.spend_month_usd
    assert words(found).count("`dead` on gpt-4o (last call 2026-11-06)") == 2


def test_a_task_that_moved_to_another_model_is_no_candidate_on_the_old_one(con: Any) -> None:
    """Two days are enough where its calls go on elsewhere; what runs on the new one began there."""
    put(con, 100, [24 * n + 1 for n in range(3, 40)], "moved")
    put(con, 200, [24 * n + 1 for n in range(3)], "moved", "gpt-6-luna")
    found, _ = found_by(con)

    assert not [one for one in found.options if one.use.task == "moved" and one.use.incumbent == "gpt-4o"]
    assert [use.incumbent for use in found.ended] == ["gpt-4o"]


def test_a_task_that_began_three_days_ago_is_extrapolated_from_three_days(con: Any) -> None:
    """60 calls at 0.6 cents in three days are 3.65 dollars a month, and the answer says from how many days."""
    put(con, 100, [1.2 * n + 0.2 for n in range(60)], "new")
    found, by_task = found_by(con)

    assert by_task["new"].use.spend_month_usd == Decimal("0.36") / (3 / Decimal("30.4375"))
    assert by_task["new"].use.calls_month == 609
    assert words(found).count("`new` on gpt-4o began inside the period: its dollars a month are made from 3 days.") == 2


def test_a_task_of_once_a_week_has_not_ended(con: Any) -> None:
    """It is as quiet as always."""
    put(con, 100, [24 * 7 * n + 24 * 6 for n in range(8)], "weekly")
    _, by_task = found_by(con)
    _, in_a_week = found_by(con, Period(MOMENT - timedelta(days=7), MOMENT))

    assert by_task["weekly"].use.spend_month_usd == Decimal("0.024") / (28 / Decimal("30.4375"))
    assert "weekly" in in_a_week


def test_revenue_of_a_month_is_of_the_whole_period(con: Any) -> None:
    """Also where the first call came three days ago: revenue of 28 days is not that of three."""
    con.execute("delete from calls")
    put(con, 0, [1.2 * n + 0.2 for n in range(60)], "new")
    row = {"event_id": "e", "kind": "revenue", "source": "code", "customer_id": "acme", "amount_usd": Decimal(28),
           "occurred_at": MOMENT - timedelta(days=20), "recorded_at": MOMENT}  # fmt: skip
    con.execute(f"insert into revenue ({', '.join(row)}) values ({', '.join(f'${n}' for n in row)})", row)

    assert found_by(con)[0].revenue_month_usd == Decimal(28) / (28 / Decimal("30.4375"))


def test_a_model_that_nothing_runs_on_any_more_is_said_to_be_left(con: Any) -> None:
    """It has a row; the headline counts what still runs."""
    put(con, 100, [24 * n + 1 for n in range(14, 40)], "dead", "gpt-4o-mini")

    text = render_text(sunset_report(load_sunset(Reading(con), MONTH)), 300)

    assert "No longer in use: gpt-4o-mini (last call 2026-11-06)." in text
    # 28 calls of 42
    assert "66.7 % of spend ($0.17) runs on models that stop answering on 2027-01-14" in text


def test_the_replacements_of_a_retiring_model_are_priced_on_the_tasks_own_calls(con: Any) -> None:
    """30.4375 calls a month of 2,000 tokens in and 100 out, 18 cents on gpt-4o, and what they would be elsewhere."""
    con.execute("update calls set task_name = 'the task', task = 'the task'")
    put(con, 100, [24 * n + 1 for n in range(28)], "of another time", "gpt-5-mini")
    con.execute("update calls set cost_usd = 0.0007 where response_model = 'gpt-5-mini'")
    put(con, 200, [24 * n + 1 for n in range(28)], "here to stay", "gpt-6-luna")
    found = load_replacements(Reading(con), MONTH)
    section = replacement_section(found)
    assert section is not None
    text = render_text(Report("x", "", (), (), (section,)), 400)
    rows = {line.split("gpt-")[0].strip(): line for line in text.splitlines() if " 20" in line}

    # The soonest end first.
    assert [(one.use.task, str(one.on)) for one in found if one.use.task == "the task"] == [("the task", "2027-01-14")]
    assert list(rows) == ["of another time", "the task"]
    # gpt-6-luna writes every prompt to its cache: (2,000 x 0.1 x 1.25 + 100 x 0.5) / 1e6 x 30.4375
    assert rows["the task"].split("2027-01-14")[1].split() == [
        "$0.18", "gpt-6-luna", "$0.00913", "gpt-6-luna", "$0.00913", "not", "measured",
    ]  # fmt: skip
    # OpenAI recommends gpt-6.1-terra for it, which costs more than the task's own model did.
    assert rows["of another time"].split("2026-12-11")[1].split()[1] == "gpt-6.1-terra"
    assert "llmwatch shadow --task 'of another time' --to gpt-6-luna" in text
    assert replacement_section([]) is None
