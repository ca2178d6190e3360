"""The spool: what is acknowledged is readable, whatever happens to the process, the disk or the file."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmwatch import spool
from llmwatch.spool import ATTEMPT, CALL, EVENT, SpoolWriter, list_segments, read_batches, remove_if_consumed

MB = 1 << 20
payloads = st.binary(max_size=300).map(lambda b: b.replace(b"\n", b" "))


def records_in(directory: Path) -> list[tuple[bytes, bytes]]:
    """All records of a spool, oldest segment first."""
    return [r for s in list_segments(directory) for b in read_batches(s.path) for r in b.records]


def run_python(code: str, *arguments: str, timeout: float = 30) -> subprocess.CompletedProcess[str]:
    """Run code in a fresh process, without warnings about threads and forks."""
    command = [sys.executable, "-W", "ignore", "-c", code, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)


@given(st.lists(st.tuples(st.sampled_from(spool.KINDS), payloads), max_size=30), st.integers(1, 5000))
@settings(max_examples=60, deadline=None)
def test_what_is_written_is_read_in_order(records: list[tuple[bytes, bytes]], block: int) -> None:
    """Every record comes back, whatever block size it is read with."""
    with tempfile.TemporaryDirectory() as folder:
        writer = SpoolWriter(Path(folder, "spool"), 100 * MB)

        assert all([writer.append(kind, payload) for kind, payload in records])
        writer.close()

        segments = list_segments(Path(folder, "spool"))
        read = [r for s in segments for b in read_batches(s.path, 0, block) for r in b.records]
        assert read == records


def test_nothing_exists_before_the_first_record(tmp_path: Path) -> None:
    """A writer makes no folder, no file and no thread until it has something to write."""
    threads = threading.active_count()

    SpoolWriter(tmp_path / "spool", MB)

    assert not (tmp_path / "spool").exists()
    assert threading.active_count() == threads


def test_files_are_private(tmp_path: Path) -> None:
    """The folder is 0700 and segments are 0600, whatever the umask."""
    previous = os.umask(0)
    try:
        SpoolWriter(tmp_path / "home" / "spool", MB).append(CALL, b"{}")
    finally:
        os.umask(previous)

    folder = tmp_path / "home" / "spool"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert [s.path.stat().st_mode & 0o777 for s in list_segments(folder)] == [0o600]


def test_a_folder_that_others_may_write_is_not_used(tmp_path: Path) -> None:
    """Records are dropped and counted rather than written where another user could replace the files."""
    tmp_path.chmod(0o777)
    writer = SpoolWriter(tmp_path, MB)

    assert not writer.append(CALL, b"{}")
    assert writer.counters == {"dropped_unsafe_folder": 1}


def test_a_segment_cut_at_any_byte_keeps_all_records_before_the_cut(tmp_path: Path) -> None:
    """Reading up to each byte of a segment gives the whole lines before it and never fails."""
    lines = [spool.encode_line(CALL, b'{"n":%d}' % n) for n in range(6)]
    whole = b"".join(lines)
    path = tmp_path / f"x{spool.SUFFIX}"

    for cut in range(len(whole) + 1):
        path.write_bytes(whole[:cut])
        batches = list(read_batches(path))
        count = sum(len(b.records) for b in batches)
        tail = batches[-1].tail_bytes if batches else 0
        assert count == whole[:cut].count(b"\n")
        assert tail == cut - sum(map(len, lines[:count]))
        assert sum(b.damaged for b in batches) == 0


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_a_flipped_bit_loses_at_most_the_record_it_hit(data: st.DataObject) -> None:
    """One wrong bit anywhere costs one record at most, and nothing that was not written is read."""
    records = data.draw(st.lists(st.tuples(st.sampled_from(spool.KINDS), payloads), min_size=1, max_size=8))
    whole = bytearray(b"".join(spool.encode_line(*r) for r in records))
    position = data.draw(st.integers(0, len(whole) - 1))
    whole[position] ^= 1 << data.draw(st.integers(0, 7))
    with tempfile.NamedTemporaryFile() as file:
        Path(file.name).write_bytes(whole)

        batches = list(read_batches(Path(file.name)))

    read = [r for b in batches for r in b.records]
    lost = list(records)
    for record in read:
        lost.remove(record)
    assert len(lost) <= 1
    assert len(lost) <= sum(b.damaged for b in batches) + (batches[-1].tail_bytes > 0)


@given(st.binary(max_size=2000))
@settings(max_examples=200, deadline=None)
def test_no_bytes_make_reading_fail(content: bytes) -> None:
    """Garbage is counted, and reading ends at the end of the file."""
    with tempfile.NamedTemporaryFile() as file:
        Path(file.name).write_bytes(content)

        batches = list(read_batches(Path(file.name), 0, 64))

    assert sum(b.tail_bytes for b in batches[-1:]) == len(content) - (content.rfind(b"\n") + 1)
    assert all(b.next_offset <= len(content) for b in batches)


def test_a_crafted_line_of_headers_is_read_in_bounded_time(tmp_path: Path) -> None:
    """A damaged megabyte full of record headers costs milliseconds, not minutes."""
    path = tmp_path / f"x{spool.SUFFIX}"
    path.write_bytes(b"C 00000000 " * 100_000 + b"\n")

    started = time.thread_time()
    batches = list(read_batches(path))

    assert sum(b.damaged for b in batches) == 1
    assert time.thread_time() - started < 2


def test_segments_rotate_and_only_sealed_consumed_ones_are_removed(tmp_path: Path) -> None:
    """A full segment is sealed; the live one survives an attempt to remove it."""
    writer = SpoolWriter(tmp_path / "spool", MB)

    for _ in range(60):
        assert writer.append(CALL, b"x" * 10_000)
    time.sleep(spool.SYNC_S + 0.3)

    segments = list_segments(tmp_path / "spool")
    assert len(segments) == 5
    assert [s.is_live for s in segments] == [False] * 4 + [True]
    assert not remove_if_consumed(segments[0].path, segments[0].size - 1)
    assert [remove_if_consumed(s.path, s.size) for s in segments] == [True] * 4 + [False]
    assert len(records_in(tmp_path / "spool")) == segments[-1].size // 10_012


def test_a_full_spool_drops_counts_and_resumes(tmp_path: Path) -> None:
    """Beyond its bound the spool drops; once a merge made room it writes again and reports what was lost."""
    folder = tmp_path / "spool"
    writer = SpoolWriter(folder, 200_000)
    written = sum(writer.append(CALL, b"x" * 10_000) for _ in range(40))
    assert 0 < written < 20
    assert sum(s.size for s in list_segments(folder)) <= 200_000

    writer.close()
    for segment in list_segments(folder):
        assert remove_if_consumed(segment.path, segment.size)
    deadline = time.monotonic() + 5
    while not writer.append(CALL, b"again") and time.monotonic() < deadline:
        time.sleep(0.05)

    kinds = [kind for kind, _ in records_in(folder)]
    assert kinds == [CALL, EVENT]
    dropped = writer.counters["dropped_disk_bound"]
    assert f'"count": {dropped}'.encode() in records_in(folder)[1][1]


def test_a_write_cut_short_by_a_file_size_limit_leaves_whole_lines(tmp_path: Path) -> None:
    """RLIMIT_FSIZE in the middle of a record: the half line is cut away and later records are readable."""
    code = """
