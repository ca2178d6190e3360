"""Commands as processes and as functions: exit codes, sentences instead of tracebacks, nothing but data on stdout."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from llmwatch.cli import app, main
from llmwatch.cli.purge import words
from llmwatch.cli.report import same_calls
from llmwatch.errors import PriceError
from llmwatch.prices.overrides import parse_overrides
from llmwatch.settings import Settings
from tests.stores import MOMENT, call, empty_store, fill

NOW = "2026-11-20T12:00"


@cache
def answered(home: Path, *arguments: str) -> str:
    """What a command prints that reads a store in which nothing changes, asked once."""
    return run(*arguments, home=home)


def run(*arguments: str, home: Path, code: int = 0) -> str:
    """What a command prints in this process."""
    result = CliRunner().invoke(app, [*arguments, "--home", str(home)], catch_exceptions=False)
    assert result.exit_code == code
    return result.stdout


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    """Exit code and standard error of a command that fails; its standard output is empty."""
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    written = capsys.readouterr()
    assert written.out == ""
    return int(ended.value.code or 0), written.err


def process(*arguments: str, home: Path, **options: Any) -> subprocess.CompletedProcess[str]:
    """The command as a user runs it."""
    command = [sys.executable, "-m", "llmwatch", *arguments, "--home", str(home)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, **options)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Calls of two weeks: two customers, an unpriced model, an error, a stream left early, one hostile name."""
    settings = empty_store(tmp_path_factory.mktemp("commands") / "home")
    week = 24 * 7
    hostile: Mapping[str, Any] = {"task_name": "=cmd()\x1b[31m\n[bold]", "customer_id": "\u202egnp"}
    fill(
        settings,
        [
            call(0xA1, hours_ago=1, cost="0.50", response_id="resp_1", request_id="req_1"),
            call(0xA2, hours_ago=2, cost="0.25", customer_id="globex", task_name="triage", trace_id="f" * 32),
            call(0xA3, hours_ago=3, cost=None, response_model="acme/own-1", server_address="llm.acme.internal"),
            call(0xA4, hours_ago=4, cost="0", status="error", error_type="timeout", latency_ms=9000.0),
            call(0xA5, hours_ago=5, cost="0.1", status="incomplete", stream_end="closed", cost_grade="C",
                 usage_source="estimated", estimate_error=0.2),
            call(0xA6, hours_ago=6, cost="0.0000655", customer_id=None, **{"defects": ["usage_unreadable: list"]}),
            call(0xA7, hours_ago=7, **hostile),
            call(0xB1, hours_ago=week + 1, cost="0.40"),
            call(0xC1, hours_ago=2 * week + 1, cost="0.40"),
        ],
    )  # fmt: skip
    attempts = [
        {
            "parent_span_id": f"{0xA1:016x}",
            "started_at": MOMENT,
            "ended_at": MOMENT + timedelta(seconds=n),
            "http_status_code": s,
        }
        for n, s in ((1, 429), (2, 200))
    ]
    fill(settings, attempts, "http_attempts")
    fill(
        settings, [{"span_id": f"{0xA1:016x}", "started_at": MOMENT, "output_messages": '["Größe \x1b[2J"]'}], "content"
    )
    return settings.home


def test_the_report_counts_prices_and_names_what_is_missing(home: Path) -> None:
    """The head, the sum, the change to the week before and each gap are in the text."""
    text = answered(home, "report", "--as-of", NOW)

    assert "Fri 13 Nov 2026 12:00 to Fri 20 Nov 2026 12:00 UTC (7 days), against the 7 days before" in " ".join(
        text.split()
    )
    assert re.search(r"^ Spend +\$0\.86 ", text, re.MULTILINE)
    assert "The total leaves out 1 unpriced call, named" in text
    assert 'model = "acme/own-1"\n     host = "llm.acme.internal"' in text
    assert "is estimated, typically within 20.0 % (grade C)" in " ".join(text.split())
    assert "usage_unreadable (1)" in text
    assert "You paid $0.10 for answers nobody received." in text


