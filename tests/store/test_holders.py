"""Who else holds the file, damaged and foreign files, older and newer schemas: one sentence, nothing lost."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import pytest

import llmwatch.store
from llmwatch.errors import SchemaTooNew, StoreCorrupt, StoreError, StoreLocked, UsageError
from llmwatch.settings import Settings
from llmwatch.store import Store, file
from llmwatch.store.health import look

from .records import call, merged, query, spool, store


@contextmanager
def holder(path: Path, *, read_only: bool) -> Iterator[int]:
    """Another program that has the file open; yields its process id."""
    code = (
        f"import duckdb, sys; con = duckdb.connect({str(path)!r}, read_only={read_only});"
        "con.execute('select 1').fetchall(); print('open', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout and process.stdin
        assert process.stdout.readline() == "open\n"
        try:
            yield process.pid
        finally:
            process.stdin.close()
            process.wait(10)


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test need not wait as long as a user would."""
    monkeypatch.setattr(llmwatch.store, "_FOREIGN_WAIT_S", 0.2)


def test_a_foreign_reader_costs_freshness_of_the_file_but_not_of_the_answer(tmp_path: Path) -> None:
    """Merging is blocked and names the process; reading sees everything; later everything is merged once."""
    opened = merged(tmp_path, call())
    spool(tmp_path, call())

    with holder(tmp_path / "store.duckdb", read_only=True) as pid:
        result = opened.merge()
        during = query(opened, "select count(*), count(cost_usd) from calls")

    assert result.blocked is not None
    assert f"process {pid}" in result.blocked
    assert during == [(2, 2)]
    assert opened.merge().calls == 1
    assert query(opened, "select count(*) from calls") == [(2,)]


def test_a_foreign_writer_blocks_reading_with_its_name(tmp_path: Path) -> None:
    """Nobody can read a file that another process writes; the sentence says which process."""
    opened = merged(tmp_path, call())
    spool(tmp_path, call())

    with holder(tmp_path / "store.duckdb", read_only=False) as pid:
        assert f"process {pid}" in (opened.merge().blocked or "")
        with pytest.raises(StoreLocked, match=f"process {pid}"), opened.read():
            pass

    assert opened.merge().calls == 1


def test_a_connection_of_this_process_blocks_merging_without_an_error(tmp_path: Path) -> None:
    """While somebody in this process reads, a merge is put off; the spool keeps its records."""
    opened = merged(tmp_path, call())
    spool(tmp_path, call())

    with opened.read() as con:
        result = opened.merge()
        assert con.execute("select count(*) from calls").fetchall() == [(2,)]

    assert "this process" in (result.blocked or "")
    assert opened.merge().calls == 1


