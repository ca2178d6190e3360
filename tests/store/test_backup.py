"""`llmwatch backup`: a copy that holds every call once, made while services append; it can take the home's place."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from llmwatch import pseudonym
from llmwatch.call import encode_record
from llmwatch.cli import main
from llmwatch.errors import StoreError, StoreLocked, UsageError
from llmwatch.settings import Settings
from llmwatch.spool import CALL, SpoolWriter
from llmwatch.store import Store, backup, file

from .records import call, merged, query, spool, store


def ids(home: Path) -> list[str]:
    """The calls of a home, each as often as it is there, once all of its spool is merged."""
    store(home).merge()
    return sorted(row[0] for row in query(store(home), "select span_id from calls"))


def test_a_copy_is_a_home_with_what_was_merged_and_what_was_not(tmp_path: Path) -> None:
    """Three calls in the file, two in the segment of a living process, the key, what a run has spent."""
    home, target = tmp_path / "home", tmp_path / "copies" / "monday"
    made = [call() for _ in range(5)]
    merged(home, *made[:3])
    living = spool(home, *made[3:], seal=False)
    key = pseudonym.load_key(home / "user.key", create=True)
    (home / "runs").mkdir()
    (home / "runs" / "r.jsonl").write_text("spent", "utf-8")

    done = store(home).backup(target)

    assert done.folder == target
    copied = [path for path in target.rglob("*") if path.is_file()]
    assert (done.files, done.size) == (len(copied), sum(path.stat().st_size for path in copied))
    assert ids(target) == sorted(record["span_id"] for record in made)
    assert pseudonym.load_key(target / "user.key", create=False) == key
    assert (target / "runs" / "r.jsonl").read_text("utf-8") == "spent"
    assert {p.stat().st_mode & 0o077 for p in target.rglob("*")} == {0}
    living.close()
    assert ids(home) == ids(target)


def test_calls_that_arrive_while_it_is_made_are_in_the_home_and_no_call_is_there_twice(tmp_path: Path) -> None:
    """One thread appends and another merges, over and over, while five copies are made."""
    home = tmp_path / "home"
    merged(home, call())
    over = threading.Event()
    acknowledged: list[str] = []

    def serve() -> None:
        writer = SpoolWriter(home / "spool", 1 << 30)
        while not over.is_set():
            record = call()
            if writer.append(CALL, encode_record(record)):
                acknowledged.append(record["span_id"])
            over.wait(0.002)
        writer.close()

    merging = (
        "from llmwatch.store import Store\nfrom llmwatch.settings import Settings\nfrom pathlib import Path\n"
        f"while True: Store(Settings(home=Path({str(home)!r}))).merge()"
    )
    thread = threading.Thread(target=serve)
    with subprocess.Popen([sys.executable, "-c", merging]) as process:
        thread.start()
        try:
            for number in range(5):
                before = list(acknowledged)
                store(home).backup(tmp_path / f"copy {number}")
                copied = ids(tmp_path / f"copy {number}")
                assert set(before) <= set(copied)
                assert len(copied) == len(set(copied))
        finally:
            over.set()
            thread.join()
            process.kill()

    assert set(acknowledged) <= set(ids(home))


def test_what_cannot_be_is_one_sentence_and_leaves_nothing(tmp_path: Path) -> None:
    """A folder that holds something, one inside of the home, no home, a merge that does not end, a store cut off."""
    home = tmp_path / "home"
    merged(home, call())
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").touch()

    with pytest.raises(UsageError, match="is not an empty folder"):
        store(home).backup(tmp_path / "full")
    with pytest.raises(UsageError, match="is inside of"):
        store(home).backup(home / "copy")
    with pytest.raises(StoreError, match="There is nothing at"):
        store(tmp_path / "nowhere").backup(tmp_path / "copy")
    with file.merge_lock(home, 0), pytest.raises(StoreLocked, match="is merging into"):
        backup.back_up(home, home / "store.duckdb", tmp_path / "copy", 0.1)
    os.truncate(home / "store.duckdb", 4096)
    with pytest.raises(StoreError, match="was cut off"):
        store(home).backup(tmp_path / "copy")

    assert sorted(path.name for path in tmp_path.iterdir()) == ["full", "home"]


def test_the_printed_command_reads_the_copy(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In a folder whose name has a space."""
    home = tmp_path / "home"
    merged(home, call())

    with pytest.raises(SystemExit) as ended:
        main(["backup", str(tmp_path / "my copy"), "--home", str(home)])
    said = capsys.readouterr().out

    assert not ended.value.code
    assert said.splitlines()[0].endswith(f" MB, in {tmp_path / 'my copy'}")
    program, *words = shlex.split(said.splitlines()[1].removeprefix("To look into it: "))
    assert program == "llmwatch"
    with pytest.raises(SystemExit) as ended:
        main([*words, "--since", "2026-11-01", "--until", "2026-12-01"])
    assert not ended.value.code
    assert "1 call" in capsys.readouterr().out
    assert Store(Settings(home=tmp_path / "my copy")).health().problems == ()
