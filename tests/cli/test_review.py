"""Reviews at a real terminal and by file: what is drawn, what a key saves, what is taken back, what is not shown."""

from __future__ import annotations

import csv
import io
import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from llmwatch.cli import app, main
from llmwatch.cli.review_files import ANSWER_COLUMNS, answer_records
from llmwatch.errors import InputFileError, UsageError
from llmwatch.figures.score_files import read_rows, records_from
from llmwatch.settings import Settings
from llmwatch.store import Store
from llmwatch.store.file import connect
from llmwatch.store.queries import create_views
from tests.reviewing import better_by, fill_in
from tests.stores import MOMENT, call, empty_store

# A Friday; the week before ended on Sunday the 15th.
NOW = "2026-11-20T12:00"
LAST_WEEK_HOURS = 24 * 7
HOSTILE = "fine\x1b[31m red\x1b]52;c;aGk=\x07 \u202eevil\x00"


def fill(settings: Settings, rows: Sequence[Mapping[str, Any]], table: str = "calls") -> None:
    """Inserts all rows at once; columns not given are null."""
    path = settings.home / "tmp" / "rows.ndjson"
    path.write_text("".join(json.dumps(dict(row), default=str) + "\n" for row in rows), "utf-8")
    with connect(settings.store_path, settings.home, read_only=False) as con:
        names = ", ".join(dict.fromkeys(name for row in rows for name in row))
        con.execute(f"insert into {table} by name select {names} from read_json_auto(?, sample_size = -1)", [str(path)])


def content(number: int, question: str, answer: str) -> dict[str, Any]:
    """The content of one chat call as capture keeps it."""
    return {
        "span_id": f"{number:016x}",
        "started_at": MOMENT - timedelta(hours=LAST_WEEK_HOURS),
        "input_messages": json.dumps([{"role": "user", "content": question}]),
        "output_messages": json.dumps([{"role": "assistant", "content": answer}]),
    }


def filled(home: Path, tasks: Mapping[str, int], **columns: Any) -> Settings:
    """A store with so many calls of each task in the last week, all with content."""
    settings = empty_store(home)
    numbers = iter(range(1, 10_000))
    calls = [
        call(next(numbers), hours_ago=LAST_WEEK_HOURS, task_name=task, sample_probability=1.0, **columns)
        for task, n in tasks.items()
        for _ in range(n)
    ]
    fill(settings, calls)
    fill(settings, [content(int(c["span_id"], 16), f"Q{c['span_id']}", f"A{c['span_id']}") for c in calls], "content")
    return settings


