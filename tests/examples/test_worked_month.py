"""The worked month: what its README computes by hand is what the commands say, to the cent."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import shutil
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from llmwatch.cli import app

FOLDER = Path(__file__).parents[2] / "examples" / "worked_month"
SEPTEMBER = ("--since", "2026-09-01", "--until", "2026-10-01")


def run(home: Path, *arguments: str) -> str:
    """What the command says, with the settings of the example."""
    variables = {"LLMWATCH_HOME": str(home), "LLMWATCH_CONFIG": str(home.parent / "llmwatch.toml"), "COLUMNS": "160"}
    result = CliRunner(env=variables).invoke(app, list(arguments), catch_exceptions=False)
    assert result.exit_code == 0
    return result.stdout


def make_calls(home: Path) -> None:
    """The calls, made as a reader of the README makes them."""
    hidden = ("OPENAI_", "LLMWATCH_", "OTEL_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(hidden)}
    done = subprocess.run(
        [sys.executable, "calls.py"],
        env={**kept, "LLMWATCH_HOME": str(home)},
        cwd=home.parent,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The month, made and its revenue imported."""
    folder = tmp_path_factory.mktemp("worked") / "worked_month"
    shutil.copytree(FOLDER, folder)
    home = folder / "home"
    make_calls(home)
    run(home, "revenue", "import", str(home.parent / "revenue.csv"))
    return home


def stated_table(heading: str) -> list[list[str]]:
    """The cells of the first table below a heading of the README, without its head."""
    text = (FOLDER / "README.md").read_text("utf-8").split(f"## {heading}", 1)[1]
    lines = re.findall(r"^\|(.*)\|$", text.split("\n## ", 1)[0], re.MULTILINE)
    return [[cell.strip() for cell in line.split("|")] for line in lines[2:]]


def dollars(text: str) -> Decimal:
    """-$17.00 as a number."""
    return Decimal(text.replace("$", "").replace(",", ""))


def margin_rows(home: Path) -> list[dict[str, Any]]:
    """The rows of the customers' table as a program gets them."""
    text = run(home, "margin", *SEPTEMBER, "--format", "csv")
    return [row for row in csv.DictReader(io.StringIO(text)) if row["row_kind"] != "note"]


def test_the_margin_table_is_the_one_computed_by_hand(home: Path) -> None:
    """The same customers in the same order, revenue, cost, margin and percentage."""
    computed = [
        (
            row["customer"].removesuffix(" (in no call)"),
            *(Decimal(row[key]) for key in ("revenue_usd", "cost_usd", "margin_usd")),
            f"{Decimal(row['margin_share']) * 100:.1f}",
        )
        for row in margin_rows(home)
        if row["margin_usd"]
    ]

    stated = [
        (name, *map(dollars, amounts[:3]), f"{Decimal(amounts[3].removesuffix(' %')):.1f}")
        for name, *amounts in stated_table("4. Margin")
    ]
    assert computed == stated


def test_direct_and_shared_cost_are_those_computed_by_hand(home: Path) -> None:
    """Customer by customer, those of unknown revenue and no customer included."""
    found = {row["customer"].strip("()"): row for row in margin_rows(home)}
    direct = {name: dollars(cell.split("= ")[-1]) for name, _, cell in stated_table("2. Direct")[:-1]}
    shared = {name: dollars(cell) for name, _, cell in stated_table("3. Shared")[:-1]}

    assert {name: Decimal(found[name]["direct_usd"]) for name in direct} == direct
    assert {name: Decimal(found[name]["shared_usd"]) for name in shared} == shared


def test_what_lies_beside_the_margin_is_that_computed_by_hand(home: Path) -> None:
    """Leakage, unknown, unattributed and what would remain, from the head; every amount stands in the README."""
    answer = json.loads(run(home, "margin", *SEPTEMBER, "--format", "json"))
    table = next(t for s in answer["sections"] for t in s["tables"] if t["key"] == "margin")
    now = {row["key"]: row["now"] for row in table["rows"]}

    keys = ("revenue_usd", "margin_usd", "leakage_usd", "unknown_usd", "unattributed_usd", "least_usd")
    stated = [Decimal(v) for v in ("1653.50", "1468.25", "17.00", "8.25", "5.40", "1454.60")]
    assert [Decimal(now[key]) for key in keys] == stated
    text = (FOLDER / "README.md").read_text("utf-8")
    assert [v for v in stated if f"{v:,}" not in text] == []


def test_importing_twice_changes_nothing(home: Path) -> None:
    """The same answer byte for byte, and the command says so."""
    asked = ("margin", *SEPTEMBER, "--as-of", "2026-10-02", "--format", "json")
    before = run(home, *asked)

    said = run(home, "revenue", "import", str(home.parent / "revenue.csv"))

    assert "0 new, 0 changed, 3 as they were" in said
    assert "umbrella-inc" in said
    assert run(home, *asked) == before


def test_no_margin_of_a_task_is_made_up(home: Path) -> None:
    """Only share of cost could divide the revenue among tasks: the cells are unknown and the reason is given."""
    text = run(home, "margin", *SEPTEMBER, "--by", "task", "--format", "csv")
    rows = {row["task"]: row for row in csv.DictReader(io.StringIO(text)) if row["row_kind"] == "row"}

    assert {name: row["margin_share"] for name, row in rows.items()} == {
        "reply.draft": "", "chat": "", "ticket.classify": "",
    }  # fmt: skip
    assert "share of cost" in rows["chat"]["unknown"]
