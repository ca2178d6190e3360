"""Mutants against the tests that reach them, two at a time, in copies of the repository."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, Queue
from typing import Any

from .mutant import Mutant
from .scope import ROOT, measured_files, sql_files

# Seconds of CPU that the tests of one mutant take if none fails; the nearest are asked first.
BUDGET = 20.0
_COPIED = (
    "llmwatch",
    "tests",
    "dashboards",
    "examples",
    ".ci",
    "pyproject.toml",
    "README.md",
    "CHANGELOG.md",
    "Makefile",
)
_LEFT = shutil.ignore_patterns("node_modules", ".mutants", "*.png")
_QUIET = {"PYTHONDONTWRITEBYTECODE": "1"}
_RIGHT_VALUES = ("tests/recount/", "tests/oracles/")
# Named one by one: to look for plugins reads every package's metadata in every fork.
_PLUGINS = ("-p", "_hypothesis_pytestplugin", "-p", "pytest_timeout")


@dataclass(frozen=True)
class Fate:
    """What became of a mutant: killed, survived, timeout, or unreached where no test comes near it."""

    mutant: Mutant
    end: str
    by: str
    took: float


class Copy:
    """A folder with the repository in it, compiled, that nothing else writes to."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for name in _COPIED:
            source = ROOT / name
            if source.is_dir():
                shutil.copytree(source, folder / name, ignore=_LEFT, symlinks=True)
            else:
                shutil.copy2(source, folder / name)
        for lane in ROOT.glob(".venv*"):
            (folder / lane.name).symlink_to(lane)

    def environment(self, **more: str) -> dict[str, str]:
        """The copy's code comes before the installed one, in every process."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith("LLMWATCH_")}
        return {**kept, "PYTHONPATH": str(self.folder), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", **more}

    def pytest(self, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Tests of the code as it is."""
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *_PLUGINS, *arguments]
        return subprocess.run(command, cwd=self.folder, env=self.environment(**more), capture_output=True, text=True)

    def compile(self, names: Sequence[str]) -> None:
        """Every module is compiled, the tests with pytest's own assertions."""
        self.pytest("--collect-only", *names, PYTHONDONTWRITEBYTECODE="")


class Reach:
    """Which tests come near a function or a statement, nearest first."""

    def __init__(self, told: Mapping[str, tuple[float, list[str]]]) -> None:
        self.seconds = {test: seconds for test, (seconds, _) in told.items()}
        self.size = {test: len(reached) for test, (_, reached) in told.items()}
        self.by_place: dict[str, set[str]] = defaultdict(set)
        self.by_file: dict[str, set[str]] = defaultdict(set)
        # Mutant -> the test far away that is known to kill it.
        self.first: Mapping[str, str] = {}
        for test, (_, reached) in told.items():
            for place in reached:
                self.by_place[place].add(test)
                self.by_file[place.partition("::")[0]].add(test)
        self._spread()

    def _spread(self) -> None:
        """Who reaches a statement, or names a view in its own text, reaches the views and macros that it stands on."""
        texts = {str(path.relative_to(ROOT)): path.read_text("utf-8") for path in sql_files()}
        relations = {place for place in texts if "/views/" in place or "/macros/" in place}
        for _ in range(6):  # views stand on views, and these on macros
            for other in relations:
                named = re.compile(rf"\b{Path(other).stem}\b")
                users = [place for place, text in texts.items() if place != other and named.search(text)]
                self.by_place[other] = self.by_place[other].union(*(self.by_place[place] for place in users))
        for file in {test.partition("::")[0] for test in self.seconds}:
            said = (ROOT / file).read_text("utf-8") if (ROOT / file).is_file() else ""
            for other in relations:
                if re.search(rf"\b{Path(other).stem}\b", said):
                    self.by_place[other] |= {test for test in self.seconds if test.startswith(f"{file}::")}

    def tests(self, mutant: Mutant) -> list[str]:
        """At most BUDGET seconds of them."""
        path = str(mutant.path.relative_to(ROOT))
        place = path if mutant.path.suffix == ".sql" else f"{path}::{mutant.where}"
        found = self.by_place.get(place) or self._around(path, mutant.where)
        chosen = [self.first[mutant.key]] if mutant.key in self.first else []
        spent = 0.0
        for test in self._in_order(found):
            if test not in chosen and (spent + self.seconds[test] <= BUDGET or not chosen):
                chosen.append(test)
                spent += self.seconds[test]
        return chosen

    def _in_order(self, found: Iterable[str]) -> list[str]:
        """Those that reach least else first, right values before others, one of every function before a second."""

        def distance(test: str) -> tuple[float, str]:
            far = self.size[test] * (0.2 + self.seconds[test])
            return far * (0.2 if test.startswith(_RIGHT_VALUES) else 1.0), test

        seen: Counter[str] = Counter()
        turns: dict[str, tuple[int, int]] = {}
        for place, test in enumerate(sorted(found, key=distance)):
            # The kinds of the recount are tests of their own.
            function = test if test.startswith(_RIGHT_VALUES) else test.partition("[")[0]
            turns[test] = seen[function], place
            seen[function] += 1
        return sorted(turns, key=turns.__getitem__)

    def _around(self, path: str, where: str) -> set[str]:
        """Of a nested function what reaches the outer one; of what stands outside functions, the whole file's.

        Of a statement that is loaded when its module is, what reaches the module that names it.
        """
        if path.endswith(".sql"):
            name = f'"{Path(path).stem}"'
            users = [str(p.relative_to(ROOT)) for p in measured_files() if name in p.read_text("utf-8")]
            return set().union(*(self.by_file.get(user, set()) for user in users))
        outer = where
        while "." in outer:
            outer = outer.rpartition(".")[0]
            if found := self.by_place.get(f"{path}::{outer}"):
                return found
        inside = {
            test for place in self.by_place if place.startswith(f"{path}::{where}.") for test in self.by_place[place]
        }
        return inside or self.by_file.get(path, set())

    def expected(self, names: Iterable[str]) -> float:
        """Seconds that the tests take if all pass."""
        return sum(self.seconds.get(name, BUDGET) for name in names)


