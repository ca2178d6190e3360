"""A report as of a past moment: the same bytes whatever was said, taken back, renamed or called since."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from llmwatch.cli import app
from llmwatch.figures import tasks
from llmwatch.settings import Settings
from llmwatch.store import Store
from llmwatch.store.prompts import keep_prompt_versions
from llmwatch.store.refit import refit
from llmwatch.store.steps import step
from tests.downgrading import Planted, insert, planted_store
from tests.stores import MOMENT, call, fill

DAY = timedelta(days=1)
Event = Callable[[Settings, Path], None]


def run(home: Path, *arguments: str) -> str:
    """What the command prints in this process."""
    result = CliRunner().invoke(app, [*arguments, "--home", str(home)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def answers(home: Path) -> dict[str, str]:
    """What every command that takes --as-of says of the moment."""
    asked = [
        ("report", "--since", "30d", "--format", "json"),
        ("report", "--since", "30d", "--by", "customer"),
        ("margin", "--since", "30d", "--by", "task", "--format", "json"),
        ("tasks", "--format", "json"),
        ("downgrade", "--format", "json"),
    ]
    return {" ".join(one): run(home, *one, "--as-of", MOMENT.isoformat()) for one in asked}


def score(number: int, at: datetime, **columns: Any) -> dict[str, Any]:
    """A label of the call of that number."""
    return {
        "score_id": f"s{number}",
        "scored_at": at,
        "span_id": f"{number:016x}",
        "name": "quality",
        "value": number % 3 > 0,
        "evidence": "label",
        **columns,
    }


def made(home: Path) -> Settings:
    """A month of calls of four tasks, with all that can be said of them by the moment."""
    settings = planted_store(home, [Planted("ticket.route", calls=60, replays=40, worse=2)])
    texts = ("Summarise the contract.", "Translate the letter.")
    untagged = [
        call(n, hours_ago=n, task=None, task_key=f"{n % 2:016x}", call_site="app:ask", prompt_hash=f"h{n % 2}",
             task_origin="ask", task_name="ask", task_source="call_site") for n in range(1, 81)
    ]  # fmt: skip
    tagged = [
        call(n, hours_ago=n % 600, task=name, task_name=name, response_id=f"r{n}", customer_id=f"shop-{n % 3}",
             prompt_hash=f"p{n % 2}")
        for n, name in ((n, ("reply.draft", "mood.tag")[n % 2]) for n in range(100, 260))
    ]  # fmt: skip
    insert(settings, "calls", tagged)
    fill(settings, untagged)
    contents = [
        {"span_id": row["span_id"], "started_at": row["started_at"], "system_instructions": f'"{texts[n % 2]}"',
         "input_messages": f'[{{"role": "user", "content": "Case {n} of the day"}}]'}
        for n, row in enumerate(untagged, 1)
    ]  # fmt: skip
    fill(settings, contents, "content")
    insert(settings, "scores", [score(n, MOMENT - DAY) for n in range(100, 200)])
    money = {"occurred_at": MOMENT - 3 * DAY, "recorded_at": MOMENT - 2 * DAY, "kind": "revenue", "source": "paid.csv"}
    paid = [money | {"event_id": f"e{n}", "amount_usd": Decimal(n), "customer_id": f"shop-{n}"} for n in range(3)]
    fill(settings, paid, "revenue")
    alarm = {"week": MOMENT.date(), "since_week": MOMENT.date(), "earliest_week": MOMENT.date(),
             "latest_week": MOMENT.date(), "loss": 0.1, "evidence": "label", "raised_at": MOMENT - DAY}  # fmt: skip
    fill(settings, [alarm | {"task_name": "mood.tag"}], "drift_alarms")
    with Store(settings).changing() as con:
        tasks.rename(con, "reply.draft", "reply", MOMENT - DAY)
        keep_prompt_versions(con)
    Store(settings).merge()
    return settings


def later_calls(settings: Settings, folder: Path) -> None:
    """Also of new customers, tasks and models, and with a prompt seen before."""
    rows = [
        call(n, hours_ago=-1 - n % 30, task="reply.draft", task_name="reply", customer_id=f"new-{n}", prompt_hash="p1")
        for n in range(500, 540)
    ]
    fill(settings, [*rows, call(600, hours_ago=-2, task="fresh", task_name="fresh", response_model="gpt-9")])


def later_scores(settings: Settings, folder: Path) -> None:
    """Of calls of before: new ones, changed ones, deleted ones, and imported ones that state an old moment."""
    now = datetime.now(UTC).replace(tzinfo=None)
    rows = [score(n, now, value=0.0) for n in range(100, 130)]
    fill(settings, [*rows, score(131, now, is_deleted=True)], "scores")
    file = folder / "scores.csv"
    file.write_text("span_id,score,scored_at\n" + "".join(f"{n:016x},0,2026-11-01\n" for n in range(200, 230)), "utf-8")
    run(settings.home, "feedback", "import", str(file), "--evidence", "label")


def later_revenue(settings: Settings, folder: Path) -> None:
    """A file that replaces what it said, and another that is taken back again."""
    file = folder / "paid.csv"
    file.write_text("customer,amount,date,id\nshop-1,70,2026-11-17,e1\nshop-9,5,2026-11-17,e9\n", "utf-8")
    run(settings.home, "revenue", "import", str(file))


def revenue_undone(settings: Settings, folder: Path) -> None:
    """All of a file."""
    run(settings.home, "revenue", "undo", "paid.csv")


def later_replays(settings: Settings, folder: Path) -> None:
    """All of them worse than the answers they are compared with, judgements beside them."""
    with Store(settings).changing() as con:
        con.execute(
            "insert into replays by name select * replace (replay_id || 'x' as replay_id,"
            " now()::timestamp as recorded_at, replace(facts, 'true', 'false') as facts) from replays"
        )
        con.execute(
            "insert into judgements (judgement_id, state, recorded_at, span_id, score, cost_usd, rubric_hash, model)"
            " select span_id, 'answered', now()::timestamp, span_id, 0.1, 0.01, 'r', 'gpt-4o' from calls limit 50"
        )


def later_edits(settings: Settings, folder: Path) -> None:
    """A task renamed, two made one, one split, one pinned."""
    with Store(settings).read() as con:
        names = dict(con.execute("select task, any_value(task_name) from calls group by task").fetchall())
    for words in (
        ("rename", "mood.tag", "mood"),
        ("merge", "mood", names["reply.draft"], "--into", "both"),
        ("split", names[None], "--by", "prompt"),
        ("pin", "both"),
    ):
        run(settings.home, "tasks", *words)


def edits_undone(settings: Settings, folder: Path) -> None:
    """The rename of before the moment, and whatever came after it."""
    with Store(settings).changing() as con:
        count = con.execute("select count(*) from task_edits where not is_undone").fetchone()
    for _ in range(count[0] if count else 0):
        run(settings.home, "tasks", "undo")


def read_prompts(settings: Settings, folder: Path) -> None:
    """A refit that makes two tasks of one."""
    with Store(settings).changing() as con:
        con.execute(step("unnamed_tasks").split(";\n")[0])
        con.execute("insert or replace into task_refits select bucket_of('app:ask', null), 1000, 0, null")
        con.execute("begin")
        refit(con, datetime.now(UTC).replace(tzinfo=None))
        keep_prompt_versions(con)
        con.execute("commit")


def acknowledged(settings: Settings, folder: Path) -> None:
    """The alarm of the moment, set aside and taken up again."""
    row = {"week": MOMENT.date(), "acknowledged_at": datetime.now(UTC).replace(tzinfo=None), "is_undone": False}
    fill(settings, [row | {"task_name": "mood.tag"}], "drift_acknowledgements")


def texts_expired(settings: Settings, folder: Path) -> None:
    """Thirty days on, no text is kept any more."""
    with Store(settings).changing() as con:
        con.execute("delete from content")
        con.execute("update replays set output_messages = null")


EVENTS: dict[str, Event] = {
    event.__name__: event
    for event in (
        later_calls,
        later_scores,
        later_revenue,
        revenue_undone,
        later_replays,
        later_edits,
        edits_undone,
        read_prompts,
        acknowledged,
        texts_expired,
    )
}


@pytest.mark.parametrize("seed", [1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(2, 8))])
def test_nothing_that_comes_later_changes_the_report_of_a_moment(seed: int, tmp_path: Path) -> None:
    """Every kind of later event, in any order; the period as it is known today is another."""
    settings = made(tmp_path / "home")
    before = answers(settings.home)
    order = list(EVENTS)
    random.Random(seed).shuffle(order)

    for name in order:
        EVENTS[name](settings, tmp_path)
        asked = next(iter(before))
        assert run(settings.home, *asked.split(), "--as-of", MOMENT.isoformat()) == before[asked], name

    after = answers(settings.home)
    assert {asked: text for asked, text in before.items() if after[asked] != text} == {}
    assert (
        run(settings.home, "report", "--since", "30d", "--until", MOMENT.isoformat(), "--format", "json")
        != (before["report --since 30d --format json"])
    )