def test_text_of_strangers_does_nothing_in_any_command(home: Path) -> None:
    """No escape, control or direction mark of a name or an answer reaches a terminal."""
    commands = (["report"], ["report", "--by", "customer"], ["calls"], ["tasks"])
    texts = [answered(home, *command, "--as-of", NOW) for command in commands] + [
        run("show", "00000000000000a1", home=home)
    ]

    assert [text for text in texts if set(text) & set("\x1b\u202e\r\x00")] == []


def test_an_empty_store_says_what_to_do_next(tmp_path: Path) -> None:
    """No store at all and a store without calls are answered with the line of code that is missing, exit code 0."""
    for folder in (tmp_path / "none", empty_store(tmp_path / "empty").home):
        text = run("report", home=folder)
        assert "The store has no calls yet." in text
        assert "llmwatch.init()" in text


def test_a_period_without_calls_says_when_there_were_some(home: Path) -> None:
    """The sentence names the first call and the command that shows it."""
    text = run("report", "--since", "2026-01-01", "--until", "2026-01-08", home=home)

    assert "No calls in this period" in text
    assert "llmwatch report --since 2026-11-06" in text


def test_a_call_in_the_last_half_second_is_in_the_last_step_of_the_trend(tmp_path: Path) -> None:
    """The points add up to the spend however late the call was."""
    settings = empty_store(tmp_path / "home")
    fill(settings, [call(1, hours_ago=0.2 / 3600, cost="0.5")])

    document = json.loads(run("report", "--as-of", NOW, "--format", "json", home=settings.home))
    chart = document["sections"][0]["charts"][0]
    assert chart["series"][0]["values"] == ["0"] * 6 + ["0.5"]


def test_no_change_is_stated_where_the_store_begins_too_late(tmp_path: Path) -> None:
    """The period before is not whole, so its difference is unknown and not a growth."""
    settings = empty_store(tmp_path / "home")
    fill(settings, [call(1, hours_ago=24 * 8), call(2)])

    rows = {row["key"]: row for row in money(run("report", "--as-of", NOW, "--format", "json", home=settings.home))}
    assert rows["spend_usd"]["change"] is None
    assert "does not hold the whole period before" in rows["spend_usd"]["unknown"]["change"]


def money(document: str) -> list[dict[str, Any]]:
    """Rows of the first table of a JSON report."""
    return json.loads(document)["sections"][0]["tables"][0]["rows"]


def test_a_period_in_which_nothing_is_priced_has_no_spend_and_not_zero(tmp_path: Path) -> None:
    """Unknown is not nothing."""
    settings = empty_store(tmp_path / "home")
    fill(settings, [call(1, cost=None), call(2, cost=None)])

    rows = {row["key"]: row for row in money(run("report", "--as-of", NOW, "--format", "json", home=settings.home))}
    assert rows["spend_usd"]["now"] is None
    assert rows["per_thousand_usd"]["now"] is None
    text = run("report", "--as-of", NOW, home=settings.home)
    assert "$0" not in text
    assert "nothing was spent" not in text


def test_a_period_of_errors_cost_nothing_and_says_so(tmp_path: Path) -> None:
    """A share of no spend is unknown because nothing was spent, not for lack of calls or prices."""
    settings = empty_store(tmp_path / "home")
    fill(settings, [call(1, cost="0", status="error"), call(2, cost="0", status="error")])

    text = run("report", "--as-of", NOW, home=settings.home)

    assert "nothing was spent" in text
    assert "no calls" not in text
    assert "has a price" not in text


def test_a_hint_asks_about_the_calls_of_the_report(home: Path) -> None:
    """Pasted, it answers about the same period and home; what stands at its default is not repeated."""
    text = run("report", "--since", "2026-11-13", "--as-of", NOW, home=home)
    same = f"--since 2026-11-13 --as-of {NOW} --home {home}"

    assert f'llmwatch calls --where "grade=D" {same}' in " ".join(text.split())
    assert f"llmwatch calls --status incomplete --order cost {same}" in " ".join(text.split())
    assert same_calls(since=None, until=None) == ""
    assert same_calls(until="2026-11-01 10:00") == " --until '2026-11-01 10:00'"