import resource, sys, time
from pathlib import Path
from llmwatch.spool import *
w = SpoolWriter(Path(sys.argv[1]), 1 << 30)
resource.setrlimit(resource.RLIMIT_FSIZE, (25_000, 50_000_000))
acked = sum(w.append(b"C", b"x" * 10_000) for _ in range(9))
assert not w.append(b"C", b"y" * 30_000)
resource.setrlimit(resource.RLIMIT_FSIZE, (50_000_000, 50_000_000))
time.sleep(0.6)
assert w.append(b"C", b"z")
print(acked + 1, w.counters)
"""
    result = run_python(code, str(tmp_path / "spool"))

    assert result.stdout.startswith("10 "), result
    batches = [b for s in list_segments(tmp_path / "spool") for b in read_batches(s.path)]
    assert sum(b.damaged + b.tail_bytes for b in batches) == 0
    assert [k for b in batches for k, _ in b.records].count(CALL) == 10


@pytest.mark.skipif(os.geteuid() != 0, reason="needs to mount a small tmpfs")
def test_a_full_disk_loses_exactly_what_was_counted(tmp_path: Path) -> None:
    """ENOSPC: written plus dropped is what was offered, nothing raises, and writing resumes when there is space."""
    disk = tmp_path / "disk"
    disk.mkdir(mode=0o700)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", disk], check=False, capture_output=True)
    if mounted.returncode:
        pytest.skip("mounting is not allowed here")
    try:
        writer = SpoolWriter(disk / "spool", 1 << 30)
        filler = disk / "filler"
        filler.write_bytes(b"x" * 600_000)
        acked = sum(writer.append(CALL, b"x" * 10_000) for _ in range(100))
        assert acked < 60
        filler.unlink()
        time.sleep(spool.PAUSE_S[0] + 0.1)
        acked += sum(writer.append(CALL, b"again") for _ in range(5))
        read = records_in(disk / "spool")
        writer.close()
    finally:
        subprocess.run(["umount", "-l", disk], check=True)

    dropped = sum(n for name, n in writer.counters.items() if name != "written")
    assert acked + dropped == 105
    assert [k for k, _ in read].count(CALL) == acked
    assert read[-5:].count((CALL, b"again")) >= 3


def test_a_deleted_spool_folder_is_made_again(tmp_path: Path) -> None:
    """Deleting the folder under a running writer costs what was in it and nothing that comes after."""
    folder = tmp_path / "spool"
    writer = SpoolWriter(folder, MB)
    writer.append(CALL, b"before")
    for segment in list_segments(folder):
        segment.path.unlink()
    folder.rmdir()

    assert writer.append(CALL, b"after")
    assert records_in(folder) == [(CALL, b"after")]


def test_a_descriptor_closed_by_the_host_never_writes_into_its_other_files(tmp_path: Path) -> None:
    """A daemonizing host closes all descriptors; the reused number must not receive records."""
    writer = SpoolWriter(tmp_path / "spool", MB)
    writer.append(CALL, b"one")
    fd = writer._segment.fd  # pyright: ignore
    with (tmp_path / "precious").open("wb") as precious:
        os.dup2(precious.fileno(), fd)

        assert writer.append(CALL, b"two")

    os.close(fd)
    assert (tmp_path / "precious").read_bytes() == b""
    assert [p for _, p in records_in(tmp_path / "spool")] == [b"one", b"two"]


def test_a_forked_child_writes_its_own_segment_and_leaves_the_parents_lock(tmp_path: Path) -> None:
    """After a fork both write; the parent's segment stays live, the child's is sealed by its death."""
    code = """