def test_another_merge_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever cannot get the merge lock in time is told who has it."""
    monkeypatch.setattr(llmwatch.store, "_MERGE_WAIT_S", 0.1)
    spool(tmp_path, call())

    with file.merge_lock(tmp_path, 0) as is_held:
        result = store(tmp_path).merge()

    assert is_held
    assert f"({os.getpid()})" in (result.blocked or "")


@pytest.mark.parametrize("size", [0, 4096, 8192])
def test_a_store_that_was_cut_off_is_named_and_not_begun_anew(tmp_path: Path, size: int) -> None:
    """A store with calls, cut to its first blocks: every way of opening it says so, and only a repair sets it aside."""
    opened = merged(tmp_path, call())
    os.truncate(tmp_path / "store.duckdb", size)
    spool(tmp_path, call())

    with pytest.raises(StoreCorrupt, match=rf"was cut off: it has {size:,} bytes.*llmwatch doctor --repair"):
        opened.merge()
    with pytest.raises(StoreCorrupt, match="was cut off"), opened.read():
        pass
    assert any("was cut off" in problem for problem in store(tmp_path).health().problems)
    assert (tmp_path / "store.duckdb").stat().st_size == size
    assert file.quarantined(tmp_path / "store.duckdb") == []

    store(tmp_path).quarantine()

    again = merged(tmp_path)
    assert query(again, "select count(*) from calls") == [(1,)]
    assert [path.stat().st_size for path in file.quarantined(tmp_path / "store.duckdb")] == [size]


def test_a_log_without_its_file_is_not_replayed_into_a_new_one(tmp_path: Path) -> None:
    """A store.duckdb.wal left alone is set aside before a file is created."""
    (tmp_path / "store.duckdb.wal").write_bytes(b"old log")

    opened = merged(tmp_path, call())

    assert query(opened, "select count(*) from calls") == [(1,)]
    assert len(file.quarantined(tmp_path / "store.duckdb")) == 1


@pytest.mark.parametrize("content", [b"not a database, but long enough" * 1000, b"\x00" * 12288])
def test_a_file_that_is_no_database_is_refused_and_kept(tmp_path: Path, content: bytes) -> None:
    """Reading and merging say how to repair; nothing is touched until then, and the spool waits."""
    path = tmp_path / "store.duckdb"
    path.write_bytes(content)
    spool(tmp_path, call())
    opened = store(tmp_path)

    with pytest.raises(StoreCorrupt, match="--repair"):
        opened.merge()
    with pytest.raises(StoreCorrupt, match="--repair"), opened.read():
        pass
    assert path.read_bytes() == content

    kept = opened.quarantine()
    assert kept.read_bytes() == content
    assert opened.merge().calls == 1


def test_a_truncated_store_is_refused_in_one_sentence(tmp_path: Path) -> None:
    """Half of a file is no database."""
    opened = merged(tmp_path, *[call() for _ in range(100)])
    path = tmp_path / "store.duckdb"
    os.truncate(path, path.stat().st_size // 2)
    spool(tmp_path, call())

    with pytest.raises(StoreCorrupt) as error:
        opened.merge()

    assert "\n" not in str(error.value)


def test_a_table_that_lacks_a_column_is_no_reason_to_set_the_file_aside(tmp_path: Path) -> None:
    """What a query of ours misses is a fault of ours: nobody is told to repair a healthy file."""
    opened = merged(tmp_path, call())
    with opened.changing() as con:
        con.execute("create table things (name text)")
    with pytest.raises(StoreError, match=r"Work on .* failed: Binder Error") as raised, opened.changing() as con:
        con.execute("select value from things")
    assert not isinstance(raised.value, StoreCorrupt)
    assert "repair" not in (raised.value.hint or "")


def test_somebody_elses_database_is_not_touched(tmp_path: Path) -> None:
    """A DuckDB file that is no store is left as it is."""
    with duckdb.connect(str(tmp_path / "store.duckdb")) as con:
        con.execute("create table theirs as select 1 as a")
    spool(tmp_path, call())

    with pytest.raises(StoreCorrupt, match="not a store of llmwatch"):
        store(tmp_path).merge()

    with duckdb.connect(str(tmp_path / "store.duckdb")) as con:
        assert con.execute("select table_name from duckdb_tables()").fetchall() == [("theirs",)]


def test_a_newer_store_is_left_alone(tmp_path: Path) -> None:
    """A store with a schema of tomorrow is neither read nor written, and the sentence says what to do."""
    opened = merged(tmp_path, call())
    with duckdb.connect(str(tmp_path / "store.duckdb")) as con:
        con.execute("update meta set value = '999' where key = 'schema_version'")
    spool(tmp_path, call())

    with pytest.raises(SchemaTooNew, match="schema 999"):
        opened.merge()
    with pytest.raises(SchemaTooNew, match="upgrade llmwatch"), opened.read():
        pass
    assert look(Settings(home=tmp_path)).pending_records == 1


# Until 0.1.0 is released a changed schema may change its digest here; afterwards it is another migration.
MIGRATIONS = {
    1: "2f78dd3cbe586bf9",
    2: "6571915896d0f466",
    3: "8984bd879fb308dd",
    4: "7f39ae68a27c3627",
    5: "39c2a92ad8d398b7",
    6: "6485580b921b9a89",
    7: "66e75bf744bb5a21",
    8: "0aef68952ac95fd8",
    9: "f66d33fa623c4425",
    10: "1aa63f87e60f70cb",
    11: "626e99dec8da733a",
    12: "a17088ff961682dd",
    13: "1c8b0b27d56ace17",
    14: "76421bfb4ea4a3d5",
    15: "4f38fa33089af743",
    16: "3da249c6018ba6f1",
    17: "35e1ed26e4ca8013",
    18: "af24dcbc31f200ee",
    19: "10e5e6203a2d3b44",
}


def test_every_migration_is_what_it_was_when_released() -> None:
    """A migration that has run in somebody's store may never change; add another one instead."""
    found = {number: hashlib.sha256(text.encode()).hexdigest()[:16] for number, text in file.migrations()}

    assert found == MIGRATIONS
    assert list(found) == list(range(1, file.schema_version() + 1))


