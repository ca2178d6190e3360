"""The cost in the table of calls is what a second calculator says, which shares neither code nor rates with ours."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

from .calculator import recount
from .comparing import Stored, differing, stored
from .draws import KINDS, LEFT_OUT, TEXT, drawn

SEED = 20261120


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Stored:
    """What the store says of every call that is drawn."""
    return stored(tmp_path_factory.mktemp("recount") / "home", (call for _, call in drawn(SEED)))


@pytest.mark.parametrize("kind", [kind.__name__ for kind in KINDS])
def test_a_call_costs_what_the_second_calculator_says(kind: str, found: Stored) -> None:
    """Every part of it, what the cache saved, and how sure it is; to a millionth of a millionth of a dollar."""
    calls = [call for other, call in drawn(SEED) if other == kind]

    wrong = differing(kind, calls, found)

    assert not wrong, f"{len(wrong)} of {len(calls)} differ:\n" + "\n".join(wrong[:5])


def test_the_draws_reach_every_kind_and_are_enough() -> None:
    """A draw that no longer draws would agree with everything."""
    calls = [call for _, call in drawn(SEED)]
    answers = [recount(call) for call in calls]
    days = {call["started_us"] // 86_400_000_000 for call in calls}

    assert len(calls) > 3000
    assert {call["response_model"] for call in calls} >= set(TEXT)
    assert len(days) > 90
    assert all(sum(answer.grade == grade for answer in answers) > 50 for grade in "ABD")
    assert sum(answer.saving > 0 for answer in answers) > 500
    assert sum(answer.saving < 0 for answer in answers) > 200
    assert LEFT_OUT


@pytest.mark.parametrize("module", ["calculator", "draws"])
def test_the_second_calculator_shares_no_code_with_ours(module: str) -> None:
    """It imports the standard library and its own data."""
    tree = ast.parse((Path(__file__).parent / f"{module}.py").read_text("utf-8"))
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.Import)]
    froms = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    outer = {alias.name.split(".")[0] for node in imports for alias in node.names}
    outer |= {(node.module or "").split(".")[0] for node in froms if node.level == 0}

    assert outer <= sys.stdlib_module_names
    assert {node.module for node in froms if node.level} <= {"calculator"}
