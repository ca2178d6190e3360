"""A large store is reported by two processes that see one moment: the bytes of one, also if the second fails."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from llmwatch.figures import beside
from llmwatch.figures.reading import Reading
from llmwatch.settings import Settings
from llmwatch.store import Store
from llmwatch.store.apart import serving
from tests.bench.generate_store import generate
from tests.stores import call, empty_store, fill

# The command in a process of its own, as a test's has threads: every store is large, and standard error says whether
# another process judged.
_LARGE = """
import sys
from llmwatch.cli import main
from llmwatch.figures import beside

beside._LARGE = 0
answer = beside.Beside.answer

def noted(self):
    found = answer(self)
    sys.stderr.write(f"beside: {found is not None}\\n")
    return found

beside.Beside.answer = noted
"""
_BROKEN = """
def broken(pipe, *_):
    pipe.recv()
    raise SystemExit(3)

beside._judge = broken
"""
_THREADED = """
import threading
threading.Thread(target=threading.Event().wait, daemon=True).start()
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four weeks of calls with scores and revenue."""
    folder = tmp_path_factory.mktemp("beside") / "home"
    generate(folder, 4_000)
    return folder


def report(home: Path, *arguments: str, prepared: str = "") -> tuple[str, str]:
    """What the command prints, and what it says beside that."""
    command = ["report", "--home", str(home), "--since", "14d", *arguments]
    code = f"{prepared}\nfrom llmwatch.cli import main\nimport sys\nsys.argv[1:] = {command!r}\nmain()"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    return result.stdout, result.stderr


@pytest.mark.parametrize("moment", ["--until", "--as-of"])
def test_two_processes_say_what_one_says(home: Path, moment: str) -> None:
    """Every byte, of what is known today and of what was known then."""
    two, said = report(home, moment, "2026-11-21", "--format", "json", prepared=_LARGE)
    assert said == "beside: True\n"
    assert report(home, moment, "2026-11-21", "--format", "json") == (two, "")


def test_beside_a_serve_both_processes_read_the_same_copy(home: Path) -> None:
    """It is gone when they are done."""
    whole, _ = report(home, "--until", "2026-11-21")
    with serving(home):
        assert report(home, "--until", "2026-11-21", prepared=_LARGE) == (whole, "beside: True\n")
    assert list((home / "tmp").iterdir()) == []


def test_a_second_process_that_fails_costs_time_and_no_answer(home: Path) -> None:
    """The first does the rest itself."""
    whole, _ = report(home, "--until", "2026-11-21")
    assert report(home, "--until", "2026-11-21", prepared=_LARGE + _BROKEN) == (whole, "beside: False\n")


def test_a_process_with_threads_judges_alone(home: Path) -> None:
    """A copy of it would have their locks and not them."""
    whole, _ = report(home, "--until", "2026-11-21")
    assert report(home, "--until", "2026-11-21", prepared=_LARGE + _THREADED) == (whole, "")
    done = threading.Event()
    waiting = threading.Thread(target=done.wait)
    waiting.start()
    assert beside._started(Settings(home=home)) is None
    done.set()
    waiting.join()


def test_what_is_not_merged_is_judged_by_the_process_that_sees_it(tmp_path: Path) -> None:
    """A second process would not see the spool as the first one does."""
    settings = Settings(home=tmp_path / "home")
    fill(empty_store(settings.home), calls=[call(1)])
    with Store(settings).read() as con:
        con.execute("create temp table pending_calls as from calls limit 0")
        assert beside._file_alone(Reading(con, (), settings)) is None
    with Store(settings).read() as con:
        assert beside._file_alone(Reading(con, (), settings)) == settings.store_path


def test_no_process_is_left_behind_by_a_report_that_fails(home: Path) -> None:
    """The second process ends with the first, whatever ended that: here an error, and a kill."""
    noted = """
started = beside._started
def told(settings):
    found = started(settings)
    print(found[0].pid, flush=True)
    return found
beside._started = told
from llmwatch.cli import report
"""
    for end in ("raise RuntimeError", "import os; os.kill(os.getpid(), 9)"):
        code = f"import os\nos.environ['OPENBLAS_NUM_THREADS'] = '1'{_LARGE}{noted}"
        code += f"def ended(*_):\n    {end}\nreport.load_weekly = ended\n"
        code += f"sys.argv[1:] = ['report', '--home', {str(home)!r}]\nmain()"
        result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
        assert result.returncode in (3, -9)
        second = int(result.stdout)
        for _ in range(200):
            if not _is_alive(second):
                break
            threading.Event().wait(0.05)
        assert not _is_alive(second)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False