def test_the_folder_and_its_files_are_private(tmp_path: Path) -> None:
    """0700 and 0600 whatever the umask, for the file, its lock and the folder."""
    previous = os.umask(0)
    try:
        spool(tmp_path / "home", call())
        store(tmp_path / "home").merge()
    finally:
        os.umask(previous)

    modes = {p.name: p.stat().st_mode & 0o777 for p in (tmp_path / "home").rglob("*")}
    assert modes == {"spool": 0o700, "tmp": 0o700, "store.duckdb": 0o600, "merge.lock": 0o600}
    assert (tmp_path / "home").stat().st_mode & 0o777 == 0o700


@contextmanager
def nobody(home: Path) -> Iterator[None]:
    """The folder may be read and not written, by this process, whoever runs it."""
    for path in (home, *home.rglob("*")):
        if os.geteuid() == 0:
            os.chown(path, 65534, 65534)
        path.chmod(0o500 if path.is_dir() else 0o400)
    before = os.geteuid()
    if before == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(before)
        home.chmod(0o700)
        for path in home.rglob("*"):
            path.chmod(0o700)


def test_a_home_that_cannot_be_written_is_read_with_its_spool() -> None:
    """What is merged and what is not is in the answer, priced."""
    with TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        home = Path(name) / "home"
        opened = merged(home, call())
        spool(home, call(), call())
        with nobody(home):
            result = opened.merge()
            with opened.read() as con:
                found = con.execute("select count(*), count(cost_usd) from calls").fetchone()

    assert "cannot be written" in (result.blocked or "")
    assert found == (3, 3)


def test_health_says_what_is_there(tmp_path: Path) -> None:
    """Live and torn segments, pending records, events, permissions; nothing is changed by looking."""
    opened = merged(tmp_path, call())
    writer = spool(tmp_path, call(), call(), seal=False)
    (tmp_path / "spool" / "0.spool").write_bytes(b"C 0000")
    (tmp_path / "store.duckdb").chmod(0o644)
    os.utime(tmp_path / "store.duckdb", (1, 1))

    health = opened.health()

    assert (health.segments, health.live_segments, health.torn_segments, health.pending_records) == (2, 1, 1, 2)
    assert (health.calls, health.schema_version, health.events) == (1, file.schema_version(), {})
    assert health.merged_at is not None
    assert health.lock_holder is None
    assert len(health.problems) == 1
    assert "chmod go-r" in health.problems[0]
    assert (tmp_path / "store.duckdb").stat().st_mtime == 1
    writer.close()


def test_health_of_nothing_is_no_error(tmp_path: Path) -> None:
    """Before the first call there is nothing to say and nothing is made."""
    health = Store(Settings(home=tmp_path / "none")).health()

    assert (health.segments, health.store_bytes, health.pending_records, health.problems) == (0, None, 0, ())
    assert not (tmp_path / "none").exists()


def test_parquet_holds_what_the_tables_hold(tmp_path: Path) -> None:
    """Every table becomes one private file; a folder that has something in it is refused."""
    opened = merged(tmp_path / "home", call(attributes={"k": "v"}), call())

    counts = opened.export_parquet(tmp_path / "out")

    assert counts["calls"] == 2
    sql = f"select count(*), sum(cost_usd), any_value(attributes) from '{tmp_path}/out/calls.parquet'"
    assert duckdb.sql(sql).fetchall()[0][0] == 2
    assert {p.stat().st_mode & 0o777 for p in (tmp_path / "out").iterdir()} == {0o600}
    with pytest.raises(UsageError, match="not an empty folder"):
        opened.export_parquet(tmp_path / "out")


