"""What is printed to be pasted can be: every command and call that the program's words name exists and is quoted."""

from __future__ import annotations

import ast
import inspect
import re
import shlex
import subprocess
import tomllib
from collections.abc import Iterator
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer.main
from rich.text import Text
from typer.testing import CliRunner

import llmwatch
from llmwatch.cli import app
from llmwatch.pasted import command, literal
from llmwatch.settings import Settings
from tests.downgrading import Planted, planted_store

ROOT = Path(__file__).parents[1] / "llmwatch"
NOW = "2026-11-20T12:00"
HOSTILE = ('it\'s "a" $(touch x) `y` \\ z', "-dash", "two words", "ü;&|*?#", "plain.name")
_CALL = re.compile(r"llmwatch\.(\w+)\(")
# What the program itself does, its options, and a title with a slash behind its name.
_PROSE = r"(cannot|could|dropped|recognised|is|does|has|/|\{0\}|-.*)$"
_SAID = re.compile(r"(?<![\w./-])llmwatch((?: +[^\s`'\"(),;]+)+)")


def _places() -> Iterator[tuple[str, ast.AST]]:
    for path in sorted(ROOT.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            yield f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}", node


def _texts() -> list[tuple[str, str]]:
    """Every string of the program and where it stands; of a formatted one the parts between its values."""
    found = [(at, node.value) for at, node in _places() if isinstance(node, ast.Constant)]
    return [(at, text) for at, text in found if isinstance(text, str) and "llmwatch" in text]


@cache
def _commands() -> Any:
    return typer.main.get_command(app)


def _options(named: Any) -> set[str]:
    return {
        name for one in (named, _commands()) for param in one.params for name in (*param.opts, *param.secondary_opts)
    }


def test_every_command_that_is_named_exists_with_its_options() -> None:
    """In code lines, in backticks and in sentences: the first word, its subcommand, and each --option."""
    seen, wrong = 0, []
    for at, text in _texts():
        for said in _SAID.finditer(text.replace("[/dim]", "")):
            words = said[1].split()
            is_code = text.startswith("llmwatch ") or text[said.start() - 1 : said.start()] == "`"
            named = _commands().commands.get(words[0].rstrip(".:"))
            if named is None:
                # "llmwatch cannot write" is a sentence about the program.
                wrong += [f"{at}: {said[0]}"] * (is_code and not re.match(_PROSE, words[0]))
                continue
            seen += 1
            while len(words) > 1 and words[1].rstrip(".:") in getattr(named, "commands", {}):
                words = words[1:]
                named = named.commands[words[0].rstrip(".:")]
            flags = [word.rstrip(".:").partition("=")[0] for word in words if re.match(r"--?[a-z]", word)]
            wrong += [f"{at}: {said[0]} has no {flag}" for flag in flags if flag not in _options(named)]

    assert seen > 150
    assert wrong == []


def test_every_call_that_is_named_takes_those_arguments() -> None:
    """Bound to the signature of the real function; settings of init() are settings."""
    settings = {field.name for field in fields(Settings)} | {"tracer_provider", "meter_provider", "clock"}
    seen, wrong = set(), []
    for at, text in _texts():
        for said in _CALL.finditer(text):
            function = getattr(llmwatch, said[1], None)
            if function is None:
                wrong.append(f"{at}: llmwatch.{said[1]}")
                continue
            call = _parsed(text[said.start() :])
            if call is None or any(isinstance(one, ast.Constant) and one.value is ... for one in call.args):
                continue
            if not call.args and not call.keywords:
                continue
            seen.add(said[1])
            names = {one.arg for one in call.keywords if one.arg}
            if said[1] == "init":
                wrong += [f"{at}: init({name}=)" for name in names - settings]
                continue
            try:
                inspect.signature(function).bind(*call.args, **dict.fromkeys(names))
            except TypeError as e:
                wrong.append(f"{at}: {ast.unparse(call)}: {e}")

    assert seen >= {"init", "task", "customer", "feedback", "outcome", "revenue"}
    assert wrong == []


def _parsed(text: str) -> ast.Call | None:
    """The call that the text begins with."""
    for end in (m.end() for m in re.finditer(r"\)", text)):
        try:
            found = ast.parse(text[:end], mode="eval").body
        except SyntaxError:
            continue
        return found if isinstance(found, ast.Call) else None
    return None


