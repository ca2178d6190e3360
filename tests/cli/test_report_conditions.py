"""`llmwatch report` for cron and for colleagues: conditions and exit codes, one page, the same bytes at any hour."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from llmwatch.analysis.conditions import conditions_of
from llmwatch.cli import app
from llmwatch.errors import UsageError
from llmwatch.settings import Settings
from tests.stores import call, empty_store, fill

AS_OF = ("--as-of", "2026-11-20T13:00", "--since", "7d")
FORMATS = ("text", "json", "csv", "md", "html")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """40 calls of two customers: acme pays less than it costs, globex ten times more; one unpriced, two failed."""
    settings = empty_store(tmp_path_factory.mktemp("conditions") / "home")
    fill(settings, _calls())
    _earn(settings)
    return settings.home


def _calls() -> list[dict[str, object]]:
    calls = [call(n, hours_ago=2 * n + 1, customer_id="acme" if n % 2 else "globex") for n in range(36)]
    calls.append(call(36, cost=None, customer_id="acme"))
    calls += [call(n, cost="0", status="error", customer_id=None) for n in (37, 38)]
    return [*calls, call(39, cost="0.04", customer_id=None)]


def _earn(settings: Settings) -> None:
    money = {
        "kind": "revenue",
        "source": "test",
        "occurred_at": "2026-11-20 10:00:00",
        "recorded_at": "2026-11-20 10:00:00",
    }
    rows = [
        {"event_id": name, "customer_id": name, "amount_usd": usd} for name, usd in (("acme", "0.10"), ("globex", "2"))
    ]
    fill(settings, [money | row for row in rows], "revenue")


def run(home: Path, *arguments: str) -> Result:
    """What the command prints, and its exit code."""
    return CliRunner().invoke(app, ["report", "--home", str(home), *AS_OF, *arguments], catch_exceptions=False)


def test_every_condition_that_holds_is_one_line_and_the_report_is_still_printed(home: Path) -> None:
    """Exit code 1; the limit may be a share or per cent; what does not hold says nothing."""
    asked = "margin<0.9, customer-margin<0, unpriced, unattributed>5%, errors>0.01, spend>0.1, drift, margin<0.1"
    done = run(home, "--fail-on", asked)

    assert done.exit_code == 1
    assert [line.split(": ", 2)[1] for line in done.stderr.splitlines()] == [
        "margin<0.9", "customer-margin<0", "unpriced", "unattributed>5%", "errors>0.01", "spend>0.1",
    ]  # fmt: skip
    assert "customer-margin<0: 1 customer: acme at most -80.0 %." in done.stderr
    assert "unpriced: 1 call (2.5 %) have no price." in done.stderr
    assert done.stdout.startswith("llmwatch report")


def test_nothing_that_holds_is_exit_code_0_without_a_word(home: Path) -> None:
    """A quiet week is quiet."""
    done = run(home, "--fail-on", "drift,margin<0.1,unpriced>5%,errors>50%,spend>100")

    assert (done.exit_code, done.stderr) == (0, "")


def test_an_unknown_margin_is_no_pass(tmp_path: Path) -> None:
    """Where nobody has said what is earned the condition trips, and the report says how to say it."""
    settings = empty_store(tmp_path / "home")
    fill(settings, [call(1)])
    done = run(settings.home, "--fail-on", "margin<0.5,customer-margin<0")

    assert done.exit_code == 1
    assert done.stderr.count("unknown, which is no pass: Nobody has said what your customers pay") == 2
    assert "llmwatch revenue import" in done.stdout


@pytest.mark.parametrize("wrong", ["margins<0.5", "margin", "margin>0.5", "drift<1", "", "spend>x", "errors>1;2"])
def test_a_wrong_condition_is_one_sentence_that_says_what_is_possible(wrong: str) -> None:
    """Refused before anything is read."""
    with pytest.raises(UsageError) as refused:
        conditions_of(wrong)

    assert refused.value.exit_code == 2
    assert "Possible: drift, margin<0.5" in refused.value.hint or "Write " in refused.value.hint


def test_the_same_moment_has_the_same_bytes_at_any_hour_in_every_format(home: Path, tmp_path: Path) -> None:
    """Twice at two real times, and once more as a process of its own."""
    first = [run(home, "--format", name).stdout for name in FORMATS]
    time.sleep(1.1)
    page = tmp_path / "week.html"
    second = [run(home, "--html", str(page)).stdout, *(run(home, "--format", name).stdout for name in FORMATS[1:-1])]
    command = [sys.executable, "-m", "llmwatch", "report", "--home", str(home), *AS_OF, "--format", "md"]
    alone = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout

    assert first == [*second, page.read_text("utf-8")]
    assert all(first)
    assert alone == first[FORMATS.index("md")]


def test_by_plan_the_plans_come_first_and_what_was_spent_is_by_task(home: Path) -> None:
    """A plan has no calls of its own."""
    done = run(home, "--by", "plan")

    assert done.exit_code == 0
    assert done.stdout.index("PLANS") < done.stdout.index("CUSTOMERS") < done.stdout.index("TASKS")
