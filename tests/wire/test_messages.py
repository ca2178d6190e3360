"""Message sequences written from the protocol, as lib/pq, pgx and JDBC send them; and what is no message."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from scramp import ScramClient

from .served import Served


def message(kind: bytes, body: bytes = b"") -> bytes:
    """A message of a client."""
    return kind + struct.pack("!I", len(body) + 4) + body


def startup(**options: str) -> bytes:
    """The first message."""
    body = struct.pack("!I", 196_608) + b"".join(f"{k}\0{v}\0".encode() for k, v in options.items()) + b"\0"
    return struct.pack("!I", len(body) + 4) + body


class Client:
    """A socket that speaks messages."""

    def __init__(self, server: Served) -> None:
        self.socket = socket.create_connection((server.host, server.port), timeout=20)
        self._file = self.socket.makefile("rb")

    def close(self) -> None:
        """The file as well, or the connection stays."""
        self._file.close()
        self.socket.close()

    def send(self, *messages: bytes) -> None:
        """In one write."""
        self.socket.sendall(b"".join(messages))

    def receive(self) -> tuple[bytes, bytes]:
        """(kind, body); kind is empty at the end."""
        kind = self._file.read(1)
        if not kind:
            return b"", b""
        (length,) = struct.unpack("!I", self._file.read(4))
        return kind, self._file.read(length - 4)

    def until(self, last: bytes) -> list[tuple[bytes, bytes]]:
        """All messages up to and with the first of that kind, or the end."""
        found = []
        while not found or found[-1][0] not in (last, b""):
            found.append(self.receive())
        return found

    def log_in(self, password: str) -> list[tuple[bytes, bytes]]:
        """The messages from the startup to the first ReadyForQuery, or to the error."""
        self.send(startup(user="llmwatch", database="llmwatch", client_encoding="UTF8"))
        assert self.receive() == (b"R", struct.pack("!I", 10) + b"SCRAM-SHA-256\0\0")
        exchange = ScramClient(["SCRAM-SHA-256"], "llmwatch", password)
        first = exchange.get_client_first().encode()
        self.send(message(b"p", b"SCRAM-SHA-256\0" + struct.pack("!I", len(first)) + first))
        kind, body = self.receive()
        assert kind == b"R"
        exchange.set_server_first(body[4:].decode())
        self.send(message(b"p", exchange.get_client_final().encode()))
        kind, body = self.receive()
        if kind == b"E":
            return [(kind, body)]
        exchange.set_server_final(body[4:].decode())
        return self.until(b"Z")


@contextmanager
def logged_in(server: Served) -> Iterator[Client]:
    """A client after the password."""
    client = Client(server)
    try:
        client.log_in(server.password)
        yield client
    finally:
        client.close()


def kinds(found: list[tuple[bytes, bytes]]) -> str:
    """The kinds of messages as one word."""
    return b"".join(kind for kind, _ in found).decode()


def field(body: bytes, key: str) -> str:
    """One field of an error."""
    for part in body.split(b"\0"):
        if part[:1] == key.encode():
            return part[1:].decode()
    return ""


def test_lib_pq_pings_asks_and_asks_twice(server: Served) -> None:
    """Its health check is `;`; a query without arguments is a simple one; several statements are answered in turn."""
    with logged_in(server) as client:
        client.send(message(b"Q", b";\0"))
        assert kinds(client.until(b"Z")) == "IZ"
        client.send(message(b"Q", b"select 1; select 2 where false; -- end\n\0"))
        found = client.until(b"Z")
        assert kinds(found) == "TDCTCZ"
        assert [body for kind, body in found if kind == b"C"] == [b"SELECT 1\0", b"SELECT 0\0"]


def test_pgx_pings_and_takes_the_tag_of_a_with_query(server: Served) -> None:
    """Its ping is a comment; it drops every result whose tag is not SELECT."""
    with logged_in(server) as client:
        client.send(message(b"Q", b"-- ping\0"))
        assert kinds(client.until(b"Z")) == "IZ"
        client.send(message(b"Q", b"with a as (select 1 as x) select * from a\0"))
        assert (b"C", b"SELECT 1\0") in client.until(b"Z")


def test_pgx_describes_a_statement_and_binds_it_in_binary(server: Served) -> None:
    """Parse, Describe, Sync; then Bind with binary values and results, Execute, Sync."""
    with logged_in(server) as client:
        query = b"select $1::int + 1 as n, $2::text as t, 1.5::double as f"
        client.send(
            message(b"P", b"s1\0" + query + b"\0" + struct.pack("!hII", 2, 23, 25)),
            message(b"D", b"Ss1\0"),
            message(b"S"),
        )
        found = client.until(b"Z")
        assert kinds(found) == "1tTZ"
        assert found[1][1] == struct.pack("!hII", 2, 23, 25)
        bind = b"\0s1\0" + struct.pack("!hhhh", 2, 1, 0, 2) + struct.pack("!ii", 4, 41) + struct.pack("!i", 2) + b"hi"
        client.send(
            message(b"B", bind + struct.pack("!hh", 1, 1)), message(b"E", b"\0" + struct.pack("!i", 0)), message(b"S")
        )
        found = client.until(b"Z")
        assert kinds(found) == "2DCZ"
        assert found[1][1] == struct.pack("!hii", 3, 4, 42) + struct.pack("!i", 2) + b"hi" + struct.pack("!id", 8, 1.5)


def test_columns_of_one_name_are_described_by_it(server: Served) -> None:
    """A join has them; the statement's description is that of its result."""
    with logged_in(server) as client:
        query = b"with a as (select 1 as x) select a.x, b.x from a join a b using (x) limit $1"
        client.send(
            message(b"P", b"\0" + query + b"\0" + struct.pack("!hI", 1, 20)), message(b"D", b"S\0"), message(b"S")
        )
        described = client.until(b"Z")[2][1]
        assert described.count(b"x\0") == 2
        assert struct.unpack("!h", described[:2]) == (2,)


