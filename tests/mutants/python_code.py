"""Mutants of Python: mutmut's operators on one place each, and words that say which side of a verdict is meant.

Its command is not used: it knows no SQL, changes functions only and not the numbers beside them, and rewrites every
function into a table of its mutants. Left out of its operators are those whose mutants nearly always raise (an argument
or a value that is None) and changed text, which is wording here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import libcst as cst
from libcst.metadata import ByteSpanPositionProvider
from mutmut.mutation import mutators

from .mutant import Mutant, changed

_PAIRS: Final = (
    ("worse", "better"), ("at least", "at most"), ("incumbent", "candidate"), ("since", "until"), ("min", "max"),
    ("any", "all"), ("lower", "upper"), ("low", "high"), ("input", "output"), ("calls", "tokens"), ("before", "after"),
    ("fallen", "risen"), ("move", "keep"),
)  # fmt: skip
_OTHER: Final = {word: other for pair in _PAIRS for word, other in (pair, pair[::-1])}


def _paired_name(node: cst.Name) -> Iterable[cst.Name]:
    if node.value in ("min", "max", "any", "all"):
        yield node.with_changes(value=_OTHER[node.value])


def _paired_string(node: cst.SimpleString) -> Iterable[cst.SimpleString]:
    inner = node.raw_value
    if inner in _OTHER:
        yield node.with_changes(value=node.value.replace(inner, _OTHER[inner]))


_OPERATORS: Final[list[tuple[type, Any]]] = [
    (cst.BaseNumber, mutators.operator_number),
    (cst.Name, mutators.operator_name),
    (cst.AugAssign, mutators.operator_augmented_assignment),
    (cst.UnaryOperation, mutators.operator_remove_unary_ops),
    (cst.CSTNode, mutators.operator_keywords),
    (cst.CSTNode, mutators.operator_swap_op),
    (cst.Match, mutators.operator_match),
    (cst.IfExp, mutators.operator_if_exp),
    (cst.Name, _paired_name),
    (cst.SimpleString, _paired_string),
]
# What is no part of a figure: types, imports, messages of errors, and what holds before a type checker only.
_SKIPPED: Final = (cst.Annotation, cst.Decorator, cst.Import, cst.ImportFrom, cst.Raise, cst.Assert)
_COMPOUND: Final = (cst.BaseCompoundStatement, cst.BaseSuite, cst.Module, cst.SimpleStatementLine)


class _Finder(cst.CSTVisitor):
    """Every place of a module that an operator changes: function, statement, place, what stands there instead."""

    def __init__(self) -> None:
        super().__init__()
        self.above: list[cst.CSTNode] = []
        self.names: list[str] = []
        self.found: list[tuple[str, cst.CSTNode, cst.CSTNode, cst.CSTNode]] = []

    def on_visit(self, node: cst.CSTNode) -> bool:
        """Goes down into what is part of a figure."""
        if isinstance(node, _SKIPPED) or _is_for_types(node) or _is_column(node):
            return False
        self.above.append(node)
        if isinstance(node, cst.FunctionDef | cst.ClassDef):
            self.names.append(node.name.value)
        for kind, operator in _OPERATORS:
            if isinstance(node, kind):
                self.found += [(".".join(self.names), self._statement(), node, after) for after in operator(node)]
        return True

    def on_leave(self, original_node: cst.CSTNode) -> None:
        """Back up."""
        if self.above and self.above[-1] is original_node:
            self.above.pop()
            if isinstance(original_node, cst.FunctionDef | cst.ClassDef):
                self.names.pop()

    def _statement(self) -> cst.CSTNode:
        """The largest part of the code around the place that holds no other statement."""
        found = self.above[-1]
        for node in reversed(self.above):
            if isinstance(node, _COMPOUND):
                break
            found = node
        return found


def _is_for_types(node: cst.CSTNode) -> bool:
    return isinstance(node, cst.If) and isinstance(node.test, cst.Name) and node.test.value == "TYPE_CHECKING"


def _is_column(node: cst.CSTNode) -> bool:
    # How a column of a table is drawn.
    return isinstance(node, cst.Call) and isinstance(node.func, cst.Name) and node.func.value == "Column"


def mutants(path: Path) -> Iterator[Mutant]:
    """Every mutant of the file; those outside functions are of the module or the class."""
    code = path.read_bytes()
    wrapper = cst.MetadataWrapper(cst.parse_module(code), unsafe_skip_copy=True)
    places = wrapper.resolve(ByteSpanPositionProvider)
    finder = _Finder()
    wrapper.module.visit(finder)
    for where, statement, before, after in finder.found:
        around, place = places[statement], places[before]
        start, end = place.start, place.start + place.length
        first, last = around.start, around.start + around.length
        text = wrapper.module.code_for_node(after)
        change = changed(code[first:last].decode(), (code[first:start] + text.encode() + code[end:last]).decode())
        if code[start:end].decode().strip() != text.strip():
            yield Mutant(path, where or path.stem, change, start, end, text)
