"""A process that has loaded the libraries and becomes, in a fork, the tests of one mutant after another.

Reads lines of JSON: {"file", "text" (base64), "tests", "seconds"}; writes {"end", "by"}: killed, survived or timeout,
and the test that failed. Runs in a copy of the repository of its own.
"""

from __future__ import annotations

import base64
import json
import os
import select
import signal
import sys
import time
from pathlib import Path
from typing import Any

import pytest

# Loaded once: what every test needs and no mutant changes. None of it may start a thread.
_LIBRARIES = (
    "duckdb",
    "polars",
    "numpy",
    "scipy.stats",
    "genai_prices",
    "genai_prices.data",
    "hypothesis",
    "typer",
    "rich",
)
_OPTIONS = (
    "-x", "-q", "-p", "no:cacheprovider", "-p", "no:terminalreporter", "-p", "pytest_timeout",
    "-p", "_hypothesis_pytestplugin",
)  # fmt: skip


class _Failure:
    """Remembers the first test that fails."""

    name = ""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Set up, call or take down."""
        if report.failed and not self.name:
            self.name = report.nodeid


def _tests(names: list[str], answer: int) -> None:
    os.setsid()
    quiet = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(quiet, stream)
    failure = _Failure()
    code = int(pytest.main([*_OPTIONS, "--basetemp", ".tmp", *names], plugins=[failure]))
    os.write(answer, json.dumps([code, failure.name]).encode())
    os._exit(0)


def _outcome(names: list[str], seconds: float) -> dict[str, str]:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        try:
            _tests(names, writing)
        finally:
            os._exit(3)
    os.close(writing)
    ready, _, _ = select.select([reading], [], [], seconds)
    said = os.read(reading, 65_536) if ready else b""
    os.close(reading)
    try:
        os.killpg(child, signal.SIGKILL)  # what its tests have started too
    except ProcessLookupError:
        os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    if not ready:
        return {"end": "timeout", "by": ""}
    code, name = json.loads(said) if said else (1, "the process of the tests ended")
    return {"end": "survived" if code == 0 else "killed", "by": name or f"pytest ends with {code}"}


def main() -> None:
    """Until its input ends."""
    for library in _LIBRARIES:
        __import__(library)
    for line in sys.stdin:
        job: dict[str, Any] = json.loads(line)
        file = Path(job["file"])
        original = file.read_bytes()
        file.write_bytes(base64.b64decode(job["text"]))
        began = time.perf_counter()
        try:
            found = _outcome(job["tests"], job["seconds"])
        finally:
            file.write_bytes(original)
        print(json.dumps(found | {"took": round(time.perf_counter() - began, 2)}), flush=True)


if __name__ == "__main__":
    main()