import os, sys
from pathlib import Path
from llmwatch.spool import *
folder = Path(sys.argv[1])
w = SpoolWriter(folder, 1 << 30)
w.append(b"C", b"parent 1")
pid = os.fork()
if pid == 0:
    w.append(b"C", b"child")
    os._exit(0)
os.waitpid(pid, 0)
w.append(b"C", b"parent 2")
segments = list_segments(folder)
print([s.is_live for s in segments], sorted(r for s in segments for b in read_batches(s.path) for r in b.records))
"""
    result = run_python(code, str(tmp_path / "spool"))

    assert result.stdout.strip() == ("[True, False] [(b'C', b'child'), (b'C', b'parent 1'), (b'C', b'parent 2')]"), (
        result.stderr
    )
    assert [s.is_live for s in list_segments(tmp_path / "spool")] == [False, False]


def test_forking_while_threads_append_deadlocks_nobody_and_loses_nothing(tmp_path: Path) -> None:
    """Children of a process whose threads are mid-append write at once; every acknowledged record is there once."""
    code = """
import os, sys, threading
from pathlib import Path
from llmwatch.spool import *
w = SpoolWriter(Path(sys.argv[1]), 1 << 30)
acked = []
stop = False
def run(name):
    n = 0
    while not stop:
        if w.append(b"C", b"%s %d" % (name, n)): acked.append(n)
        n += 1
