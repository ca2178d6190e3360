"""Owns the text of what clients send: cutting it into statements, and the few words in it that DuckDB spells otherwise.

Pure. Understands quotes, comments and dollar quotes and no grammar; linear in the length of the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

# Where the emulated catalogs of PostgreSQL live inside a worker.
CATALOG: Final = "wire_catalog"
INFORMATION: Final = "wire_information"

# Possessive throughout: what is not closed runs to the end of the text, and nothing is tried twice.
_TOKEN: Final = re.compile(
    r"""
    (?P<space>\s++|--[^\n]*+)
    |(?P<string>[eE]'(?:[^'\\]|\\.|'')*+'?|'(?:[^']|'')*+'?)
    |(?P<quoted>"(?:[^"]|"")*+"?)
    |(?P<parameter>\$\d++)
    |(?P<dollar>\$(?:[A-Za-z_]\w*+)?\$)
    |(?P<comment>/\*)
    |(?P<word>[^\W\d][\w$]*+)
    |(?P<number>\d[\w.]*+)
    |(?P<other>::|.)
    """,
    re.VERBOSE | re.DOTALL,
)
# Functions with any number of arguments, which no macro can stand for.
_OTHER_WORDS: Final = {
    "json_build_object": "json_object",
    "jsonb_build_object": "json_object",
    "json_agg": "json_group_array",
    "jsonb_agg": "json_group_array",
    "json_build_array": "json_array",
    "jsonb_build_array": "json_array",
}
_COMMENT_EDGE: Final = re.compile(r"/\*|\*/")


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of the text; comments are `space`."""

    kind: str
    text: str

    @property
    def word(self) -> str:
        """The name it stands for, in lower case unless quoted; empty for anything else."""
        if self.kind == "word":
            return self.text.lower()
        return self.text[1:-1] if self.kind == "quoted" else ""


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement without the semicolon; `words` are its first words in lower case."""

    text: str
    words: tuple[str, ...]
    tokens: tuple[Token, ...]


def tokens(text: str) -> Iterator[Token]:
    """The whole text as tokens; put together they are the text."""
    at = 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            yield Token("other", text[at])
            at += 1
            continue
        kind = found.lastgroup or "other"
        end = found.end()
        if kind == "comment":
            kind, end = "space", _comment_end(text, end)
        elif kind == "dollar":
            close = text.find(found.group(), end)
            kind, end = "string", len(text) if close < 0 else close + len(found.group())
        yield Token(kind, text[at:end])
        at = end


def _comment_end(text: str, at: int) -> int:
    depth = 1
    for edge in _COMMENT_EDGE.finditer(text, at):
        depth += 1 if edge.group() == "/*" else -1
        if not depth:
            return edge.end()
    return len(text)


def split(text: str) -> list[Statement]:
    """The statements of a text, in order; comments and semicolons alone are none."""
    found: list[Statement] = []
    current: list[Token] = []
    for token in tokens(text):
        if token.text == ";" and token.kind == "other":
            found.append(_statement(current))
            current = []
        else:
            current.append(token)
    found.append(_statement(current))
    return [statement for statement in found if statement.tokens]


def _statement(pieces: list[Token]) -> Statement:
    kept = tuple(token for token in pieces if token.kind != "space")
    words: list[str] = []
    for token in kept[:6]:
        if token.kind != "word":
            break
        words.append(token.text.lower())
    return Statement("".join(t.text for t in pieces).strip(), tuple(words), kept)


def parameters(text: str) -> int:
    """The highest number of a `$n` in the text."""
    return max((int(t.text[1:6]) for t in tokens(text) if t.kind == "parameter"), default=0)


def translated(text: str) -> str:
    """The text with PostgreSQL's own names replaced by those of the emulation; all else as it was."""
    pieces = list(tokens(text))
    out: list[str] = []
    at = 0
    while at < len(pieces):
        replacement, used = _replacement(pieces, at)
        out.append(pieces[at].text if replacement is None else replacement)
        at += used
    return "".join(out)


def _replacement(pieces: list[Token], at: int) -> tuple[str | None, int]:
    """(what stands instead of the tokens from `at` on, or None; how many of them it takes)."""
    token = pieces[at]
    if token.kind == "string":
        return _of_string(pieces, at)
    if token.word == "pg_catalog" and _is_dot(pieces, at + 1):
        return "", 2
    if token.word == "information_schema" and _is_dot(pieces, at + 1):
        return INFORMATION, 1
    if token.kind == "word" and token.word in _OTHER_WORDS:
        return _OTHER_WORDS[token.word], 1
    if token.kind == "word" and token.word == "operator":
        return _of_operator(pieces, at)
    if token.kind == "word" and token.word == "collate":
        return _of_collate(pieces, at)
    return None, 1


def _of_string(pieces: list[Token], at: int) -> tuple[str | None, int]:
    """'name'::regclass is the number of a relation, 'name'::regtype that of a type."""
    behind = [t.word or t.text for t in pieces[at + 1 : at + 5]]
    for kind in ("regclass", "regtype"):
        for ahead in (["::", kind], ["::", "pg_catalog", ".", kind]):
            if behind[: len(ahead)] == ahead:
                return f"{CATALOG}.to_{kind}({pieces[at].text})", 1 + len(ahead)
    return None, 1


def _of_operator(pieces: list[Token], at: int) -> tuple[str | None, int]:
    """OPERATOR(pg_catalog.~) is the bare operator."""
    text = "".join(t.text for t in pieces[at + 1 : at + 10])
    found = re.match(r"\s*\(\s*(?:pg_catalog\s*\.)?\s*([!~*<>=+\-/|@#%^&]{1,3})\s*\)", text)
    if found is None:
        return None, 1
    used = length = 0
    while length < found.end():
        used += 1
        length += len(pieces[at + used].text)
    return f" {found.group(1)} ", used + 1


def _of_collate(pieces: list[Token], at: int) -> tuple[str | None, int]:
    """COLLATE pg_catalog.default is how texts are compared anyway."""
    kept = [(n, t) for n, t in enumerate(pieces[at + 1 : at + 7], 1) if t.kind != "space"]
    names = [t.word or t.text for _, t in kept[:3]]
    if names[:1] == ["default"]:
        return "", kept[0][0] + 1
    if names == ["pg_catalog", ".", "default"]:
        return "", kept[2][0] + 1
    return None, 1


def _is_dot(pieces: list[Token], at: int) -> bool:
    return at < len(pieces) and pieces[at].text == "."
