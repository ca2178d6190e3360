"""Time and memory of `llmwatch report` as a process of its own: `python -m tests.bench.report [CALLS] [RUNS]`.

Prints the best wall time, its CPU time and the largest memory of every question, on 52 weeks of 5,000 customers and
200 tasks.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

QUESTIONS = {
    "by task": ["--by", "task"],
    "by customer": ["--by", "customer"],
    "by user": ["--by", "user"],
    "html": ["--format", "html"],
    "json": ["--format", "json"],
    "of 52 weeks": ["--since", "52w"],
}


def measure(home: Path, arguments: list[str]) -> tuple[float, float, int]:
    """(wall s, CPU s, peak MB) of one run."""
    command = [sys.executable, "-m", "llmwatch", "report", "--home", str(home), "--as-of", "2026-11-21", *arguments]
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return time.perf_counter() - started, usage.ru_utime + usage.ru_stime, usage.ru_maxrss // 1024


def main() -> None:
    """Generates the store, then measures each question."""
    calls = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    runs = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        # In a process of its own: a child's peak memory begins with that of the process it is forked from.
        subprocess.run([sys.executable, "-m", "tests.bench.generate_store", str(home), str(calls), "year"], check=True)
        for name, arguments in QUESTIONS.items():
            found = [measure(home, arguments) for _ in range(runs)]
            wall, cpu = min(found)[:2]
            memory = max(peak for _, _, peak in found)
            print(f"report {name}, {calls:,} calls: {wall:.2f} s wall, {cpu:.2f} s CPU, {memory} MB (best of {runs})")


if __name__ == "__main__":
    main()
