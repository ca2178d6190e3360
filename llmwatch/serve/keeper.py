"""Owns keeping the store fresh: watches the spool, has it merged within seconds, and the kept tables renewed.

Never opens the store itself. Merging needs no memory here, and its process ends when no calls come.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ..render.inert import one_line
from ..settings import Settings, find_config
from ..spool import list_segments
from .helper import ADOPTING, command

_LOOK_S: Final = 1.0
_SHORTEST_REST_S: Final = 0.7
# Between two merges: several times as long as the last one took, so that readers find the file free, within bounds
# that keep what is asked fresh.
_REST_FACTOR: Final = 2
_LONGEST_REST_S: Final = 1.5
# The merging process ends when it had nothing to do for this long; once an hour it runs for what is due by date.
_IDLE_S: Final = 15.0
_DUE_S: Final = 3600.0
_MERGE_S: Final = 600.0
# Between two looks whether the store has changed, and after a refresh: so many times as long as it took, at most this.
_REFRESH_LOOK_S: Final = 15.0
_REFRESH_FACTOR: Final = 10
_REFRESH_S: Final = 900.0
_FIRST_REFRESH_S: Final = 10.0
_STOP_S: Final = 1.0


@dataclass(slots=True)
class Freshness:
    """How far the store is behind the spool; times are of the monotonic clock."""

    merges: int = 0
    calls: int = 0
    last_seconds: float = 0.0
    merged_at: float | None = None
    # Since when there is something that is not merged.
    behind_since: float | None = None
    pending_bytes: int = 0
    # Path and day of the configuration that figures are made with.
    configuration: str = ""
    # A sentence, while merging is not possible.
    blocked: str | None = None
    refreshes: int = 0
    refresh_failed: str | None = None

    def behind_s(self) -> float:
        """Age of the oldest record that may not be in the store yet."""
        return 0.0 if self.behind_since is None else time.monotonic() - self.behind_since


class Keeper:
    """Runs until it is cancelled."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._process: asyncio.subprocess.Process | None = None
        self._used_at = 0.0
        # Segment -> (bytes, whether its writer lives) when the last merge that succeeded began.
        self._merged: dict[str, tuple[int, bool]] | None = None
        self._settings_seen = self._settings_files()
        # Whether the next merge adopts the configuration that is found: the first one, and after its files changed.
        self._adopts = True
        self.freshness = Freshness()

    async def run(self) -> None:
        """Merges whatever appears in the spool."""
        last_merge = -_DUE_S
        while True:
            found = self._look()
            is_due = time.monotonic() - last_merge >= _DUE_S or await self._are_settings_new()
            if self.freshness.behind_since is not None or is_due:
                last_merge = time.monotonic()
                await self._merge(found)
                rest = min(_LONGEST_REST_S, self.freshness.last_seconds * _REST_FACTOR)
                await asyncio.sleep(max(_SHORTEST_REST_S, rest))
            else:
                await self._rest()
                await asyncio.sleep(_LOOK_S)

    async def _are_settings_new(self) -> bool:
        """True once after the files of the settings have changed; what is started from now on reads them anew."""
        found = self._settings_files()
        if found == self._settings_seen:
            return False
        self._settings_seen = found
        self._adopts = True
        await self.stop()
        return True

    def _settings_files(self) -> tuple[Stamp, ...]:
        files = find_config(home=self._settings.home), self._settings.price_file
        return tuple(stamp(path) for path in files if path is not None)

    def _look(self) -> dict[str, tuple[int, bool]]:
        """The spool as it is now; notes since when something in it is not merged."""
        try:
            found = {s.name: (s.size, s.is_live) for s in list_segments(self._settings.spool_dir)}
        except OSError as e:
            self.freshness.blocked = f"The spool cannot be listed: {e.strerror}."
            return {}
        before = self._merged or {}
        new = {name: state for name, state in found.items() if state != before.get(name)}
        self.freshness.pending_bytes = sum(size - before.get(name, (0, True))[0] for name, (size, _) in new.items())
        if not new and self._merged is not None:
            self.freshness.behind_since = None
        elif self.freshness.behind_since is None:
            self.freshness.behind_since = time.monotonic()
        return found

    async def _merge(self, found: dict[str, tuple[int, bool]]) -> None:
        began = time.monotonic()
        try:
            async with asyncio.timeout(_MERGE_S):
                done = await self._ask()
        except (OSError, ValueError, asyncio.IncompleteReadError, TimeoutError) as e:
            await self.stop()
            self.freshness.blocked = f"The merging process ended ({type(e).__name__}); it is started again."
            return
        self.freshness.configuration = done["configuration"] or self.freshness.configuration
        for note in done["notes"]:
            sys.stderr.write(f"llmwatch: note: {one_line(note)}\n")
        self.freshness.blocked = done["blocked"]
        self.freshness.last_seconds = float(done["seconds"])
        if done["blocked"] is None:
            self._merged = found
            self._adopts = False
            self.freshness.merges += 1
            self.freshness.calls += int(done["calls"])
            self.freshness.merged_at = time.time()
            # What came since the look is newer than the look.
            self.freshness.behind_since = None if not self.freshness.pending_bytes else began
            self._look()

    async def _ask(self) -> dict[str, Any]:
        if self._process is None or self._process.returncode is not None:
            self._process = await asyncio.create_subprocess_exec(
                *command(self._settings.home, "merge"),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                start_new_session=True,
            )
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(f"{ADOPTING if self._adopts else ''}\n".encode())
        await stdin.drain()
        line = await stdout.readline()
        self._used_at = time.monotonic()
        return json.loads(line)

    async def _rest(self) -> None:
        if self._process is not None and time.monotonic() - self._used_at > _IDLE_S:
            await self.stop()

    async def refresh_forever(self) -> None:
        """Has the kept tables renewed a while after the store has changed, whoever changed it."""
        await asyncio.sleep(_FIRST_REFRESH_S)
        seen: tuple[Stamp, ...] | None = None
        while True:
            rest = _REFRESH_LOOK_S
            store = self._settings.store_path
            # With what it writes itself the file changes again; the next one finds that there is nothing to do.
            found = (stamp(store), stamp(store.with_name(f"{store.name}.wal")))
            if found != seen:
                began = time.monotonic()
                await self._refresh()
                seen = found if self.freshness.refresh_failed is None else None
                rest = max(rest, (time.monotonic() - began) * _REFRESH_FACTOR)
            await asyncio.sleep(min(rest, _REFRESH_S))

    async def _refresh(self) -> None:
        process = await asyncio.create_subprocess_exec(
            *command(self._settings.home, "refresh"),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        try:
            async with asyncio.timeout(_MERGE_S):
                _, said = await process.communicate()
        except TimeoutError:
            said = b"It took too long."
        finally:
            await ended(process)
        lines = said.decode("utf-8", "replace").strip().splitlines()
        self.freshness.refresh_failed = None if process.returncode == 0 else (lines or ["It was ended."])[-1]
        self.freshness.refreshes += process.returncode == 0

    async def stop(self) -> None:
        """The merging process is gone: it may finish its merge, and is ended if that takes long."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.stdin is not None:
            process.stdin.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_STOP_S):
                await process.wait()
        await ended(process)


Stamp = tuple[str, int, int]


def stamp(path: Path) -> Stamp:
    """Changes when the file is written or replaced; a file that is not there has one too."""
    try:
        found = path.stat()
    except OSError:
        return str(path), 0, 0
    return str(path), found.st_mtime_ns, found.st_size


async def ended(process: asyncio.subprocess.Process) -> None:
    """The process is gone; whatever it was writing to the store is whole there or not at all."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await asyncio.shield(process.wait())
