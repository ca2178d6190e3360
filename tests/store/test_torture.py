"""Writers and merges are killed at random while a reader looks on: nothing acknowledged is lost or doubled."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from llmwatch.errors import LlmwatchError

from .records import query, store

WRITERS = 8
# Appends calls and says after each that it is acknowledged: one line per call, in a file that only it writes.
WRITER = """
import os, sys, time
from pathlib import Path
from llmwatch.call import encode_record
from llmwatch.spool import CALL, SpoolWriter
home, name = Path(sys.argv[1]), sys.argv[2]
writer = SpoolWriter(home / "spool", 1 << 30)
acks = os.open(home.parent / f"acks-{name}", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
n = 0
while os.getppid() == int(sys.argv[3]):
    span = f"{name}-{n}"
    now = time.time_ns() // 1000
    record = {"span_id": span, "trace_id": span, "started_us": now, "ended_us": now + 5, "operation_name": "chat",
              "provider_name": "openai", "server_address": "api.openai.com", "request_model": "gpt-4o-mini",
              "status": "ok", "usage_source": "response", "input_tokens": 10, "output_tokens": 1,
              "task_key": name[:1] * 16}
    if writer.append(CALL, encode_record(record)):
        os.write(acks, span.encode() + b"\\n")
    n += 1
    time.sleep(0.01)
"""
MERGER = """
import os, sys
from pathlib import Path
from llmwatch.settings import Settings
from llmwatch.store import Store
store = Store(Settings(home=Path(sys.argv[1])))
while os.getppid() == int(sys.argv[2]):
    print(store.merge(), flush=True)
"""


def start(code: str, *arguments: str) -> subprocess.Popen[bytes]:
    """A process of the scene."""
    return subprocess.Popen([sys.executable, "-c", code, *arguments], stdout=subprocess.DEVNULL)


def acknowledged(folder: Path) -> set[str]:
    """Every span whose append returned True and was said to have."""
    return {line for path in folder.glob("acks-*") for line in path.read_text().split("\n")[:-1]}


class Scene:
    """Eight writers and a merger, killed and replaced at random."""

    def __init__(self, folder: Path, seed: int) -> None:
        import os

        self.folder, self.home = folder, folder / "home"
        self._chance = random.Random(seed)
        self._me = str(os.getpid())
        self._started = 0
        self.kills = 0
        self._writers = [self._writer() for _ in range(WRITERS)]
        self._merger = self._new_merger()

    def _writer(self) -> subprocess.Popen[bytes]:
        self._started += 1
        return start(WRITER, str(self.home), str(self._started), self._me)

    def _new_merger(self) -> subprocess.Popen[bytes]:
        return start(MERGER, str(self.home), self._me)

    def kill_one(self) -> None:
        """SIGKILL to a writer or to the merger; another takes its place."""
        self.kills += 1
        if self._chance.random() < 0.5:
            self._merger.kill()
            self._merger.wait()
            self._merger = self._new_merger()
        else:
            victim = self._chance.randrange(WRITERS)
            self._writers[victim].kill()
            self._writers[victim].wait()
            self._writers[victim] = self._writer()

    def end(self) -> None:
        """Everybody is killed."""
        for process in (*self._writers, self._merger):
            process.kill()
            process.wait()


def watch(folder: Path, stop: threading.Event, wrong: list[str], reads: list[int]) -> None:
    """Reads again and again: every call acknowledged before a read began is in it, and none twice."""
    opened = store(folder / "home")
    while not stop.is_set():
        before = acknowledged(folder)
        try:
            rows = query(opened, "select span_id, cost_usd is not null from calls")
        except LlmwatchError as e:
            wrong.append(str(e))
            continue
        found = {span for span, _ in rows}
        reads.append(len(rows))
        if len(found) != len(rows):
            wrong.append(f"{len(rows) - len(found)} doubled")
        if before - found:
            wrong.append(f"{len(before - found)} missing")
        if not all(is_priced for _, is_priced in rows):
            wrong.append("unpriced")


def run_torture(folder: Path, seconds: float, seed: int) -> None:
    """The scene, longer where a busy machine has shown too little of it, then one merge left alone, then the count."""
    wrong: list[str] = []
    reads: list[int] = []
    stop = threading.Event()
    (folder / "home").mkdir(mode=0o700)
    scene = Scene(folder, seed)
    reader = threading.Thread(target=watch, args=(folder, stop, wrong, reads))
    reader.start()
    try:
        began = time.monotonic()
        while (took := time.monotonic() - began) < seconds or (
            took < 6 * seconds and (scene.kills <= 10 or len(reads) <= 3 or len(acknowledged(folder)) <= 200)
        ):
            time.sleep(0.35)
            scene.kill_one()
    finally:
        stop.set()
        scene.end()
        reader.join(90)

    result = store(folder / "home").merge()
    rows = [span for (span,) in query(store(folder / "home"), "select span_id from calls")]

    assert wrong == []
    assert result.blocked is None
    assert len(rows) == len(set(rows))
    assert acknowledged(folder) <= set(rows)
    assert len(reads) > 3
    assert scene.kills > 10
    assert len(rows) > 200
    print(f"{len(rows)} calls, {scene.kills} kills, {len(reads)} reads")


def test_kills_of_writers_and_merges_lose_and_double_nothing(tmp_path: Path) -> None:
    """Eight seconds of it; every read on the way is complete."""
    run_torture(tmp_path, 8, seed=1)


@pytest.mark.slow
def test_two_minutes_of_kills_lose_and_double_nothing(tmp_path: Path) -> None:
    """The same for two minutes."""
    run_torture(tmp_path, 120, seed=2)