def run(*arguments: str, home: Path) -> str:
    """What a command prints in this process."""
    result = CliRunner().invoke(app, [*arguments, "--home", str(home)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The sentence of a command that fails."""
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    return capsys.readouterr().err


def scores(settings: Settings, columns: str) -> list[tuple[Any, ...]]:
    """Of every score that stands, what is asked for."""
    with Store(settings).read() as con:
        create_views(con)
        return con.execute(f"select {columns} from scores_current order by all").fetchall()


def sample(home: Path, path: Path, *arguments: str) -> list[dict[str, str]]:
    """The rows of a file of the review."""
    path.unlink(missing_ok=True)
    run("review", "--csv", str(path), "--as-of", NOW, *arguments, home=home)
    return list(csv.DictReader(io.StringIO(path.read_text("utf-8"), newline="")))


class Terminal:
    """The command in a pseudo-terminal, as a person has it."""

    def __init__(self, home: Path, *arguments: str) -> None:
        command = [sys.executable, "-m", "llmwatch", "review", "--home", str(home), "--as-of", NOW, *arguments]
        self.fd, inner = pty.openpty()
        environment = {**os.environ, "COLUMNS": "80", "LINES": "50"}
        self.process = subprocess.Popen(command, stdin=inner, stdout=inner, stderr=inner, env=environment)
        os.close(inner)
        self.shown = ""

    def until(self, text: str, seconds: float = 30) -> str:
        """Reads until the text is shown; what was shown since the last time."""
        before = len(self.shown)
        deadline = time.monotonic() + seconds
        while text not in self.shown[before:]:
            assert time.monotonic() < deadline, f"{text!r} never came after {self.shown[before:]!r}"
            if select.select([self.fd], [], [], 0.2)[0]:
                try:
                    self.shown += os.read(self.fd, 65536).decode("utf-8", "replace")
                except OSError:
                    assert text in self.shown[before:], self.shown
        return self.shown[before:]

    def press(self, keys: str, then: str) -> str:
        """Presses the keys and waits for what they bring."""
        os.write(self.fd, keys.encode())
        return self.until(then)


@contextmanager
def terminal(home: Path, *arguments: str) -> Iterator[Terminal]:
    """The command, ended whatever happens."""
    opened = Terminal(home, *arguments)
    try:
        yield opened
    finally:
        opened.process.kill()
        opened.process.wait(10)
        os.close(opened.fd)


def test_a_person_scores_at_the_terminal_and_takes_the_last_word_back(tmp_path: Path) -> None:
    """Keys a, f n, u, c 4, s, q in a real pty; made-up facts, grade and comment are stored, the undone score is not."""
    settings = filled(tmp_path / "home", {"reply.draft": 5})

    with terminal(settings.home, "--by", "ann") as screen:
        first = screen.until("quit\r\n> ")
        screen.press("a", "2 of 5")
        screen.press("f", "1 made up")
        # The store is free while a person reads.
        assert Store(settings).merge().blocked is None
        screen.press("n", "3 of 5")
        again = screen.press("u", "2 of 5")
        screen.press("c", "comment: ")
        screen.press("too curt\n", "> ")
        screen.press("4", "3 of 5")
        screen.press("s", "4 of 5")
        screen.press("q", "2 saved. 3 left")

    assert "1 of 5 · reply.draft" in first
    assert "taken back" in again
    found = scores(settings, "name, evidence, scorer, value, label, false_facts, comment, probability")
    assert found == [
        ("quality", "review", "ann", 0.75, "grade 4", 0, "too curt", 1.0),
        ("quality", "review", "ann", 1.0, "acceptable", 0, None, 1.0),
    ]


def test_what_was_shown_as_saved_survives_kill_9(tmp_path: Path) -> None:
    """Killed between two keys; the next session begins with the third answer."""
    settings = filled(tmp_path / "home", {"reply.draft": 5})

    with terminal(settings.home) as screen:
        screen.until("quit\r\n> ")
        screen.press("an", "3 of 5")
        os.kill(screen.process.pid, signal.SIGKILL)
        screen.process.wait(10)

    assert scores(settings, "value") == [(0.0,), (1.0,)]
    assert len(sample(settings.home, tmp_path / "rest.csv")) == 3


def test_hostile_answers_are_inert_on_the_screen_and_in_the_file(tmp_path: Path) -> None:
    """Colours, clipboard, reading direction and formulas of a model's answer reach neither terminal nor sheet."""
    settings = empty_store(tmp_path / "home")
    fill(settings, [call(1, hours_ago=LAST_WEEK_HOURS, task_name="=task\x1b[2J")])
    fill(settings, [content(1, "=cmd()\n" + HOSTILE, "=1+1" + HOSTILE)], "content")

    with terminal(settings.home) as screen:
        shown = screen.until("quit\r\n> ")
        screen.press("q", "0 saved")
    rows = sample(settings.home, tmp_path / "review.csv")

    assert "fine red" in shown
    assert re.search("[\x1b\x07\x00\u202e]", shown) is None
    assert re.search("[\x1b\x07\x00\u202e]", "".join(rows[0].values())) is None
    assert rows[0]["answer"].startswith("'=1+1fine red")
    assert rows[0]["task"] == "'=task"


def test_without_a_terminal_the_file_is_named(tmp_path: Path) -> None:
    """A pipe gets a sentence with both commands, exit code 2 and no score."""
    settings = filled(tmp_path / "home", {"reply.draft": 5})
    command = [sys.executable, "-m", "llmwatch", "review", "--home", str(settings.home), "--as-of", NOW]

    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, stdin=subprocess.DEVNULL)

    assert ended.returncode == 2
    assert ended.stdout == ""
    assert "llmwatch review --csv review.csv\nllmwatch review import review.csv" in ended.stderr


def test_the_sample_is_one_percent_with_a_floor_and_the_same_for_everybody(tmp_path: Path) -> None:
    """700 answers of one task give 7, 20 of another 5, 3 of a third all 3; twice the same; no other week's."""
    settings = filled(tmp_path / "home", {"large": 700, "small": 20, "tiny": 3})
    fill(settings, [call(9999, hours_ago=1, task_name="large")])
    fill(settings, [content(9999, "today", "today")], "content")

    first = sample(settings.home, tmp_path / "one.csv")
    second = sample(settings.home, tmp_path / "two.csv")

    assert first == second
    chances = {row["task"]: float(row["probability"]) for row in first}
    assert [sum(row["task"] == task for row in first) for task in ("large", "small", "tiny")] == [7, 5, 3]
    assert chances == {"large": 0.01, "small": 0.25, "tiny": 1.0}


def test_answers_kept_with_a_small_chance_are_drawn_with_a_large_one(tmp_path: Path) -> None:
    """100 answers kept for certain stand for 100, 100 kept with chance 0.1 for 1,000: one chance for all of them."""
    settings = filled(tmp_path / "home", {"t": 200})
    with Store(settings).changing() as con:
        con.execute("update calls set sample_probability = 0.1 where span_id > ?", [f"{100:016x}"])

    rows = sample(settings.home, tmp_path / "review.csv", "--rate", "0.3")

    rare = sum(int(row["call"], 16) > 100 for row in rows)
    assert len(rows) == 60
    assert rare > 45
    assert [float(row["probability"]) for row in rows] == pytest.approx([60 / 1100] * 60)


def test_a_filled_file_is_taken_in_once_and_a_correction_replaces(tmp_path: Path) -> None:
    """Twice the same file changes nothing; a changed row is one score with the new value; rows left empty stay open."""
    settings = filled(tmp_path / "home", {"reply.draft": 5})
    path = tmp_path / "review.csv"
    calls = sorted(row["call"] for row in sample(settings.home, path))
    says = {calls[0]: {"acceptable": "yes"}, calls[1]: {"grade": "1", "false_facts": "2", "comment": "invented"}}
    fill_in(path, lambda row: says.get(row["call"], {}))

    first = run("review", "import", str(path), "--by", "ann", home=settings.home)
    second = run("review", "import", str(path), "--by", "ann", home=settings.home)
    fill_in(path, lambda row: {"acceptable": "no"} if row["call"] == calls[0] else {})
    third = run("review", "import", str(path), "--by", "ann", home=settings.home)

    assert first == "2 saved, 0 known already, 3 not filled in.\n"
    assert second == "0 saved, 2 known already, 3 not filled in.\n"
    assert third == "1 saved, 1 known already, 3 not filled in.\n"
    assert scores(settings, "span_id, value, false_facts, probability") == [
        (calls[0], 0.0, 0, 1.0),
        (calls[1], 0.0, 2, 1.0),
    ]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"acceptable": "perhaps"}, "acceptable 'perhaps' is neither yes nor no"),
        ({"grade": "6"}, "grade '6' is not a number from 1 to 5"),
        ({"acceptable": "yes", "false_facts": "-1"}, "false_facts '-1' is not a whole number"),
        ({"acceptable": "yes", "call": "feed"}, "call 'feed' is not known here"),
        ({"comment": "hm"}, "no score"),
    ],
)
def test_a_filled_row_that_cannot_be_understood_is_named(change: dict[str, str], sentence: str, tmp_path: Path) -> None:
    """By file and line."""
    path = tmp_path / "review.csv"
    path.write_text(f"{','.join(ANSWER_COLUMNS)}\n0001{',' * 10}\n0002{',' * 10}\n", "utf-8")
    fill_in(path, lambda row: {"acceptable": "yes"} if row["call"] == "0001" else change)

    with pytest.raises(InputFileError, match=f"{path}, line 3: .*{sentence}"):
        answer_records(read_rows(path), {"0001": "t", "0002": "t"}, "ann", lambda: 1)


