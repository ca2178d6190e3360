"""Owns the workers from outside: starts them, gives each query one, ends those that are over their limits.

Queries run in processes of their own because no setting of DuckDB bounds a single function (`repeat('x', 2e9)` took
3.9 GB under `memory_limit = '256MB'`, 2026-11); the kernel's limits do, and cost 0.3 s only where a worker has died.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import struct
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ..store.process import command_of
from .protocol import Problem
from .worker import DONE, FAILED, HEADER, READY

_START_S: Final = 30.0
# A cancelled query that has not ended by then is ended with its process.
_GRACE_S: Final = 1.5
# Largest frame a worker sends: one row that is as large as a whole result may be.
_FRAME_BYTES: Final = 300 << 20


@dataclass(frozen=True, slots=True)
class Limits:
    """What queries may cost; a comment says what happens beyond."""

    # Queries at once; further ones wait their turn.
    workers: int = 3
    # Of one worker, enforced by the kernel: 53200, and a new worker.
    memory_bytes: int = 1 << 30
    duckdb_memory: str = "512MB"
    # From asking to the last byte: 57014.
    statement_s: float = 30.0
    # Of one result: 54000.
    rows: int = 1_000_000
    result_bytes: int = 256 << 20
    # Workers beyond the first end after a minute without a query.
    idle_s: float = 60.0


class WorkerDied(Exception):
    """The process ended in the middle of a query."""


class Worker:
    """One process; used by one query at a time."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._number = 0
        self.idle_since = 0.0

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """False once the process has ended."""
        return self._process.returncode is None

    def send(self, request: dict[str, Any]) -> None:
        """Writes one request."""
        body = json.dumps(request).encode()
        stdin = self._process.stdin
        if stdin is None or stdin.is_closing():
            raise WorkerDied
        stdin.write(struct.pack("!I", len(body)) + body)

    async def frame(self) -> tuple[bytes, bytes]:
        """The next frame of an answer."""
        stdout = self._process.stdout
        assert stdout is not None
        try:
            kind, length = HEADER.unpack(await stdout.readexactly(HEADER.size))
            if length > _FRAME_BYTES:
                raise WorkerDied
            return kind, await stdout.readexactly(length)
        except (asyncio.IncompleteReadError, ConnectionError) as e:
            raise WorkerDied from e

    async def is_ready(self) -> None:
        """Returns once the process says so; WorkerDied if it says anything else."""
        kind, _ = await self.frame()
        if kind != READY:
            raise WorkerDied

    async def answer(self, request: dict[str, Any]) -> AsyncGenerator[tuple[bytes, bytes]]:
        """The frames of one answer; the last is DONE, a failure is a Problem."""
        self._number += 1
        self.send({**request, "id": self._number})
        while True:
            kind, body = await self.frame()
            if kind == FAILED:
                said = json.loads(body)
                raise Problem(said["code"], said["message"], said["hint"])
            yield kind, body
            if kind == DONE:
                return

    async def stop(self) -> bool:
        """Cancels the query under way and reads its answer to the end; False if the process had to be killed."""
        with contextlib.suppress(WorkerDied, TimeoutError):
            self.send({"op": "cancel", "id": self._number})
            async with asyncio.timeout(_GRACE_S):
                while (await self.frame())[0] not in (DONE, FAILED):
                    pass
                return True
        await self.kill()
        return False

    async def kill(self) -> None:
        """The process is gone."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()


class Pool:
    """Up to `limits.workers` workers over one store, started when they are needed."""

    def __init__(self, home: Path, path: Path, limits: Limits, *, shows_content: bool) -> None:
        self.limits = limits
        self._setup = {
            "home": str(home),
            "path": str(path),
            "memory_bytes": limits.memory_bytes,
            "duckdb_memory": limits.duckdb_memory,
            "shows_content": shows_content,
            "max_rows": limits.rows,
            "max_bytes": limits.result_bytes,
        }
        self._slots = asyncio.Semaphore(limits.workers)
        self._free: list[Worker] = []
        self._all: set[Worker] = set()
        self.deaths = 0
        self._is_closed = False

    @property
    def pids(self) -> list[int]:
        """Of the workers that live."""
        return [w.pid for w in self._all if w.is_alive]

    @asynccontextmanager
    async def worker(self) -> AsyncGenerator[Worker]:
        """One worker, for one answer; a worker whose answer was not read to its end is stopped."""
        async with self._slots:
            worker = await self._take()
            is_clean = False
            try:
                yield worker
                is_clean = True
            except Problem:
                is_clean = True
                raise
            except WorkerDied:
                self.deaths += 1
                raise
            finally:
                if not is_clean:
                    is_clean = await asyncio.shield(worker.stop())
                if is_clean and worker.is_alive and not self._is_closed:
                    worker.idle_since = asyncio.get_running_loop().time()
                    self._free.append(worker)
                else:
                    self._all.discard(worker)
                    await asyncio.shield(worker.kill())

    async def _take(self) -> Worker:
        while self._free:
            worker = self._free.pop()
            if worker.is_alive:
                return worker
            self._all.discard(worker)
        return await self._start()

    async def _start(self) -> Worker:
        process = await asyncio.create_subprocess_exec(
            *command_of("llmwatch.wire.worker"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            limit=1 << 18,
            # A Ctrl-C is for the process that serves; it ends its workers itself.
            start_new_session=True,
            env={"PATH": os.environ.get("PATH", ""), "MALLOC_ARENA_MAX": "2"},
        )
        worker = Worker(process)
        self._all.add(worker)
        try:
            async with asyncio.timeout(_START_S):
                worker.send(self._setup)
                await worker.is_ready()
        except BaseException:
            self._all.discard(worker)
            await asyncio.shield(worker.kill())
            raise
        return worker

    async def reap(self) -> None:
        """Ends workers that had nothing to do for long, but the last used."""
        now = asyncio.get_running_loop().time()
        for worker in self._free[:-1]:
            if now - worker.idle_since > self.limits.idle_s:
                self._free.remove(worker)
                self._all.discard(worker)
                await worker.kill()

    async def close(self) -> None:
        """Ends every worker."""
        self._is_closed = True
        await asyncio.gather(*(worker.kill() for worker in list(self._all)))
        self._all.clear()
        self._free.clear()
