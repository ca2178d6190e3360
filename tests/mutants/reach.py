"""Which test reaches which function and which statement: a plugin of pytest that writes it down.

`python -m pytest -p tests.mutants.reach --reach FILE ...` writes JSON: test -> its seconds of CPU and what it reached,
where a function is `path::Class.name` and a statement the path of its file. What a shared fixture reached, every test
that uses the fixture has reached. Only tests that pass are written.
"""

from __future__ import annotations

import ast
import importlib
import json
import os
import pkgutil
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import coverage
import pytest

from .scope import ROOT, measured_files

Reached = dict[str, set[str]]


def functions(path: Path) -> dict[int, str]:
    """Line of a function's body -> the function's name, of nested ones the outermost's in its class."""
    found: dict[int, str] = {}

    def visit(body: list[ast.stmt], inside: str) -> None:
        for node in body:
            if isinstance(node, ast.ClassDef):
                visit(node.body, f"{inside}{node.name}.")
            elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = range(node.body[0].lineno, (node.end_lineno or node.lineno) + 1)
                found.update(dict.fromkeys(lines, f"{inside}{node.name}"))

    visit(ast.parse(path.read_text("utf-8")).body, "")
    return found


class Reach:
    """What is reached, under the name of whatever runs: a test, or a fixture that several share."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.cover = coverage.Coverage(data_file=None, config_file=False, include=[str(p) for p in measured_files()])
        self.running: list[str] = [""]
        self.statements: Reached = defaultdict(set)
        self.shared: dict[str, set[str]] = {}
        self.seconds: dict[str, float] = defaultdict(float)
        self.failed: set[str] = set()

    def enter(self, name: str) -> None:
        """From here on it is this that runs."""
        self.running.append(name)
        self.cover.switch_context(name)

    def leave(self) -> None:
        """What ran before runs again."""
        self.running.pop()
        self.cover.switch_context(self.running[-1])

    def noting(self, load: Callable[[str], str], folder: str) -> Callable[[str], str]:
        """The loader of statements, which now says who asked for which."""

        def noted(name: str) -> str:
            self.statements[self.running[-1]].add(f"llmwatch/{folder}/{name}.sql")
            return load(name)

        return noted

    def watch_statements(self) -> None:
        """Every module that has a loader gets one that tells."""
        from llmwatch import store
        from llmwatch.prices import costing
        from llmwatch.store import queries, steps

        for found in pkgutil.iter_modules(store.__path__, "llmwatch.store."):
            importlib.import_module(found.name)
        for load, folder in (
            (costing.sql, "prices"),
            (steps.step, "store/steps"),
            (queries.query_sql, "store/queries"),
        ):
            noted = self.noting(load, folder)
            for name, module in list(sys.modules.items()):
                if name.startswith("llmwatch.") and getattr(module, load.__name__, None) is load:
                    setattr(module, load.__name__, noted)

    def functions(self) -> Reached:
        """Test or fixture -> functions."""
        data = self.cover.get_data()
        found: Reached = defaultdict(set)
        for file in data.measured_files():
            names, path = functions(Path(file)), Path(file).relative_to(ROOT)
            for line, contexts in data.contexts_by_lineno(file).items():
                for context in contexts:
                    if line in names:
                        found[context].add(f"{path}::{names[line]}")
        return found

    def write(self) -> None:
        """Test -> [seconds of CPU, what it reached]."""
        self.cover.stop()
        by_function = self.functions()

        def all_of(name: str) -> set[str]:
            return by_function[name] | self.statements[name]

        tests = {
            test: [round(self.seconds[test], 3), sorted(all_of(test).union(*(all_of(name) for name in used)))]
            for test, used in self.shared.items()
            if test not in self.failed
        }
        self.file.parent.mkdir(parents=True, exist_ok=True)
        self.file.write_text(json.dumps(tests), "utf-8")

    def pytest_sessionstart(self) -> None:
        """Coverage is on while tests are collected, under no name."""
        self.cover.start()

    def pytest_sessionfinish(self) -> None:
        """All has run."""
        self.write()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        """A test, with what is set up for it alone."""
        fixtures: dict[str, Any] = item._fixtureinfo.name2fixturedefs  # type: ignore[attr-defined]
        self.shared[item.nodeid] = {_name(f) for several in fixtures.values() for f in several}
        began = _cpu()
        self.enter(item.nodeid)
        try:
            return (yield)
        finally:
            self.leave()
            self.seconds[item.nodeid] = _cpu() - began

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: Any) -> Iterator[None]:
        """What several tests share is reached by all of them."""
        if fixturedef.scope == "function":
            return (yield)
        self.enter(_name(fixturedef))
        try:
            return (yield)
        finally:
            self.leave()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """A test that does not pass proves nothing."""
        if not report.passed:
            self.failed.add(report.nodeid)


def _cpu() -> float:
    """Seconds of this process and of those that it has waited for; the clock of a busy machine says little."""
    return sum(os.times()[:4])


def _name(fixture: Any) -> str:
    return f"fixture {fixture.baseid} {fixture.argname}"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Where to write."""
    parser.addoption("--reach", type=Path, default=None)


def pytest_configure(config: pytest.Config) -> None:
    """Nothing without a file to write to."""
    file: Path | None = config.getoption("--reach")
    if file is not None:
        made = Reach(file)
        made.watch_statements()
        config.pluginmanager.register(made, "reach-of-tests")