def test_no_command_is_put_together_without_quoting() -> None:
    """A formatted string with a value behind a command: `pasted.command` does that. `flags` are its own work."""
    wrong = []
    for at, node in _places():
        if not isinstance(node, ast.JoinedStr):
            continue
        before = ""
        for part in node.values:
            if isinstance(part, ast.Constant):
                before += str(part.value)
            elif isinstance(part, ast.FormattedValue):
                words = re.search(r"(?<![\w.])llmwatch ([a-z]+)(?: [^.;:`\n]*)?$", before)
                if words and words[1] in _commands().commands and not ast.unparse(part.value).endswith("flags"):
                    wrong.append(f"{at}: {ast.unparse(node)}")
                before += "\0"
    # The title of a report, and of a version of a dashboard.
    titles = ("analysis/prices_report.py", "dashboards/push.py")
    assert [one for one in wrong if not one.startswith(titles)] == []


def test_no_bracket_of_a_help_is_read_as_a_style() -> None:
    """`[rubrics]` is a table of llmwatch.toml; what rich takes for a style is not shown."""
    styles = re.compile(r"\[/?(dim|bold|italic|yellow)\]")
    lost = []
    for named, text in _helps(_commands(), "llmwatch"):
        meant = styles.sub("", text).replace("\\[", "[")
        lost += [f"{named}: {text}"] * (Text.from_markup(text).plain != meant)

    assert lost == []
    assert "[rubrics] in llmwatch.toml" in " ".join(
        CliRunner().invoke(app, ["judge", "--help"]).output.replace("│", " ").split()
    )


def _helps(named: Any, path: str) -> Iterator[tuple[str, str]]:
    yield path, named.help or ""
    yield from ((f"{path} {param.name}", getattr(param, "help", "") or "") for param in named.params)
    for name, one in getattr(named, "commands", {}).items():
        yield from _helps(one, f"{path} {name}")


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_comes_back_from_a_shell_from_python_and_from_toml(name: str) -> None:
    """As one word, whatever is in it, and nothing in it is carried out."""
    printed = command("drift", "acknowledge", name, task=name, n=3, run=True, go_on=False, to=None)
    words = (
        subprocess.run(
            ["sh", "-c", f'llmwatch() {{ printf "%s\\0" "$@"; }}\n{printed}'], capture_output=True, check=True
        )
        .stdout.decode()
        .split("\0")[:-1]
    )

    assert sorted(words) == sorted(
        [*(["--"] if name.startswith("-") else []), "drift", "acknowledge", name, "--task", name, "--n", "3", "--run"]
    )
    assert ast.literal_eval(literal(name)) == name
    assert tomllib.loads(f"{literal(name)} = {literal(name + chr(127))}") == {name: name + chr(127)}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store whose tasks have the names: a move, reviews that wait, one that stays, two that were never replayed."""
    states: tuple[dict[str, int], ...] = (
        {"replays": 300}, {"replays": 300, "unscored": 40}, {"replays": 300, "worse": 60}, {}, {},
    )  # fmt: skip
    tasks = [Planted(name, calls=120, **state) for name, state in zip(HOSTILE, states, strict=True)]
    return planted_store(tmp_path_factory.mktemp("pasted") / "home", tasks).home


@pytest.mark.parametrize(
    "asked",
    [("report",), ("downgrade", "--top", "30"), ("drift",), ("quality",), ("tasks",), ("sunset",), ("doctor",),
     ("margin",)],
    ids=lambda asked: asked[0],
)  # fmt: skip
def test_every_printed_command_is_understood(
    home: Path, asked: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pasted into a shell and carried out: no option is missing, no name falls apart."""
    monkeypatch.setenv("LLMWATCH_HOME", str(home))
    monkeypatch.setenv("COLUMNS", "400")
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    at = () if asked[0] == "doctor" else ("--as-of", NOW)
    text = CliRunner().invoke(app, [*asked, *at], catch_exceptions=False).output
    printed = {line.strip() for line in text.splitlines() if line.strip().startswith("llmwatch ")}
    printed |= set(re.findall(r"(llmwatch (?:drift|shadow|review) --.*?)(?:\.? *$| saves)", text, re.MULTILINE))
    if asked[0] == "downgrade":
        assert len(printed) >= 5

    named: set[str] = set()
    for line in printed:
        words = shlex.split(line)
        named |= {name for name in HOSTILE if name in words}
        done = CliRunner().invoke(app, words[1:], input="q\n")
        assert "Usage:" not in done.output, line
        assert "No such" not in done.output, line
    if asked[0] == "downgrade":
        assert named == set(HOSTILE)
    # `$(touch x)` was not carried out.
    assert not Path("x").exists()
