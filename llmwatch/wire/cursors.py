"""Owns cursors, by which psql's FETCH_COUNT and drivers take a result in pieces: what is asked, what is not yet taken.

Pure. A cursor only goes forward. Its query runs at the first FETCH, whole; what was not fetched yet waits.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from .protocol import Column, Problem
from .statements import Statement, Token, split

WORDS: Final = frozenset({"declare", "fetch", "move", "close"})
_OPTIONS: Final = frozenset({"binary", "insensitive", "asensitive", "no", "scroll"})
_FORWARD: Final = frozenset({"next", "forward"})
_OTHERS: Final = frozenset({"prior", "first", "last", "absolute", "relative", "backward"})


@dataclass(slots=True)
class Cursor:
    """A declared query; `held` are messages of rows that were not fetched yet."""

    statement: Statement
    given: tuple[dict[str, Any], ...]
    columns: list[Column]
    is_kept: bool
    is_run: bool = False
    held: list[bytes] = field(default_factory=list[bytes])


@dataclass(frozen=True, slots=True)
class Declared:
    """DECLARE name CURSOR FOR query."""

    name: str
    statement: Statement
    is_kept: bool


def _name(token: Token | None) -> str:
    if token is None or not token.word:
        raise Problem("42601", "syntax error: a cursor has a name")
    return token.word


def declared(statement: Statement) -> Declared:
    """What a DECLARE says; Problem for a syntax that is none."""
    pieces = list(statement.tokens)
    name = _name(pieces[1] if len(pieces) > 1 else None)
    at = 2
    while at < len(pieces) and pieces[at].word in _OPTIONS:
        at += 1
    words = [t.word for t in pieces[at : at + 4]]
    hold = words[2:3] == ["hold"] and words[1] in ("with", "without")
    at += 3 if hold else 1
    if words[:1] != ["cursor"] or at >= len(pieces) or pieces[at].word != "for":
        raise Problem("42601", "syntax error in DECLARE CURSOR")
    # The text from behind FOR on; comments of it stay where they are.
    seen = 0
    text = statement.text
    for token in pieces[: at + 1]:
        seen = text.index(token.text, seen) + len(token.text)
    inner = split(text[seen:])
    if len(inner) != 1:
        raise Problem("42601", "syntax error in DECLARE CURSOR")
    return Declared(name, inner[0], hold and words[1] == "with")


def fetched(statement: Statement) -> tuple[str, int | None]:
    """(name, number of rows, None for all) of a FETCH or MOVE; Problem for a direction other than forward."""
    words = [t.word or t.text for t in statement.tokens[1:]]
    count: int | None = 1
    if words[:1] == ["-"] or (words and words[0] in _OTHERS):
        raise Problem("55000", "cursor can only scan forward")
    if words[:1] and words[0] in _FORWARD:
        words = words[1:]
    if words[:1] == ["all"]:
        count, words = None, words[1:]
    elif words[:1] and words[0].isdecimal():
        count, words = int(words[0]), words[1:]
    if words[:1] and words[0] in ("from", "in"):
        words = words[1:]
    if len(words) != 1:
        raise Problem("42601", f"syntax error in {statement.words[0].upper()}")
    return words[0], count
