"""Owns one connection after it was admitted: simple and extended protocol, transactions in name, prepared statements.

Every query is a transaction of its own that only reads; BEGIN, SET and their like are answered here and go no further.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import asdict
from typing import Any, Final

from . import protocol
from .commands import Answered, Session, answer
from .copying import BINARY_END, BINARY_HEAD, Copy, copied
from .cursors import WORDS, Cursor, declared, fetched
from .pool import Pool, WorkerDied
from .portals import Portal, Prepared
from .protocol import Bind, Column, Problem, ProtocolError
from .statements import Statement, parameters, split
from .worker import COLUMNS, DONE, PARAMETERS, ROWS

# What a client may keep here.
_STATEMENTS: Final = 1_000
_PORTALS: Final = 200
# Rows of a portal that is read in pieces wait here.
_HELD_BYTES: Final = 16 << 20
_CURSOR_BYTES: Final = 64 << 20
_LOOK_S: Final = 0.5
_RESERVED: Final = (
    "insert", "update", "delete", "merge", "create", "drop", "alter", "truncate", "vacuum", "grant", "revoke",
    "comment", "reindex", "cluster", "refresh", "copy", "import", "export", "attach", "detach", "install", "load",
    "pragma", "call", "checkpoint", "do", "lock", "notify", "use", "execute", "prepare", "analyze", "force", "update",
)  # fmt: skip
_READING: Final = frozenset({"select", "with", "values", "table", "from", "explain", "describe", "summarize", "("})
_NOT_HERE: Final = frozenset({"copy", "execute", "prepare", "use"})


class Cancelled(Exception):
    """The client asked to cancel, or went away."""


class Conversation:
    """Answers the messages of one client, in their order."""

    def __init__(
        self,
        pool: Pool,
        send: Callable[[bytes], Awaitable[None]],
        is_gone: Callable[[], bool],
        session: Session,
    ) -> None:
        self._pool = pool
        self._send = send
        self._is_gone = is_gone
        self.session = session
        self._statements: dict[str, Prepared] = {}
        self._portals: dict[str, Portal] = {}
        self._cursors: dict[str, Cursor] = {}
        self._cancel = asyncio.Event()
        self._is_skipping = False
        self._handlers: dict[bytes, Callable[[bytes], Awaitable[None]]] = {
            b"P": self._on_parse,
            b"B": self._on_bind,
            b"D": self._on_describe,
            b"E": self._on_execute,
            b"C": self._on_close,
        }
        self.queries = 0
        self.failures = 0

    def cancel(self) -> None:
        """The query that runs now ends with 57014; without one nothing happens."""
        self._cancel.set()

    async def on_message(self, kind: bytes, body: bytes) -> None:
        """Handles one message; a ProtocolError ends the connection."""
        if kind == b"Q":
            self._is_skipping = False
            await self._on_query(protocol.parse_query(body))
        elif kind == b"S":
            await self._flush_descriptions()
            self._is_skipping = False
            if self.session.status == "I":
                self._portals.clear()
            await self._ready()
        elif kind == b"H":
            await self._flush_descriptions()
        elif kind == b"F":
            raise ProtocolError("function calls are not answered")
        elif kind in b"dcf":
            # What is left of a copy that was refused.
            return
        elif kind not in self._handlers:
            raise ProtocolError("a message is of no known kind")
        elif not self._is_skipping:
            try:
                await self._handlers[kind](body)
            except Problem as e:
                await self._fail(e)
                self._is_skipping = True

    async def _fail(self, problem: Problem) -> None:
        self.failures += 1
        for portal in self._portals.values():
            portal.is_description_due = False
        self.session.fail()
        await self._send(protocol.error(problem))

    # --- the simple protocol

    async def _on_query(self, text: str) -> None:
        self._portals.clear()
        statements = split(text)
        try:
            if not statements:
                await self._send(protocol.EMPTY_QUERY)
            for statement in statements:
                await self._simple(statement)
        except Problem as e:
            await self._fail(e)
        await self._ready()

    async def _ready(self) -> None:
        if self.session.status == "I":
            self._cursors = {name: one for name, one in self._cursors.items() if one.is_kept}
        await self._send(protocol.ready(self.session.status))

    async def _simple(self, statement: Statement) -> None:
        if statement.words[:1] and statement.words[0] in WORDS:
            await self._cursor(statement, (), (), is_description_due=True)
            return
        copy = copied(statement) if statement.words[:1] == ("copy",) else None
        if copy:
            # As any query is.
            for inner in split(copy.query):
                self._own_answer(inner)
        answered = None if copy else self._own_answer(statement)
        if answered is not None:
            await self._send(answered.described + answered.rest)
            return
        await (self._copy(copy) if copy else self._select(statement.text))

    async def _copy(self, copy: Copy) -> None:
        count = 0
        # Drivers look for the head of a binary copy in the message of its first row.
        head = BINARY_HEAD if copy.is_binary else b""
        async for kind, piece in self._rows(copy.query, (), None, copy=copy):
            if kind == COLUMNS:
                await self._send(protocol.copy_out(len(piece), is_binary=copy.is_binary))
                if copy.has_header:
                    await self._send(protocol.copy_data(copy.row(c.name.encode() for c in piece)))
            elif kind == ROWS:
                end = 1 + int.from_bytes(piece[1:5], "big")
                await self._send(protocol.copy_data(head + piece[5:end]) + piece[end:])
                head = b""
            else:
                count = piece
        if copy.is_binary:
            await self._send(protocol.copy_data(head + BINARY_END))
        await self._send(protocol.COPY_DONE + protocol.complete(f"COPY {count}"))

    async def _select(self, text: str) -> None:
        count = 0
        async for kind, piece in self._rows(text, (), None):
            if kind == COLUMNS:
                await self._send(protocol.row_description(piece))
            elif kind == ROWS:
                await self._send(piece)
            else:
                count = piece
        await self._send(protocol.complete(f"SELECT {count}"))

    def _own_answer(self, statement: Statement) -> Answered | None:
        """The answer to what never reaches a worker; raises for what is never answered."""
        found = answer(statement, self.session)
        if found is not None:
            return found
        self.session.require_usable()
        first = statement.tokens[0].text.lower()
        if first in _READING:
            return None
        if first in _RESERVED:
            if first in _NOT_HERE:
                raise Problem("0A000", f"{first.upper()} is not answered here", "Ask with SELECT.")
            raise Problem("25006", f"cannot execute {first.upper()} in a read-only transaction")
        raise Problem("42601", f'syntax error at or near "{first[:40]}"')

    # --- cursors

    async def _cursor(
        self,
        statement: Statement,
        given: tuple[dict[str, Any], ...],
        formats: tuple[int, ...],
        *,
        is_description_due: bool,
    ) -> None:
        """DECLARE, FETCH, MOVE or CLOSE."""
        self.session.require_usable()
        first = statement.words[0]
        no_rows = protocol.NO_DATA if is_description_due and formats else b""
        if first == "declare":
            await self._declare(statement, given)
            await self._send(no_rows + protocol.complete("DECLARE CURSOR"))
        elif first == "close":
            name = statement.tokens[1].word if len(statement.tokens) == 2 else ""
            if name == "all":
                self._cursors.clear()
            else:
                self._named_cursor(name)
                del self._cursors[name]
            await self._send(no_rows + protocol.complete("CLOSE CURSOR"))
        else:
            await self._fetch(statement, formats, is_description_due=is_description_due and first == "fetch")

    def _named_cursor(self, name: str) -> Cursor:
        if name not in self._cursors:
            raise Problem("34000", f'cursor "{name}" does not exist')
        return self._cursors[name]

    async def _declare(self, statement: Statement, given: tuple[dict[str, Any], ...]) -> None:
        asked = declared(statement)
        if self.session.status == "I" and not asked.is_kept:
            raise Problem("25P01", "DECLARE CURSOR can only be used in transaction blocks")
        if asked.name in self._cursors:
            raise Problem("42P03", f'cursor "{asked.name}" already exists')
        if len(self._cursors) >= _PORTALS:
            raise Problem("54000", "too many cursors", "Close some.")
        self._own_answer(asked.statement)
        columns: list[Column] = []
        async for kind, piece in self._rows(asked.statement.text, given, None, is_described=True):
            columns = piece if kind == COLUMNS else columns
        self._cursors[asked.name] = Cursor(asked.statement, given, columns, asked.is_kept)

    async def _fetch(self, statement: Statement, formats: tuple[int, ...], *, is_description_due: bool) -> None:
        name, count = fetched(statement)
        cursor = self._named_cursor(name)
        if not cursor.is_run:
            size = 0
            async for kind, piece in self._rows(cursor.statement.text, cursor.given, None, formats=formats):
                if kind == ROWS:
                    size += len(piece)
                    if size > _CURSOR_BYTES:
                        raise Problem("54000", "the result is too large for a cursor", "Fetch it without one.")
                    cursor.held.extend(protocol.split_rows(piece))
            cursor.is_run = True
        taken = len(cursor.held) if count is None else min(count, len(cursor.held))
        rows, cursor.held = cursor.held[:taken], cursor.held[taken:]
        head = protocol.row_description(cursor.columns, formats) if is_description_due else b""
        is_moved = statement.words[0] == "move"
        await self._send(
            head + (b"" if is_moved else b"".join(rows)) + protocol.complete(f"{statement.words[0].upper()} {taken}")
        )

    # --- the extended protocol

    async def _on_parse(self, body: bytes) -> None:
        asked = protocol.parse_parse(body)
        statements = split(asked.query)
        if len(statements) > 1:
            raise Problem("42601", "cannot insert multiple commands into a prepared statement")
        if asked.name and asked.name in self._statements:
            raise Problem("42P05", f'prepared statement "{asked.name}" already exists')
        if len(self._statements) >= _STATEMENTS:
            raise Problem("54000", "too many prepared statements", "Deallocate some.")
        self._statements[asked.name] = Prepared(statements[0] if statements else None, asked.oids)
        await self._send(protocol.PARSE_COMPLETE)

    async def _on_bind(self, body: bytes) -> None:
        bind = protocol.parse_bind(body)
        prepared = self._statement(bind.statement)
        wanted = parameters(prepared.statement.text) if prepared.statement else 0
        if len(bind.values) < wanted:
            raise Problem("08P01", f"the statement has {wanted} parameters and {len(bind.values)} were given")
        if len(self._portals) >= _PORTALS:
            raise Problem("54000", "too many portals", "Close some.")
        self._portals[bind.portal] = Portal(prepared, bind)
        await self._send(protocol.BIND_COMPLETE)

    def _statement(self, name: str) -> Prepared:
        if name not in self._statements:
            raise Problem("26000", f'prepared statement "{name}" does not exist')
        return self._statements[name]

    def _portal(self, name: str) -> Portal:
        if name not in self._portals:
            raise Problem("34000", f'portal "{name}" does not exist')
        return self._portals[name]

    async def _on_describe(self, body: bytes) -> None:
        target = protocol.parse_target(body)
        if target.kind == "P" and target.name in self._cursors:
            # A cursor is a portal to drivers that declare one.
            await self._send(protocol.row_description(self._cursors[target.name].columns))
            return
        if target.kind == "P":
            # The run that mostly follows at once brings the description; a plan made twice costs more.
            self._portal(target.name).is_description_due = True
            return
        prepared = self._statement(target.name)
        columns = await self._described(prepared, None)
        wanted = parameters(prepared.statement.text) if prepared.statement else 0
        oids = [prepared.oids[n] or 25 if n < len(prepared.oids) else 25 for n in range(wanted)]
        await self._send(protocol.parameter_description(oids))
        prepared.described = [c.oid for c in columns] if columns else None
        await self._send(protocol.row_description(columns) if columns is not None else protocol.NO_DATA)

    async def _described(self, prepared: Prepared, bind: Bind | None) -> list[Column] | None:
        """The columns that a run would give; None if it gives no rows."""
        if prepared.statement is None:
            return None
        first = prepared.statement.words[0] if prepared.statement.words else ""
        if first in WORDS:
            return self._named_cursor(fetched(prepared.statement)[0]).columns if first == "fetch" else None
        answered = answer(prepared.statement, self.session.copy())
        if answered is not None:
            return answered.columns
        self._own_answer(prepared.statement)
        columns: list[Column] = []
        given = self._parameters(prepared, bind)
        async for kind, piece in self._rows(prepared.statement.text, given, None, is_described=True):
            if kind == COLUMNS:
                columns = piece
            elif kind == PARAMETERS and bind is None:
                # As they are described, so are they read when they come.
                prepared.oids = tuple(piece)
        return columns

    def _parameters(self, prepared: Prepared, bind: Bind | None) -> tuple[dict[str, Any], ...]:
        def oid(n: int) -> int:
            return prepared.oids[n] if n < len(prepared.oids) else 0

        if bind is None:
            wanted = parameters(prepared.statement.text) if prepared.statement else 0
            return tuple({"value": None, "oid": oid(n), "format": 0, "is_open": True} for n in range(wanted))
        return tuple(
            {"value": None if v is None else v.hex(), "oid": oid(n), "format": bind.format_of(n)}
            for n, v in enumerate(bind.values)
        )

    async def _flush_descriptions(self) -> None:
        """Descriptions that no run has brought are made on their own."""
        for portal in list(self._portals.values()):
            if not portal.is_description_due or self._is_skipping:
                continue
            portal.is_description_due = False
            try:
                columns = await self._described(portal.prepared, portal.bind)
                await self._send(
                    protocol.NO_DATA
                    if columns is None
                    else protocol.row_description(columns, portal.bind.result_formats)
                )
            except Problem as e:
                await self._fail(e)
                self._is_skipping = True

    async def _on_execute(self, body: bytes) -> None:
        asked = protocol.parse_execute(body)
        portal = self._portal(asked.portal)
        due, portal.is_description_due = portal.is_description_due, False
        statement = portal.prepared.statement
        if statement is None:
            await self._send((protocol.NO_DATA if due else b"") + protocol.EMPTY_QUERY)
            return
        if portal.is_run:
            await self._send_held(portal, asked.rows)
            return
        if statement.words[:1] and statement.words[0] in WORDS:
            given = self._parameters(portal.prepared, portal.bind)
            formats = tuple(portal.bind.result_formats) or (0,)
            await self._cursor(statement, given, formats, is_description_due=due)
            return
        answered = self._own_answer(statement)
        if answered is not None:
            head = answered.described or protocol.NO_DATA
            await self._send((head if due else b"") + answered.rest)
            return
        await self._run_portal(portal, statement, asked.rows, is_description_due=due)

    async def _run_portal(self, portal: Portal, statement: Statement, rows: int, *, is_description_due: bool) -> None:
        size = 0
        given = self._parameters(portal.prepared, portal.bind)
        async for kind, piece in self._rows(statement.text, given, portal):
            if kind == COLUMNS:
                if is_description_due:
                    await self._send(protocol.row_description(piece, portal.bind.result_formats))
            elif kind == DONE:
                portal.sent = piece
            elif not rows:
                await self._send(piece)
            else:
                size += len(piece)
                if size > _HELD_BYTES:
                    raise Problem("54000", "the result is too large to be fetched in pieces", "Fetch it whole.")
                portal.held.extend(protocol.split_rows(piece))
        portal.is_run = True
        if rows:
            portal.sent = 0
            await self._send_held(portal, rows)
        else:
            await self._send(protocol.complete(f"SELECT {portal.sent}"))

    async def _send_held(self, portal: Portal, rows: int) -> None:
        count = rows or len(portal.held)
        piece, portal.held = portal.held[:count], portal.held[count:]
        portal.sent = len(piece)
        end = protocol.SUSPENDED if portal.held else protocol.complete(f"SELECT {portal.sent}")
        await self._send(b"".join(piece) + end)

    async def _on_close(self, body: bytes) -> None:
        target = protocol.parse_target(body)
        if target.kind == "S":
            self._statements.pop(target.name, None)
        else:
            self._portals.pop(target.name, None)
        await self._send(protocol.CLOSE_COMPLETE)

    # --- running

    async def _rows(
        self,
        text: str,
        given: tuple[dict[str, Any], ...],
        portal: Portal | None,
        *,
        is_described: bool = False,
        copy: Copy | None = None,
        formats: tuple[int, ...] = (),
    ) -> AsyncGenerator[tuple[bytes, Any]]:
        """(COLUMNS, columns), then (ROWS, bytes) any number of times, then (DONE, number of rows).

        A description has (PARAMETERS, oids) first.
        """
        import json

        self.queries += 1
        self._cancel.clear()
        request: dict[str, Any] = {
            "op": "describe" if is_described else "run",
            "query": text,
            "parameters": given,
            "formats": portal.bind.result_formats if portal else (1,) if copy and copy.is_binary else formats,
            "oids": portal.prepared.described if portal else None,
            "copy": asdict(copy) if copy else None,
        }
        watch = asyncio.create_task(self._watch(asyncio.current_task()))
        try:
            async with asyncio.timeout(self.session.statement_s(self._pool.limits.statement_s)):
                async with self._pool.worker() as worker:
                    async for kind, body in worker.answer(request):
                        if kind == COLUMNS:
                            yield kind, [Column(*c) for c in json.loads(body)]
                        elif kind == PARAMETERS:
                            yield kind, json.loads(body)
                        elif kind == DONE:
                            yield kind, json.loads(body)["rows"]
                        else:
                            yield kind, body
        except TimeoutError as e:
            raise Problem("57014", "canceling statement due to statement timeout") from e
        except WorkerDied as e:
            raise Problem(
                "53200", "the query needs more memory than it may have", "Ask for fewer rows or a shorter period."
            ) from e
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if not watch.done() or watch.cancelled() or task is None:
                raise
            task.uncancel()
            if self._is_gone():
                raise Cancelled from None
            raise Problem("57014", "canceling statement due to user request") from None
        finally:
            watch.cancel()

    async def _watch(self, task: asyncio.Task[Any] | None) -> None:
        """Cancels the task that runs the query when the client asks for it or goes away."""
        while not self._is_gone():
            try:
                async with asyncio.timeout(_LOOK_S):
                    await self._cancel.wait()
                    break
            except TimeoutError:
                continue
        if task is not None:
            task.cancel()
