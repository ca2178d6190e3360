"""Stores for tests of the reading half: made by the real Store, filled with rows given as mappings."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache
from itertools import groupby, islice
from pathlib import Path
from typing import Any

from llmwatch.settings import Settings
from llmwatch.store import Store
from llmwatch.store.file import connect

MOMENT = datetime(2026, 11, 20, 12, 0, 0)  # noqa: DTZ001 - stored times are UTC without a zone

_PLAIN: Mapping[str, Any] = {
    "trace_id": "0" * 32,
    "latency_ms": 1000.0,
    "service_name": "web",
    "operation_name": "chat",
    "endpoint": "/chat/completions",
    "server_address": "api.openai.com",
    "status": "ok",
    "usage_source": "response",
    "retries": 0,
    "is_repeated": False,
    "is_request_repeated": False,
    "is_output_empty": False,
}


def empty_store(home: Path) -> Settings:
    """A store of today's schema without a row: a copy of one that the Store has made in this process."""
    assert not (home / "store.duckdb").exists()
    shutil.copytree(_made(), home, dirs_exist_ok=True)
    return Settings(home=home)


@cache
def _made() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="llmwatch-tests-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    Store(Settings(home=folder)).merge()
    return folder


def call(number: int, *, hours_ago: float = 1.0, cost: str | None = "0.01", **columns: Any) -> dict[str, Any]:
    """One stored call, priced from reported usage unless said otherwise; a cost of None is unpriced."""
    started = MOMENT - timedelta(hours=hours_ago)
    money = None if cost is None else Decimal(cost)
    return {
        **_PLAIN,
        "span_id": f"{number:016x}",
        "started_at": started,
        "ended_at": started + timedelta(seconds=1),
        "response_model": "gpt-4o",
        "task_name": "reply.draft",
        "task_source": "tag",
        "task": "reply.draft",
        "customer_id": "acme",
        "input_tokens": 100,
        "output_tokens": 10,
        "cached_input_tokens": 40,
        "cost_usd": money,
        "input_cost_usd": money,
        "cost_grade": "D" if cost is None else "A",
        "unpriced_reason": "no price for this model" if cost is None else None,
        **columns,
    }


def fill(settings: Settings, calls: Sequence[Mapping[str, Any]], table: str = "calls") -> None:
    """Inserts the rows; columns not given are null."""
    with connect(settings.store_path, settings.home, read_only=False) as con:
        for names, alike in groupby(calls, key=tuple):
            columns, marks = ", ".join(f'"{name}"' for name in names), f"({', '.join('?' * len(names))})"
            for rows in _hundreds(alike):
                sql = f"insert into {table} ({columns}) values {', '.join([marks] * len(rows))}"
                con.execute(sql, [value for row in rows for value in row.values()])


def _hundreds(rows: Iterable[Mapping[str, Any]]) -> Iterator[list[Mapping[str, Any]]]:
    found = iter(rows)
    while several := list(islice(found, 100)):
        yield several