def test_a_merge_command_that_could_not_merge_is_code_3(tmp_path: Path) -> None:
    """Another program holds the store: a cron job sees it by the exit code, and nothing is lost."""
    opened = merged(tmp_path, call())
    spool(tmp_path, call())

    with holder(tmp_path / "store.duckdb", read_only=False) as pid:
        command = [sys.executable, "-m", "llmwatch", "merge", "--home", str(tmp_path)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    assert (done.returncode, done.stdout) == (3, "")
    assert "Nothing was merged" in done.stderr
    assert str(pid) in done.stderr
    assert opened.merge().calls == 1


def test_each_error_of_duckdb_has_a_sentence_of_its_own() -> None:
    """Only damage of the bytes is called damage; too little memory, a fault of ours and a lost disk are not."""
    path = Path("store.duckdb")
    for error, words, is_damage in (
        (duckdb.OutOfMemoryException("could not allocate 1 MiB (381 MiB used)\nPossible solutions:\n* x"),
         "not enough memory to work on store.duckdb: could not allocate 1 MiB (381 MiB used).", False),
        (duckdb.BinderException("no column x"), "Work on store.duckdb failed: no column x.", False),
        (duckdb.ConversionException("Could not convert 'x'"), "Work on store.duckdb failed", False),
        (duckdb.InternalException("assertion"), "Work on store.duckdb failed", False),
        (duckdb.InterruptException("INTERRUPT"), "Work on store.duckdb failed", False),
        (duckdb.IOException("Could not write file: Input/output error"), "Work on store.duckdb failed", False),
        (OSError(5, "Input/output error"), "Work on store.duckdb failed", False),
        (duckdb.IOException('The file "s" exists, but it is not a valid DuckDB database'), "cannot be read as", True),
        (duckdb.IOException("Corrupt database file: computed checksum 1 does not match stored checksum 2"),
         "cannot be read as", True),
        (duckdb.SerializationException("Failed to deserialize"), "cannot be read as", True),
        (duckdb.IOException("No space left on device"), "The disk of store.duckdb is full.", False),
    ):  # fmt: skip
        told = file.store_error(error, path)
        assert words in str(told), error
        assert isinstance(told, StoreCorrupt) is is_damage, error


def test_work_that_fails_after_a_merge_is_told_and_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Recognition runs out of memory: the calls are in, doctor and every reader say what is missing, until it works."""

    def exhausted(con: object, now: object) -> int:
        raise duckdb.OutOfMemoryException("Out of Memory Error: could not allocate block\n\nPossible solutions:\n* x")

    texts = [json.dumps([{"role": "user", "content": f"Sort mail number {n} into a folder"}]) for n in range(40)]
    calls = [call(task_key=f"{1:016x}", call_site="app:f", prompt_hash="1", is_sampled=True, input_messages=text)
             for text in texts]  # fmt: skip
    with monkeypatch.context() as patched:
        patched.setattr("llmwatch.store.refit.refit", exhausted)
        opened = merged(tmp_path, *calls)

    assert query(opened, "select count(*) from calls") == [(40,)]
    words = "Recognizing tasks by their prompts failed, so that names are those of before ("
    [problem] = [p for p in store(tmp_path).health().problems if p.startswith(words)]
    assert "could not allocate block" in problem and "Possible" not in problem
    reader = store(tmp_path)
    with reader.read():
        assert problem in reader.notes

    merged(tmp_path, call())

    assert not [p for p in store(tmp_path).health().problems if "failed" in p]


@pytest.mark.slow
def test_prompts_of_more_than_the_memory_of_a_merge_are_recognised(tmp_path: Path) -> None:
    """16,000 untagged calls of 27 KB: 430 MB of prompts, and 400 MB for DuckDB."""
    for part in range(16):
        texts = [f"{part} {n} " + "words of a long document " * 1080 for n in range(1000)]
        spool(tmp_path, *[
            call(task_key=f"{n % 16:016x}", call_site=f"app:f{n % 4}", prompt_hash=f"{n % 16:x}", is_sampled=True,
                 input_messages=json.dumps([{"role": "user", "content": text}]))
            for n, text in enumerate(texts)
        ])  # fmt: skip

    assert store(tmp_path).merge().calls == 16_000
    assert store(tmp_path).health().problems == ()
