"""`llmwatch downgrade` and `simulate` on stores whose replays have a known truth: verdicts, dollars, words."""

from __future__ import annotations

import json
import os
import re
from datetime import timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from llmwatch.analysis.downgrade_report import downgrade_section
from llmwatch.analysis.spend import Period
from llmwatch.cli import app, main
from llmwatch.figures.downgrade import keep_downgrade, load_downgrade
from llmwatch.figures.reading import Reading
from llmwatch.settings import Settings
from llmwatch.store import Store
from llmwatch.store.queries import create_views, fetch
from tests.downgrading import GPT_4O, MILLION, Planted, insert, planted_store
from tests.stores import MOMENT

NOW = "2026-11-20T12:00"
ASKED = Period(MOMENT - timedelta(days=30), MOMENT)
# List prices of gpt-6-luna on that day: input, output.
LUNA = (Decimal("0.1"), Decimal("0.5"))
EQUAL = Planted("tag_ticket", replays=400, worse=4, better=4)
TASKS = (
    EQUAL,
    Planted("worse.eight", replays=400, worse=40, better=8),
    Planted("german", replays=800, languages={"en": 0.0, "fr": 0.0, "de": 0.2}),
    Planted("images", replays=300, input_ratio=40.0, columns={"media_count": 1, "input_characters": 400}),
    Planted("chatty", replays=300, output_ratio=3.0),
    Planted("dying", model="gpt-4o-mini", replays=300),
    Planted("critical", replays=300),
    Planted("high", replays=400, unscored=2),
    Planted("risky", replays=300),
    Planted("fresh", columns={"temperature": 0.2, "max_tokens": 300}),
)
CONFIG = '[stakes]\n"critical" = "critical"\n"high" = "high"\n[bad_answer_usd]\n"risky" = 0.50\n'


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One store with every planted task."""
    return planted_store(tmp_path_factory.mktemp("downgrade") / "home", TASKS).home


@pytest.fixture
def configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stakes, and what one bad answer costs, in llmwatch.toml."""
    (tmp_path / "llmwatch.toml").write_text(CONFIG)
    monkeypatch.setenv("LLMWATCH_CONFIG", str(tmp_path / "llmwatch.toml"))


def run(*arguments: str, home: Path, code: int = 0) -> str:
    """What a command prints."""
    result = CliRunner().invoke(app, [*arguments, "--as-of", NOW, "--home", str(home)], catch_exceptions=False)
    assert result.exit_code == code, result.output
    return result.stdout


@cache
def answered(home: Path, config: str) -> dict[tuple[str, str], dict[str, Any]]:
    """The numbers of every verdict, by task and candidate, under the configuration at hand."""
    del config
    report = json.loads(run("downgrade", "--format", "json", home=home))
    return {(r["task"], r["candidate"]): r for r in report["sections"][0]["tables"][0]["rows"]}


def row(home: Path, task: str, model: str) -> dict[str, Any]:
    """The numbers of one verdict."""
    is_configured = "LLMWATCH_CONFIG" in os.environ
    return answered(home, CONFIG if is_configured else "")[task, model]


def independent(planted: Planted, share: Decimal = Decimal(1)) -> Decimal:
    """The saving of a month, worked out from what was planted alone."""
    months = Decimal(30) / Decimal("30.4375")
    outputs = sum(planted.output(n) for n in range(planted.calls))
    inputs = planted.calls * planted.input_tokens
    old = (inputs * GPT_4O[0] + outputs * GPT_4O[1]) / MILLION
    new_inputs, new_outputs = inputs * Decimal(str(planted.input_ratio)), outputs * Decimal(str(planted.output_ratio))
    return (old - (new_inputs * LUNA[0] + new_outputs * LUNA[1]) / MILLION) / months * share


def is_close(found: object, expected: Decimal) -> bool:
    """Within 1 %."""
    return abs(Decimal(str(found)) - expected) <= abs(expected) / 100


@pytest.mark.usefixtures("configured")
@pytest.mark.parametrize(
    ("task", "model", "verdict", "reason"),
    [
        ("tag_ticket", "gpt-6-luna", "move", "proved"),
        ("worse.eight", "gpt-6-luna", "keep", "hopeless"),
        ("german", "gpt-6-luna", "move", "proved"),
        ("images", "gpt-6-luna", "keep", "dearer"),
        ("chatty", "gpt-6-luna", "move", "proved"),
        ("dying", "gpt-4o-mini", "keep", "excluded"),
        ("critical", "gpt-6-luna", "keep", "critical"),
        ("high", "gpt-6-luna", "cannot tell yet", "review"),
        ("risky", "gpt-6-luna", "keep", "bad_answers"),
        ("fresh", "gpt-6-luna", "cannot tell yet", "untested"),
    ],
)
def test_every_planted_truth_gets_its_verdict(home: Path, task: str, model: str, verdict: str, reason: str) -> None:
    """Equal moves; worse, dearer, dying, critical and too risky stay; a bad language stays alone; the rest is open."""
    found = row(home, task, model)

    assert (found["verdict"], found["reason"]) == (verdict, reason)


