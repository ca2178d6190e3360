"""Pseudonyms of user ids and the key they are made with."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from llmwatch.pseudonym import KEY_BYTES, load_key, pseudonym


def test_a_pseudonym_is_stable_under_its_key_and_different_under_another() -> None:
    """The same id gives the same name; without the key it cannot be tried out."""
    assert pseudonym(b"k" * 32, "a@example.org") == "u_84b387d80950196a0fad223b6e1d286b"
    assert pseudonym(b"k" * 32, "a@example.org") != pseudonym(b"j" * 32, "a@example.org")
    assert len(pseudonym(b"k" * 32, "a\ud800b")) == 34


def test_a_key_is_private_and_made_only_when_asked(tmp_path: Path) -> None:
    """Reading never creates; creating gives 32 random bytes that only the owner reads."""
    path = tmp_path / "home" / "user.key"

    assert load_key(path, create=False) is None
    assert not path.exists()
    key = load_key(path, create=True)

    assert key is not None
    assert len(key) == KEY_BYTES
    assert path.stat().st_mode & 0o777 == 0o600
    assert load_key(path, create=False) == key


def test_processes_that_create_it_at_once_agree(tmp_path: Path) -> None:
    """Whoever comes second takes the first one's key, and no draft is left."""
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(lambda _: load_key(tmp_path / "user.key", create=True), range(32)))

    assert len(keys) == 1
    assert None not in keys
    assert [p.name for p in tmp_path.iterdir()] == ["user.key"]


@pytest.mark.parametrize("content", [b"", b"short", b"x" * 33])
def test_a_file_that_is_no_key_is_not_used_and_not_replaced(tmp_path: Path, content: bytes) -> None:
    """A damaged key would silently make other pseudonyms; it is refused and left for its owner to see."""
    path = tmp_path / "user.key"
    path.write_bytes(content)
    path.chmod(0o600)

    assert load_key(path, create=True) is None
    assert path.read_bytes() == content


def test_a_key_that_others_can_read_or_that_is_a_link_is_not_used(tmp_path: Path) -> None:
    """A key somebody else may know hides nobody."""
    load_key(tmp_path / "real.key", create=True)
    (tmp_path / "link.key").symlink_to(tmp_path / "real.key")
    (tmp_path / "open.key").write_bytes(b"x" * KEY_BYTES)
    (tmp_path / "open.key").chmod(0o644)

    assert load_key(tmp_path / "link.key", create=True) is None
    assert load_key(tmp_path / "open.key", create=True) is None