def test_jdbc_reads_a_portal_in_pieces(server: Served) -> None:
    """Execute with a row limit suspends; the next goes on; the last completes with its own number of rows."""
    with logged_in(server) as client:
        execute = message(b"E", b"p\0" + struct.pack("!i", 4))
        client.send(
            message(b"Q", b"BEGIN\0"),
            message(b"P", b"\0select * from range(10)\0" + struct.pack("!h", 0)),
            message(b"B", b"p\0\0" + struct.pack("!hhh", 0, 0, 0)),
            message(b"D", b"Pp\0"),
            execute,
            message(b"S"),
        )
        client.until(b"Z")
        assert kinds(client.until(b"Z")) == "12TDDDDsZ"
        client.send(execute, message(b"S"))
        assert kinds(client.until(b"Z")) == "DDDDsZ"
        client.send(execute, message(b"S"))
        found = client.until(b"Z")
        assert kinds(found) == "DDCZ"
        assert found[-1][1] == b"T"


def test_after_an_error_everything_is_skipped_to_the_next_sync(server: Served) -> None:
    """As the protocol says; the connection then works."""
    with logged_in(server) as client:
        bind = message(b"B", b"\0\0" + struct.pack("!hhh", 0, 0, 0))
        execute = message(b"E", b"\0" + struct.pack("!i", 0))
        bad = message(b"P", b"\0select nope\0" + struct.pack("!h", 0))
        good = message(b"P", b"\0select 1\0" + struct.pack("!h", 0))
        client.send(bad, bind, execute, good, bind, execute, message(b"S"), good, bind, execute, message(b"S"))

        assert kinds(client.until(b"Z")) == "12EZ"
        assert kinds(client.until(b"Z")) == "12DCZ"


def test_a_wrong_password_and_a_wrong_user_are_the_same_refusal(server: Served) -> None:
    """28P01, and nothing is answered before it."""
    client = Client(server)
    refused = client.log_in("not-the-password")
    client.close()

    assert field(refused[0][1], "C") == "28P01"
    early = Client(server)
    early.send(startup(user="llmwatch"), message(b"Q", b"select 1\0"))
    answered = kinds(early.until(b""))
    assert answered[:1] == "R"
    assert "T" not in answered
    early.close()


BROKEN: dict[str, bytes] = {
    "garbage": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "huge startup": struct.pack("!II", 0x7FFFFFFF, 196_608),
    "tiny startup": struct.pack("!I", 3),
    "version 2": struct.pack("!II", 8, 131_072),
    "no end": struct.pack("!II", 12, 196_608) + b"user",
    "tls again and again": struct.pack("!II", 8, 80_877_103) * 4,
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_no_startup_ends_the_connection(server: Served, name: str) -> None:
    """Nothing is answered but a refusal of encryption."""
    client = Client(server)
    client.send(BROKEN[name])
    client.socket.shutdown(socket.SHUT_WR)

    assert set(client.socket.recv(100)) <= set(b"N")
    client.close()


BROKEN_LATER: dict[str, bytes] = {
    "oversized": b"Q" + struct.pack("!I", 1 << 30),
    "negative": b"Q" + struct.pack("!i", -5),
    "unknown kind": message(b"?", b"x"),
    "no end of text": message(b"Q", b"select 1"),
    "bind too short": message(b"B", b"\0\0" + struct.pack("!hh", 0, 900)),
    "bind wants more": message(b"B", b"\0\0" + struct.pack("!hhi", 0, 1, 0x7FFFFFFF)),
    "not UTF-8": message(b"Q", b"select '\xff\xfe'\0"),
    "function call": message(b"F", b"\0\0\0\0"),
}


@pytest.mark.parametrize("name", BROKEN_LATER)
def test_what_is_no_message_ends_the_connection_with_a_reason(server: Served, name: str) -> None:
    """08P01, fatal; the server goes on."""
    with logged_in(server) as client:
        client.send(BROKEN_LATER[name])
        found: list[Any] = client.until(b"")
        assert field(found[0][1], "C") == "08P01"
    with logged_in(server) as client:
        client.send(message(b"Q", b"select 1\0"))
        assert kinds(client.until(b"Z")) == "TDCZ"


def test_a_cancel_request_needs_the_secret(server: Served) -> None:
    """A wrong one changes nothing; the right one ends the query with 57014."""
    client = Client(server)
    keys = dict(client.log_in(server.password))[b"K"]
    pid, secret = keys[:4], keys[4:]
    client.send(message(b"Q", b"select count(*) from range(3000000000) where sin(range) > 2\0"))
    for key in (bytes(4), secret):
        other = Client(server)
        other.send(struct.pack("!II", 16, 80_877_102) + pid + key)
        assert other.socket.recv(1) == b""
        other.close()

    found = client.until(b"Z")
    client.close()
    assert [field(body, "C") for kind, body in found if kind == b"E"] == ["57014"]
