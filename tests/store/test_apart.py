"""While a `serve` lives, a long reading is of a copy: it delays no merge, sees one moment, leaves no file."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

import llmwatch.store
import llmwatch.store.apart
from llmwatch.errors import StoreLocked
from llmwatch.store.apart import is_served, serving

from .records import call, merged, query, spool, store
from .test_holders import holder


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test need not wait as long as a user would."""
    monkeypatch.setattr(llmwatch.store, "_FOREIGN_WAIT_S", 0.2)


def count(con: duckdb.DuckDBPyConnection) -> int:
    """Calls that the connection sees."""
    row = con.execute("select count(*) from calls").fetchone()
    assert row is not None
    return int(row[0])


def test_a_merge_goes_on_during_a_long_reading_which_sees_one_moment(tmp_path: Path) -> None:
    """The call that is merged meanwhile is in the next reading, and nothing is left in the temporary folder."""
    opened = merged(tmp_path, call())
    with serving(tmp_path), opened.read_long() as con:
        assert count(con) == 1
        spool(tmp_path, call())
        assert opened.merge().calls == 1
        assert count(con) == 1
        assert list((tmp_path / "tmp").iterdir()) == []
    assert query(opened, "select count(*) from calls") == [(2,)]


def test_without_a_server_the_file_itself_is_read(tmp_path: Path) -> None:
    """Nobody waits for it, so nothing is copied."""
    opened = merged(tmp_path, call())
    with serving(tmp_path):
        assert is_served(tmp_path)
    assert not is_served(tmp_path)
    with opened.read_long():
        spool(tmp_path, call())
        assert opened.merge().blocked


def test_a_copy_has_what_the_spool_and_the_log_of_a_killed_writer_hold(tmp_path: Path) -> None:
    """Rows that are only in DuckDB's log, and calls that nobody merged, are read."""
    opened = merged(tmp_path, call())
    code = (
        f"import duckdb, os; con = duckdb.connect({str(tmp_path / 'store.duckdb')!r});"
        "con.execute(\"insert into meta values ('left', 'in the log')\"); os._exit(9)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 9
    assert (tmp_path / "store.duckdb.wal").exists()
    spool(tmp_path, call())
    with serving(tmp_path), opened.read_long() as con:
        assert count(con) == 2
        assert con.execute("select value from meta where key = 'left'").fetchall() == [("in the log",)]


def test_a_foreign_writer_is_named_as_in_any_reading(tmp_path: Path) -> None:
    """A file that somebody may be changing is not copied."""
    opened = merged(tmp_path, call())
    with (
        serving(tmp_path),
        holder(tmp_path / "store.duckdb", read_only=False) as pid,
        pytest.raises(StoreLocked, match=f"process {pid}"),
        opened.read_long(),
    ):
        pass


def test_a_reader_killed_while_it_copies_leaves_a_folder_that_the_next_merge_removes(tmp_path: Path) -> None:
    """Its name begins as those of killed merges do."""
    opened = merged(tmp_path, call())
    code = (
        "import os, pathlib; from llmwatch.store.apart import copied;"
        f"home = pathlib.Path({str(tmp_path)!r}); made = copied(home / 'store.duckdb', home);"
        "made.__enter__(); os._exit(9)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 9
    left = list((tmp_path / "tmp").iterdir())
    assert len(left) == 1
    assert oct(left[0].stat().st_mode)[-3:] == "700"
    spool(tmp_path, call())
    assert opened.merge().calls == 1
    assert list((tmp_path / "tmp").iterdir()) == []


def test_what_is_too_large_for_the_disk_is_read_in_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that has no room to spare gets no copy."""
    opened = merged(tmp_path, call())
    monkeypatch.setattr(llmwatch.store.apart, "_SPARE", 1 << 60)
    with serving(tmp_path), opened.read_long() as con:
        assert count(con) == 1
        spool(tmp_path, call())
        assert opened.merge().blocked


def test_a_store_that_is_not_there_yet_is_read_as_empty(tmp_path: Path) -> None:
    """The spool's first call is seen all the same."""
    spool(tmp_path, call())
    with serving(tmp_path), store(tmp_path).read_long() as con:
        assert count(con) == 1
