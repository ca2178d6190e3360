"""What is said of a task by a former name holds for it today: settings, revenue, the change to make, and all undone."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from llmwatch.cli import app
from llmwatch.settings import Settings
from llmwatch.store import Store
from llmwatch.store.file import connect
from tests.downgrading import Planted, planted_store
from tests.store.records import query
from tests.stores import MOMENT, fill

# One moment for all answers, after every edit that these tests make.
LATER = f"{datetime.now(UTC) + timedelta(days=1):%Y-%m-%dT%H:%M}"
ASKED = ("--since", "60d", "--as-of", LATER)
CONFIG = '[stakes]\n"mood.tag" = "low"\n"ticket.route" = "critical"\n[rubrics]\n"mood.tag" = "Is it the mood?"\n'


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two tasks with replays, and a configuration that names both."""
    (tmp_path / "llmwatch.toml").write_text(CONFIG)
    monkeypatch.setenv("LLMWATCH_CONFIG", str(tmp_path / "llmwatch.toml"))
    settings = planted_store(
        tmp_path / "home", [Planted("mood.tag", replays=200), Planted("ticket.route", calls=50, replays=20)]
    )
    # The planted calls end today: a task that has been quiet for days is no candidate.
    with connect(settings.store_path, settings.home, read_only=False) as con:
        con.execute(
            "update calls set started_at = started_at + (cast(now() at time zone 'UTC' as timestamp) - ?)", [MOMENT]
        )
    money = {"kind": "revenue", "occurred_at": MOMENT - timedelta(days=1), "recorded_at": MOMENT, "source": "code"}
    fill(settings, [money | {"event_id": "e", "amount_usd": Decimal(9), "task": "mood.tag"}], "revenue")
    return settings.home


def run(home: Path, *arguments: str) -> str:
    """What a command prints."""
    result = CliRunner().invoke(app, [*arguments, "--home", str(home)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def verdicts(home: Path) -> dict[str, dict[str, Any]]:
    """Task -> its row of the downgrade report."""
    report = json.loads(run(home, "downgrade", *ASKED, "--format", "json"))
    return {row["task"]: row for row in report["sections"][0]["tables"][0]["rows"]}


def test_a_renamed_task_keeps_what_is_stated_of_it(home: Path) -> None:
    """Stakes of llmwatch.toml, revenue that names it, and the change in the words of the code; undone, all is back."""
    before = verdicts(home)
    run(home, "tasks", "rename", "mood.tag", "mood")
    after = verdicts(home)
    text = run(home, "downgrade", *ASKED, "--task", "mood")

    assert {**after["mood"], "task": "mood.tag"}["allowed"] == before["mood.tag"]["allowed"]
    assert after["mood"]["verdict"] == before["mood.tag"]["verdict"] == "move"
    words = " ".join(text.split())
    assert 'the calls tagged llmwatch.task("mood.tag"): model="gpt-4o" becomes model="gpt-6-luna".' in words
    assert "Each week for two months, watch: llmwatch drift --task mood" in words
    opened = Store(Settings(home=home))
    assert query(opened, "select distinct task from revenue_records") == [("mood",)]
    run(home, "tasks", "undo")
    assert query(opened, "select distinct task from revenue_records") == [("mood.tag",)]
    assert verdicts(home) == before


def test_of_merged_tasks_the_strictest_stakes_count(home: Path) -> None:
    """A critical one in it: nothing is moved; taken apart again, each has its own."""
    before = verdicts(home)
    run(home, "tasks", "merge", "mood.tag", "ticket.route", "--into", "both")
    merged = verdicts(home)
    run(home, "tasks", "undo")

    assert merged["both"]["verdict"] == "keep"
    assert before["mood.tag"]["verdict"] == "move"
    assert verdicts(home) == before
