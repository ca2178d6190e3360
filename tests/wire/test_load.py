"""Many clients while services write and merges run: no query fails, and the slowest are printed."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path

import psycopg
import pytest

from tests.bench.generate_store import generate

from .served import Served, served

WEEK = "started_at BETWEEN '2026-11-14T00:00:00Z' AND '2026-11-21T00:00:00Z'"
PANELS = (
    'SELECT floor(extract(epoch from started_at)/3600)*3600 AS "time", model AS metric, sum(cost_usd) AS spend'
    f" FROM call_facts WHERE {WEEK} GROUP BY 1, 2 ORDER BY 1",
    "SELECT task, count(*) AS calls, sum(cost_usd) AS spend"
    f" FROM call_facts WHERE {WEEK} GROUP BY 1 ORDER BY 3 DESC LIMIT 20",
    f"SELECT quantile_cont(answer_ms, 0.95) AS p95, avg(is_failed::int) AS failed FROM call_facts WHERE {WEEK}",
    'SELECT started AS "time", task, model, cost, latency FROM call_lines ORDER BY started DESC LIMIT 500',
    "SELECT count(*) FROM calls",
)
# A service: appends 100 calls a second to its segment and lives on.
WRITER = """
import sys, time
from pathlib import Path
from tests.store.records import call
from llmwatch.call import encode_record
from llmwatch.spool import CALL, SpoolWriter
number, home, until = int(sys.argv[1]), Path(sys.argv[2]), time.time() + float(sys.argv[3])
writer = SpoolWriter(home / "spool", 1 << 30)
sent = 0
while time.time() < until:
    for _ in range(10):
        record = call(span_id=f"{number:04x}{sent:012x}")
        assert writer.append(CALL, encode_record(record))
        sent += 1
    time.sleep(0.1)
print(sent)
"""


def ask(server: Served, queries: int, took: list[float], failures: list[str]) -> None:
    """One client: its queries one after another, on one connection."""
    try:
        with psycopg.connect(server.dsn, autocommit=True) as connection:
            for n in range(queries):
                began = time.monotonic()
                result = connection.pgconn.exec_(PANELS[n % len(PANELS)].encode())
                took.append(time.monotonic() - began)
                if result.status != psycopg.pq.ExecStatus.TUPLES_OK:
                    failures.append(result.error_message.decode())
    except psycopg.Error as e:
        failures.append(str(e))


def under_load(home: Path, calls: int, clients: int, queries: int, writers: int, seconds: float) -> str:
    """Asks while services write; returns a line of figures; asserts that nothing failed and nothing was lost."""
    generate(home, calls)
    root = Path(__file__).parents[2]
    with served(home) as server:
        services = [
            subprocess.Popen(
                [sys.executable, "-c", WRITER, str(n), str(home), str(seconds)],
                cwd=root,
                stdout=subprocess.PIPE,
                text=True,
            )
            for n in range(writers)
        ]
        took: list[float] = []
        failures: list[str] = []
        threads = [threading.Thread(target=ask, args=(server, queries, took, failures)) for _ in range(clients)]
        for thread in threads:
            thread.start()
        stale, seen = 0.0, calls
        merges: list[float] = []
        with psycopg.connect(server.dsn, autocommit=True) as watcher:
            last_change = time.monotonic()
            while any(service.poll() is None for service in services) or any(t.is_alive() for t in threads):
                row = watcher.execute("select count(*) from calls").fetchone()
                assert row is not None
                if row[0] != seen:
                    seen, last_change = row[0], time.monotonic()
                merges.append(json.loads(urllib.request.urlopen(f"{server.page}health").read())["merge_seconds"])
                # The services need a while to start.
                if seen != calls and all(service.poll() is None for service in services):
                    stale = max(stale, time.monotonic() - last_change)
                time.sleep(0.2)
            sent = sum(int(service.communicate()[0]) for service in services)
            deadline = time.monotonic() + 15
            while seen != calls + sent and time.monotonic() < deadline:
                seen = watcher.execute("select count(*) from calls").fetchone()[0]  # type: ignore[index]
                time.sleep(0.2)
        for thread in threads:
            thread.join()
    ordered = sorted(took)
    assert failures == []
    assert seen == calls + sent
    return (
        f"{calls:,} calls stored, {writers} writers, {sent:,} calls written, {len(took)} queries of {clients} clients:"
        f" median {statistics.median(ordered) * 1000:.0f} ms, P95 {ordered[int(len(ordered) * 0.95)] * 1000:.0f} ms,"
        f" worst {ordered[-1] * 1000:.0f} ms; longest without news {stale:.1f} s,"
        f" merges {statistics.median(merges):.1f} s, load {os.getloadavg()[0]:.0f}"
    )


def test_clients_ask_while_services_write(tmp_path: Path) -> None:
    """The small version: four clients, two services."""
    print(under_load(tmp_path / "home", 2_000, clients=4, queries=10, writers=2, seconds=4))


@pytest.mark.slow
def test_ten_clients_ask_two_hundred_times_while_eight_services_write(tmp_path: Path) -> None:
    """No failure; what was written while they asked is all there."""
    print(under_load(tmp_path / "home", 100_000, clients=10, queries=200, writers=8, seconds=30))