@pytest.mark.parametrize("planted", [EQUAL, TASKS[3], TASKS[4]], ids=lambda planted: planted.task)
def test_the_saving_is_that_of_an_independent_calculation(home: Path, planted: Planted) -> None:
    """Within 1 %, for answers of the same length, three times as long, and inputs that count forty times."""
    assert is_close(row(home, planted.task, "gpt-6-luna")["saving_month_usd"], independent(planted))


def test_inputs_that_stay_save_nothing(home: Path) -> None:
    """Without German a third of the calls stays where it is, and the change says so."""
    found = row(home, "german", "gpt-6-luna")

    assert is_close(found["saving_month_usd"], independent(TASKS[2], Decimal(2) / 3))
    assert "Keep gpt-4o for de" in found["change"]
    assert "all but de" in found["sentence"]


@pytest.mark.usefixtures("configured")
def test_the_words_are_those_of_a_report(home: Path) -> None:
    """Dates, the cause of a dearer model, the price of bad answers, the exact change, commands to paste."""
    told = {task: row(home, task, model) for task, model in (
        ("dying", "gpt-4o-mini"), ("images", "gpt-6-luna"), ("risky", "gpt-6-luna"), ("tag_ticket", "gpt-6-luna"),
        ("fresh", "gpt-6-luna"), ("high", "gpt-6-luna"))}  # fmt: skip

    assert "gpt-4o-mini stops answering on 2027-01-14, 55 days left" in told["dying"]["sentence"]
    assert "gpt-4o itself stops answering on 2027-01-14" in told["dying"]["sentence"]
    assert "At gpt-4o's own token counts it looks like" in told["images"]["sentence"]
    assert "input counts differently +$" in told["images"]["sentence"]
    assert "worse answers at $0.50 each may cost $" in told["risky"]["sentence"]
    assert Decimal(str(told["risky"]["net_usd"])) < 0 < Decimal(str(told["risky"]["saving_month_usd"]))
    assert 'In app/desk.py:answer, the calls tagged llmwatch.task("tag_ticket"): ' in told["tag_ticket"]["change"]
    assert 'model="gpt-4o" becomes model="gpt-6-luna".' in told["tag_ticket"]["change"]
    assert "Answers take 1.50 times as long" in told["tag_ticket"]["sentence"]
    assert told["fresh"]["next_step"] == "llmwatch shadow --task fresh --to gpt-6-luna --n 687"
    assert "max_completion_tokens, not max_tokens" in told["fresh"]["change"]
    assert "emperature, top_p and penalties" in told["fresh"]["change"]
    assert "output length on this model" in told["fresh"]["sentence"]
    assert told["high"]["next_step"] == "llmwatch review --pairs --task high --to gpt-6-luna"


@pytest.mark.usefixtures("configured")
def test_advice_that_the_calls_of_a_period_cannot_follow_says_when_it_can(home: Path) -> None:
    """687 replays of a task of fewer calls: no command makes more inputs than there are."""
    said = " ".join(run("downgrade", "--task", "fresh", home=home).split())
    assert "So many calls of it come in about 35 days (about 609 a month); a run may be repeated as they do." in said


@pytest.mark.usefixtures("configured")
def test_reviews_settle_what_the_scores_leave_open(home: Path, tmp_path: Path) -> None:
    """Two differing answers of high stakes, both reviewed as equal: the task moves."""
    settings = planted_store(tmp_path / "home", [next(task for task in TASKS if task.task == "high")])
    with Store(settings).read() as con:
        rows = fetch(
            con, "select replay_id, span_id from replays where contains(facts, 'false') and state = 'answered'"
        )
    insert(settings, "scores", [
        {"score_id": r["replay_id"], "scored_at": MOMENT, "span_id": r["span_id"], "name": "pair", "evidence": "review",
         "scorer": "ann", "replay_id": r["replay_id"], "difference": 0.0} for r in rows])  # fmt: skip

    assert len(rows) == 2
    assert row(home, "high", "gpt-6-luna")["verdict"] == "cannot tell yet"
    assert row(settings.home, "high", "gpt-6-luna")["verdict"] == "move"


