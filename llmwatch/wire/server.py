"""Owns the listening side: admission, TLS, passwords, message sizes and deadlines, one task per connection."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import ssl
import struct
from dataclasses import dataclass
from typing import Final

from . import protocol
from .auth import USER, Authenticator
from .commands import REPORTED, Session
from .pool import Pool
from .protocol import MESSAGE_BYTES, STARTUP_BYTES, Problem, ProtocolError, Startup
from .session import Cancelled, Conversation

# Clients admitted; those beyond are told 53300 at once, and beyond that many more are just closed.
CONNECTIONS: Final = 100
_TOLD: Final = 400
# Until a password was given; for one that is told to go; between two messages.
_ADMISSION_S: Final = 10.0
_TELL_S: Final = 2.0
_IDLE_S: Final = 3600.0
# A client that takes no byte for this long is gone.
_STALLED_S: Final = 20.0
# Unsent bytes of one connection, and of all together before each has far less.
_UNSENT_BYTES: Final = 4 << 20
_UNSENT_OF_ALL: Final = 64 << 20
_UNSENT_LEAST: Final = 128 << 10


@dataclass(slots=True)
class Counters:
    """What happened since the start, for /metrics."""

    connections: int = 0
    refused: int = 0
    failed_passwords: int = 0
    broken: int = 0
    queries: int = 0
    failed_queries: int = 0


class _Gone(Exception):
    """The connection ends without a further word."""


class WireServer:
    """Serves one pool on one address."""

    def __init__(
        self, pool: Pool, authenticator: Authenticator, tls: ssl.SSLContext | None, *, is_tls_required: bool
    ) -> None:
        self._pool = pool
        self._authenticator = authenticator
        self._tls = tls
        self._is_tls_required = is_tls_required
        self._connections: dict[int, _Connection] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._open = 0
        self._next_pid = 1
        self._server: asyncio.Server | None = None
        self.counters = Counters()

    @property
    def open_connections(self) -> int:
        """Clients that are admitted or being admitted."""
        return min(self._open, CONNECTIONS)

    async def start(self, host: str, port: int) -> int:
        """Listens; returns the port, which is another one only if 0 was asked for."""
        self._server = await asyncio.start_server(self._accept, host, port, limit=MESSAGE_BYTES, backlog=512)
        return int(self._server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        """Ends every connection with 57P01 and stops listening."""
        if self._server is not None:
            self._server.close()
        for connection in list(self._connections.values()):
            connection.say_goodbye()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._open += 1
        is_admitted = self._open <= CONNECTIONS
        connection = _Connection(self, reader, writer)
        try:
            if is_admitted:
                self.counters.connections += 1
                await connection.run()
            elif self._open <= CONNECTIONS + _TOLD:
                self.counters.refused += 1
                await connection.refuse()
        except (ProtocolError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, UnicodeError):
            self.counters.broken += 1
        except (ConnectionError, _Gone, Cancelled, TimeoutError, ssl.SSLError, OSError):
            pass
        finally:
            self._open -= 1
            self._tasks.discard(task)
            self._connections.pop(connection.pid, None)
            self._count(connection)
            # Abort rather than close: a client that reads nothing must not keep its buffers here.
            transport = writer.transport
            if transport.get_write_buffer_size():
                with contextlib.suppress(Exception):
                    async with asyncio.timeout(1):
                        await writer.drain()
            with contextlib.suppress(Exception):
                writer.close()
            asyncio.get_running_loop().call_later(2, transport.abort)

    def _count(self, connection: _Connection) -> None:
        if connection.conversation is not None:
            self.counters.queries += connection.conversation.queries
            self.counters.failed_queries += connection.conversation.failures
            connection.conversation = None

    def queries(self) -> tuple[int, int]:
        """(asked, failed), of all connections so far."""
        talks = [c.conversation for c in self._connections.values() if c.conversation is not None]
        return (
            self.counters.queries + sum(t.queries for t in talks),
            self.counters.failed_queries + sum(t.failures for t in talks),
        )

    # --- what connections need

    def register(self, connection: _Connection) -> int:
        """A number by which the connection can be cancelled."""
        pid, self._next_pid = self._next_pid, self._next_pid % 0x7FFFFFFF + 1
        self._connections[pid] = connection
        return pid

    def cancel(self, pid: int, secret: bytes) -> None:
        """Cancels the query of a connection, if the secret is its own."""
        found = self._connections.get(pid)
        if found is not None and secrets.compare_digest(found.secret, secret):
            found.cancel()

    @property
    def tls(self) -> ssl.SSLContext | None:
        """None where connections are not encrypted."""
        return self._tls

    @property
    def is_tls_required(self) -> bool:
        """True beyond loopback."""
        return self._is_tls_required

    @property
    def authenticator(self) -> Authenticator:
        """Knows the password."""
        return self._authenticator

    @property
    def pool(self) -> Pool:
        """Runs the queries."""
        return self._pool

    def unsent_limit(self) -> int:
        """Bytes that one connection may have waiting."""
        waiting = sum(c.unsent for c in self._connections.values())
        return _UNSENT_BYTES if waiting < _UNSENT_OF_ALL else _UNSENT_LEAST


class _Connection:
    """One client, from its first byte."""

    def __init__(self, server: WireServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._server = server
        self._reader = reader
        self._writer = writer
        self._is_encrypted = False
        self.pid = 0
        self.secret = os.urandom(4)
        self.conversation: Conversation | None = None

    @property
    def unsent(self) -> int:
        """Bytes that wait for the client to take them."""
        return self._writer.transport.get_write_buffer_size()

    def cancel(self) -> None:
        """The query under way ends."""
        if self.conversation is not None:
            self.conversation.cancel()

    def say_goodbye(self) -> None:
        """Tells the client why the connection ends."""
        with contextlib.suppress(Exception):
            self._writer.write(protocol.error(Problem("57P01", "the server is stopping", is_fatal=True)))

    def _is_gone(self) -> bool:
        return self._writer.transport.is_closing() or self._reader.at_eof()

    async def _send(self, data: bytes) -> None:
        if not data:
            return
        self._writer.write(data)
        limit = self._server.unsent_limit()
        if self.unsent > limit:
            self._writer.transport.set_write_buffer_limits(high=limit, low=limit // 2)
            async with asyncio.timeout(_STALLED_S):
                await self._writer.drain()
        elif self._writer.transport.is_closing():
            raise _Gone

    # --- admission

    async def refuse(self) -> None:
        """Tells one client too many, without asking it who it is."""
        async with asyncio.timeout(_TELL_S):
            await self._startup()
            await self._send(protocol.error(Problem("53300", "sorry, too many clients already", is_fatal=True)))

    async def run(self) -> None:
        """The whole life of the connection."""
        async with asyncio.timeout(_ADMISSION_S):
            startup = await self._startup()
            if startup.code == protocol.CANCEL:
                self._server.cancel(startup.pid, startup.secret)
                return
            await self._admit(startup)
        try:
            await self._talk()
        except ProtocolError as e:
            # The stream cannot be followed any more.
            await self._send(protocol.error(Problem("08P01", f"protocol violation: {e}", is_fatal=True)))
            raise

    async def _startup(self) -> Startup:
        """The startup message, after the questions about encryption that may come before it."""
        for _ in range(3):
            head = await self._reader.readexactly(4)
            (length,) = struct.unpack("!I", head)
            if not 8 <= length <= STARTUP_BYTES:
                raise ProtocolError("a startup message has an impossible length")
            startup = protocol.parse_startup(await self._reader.readexactly(length - 4))
            if startup.code == protocol.SSL and self._server.tls is not None and not self._is_encrypted:
                await self._encrypt(self._server.tls)
            elif startup.code in (protocol.SSL, protocol.GSSENC):
                await self._send(b"N")
            else:
                return startup
        raise ProtocolError("encryption was asked for again and again")

    async def _encrypt(self, context: ssl.SSLContext) -> None:
        # Bytes sent before the handshake could have been put there by somebody between us.
        if self._reader._buffer:  # type: ignore[attr-defined]
            raise ProtocolError("unencrypted data after the request to encrypt")
        self._writer.write(b"S")
        await self._writer.start_tls(context, ssl_handshake_timeout=_ADMISSION_S)
        self._is_encrypted = True

    async def _admit(self, startup: Startup) -> None:
        if self._server.is_tls_required and not self._is_encrypted:
            raise await self._reject(Problem("28000", "connections without TLS are refused", "Use sslmode=require."))
        await self._prove(startup.options.get("user", ""))
        self.pid = self._server.register(self)
        session = Session()
        said = protocol.AUTH_OK
        name = startup.options.get("application_name", "")[:60]
        for key, value in {**REPORTED, "application_name": name}.items():
            said += protocol.parameter_status(key, value)
        self.conversation = Conversation(self._server.pool, self._send, self._is_gone, session)
        await self._send(said + protocol.backend_key(self.pid, self.secret) + protocol.ready("I"))

    async def _reject(self, problem: Problem) -> _Gone:
        fatal = Problem(problem.code, problem.message, problem.hint, is_fatal=True)
        await self._send(protocol.error(fatal))
        return _Gone()

    async def _prove(self, user: str) -> None:
        """Returns if the client knows the password; a wrong user and a wrong password are told apart by nobody."""
        from scramp import ScramException

        await self._send(protocol.ASK_SASL)
        try:
            final = await self._exchanged()
        except (ScramException, UnicodeDecodeError):
            final = None
        if final is None or user != USER:
            self._server.counters.failed_passwords += 1
            refused = Problem("28P01", f'password authentication failed for user "{user[:60]}"')
            raise await self._reject(refused)
        await self._send(protocol.sasl(12, final.encode()))

    async def _exchanged(self) -> str | None:
        """The server's last word if the client knows the password; ScramException or None if not."""
        mechanism, first = protocol.parse_sasl_initial(await self._password_message())
        if mechanism != "SCRAM-SHA-256":
            return None
        exchange = self._server.authenticator.exchange(first.decode())
        await self._send(protocol.sasl(11, exchange.get_server_first().encode()))
        exchange.set_client_final((await self._password_message()).decode())
        return str(exchange.get_server_final())

    async def _password_message(self) -> bytes:
        kind, body = await self._message(STARTUP_BYTES)
        if kind != b"p":
            raise ProtocolError("a password was expected")
        return body

    async def _message(self, longest: int) -> tuple[bytes, bytes]:
        head = await self._reader.readexactly(5)
        length = int.from_bytes(head[1:], "big")
        if not 4 <= length <= longest + 4:
            raise ProtocolError("a message has an impossible length")
        return head[:1], await self._reader.readexactly(length - 4)

    # --- talking

    async def _talk(self) -> None:
        assert self.conversation is not None
        while True:
            async with asyncio.timeout(_IDLE_S):
                kind, body = await self._message(MESSAGE_BYTES)
            if kind == b"X":
                return
            await self.conversation.on_message(kind, body)
