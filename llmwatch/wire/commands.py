"""Owns the statements that are answered without a query: settings, transactions in name.

They change what the client is told, never what DuckDB does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from . import protocol
from .protocol import Column, Problem
from .statements import Statement

_TEXT_OID: Final = 25
# Told to every client at the start, and by SHOW.
REPORTED: Final[Mapping[str, str]] = {
    "server_version": "15.0",
    "server_encoding": "UTF8",
    "client_encoding": "UTF8",
    "application_name": "",
    "default_transaction_read_only": "on",
    "in_hot_standby": "off",
    "is_superuser": "off",
    "session_authorization": "llmwatch",
    "DateStyle": "ISO, MDY",
    "IntervalStyle": "postgres",
    "TimeZone": "UTC",
    "integer_datetimes": "on",
    "standard_conforming_strings": "on",
}
_SHOWN: Final[Mapping[str, str]] = {
    "server_version_num": "150000",
    "transaction_read_only": "on",
    "transaction_isolation": "repeatable read",
    "default_transaction_isolation": "repeatable read",
    "search_path": "grafana, store",
    "statement_timeout": "0",
    "lock_timeout": "0",
    "extra_float_digits": "1",
    "max_identifier_length": "63",
    "max_index_keys": "32",
    "bytea_output": "hex",
    "row_security": "on",
    "synchronous_commit": "on",
    "lc_collate": "C.UTF-8",
    "lc_messages": "C.UTF-8",
    "ssl": "on",
}
_UTF8: Final = frozenset({"utf8", "utf-8", "unicode", "sql_ascii", "default"})
_UTC: Final = frozenset({"utc", "etc/utc", "gmt", "z", "default", "local", "+00", "0", "zulu"})


@dataclass(slots=True)
class Session:
    """What one client has set, and where it thinks its transaction is."""

    values: dict[str, str] = field(default_factory=dict[str, str])
    status: str = "I"

    def copy(self) -> Session:
        """One that can be tried on."""
        return replace(self, values=dict(self.values))

    def fail(self) -> None:
        """A statement has failed."""
        if self.status == "T":
            self.status = "E"

    def require_usable(self) -> None:
        """Inside a failed transaction nothing is answered."""
        if self.status == "E":
            raise Problem("25P02", "current transaction is aborted, commands ignored until end of transaction block")

    def shown(self, name: str) -> str:
        """The value of a setting; 42704 for one that is not known."""
        known = {key.lower(): value for key, value in {**_SHOWN, **REPORTED}.items()}
        key = name.lower()
        if key in self.values:
            return self.values[key]
        if key not in known:
            raise Problem("42704", f'unrecognized configuration parameter "{name}"')
        return known[key]

    def statement_s(self, most: float) -> float:
        """Seconds that a statement may take: what the client has set, at most what the server allows."""
        text = self.values.get("statement_timeout", "0")
        return min(most, _seconds(text) or most)


def _seconds(text: str) -> float:
    """A PostgreSQL duration, in milliseconds where no unit is given; 0 means none."""
    units = {"ms": 0.001, "s": 1.0, "min": 60.0, "h": 3600.0}
    number = text.strip().rstrip("abcdefghijklmnopqrstuvwxyz ")
    unit = text.strip()[len(number) :].strip() or "ms"
    try:
        return max(0.0, float(number) * units[unit])
    except (ValueError, KeyError):
        return 0.0


@dataclass(frozen=True, slots=True)
class Answered:
    """Messages that are the whole answer; `columns` if rows are among them."""

    columns: list[Column] | None
    described: bytes
    rest: bytes


def _tag(tag: str, *more: bytes) -> Answered:
    return Answered(None, b"", b"".join(more) + protocol.complete(tag))


def _table(columns: list[str], rows: list[list[str]], tag: str) -> Answered:
    described = [Column(name, _TEXT_OID) for name in columns]
    body = b"".join(protocol.data_row(v.encode() for v in row) for row in rows)
    return Answered(described, protocol.row_description(described), body + protocol.complete(tag))


def answer(statement: Statement, session: Session) -> Answered | None:
    """The answer, or None if the statement is none of these."""
    first = statement.words[0] if statement.words else ""
    if first in _ENDS:
        return _end(statement, session, first)
    reader = _READERS.get(first)
    if reader is None:
        return None
    session.require_usable()
    return reader(statement, session)


def _begin(statement: Statement, session: Session) -> Answered:
    if statement.words[0] == "start" and statement.words[1:2] != ("transaction",):
        raise Problem("42601", 'syntax error at or near "start"')
    more = protocol.notice("25001", "there is already a transaction in progress") if session.status == "T" else b""
    session.status = "T"
    return _tag("BEGIN" if statement.words[0] == "begin" else "START TRANSACTION", more)


def _end(statement: Statement, session: Session, first: str) -> Answered:
    if first == "rollback" and "to" in statement.words:
        session.status = "T" if session.status == "E" else session.status
        return _tag("ROLLBACK")
    was, session.status = session.status, "I"
    more = protocol.notice("25P01", "there is no transaction in progress") if was == "I" else b""
    return _tag("ROLLBACK" if was == "E" or _ENDS[first] == "ROLLBACK" else "COMMIT", more)


def _set(statement: Statement, session: Session) -> Answered:
    pieces = [t.word or t.text for t in statement.tokens[1:]]
    if pieces and pieces[0].lower() in ("session", "local") and len(pieces) > 1 and pieces[1] not in ("=", "to"):
        pieces = pieces[1:]
    head = [p.lower() for p in pieces[:2]]
    if head in (["characteristics", "as"], ["session", "authorization"]) or head[:1] in (
        ["transaction"],
        ["role"],
        ["authorization"],
    ):
        return _tag("SET")
    if head == ["time", "zone"]:
        pieces = ["timezone", "=", *pieces[2:]]
    elif head[:1] == ["names"]:
        pieces = ["client_encoding", "=", *pieces[1:]]
    name, value = _assignment(pieces)
    return _tag("SET", _assigned(name, value, session))


def _assignment(pieces: list[str]) -> tuple[str, str]:
    separator = next((n for n, p in enumerate(pieces) if p.lower() in ("=", "to")), 0)
    if not separator or separator + 1 >= len(pieces):
        raise Problem("42601", "syntax error in SET")
    value = "".join(p[1:-1] if p.startswith("'") else p for p in pieces[separator + 1 :])
    return "".join(pieces[:separator]).lower(), value


def _assigned(name: str, value: str, session: Session) -> bytes:
    """Keeps the value; the messages that tell the client of it."""
    if name == "client_encoding" and value.lower() not in _UTF8:
        raise Problem("22023", f'client_encoding "{value[:40]}" is not available: texts are UTF-8')
    if name == "timezone":
        if value.lower() not in _UTC:
            return protocol.notice("01000", "times are answered in UTC")
        return b""
    if name == "client_encoding" or len(session.values) > 200:
        return b""
    session.values[name] = value
    reported = next((key for key in REPORTED if key.lower() == name), None)
    return protocol.parameter_status(reported, value) if reported == "application_name" else b""


def _show(statement: Statement, session: Session) -> Answered:
    words = [t.word or t.text for t in statement.tokens[1:]]
    spelled = " ".join(words).lower()
    if spelled == "all":
        everything = {**_SHOWN, **REPORTED, **session.values}
        rows = [[name, value, ""] for name, value in sorted(everything.items())]
        return _table(["name", "setting", "description"], rows, "SHOW")
    names = {"transaction isolation level": "transaction_isolation", "time zone": "TimeZone"}
    name = names.get(spelled, "".join(words))
    return _table([name], [[session.shown(name)]], "SHOW")


def _reset(statement: Statement, session: Session) -> Answered:
    name = "".join(t.word for t in statement.tokens[1:]).lower()
    if name == "all":
        session.values.clear()
    session.values.pop(name, None)
    return _tag("RESET")


def _savepoint(statement: Statement, session: Session) -> Answered:
    if session.status == "I":
        raise Problem("25P01", "SAVEPOINT can only be used in transaction blocks")
    return _tag(statement.words[0].upper())


def _nothing(tag: str) -> Callable[[Statement, Session], Answered]:
    def reader(statement: Statement, session: Session) -> Answered:
        del statement, session
        return _tag(tag)

    return reader


_ENDS: Final = {"commit": "COMMIT", "end": "COMMIT", "rollback": "ROLLBACK", "abort": "ROLLBACK"}
_READERS: Final[Mapping[str, Callable[[Statement, Session], Answered]]] = {
    "begin": _begin,
    "start": _begin,
    "set": _set,
    "show": _show,
    "reset": _reset,
    "savepoint": _savepoint,
    "release": _savepoint,
    "discard": _nothing("DISCARD ALL"),
    "deallocate": _nothing("DEALLOCATE"),
    "listen": _nothing("LISTEN"),
    "unlisten": _nothing("UNLISTEN"),
}
