"""The numbers of `llmwatch report` are those a plain Python program finds in the raw rows, in every format."""

from __future__ import annotations

import csv
import io
import json
import math
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from llmwatch.analysis.report import money_text
from llmwatch.cli import app
from llmwatch.settings import Settings
from llmwatch.store.file import connect
from tests.bench.generate_store import generate

Rows = list[dict[str, Any]]
SINCE = datetime(2026, 11, 14)  # noqa: DTZ001 - stored times are UTC without a zone
UNTIL = datetime(2026, 11, 21)  # noqa: DTZ001


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of 3,000 invented calls over two weeks."""
    folder = tmp_path_factory.mktemp("numbers") / "home"
    generate(folder, 3_000)
    return folder


@pytest.fixture(scope="module")
def raw(home: Path) -> Rows:
    """Every row of the period, as the table has it."""
    with connect(Settings(home=home).store_path, home, read_only=True) as con:
        result = con.execute("select * from calls where started_at >= ? and started_at < ?", [SINCE, UNTIL])
        names = [column[0] for column in result.description]
        return [dict(zip(names, values, strict=True)) for values in result.fetchall()]


@cache
def report(home: Path, *arguments: str) -> str:
    """What the command prints, asked once."""
    result = CliRunner().invoke(
        app, ["report", "--home", str(home), "--as-of", "2026-11-21", *arguments], catch_exceptions=False
    )
    assert result.exit_code == 0
    return result.stdout


def tables(home: Path, *arguments: str) -> dict[str, dict[str, Any]]:
    """Table key -> row key -> row, of the JSON report."""
    document = json.loads(report(home, "--format", "json", *arguments))
    found = [table for section in document["sections"] for table in section["tables"]]
    return {table["key"]: {row["key"]: row for row in table["rows"]} for table in found}


def spent(rows: Sequence[dict[str, Any]]) -> Decimal:
    """The sum of the known costs."""
    return sum((row["cost_usd"] for row in rows if row["cost_usd"] is not None), Decimal(0))


def quantile(values: list[float], share: float) -> float:
    """Linear between the two nearest ranks."""
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    low = math.floor(place)
    return ordered[low] + (ordered[min(low + 1, len(ordered) - 1)] - ordered[low]) * (place - low)


def by_task(raw: Rows) -> Iterator[tuple[str, Rows]]:
    """The rows of each task."""
    groups: dict[str, Rows] = defaultdict(list)
    for row in raw:
        groups[row["task_name"]].append(row)
    return iter(groups.items())


def test_spend_and_calls_of_every_task_equal_the_raw_rows(home: Path, raw: Rows) -> None:
    """Exact to the last digit, per task and in all."""
    found = tables(home)["spend_by_task"]

    expected = {task: (spent(rows), len(rows)) for task, rows in by_task(raw)} | {"(all)": (spent(raw), len(raw))}
    assert {key: (Decimal(row["spend_usd"]), row["calls"]) for key, row in found.items()} == expected


def test_percentiles_are_exact(home: Path, raw: Rows) -> None:
    """P50, P95 and P99 of latency per task and in all, from raw values of answered calls."""
    found = tables(home)["speed_by_task"]

    groups = dict(by_task(raw)) | {"(all)": raw}
    for task, rows in groups.items():
        values = [row["latency_ms"] for row in rows if row["status"] == "ok"]
        expected = [pytest.approx(quantile(values, share), abs=0.001) for share in (0.5, 0.95, 0.99)]
        assert [found[task][f"latency_{p}_ms"] for p in ("p50", "p95", "p99")] == expected


def test_rates_and_first_tokens_equal_the_raw_rows(home: Path, raw: Rows) -> None:
    """Errors, retries, truncation and time to first token, in all."""
    loaded = tables(home)
    rates, speed = loaded["rates_by_task"]["(all)"], loaded["speed_by_task"]["(all)"]
    first = [
        row["time_to_first_token"] * 1000
        for row in raw
        if row["status"] == "ok" and row["time_to_first_token"] is not None
    ]
    speeds = [
        (row["output_tokens"] - 1) / (row["latency_ms"] / 1000 - row["time_to_first_token"])
        for row in raw
        if row["status"] == "ok" and row["time_to_first_token"] is not None and (row["output_tokens"] or 0) > 1
    ]

    def rate(rows: Rows) -> Any:
        return pytest.approx(len(rows) / len(raw), abs=1e-8)

    assert rates["error_rate"] == rate([row for row in raw if row["status"] == "error"])
    assert rates["retry_rate"] == rate([row for row in raw if row["retries"]])
    assert rates["left_rate"] == rate(
        [row for row in raw if row["stream_end"] not in (None, "complete") and row["status"] != "error"]
    )
    assert rates["truncation_rate"] == rate([row for row in raw if "length" in (row["finish_reasons"] or [])])
    assert speed["first_token_p95_ms"] == pytest.approx(quantile(first, 0.95), abs=0.001)
    assert speed["tokens_per_second"] == pytest.approx(quantile(speeds, 0.5), abs=0.001)


def test_tokens_equal_the_raw_rows_with_their_estimates(home: Path, raw: Rows) -> None:
    """Reported counts, and where there are none the estimate."""
    found = tables(home)["tokens"]

    for column in ("input_tokens", "output_tokens"):
        counts = [row[column] if row[column] is not None else row[f"estimated_{column}"] for row in raw]
        assert found[column]["now"] == sum(count or 0 for count in counts)
    assert found["cached_input_tokens"]["now"] == sum(row["cached_input_tokens"] or 0 for row in raw)


@pytest.mark.parametrize("dimension", ["task", "customer", "feature", "model", "service", "user"])
def test_the_total_is_the_sum_of_its_rows_in_every_dimension(home: Path, dimension: str) -> None:
    """Listed names and the others together are all: in spend, before, calls and tokens."""
    found = tables(home, "--by", dimension, "--top", "3")[f"spend_by_{dimension}"]
    total = found.pop("(all)")

    for column in ("spend_usd", "before_usd", "cache_saving_usd"):
        assert sum(Decimal(row[column] or 0) for row in found.values()) == Decimal(total[column])
    for column in ("calls", "input_tokens", "output_tokens", "unpriced_calls"):
        assert sum(row[column] or 0 for row in found.values()) == total[column]


def test_the_parts_of_the_cost_are_the_spend(home: Path) -> None:
    """Input, cached input, cache writes, output, tools and the unsplit add up to the spend, and the grades too."""
    loaded = tables(home)
    money = loaded["money"]
    parts = ("input_usd", "cached_input_usd", "cache_write_usd", "output_usd", "tool_usd", "unsplit_usd")

    assert sum(Decimal(money[part]["now"]) for part in parts if part in money) == Decimal(money["spend_usd"]["now"])
    grades = [Decimal(row["spend_usd"]) for row in loaded["evidence"].values() if row["spend_usd"] is not None]
    assert sum(grades) == Decimal(money["spend_usd"]["now"])


def test_the_spend_per_day_adds_up_to_the_spend(home: Path) -> None:
    """The points of the chart are the whole period."""
    sections = json.loads(report(home, "--format", "json"))["sections"]
    chart = next(chart for section in sections for chart in section["charts"] if chart["key"] == "money_over_time")
    points = next(series["values"] for series in chart["series"] if series["key"] == "spend_usd")

    assert len(points) == len(chart["points"]) == 7
    assert sum(Decimal(point) for point in points) == Decimal(tables(home)["money"]["spend_usd"]["now"])


def test_the_kinds_of_unheard_answers_add_up(home: Path, raw: Rows) -> None:
    """Failed, left and cut off exclude each other and sum to what was paid for nothing."""
    found = tables(home)["unheard"]
    left = [row for row in raw if row["stream_end"] not in (None, "complete") and row["status"] != "error"]

    kinds = [Decimal(found[key]["paid_usd"]) for key in ("failed", "left", "cut_empty")]
    assert sum(kinds) == Decimal(found["unheard"]["paid_usd"])
    assert Decimal(found["left"]["paid_usd"]) == spent(left)


def test_all_formats_say_the_same_spend(home: Path) -> None:
    """The sheet has the exact amounts of the JSON; text and Markdown have them as people write them."""
    exact = {key: row["spend_usd"] for key, row in tables(home)["spend_by_task"].items()}
    words = {("all" if key == "(all)" else key): money_text(Decimal(value)) for key, value in exact.items()}

    lines = list(csv.DictReader(io.StringIO(report(home, "--format", "csv"))))
    sheet = {line["task"]: line["spend_usd"] for line in lines if line["row_kind"] != "note"}
    assert sheet == {("all" if key == "(all)" else key): value for key, value in exact.items()}
    text = report(home)
    markdown = report(home, "--format", "md").replace("\\", "").replace("**", "")
    for name, amount in words.items():
        assert re.search(rf"^ {re.escape(name)} +[\d,]+ +{re.escape(amount)}[¹²³]? ", text, re.MULTILINE)
        assert re.search(rf"^\| {re.escape(name)} \| [\d,]+ \| {re.escape(amount)}†? \|", markdown, re.MULTILINE)


def test_the_same_question_has_the_same_bytes(home: Path) -> None:
    """Nothing of a report depends on the clock once --as-of is given."""
    assert report.__wrapped__(home, "--format", "json") == report(home, "--format", "json")