def test_the_price_to_fill_in_is_refused_until_it_is(home: Path, tmp_path: Path) -> None:
    """Pasted as it stands it does not make the calls free."""
    text = answered(home, "report", "--as-of", NOW)
    pasted = "\n".join(line.strip() for line in text[text.index("[[prices]]") :].splitlines()[:5])

    with pytest.raises(PriceError, match=r"input = '\?' is not a price"):
        parse_overrides(tomllib.loads(pasted)["prices"])


def test_reads_of_an_answer_and_requests_without_a_model_are_no_calls(tmp_path: Path) -> None:
    """A poll that repeats usage, a list of files: neither counts. A first reading of an unknown answer is."""
    settings = empty_store(tmp_path / "home")
    fill(
        settings,
        [
            call(1, cost="0", usage_source="pending", input_tokens=None),
            call(2, cost="0.5", operation_name="fetch_response"),
            call(3, cost="0", operation_name="fetch_response", usage_source="repeated", is_repeated=True),
            call(4, cost="0", operation_name="files", usage_source="none"),
            call(5, cost="0", operation_name="moderation", usage_source="none"),
        ],
    )

    rows = {row["key"]: row for row in money(run("report", "--as-of", NOW, "--format", "json", home=settings.home))}
    assert rows["calls"]["now"] == 3
    assert rows["spend_usd"]["now"] == "0.5"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["report", "--since", "soon"], "--since 'soon' is neither a span nor a date."),
        (["report", "--since", "0d"], "--since '0d' is not a span of time."),
        (["report", "--since", "2026-11-02", "--until", "2026-11-01"], "The period is empty"),
        (["report", "--by", "tasks"], "Did you mean task?"),
        (["report", "--format", "yaml"], "--format 'yaml' is not one of text, json, csv, md, html."),
        (["report", "-o", "/dev/null/x.csv"], "--output /dev/null/x.csv cannot be written: Not a directory."),
        (["report", "--top", "0"], "--top 0 lists nothing."),
        (["calls", "--where", "nonsense"], "--where 'nonsense' is not a filter."),
        (["calls", "--where", "custmer=a"], "Nearest: customer"),
        (["calls", "--where", "cost~a"], "cost is a number."),
        (["calls", "--where", "cost>much"], "'much' is not a number."),
        (["calls", "--where", "task>a"], "task is a text."),
        (["calls", "--where", "1=1; drop table calls"], "calls have no '1'"),
        (["calls", "--status", "failed"], "--status 'failed' is not one of ok, error, incomplete."),
        (["calls", "--order", "price"], "--order 'price' is not one of"),
        (["show", "zz"], "too short to name a call"),
        (["show", "zzzzzz"], "No call is named 'zzzzzz'."),
        (["sql", " "], "The query is empty."),
        (["purge", "--customer", "acme"], "Nobody is here to be asked."),
        (["purge", "--yes"], "Nothing to purge was named."),
        (["export", "csv", "x"], "KIND 'csv' is not one of parquet."),
        (["report", "--nonsense"], "No such option"),
    ],
)
def test_a_wrong_word_is_one_sentence_and_code_2(
    arguments: list[str], sentence: str, home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The sentence is on standard error, without a traceback, with the place and the remedy."""
    monkeypatch.setenv("LLMWATCH_HOME", str(home))
    monkeypatch.setattr("sys.stdin", io.StringIO())

    code, written = refused(capsys, *arguments)

    assert code == 2
    assert sentence in written
    assert "Traceback" not in written


def test_calls_are_filtered_by_parameters_and_ordered(home: Path) -> None:
    """Filters hold together, values with quotes are values, and the order is the one asked for."""
    listed = list(
        csv.DictReader(io.StringIO(run("calls", "--as-of", NOW, "--order", "cost", "--format", "csv", home=home)))
    )
    costs = [float(row["cost_usd"]) for row in listed if row["cost_usd"]]
    assert len(costs) == 6
    assert costs == sorted(costs, reverse=True)

    one = run("calls", "--as-of", NOW, "-w", "status=error", "-w", "latency>5000", "--format", "json", home=home)
    assert [row["key"] for row in money(one)] == [f"{0xA4:016x}"]
    none = run("calls", "--as-of", NOW, "-w", "customer=' or 1=1 --", home=home)
    assert "No call matches." in none


def test_calls_say_how_many_more_there_are(home: Path) -> None:
    """A cut list is never silent."""
    assert "2 of 7 calls, by started" in run("calls", "--as-of", NOW, "-n", "2", home=home)


@pytest.mark.parametrize("name", ["00000000000000a1", "resp_1", "req_1"])
def test_show_finds_a_call_by_any_of_its_ids(name: str, home: Path) -> None:
    """Its attempts, its content and the terms of its cost are there."""
    text = run("show", name, home=home)

    assert "call 00000000000000a1" in text
    assert "HTTP ATTEMPTS" in text
    assert " 429 " in text
    assert "Größe" in text


def test_show_of_a_name_of_several_calls_lists_them(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A prefix that is too short names what it could mean."""
    code, written = refused(capsys, "show", "000000000000", "--home", str(home))

    assert code == 2
    assert "names 9 calls: 00000000000000c1 (" in written


def test_tasks_say_how_they_are_recognised(home: Path) -> None:
    """A tagged task is named in code."""
    text = run("tasks", "--as-of", NOW, home=home)

    assert "triage" in text
    assert "named in code" in text


def test_sql_reads_and_writes_nothing(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A select is answered in the columns asked for; a statement that changes something is refused."""
    assert (
        run("sql", "select count(*) as n, null as nothing from calls", "--format", "csv", home=home)
        == "n,nothing\n9,\n"
    )

    code, written = refused(capsys, "sql", "drop table calls", "--home", str(home))
    assert (code, "refused" in written) == (2, True)


def test_doctor_proves_capture_and_fails_on_open_permissions(tmp_path: Path) -> None:
    """A private home passes; one that others can read fails, exit code 1, with the command that closes it."""
    settings = empty_store(tmp_path / "home")
    fill(settings, [call(1)])
    assert "a test call that left no machine was recorded once" in run("doctor", "--as-of", NOW, home=settings.home)

    settings.store_path.chmod(0o644)
    text = run("doctor", "--as-of", NOW, home=settings.home, code=1)
    assert f"     chmod go-rwx {settings.store_path}\n" in text


def test_purge_erases_and_proves_it(tmp_path: Path) -> None:
    """What was counted is printed, and afterwards no row is left."""
    settings = empty_store(tmp_path / "home")
    fill(settings, [call(1, customer_id="initech-gmbh"), call(2, customer_id="globex-gmbh")])

    text = run("purge", "--customer", "initech-gmbh", "--yes", home=settings.home)

    assert text.startswith("Erased 1 call, 0 contents, 0 HTTP attempts.\nSearched afterwards")
    assert b"initech-gmbh" not in settings.store_path.read_bytes()
    assert b"globex-gmbh" in settings.store_path.read_bytes()


def test_export_writes_parquet_and_merge_says_what_it_did(home: Path, tmp_path: Path) -> None:
    """Both print what was written."""
    assert "           9  calls" in run("export", "parquet", str(tmp_path / "out"), home=home)
    assert any((tmp_path / "out").rglob("*.parquet"))
    assert run("merge", home=home).startswith("Merged 0 calls")


def test_a_damaged_store_is_code_3_and_can_be_set_aside(tmp_path: Path) -> None:
    """The sentence names the file and the remedy; the remedy works and deletes nothing."""
    settings = empty_store(tmp_path / "home")
    damaged = b"not a database" * 1000
    settings.store_path.write_bytes(damaged)

    done = process("report", home=settings.home)
    assert (done.returncode, done.stdout) == (3, "")
    assert str(settings.store_path) in done.stderr
    assert "Traceback" not in done.stderr

    CliRunner().invoke(app, ["doctor", "--repair", "--home", str(settings.home)], catch_exceptions=False)
    assert [path.read_bytes() for path in settings.home.glob("*quarantined*")] == [damaged]
    assert "The store has no calls yet." in run("report", home=settings.home)


def test_a_reader_that_goes_away_is_no_error(home: Path) -> None:
    """`| head` ends the command quietly."""
    command = f"{sys.executable} -m llmwatch report --as-of {NOW} --home {home} --format json | head -c 10"
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command}"], capture_output=True, text=True, timeout=60, check=False
    )

    assert done.stderr == ""
    assert len(done.stdout) == 10


def test_the_process_prints_data_only_and_its_version(home: Path, tmp_path: Path) -> None:
    """Standard output is the JSON document, standard error is empty; --output writes the same bytes to a file."""
    done = process("report", "--as-of", NOW, "--format", "json", home=home)
    assert (done.returncode, done.stderr) == (0, "")
    target = tmp_path / "report.json"
    run("report", "--as-of", NOW, "--format", "json", "--output", str(target), home=home)

    assert json.loads(done.stdout)["schema"] == "llmwatch.report"
    assert target.read_text("utf-8") == done.stdout
    version = subprocess.run(
        [sys.executable, "-m", "llmwatch", "--version"], capture_output=True, text=True, check=True
    )
    assert version.stdout.startswith("llmwatch")


def test_help_has_an_example_for_each_question() -> None:
    """Every command answers --help, and the exit codes are in the first one."""
    runner = CliRunner()
    names = ["report", "calls", "show", "tasks", "sql", "doctor", "merge", "purge", "export"]

    assert [runner.invoke(app, [name, "--help"]).exit_code for name in names] == [0] * len(names)
    assert "130 interrupted" in " ".join(runner.invoke(app, ["--help"]).stdout.split())


def test_the_reading_half_imports_neither_capture_nor_the_sdk() -> None:
    """Nor polars or numpy, which no command that answers at once needs to start."""
    code = """import sys, llmwatch.cli
llmwatch.cli.make_app('calls')
print(*sorted({m.split('.')[0] for m in sys.modules} | set(sys.modules)))"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    loaded = set(done.stdout.split())
    assert not loaded & {"llmwatch.capture", "openai", "opentelemetry", "polars", "numpy", "duckdb", "genai_prices"}


def test_settings_name_their_home(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """LLMWATCH_HOME is the home where --home is not given."""
    monkeypatch.setenv("LLMWATCH_HOME", str(home))
    result = CliRunner().invoke(app, ["calls", "--as-of", NOW, "--format", "json"], catch_exceptions=False)

    assert len(money(result.stdout)) == 7
    assert Settings(home=home).store_path.exists()


def test_what_the_machine_forbids_is_named_and_no_defect(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A path that cannot be used is one sentence that names it."""
    settings = empty_store(tmp_path / "home")
    settings.home.joinpath("merge.lock").unlink()
    settings.home.joinpath("merge.lock").mkdir()
    monkeypatch.setenv("LLMWATCH_HOME", str(settings.home))

    code, written = refused(capsys, "purge", "--customer", "acme", "--yes")

    assert code == 3
    assert f"{settings.home / 'merge.lock'}: Is a directory." in written
    assert "defect" not in written


def test_markdown_without_a_title_has_no_empty_heading(home: Path) -> None:
    """A table alone is a table alone."""
    assert run("calls", "--as-of", NOW, "--format", "md", home=home).startswith("| ")


def test_purge_asks_about_the_sum_of_what_was_named() -> None:
    """Nobody can take two options for a narrower erasure than one."""
    before = MOMENT.replace(month=1)

    assert words("acme", None, before) == (
        "everything of customer 'acme', and everybody's calls before 2026-01-20 12:00 UTC"
    )
