"""Owns the bytes of the PostgreSQL protocol, version 3: messages read from a client, messages written to one.

Pure: bytes in, values out, and back. A message that breaks the protocol is a ProtocolError, never anything else.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

PROTOCOL: Final = 196_608
CANCEL: Final = 80_877_102
SSL: Final = 80_877_103
GSSENC: Final = 80_877_104

# A query of a dashboard is a few KB; a longer message than this is refused before it is read.
MESSAGE_BYTES: Final = 1 << 20
STARTUP_BYTES: Final = 10_000
# Parameters of one Bind; PostgreSQL's own bound is 65,535.
PARAMETERS: Final = 1_000


class ProtocolError(Exception):
    """The client sent what is no message, or none that fits here."""


class Problem(Exception):
    """An error as the client is told of it: five characters of SQLSTATE, a sentence, and what to do."""

    def __init__(self, code: str, message: str, hint: str = "", *, is_fatal: bool = False) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message
        self.hint = hint
        self.is_fatal = is_fatal


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a result: its name and how its values look on the wire."""

    name: str
    oid: int
    size: int = -1
    modifier: int = -1


@dataclass(frozen=True, slots=True)
class Startup:
    """The first message: what is asked for (PROTOCOL, CANCEL, SSL, GSSENC) with its options, or a key to cancel."""

    code: int
    options: Mapping[str, str] = field(default_factory=dict[str, str])
    pid: int = 0
    secret: bytes = b""


@dataclass(frozen=True, slots=True)
class Parse:
    """A statement to prepare; an oid of 0 leaves a parameter's type to the server."""

    name: str
    query: str
    oids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Bind:
    """A prepared statement with values; a format is 0 for text and 1 for binary."""

    portal: str
    statement: str
    formats: tuple[int, ...]
    values: tuple[bytes | None, ...]
    result_formats: tuple[int, ...]

    def format_of(self, index: int) -> int:
        """Format of one parameter: none given means text, one given means all."""
        return _nth(self.formats, index)


@dataclass(frozen=True, slots=True)
class Target:
    """What Describe and Close are about: `S` a statement, `P` a portal."""

    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class Execute:
    """A portal to run; 0 rows means all of them."""

    portal: str
    rows: int


def _nth(formats: Sequence[int], index: int) -> int:
    if not formats:
        return 0
    return formats[0] if len(formats) == 1 else formats[index]


def result_format(formats: Sequence[int], index: int, columns: int) -> int:
    """Format of one result column; a list that fits neither none, one nor all columns breaks the protocol."""
    if len(formats) not in (0, 1, columns):
        raise ProtocolError("the number of result formats is not the number of columns")
    return _nth(formats, index)


class _Reader:
    """Takes values off the front of a message body."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._at = 0

    def text(self) -> str:
        end = self._body.find(b"\0", self._at)
        if end < 0:
            raise ProtocolError("a text has no end")
        piece, self._at = self._body[self._at : end], end + 1
        try:
            return piece.decode()
        except UnicodeDecodeError as e:
            raise ProtocolError("a text is not UTF-8") from e

    def take(self, count: int) -> bytes:
        if count < 0 or self._at + count > len(self._body):
            raise ProtocolError("a message is shorter than it says")
        piece = self._body[self._at : self._at + count]
        self._at += count
        return piece

    def int16(self) -> int:
        return int(struct.unpack("!h", self.take(2))[0])

    def int32(self) -> int:
        return int(struct.unpack("!i", self.take(4))[0])

    def count(self) -> int:
        number = self.int16()
        if not 0 <= number <= PARAMETERS:
            raise ProtocolError("a message counts more than it may")
        return number

    def end(self) -> None:
        if self._at != len(self._body):
            raise ProtocolError("a message is longer than it says")


def parse_startup(body: bytes) -> Startup:
    """The first message without its length."""
    reader = _Reader(body)
    code = reader.int32()
    if code in (SSL, GSSENC):
        reader.end()
        return Startup(code)
    if code == CANCEL:
        return Startup(code, pid=reader.int32(), secret=reader.take(4))
    if code >> 16 != PROTOCOL >> 16:
        raise ProtocolError("this is not protocol version 3")
    options: dict[str, str] = {}
    while name := reader.text():
        options[name] = reader.text()
    return Startup(code, options)


def parse_query(body: bytes) -> str:
    """The text of a simple query."""
    reader = _Reader(body)
    text = reader.text()
    reader.end()
    return text


def parse_parse(body: bytes) -> Parse:
    """A Parse message."""
    reader = _Reader(body)
    name, query = reader.text(), reader.text()
    oids = tuple(reader.int32() & 0xFFFFFFFF for _ in range(reader.count()))
    reader.end()
    return Parse(name, query, oids)


def parse_bind(body: bytes) -> Bind:
    """A Bind message."""
    reader = _Reader(body)
    portal, statement = reader.text(), reader.text()
    formats = _formats(reader)
    values: list[bytes | None] = []
    for _ in range(reader.count()):
        length = reader.int32()
        values.append(None if length == -1 else reader.take(length))
    if len(formats) not in (0, 1, len(values)):
        raise ProtocolError("the number of formats is not the number of parameters")
    result_formats = _formats(reader)
    reader.end()
    return Bind(portal, statement, formats, tuple(values), result_formats)


def _formats(reader: _Reader) -> tuple[int, ...]:
    formats = tuple(reader.int16() for _ in range(reader.count()))
    if any(f not in (0, 1) for f in formats):
        raise ProtocolError("a format is neither text nor binary")
    return formats


def parse_target(body: bytes) -> Target:
    """A Describe or Close message."""
    reader = _Reader(body)
    kind = reader.take(1).decode("latin-1")
    name = reader.text()
    reader.end()
    if kind not in ("S", "P"):
        raise ProtocolError("a target is neither statement nor portal")
    return Target(kind, name)


def parse_execute(body: bytes) -> Execute:
    """An Execute message."""
    reader = _Reader(body)
    portal, rows = reader.text(), reader.int32()
    reader.end()
    return Execute(portal, max(0, rows))


def parse_sasl_initial(body: bytes) -> tuple[str, bytes]:
    """Mechanism and first message of a SASL exchange."""
    reader = _Reader(body)
    mechanism, length = reader.text(), reader.int32()
    data = reader.take(max(0, length))
    reader.end()
    return mechanism, data


# --- to the client ------------------------------------------------------------------------------------------------


def message(kind: bytes, body: bytes = b"") -> bytes:
    """A whole message."""
    return b"%b%b%b" % (kind, struct.pack("!I", len(body) + 4), body)


def _text(value: str) -> bytes:
    # A name may hold anything; the end of a text on the wire is a zero byte.
    return value.replace("\0", "").encode("utf-8", "replace") + b"\0"


PARSE_COMPLETE: Final = message(b"1")
BIND_COMPLETE: Final = message(b"2")
CLOSE_COMPLETE: Final = message(b"3")
EMPTY_QUERY: Final = message(b"I")
NO_DATA: Final = message(b"n")
SUSPENDED: Final = message(b"s")
COPY_DONE: Final = message(b"c")
AUTH_OK: Final = message(b"R", struct.pack("!i", 0))
ASK_SASL: Final = message(b"R", struct.pack("!i", 10) + b"SCRAM-SHA-256\0\0")


def sasl(step: int, data: bytes) -> bytes:
    """The server's further word in a SASL exchange: 11 goes on, 12 is its last."""
    return message(b"R", struct.pack("!i", step) + data)


