"""Owns who may ask: one user, one generated password in a file of its owner alone, proved by SCRAM-SHA-256."""

from __future__ import annotations

import hmac
import os
import secrets
import stat
from pathlib import Path
from typing import Any, Final

from ..errors import StoreError

USER: Final = "llmwatch"
# In the form that libpq reads: `passfile=` names it, so that no password stands in a command.
FILE_NAME: Final = "wire.pgpass"
_PREFIX: Final = f"*:*:*:{USER}:"
_ITERATIONS: Final = 4096


def load_password(home: Path) -> str:
    """The password under `home`, made at the first call: 256 bits, in a file that nobody else can read."""
    path = home / FILE_NAME
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except FileExistsError:
        return _read(path)
    with os.fdopen(fd, "w") as file:
        password = secrets.token_urlsafe(32)
        file.write(f"{_PREFIX}{password}\n")
    return password


def _read(path: Path) -> str:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError as e:
        raise StoreError(f"{path} cannot be read: {e.strerror}.", "Delete it: a new password is made.") from e
    with os.fdopen(fd) as file:
        found = os.fstat(file.fileno())
        if found.st_mode & (stat.S_IRWXG | stat.S_IRWXO) or found.st_uid != os.geteuid():
            raise StoreError(f"{path} can be read by other users.", f"Run: chmod 600 {path}")
        text = file.readline().rstrip("\n")
    password = text.removeprefix(_PREFIX)
    if password == text or len(password) < 16:
        raise StoreError(f"{path} holds no password of llmwatch.", "Delete it: a new one is made.")
    return password


class Authenticator:
    """Knows the password as SCRAM keeps it; costs nothing per connection that an attacker could use up."""

    def __init__(self, password: str) -> None:
        from scramp import ScramMechanism

        self._mechanism = ScramMechanism("SCRAM-SHA-256")
        self._password = password
        self._verifier: Any = self._mechanism.make_auth_info(password, iteration_count=_ITERATIONS)

    def exchange(self, first: str) -> Any:
        """The exchange that a client's first message begins; ScramException if it is none.

        libpq leaves the user's name empty, since the startup message has it; scramp refuses that, so it is given one,
        and signs what the client has sent.
        """
        found: Any = self._mechanism.make_server(self._verifier_of)
        found.set_client_first(first.replace(",n=,", f",n={USER},", 1))
        found.client_first_bare = first.partition(",")[2].partition(",")[2]
        return found

    def _verifier_of(self, name: str) -> Any:
        del name
        return self._verifier

    def is_password(self, given: str) -> bool:
        """True if it is, in a time that does not tell how much of it is."""
        return hmac.compare_digest(given.encode(), self._password.encode())
