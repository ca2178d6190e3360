"""What is kept of money says what the calls say, whatever happens to the calls."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from llmwatch.settings import Settings
from llmwatch.store import Store
from llmwatch.store.kept_money import KEPT_UNTIL, keep_days, keep_links
from llmwatch.store.queries import create_views
from llmwatch.store.repricing import reprice
from llmwatch.store.task_edits import TaskEdit, add_edit
from llmwatch.wire.engine import Engine
from tests.stores import empty_store, fill

from .records import STARTED_US, call, spool

NOW = datetime(2026, 11, 21, 12)  # noqa: DTZ001 - stored times are UTC without a zone
DAY_US = 86_400_000_000
SPAN = "timestamp '2026-11-10 07:00', timestamp '2026-11-21 11:00'"
Rows = list[tuple[Any, ...]]


def days_ago(days: float, **fields: Any) -> dict[str, Any]:
    """A call so many days before 2026-11-21."""
    return call(started_us=STARTED_US - int(days * DAY_US), **fields)


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Store]:
    """Forty calls of two customers on twenty days, revenue that names some of them by each way, and all of it kept."""
    settings = empty_store(tmp_path / "home")
    calls = [
        days_ago(n / 2 + 0.3, customer_id=("acme", "globex")[n % 2], task="reply", task_source="tag") for n in range(40)
    ]
    spool(settings.home, *calls)
    Store(settings).merge()
    at = {
        "occurred_at": NOW - timedelta(days=3),
        "recorded_at": NOW,
        "kind": "revenue",
        "amount_usd": 2,
        "source": "code",
    }
    fill(
        settings,
        [
            {**at, "event_id": "span", "span_id": calls[0]["span_id"]},
            {**at, "event_id": "later", "span_id": "ffffffffffffffff"},
            {**at, "event_id": "answer", "response_id": calls[1]["response_id"]},
            {**at, "event_id": "trace", "trace_id": calls[2]["trace_id"]},
            {**at, "event_id": "own", "customer_id": "acme"},
        ],
        "revenue",
    )
    store = Store(settings)
    keep(store)
    yield store


def keep(store: Store) -> None:
    """As the refresh of `serve` does."""
    with store.changing() as con:
        keep_links(con)
    is_more = True
    while is_more:
        with store.changing() as con:
            is_more = keep_days(con, NOW)


def told(store: Store) -> tuple[Rows, Rows]:
    """(revenue with whom it is of, costs of customers over the wire), as they are with what is kept."""
    home = store._home  # pyright: ignore[reportPrivateUsage]
    with store.read() as con:
        create_views(con)
        records = con.execute(
            "select event_id, customer, task, model, calls from revenue_records order by event_id"
        ).fetchall()
    engine = Engine(home, home / "store.duckdb", "200MB", shows_content=False)
    with engine.lease() as con:
        costs = con.execute(f"from customer_costs({SPAN}) order by name").fetchall()
    engine.release()
    return records, costs


def anew(store: Store) -> tuple[Rows, Rows]:
    """The same, once nothing is kept."""
    with store.changing() as con:
        con.execute("delete from revenue_links")
        con.execute("delete from meta where key = ?", [KEPT_UNTIL])
    return told(store)


def kept_until(store: Store) -> str | None:
    """Until when whole days are kept."""
    with store.read() as con:
        row = con.execute("select value from meta where key = ?", [KEPT_UNTIL]).fetchone()
    return row[0] if row else None


def test_what_is_kept_is_what_the_calls_say(kept: Store) -> None:
    """Of every way to name a call, of what names none that is there, and of ranges cut inside days."""
    records, costs = told(kept)

    assert kept_until(kept) == "2026-11-21 00:00:00"
    assert [row[0] for row in records] == ["answer", "later", "own", "span", "trace"]
    assert {row[0]: row[4] for row in records} == {"answer": 1, "later": 0, "own": 0, "span": 1, "trace": 1}
    assert sum(row[1] for row in costs) == 21
    assert (records, costs) == anew(kept)


def test_a_call_that_arrives_late_is_counted_at_once(kept: Store) -> None:
    """Its day is kept no more, and revenue that named it finds it; kept anew both say so too."""
    late = days_ago(4, span_id="ffffffffffffffff", customer_id="initech", task="late", task_source="tag")
    spool(Settings(home=kept._home).home, late)  # pyright: ignore[reportPrivateUsage]
    kept.merge()
    records, costs = told(kept)

    assert kept_until(kept) == "2026-11-17 00:00:00"
    assert ("later", "initech", "late", "gpt-4o-mini-2024-07-18", 1) in records
    assert "initech" in [row[0] for row in costs]
    keep(kept)
    assert kept_until(kept) == "2026-11-21 00:00:00"
    assert told(kept) == (records, costs) == anew(kept)


def test_a_pending_call_is_found_before_it_is_merged(kept: Store) -> None:
    """A reader who could not merge sees what the spool holds, also under what is kept."""
    late = days_ago(4, span_id="ffffffffffffffff", customer_id="initech", task="late", task_source="tag")
    spool(Settings(home=kept._home).home, late)  # pyright: ignore[reportPrivateUsage]
    with kept.read() as con:
        create_views(con)
        found = con.execute("select customer, calls from revenue_records where event_id = 'later'").fetchall()

    assert found == [("initech", 1)]


def test_a_renamed_task_takes_its_revenue_with_it(kept: Store) -> None:
    """The links say the names of today."""
    with kept.changing() as con:
        add_edit(con, TaskEdit("", "rename", ("reply",), "answer"), datetime.now(UTC).replace(tzinfo=None))
    records, costs = told(kept)

    assert {row[2] for row in records if row[4]} == {"answer"}
    assert (records, costs) == anew(kept)


def test_purged_calls_are_in_nothing_that_is_kept(kept: Store) -> None:
    """Neither their cost nor whom their revenue was of."""
    kept.purge(customer="globex")
    records, costs = told(kept)

    assert "globex" not in {row[1] for row in records} | {row[0] for row in costs}
    assert (records, costs) == anew(kept)


def test_new_prices_are_in_what_is_kept(kept: Store) -> None:
    """Another price of the model is another cost of every day, once the calls are priced again."""
    before = told(kept)[1]
    prices = ({"model": "gpt-4o-mini-2024-07-18", "input": 100, "output": 100},)
    settings = Settings(home=kept._home, prices=prices)  # pyright: ignore[reportPrivateUsage]
    Store(settings).merge()
    assert told(kept)[1] == before
    with kept.changing() as con:
        reprice(con, settings, None, None, is_dry=False)
    after = told(kept)[1]

    assert [row[2] for row in after] != [row[2] for row in before]
    assert after == anew(kept)[1]