def ready(status: str) -> bytes:
    """The server waits; `I` idle, `T` inside a transaction, `E` inside a failed one."""
    return message(b"Z", status.encode("ascii"))


def parameter_status(name: str, value: str) -> bytes:
    """A fact about the session that drivers go by."""
    return message(b"S", _text(name) + _text(value))


def backend_key(pid: int, secret: bytes) -> bytes:
    """With these the client may cancel from another connection."""
    return message(b"K", struct.pack("!I", pid) + secret)


def complete(tag: str) -> bytes:
    """A statement is done."""
    return message(b"C", _text(tag))


def row_description(columns: Sequence[Column], formats: Sequence[int] = ()) -> bytes:
    """Names and types of the columns that follow."""
    body = [struct.pack("!h", len(columns))]
    for index, c in enumerate(columns):
        shape = struct.pack("!ihIhih", 0, 0, c.oid, c.size, c.modifier, result_format(formats, index, len(columns)))
        body.append(_text(c.name) + shape)
    return message(b"T", b"".join(body))


def parameter_description(oids: Sequence[int]) -> bytes:
    """Types of a statement's parameters."""
    return message(b"t", struct.pack(f"!h{len(oids)}I", len(oids), *oids))


def data_row(values: Iterable[bytes | None]) -> bytes:
    """One row; None is NULL."""
    parts = [b"\xff\xff\xff\xff" if v is None else struct.pack("!I", len(v)) + v for v in values]
    return message(b"D", struct.pack("!h", len(parts)) + b"".join(parts))


def copy_out(columns: int, *, is_binary: bool = False) -> bytes:
    """Rows follow, as lines of text or in the binary form."""
    return message(b"H", struct.pack("!bh", is_binary, columns) + struct.pack("!h", is_binary) * columns)


def copy_data(line: bytes) -> bytes:
    """One row of a copy."""
    return message(b"d", line)


def error(problem: Problem) -> bytes:
    """An ErrorResponse."""
    severity = "FATAL" if problem.is_fatal else "ERROR"
    return message(b"E", _fields(severity, problem.code, problem.message, problem.hint))


def notice(code: str, text: str) -> bytes:
    """A NoticeResponse, a warning that ends nothing."""
    return message(b"N", _fields("WARNING", code, text, ""))


def _fields(severity: str, code: str, text: str, hint: str) -> bytes:
    given = [("S", severity), ("V", severity), ("C", code), ("M", text or "error"), ("H", hint)]
    return b"".join(key.encode("ascii") + _text(value) for key, value in given if value) + b"\0"


def split_rows(block: bytes) -> list[bytes]:
    """The single messages of a block of whole messages."""
    rows: list[bytes] = []
    at = 0
    while at < len(block):
        end = at + 1 + int.from_bytes(block[at + 1 : at + 5], "big")
        rows.append(block[at:end])
        at = end
    return rows