def test_a_file_with_one_bad_row_is_not_taken_in_at_all(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nor are the good rows before it; the same of scores from elsewhere."""
    settings = filled(tmp_path / "home", {"reply.draft": 2})
    review, thumbs = tmp_path / "review.csv", tmp_path / "thumbs.csv"
    first = sample(settings.home, review)[0]["call"]
    fill_in(review, lambda row: {"acceptable": "yes" if row["call"] == first else "perhaps"})
    thumbs.write_text(f"span_id,score\n{first},1\n{first},2\n", "utf-8")
    capsys.readouterr()

    of_review = refused(capsys, "review", "import", str(review), "--home", str(settings.home))
    of_feedback = refused(capsys, "feedback", "import", str(thumbs), "--home", str(settings.home))

    assert "line " in of_review
    assert "acceptable 'perhaps' is neither yes nor no" in of_review
    assert f"{thumbs}, line 3: score '2' is not between 0 and 1" in of_feedback
    assert scores(settings, "value") == []


def test_a_task_without_kept_content_is_named_with_the_setting(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Metadata alone cannot be reviewed."""
    settings = filled(tmp_path / "home", {"reply.draft": 2})
    fill(settings, [call(77, hours_ago=LAST_WEEK_HOURS, task_name="secret.task", content_mode="metadata")])

    with pytest.raises(SystemExit) as ended:
        main(["review", "--home", str(settings.home), "--as-of", NOW, "--csv", str(tmp_path / "r.csv")])

    said = capsys.readouterr().err
    assert not ended.value.code
    assert "secret.task: none of its 1 answers can be reviewed, no content was kept (metadata)." in said
    assert "sample_rate" in said


def judged(settings: Settings, says: Callable[[int], float]) -> None:
    """A judge scored every call."""
    with Store(settings).read() as con:
        spans = [row[0] for row in con.execute("select span_id from calls order by span_id").fetchall()]
    rows = [
        {"judgement_id": f"j{n}", "state": "answered", "recorded_at": MOMENT, "span_id": span,
         "task_name": "reply.draft", "model": "judge-1", "rubric_hash": "r1", "score": says(n)}
        for n, span in enumerate(spans)
    ]  # fmt: skip
    fill(settings, rows, "judgements")


def test_answers_of_a_judge_nobody_checked_come_first_and_audit_it(tmp_path: Path) -> None:
    """100 judged, 6 of them low: 40 are asked for, at least 5 low ones; reviewed, the judge counts as audited."""
    settings = filled(tmp_path / "home", {"reply.draft": 100})
    judged(settings, lambda n: 0.0 if n < 6 else 1.0)
    path = tmp_path / "review.csv"

    rows = sample(settings.home, path)
    fill_in(path, lambda row: {"acceptable": "no" if int(row["call"], 16) <= 10 else "yes"})
    run("review", "import", str(path), home=settings.home)
    table = json.loads(run("quality", "--until", NOW, "--format", "json", home=settings.home))
    after = sample(settings.home, tmp_path / "after.csv")

    assert len(rows) == 40
    assert {row["reason"] for row in rows} == {"audit"}
    assert sum(int(row["call"], 16) <= 6 for row in rows) >= 5
    assert "judge, audited" in json.dumps(table)
    assert {row["reason"] for row in after} <= {"sample"}


def replayed(settings: Settings, n: int) -> None:
    """n replays of the calls, the candidate's answer wrong in the first three; half of them judged."""
    moment = MOMENT - timedelta(hours=2)
    facts = json.dumps({"is_same": False, "incumbent_model": "gpt-4o"})
    rows: list[dict[str, Any]] = []
    for number in range(1, n + 1):
        text = "wrong" if number <= 3 else f"A{number:016x} too"
        row = {
            "replay_id": f"r{number}", "run_id": "run", "span_id": f"{number:016x}", "task_name": "reply.draft",
            "model": "gpt-4o-mini",
        }  # fmt: skip
        answered = {"state": "answered", "facts": facts, "response_model": "gpt-4o-mini",
                    "output_messages": json.dumps([{"role": "assistant", "content": text}])}  # fmt: skip
        rows += [{**row, "state": "sent", "recorded_at": moment + timedelta(seconds=number)}]
        rows += [{**row, **answered, "recorded_at": moment + timedelta(seconds=number + 1)}]
    fill(settings, rows, "replays")


def is_good(answer: str, row: Mapping[str, str]) -> bool:
    """What a person sees at once."""
    return "wrong" not in answer


def test_pairs_are_blind_and_stored_as_candidate_minus_incumbent(tmp_path: Path) -> None:
    """The file names neither model nor side nor replay; who dislikes the wrong answers makes three -1 and nine 0."""
    settings = filled(tmp_path / "home", {"reply.draft": 12})
    replayed(settings, 12)
    path = tmp_path / "pairs.csv"

    rows = sample(settings.home, path, "--pairs")
    text = path.read_text("utf-8")
    fill_in(path, better_by(is_good))
    first = run("review", "import", str(path), home=settings.home)
    second = run("review", "import", str(path), home=settings.home)

    assert len(rows) == 12
    assert re.search(r"gpt-4o|\br\d+\b|candidate|incumbent", text) is None
    assert 2 <= sum("too" in row["left"] or "wrong" in row["left"] for row in rows) <= 10
    assert first == "12 saved, 0 known already, 0 not filled in.\n"
    assert second == "0 saved, 12 known already, 0 not filled in.\n"
    found = scores(settings, "name, difference, value, replay_id")
    assert found[:3] == [("pair", -1.0, None, f"r{n}") for n in (1, 2, 3)]
    assert {row[1] for row in found[3:]} == {0.0}


def test_pairs_at_the_terminal_say_left_and_right_and_never_whose(tmp_path: Path) -> None:
    """Keys =, u, l and q; the difference has the sign of the side the candidate stood on."""
    settings = filled(tmp_path / "home", {"reply.draft": 2})
    replayed(settings, 2)

    with terminal(settings.home, "--pairs", "--to", "gpt-4o-mini") as screen:
        first = screen.until("quit\r\n> ")
        screen.press("=", "2 of 2")
        screen.press("u", "1 of 2")
        saved = screen.press("l", "2 of 2")
        screen.press("q", "1 saved. 1 left")

    assert "LEFT" in first
    assert "left better · saved" in saved
    assert re.search(r"gpt-4o-mini|candidate|incumbent", screen.shown) is None
    is_candidate_left = "wrong" in first.split("LEFT")[1].split("RIGHT")[0]
    assert scores(settings, "difference") == [(1.0 if is_candidate_left else -1.0,)]


@pytest.mark.slow
def test_forty_pairs_a_batch_with_five_of_each_way_of_differing(tmp_path: Path) -> None:
    """Of 60 pairs, 4 judged worse: all 4 and 36 others are asked; a second batch adds the rest."""
    settings = filled(tmp_path / "home", {"reply.draft": 60})
    replayed(settings, 60)
    both = [
        {"judgement_id": f"p{n}{first}", "state": "answered", "recorded_at": MOMENT, "replay_id": f"r{n}",
         "first_answer": first, "model": "judge-1", "rubric_hash": "r1", "verdict": "worse" if n <= 4 else "same"}
        for n in range(1, 61) for first in ("incumbent", "candidate")
    ]  # fmt: skip
    fill(settings, both, "judgements")
    path = tmp_path / "pairs.csv"

    rows = sample(settings.home, path, "--pairs")
    more = sample(settings.home, tmp_path / "more.csv", "--pairs", "--batches", "2")

    assert len(rows) == 40
    assert sum("wrong" in row["left"] + row["right"] for row in rows) == 3
    assert {row["pair"] for row in rows} < {row["pair"] for row in more}
    assert len(more) == 60


def test_scores_from_elsewhere_come_in_by_csv_and_parquet_once(tmp_path: Path) -> None:
    """Scores and labels by any id; unknown calls are counted and kept; a second import changes nothing."""
    import polars as pl

    settings = filled(tmp_path / "home", {"reply.draft": 3})
    path = tmp_path / "thumbs.csv"
    path.write_text(
        "span_id,score,label,comment\n"
        f"{1:016x},1,,\n{2:016x},,thumbs_down,rude\n{3:016x},0.25,,\nffffffffffffffff,1,,\n",
        "utf-8",
    )
    first = run("feedback", "import", str(path), home=settings.home)
    second = run("feedback", "import", str(path), home=settings.home)
    pl.DataFrame({"call": [f"{1:016x}"], "score": [0.5]}).write_parquet(tmp_path / "labels.parquet")
    labels = run("feedback", "import", str(tmp_path / "labels.parquet"), "--evidence", "label", home=settings.home)

    lost = "Of 1 the call is not in the store: counted once it arrives.\n"
    assert first == "4 saved, 0 known already.\n" + lost
    assert second == "0 saved, 4 known already.\n" + lost
    assert labels == "1 saved, 0 known already.\n"
    assert scores(settings, "span_id, evidence, value, comment") == [
        (f"{1:016x}", "feedback", 1.0, None),
        (f"{1:016x}", "label", 0.5, None),
        (f"{2:016x}", "feedback", 0.0, "rude"),
        (f"{3:016x}", "feedback", 0.25, None),
        (None, "feedback", 1.0, None),
    ]


@pytest.mark.parametrize(("separator", "mark"), [(";", ""), ("\t", ""), (",", "\ufeff"), (";", "\ufeff")])
def test_scores_come_in_as_spreadsheets_write_them(separator: str, mark: str, tmp_path: Path) -> None:
    """Semicolons, tabs, a mark of the encoding; another encoding is one sentence."""
    settings = filled(tmp_path / "home", {"reply.draft": 1})
    path = tmp_path / "scores.csv"
    lines = (("span_id", "score", "comment"), (f"{1:016x}", "1", "good"))
    path.write_text(mark + "".join(separator.join(line) + "\n" for line in lines), "utf-8")
    run("feedback", "import", str(path), home=settings.home)

    assert scores(settings, "span_id, value, comment") == [(f"{1:016x}", 1.0, "good")]
    path.write_bytes("span_id,score,comment\nx,1,Müller\n".encode("latin-1"))
    with pytest.raises(InputFileError, match="it is not UTF-8 text"):
        read_rows(path)


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("Response ID,Score\nchatcmpl-1,0.5\n", ()),
        # Langfuse: of its other columns none is taken for something else
        ("id,timestamp,traceId,name,value,stringValue,dataType\ns,2026-11-01 10:00,t1,quality,0.5,,NUMERIC\n", ()),
        ("call_id;score;scored at\n{call};0,5;24.11.2026\n", ()),
        ("answer,Is it right?\nchatcmpl-1,0.5\n", ("--map", "response_id=answer", "--map", "score=Is it right?")),
        ("call,score,scored_at\n{call},0.5,03/04/2026\n", ("--dates", "month-first")),
        ("call,score,value\n{call},0.5,0.7\n", ("--map", "score=score")),
    ],
)  # fmt: skip
def test_headings_are_known_as_others_write_them(text: str, options: tuple[str, ...], tmp_path: Path) -> None:
    """Case, spaces and camelCase do not matter; others are named with --map."""
    settings = filled(tmp_path / "home", {"reply.draft": 1})
    fill(settings, [call(50, response_id="chatcmpl-1", trace_id="t1")])
    path = tmp_path / "scores.csv"
    path.write_text(text.format(call=f"{50:016x}"), "utf-8")

    said = run("feedback", "import", str(path), *options, home=settings.home)

    assert said == "1 saved, 0 known already.\n"
    assert scores(settings, "value") == [(0.5,)]


