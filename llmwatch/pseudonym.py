"""Owns the pseudonyms that stand for user ids in spool and store, and the key they are made with.

Standard library only; both halves import it. Never logs, stores or prints a plain user id or the key.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import stat
from pathlib import Path
from typing import Final

KEY_BYTES: Final = 32


def pseudonym(key: bytes, user_id: str) -> str:
    """The same user id under the same key is always the same `u_` + 32 hex digits; without the key nobody can guess."""
    # surrogatepass: a user id is whatever the host program had, and must never raise here.
    digest = hmac.new(key, user_id.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()
    return f"u_{digest[:32]}"


def load_key(path: Path, *, create: bool) -> bytes | None:
    """The key in `path`; None if there is none and `create` is false, or if it is not a private file of ours.

    Two processes that create it at once agree: the key appears whole under its name or not at all. Never raises.
    """
    try:
        key = _read_key(path)
        if key is None and create:
            if not os.path.lexists(path):
                _create_key(path)
            # Somebody else may have created it since it was looked for.
            key = _read_key(path)
    except OSError:
        return None
    return key


def _read_key(path: Path) -> bytes | None:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        return None
    try:
        found = os.fstat(fd)
        if not stat.S_ISREG(found.st_mode) or found.st_mode & 0o077:
            return None
        key = os.read(fd, KEY_BYTES + 1)
    finally:
        os.close(fd)
    return key if len(key) == KEY_BYTES else None


def _create_key(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.urandom(8).hex()}")
    fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        try:
            os.write(fd, os.urandom(KEY_BYTES))
            os.fsync(fd)
        finally:
            os.close(fd)
        # link, not rename: the first of two creators wins and the other reads the winner's key.
        try:
            os.link(draft, path)
        except FileExistsError:
            return
    finally:
        draft.unlink(missing_ok=True)
