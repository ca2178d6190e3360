"""Owns the little of a PostgreSQL client that a check takes: one connection, simple queries, text rows."""

from __future__ import annotations

import socket
import ssl
import struct
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

from scramp import ScramClient

_PROTOCOL: Final = 196608
_TLS: Final = 80877103
_OK, _SASL, _CONTINUE, _FINAL = 0, 10, 11, 12
_READ: Final = 65536


class Refused(Exception):
    """The server's error: its SQLSTATE and its words."""

    def __init__(self, fields: dict[str, str]) -> None:
        self.sqlstate = fields.get("C", "")
        hint = f" {fields['H']}" if fields.get("H") else ""
        super().__init__(f"{fields.get('M', 'unknown error')}{hint}")


@dataclass(frozen=True, slots=True)
class Rows:
    """A result as text: names and type OIDs of the columns, and the rows."""

    columns: tuple[str, ...]
    oids: tuple[int, ...]
    rows: list[tuple[str | None, ...]]
    tag: str


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server is and who asks; `tls` is null for a plain connection."""

    host: str
    port: int
    user: str
    password: str
    database: str = "llmwatch"
    tls: ssl.SSLContext | None = None


class Client:
    """One connection; OSError if it cannot be had or breaks, Refused for what the server says no to."""

    def __init__(self, address: Address, timeout_s: float = 60.0) -> None:
        self._socket: socket.socket = socket.create_connection((address.host, address.port), timeout_s)
        self._waiting = b""
        try:
            if address.tls is not None:
                self._socket = _encrypted(self._socket, address.tls, address.host)
            words = "".join(f"{k}\0{v}\0" for k, v in (("user", address.user), ("database", address.database)))
            body = struct.pack("!i", _PROTOCOL) + words.encode() + b"\0"
            self._socket.sendall(struct.pack("!i", len(body) + 4) + body)
            self._log_in(address)
        except BaseException:
            self._socket.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()

    def ask(self, sql: str) -> Rows:
        """The last result of the text."""
        self._send(b"Q", sql.encode() + b"\0")
        columns: tuple[str, ...] = ()
        oids: tuple[int, ...] = ()
        rows: list[tuple[str | None, ...]] = []
        tag = ""
        refused: Refused | None = None
        while True:
            kind, body = self._receive()
            if kind == b"T":
                columns, oids = _described(body)
                rows = []
            elif kind == b"D":
                rows.append(_row(body))
            elif kind == b"C":
                tag = body[:-1].decode()
            elif kind == b"E":
                refused = Refused(_fields(body))
            elif kind == b"Z":
                if refused:
                    raise refused
                return Rows(columns, oids, rows, tag)

    def _log_in(self, address: Address) -> None:
        scram: ScramClient | None = None
        while True:
            kind, body = self._receive()
            if kind == b"E":
                raise Refused(_fields(body))
            if kind == b"Z":
                return
            if kind != b"R":
                continue
            step = struct.unpack("!i", body[:4])[0]
            if step == _SASL:
                scram = ScramClient(["SCRAM-SHA-256"], address.user, address.password)
                first = scram.get_client_first().encode()
                self._send(b"p", b"SCRAM-SHA-256\0" + struct.pack("!i", len(first)) + first)
            elif step == _CONTINUE and scram is not None:
                scram.set_server_first(body[4:].decode())
                self._send(b"p", scram.get_client_final().encode())
            elif step == _FINAL and scram is not None:
                scram.set_server_final(body[4:].decode())
            elif step != _OK:
                raise OSError(f"the server asks for a password in a way that is not known here ({step})")

    def _send(self, kind: bytes, body: bytes) -> None:
        self._socket.sendall(kind + struct.pack("!i", len(body) + 4) + body)

    def _receive(self) -> tuple[bytes, bytes]:
        head = self._read(5)
        return head[:1], self._read(struct.unpack("!i", head[1:])[0] - 4)

    def _read(self, size: int) -> bytes:
        while len(self._waiting) < size:
            more = self._socket.recv(_READ)
            if not more:
                raise OSError("the server closed the connection")
            self._waiting += more
        found, self._waiting = self._waiting[:size], self._waiting[size:]
        return found


def _encrypted(plain: socket.socket, tls: ssl.SSLContext, host: str) -> socket.socket:
    plain.sendall(struct.pack("!ii", 8, _TLS))
    if plain.recv(1) != b"S":
        raise OSError("the server offers no TLS")
    return tls.wrap_socket(plain, server_hostname=host)


def _described(body: bytes) -> tuple[tuple[str, ...], tuple[int, ...]]:
    names: list[str] = []
    oids: list[int] = []
    at = 2
    for _ in range(struct.unpack("!h", body[:2])[0]):
        end = body.index(b"\0", at)
        names.append(body[at:end].decode())
        oids.append(struct.unpack("!i", body[end + 7 : end + 11])[0])
        at = end + 19
    return tuple(names), tuple(oids)


def _row(body: bytes) -> tuple[str | None, ...]:
    values: list[str | None] = []
    at = 2
    for _ in range(struct.unpack("!h", body[:2])[0]):
        size = struct.unpack("!i", body[at : at + 4])[0]
        at += 4
        values.append(None if size < 0 else body[at : at + size].decode())
        at += max(size, 0)
    return tuple(values)


def _fields(body: bytes) -> dict[str, str]:
    return {part[:1].decode(): part[1:].decode("utf-8", "replace") for part in body.split(b"\0") if part}
