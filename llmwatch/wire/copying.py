r"""Owns COPY ... TO STDOUT, by which psql's \copy and drivers take a whole result: what is asked, how a row is written.

Pure. A copy is a query whose rows leave as text, CSV or PostgreSQL's binary form; nothing can be copied anywhere but to
the client.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from .protocol import Problem
from .statements import Statement, Token, tokens

# What stands before the first row of a binary copy, and after the last.
BINARY_HEAD: Final = b"PGCOPY\n\xff\r\n\0" + struct.pack("!ii", 0, 0)
BINARY_END: Final = struct.pack("!h", -1)
_ESCAPED: Final = re.compile(rb"[\\\n\r\t\b\f\v]")
_ESCAPES: Final = {
    b"\\": b"\\\\", b"\n": b"\\n", b"\r": b"\\r", b"\t": b"\\t", b"\b": b"\\b", b"\f": b"\\f", b"\v": b"\\v",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Copy:
    """A query, and the form of its rows."""

    query: str
    is_csv: bool = False
    has_header: bool = False
    delimiter: str = "\t"
    null: str = "\\N"
    is_binary: bool = False

    def row(self, values: Iterable[bytes | None]) -> bytes:
        """One line with its end, or one row of the binary form; None is NULL."""
        if self.is_binary:
            fields = [struct.pack("!i", -1) if v is None else struct.pack("!i", len(v)) + v for v in values]
            return struct.pack("!h", len(fields)) + b"".join(fields)
        delimiter, null = self.delimiter.encode(), self.null.encode()
        write = self._quoted if self.is_csv else self._escaped
        return delimiter.join(null if v is None else write(v) for v in values) + b"\n"

    def _quoted(self, value: bytes) -> bytes:
        signs = (self.delimiter.encode(), b'"', b"\n", b"\r")
        needs = value == self.null.encode() or any(sign in value for sign in signs)
        return b'"%b"' % value.replace(b'"', b'""') if needs else value

    def _escaped(self, value: bytes) -> bytes:
        plain = _ESCAPED.sub(lambda found: _ESCAPES[found.group()], value)
        delimiter = self.delimiter.encode()
        return plain if delimiter == b"\t" else plain.replace(delimiter, b"\\" + delimiter)


def copied(statement: Statement) -> Copy | None:
    """What a COPY to the client asks for; None for every other. Problem for an option that is not answered."""
    pieces = [t for t in tokens(statement.text) if t.kind != "space" or t.text.isspace()]
    kept = [n for n, t in enumerate(pieces) if t.kind != "space"]
    depth, end = 0, 0
    for place, n in enumerate(kept):
        depth += {"(": 1, ")": -1}.get(pieces[n].text, 0)
        if place and not depth and pieces[n].word == "to":
            end = place
            break
    if not end or len(kept) < end + 2 or pieces[kept[end + 1]].word != "stdout":
        return None
    asked = "".join(t.text for t in pieces[kept[1] : kept[end]]).strip()
    query = asked[1:-1] if asked.startswith("(") else _of_relation(asked)
    return _with_options(query, [pieces[n] for n in kept[end + 2 :]])


def _of_relation(text: str) -> str:
    name, bracket, columns = text.partition("(")
    listed = columns.rpartition(")")[0] if bracket else "*"
    return f"select {listed} from {name}"


def _with_options(query: str, options: Sequence[Token]) -> Copy:
    words = [_value(t) for t in options if t.text not in ("(", ")", ",", "=")]
    given: dict[str, str] = {}
    at = 0
    while at < len(words):
        word = words[at].lower()
        if word in ("with", "as"):
            at += 1
        elif word in ("csv", "text", "binary"):
            given["format"], at = word, at + 1
        elif word == "header":
            following = words[at + 1].lower() if at + 1 < len(words) else ""
            is_said = following in ("true", "false", "on", "off", "1", "0", "match")
            given["header"], at = following if is_said else "true", at + 1 + is_said
        elif word in ("format", "delimiter", "delimiters", "null", "encoding") and at + 1 < len(words):
            following = at + 1 + (words[at + 1].lower() == "as" and at + 2 < len(words))
            given[word.removesuffix("s")], at = words[following], following + 1
        else:
            raise Problem("0A000", f'the option "{word[:40]}" of COPY is not answered here')
    return _copy(query, given)


def _copy(query: str, given: dict[str, str]) -> Copy:
    form = given.get("format", "text").lower()
    delimiter = given.get("delimiter", "," if form == "csv" else "\t")
    if form not in ("csv", "text", "binary"):
        raise Problem("0A000", f"COPY in the form {form[:40]} is not answered here", "Ask for csv, text or binary.")
    if form == "binary" and given.keys() - {"format", "encoding"}:
        raise Problem("42601", "cannot specify DELIMITER, NULL or HEADER in BINARY mode")
    if len(delimiter.encode()) != 1 or delimiter in '\r\n"\\':
        raise Problem("0A000", "COPY delimiter must be a single one-byte character")
    if given.get("encoding", "utf8").lower().replace("-", "") != "utf8":
        raise Problem("0A000", "COPY is answered in UTF8 only")
    null = given.get("null", "" if form == "csv" else "\\N")
    return Copy(
        query, form == "csv", given.get("header", "false") in ("true", "on", "1"), delimiter, null, form == "binary"
    )


def _value(token: Token) -> str:
    if token.kind != "string":
        return token.word or token.text
    text = token.text
    if text[:1] in "eE":
        return text[2:-1].replace("\\t", "\t").replace("''", "'")
    return text[1:-1].replace("''", "'")
