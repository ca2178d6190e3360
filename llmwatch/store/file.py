"""Owns the DuckDB file: the merge lock, creating, opening, migrating, and telling who else holds it.

The file appears whole under its name or not at all, and is opened for moments only. Nothing here deletes data: a file
that cannot be a database is set aside under another name.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ..errors import SchemaTooNew, StoreCorrupt, StoreError, StoreLocked
from .queries import MACROS, VIEWS, macro_sql, view_sql

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_MIGRATIONS: Final = Path(__file__).parent / "migrations"
# Readable and writable by DuckDB 1.5 and 2.0 alike, and by tools that have an older DuckDB inside.
_STORAGE_VERSION: Final = "v1.2.0"
# No store is as small: a file appears whole under its name, so that one of so many bytes was cut off.
_LEAST_BYTES: Final = 3 * 4096
# What the names of a merge's temporary files begin with.
MERGE_FILE: Final = "merge-"
_SETTINGS: Final = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "python_enable_replacements": "false",
}


@cache
def migrations() -> tuple[tuple[int, str], ...]:
    """(number, text) of every migration, in order."""
    found = sorted(_MIGRATIONS.glob("[0-9]*.sql"))
    return tuple((int(path.name.partition("_")[0]), path.read_text("utf-8")) for path in found)


def schema_version() -> int:
    """The schema that this llmwatch reads and writes."""
    return migrations()[-1][0]


def connect(path: Path | str, home: Path, *, read_only: bool) -> DuckDBPyConnection:
    """A DuckDB connection that prints nothing, loads nothing and spills inside `home`; DuckDB's errors pass through.

    StoreCorrupt for a file that was cut off, in which DuckDB would begin anew.
    """
    import duckdb

    check_size(Path(path))
    config: dict[str, str | bool | int | float | list[str]] = {
        **_SETTINGS,
        # Of this connection alone: DuckDB's spill files have the same names in every process.
        "temp_directory": str(home / "tmp" / os.urandom(8).hex()),
    }
    if not read_only:
        # Automatic checkpoints stop a commit for seconds, and on a full disk they end the instance.
        config |= {"checkpoint_threshold": "1GB", "memory_limit": "400MB", "threads": min(4, os.cpu_count() or 1)}
    con = duckdb.connect(str(path), read_only=read_only, config=config)
    con.execute("set enable_progress_bar = false")
    con.execute("set TimeZone = 'UTC'")
    return con


def check_size(path: Path) -> None:
    """StoreCorrupt for a file that was cut off to its first blocks, or to nothing."""
    with suppress(FileNotFoundError):
        size = path.stat().st_size
        if size < _LEAST_BYTES:
            raise StoreCorrupt(
                f"{path} was cut off: it has {size:,} bytes, and no store is as small.",
                "Put a backup in its place, or run `llmwatch doctor --repair`: it sets the file aside, deletes nothing,"
                " and starts a new one.",
            )


@contextmanager
def private_files() -> Generator[None]:
    """Files that DuckDB makes inside are readable by their owner alone."""
    previous = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(previous)


@contextmanager
def merge_lock(home: Path, wait_s: float) -> Generator[bool]:
    """Yields whether this process now is the only one that may change the store."""
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    fd = os.open(home / "merge.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        deadline = time.monotonic() + wait_s
        is_held = _try_lock(fd)
        while not is_held and time.monotonic() < deadline:
            time.sleep(0.02)
            is_held = _try_lock(fd)
        if is_held:
            os.ftruncate(fd, 0)
            os.pwrite(fd, str(os.getpid()).encode(), 0)
        yield is_held
    finally:
        os.close(fd)


def _try_lock(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def lock_holder(home: Path) -> int | None:
    """The process that holds the merge lock now; None if nobody does."""
    try:
        fd = os.open(home / "merge.lock", os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        text = os.pread(fd, 20, 0)
        return int(text) if text.isdigit() else 0
    finally:
        os.close(fd)
    return None


def clear_leftovers(home: Path) -> None:
    """What killed merges left in the temporary folder is gone; only the holder of the merge lock may call it."""
    folder = home / "tmp"
    folder.mkdir(mode=0o700, exist_ok=True)
    for path in folder.iterdir():
        # A reader that is at work must keep its files; after a day nobody is.
        with suppress(FileNotFoundError):
            is_forgotten = path.name.startswith(MERGE_FILE) or path.lstat().st_mtime < time.time() - 86_400
            if is_forgotten and path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            elif is_forgotten:
                path.unlink()


# --- errors ----------------------------------------------------------------------------------------------------

_PID: Final = re.compile(r"PID (\d+)")
# Errors of DuckDB that are about the bytes of the file; all others are about the query, the machine or DuckDB itself.
_DAMAGE: Final = re.compile(
    r"not a valid DuckDB|corrupt|checksum|magic bytes|deserializ|invalid (?:block|header)|unexpected end|truncated"
    r"|read enough bytes|could not read from file|failed to load metadata|Failure while replaying WAL",
    re.IGNORECASE,
)
_NOT_OURS: Final = "is a DuckDB database but not a store of llmwatch."


def is_lock_error(error: Exception) -> bool:
    """True if the file could not be opened because somebody, perhaps this process, has it open."""
    text = str(error)
    return "Could not set lock" in text or "different configuration" in text


def is_damage(error: Exception) -> bool:
    """True if the error is about bytes of the file that are not what they were."""
    return type(error).__name__ == "SerializationException" or _DAMAGE.search(str(error)) is not None


def store_error(error: Exception, path: Path) -> StoreError:
    """DuckDB's error as a sentence with a remedy."""
    text = " ".join(str(error).split())
    if is_lock_error(error):
        found = _PID.search(text)
        who = f"process {found.group(1)}" if found else "another connection of this process"
        return StoreLocked(f"{path} is open in {who}.", "Close it there and repeat the command.")
    if type(error).__name__ == "OutOfMemoryException":
        return StoreError(
            f"There was not enough memory to work on {path}: {text.partition(' Possible solutions')[0]}.",
            "Nothing was lost, and the file is healthy. Repeat the command with more memory or over a shorter time.",
        )
    if "version number" in text:
        return SchemaTooNew(f"{path} was written by a newer DuckDB ({text}).", "Run: pip install --upgrade duckdb")
    if "No space left" in text or "disk full" in text.lower():
        return StoreError(f"The disk of {path} is full.", "Free some space and repeat the command; nothing was lost.")
    if "ermission denied" in text or "ead-only file system" in text:
        return StoreError(f"{path} cannot be written: {text}.", "Correct the permissions of the folder.")
    if isinstance(error, OSError) or not is_damage(error):
        # A healthy file must not be set aside for a fault of ours, of DuckDB or of the machine.
        return StoreError(
            f"Work on {path} failed: {text}.",
            "Nothing was lost. If it happens again, report this sentence with the output of `llmwatch doctor`.",
        )
    return StoreCorrupt(
        f"{path} cannot be read as a DuckDB database: {text}.",
        "Run `llmwatch doctor --repair`: it sets the file aside, deletes nothing, and starts a new one.",
    )


