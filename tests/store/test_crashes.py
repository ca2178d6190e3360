"""Merges that die or meet a failing disk: the records are merged exactly once all the same."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.stores import empty_store

from .records import attempt, call, query, spool, store

MERGE = """
import resource, sys
from pathlib import Path
limit = int(sys.argv[2])
import llmwatch.store.merge
from llmwatch.settings import Settings
from llmwatch.store import Store
llmwatch.store.merge.BATCH_BYTES = 20_000
llmwatch.store.merge.TRANSACTION_BYTES = 40_000
if limit:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
print("ready", flush=True)
try:
    print(Store(Settings(home=Path(sys.argv[1]))).merge())
except Exception as e:
    print(type(e).__name__, e)
"""


def start_merge(home: Path, limit: int = 0) -> subprocess.Popen[str]:
    """A process that merges in small transactions, once it is ready."""
    command = [sys.executable, "-c", MERGE, str(home), str(limit)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert process.stdout and process.stdout.readline() == "ready\n"
    return process


def kill_merges(home: Path, rounds: int, seed: int) -> int:
    """Merges killed at random moments, with new records before each; returns how many records were spooled."""
    chance = random.Random(seed)
    spooled = 0
    for _ in range(rounds):
        calls = [call() for _ in range(40)]
        spool(home, *calls, attempts=tuple(attempt(one) for one in calls))
        spooled += 40
        with start_merge(home) as process:
            time.sleep(chance.uniform(0.0, 0.7))
            process.kill()
    return spooled


def counted(home: Path) -> list[tuple[int, int, int]]:
    """(calls, different calls, priced calls) after a merge that is left alone."""
    opened = store(home)
    assert opened.merge().blocked is None
    # A span is never stored twice, whatever the offsets say; attempts have only the offsets.
    assert query(opened, "select count(*) - count(distinct span_id) from http_attempts") == [(0,)]
    return query(opened, "select count(*), count(distinct span_id), count(cost_usd) from calls")


def test_merges_killed_at_random_moments_merge_each_record_once(tmp_path: Path) -> None:
    """Also while the file is first created: nothing lost, nothing doubled, and it opens unaided."""
    spooled = kill_merges(tmp_path, rounds=8, seed=1)

    assert counted(tmp_path) == [(spooled, spooled, spooled)]
    assert query(store(tmp_path), "select count(*) from http_attempts") == [(spooled,)]
    assert not list(tmp_path.glob(".store*"))
    assert not list((tmp_path / "tmp").glob("*.ndjson"))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_many_merges_killed_at_random_moments_merge_each_record_once(tmp_path: Path, seed: int) -> None:
    """Fifty kills each, on a store that grows."""
    spooled = kill_merges(tmp_path, rounds=50, seed=seed)

    assert counted(tmp_path) == [(spooled, spooled, spooled)]


@pytest.mark.parametrize("limit", [1, 4096, 8192, 50_000, 300_000, 900_000])
@pytest.mark.parametrize("is_new", [True, False])
def test_a_write_error_at_any_size_of_a_file_loses_nothing(tmp_path: Path, limit: int, is_new: bool) -> None:
    """The disk refuses to let any file grow beyond a size, in creation and in merging; later it is repaired."""
    before = 0
    if not is_new:
        empty_store(tmp_path)
        spool(tmp_path, *[call() for _ in range(50)])
        before = counted(tmp_path)[0][0]
    spool(tmp_path, *[call(error_message=os.urandom(600).hex()) for _ in range(200)])

    with start_merge(tmp_path, limit) as process:
        assert process.stdout
        said = process.stdout.read()

    assert "Traceback" not in said
    assert counted(tmp_path) == [(before + 200, before + 200, before + 200)]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 6 MB."""
    disk = tmp_path / "disk"
    disk.mkdir(mode=0o700)
    mount = ["mount", "-t", "tmpfs", "-o", "size=6m,mode=700", "tmpfs", str(disk)]
    if os.geteuid() or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a small disk cannot be mounted here")
    try:
        yield disk
    finally:
        subprocess.run(["umount", "-l", disk], check=True)


def test_a_full_disk_blocks_merging_and_later_nothing_is_lost(small_disk: Path) -> None:
    """Every step of merging may meet ENOSPC; when there is space again each record is there once."""
    for n in range(6):
        spool(small_disk, *[call(error_message=os.urandom(300).hex()) for _ in range(100)])
        free = os.statvfs(small_disk).f_bavail * 4096
        (small_disk / "filler").write_bytes(b"x" * max(0, free - n * 60_000))
        with start_merge(small_disk) as process:
            assert process.stdout
            said = process.stdout.read()
        assert "Traceback" not in said
        (small_disk / "filler").unlink()

    assert counted(small_disk) == [(600, 600, 600)]
