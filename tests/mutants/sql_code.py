"""Mutants of SQL: comparisons, conjuncts, arithmetic, ends of spans, swapped columns and arguments, filters, defaults.

Works on tokens, which is enough for our statements; what DuckDB cannot parse of what comes out is left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

import duckdb

from .mutant import Mutant, changed

_TOKEN: Final = re.compile(
    r"(?P<space>\s+|--[^\n]*)|(?P<text>'(?:[^']|'')*')|(?P<number>\d+(?:\.\d+)?)|(?P<word>[\w$\"{}]+)"
    r"|(?P<sign><=|>=|<>|!=|\|\||::|:=|->|=>|//|.)"
)
_SIGNS: Final = {"<": "<=", "<=": "<", ">": ">=", ">=": ">", "=": "<>", "<>": "=", "!=": "="}
_ARITHMETIC: Final = {"+": "-", "-": "+", "*": "/", "/": "*"}
_PAIRS: Final = (
    ("min", "max"), ("least", "greatest"), ("asc", "desc"), ("true", "false"), ("semi", "anti"), ("$since", "$until"),
    ("starts_at", "ends_at"), ("started_at", "ended_at"), ("valid_from", "valid_until"), ("first_value", "last_value"),
    ("input_tokens", "output_tokens"), ("cost_usd", "cache_saving_usd"), ("arg_min", "arg_max"), ("union", "intersect"),
    ("recognised_from", "recognised_until"), ("sum", "avg"),
)  # fmt: skip
_WORDS: Final = {word: other for pair in _PAIRS for word, other in (pair, pair[::-1])} | {"left": "inner", "avg": "sum"}
_FUNCTIONS: Final = frozenset({"min", "max", "sum", "avg", "least", "greatest", "arg_min", "arg_max"})
_ENDS: Final = frozenset(
    re.findall(
        r"\w+",
        "and or group order qualify having then when else end union left join semi anti inner cross limit window"
        " where on from intersect except",
    )
)
_OPENERS: Final = frozenset({"where", "on", "having", "qualify", "when"})


@dataclass(frozen=True)
class Token:
    """One word, number, text or sign, and how many brackets are open around it."""

    text: str
    kind: str
    start: int
    end: int
    depth: int


def tokens(sql: str) -> list[Token]:
    """The tokens without space and comments, words in lower case."""
    found: list[Token] = []
    depth = 0
    for match in _TOKEN.finditer(sql):
        kind = match.lastgroup or ""
        if kind == "space":
            continue
        text = match.group().lower() if kind == "word" else match.group()
        depth -= text in (")", "]")
        found.append(Token(text, kind, match.start(), match.end(), depth))
        depth += text in ("(", "[")
    return found


Change = tuple[int, int, str]


class _Statement:
    """The changes of one file."""

    def __init__(self, sql: str) -> None:
        self.sql = sql
        self.tokens = tokens(sql)
        self.between: set[int] = set()  # tokens that are the `and` of a `between`
        waiting: list[int] = []
        for i, token in enumerate(self.tokens):
            if token.text == "between":
                waiting.append(token.depth)
            elif token.text == "and" and waiting and waiting[-1] == token.depth:
                self.between.add(i)
                waiting.pop()

    def at(self, i: int) -> str:
        """The text of a token; empty beyond either end."""
        return self.tokens[i].text if 0 <= i < len(self.tokens) else ""

    def closing(self, i: int) -> int:
        """The token that closes the bracket which token i opens."""
        depth = self.tokens[i].depth
        return next(j for j in range(i + 1, len(self.tokens)) if self.at(j) == ")" and self.tokens[j].depth == depth)

    def arguments(self, i: int) -> list[tuple[int, int]]:
        """Start and end of each argument in the bracket which token i opens, by place in the text."""
        last, depth = self.closing(i), self.tokens[i].depth + 1
        commas = [j for j in range(i + 1, last) if self.at(j) == "," and self.tokens[j].depth == depth]
        ends = [i, *commas, last]
        return [(self.tokens[a + 1].start, self.tokens[b - 1].end) for a, b in pairwise(ends) if b > a + 1]

    def conjunct_end(self, i: int) -> int:
        """The token behind the conjunct that begins at token i."""
        depth = self.tokens[i].depth
        for j in range(i, len(self.tokens)):
            token = self.tokens[j]
            if token.depth < depth or (
                token.depth == depth and j not in self.between and (token.text in _ENDS or token.text in (",", ";"))
                and not (token.text == "from" and self.at(j - 1) == "distinct")
                and not (token.text == "in" or j == i)
            ):  # fmt: skip
                return j
        return len(self.tokens)

    def changes(self) -> Iterator[Change]:
        """Every change of a place, by what stands there."""
        for i, token in enumerate(self.tokens):
            if token.kind == "sign":
                yield from self._sign(i, token)
            elif token.kind == "number" and not self._is_of_a_type(i):
                yield token.start, token.end, str(int(token.text) + 1) if token.text.isdigit() else token.text + "1"
            elif token.kind == "word":
                yield from self._word(i, token)
        yield from self._swapped_columns()

    def _is_of_a_type(self, i: int) -> bool:
        return any(self.at(i - back) in ("decimal", "numeric") for back in (2, 4))

    def _sign(self, i: int, token: Token) -> Iterator[Change]:
        before, after = self.tokens[i - 1] if i else None, self.at(i + 1)
        if token.text in _SIGNS:
            yield token.start, token.end, _SIGNS[token.text]
        elif token.text in _ARITHMETIC and before is not None and after not in (")", ","):
            is_value = before.kind in ("number", "text") or before.text == ")" or before.kind == "word"
            if is_value and before.text not in _ENDS | {"select", "by", "distinct", "case", "in", "between", "over"}:
                yield token.start, token.end, _ARITHMETIC[token.text]

    def _word(self, i: int, token: Token) -> Iterator[Change]:
        following = self.at(i + 1)
        if token.text in _WORDS and self._is_meant(i, token.text, following):
            yield token.start, token.end, _WORDS[token.text]
        elif token.text in ("and", "or") and i not in self.between:
            yield token.start, token.end, "or" if token.text == "and" else "and"
            yield token.start, self.tokens[self.conjunct_end(i + 1) - 1].end, ""
        elif token.text in _OPENERS:
            end = self.conjunct_end(i + 1)
            if self.at(end) == "and":
                yield self.tokens[i + 1].start, self.tokens[end].end, ""
        elif token.text == "filter" and following == "(":
            yield token.start, self.tokens[self.closing(i + 1)].end, ""
        elif following == "(" and token.text in ("coalesce", "if", "nullif", "date_diff"):
            yield from self._call(i, token)
        else:
            yield from self._negation(i, token)

    def _is_meant(self, i: int, word: str, following: str) -> bool:
        """Whether the word is the function, the join or the column, and not a name that somebody gave."""
        if word in _FUNCTIONS:
            return following == "("
        return self.at(i - 1) != "as" and (word != "left" or following == "join")

    def _negation(self, i: int, token: Token) -> Iterator[Change]:
        if token.text == "not":
            yield token.start, token.end, ""
        elif token.text == "is" and self.at(i + 1) != "not":
            yield token.end, token.end, " not"
        elif token.text == "distinct" and self.at(i - 1) in ("(", "select"):
            yield token.start, token.end, ""

    def _call(self, i: int, token: Token) -> Iterator[Change]:
        given = self.arguments(i + 1)
        if token.text == "coalesce" and len(given) > 1:
            first, last = given[0], given[-1]
            yield token.start, self.tokens[self.closing(i + 1)].end, f"({self.sql[first[0] : first[1]]})"
            if len(given) > 2:
                yield given[-2][1], last[1], ""
        if len(given) > 1:
            (a, b), (c, d) = given[-2:]
            yield a, d, self.sql[c:d] + self.sql[b:c] + self.sql[a:b]

    def _swapped_columns(self) -> Iterator[Change]:
        """Two neighbors of a select list, each under the other's name."""
        for i, token in enumerate(self.tokens):
            if token.text != "select" or self.at(i + 1) in ("*", "distinct"):
                continue
            items = self._items(i)
            for one, other in pairwise(items):
                (a, b, name), (c, d, another) = one, other
                first, second = self.sql[a:b], self.sql[c:d]
                if name and another and first != second and name != another:
                    between = self.sql[self._end_of_item(one) : c]
                    yield a, self._end_of_item(other), f"{second} as {name}{between}{first} as {another}"

    def _end_of_item(self, item: tuple[int, int, str]) -> int:
        _, end, name = item
        following = re.match(rf"\s+as\s+{re.escape(name)}\b", self.sql[end:])
        return end + (following.end() if following else 0)

    def _items(self, i: int) -> list[tuple[int, int, str]]:
        """Start and end of the expression, and the name, of each column of the select at token i."""
        depth, items, first = self.tokens[i].depth, [], i + 1
        for j in range(i + 1, len(self.tokens) + 1):
            here = self.tokens[j] if j < len(self.tokens) else None
            is_end = here is None or here.depth < depth or (
                here.depth == depth and here.text in ("from", "union", ";", "where") and self.at(j - 1) != "distinct"
            )  # fmt: skip
            if is_end or (here is not None and here.text == "," and here.depth == depth):
                items.append(self._item(first, j))
                first = j + 1
            if is_end:
                break
        return items

    def _item(self, first: int, end: int) -> tuple[int, int, str]:
        if end - first >= 3 and self.at(end - 2) == "as":
            return self.tokens[first].start, self.tokens[end - 3].end, self.at(end - 1)
        if end > first and all(self.tokens[j].kind == "word" or self.at(j) == "." for j in range(first, end)):
            return self.tokens[first].start, self.tokens[end - 1].end, self.at(end - 1)
        return 0, 0, ""


def is_sound(mutant: Mutant) -> bool:
    """Whether DuckDB can parse it; what is filled in later stands for a name."""
    text = re.sub(r"\{\w+\}", "filled_in", mutant.mutated(mutant.path.read_bytes()).decode())
    try:
        duckdb.extract_statements(f"select ({text})" if mutant.path.parent.name == "macros" else text)
    except duckdb.Error:
        return False
    return True


def mutants(path: Path) -> Iterator[Mutant]:
    """Every mutant of the file, those among them that DuckDB cannot parse."""
    sql = path.read_text("utf-8")
    for start, end, after in _Statement(sql).changes():
        if sql[start:end] != after:
            first, last = sql.rfind("\n", 0, start) + 1, sql.find("\n", end)
            last = len(sql) if last < 0 else last
            change = changed(sql[first:last], sql[first:start] + after + sql[end:last])
            yield Mutant(path, path.name, change, len(sql[:start].encode()), len(sql[:end].encode()), after)
