"""Spool writes per second, against bare os.write of the same bytes in the same run."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from llmwatch.spool import CALL, SpoolWriter

RECORD = b'{"trace_id":"%032x","span_id":"%016x","content":"%s"}' % (7, 7, b"x" * 1400)
COUNT = 50_000


def rate(write: Callable[[], object], count: int = COUNT) -> float:
    """Calls of `write` per second, the best of three rounds."""
    best = 0.0
    for _ in range(3):
        started = time.perf_counter()
        for _ in range(count):
            write()
        best = max(best, count / (time.perf_counter() - started))
    return best


def main() -> None:
    """Prints both rates and their ratio."""
    with tempfile.TemporaryDirectory() as folder:
        fd = os.open(Path(folder) / "bare", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        line = RECORD + b"\n"
        bare = rate(lambda: os.write(fd, line))
        os.close(fd)
        writer = SpoolWriter(Path(folder) / "spool", 4 << 30)
        ours = rate(lambda: writer.append(CALL, RECORD))
        writer.close()
    print(f"{'spool writes of ' + str(len(RECORD)) + ' bytes':<34}{'per second':>14}{'us each':>10}")
    print(f"{'os.write alone (baseline)':<34}{bare:>14,.0f}{1e6 / bare:>10.2f}")
    print(f"{'SpoolWriter.append':<34}{ours:>14,.0f}{1e6 / ours:>10.2f}   {bare / ours:.1f} x the baseline's time")


if __name__ == "__main__":
    main()
