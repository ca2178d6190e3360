"""The README is true: its commands run, its Python works, and every setting and command is named in it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from llmwatch.settings import Settings

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")
COMMANDS = [
    line
    for block in re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
    for line in block.splitlines()
    if line.startswith("llmwatch ")
]
BLOCKS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
RUN = """
from llmwatch.standin import StandinServer
import os
with StandinServer() as server:
    os.environ.update(OPENAI_BASE_URL=server.base_url, OPENAI_API_KEY="k")
    exec({code!r}, globals())
    {call}
"""


def environment(home: Path) -> dict[str, str]:
    """The caller's, with a home of its own and this environment's commands first."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("LLMWATCH_", "OPENAI_", "OTEL_"))}
    path = os.pathsep.join([str(Path(sys.executable).parent), kept.get("PATH", "")])
    return {**kept, "LLMWATCH_HOME": str(home), "PATH": path, "PYTHONPATH": str(ROOT)}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with the calls that the README's own Python makes."""
    home = tmp_path_factory.mktemp("readme") / "home"
    code = RUN.format(code="\n".join(BLOCKS), call="draft('Where is my invoice?', 'acme')")
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment(home), capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
    return home


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_in_the_readme_runs(command: str, home: Path, tmp_path: Path) -> None:
    """As typed, in a shell, against a store with a call in it; doctor may find something to look at."""
    done = subprocess.run(
        command, shell=True, cwd=tmp_path, env=environment(home), capture_output=True, text=True, timeout=60
    )

    assert done.returncode == 0, done.stderr + done.stdout
    assert done.stdout


def test_the_python_of_the_readme_records_its_call(home: Path) -> None:
    """The blocks, put together, give one call with the tags they set."""
    query = "select task, customer_id, feature, request_model from calls"
    done = subprocess.run(
        ["llmwatch", "sql", "--format", "csv", query], env=environment(home), capture_output=True, text=True, timeout=60
    )

    assert done.stdout.splitlines()[1:] == ["reply.draft,acme,inbox,gpt-6-luna"]


def test_every_setting_is_explained() -> None:
    """A setting that no table names does not exist for a reader."""
    missing = [f.name for f in fields(Settings) if f.compare and f"`{f.name}`" not in README]

    assert not missing


def test_every_command_is_named() -> None:
    """Each command of the program stands in the README."""
    from llmwatch.cli import app

    names = [c.name for c in (*app.registered_commands, *app.registered_groups)]
    missing = [n for n in names if n and f"llmwatch {n}" not in README]

    assert names
    assert not missing


def test_every_make_target_is_named() -> None:
    """What `make help` lists, the README has said."""
    targets = re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    missing = [t for t in targets if f"make {t}" not in README and t not in ("setup", "fix", "clean")]

    assert targets
    assert not missing


def test_every_file_the_readme_points_to_is_there() -> None:
    """Paths in backticks exist."""
    paths = re.findall(r"`((?:examples|tests|llmwatch|dashboards)/[\w./]*)`", README)
    missing = [p for p in paths if not (ROOT / p).exists()]

    assert paths
    assert not missing