def test_a_heading_that_could_be_either_is_asked_for(tmp_path: Path) -> None:
    """Two columns of scores that differ, a column that is not there, and no column at all."""
    path = tmp_path / "scores.csv"
    path.write_text("call,score,value,Antwort\n0001,1,0,x\n", "utf-8")

    with pytest.raises(UsageError, match="'score', 'value' could all be the score.*--map score='score'"):
        records_from(read_rows(path), "feedback", 1)
    with pytest.raises(UsageError, match="--map score=Note: .* has no such column. It has 'call', 'score'"):
        records_from(read_rows(path), "feedback", 1, {"score": "Note"})
    with pytest.raises(InputFileError, match="no column says which answer.*'Antwort'.*--map response_id=COLUMN"):
        records_from(read_rows(path), "feedback", 1, {"span_id": "-", "score": "score"})


def test_a_score_waits_for_its_call(tmp_path: Path) -> None:
    """Imported before the call was merged, it counts as soon as the call is there."""
    settings = filled(tmp_path / "home", {"reply.draft": 1})
    path = tmp_path / "early.csv"
    path.write_text("response_id,score\nchatcmpl-late,1\n", "utf-8")
    run("feedback", "import", str(path), home=settings.home)

    fill(settings, [call(50, response_id="chatcmpl-late")])

    assert scores(settings, "span_id, value") == [(f"{50:016x}", 1.0)]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("span_id,score\n0001,2\n", "line 2: score '2' is not between 0 and 1"),
        ("span_id,score\n0001,1\n,1\n", "line 3: nothing says which answer it is of"),
        ("span_id,score,evidence\n0001,1,judge\n", "line 2: evidence 'judge' is not one of"),
        ("span_id,score\n0001,nan\n", "line 2: score 'nan' is not between 0 and 1"),
        ("span_id,comment\n0001,nice\n", "no column has a score"),
        ("who,score\n0001,1\n", "no column says which answer a row is of"),
    ],
)
def test_a_bad_row_of_feedback_is_named_by_file_and_line(text: str, sentence: str, tmp_path: Path) -> None:
    """The first of them."""
    path = tmp_path / "bad.csv"
    path.write_text(text, "utf-8")

    with pytest.raises(InputFileError, match=f"{path}.*{sentence}"):
        records_from(read_rows(path), "feedback", 1)
