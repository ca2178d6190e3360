"""Owns the state of spool and store as `doctor` tells it; changes nothing and never raises."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ..errors import LlmwatchError
from ..settings import Settings
from ..spool import Segment, list_segments, read_batches
from . import file

# Above this the pending records are not counted one by one.
_COUNTED_BYTES: Final = 64 << 20
_NETWORK_FILE_SYSTEMS: Final = ("nfs", "nfs4", "cifs", "smb3", "fuse.sshfs", "9p", "lustre", "afs")


@dataclass(frozen=True, slots=True)
class Health:
    """What is known; None is not known, and `problems` are sentences with their remedies."""

    store_path: Path
    segments: int
    live_segments: int
    spool_bytes: int
    # Dead writers' segments that end inside a record: written by nobody's account, so nothing acknowledged is lost.
    torn_segments: int
    pending_records: int | None
    store_bytes: int | None
    schema_version: int | None
    calls: int | None
    merged_at: str | None
    # Kind of pipeline event -> how many records it was about, over all time.
    events: dict[str, int]
    quarantined: tuple[Path, ...]
    lock_holder: int | None
    network_file_system: str | None
    problems: tuple[str, ...]


def look(settings: Settings) -> Health:
    """The state now; what cannot be looked at is a problem, not an error."""
    problems: list[str] = []
    try:
        segments = list_segments(settings.spool_dir)
    except OSError as e:
        segments = []
        problems.append(f"{settings.spool_dir} cannot be listed: {e.strerror}.")
    stored, store_problem = _look_at_store(settings)
    problems += [*([store_problem] if store_problem else []), *stored.get("failures", []), *_unsafe(settings)]
    consumed: dict[str, int] = stored.get("consumed", {})
    pending, torn = _pending(segments, consumed)
    network = _network_file_system(settings.home)
    if network:
        problems.append(
            f"{settings.home} is on {network}, where file locks of other machines may not be seen."
            " Name a local folder with LLMWATCH_HOME."
        )
    set_aside = tuple(file.quarantined(settings.store_path)) if settings.home.is_dir() else ()
    return Health(
        store_path=settings.store_path,
        segments=len(segments),
        live_segments=sum(s.is_live for s in segments),
        spool_bytes=sum(s.size for s in segments),
        torn_segments=torn,
        pending_records=pending,
        store_bytes=settings.store_path.stat().st_size if settings.store_path.exists() else None,
        schema_version=stored.get("version"),
        calls=stored.get("calls"),
        merged_at=stored.get("merged_at"),
        events=stored.get("events", {}),
        quarantined=set_aside,
        lock_holder=file.lock_holder(settings.home),
        network_file_system=network,
        problems=tuple(problems),
    )


def _look_at_store(settings: Settings) -> tuple[dict[str, Any], str | None]:
    import duckdb

    path = settings.store_path
    if not path.exists():
        return {}, None
    try:
        con = file.connect(path, settings.home, read_only=True)
    except LlmwatchError as e:
        return {}, str(e)
    except duckdb.Error as e:
        return {}, str(file.store_error(e, path))
    try:
        version = file.found_version(con, path)
        row = con.execute("select count(*) from calls").fetchone()
        return {
            "version": version,
            "calls": row[0] if row else 0,
            "merged_at": file.get_meta(con, "merged_at"),
            "failures": file.failures(con),
            "consumed": dict(con.execute("select name, consumed_offset from segments").fetchall()),
            "events": dict(
                con.execute(
                    "select concat_ws(' ', kind, if(kind = 'spool_dropped', detail, null)), sum(\"count\")::bigint"
                    " from pipeline_events group by 1 order by 1"
                ).fetchall()
            ),
        }, None
    except LlmwatchError as e:
        return {}, str(e)
    except duckdb.Error as e:
        return {}, str(file.store_error(e, path))
    finally:
        con.close()


def _pending(segments: list[Segment], consumed: dict[str, int]) -> tuple[int | None, int]:
    """(records not merged, or None where they are too many to count; torn segments)."""
    behind = sum(max(0, s.size - consumed.get(s.name, 0)) for s in segments)
    if behind > _COUNTED_BYTES:
        return None, 0
    records = torn = 0
    for segment in segments:
        tail = 0
        try:
            for batch in read_batches(segment.path, consumed.get(segment.name, 0)):
                records += len(batch.records)
                tail = batch.tail_bytes
        except OSError:
            continue
        torn += bool(tail) and not segment.is_live
    return records, torn


def _unsafe(settings: Settings) -> Iterator[str]:
    for path in (settings.home, settings.spool_dir, settings.store_path, settings.key_path):
        try:
            found = path.lstat()
        except OSError:
            continue
        if stat.S_ISLNK(found.st_mode) and path != settings.home:
            yield f"{path} is a symbolic link. Replace it by what it points to."
        elif found.st_mode & 0o022:
            yield f"{path} can be changed by other users. Run: chmod go-w {path}"
        elif found.st_mode & 0o044 and path != settings.home:
            yield f"{path} can be read by other users. Run: chmod go-r {path}"
        if found.st_uid not in (os.geteuid(), 0):
            yield f"{path} belongs to another user ({found.st_uid})."


def _network_file_system(path: Path) -> str | None:
    """The kind of network file system that holds `path`; None for a local one, or where it is not known."""
    try:
        mounts = Path("/proc/self/mounts").read_text("utf-8", "replace").splitlines()
    except OSError:
        return None
    target = str(path.absolute())
    best, kind = "", ""
    for line in mounts:
        fields = line.split(" ")
        if len(fields) < 3:
            continue
        point = fields[1].replace("\\040", " ")
        if (target == point or target.startswith(point.rstrip("/") + "/")) and len(point) >= len(best):
            best, kind = point, fields[2]
    return kind if kind in _NETWORK_FILE_SYSTEMS else None
