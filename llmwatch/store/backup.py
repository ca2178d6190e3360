"""Owns a copy of a whole home that can take its place: the file, the spool, the key, what runs have spent.

Made while no merge runs, so that what the copied file has taken in and what the copied spool still holds are all calls,
each once; services go on appending meanwhile, and `serve` waits for as long as the copying takes.
"""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ..errors import StoreError, StoreLocked, UsageError
from . import file
from .apart import copy_locked

_FOLDERS: Final = ("spool", "runs")
# Of no use in another folder: locks, and files that DuckDB could not open.
_LEFT: Final = (".lock", ".wal")


@dataclass(frozen=True, slots=True)
class Backup:
    """What was copied."""

    folder: Path
    files: int
    size: int


def back_up(home: Path, store_path: Path, folder: Path, wait_s: float) -> Backup:
    """The home is copied to `folder`, which appears whole or not at all; UsageError for one that holds something.

    StoreLocked where a merge, or a program that is not ours, does not let go of the file for `wait_s` seconds.
    """
    folder = folder.absolute()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{folder} is not an empty folder.", "Name a new one: a backup never goes over another.")
    if folder == home or home in folder.parents:
        raise UsageError(f"{folder} is inside of {home}.", "Name a folder elsewhere, best on another disk.")
    if not home.is_dir():
        raise StoreError(f"There is nothing at {home} yet.", "Name another home with --home or LLMWATCH_HOME.")
    draft = folder.with_name(f".{folder.name}.{os.urandom(8).hex()}")
    try:
        with file.private_files(), file.merge_lock(home, wait_s) as is_held:
            if not is_held:
                raise StoreLocked(f"Another llmwatch ({file.lock_holder(home)}) is merging into {store_path}.")
            draft.mkdir(mode=0o700, parents=True)
            _copy(home, store_path, draft)
        with suppress(FileNotFoundError):
            folder.rmdir()
        draft.rename(folder)
    except OSError as e:
        raise StoreError(
            f"{folder} could not be written: {e}.", "Nothing was changed; free some space or name another folder."
        ) from e
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    found = [path for path in folder.rglob("*") if path.is_file()]
    return Backup(folder, len(found), sum(path.stat().st_size for path in found))


def _copy(home: Path, store_path: Path, draft: Path) -> None:
    # The file before the spool: what is appended in between is in the spool alone.
    if store_path.exists():
        file.check_size(store_path)
        copy_locked(store_path, draft)
    for name in _FOLDERS:
        if (home / name).is_dir():
            (draft / name).mkdir(mode=0o700)
            for path in sorted((home / name).iterdir()):
                _copy_file(path, draft / name)
    for path in sorted(home.iterdir()):
        if path.name.partition(".")[0] != store_path.stem:
            _copy_file(path, draft)


def _copy_file(path: Path, folder: Path) -> None:
    if path.name.startswith(".") or path.suffix in _LEFT or path.is_symlink() or not path.is_file():
        return
    # A service may have been told to stop, and its segment merged and removed, before the lock was ours.
    with suppress(FileNotFoundError):
        shutil.copy2(path, folder / path.name)
        (folder / path.name).chmod(0o600)