def test_the_text_lists_moves_first_and_what_they_save_together(home: Path) -> None:
    """The summary is the sum of the moves; every open question has its command."""
    text = run("downgrade", home=home)
    report = json.loads(run("downgrade", "--format", "json", home=home))
    rows = report["sections"][0]["tables"][0]["rows"]
    moves = [Decimal(str(r["saving_month_usd"])) for r in rows if r["verdict"] == "move"]

    assert text.index("Move (measured).") < text.index("Cannot tell yet.")
    assert [r["verdict"] for r in rows][: len(moves)] == ["move"] * len(moves)
    assert Decimal(str(report["facts"]["defensible_month_usd"])) == pytest.approx(sum(moves), abs=Decimal("1e-6"))
    assert "llmwatch shadow --task fresh --to gpt-6-luna --n 687" in text
    assert run("downgrade", home=home) == text


def test_a_task_asked_for_by_name_shows_who_is_no_candidate_and_why(home: Path) -> None:
    """Dead, dying and dearer models each with the reason; a name that is not there gets the nearest."""
    text = run("downgrade", "--task", "fresh", "--top", "30", home=home)

    assert "stops answering on 2027-01-14, 55 days left, before a move pays back" in " ".join(text.split())
    assert "stopped answering on 2026-10-23" in text
    assert "is not cheaper for these calls" in text


