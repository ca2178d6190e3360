"""The wheel: what is in it, and that it works where the source tree is not."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from tests.bench.generate_store import generate

ROOT = Path(__file__).parents[1]
PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built as `pip wheel` builds it."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [*PIP, "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", str(folder), str(ROOT)]
    subprocess.run(command, check=True, timeout=120)
    return next(folder.glob("llmwatch-*.whl"))


@pytest.fixture(scope="module")
def command(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`llmwatch` of a fresh environment that has this wheel, and its dependencies from the environment of the tests."""
    folder = tmp_path_factory.mktemp("fresh") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True, timeout=60)
    python = folder / "bin" / "python"
    install = [*PIP, "--python", str(python), "install", "--quiet", "--no-deps", "--no-index", str(wheel)]
    subprocess.run(install, check=True, timeout=120)
    site = next(folder.glob("lib/python*/site-packages"))
    # A path file in a path file's folder is not read: the tree in editable mode stays out of it.
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder / "bin" / "llmwatch"


def clean(folder: Path) -> dict[str, str]:
    """An environment without settings, and without a way to the source tree."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("LLMWATCH_", "PYTHON")) and k != "COLUMNS"}
    return kept | {"PWD": str(folder)}


def said_by(command: Path, folder: Path, *arguments: str) -> str:
    """Standard output of the installed command, run in an empty folder."""
    run = subprocess.run(
        [command, *arguments], cwd=folder, capture_output=True, text=True, timeout=120, env=clean(folder)
    )
    assert run.returncode == 0, run.stderr
    return run.stdout


def test_every_file_that_is_read_at_run_time_is_in_the_wheel(wheel: Path) -> None:
    """SQL, prices, styles and dashboards, byte for byte; nothing of the tests."""
    packed = zipfile.ZipFile(wheel)
    names = set(packed.namelist())
    sources = {
        str(path.relative_to(ROOT)): path
        for path in (ROOT / "llmwatch").rglob("*")
        if path.is_file() and path.suffix not in (".pyc", ".pyo")
    }
    sources |= {f"llmwatch/_dashboards/{path.name}": path for path in (ROOT / "dashboards").glob("*.json")}

    assert {name for name in names if ".dist-info/" not in name} == set(sources)
    assert {Path(name).suffix for name in sources} >= {".sql", ".json", ".css", ".py"}
    for name, path in sources.items():
        assert packed.read(name) == path.read_bytes(), name


@pytest.mark.slow
def test_the_installed_package_is_that_of_the_wheel(command: Path, tmp_path: Path) -> None:
    """Otherwise the tests below would say nothing of it."""
    python = command.parent / "python"
    code = "import llmwatch, duckdb; print(llmwatch.__file__)"
    found = subprocess.run(
        [python, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True, env=clean(tmp_path)
    )

    assert found.stdout.startswith(str(command.parents[1]))


@pytest.mark.slow
def test_the_installed_command_reports_and_exports_dashboards(command: Path, tmp_path: Path) -> None:
    """On a store that it opens itself."""
    generate(tmp_path / "home", 200)

    report = said_by(
        command, tmp_path, "report", "--since", "60d", "--format", "json", "--home", str(tmp_path / "home")
    )
    written = said_by(command, tmp_path, "dashboards", "export", str(tmp_path / "grafana")).splitlines()

    assert json.loads(report)["schema"] == "llmwatch.report"
    boards = {path.name for path in (ROOT / "dashboards").glob("*.json")} - {"alerts.json"}
    assert boards <= {Path(path).name for path in written}
    assert all(Path(path).stat().st_size for path in written)


@contextmanager
def serving(command: Path, folder: Path, home: Path) -> Iterator[str]:
    """The installed `llmwatch serve` on free ports; gives psql's words for the connection."""
    process = subprocess.Popen(
        [command, "serve", "--home", home, "--port", "0", "--http-port", "0"],
        cwd=folder, stderr=subprocess.PIPE, text=True, env=clean(folder),
    )  # fmt: skip
    try:
        assert process.stderr is not None
        line = process.stderr.readline()
        yield line.partition('"')[2].partition('"')[0]
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)
        process.stderr.close()


@pytest.mark.slow
def test_the_installed_server_answers_and_every_dashboard_works(command: Path, tmp_path: Path) -> None:
    """Its workers, catalogs and figures come out of the wheel; so do the queries that are asked."""
    home = tmp_path / "home"
    generate(home, 200)

    with serving(command, tmp_path, home) as dsn:
        with psycopg.connect(dsn) as connection:
            assert connection.execute("select count(*) from calls").fetchone() == (200,)
            port = connection.info.port
        wire = f"127.0.0.1:{port}"
        checked = said_by(command, tmp_path, "dashboards", "check", "--wire", wire, "--home", str(home), "-f", "csv")

    assert len(checked.splitlines()) > 100
