"""The numbers of the panels are those of `llmwatch report --format json` and `llmwatch quality` for the same time."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import defaultdict
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from llmwatch.dashboards.queries import queries
from tests.stores import MOMENT
from tests.wire.served import Served

from .test_queries import ask

SINCE = MOMENT - timedelta(days=28)
Rows = list[dict[str, Any]]


def command(home: Path, *arguments: str) -> dict[str, Rows]:
    """Key of a table -> its rows, as a command prints them."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("LLMWATCH_")}
    done = subprocess.run(
        [sys.executable, "-m", "llmwatch", *arguments, "--format", "json", "--home", str(home)],
        capture_output=True,
        text=True,
        env=environment,
        cwd=home,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    return {table["key"]: table["rows"] for section in report["sections"] for table in section.get("tables", ())}


def panel(server: Served, board: str, title: str) -> Rows:
    """The rows of a panel over the 28 days before MOMENT."""
    query = next(q for q in queries() if q.board == board and q.kind == "panel" and q.panel["title"] == title)
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        names, _, rows = ask(connection, query.text(SINCE, MOMENT))
    return [dict(zip(names, row, strict=True)) for row in rows]


def number(server: Served, board: str, title: str) -> float:
    """The number of a stat: its one value, or the sum of the line behind it."""
    rows = panel(server, board, title)
    return sum(float(row["value"]) for row in rows) if "time" in rows[0] else float(next(iter(rows[0].values())))


def near(value: Any) -> Any:
    """Equal to the last digit that the report prints."""
    return pytest.approx(float(value), rel=1e-6, abs=1e-9)


@pytest.fixture(scope="module")
def report(boards_served: dict[str, Served]) -> dict[str, Rows]:
    """The report over the same 28 days, with every name."""
    home = boards_served["full"].home
    return command(home, "report", "--since", SINCE.isoformat(), "--until", MOMENT.isoformat(), "--top", "1000")


def test_money_is_the_reports(boards_served: dict[str, Served], report: dict[str, Rows]) -> None:
    """Every line of the table of money, now and before, and the stats above it."""
    server = boards_served["full"]
    said = {row["key"]: row for row in report["margin"]}
    shown = {row["money"]: row for row in panel(server, "overview", "Money, against the time before")}

    for words, key in (
        ("Revenue recognised", "revenue_usd"),
        ("LLM cost of who pays it", "direct_usd"),
        ("Shared cost of who pays it", "shared_usd"),
        ("LLM gross margin", "margin_usd"),
        ("Lost on customers below zero", "leakage_usd"),
        ("LLM cost, no customer", "unattributed_usd"),
    ):
        if key in said:
            for mine, its in (("this range", "now"), ("before", "before")):
                if said[key][its] is None:
                    assert shown[words][mine] is None, words
                else:
                    assert float(shown[words][mine]) == near(said[key][its]), words
    assert number(server, "overview", "Revenue") == near(said["revenue_usd"]["now"])
    (shown_margin,) = panel(server, "overview", "LLM gross margin")[0].values()
    assert (shown_margin is None) == (said["margin_usd"]["now"] is None)
    assert shown_margin is None or float(shown_margin) == near(said["margin_usd"]["now"])
    spend = next(row for row in report["money"] if row["key"] == "spend_usd")
    assert number(server, "overview", "LLM spend") == near(spend["now"])
    unpriced = sum(row["calls"] for row in report.get("unpriced", []))
    assert number(server, "overview", "Unpriced calls") == unpriced > 0


def test_the_money_over_time_adds_up_to_the_money(boards_served: dict[str, Served], report: dict[str, Rows]) -> None:
    """The bars of revenue and of cost, cut at both ends of the range, are the sums."""
    rows = panel(boards_served["full"], "overview", "Revenue, LLM cost and margin")
    said = {row["key"]: row for row in report["margin"]}
    sums: dict[str, float] = defaultdict(float)
    for row in rows:
        sums[row["metric"].removesuffix(" before refunds")] += float(row["value"] or 0)

    assert sums["revenue"] + sums["refunds"] == near(said["revenue_usd"]["now"])
    assert sums["LLM cost"] == near(float(said["direct_usd"]["now"]) + float(said["shared_usd"]["now"]))


def test_customers_are_the_reports(boards_served: dict[str, Served], report: dict[str, Rows]) -> None:
    """Each line's revenue, cost with its part of shared cost, and margin; what is unknown is null in both."""
    shown = {
        row["customer"]: row
        for row in panel(boards_served["full"], "customers", "Customers, greatest loss first, then the lowest margin")
    }
    said = {row["customer"].removesuffix(" (in no call)"): row for row in report["margin_by_customer"]}
    compared = 0
    for name, row in said.items():
        if name not in shown:
            continue
        for column, key in (
            ("revenue", "revenue_usd"), ("direct", "direct_usd"), ("shared", "shared_usd"), ("LLM cost", "cost_usd"),
            ("margin", "margin_usd"),
        ):  # fmt: skip
            if row[key] is None:
                assert shown[name][column] is None, (name, column)
            else:
                assert float(shown[name][column]) == near(row[key]), (name, column)
                compared += 1
    assert compared > 100


def test_tasks_are_the_reports(boards_served: dict[str, Served], report: dict[str, Rows]) -> None:
    """Calls, spend, cost per 1,000 and P95 of each task."""
    shown = {row["task"]: row for row in panel(boards_served["full"], "tasks", "Tasks, dearest first")}
    said = [row for row in report["spend_by_task"] if row["task"] in shown]

    assert len(said) >= 8
    for row in said:
        mine = shown[row["task"]]
        assert int(mine["calls"]) == row["calls"]
        if row["spend_usd"] is not None:
            assert float(mine["spend"]) == near(row["spend_usd"])
        if row.get("latency_p95_ms") is not None:
            assert float(mine["P95"]) == near(row["latency_p95_ms"])


def kept_at(server: Served, query: str) -> list[tuple[Any, ...]]:
    """Rows of a kept table; `serve` may have brought it up to date since the store was made."""
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        return connection.execute(query.encode()).fetchall()


def test_quality_is_that_of_the_command(boards_served: dict[str, Served]) -> None:
    """The share, its interval and the number of scores of each task over the 28 days that are kept."""
    server = boards_served["full"]
    rows = kept_at(
        server, "select task_name, share, share_low, share_high, scored, since, until from quality where period = '28d'"
    )
    since, until = rows[0][5:]
    said = command(server.home, "quality", "--since", since.isoformat(), "--until", until.isoformat())["quality"]
    kept = {row[0]: row[1:5] for row in rows}

    for row in (row for row in said if isinstance(row["quality"], dict)):
        share, low, high, scored = kept[row["task"]]
        of = row["quality"]
        assert (share, low, high) == pytest.approx((of["value"], of["low"], of["high"]), abs=1e-6)
        assert scored == row["scored"]
    assert len(kept) >= 8


def as_shown(name: str) -> str:
    """A name as the boards write it: not as a word that they or Grafana take for something else."""
    is_word = re.fullmatch(r"'?(All|all others|\(all\)|\(none\))'?( \(name\))*", name)
    return f"{name} (name)" if is_word else name.replace("$__", "$ __")


def test_downgrades_are_those_of_the_command(boards_served: dict[str, Served]) -> None:
    """Verdict, replays and measured saving of each task and candidate, at the moment they were reached."""
    server = boards_served["full"]
    # The server may look again in between; then both are asked again.
    for _ in range(5):
        ((decided,),) = kept_at(server, "select max(decided_at) from downgrade")
        said = command(server.home, "downgrade", "--since", "28d", "--as-of", decided.isoformat())["downgrade"]
        shown = {
            (row["task"], row["to"]): row
            for row in panel(server, "downgrade", "Tasks and the cheaper models they could run on")
        }
        if kept_at(server, "select max(decided_at) from downgrade") == [(decided,)]:
            break

    assert said
    for row in said:
        mine = shown[as_shown(row["task"]), row["candidate"]]
        assert mine["verdict"] == row["verdict"].replace("_", " ") or mine["verdict"].startswith(row["verdict"])
        assert int(mine["replays"] or 0) == row["replays"]
        if mine["saves, measured"] is not None:
            assert float(mine["saves, measured"]) == pytest.approx(float(row["saving_month_usd"]), rel=1e-4, abs=1e-6)


def test_failures_and_latency_are_the_reports(boards_served: dict[str, Served], report: dict[str, Rows]) -> None:
    """The calls that ended in an error, and the waste of each kind."""
    server = boards_served["full"]
    said = {row["key"]: row for row in report["unheard"]}
    waste = {row["calls that were"]: row for row in panel(server, "cache", "What may have been paid for nothing")}

    assert int(waste["failed"]["calls"]) == said["failed"]["calls"]
    calls = number(server, "reliability", "Calls")
    assert number(server, "reliability", "Error rate") == pytest.approx(said["failed"]["calls"] / calls)