# --- creating and migrating ------------------------------------------------------------------------------------


def set_aside(path: Path) -> Path:
    """Rename a file that is not a usable store, with its log, so that a new one can be made; returns its new name."""
    moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%f")
    target = path.with_name(f"{path.name}.quarantined-{moment}")
    log = path.with_name(f"{path.name}.wal")
    if path.exists():
        path.rename(target)
    if log.exists():
        # A log without its file would be replayed into the next one.
        log.rename(target.with_name(f"{target.name}.wal"))
    return target


def quarantined(path: Path) -> list[Path]:
    """Files that were set aside."""
    return sorted(path.parent.glob(f"{path.name}.quarantined-*"))


def ensure_file(path: Path, home: Path) -> None:
    """A database of today's schema is at `path`; only the holder of the merge lock may call it."""
    for leftover in path.parent.glob(f".{path.name}.*"):
        leftover.unlink()
    if path.exists():
        return
    if path.with_name(f"{path.name}.wal").exists():
        set_aside(path)
    with replacement(path, home) as con:
        migrate(con, 0)


@contextmanager
def replacement(path: Path, home: Path) -> Generator[DuckDBPyConnection]:
    """A connection whose catalog `fresh` becomes the file at `path` when the block ends without an error."""
    draft = path.with_name(f".{path.name}.{os.urandom(8).hex()}")
    con = connect(":memory:", home, read_only=False)
    try:
        con.execute(f"attach {quoted(str(draft))} as fresh (storage_version '{_STORAGE_VERSION}')")
        con.execute("use fresh")
        yield con
        con.execute("checkpoint fresh")
        con.execute("use memory")
        con.execute("detach fresh")
        con.close()
        _sync(draft)
        draft.rename(path)
        _sync(path.parent)
    finally:
        con.close()
        draft.unlink(missing_ok=True)
        draft.with_name(f"{draft.name}.wal").unlink(missing_ok=True)