@pytest.mark.parametrize("command", [("downgrade",), ("simulate", "--to", "gpt-6-luna")])
def test_a_task_without_calls_is_one_sentence(
    home: Path, command: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    """With the nearest names, and exit code 2."""
    with pytest.raises(SystemExit) as ended:
        main([*command, "--task", "fresch", "--as-of", NOW, "--home", str(home)])

    assert ended.value.code == 2
    assert "No chat call of task 'fresch' is in this period.\nDid you mean fresh?" in capsys.readouterr().err


def simulated(home: Path, *arguments: str, code: int = 0) -> dict[str, Decimal]:
    """The lines of a simulation, in dollars a month."""
    report = json.loads(run("simulate", *arguments, "--format", "json", home=home, code=code))
    return {r["key"]: Decimal(str(r["usd"])) for r in report["sections"][0]["tables"][0]["rows"]}


def test_a_share_saves_its_share_and_escalated_calls_are_paid_twice(home: Path) -> None:
    """saving = share x (C - C' - escalate x C), and naive + parts = true to the last digit shown."""
    whole = simulated(home, "--task", "chatty", "--to", "gpt-6-luna")
    part = simulated(home, "--task", "chatty", "--to", "gpt-6-luna", "--share", "60%", "--escalate", ".1")
    share, again = Decimal("0.6"), Decimal("0.1")
    causes = sum(usd for key, usd in part.items() if key not in (
        "spend_usd", "routed_usd", "naive_usd", "true_usd", "naive_saving_usd", "true_saving_usd"))  # fmt: skip

    assert is_close(whole["true_saving_usd"], independent(TASKS[4]))
    expected = share * (whole["spend_usd"] - whole["true_usd"] - again * whole["spend_usd"])
    assert abs(part["true_saving_usd"] - expected) < Decimal("1e-7")
    assert abs(part["naive_usd"] + causes - part["true_usd"]) < Decimal("1e-7")
    assert {"output_tokens_usd", "escalated_usd"} <= set(part)


def test_impossible_claims_are_refused_with_the_arithmetic(home: Path) -> None:
    """80 % share cannot save 90 %; what is possible but not reached says what is; what is reached passes."""
    asked = ("simulate", "--task", "chatty", "--to", "gpt-6-luna")
    refused = " ".join(run(*asked, "--share", ".8", "--claim", ".9", home=home, code=1).split())

    assert "80 % share cannot save 90 %: even if the other model were free, at most 80 %" in refused
    assert "at these prices and counts the saving is" in run(*asked, "--claim", ".99", home=home, code=1)
    assert "Looks like" in run(*asked, "--claim", ".9", home=home)


def test_a_saving_is_called_measured_only_where_it_was(home: Path) -> None:
    """400 replays measured one; of the other the length of answers is not known, and no figure is called true."""
    measured = run("simulate", "--task", "chatty", "--to", "gpt-6-luna", home=home)
    estimated = run("simulate", "--task", "fresh", "--to", "gpt-6-luna", home=home)

    assert "saving, measured" in measured
    assert ", measured $" in measured
    assert "Not measured: output length on this model." in " ".join(estimated.split())
    assert "saving, estimated" in estimated
    assert ", estimated $" in estimated
    for text in (measured, estimated, run("downgrade", home=home), run("downgrade", "--task", "fresh", home=home)):
        assert "truly" not in text
        assert "nobody" not in text


def test_a_task_that_stays_is_told_the_next_model_to_try(home: Path) -> None:
    """Once for each, with what it may be worth and the command; not where another model was found good enough."""
    text = " ".join(run("downgrade", "--top", "30", home=home).split())
    named = re.findall(r"Next to try for `([a-z_.]+)`: (\S+), worth about \$[\d.,]+ a month\.", text)

    assert {task for task, _ in named} >= {"worse.eight", "images"}
    assert len(named) == len({task for task, _ in named})
    assert "tag_ticket" not in dict(named)
    assert dict(named)["dying"] == "gpt-6-luna"
    assert dict(named)["worse.eight"] == "gpt-5.6-luna"
    for task, model in named:
        assert f"llmwatch shadow --task {task} --to {model} --n " in text


def test_a_batch_of_the_same_calls_costs_half(home: Path) -> None:
    """Another tier is another price; one that the model lacks is said."""
    plain = simulated(home, "--task", "chatty", "--to", "gpt-6-luna")
    batch = simulated(home, "--task", "chatty", "--to", "gpt-6-luna", "--tier", "batch")

    assert batch["true_usd"] == pytest.approx(plain["true_usd"] / 2, abs=Decimal("1e-6"))
    assert "There is no price" in run(
        "simulate", "--task", "chatty", "--to", "gpt-4o-mini", "--tier", "flex", home=home
    )


def test_images_of_known_size_are_priced_before_any_replay(tmp_path: Path) -> None:
    """One 1024 x 1024 image, 200 text tokens in, 30 out: -94 % to the eye, +43 % in truth on gpt-4o-mini."""
    image = Planted(
        "image.moderate",
        calls=100,
        input_tokens=965,
        output_tokens=30,
        columns={"media_count": 1, "input_characters": 800},
    )
    home = planted_store(tmp_path / "home", [image]).home
    lines = simulated(home, "--task", "image.moderate", "--to", "gpt-4o-mini")

    assert lines["naive_usd"] / lines["spend_usd"] - 1 == pytest.approx(Decimal("-0.94"), abs=Decimal("0.005"))
    assert lines["true_usd"] / lines["spend_usd"] - 1 == pytest.approx(Decimal("0.42"), abs=Decimal("0.02"))


def test_what_is_kept_for_dashboards_is_what_was_said(home: Path) -> None:
    """One row per verdict, replaced by the next answer, never doubled."""
    settings = Settings(home=home)
    with Store(settings).read() as con:
        create_views(con)
        found = load_downgrade(Reading(con, (), settings), ASKED)
    for _ in range(2):
        with Store(settings).changing() as con:
            keep_downgrade(con, found)
    with Store(settings).read() as con:
        rows = fetch(con, "select * from downgrade order by task_name, candidate_model")

    assert len(rows) == len(found.options)
    kept = next(r for r in rows if (r["task_name"], r["candidate_model"]) == ("tag_ticket", "gpt-6-luna"))
    assert (kept["verdict"], kept["replays"], kept["model"]) == ("move", 400, "gpt-4o-2024-08-06")
    assert is_close(kept["saving_month_usd"], independent(EQUAL))


def test_the_weekly_section_counts_only_measured_moves(home: Path) -> None:
    """Moves with dollars first, the total beside them, one line and one command per open question."""
    settings = Settings(home=home)
    with Store(settings).read() as con:
        create_views(con)
        found = load_downgrade(Reading(con, (), settings), ASKED, top=5)
    section = downgrade_section(found)

    assert section.notes[0].text.startswith("Defensible today: $")
    assert section.notes[1].text.startswith("Move (measured).")
    assert any(note.code.startswith("llmwatch shadow") for note in section.notes)


def test_margin_gained_is_in_points_of_known_revenue(home: Path, tmp_path: Path) -> None:
    """$10 in 30 days: the saving as a share of it; unknown without revenue."""
    settings = planted_store(tmp_path / "home", [EQUAL])
    insert(settings, "revenue", [{
        "event_id": "e", "recorded_at": MOMENT, "occurred_at": MOMENT - timedelta(days=3), "kind": "revenue",
        "amount_usd": Decimal(10), "customer_id": "acme"}])  # fmt: skip
    found = row(settings.home, "tag_ticket", "gpt-6-luna")
    expected = independent(EQUAL) / (Decimal(10) * Decimal("30.4375") / 30)

    assert is_close(found["margin_points"], expected)
    assert row(home, "tag_ticket", "gpt-6-luna")["margin_points"] is None
