"""`init()` in real processes whose surroundings are broken: the program goes on, and its calls are answered."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from llmwatch.standin import StandinServer
from tests.spooled import calls

ROOT = Path(__file__).parents[2]
NOBODY = "import pwd\ndef unknown(uid): raise KeyError(uid)\npwd.getpwuid = unknown\n"
GONE = "import os, tempfile; d = tempfile.mkdtemp(); os.chdir(d); os.rmdir(d)\n"
ASKED = """
def ask():
    client = openai.OpenAI(base_url=os.environ["STANDIN_URL"], api_key="k")
    return client.chat.completions.create(model="gpt-4o-mini", messages=[{"role": "user", "content": "Hi"}]).id
"""


@pytest.fixture(scope="module")
def server() -> Iterator[StandinServer]:
    """One stand-in for all processes."""
    with StandinServer() as running:
        yield running


def run(server: StandinServer, folder: Path, program: str, **variables: str | None) -> tuple[list[str], str]:
    """(lines the program printed, what stood on its error stream); it has to end well."""
    given = {**os.environ, "PYTHONPATH": str(ROOT), "STANDIN_URL": server.base_url, "HOME": str(folder), **variables}
    environment = {name: value for name, value in given.items() if value is not None}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=folder, env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split("\n")[:-1], done.stderr


def program(before: str = "", arguments: str = "") -> str:
    """What it does before, `init`, and one call."""
    return f"{before}import os, openai, llmwatch\nllmwatch.init({arguments})\n{ASKED}\nprint(ask())"


@pytest.mark.parametrize(
    ("before", "arguments", "variables", "said", "is_kept"),
    [
        ("", "", {"LLMWATCH_HOME": "~nosuchuser/x"}, "LLMWATCH_HOME = '~nosuchuser/x' names the home folder", True),
        ("", "home='~nosuchuser/x'", {}, "init(): home = '~nosuchuser/x' names the home folder of a user", True),
        ("", "", {"LLMWATCH_CONFIG": "~nosuchuser/l.toml"}, "names the home folder of a user who is not known", True),
        ("", "", {"LLMWATCH_CONFIG": "/dev/zero"}, "/dev/zero is not a file", True),
        ("", "", {"LLMWATCH_PRICE_FILE": "~nosuchuser/p.toml"}, "LLMWATCH_PRICE_FILE = '~nosuchuser/p.toml'", True),
        ("", "sample_rat=1", {}, "init(): sample_rat is not a setting.", True),
        ("", "content='all', clock=None", {}, "init(): content = 'all' is not one of", True),
        ("", "tracer_provider=5", {}, "init() failed, and no call is captured: AttributeError", False),
        ("", "", {"LLMWATCH_HOME": "/dev/null/x"}, "llmwatch cannot write to /dev/null/x/spool (ENOTDIR)", False),
        ("", "", {"LLMWATCH_HOME": "x" * 4000}, "(ENAMETOOLONG)", False),
        (GONE, "", {}, "", True),
        (GONE, "home='here'", {}, "init(): home = 'here' is relative, and the working folder is gone", True),
        (NOBODY, "", {"HOME": None}, "No home folder is known: HOME is not set, and the system knows no such", False),
        (NOBODY, "", {"HOME": None, "LLMWATCH_DISABLED": "1"}, "", False),
        (NOBODY, "", {"HOME": None, "XDG_DATA_HOME": "~/x"}, "No home folder is known: XDG_DATA_HOME = '~/x'", False),
        ("import sys; del sys.argv\n", "", {}, "", True),
        ("import sys; sys.modules.pop('__main__')\n", "", {}, "", True),
    ],
)
def test_whatever_is_wrong_around_it_a_program_starts_and_is_answered(
    tmp_path: Path, server: StandinServer, before: str, arguments: str, variables: dict[str, str | None], said: str,
    is_kept: bool,
) -> None:  # fmt: skip
    """One sentence says what is wrong; where a place can be had the call is kept, in the default home."""
    lines, errors = run(server, tmp_path, program(before, arguments), **variables)

    assert len(lines) == 1
    assert lines[0].startswith("chatcmpl-")
    assert said in errors
    assert "Traceback" not in errors
    assert errors or not said
    assert len(calls(tmp_path / ".local/share/llmwatch")) == is_kept


def test_log_handlers_that_raise_do_not_reach_the_program(tmp_path: Path, server: StandinServer) -> None:
    """A handler of the program's own raises on every record."""
    raising = "import logging\nclass H(logging.Handler):\n    def emit(self, record): raise OSError('full')\n"
    before = f"{raising}logging.getLogger().addHandler(H())\n"

    lines, _ = run(server, tmp_path, program(before, "sample_rate='often'"), LLMWATCH_CONTENT="all")

    assert lines[0].startswith("chatcmpl-")
    assert len(calls(tmp_path / ".local/share/llmwatch")) == 1


def test_calls_of_exit_handlers_are_recorded_whenever_they_were_registered(
    tmp_path: Path, server: StandinServer
) -> None:
    """One was registered before `init`, so that it runs after everything of ours; one since."""
    text = f"import atexit, os\n{ASKED}\natexit.register(lambda: print(ask()))\nimport openai, llmwatch\n"
    text += "llmwatch.init()\natexit.register(lambda: print(ask()))\nprint(ask())"

    lines, _ = run(server, tmp_path, text)

    assert sorted(lines) == sorted(call["response_id"] for call in calls(tmp_path / ".local/share/llmwatch"))
    assert len(lines) == 3