threads = [threading.Thread(target=run, args=(b"thread %d" % i,)) for i in range(4)]
for t in threads: t.start()
for i in range(20):
    pid = os.fork()
    if pid == 0:
        os._exit(0 if w.append(b"C", b"child %d" % i) else 1)
    assert os.waitpid(pid, 0)[1] == 0
stop = True
for t in threads: t.join()
print(len(acked) + 20)
"""
    result = run_python(code, str(tmp_path / "spool"))

    assert result.returncode == 0, result.stderr
    read = records_in(tmp_path / "spool")
    assert len(read) == len(set(read)) == int(result.stdout)


def test_an_append_from_a_signal_handler_inside_an_append_does_not_deadlock(tmp_path: Path) -> None:
    """Handlers that append while the main thread appends: no hang, nothing lost, nothing doubled."""
    writer = SpoolWriter(tmp_path / "spool", 1 << 30)
    handled: list[bool] = []
    # Handlers interrupt each other too, so a number is taken in one step.
    numbers = itertools.count()

    def on_alarm(*_: object) -> None:
        handled.append(writer.append(ATTEMPT, b"signal %d" % next(numbers)))

    previous = signal.signal(signal.SIGALRM, on_alarm)
    signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
    try:
        deadline = time.monotonic() + 0.7
        count = 0
        while time.monotonic() < deadline:
            assert writer.append(CALL, b"main %d" % count)
            count += 1
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)

    read = records_in(tmp_path / "spool")
    assert all(handled)
    assert len(read) == len(set(read)) == count + len(handled)


def test_a_killed_writer_loses_nothing_acknowledged(tmp_path: Path) -> None:
    """SIGKILL in mid-traffic: every record whose acknowledgement was seen is in the spool."""
    code = """
import sys
from pathlib import Path
from llmwatch.spool import *
w = SpoolWriter(Path(sys.argv[1]), 1 << 30)
n = 0
while True:
    assert w.append(b"C", b"%d" % n + b" " * 2000)
    n += 1
    sys.stdout.write(f"{n}\\n"); sys.stdout.flush()
"""
    command = [sys.executable, "-c", code, str(tmp_path / "spool")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        for _ in range(300):
            process.stdout.readline()
        process.kill()
        acked = [int(line) for line in process.stdout.read().splitlines()][-1:] or [300]

    read = [int(p) for _, p in records_in(tmp_path / "spool")]
    assert read == list(range(len(read)))
    assert len(read) >= acked[0]
    assert [s.is_live for s in list_segments(tmp_path / "spool")] == [False]


def test_a_process_without_threads_left_still_writes_and_exits_at_once(tmp_path: Path) -> None:
    """When no thread can start, records are written all the same; exit is not delayed by the sync thread."""
    code = """
import sys, threading, time
from pathlib import Path
from llmwatch.spool import *
def refuse(self): raise RuntimeError("can't start new thread")
if sys.argv[2] == "refuse": threading.Thread.start = refuse
w = SpoolWriter(Path(sys.argv[1]), 1 << 30)
print(w.append(b"C", b"{}"), w.append(b"C", b"{}"), time.monotonic())
"""

    def ending_s(mode: str) -> float:
        written, _, ended_at = run_python(code, str(tmp_path / mode), mode).stdout.rpartition(" ")
        assert written == "True True"
        return time.monotonic() - float(ended_at)

    for mode in ("refuse", "allow"):
        # A busy machine may keep one of them waiting; the thread would keep all.
        assert any(ending_s(mode) < 0.5 for _ in range(4))


def test_a_record_that_is_not_one_line_is_refused(tmp_path: Path) -> None:
    """A payload with a newline would be two damaged lines; it is dropped and counted instead."""
    writer = SpoolWriter(tmp_path / "spool", MB)

    assert not writer.append(CALL, b"a\nb")
    assert not writer.append(b"Z", b"unknown kind")
    assert writer.counters == {"dropped_malformed": 1, "dropped_KeyError": 1}
