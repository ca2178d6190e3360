"""The examples do what they say: the numbered ones print their output, the demo's history holds what was planted."""

import ast
import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from statistics import mean
from typing import Any

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
END_NS = 1_795_262_400_000_000_000
RUN_HISTORY = f"from support_desk import history; print(history.run({END_NS}, scale=0.11).calls)"


def _run(arguments: list[str], home: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    hidden = ("OPENAI_", "LLMWATCH_", "OTEL_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(hidden)}
    return subprocess.run(
        [sys.executable, *arguments],
        env={**kept, "LLMWATCH_HOME": str(home), "PYTHONPATH": str(EXAMPLES), **variables},
        cwd=home.parent,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def _stated_output(example: Path) -> str:
    lines = (ast.get_docstring(ast.parse(example.read_text("utf-8"))) or "").splitlines()
    command = next(number for number, line in enumerate(lines) if line.startswith("$ "))
    return "\n".join(lines[command + 1 :])


def _calls(home: Path, kind: str = "C") -> list[dict[str, Any]]:
    lines = [line for segment in sorted((home / "spool").iterdir()) for line in segment.read_text("utf-8").splitlines()]
    return [json.loads(line.split(" ", 2)[2]) for line in lines if line.startswith(f"{kind} ")]


@pytest.mark.parametrize("example", sorted(EXAMPLES.glob("0*.py")), ids=lambda path: path.stem)
def test_a_numbered_example_prints_what_it_states(example: Path, tmp_path: Path):
    """Each runs against the stand-in with exactly the output in its docstring, in at most 40 lines, and is captured."""
    done = _run([str(example), "--standin"], tmp_path / "home")

    assert (done.stdout.strip(), done.stderr) == (_stated_output(example), "")
    assert len(example.read_text("utf-8").splitlines()) <= 40
    assert _calls(tmp_path / "home")


def test_live_needs_a_key(tmp_path: Path):
    """Without OPENAI_API_KEY, `--live` is refused in one sentence and nothing is written."""
    done = _run([str(EXAMPLES / "demo.py"), "--live"], tmp_path / "home")

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert "OPENAI_API_KEY" in done.stderr
    assert not (tmp_path / "home").exists()


def test_the_demo_leaves_a_foreign_folder_alone(tmp_path: Path):
    """A home that no demo wrote is named and not touched."""
    home = tmp_path / "home"
    home.mkdir()
    (home / "thesis.txt").write_text("mine", "utf-8")
    done = _run([str(EXAMPLES / "demo.py")], home)

    assert (done.returncode, str(home) in done.stderr) == (2, True)
    assert [path.name for path in home.iterdir()] == ["thesis.txt"]


@pytest.fixture(scope="module")
def history_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The spool of a small history."""
    home = tmp_path_factory.mktemp("history") / "home"
    done = _run(["-c", RUN_HISTORY], home)
    assert done.returncode == 0, done.stderr
    return home


@pytest.fixture(scope="module")
def history(history_home: Path) -> list[dict[str, Any]]:
    """Its calls."""
    return _calls(history_home)


@pytest.fixture(scope="module")
def scores(history_home: Path) -> list[dict[str, Any]]:
    """What its agents said of answers."""
    return _calls(history_home, "F")


def _day(call: dict[str, Any]) -> float:
    return call["started_us"] / 86_400e6 - (END_NS // 86_400_000_000_000 - 62)


@pytest.mark.slow
def test_the_history_is_the_same_each_time(history: list[dict[str, Any]], tmp_path: Path):
    """The same seed and end give the same calls at the same times with the same usage.

    The first token's time is read while the server moves the clock on: on a busy machine a few are read late.
    """
    seen = (
        "started_us",
        "ended_us",
        "task",
        "customer_id",
        "usage_raw",
        "request_hash",
        "retries",
    )
    done = _run(["-c", RUN_HISTORY], tmp_path / "home")
    again = _calls(tmp_path / "home")

    assert done.returncode == 0
    assert [[call.get(key) for key in seen] for call in again] == [[call.get(key) for key in seen] for call in history]
    late = sum(
        a.get("time_to_first_token") != b.get("time_to_first_token") for a, b in zip(again, history, strict=True)
    )
    assert late <= len(history) / 100


def test_the_history_spans_nine_weeks_and_stops_at_its_end(history: list[dict[str, Any]]):
    """Calls on the first and the last day, none after the end, more in the last week than in the first."""
    weeks = Counter(int(_day(call) // 7) for call in history)

    assert sorted(weeks) == list(range(9))
    assert max(call["ended_us"] for call in history) <= END_NS / 1000
    assert weeks[8] > weeks[0]


def test_the_new_prompt_makes_replies_longer_and_the_stamp_ends_cache_hits(history: list[dict[str, Any]]):
    """Output tokens of reply.draft double on day 49; its cached share falls to nothing on day 56."""
    drafts = [call for call in history if call.get("task") == "reply.draft" and call["status"] == "ok"]
    drafts = [call for call in drafts if not call.get("is_refusal")]
    short = mean(call["output_tokens"] for call in drafts if _day(call) < 49)
    thorough = mean(call["output_tokens"] for call in drafts if _day(call) > 49)
    cached = [call["cached_input_tokens"] for call in drafts if _day(call) < 56]

    assert 1.8 < thorough / short < 2.6
    assert mean(tokens > 0 for tokens in cached) > 0.5
    assert [call for call in drafts if _day(call) > 56.1 and call["cached_input_tokens"]] == []


def test_the_history_holds_the_other_planted_truths(history: list[dict[str, Any]]):
    """Retries, left and usage-less streams, truncations, bad requests, an unpriced model, calls without a task."""
    retried = {int(_day(call)) for call in history if call.get("retries")}

    assert 44 in retried
    assert {44} < retried <= {44, 52, 53, 54}
    assert any(call.get("stream_end") == "closed" for call in history)
    assert any(call.get("usage_source") == "absent" and call["status"] == "ok" for call in history)
    assert any(call.get("finish_reasons") == ["length"] for call in history)
    assert any(call["request_model"] == "acme-llm-1" for call in history)
    assert {call["customer_id"] for call in history if call.get("http_status_code") == 400} == {"northwind"}
    assert {call["call_site"].rpartition(".")[2] for call in history if not call.get("task")} == {
        "extract_invoice",
        "find_order",
        "parse_address",
        "translate",
    }


def test_quality_falls_where_it_was_planted_and_nowhere_else(
    history: list[dict[str, Any]], scores: list[dict[str, Any]]
):
    """Labels of reply.draft fall with the new prompt, those of ticket.classify only by their mix, others not."""
    calls = {call["response_id"]: call for call in history if call.get("response_id")}
    marks: dict[tuple[str, bool], list[float]] = {}
    for score in scores:
        call = calls[score["response_id"]]
        marks.setdefault((call["task"], _day(call) >= 49), []).append(score["value"])

    fall = {task: mean(marks[task, False]) - mean(marks[task, True]) for task, is_late in marks if is_late}

    assert fall["reply.draft"] > 0.08
    assert fall["ticket.classify"] > 0.03
    assert all(abs(lost) < 0.15 for task, lost in fall.items() if task not in ("reply.draft", "ticket.classify"))


def test_an_alias_flips_to_a_snapshot_that_fences_its_answers(history: list[dict[str, Any]]):
    """parse_address asks for gpt-4o throughout; from day 42 another snapshot answers, inside code fences."""
    flipped = {
        (call["response_model"], call["is_output_fenced"], _day(call) >= 42)
        for call in history
        if call["call_site"].endswith("parse_address") and call["status"] == "ok"
    }

    assert flipped == {("gpt-4o-2024-08-06", False, False), ("gpt-4o-2024-11-20", True, True)}


def test_a_stream_takes_longer_than_its_first_token(history: list[dict[str, Any]]):
    """On the virtual clock the first token of every stream that was read to its end comes before the last."""
    ended = [call for call in history if call.get("stream_end") == "complete"]
    at_once = [c for c in ended if c["time_to_first_token"] >= (c["ended_us"] - c["started_us"]) / 1e6 - 0.001]

    assert len(ended) > 100
    assert len(at_once) <= len(ended) * 0.03
