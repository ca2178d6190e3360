"""A large store is reported by two processes that see one moment: the bytes of one, also if the second fails."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from llmwatch.cli import app
from llmwatch.figures import beside
from llmwatch.settings import Settings
from llmwatch.store import Store
from tests.bench.generate_store import generate
from tests.stores import call, empty_store, fill


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four weeks of calls with scores and revenue."""
    folder = tmp_path_factory.mktemp("beside") / "home"
    generate(folder, 4_000)
    return folder


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Every store is large; the list says of each report whether a second process judged for it."""
    monkeypatch.setattr(beside, "_LARGE", 0)
    seen: list[bool] = []
    answer = beside.Beside.answer

    def noted(self: beside.Beside) -> beside.Judged | None:
        found = answer(self)
        seen.append(found is not None)
        return found

    monkeypatch.setattr(beside.Beside, "answer", noted)
    return seen


def report(home: Path, *arguments: str) -> str:
    """What the command prints."""
    result = CliRunner().invoke(
        app, ["report", "--home", str(home), "--since", "14d", *arguments], catch_exceptions=False
    )
    assert result.exit_code == 0
    return result.stdout


@pytest.mark.parametrize("moment", ["--until", "--as-of"])
def test_two_processes_say_what_one_says(
    home: Path, asked: list[bool], monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    """Every byte, of what is known today and of what was known then."""
    two = report(home, moment, "2026-11-21", "--format", "json")
    assert asked == [True]
    monkeypatch.setattr(beside, "_LARGE", 1 << 60)
    assert report(home, moment, "2026-11-21", "--format", "json") == two
    assert asked == [True]


def test_a_second_process_that_fails_costs_time_and_no_answer(
    home: Path, asked: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first does the rest itself."""
    whole = report(home, "--until", "2026-11-21")

    def broken(_: Path) -> subprocess.Popen[bytes]:
        code = "import sys; sys.stdin.readline(); sys.exit(3)"
        return subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    monkeypatch.setattr(beside, "_started", broken)
    assert report(home, "--until", "2026-11-21") == whole
    monkeypatch.setattr(beside, "_started", lambda _: None)
    assert report(home, "--until", "2026-11-21") == whole
    assert asked == [True, False]


@pytest.mark.usefixtures("asked")
def test_what_is_not_merged_is_judged_by_the_process_that_sees_it(tmp_path: Path) -> None:
    """A second process would not see the spool as the first one does."""
    settings = Settings(home=tmp_path / "home")
    fill(empty_store(settings.home), calls=[call(1)])
    with Store(settings).read() as con:
        con.execute("create temp table pending_calls as from calls limit 0")
        from llmwatch.figures.reading import Reading

        assert not beside._is_the_file_alone(Reading(con, (), settings))
    with Store(settings).read() as con:
        assert beside._is_the_file_alone(Reading(con, (), settings))


def test_no_process_is_left_behind_by_a_report_that_is_refused(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was started before the options were read."""
    monkeypatch.setattr(beside, "_LARGE", 0)
    started: list[subprocess.Popen[bytes]] = []
    start = beside._started

    def noted(folder: Path) -> subprocess.Popen[bytes] | None:
        process = start(folder)
        assert process is not None
        started.append(process)
        return process

    monkeypatch.setattr(beside, "_started", noted)
    assert CliRunner().invoke(app, ["report", "--home", str(home), "--by", "nothing"]).exit_code
    assert [process.returncode is not None for process in started] == [True]
