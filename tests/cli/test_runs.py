"""`llmwatch runs`: the calls of one trace as one unit, worked by hand."""

from __future__ import annotations

import csv
import io
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
from typer.testing import CliRunner

from llmwatch.cli import app
from tests.store.records import STARTED_US, call, merged, query

DURING = ("--since", "2026-11-20", "--until", "2026-11-28")
# gpt-4o-mini: $0.15 and $0.60 per million tokens; 1,000 in and 100 out.
CENTS = Decimal("0.15e-6") * 1000 + Decimal("0.60e-6") * 100


def loop(trace: str, tasks: str, *, at: int = 0, seconds: int = 4, **fields: Any) -> list[dict[str, Any]]:
    """One call a letter under one span of the program, a second apart; the last ends after `seconds`."""
    started = STARTED_US + at * 60_000_000
    made = [
        call(trace_id=trace * 32, parent_span_id="ab" * 8, started_us=started + number * 1_000_000, task=f"task.{name}")
        for number, name in enumerate(tasks)
    ]
    made[-1] |= {"ended_us": started + seconds * 1_000_000, **fields}
    return made


def answered(home: Path, *arguments: str) -> str:
    """What the command prints."""
    result = CliRunner().invoke(app, ["runs", *DURING, *arguments, "--home", str(home)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_runs_have_cost_calls_duration_and_outcome_by_kind_and_each(tmp_path: Path) -> None:
    """Two kinds; one run with a call that has no price, one with a failure; a call of its own is no run."""
    first_of_b, of_b = loop("b", "pq", at=1, seconds=8, status="error", error_type="timeout")
    opened = merged(
        tmp_path, *loop("a", "pqq", seconds=4), first_of_b, of_b,
        *loop("c", "rr", at=2, response_model="acme-unpriced", request_model="acme-unpriced"),
        call(task="task.p"),
    )  # fmt: skip
    with duckdb.connect(tmp_path / "store.duckdb") as con:
        # of the trace, and of a call in it by its answer's id
        for event, trace, response, success in (("1", "a" * 32, None, True), ("2", None, of_b["response_id"], False)):
            con.execute(
                "insert into revenue by name select $1 as event_id, timestamp '2026-11-21' as occurred_at,"
                " timestamp '2026-11-21' as recorded_at, 'outcome' as kind, 'solved' as outcome, $2 as trace_id,"
                " $3 as response_id, $4 as is_success",
                [event, trace, response, success],
            )

    found = json.loads(answered(tmp_path, "--format", "json"))
    tables = {table["key"]: table["rows"] for section in found["sections"] for table in section["tables"]}
    by_kind = {row["kind"]: row for row in tables["runs_by_kind"]}
    each = {row["trace"][0]: row for row in tables["runs"]}

    assert {kind: row["runs"] for kind, row in by_kind.items()} == {"task.p": 2, "task.r": 1}
    assert Decimal(str(each["a"]["cost_usd"])) == 3 * CENTS
    assert [each[t]["duration_ms"] for t in "ab"] == [4000, 8000]
    assert by_kind["task.p"]["duration_p50_ms"] == 6000
    assert [each[t].get("outcome") for t in "abc"] == ["success", "failure", None]
    assert (by_kind["task.p"]["outcome_runs"], by_kind["task.p"]["success_rate"]) == (2, 0.5)
    assert by_kind["task.p"]["with_failures"] == 0.5
    assert (by_kind["task.r"]["cost_usd"], each["c"]["cost_usd"]) == (None, None)
    assert query(opened, "select count(*), sum(calls) from runs where kind = 'task.r'") == [(1, 2)]
    assert [row["kind"] for row in csv.DictReader(io.StringIO(answered(tmp_path, "--format", "csv")))] == [
        "task.p", "task.r",
    ]  # fmt: skip
    assert "task.r" not in answered(tmp_path, "--kind", "task.p")


def test_without_a_run_the_report_says_how_to_make_one(tmp_path: Path) -> None:
    """Calls alone are no runs."""
    merged(tmp_path, call())

    assert "start an OpenTelemetry span" in " ".join(answered(tmp_path).split())
