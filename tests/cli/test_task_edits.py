"""`llmwatch tasks` and what it does to tasks: past and future calls follow, and every edit can be taken back."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest

from llmwatch.cli import main
from llmwatch.store import Store
from tests.store.records import STARTED_US, call, merged, query, spool


def run(home: Path, capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Exit code, standard output, standard error of one command."""
    with pytest.raises(SystemExit) as ended:
        main(["tasks", *arguments, "--home", str(home)])
    streams = capsys.readouterr()
    return int(str(ended.value.code)), streams.out, streams.err


def names(opened: Store) -> dict[str, int]:
    """Today's name -> calls."""
    return dict(query(opened, "select task_name, count(*) from calls group by task_name order by task_name"))


@pytest.fixture
def opened(tmp_path: Path) -> Store:
    """Two tagged tasks, and one that was discovered at two call sites with two tool sets."""
    tags = [call(task=task, task_source="tag") for task in ("a", "a", "a", "b")]
    rest = [
        call(task_key=f"{site:016x}", call_site=f"app:f{site}", tool_names=tools, prompt_hash=f"{site:x}")
        for site in (1, 2) for tools in (["x"], ["y"])
    ]  # fmt: skip
    return merged(tmp_path, *tags, *rest)


def test_a_rename_reaches_calls_that_come_later_and_is_taken_back(
    opened: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The tag in the program stays what it is."""
    code, out, _ = run(tmp_path, capsys, "rename", "a", "fines.decide")
    assert (code, out.splitlines()) == (
        0, ["'a' is 'fines.decide' now: 3 calls renamed.", "To take it back: llmwatch tasks undo 1"],
    )  # fmt: skip
    spool(tmp_path, call(task="a", task_source="tag"))
    opened.merge()
    assert names(opened) == {"b": 1, "f1": 2, "f2": 2, "fines.decide": 4}
    assert query(opened, "select distinct task from calls where task_name = 'fines.decide'") == [("a",)]

    assert run(tmp_path, capsys, "undo")[1] == "Undone: rename of 'a'; 4 calls renamed.\n"

    assert names(opened) == {"a": 4, "b": 1, "f1": 2, "f2": 2}


def test_merged_tasks_are_one_and_part_again(opened: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A tagged one and a discovered one; undoing keeps what was done before and after."""
    run(tmp_path, capsys, "rename", "b", "c")
    run(tmp_path, capsys, "merge", "a", "f1", "--into", "both")
    run(tmp_path, capsys, "pin", "c")
    assert names(opened) == {"both": 5, "c": 1, "f2": 2}

    run(tmp_path, capsys, "undo", "2")

    assert names(opened) == {"a": 3, "c": 1, "f1": 2, "f2": 2}
    rows = json.loads(run(tmp_path, capsys, "edits", "--format", "json")[1])["sections"][0]["tables"][0]["rows"]
    assert [row["cells"]["state"] if "cells" in row else row["state"] for row in rows] == [
        "in force", "undone", "in force",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("by", "parts"),
    [
        ("call_site", {"f1 / f1": 2, "f1 / f2": 2}),
        ("tools", {"f1 / x": 2, "f1 / y": 2}),
        ("prompt", {"f1 / prompt 1": 2, "f1 / prompt 2": 2}),
    ],
)
def test_a_task_is_split_by_what_its_calls_carry(
    by: str, parts: dict[str, int], opened: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of a task that was merged before; a later call goes to its part, one with a new value keeps the name."""
    run(tmp_path, capsys, "merge", "f1", "f2", "--into", "f1")

    assert run(tmp_path, capsys, "split", "f1", "--by", by)[0] == 0

    assert names(opened) == {"a": 3, "b": 1, **parts}
    spool(
        tmp_path,
        call(task_key=f"{1:016x}", call_site="app:f1", tool_names=["x"], prompt_hash="1"),
        call(task_key=f"{1:016x}", call_site="app:f3", tool_names=["z"], prompt_hash="3"),
    )
    pending = names(opened)
    opened.merge()
    first = next(iter(parts))
    assert names(opened) == pending == {"a": 3, "b": 1, "f1": 1, **parts, first: parts[first] + 1}
    run(tmp_path, capsys, "undo", "2")
    assert names(opened) == {"a": 3, "b": 1, "f1": 6}


def test_a_wrong_name_is_one_sentence_with_the_nearest(
    opened: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is changed; names that are taken are refused as well."""
    before = names(opened)
    sentences = [
        run(tmp_path, capsys, *words)
        for words in (
            ("rename", "f3", "x"), ("rename", "a", "b"), ("merge", "a", "--into", "x"), ("split", "a", "--by", "tools"),
            ("split", "a", "--by", "colour"), ("undo",), ("undo", "7"), ("rename", "a", " "),
        )
    ]  # fmt: skip

    assert {code for code, _, _ in sentences} == {2}
    assert "There is no task 'f3'. \nDid you mean".replace(" \n", "\n") in sentences[0][2]
    assert "llmwatch tasks merge a b --into b" in sentences[1][2]
    assert all(out == "" for _, out, _ in sentences)
    assert names(opened) == before


def test_a_task_is_named_by_its_id_too_and_keeps_it_when_renamed(
    opened: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The list gives it."""
    listed = ("--since", "2026-01-01", "--format", "csv")
    row = next(line for line in run(tmp_path, capsys, *listed)[1].splitlines() if line.startswith("row,a,"))
    task_id = next(cell for cell in row.split(",") if len(cell) == 8 and not cell.startswith("20"))

    assert run(tmp_path, capsys, "rename", task_id, "z")[0] == 0

    assert names(opened)["z"] == 3
    assert task_id in next(x for x in run(tmp_path, capsys, *listed)[1].splitlines() if x.startswith("row,z,"))


def test_the_next_version_of_a_prompt_is_proposed_with_a_command_that_makes_one_task(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two prompts of one function, the second from where the first ended; the printed command is run as it stands."""
    day = 86_400 * 10**6
    prompts = [
        call(task_key=f"{key:016x}", call_site="app:draft", prompt_hash=f"{key:x}", started_us=STARTED_US + n * day)
        for key, days in ((1, range(25)), (2, range(25, 50))) for n in days
    ]  # fmt: skip
    opened = merged(tmp_path, *prompts)
    before = names(opened)
    assert len(before) == 2

    _, out, _ = run(tmp_path, capsys)

    assert "ended: it may be the next version of its prompt." in " ".join(out.split())
    [printed] = [line.strip() for line in out.splitlines() if "llmwatch tasks merge" in line]
    _, _, *words = shlex.split(printed)
    assert run(tmp_path, capsys, *words)[0] == 0
    assert list(names(opened).values()) == [50]
    assert "may be the next version" not in run(tmp_path, capsys)[1]
