"""`llmwatch drift` read aloud: what a user sees of planted falls, and the way of an alarm."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from llmwatch.cli import app, main
from tests.drifting import history

AS_OF = "2026-11-21T12:00"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The history, merged once."""
    return history(tmp_path_factory.mktemp("drift") / "home").home


def process(home: Path, *arguments: str) -> str:
    """What the command prints as a user runs it; the console is 200 wide."""
    environ = {k: v for k, v in os.environ.items() if not k.startswith("LLMWATCH_")} | {"COLUMNS": "200"}
    command = [sys.executable, "-m", "llmwatch", "drift", *arguments, "--home", str(home)]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def run(home: Path, *arguments: str) -> str:
    """The same in this process."""
    command = ["drift", *arguments, "--home", str(home)]
    result = CliRunner(env={"COLUMNS": "200"}).invoke(app, command, catch_exceptions=False)
    assert (result.exit_code, result.stderr) == (0, "")
    return result.stdout


def refused(capsys: pytest.CaptureFixture[str], home: Path, *arguments: str) -> str:
    """The sentence of a command that fails."""
    with pytest.raises(SystemExit) as ended:
        main(["drift", *arguments, "--home", str(home)])
    assert ended.value.code == 2
    return capsys.readouterr().err


def prose(text: str) -> str:
    """The text without its line breaks."""
    return " ".join(text.split())


def test_a_user_reads_what_fell_since_when_and_what_changed_near_it(home: Path) -> None:
    """Each verdict in words, the weaker ones behind the falls."""
    text = prose(process(home, "--as-of", AS_OF))

    assert "Quality of `reply.draft` fell. 9" in text
    assert "Since the week of 2 Nov. Not explained by a change of inputs." in text
    assert "Prompt version 1 → 2 on 3 Nov (100 % of calls). The edit: ~ Be brief.{+ Promise a refund.+}" in text
    assert "Answers of `parse.address` changed, quality unknown." in text
    assert "of answers now begin with a code fence (0 % before)" in text
    assert "Answering model gpt-4o-2024-05-13 → gpt-4o-2024-08-06 on 20 Oct" in text
    assert "Inputs of `ticket.classify` got harder; whether its answers got worse too is open." in text
    assert "Open: 6 of 22 points may be the answers' (95 %)." in text
    assert text.index("reply.draft") < text.index("parse.address") < text.index("ticket.classify")


def test_one_quiet_task_says_what_would_have_been_seen(home: Path) -> None:
    """`--task` of a task without a change."""
    text = prose(run(home, "--as-of", AS_OF, "--task", "chat.stream"))

    assert "No sign of change in `chat.stream`. With 41 scores a week a fall of" in text
    assert "points that began four weeks ago would have been seen 4 times in 5." in text


def test_json_holds_every_number_and_the_same_bytes_each_time(home: Path) -> None:
    """As of one moment."""
    first, second = (ask(home, "--as-of", AS_OF, "--format", "json") for ask in (run, process))

    assert first == second
    assert "reply.draft" in json.dumps(json.loads(first))


def test_an_alarm_is_acknowledged_with_a_note_and_taken_up_again(home: Path) -> None:
    """The whole way by commands."""
    said = run(home, "acknowledge", "reply.draft", "--note", "known", "--as-of", AS_OF)
    aside = prose(run(home, "--task", "reply.draft", "--as-of", AS_OF))
    again = run(home, "acknowledge", "reply.draft", "--undo", "--as-of", AS_OF)

    assert said.startswith("Acknowledged. The new baseline of reply.draft begins with the week of 2 Nov 2026.")
    assert "An alarm was acknowledged: the baseline begins with the week of 2 Nov." in aside
    assert "fell" not in aside
    assert "stands again" in again
    assert "Quality of `reply.draft` fell." in prose(run(home, "--task", "reply.draft", "--as-of", AS_OF))


def test_a_wrong_task_is_one_sentence(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With the nearest names."""
    assert "Did you mean reply.draft?" in refused(capsys, home, "--as-of", AS_OF, "--task", "reply.drafd")
    assert "has no alarm to acknowledge." in refused(capsys, home, "acknowledge", "chat.stream")