def measure(copies: Sequence[Copy], files: Sequence[str], folder: Path) -> dict[str, Any]:
    """Test -> [seconds, what it reached] of all tests of these files that pass, the files divided among the copies."""
    parts = [folder / f"part-{number}.json" for number in range(len(copies))]
    threads = [
        threading.Thread(
            target=copy.pytest,
            args=("-m", "not slow", "-p", "tests.mutants.reach", "--reach", str(part), *files[n :: len(copies)]),
        )
        for n, (copy, part) in enumerate(zip(copies, parts, strict=True))
        if files[n :: len(copies)]
    ]
    for part in parts:
        part.unlink(missing_ok=True)
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found: dict[str, Any] = {}
    for part in parts:
        found |= json.loads(part.read_text("utf-8")) if part.exists() else {}
    return found


def run(copies: Sequence[Copy], reach: Reach, mutants: Sequence[Mutant], told: Callable[[Fate], None]) -> list[Fate]:
    """The fate of every mutant; one process at a time in each copy."""
    waiting: Queue[Mutant] = Queue()
    for mutant in mutants:
        waiting.put(mutant)
    fates: list[Fate] = []
    lock = threading.Lock()

    def work(copy: Copy) -> None:
        with subprocess.Popen(
            [sys.executable, "-m", "tests.mutants.worker"], cwd=copy.folder, env=copy.environment(**_QUIET),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        ) as process:  # fmt: skip
            while True:
                try:
                    mutant = waiting.get_nowait()
                except Empty:
                    break
                fate = _ask(process, reach, mutant)
                with lock:
                    fates.append(fate)
                    told(fate)

    threads = [threading.Thread(target=work, args=(copy,)) for copy in copies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return fates


def _ask(process: subprocess.Popen[str], reach: Reach, mutant: Mutant) -> Fate:
    names = reach.tests(mutant)
    if not names:
        return Fate(mutant, "unreached", "", 0.0)
    job = {
        "file": str(mutant.path.relative_to(ROOT)),
        "text": base64.b64encode(mutant.mutated(mutant.path.read_bytes())).decode(),
        "tests": names,
        # A busy machine may be several times as slow as its CPU time says.
        "seconds": 60 + 6 * reach.expected(names),
    }
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write(json.dumps(job) + "\n")
    process.stdin.flush()
    said = json.loads(process.stdout.readline())
    return Fate(mutant, said["end"], said["by"], said["took"])


def wrongly_killed(copy: Copy, fates: Iterable[Fate]) -> set[str]:
    """Tests that fail without any mutant too: what they killed is not killed."""
    names = sorted({fate.by for fate in fates if fate.end == "killed" and "::" in fate.by})
    failed: set[str] = set()
    for first in range(0, len(names), 200):
        done = copy.pytest("-rf", *names[first : first + 200], **_QUIET)
        failed |= {
            line.split(" ", 1)[1].partition(" - ")[0] for line in done.stdout.splitlines() if line.startswith("FAILED ")
        }
    return failed
