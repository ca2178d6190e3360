"""Time and memory of the commands that answer, each in its process: `python -m tests.bench.report [CALLS] [RUNS]`.

Prints the best wall time, its CPU time and the largest memory of every question, on 52 weeks of 5,000 customers and
200 tasks; and each time over that of a bare `select` in its own process, which tells a slow machine from slow code.
Names after RUNS choose questions: `python -m tests.bench.report 1000000 3 margin drift`. The last is asked of a store
with ten times the scores and with calls that earn money by themselves.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

QUESTIONS = {
    "report by task": ["report"],
    "report by customer": ["report", "--by", "customer"],
    "report by model": ["report", "--by", "model"],
    "report by user": ["report", "--by", "user"],
    "report by plan": ["report", "--by", "plan"],
    "report in html": ["report", "--format", "html"],
    "report in json": ["report", "--format", "json"],
    "report in csv": ["report", "--format", "csv"],
    "report in md": ["report", "--format", "md"],
    "report of 52 weeks": ["report", "--since", "52w"],
    "drift": ["drift"],
    "downgrade": ["downgrade"],
    "margin": ["margin"],
    "margin by task": ["margin", "--by", "task"],
    "quality": ["quality"],
}
BUSY = "report of a busy year"
# Starts Python and DuckDB, and reads a million calls once.
BARE = """
import sys, duckdb
with duckdb.connect(sys.argv[1], read_only=True) as con:
    con.execute("select task_name, customer_id, count(*), sum(cost_usd) from calls group by all").fetchall()
"""


class Took(NamedTuple):
    """What one run of a process took."""

    wall_s: float
    cpu_s: float
    peak_mb: int


def measure(command: list[str], environment: dict[str, str]) -> Took:
    """One run of a command that must succeed."""
    started = time.perf_counter()
    process = subprocess.Popen([sys.executable, *command], stdout=subprocess.DEVNULL, env=environment)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, command
    return Took(time.perf_counter() - started, usage.ru_utime + usage.ru_stime, usage.ru_maxrss // 1024)


def best_of(runs: int, command: list[str], environment: dict[str, str]) -> Took:
    """The least wall time and the least CPU time of any run, and the largest memory."""
    found = [measure(command, environment) for _ in range(runs)]
    return Took(min(one.wall_s for one in found), min(one.cpu_s for one in found), max(one.peak_mb for one in found))


def main() -> None:
    """Generates the stores, then measures each question."""
    given = sys.argv[1:]
    calls = int(given[0]) if given else 1_000_000
    runs = int(given[1]) if len(given) > 1 else 5
    chosen = {name: asked for name, asked in QUESTIONS.items() if not given[2:] or name in given[2:]}
    if chosen:
        _measure_store("year", chosen, calls, runs)
    if not given[2:] or BUSY in given[2:]:
        _measure_store("busy", {BUSY: ["report"]}, calls, runs)


def _measure_store(kind: str, questions: dict[str, list[str]], calls: int, runs: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        # In a process of its own: a child's peak memory begins with that of the process it is forked from.
        subprocess.run([sys.executable, "-m", "tests.bench.generate_store", str(home), str(calls), kind], check=True)
        # What is installed was compiled when it was installed, whatever this environment says of compiling.
        environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
        environment["PYTHONPYCACHEPREFIX"] = str(Path(folder) / "compiled")
        bare = ["-c", BARE, str(home / "store.duckdb")]
        base = best_of(runs, bare, environment)
        print(f"bare select, {calls:,} calls: {base.wall_s:.2f} s wall, {base.cpu_s:.2f} s CPU, {base.peak_mb} MB")
        for name, asked in questions.items():
            # The past of a store, which --as-of asks for, takes longer than its present.
            end = "--until" if asked[0] == "report" else "--as-of"
            command = ["-m", "llmwatch", *asked, "--home", str(home), end, "2026-11-21"]
            measure(command, environment)
            took = best_of(runs, command, environment)
            print(
                f"{name}, {calls:,} calls: {took.wall_s:.2f} s wall ({took.wall_s / base.wall_s:.1f} x bare),"
                f" {took.cpu_s:.2f} s CPU ({took.cpu_s / base.cpu_s:.1f} x), {took.peak_mb} MB (best of {runs})"
            )


if __name__ == "__main__":
    main()