def _sync(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def quoted(text: str) -> str:
    """A SQL string literal, for statements that take no parameter."""
    return "'" + text.replace("'", "''") + "'"


def found_version(con: DuckDBPyConnection, path: Path | str) -> int:
    """The schema of an open store; SchemaTooNew or StoreCorrupt if it is not one that this llmwatch can use."""
    import duckdb

    try:
        row = con.execute("select value from meta where key = 'schema_version'").fetchone()
    except duckdb.Error as e:
        raise StoreCorrupt(f"{path} {_NOT_OURS}", "Name another folder with LLMWATCH_HOME.") from e
    version = int(row[0]) if row else 0
    if version > schema_version():
        raise SchemaTooNew(
            f"{path} has schema {version}, this llmwatch knows up to {schema_version()}; nothing was changed.",
            "Run: pip install --upgrade llmwatch",
        )
    return version


def migrate(con: DuckDBPyConnection, version: int) -> None:
    """The store has today's schema and today's views; a failure leaves it as it was."""
    con.execute("begin")
    try:
        for number, text in migrations():
            if number > version:
                con.execute(text)
        set_meta(con, "schema_version", str(schema_version()))
        con.execute("commit")
    except BaseException:
        con.execute("rollback")
        raise
    make_views(con)


def make_views(con: DuckDBPyConnection) -> None:
    """The views in the file, and the macros they are made with, are those of this llmwatch."""
    for name in MACROS:
        con.execute(f"create or replace macro {name}{macro_sql(name)}")
    for name in VIEWS:
        con.execute(f"create or replace view {name} as {view_sql(name)}")


def set_meta(con: DuckDBPyConnection, key: str, value: str) -> None:
    """One fact about the store itself."""
    con.execute("insert or replace into meta values (?, ?)", [key, value])


# Key of meta -> when and why work that follows a merge failed; empty once it went well again.
FAILED: Final = "failed_"
_FAILED_WORK: Final = {
    "recognition": "Recognizing tasks by their prompts failed, so that names are those of before",
    "prompt_versions": "Telling versions of prompts apart failed, so that the newest are missing",
    "retention": "Deleting what is older than it may be failed, so that it is still there",
}


def failures(con: DuckDBPyConnection) -> list[str]:
    """A sentence for each work that follows a merge and failed at its last try."""
    found = [(words, get_meta(con, f"{FAILED}{what}")) for what, words in _FAILED_WORK.items()]
    remedy = "No call is lost; the next merge tries again: `llmwatch merge`."
    return [f"{words} ({why}). {remedy}" for words, why in found if why]


def get_meta(con: DuckDBPyConnection, key: str) -> str | None:
    """The fact, or None if it was never written."""
    row: Any = con.execute("select value from meta where key = ?", [key]).fetchone()
    return row[0] if row else None
