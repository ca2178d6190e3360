"""Whatever changes the store or its settings, what is asked over the wire soon is what the command says."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.store.records import call, spool
from tests.stores import empty_store

from .served import Served, served

pytestmark = pytest.mark.slow
PLAN = """
[plans.pro]
price_usd = {price}
per = "day"

[[subscriptions]]
customer = "acme"
plan = "pro"
from = 2026-01-01
"""
PRICE = '\n[[prices]]\nmodel = "gpt-4o-mini-2024-07-18"\ninput = 100\noutput = 100\n'


def command(home: Path, *arguments: str) -> str:
    """What a command prints that is started in the home, where the settings are."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("LLMWATCH_")}
    done = subprocess.run(
        [sys.executable, "-m", "llmwatch", *arguments, "--home", str(home)],
        capture_output=True, text=True, env=environment, cwd=home, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def ask(server: Served, query: str) -> list[tuple[Any, ...]]:
    """The rows over the wire."""
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        return connection.execute(query.encode()).fetchall()


def soon(server: Served, query: str, expected: Any, seconds: float = 240) -> None:
    """The first value becomes the one expected; fails after `seconds`."""
    began = time.monotonic()
    found: Any = None
    while time.monotonic() - began < seconds:
        rows = ask(server, query)
        found = rows[0][0] if rows else None
        if found == (pytest.approx(expected, rel=1e-6) if isinstance(expected, float) else expected):
            return
        time.sleep(0.5)
    raise AssertionError((query, found, expected))


def test_what_is_kept_follows_every_change(tmp_path: Path) -> None:
    """Revenue alone, scores alone, a renamed task, another price of a plan and of a model: each without a new call."""
    home = empty_store(tmp_path / "home").home
    config = home / "llmwatch.toml"
    config.write_text(PLAN.format(price=3), "utf-8")
    until = datetime.now(UTC).replace(tzinfo=None, microsecond=0)
    since = until - timedelta(days=7)
    first = int((until - timedelta(hours=30)).replace(tzinfo=UTC).timestamp() * 1_000_000)
    calls = [
        call(started_us=first + n * 1_000_000, customer_id="acme", task="reply", task_source="tag") for n in range(60)
    ]
    spool(home, *calls)

    def report(key: str) -> float:
        text = command(home, "report", "--since", since.isoformat(), "--until", until.isoformat(), "--format", "json")
        tables = [t for s in json.loads(text)["sections"] for t in s.get("tables", ())]
        return next(float(r["now"]) for t in tables for r in t["rows"] if r.get("key") == key and "now" in r)

    total = f"from margin_total(timestamp '{since}', timestamp '{until}')"
    with served(home, home) as server:
        soon(server, f"select revenue_usd {total}", 21.0)
        assert report("revenue_usd") == pytest.approx(21)

        day = (until - timedelta(days=2)).date().isoformat()
        (home / "invoices.csv").write_text(f"customer,amount,date,id\nacme,4,{day},i1\n", "utf-8")
        command(home, "revenue", "import", "invoices.csv")
        soon(server, f"select revenue_usd {total}", 25.0)
        assert report("revenue_usd") == pytest.approx(25)

        labels = "".join(f"{record['span_id']},{n % 4 > 0:d}\n" for n, record in enumerate(calls))
        (home / "labels.csv").write_text(f"span_id,score\n{labels}", "utf-8")
        command(home, "feedback", "import", "labels.csv", "--evidence", "label")
        quality = "select share from quality where period = '28d' and evidence = 'label' and task_name = '{}'"
        soon(server, quality.format("reply"), 0.75)

        command(home, "tasks", "rename", "reply", "answer")
        soon(server, quality.format("answer"), 0.75)

        before = report("spend_usd")
        config.write_text(PLAN.format(price=5) + PRICE, "utf-8")
        soon(server, f"select revenue_usd {total}", 39.0)
        assert report("spend_usd") == before
        command(home, "reprice")
        soon(server, f"select direct_usd {total}", 60 * 0.11)
        assert report("revenue_usd") == pytest.approx(39)
        assert report("spend_usd") == pytest.approx(6.6) != before


def test_settings_that_are_wrong_are_named(tmp_path: Path) -> None:
    """The health page says what is wrong with the file; once it is corrected, calls arrive again."""
    import urllib.request

    home = empty_store(tmp_path / "home").home
    config = home / "llmwatch.toml"
    config.write_text("", "utf-8")

    def blocked() -> Any:
        with urllib.request.urlopen(f"{server.page}health", timeout=20) as answer:
            return json.load(answer)["merge_blocked"]

    with served(home, home) as server:
        soon(server, "select count(*) from calls", 0)
        config.write_text("content = 7\n", "utf-8")
        spool(home, call())
        began = time.monotonic()
        while "content" not in str(blocked()) and time.monotonic() - began < 30:
            time.sleep(0.3)
        assert "content" in str(blocked())
        config.write_text("", "utf-8")
        soon(server, "select count(*) from calls", 1, 40)
