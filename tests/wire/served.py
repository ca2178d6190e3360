"""A running `llmwatch serve` for tests: a real process on free ports, over the store of a home.

with served(home) as server:
    with psycopg.connect(server.dsn) as connection: ...
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

_WIRE = re.compile(r"the wire +psql \"host=(\S+) port=(\d+)")
_PAGE = re.compile(r"the page +(\S+)")


@dataclass(frozen=True)
class Served:
    """Where it listens, and the process."""

    home: Path
    host: str
    port: int
    page: str
    process: subprocess.Popen[str]

    @property
    def password(self) -> str:
        """As the server wrote it down."""
        return (self.home / "wire.pgpass").read_text("utf-8").strip().rpartition(":")[2]

    @property
    def dsn(self) -> str:
        """For psycopg and psql."""
        return (
            f"host={self.host} port={self.port} user=llmwatch dbname=llmwatch"
            f" passfile={self.home / 'wire.pgpass'} connect_timeout=20"
        )

    @property
    def address(self) -> dict[str, Any]:
        """For drivers that take the parts."""
        return {"host": self.host, "port": self.port, "user": "llmwatch", "password": self.password}

    def processes(self) -> list[psutil.Process]:
        """The server and all that it has started."""
        own = psutil.Process(self.process.pid)
        return [own, *own.children(recursive=True)]

    def helpers_busy(self, seconds: float) -> float:
        """The share of a core that the processes it has started use for a while; one that ends meanwhile uses none."""
        before = {process: _cpu_s(process) for process in self.processes()[1:]}
        time.sleep(seconds)
        used = (_cpu_s(process) - spent for process, spent in before.items())
        return sum(max(0.0, one) for one in used) / seconds

    def memory(self) -> int:
        """Resident bytes of all of them."""
        total = 0
        for process in self.processes():
            try:
                total += process.memory_info().rss
            except psutil.NoSuchProcess:
                continue
        return total


def _cpu_s(process: psutil.Process) -> float:
    """Seconds of CPU; 0 of a process that is gone."""
    try:
        return sum(process.cpu_times()[:2])
    except psutil.NoSuchProcess:
        return 0.0


def lives(process: psutil.Process) -> bool:
    """Neither gone nor a zombie."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@contextmanager
def served(home: Path, folder: Path | None = None, **options: Any) -> Iterator[Served]:
    """Serves the home until the block ends, on free ports, started in the folder.

    `options` are fields of llmwatch.serve.Options.

    The process is the one that `llmwatch serve` turns itself into, started without the command line's imports.
    """
    environment = {k: v for k, v in os.environ.items() if not k.startswith("LLMWATCH_")}
    given = {
        "home": str(home),
        "port": 0,
        "http_port": 0,
        "tls_cert": None,
        "tls_key": None,
        "host_names": [],
        **options,
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "llmwatch.serve", json.dumps(given)],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        env=environment,
        cwd=folder,
    )
    try:
        assert process.stderr is not None
        said = process.stderr.readline() + process.stderr.readline()
        wire, page = _WIRE.search(said), _PAGE.search(said)
        assert wire, said
        assert page, said
        yield Served(home, wire[1], int(wire[2]), page[1], process)
    finally:
        stop(process)


def stop(process: subprocess.Popen[str]) -> float:
    """Seconds from SIGTERM to the end; killed after ten."""
    began = time.monotonic()
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    finally:
        if process.stderr is not None:
            process.stderr.close()
    return time.monotonic() - began
