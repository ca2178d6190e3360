"""Owns reading a copy of the file while somebody keeps the store fresh, so that a long reading delays no merge.

DuckDB lets nobody write a file that anybody reads. A report reads for seconds, its copy is made in a fraction of one
(80 MB, a million calls without their texts, in 0.05 s).
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from .file import MERGE_FILE

_SERVED: Final = "serve.lock"
# A larger file would be held for longer by the copying than by most readings.
_LARGEST: Final = 2 << 30
# What a copy leaves free on the disk.
_SPARE: Final = 1 << 30


@contextmanager
def serving(home: Path) -> Generator[None]:
    """While this lasts, readers in other processes know that somebody keeps the store fresh; any number may."""
    fd = os.open(home / _SERVED, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_SH)
        yield
    finally:
        os.close(fd)


def is_served(home: Path) -> bool:
    """True while a `serve` lives that merges into the store of `home`."""
    try:
        fd = os.open(home / _SERVED, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False


def is_worth_a_copy(path: Path, home: Path) -> bool:
    """True if somebody would be kept from merging, and the disk has room for a copy."""
    try:
        size = path.stat().st_size
        return 0 < size <= _LARGEST and is_served(home) and shutil.disk_usage(home).free > size + _SPARE
    except OSError:
        return False


@contextmanager
def copied(path: Path, home: Path) -> Generator[Path]:
    """A copy of the file and its log that exists while the block lasts; OSError if it cannot be made.

    The caller holds the merge lock, and its process has no connection to the file: POSIX takes a process's locks on
    a file away when it closes any descriptor of it. The next merge takes its name away, whoever has it open then.
    """
    folder = home / "tmp" / f"{MERGE_FILE}{os.urandom(8).hex()}"
    folder.mkdir(mode=0o700, parents=True)
    try:
        yield copy_locked(path, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def copy_locked(path: Path, folder: Path) -> Path:
    """The file and its log in the folder, as of one moment; as for `copied`, and OSError where a stranger writes it."""
    # Under the file's own name, which is the database's name in DuckDB.
    copy = folder / path.name
    log = path.with_name(f"{path.name}.wal")
    with path.open("rb") as file:
        # What DuckDB's own readers take: a program that is not ours may be writing.
        fcntl.lockf(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        shutil.copyfile(path, copy)
        with suppress(FileNotFoundError):
            shutil.copyfile(log, folder / log.name)
    return copy
