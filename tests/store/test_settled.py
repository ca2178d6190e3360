"""A merge that has nothing to do writes nothing; whatever there is to do is still done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from llmwatch.settings import Settings
from llmwatch.store import Store
from llmwatch.store.apart import serving
from llmwatch.store.file import connect, get_meta, set_meta
from tests.stores import empty_store

from .records import call, spool


def told(settings: Settings, key: str) -> str | None:
    """What the store says of itself."""
    with Store(settings).read() as con:
        return get_meta(con, key)


def tell(settings: Settings, key: str, value: str) -> None:
    """The store says so from now on."""
    con = connect(settings.store_path, settings.home, read_only=False)
    set_meta(con, key, value)
    con.close()


def test_a_merge_without_anything_new_leaves_the_file_alone(tmp_path: Path) -> None:
    """Not a byte of it is written, nor its time."""
    settings = empty_store(tmp_path / "home")
    Store(settings).merge()
    before = settings.store_path.read_bytes(), settings.store_path.stat().st_mtime_ns

    done = Store(settings).merge()

    assert (done.calls, done.blocked) == (0, None)
    assert (settings.store_path.read_bytes(), settings.store_path.stat().st_mtime_ns) == before


def test_what_has_nothing_to_merge_is_opened_once(tmp_path: Path) -> None:
    """A call that waits, or a server that would be kept from merging, makes it two steps."""
    settings = empty_store(tmp_path / "home")
    opened = Store(settings)
    opened.merge()
    with opened.read_settled() as con:
        assert con is not None
        assert con.execute("select count(*) from calls").fetchall() == [(0,)]
    with serving(settings.home), opened.read_settled() as con:
        assert con is None
    spool(settings.home, call())
    with opened.read_settled() as con:
        assert con is None


@pytest.mark.parametrize(
    ("key", "value"),
    [("price_digest", "other"), ("views_digest", "old"), ("retained_on", "2026-01-01"), ("catalogue_digest", "old")],
)
def test_what_is_not_of_today_is_made_anew(tmp_path: Path, key: str, value: str) -> None:
    """Prices, views, the daily deletion and the catalogue are brought up to date without any new call."""
    settings = empty_store(tmp_path / "home")
    Store(settings).merge()
    today = told(settings, key)
    tell(settings, key, value)

    Store(settings).merge()

    assert told(settings, key) == today


def _with_a_call(settings: Settings) -> Settings:
    spool(settings.home, call())
    return settings


def _with_a_plan(settings: Settings) -> Settings:
    cost = {"name": "storage", "cost_usd": 5, "per": "month", "divided_by": "calls"}
    return replace(settings, shared_costs=[cost])


@pytest.mark.parametrize(("changed", "table"), [(_with_a_call, "calls"), (_with_a_plan, "shared_costs")])
def test_a_new_call_and_a_new_setting_are_taken_in(
    tmp_path: Path, changed: Callable[[Settings], Settings], table: str
) -> None:
    """After a merge that had nothing to do, as after any other."""
    settings = empty_store(tmp_path / "home")
    Store(settings).merge()
    Store(settings).merge()
    settings = changed(settings)

    Store(settings).merge(adopts=True)

    with Store(settings).read() as con:
        assert con.execute(f"select count(*) from {table}").fetchone() == (1,)


def test_what_a_killed_merge_left_is_cleared_away(tmp_path: Path) -> None:
    """Although nothing else is to be done."""
    settings = empty_store(tmp_path / "home")
    Store(settings).merge()
    left = settings.home / "tmp" / "merge-0123.ndjson"
    left.write_text("{}")

    Store(settings).merge()

    assert not left.exists()
