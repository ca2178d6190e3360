"""Owns one worker: a process with limits of the kernel that answers queries one after another over a pipe.

Its main thread reads requests and cancellations, a second one runs the queries. Rows leave it as finished protocol
messages, so that the process that holds the connections only passes bytes on.
"""

from __future__ import annotations

import json
import os
import queue
import re
import resource
import struct
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO, Final

from .copying import Copy
from .engine import Engine
from .guard import check
from .inference import guessed
from .parameters import array_of_text, parameter
from .protocol import Column, Problem, copy_data, data_row
from .sqlstate import problem_of
from .statements import parameters, translated
from .values import column, encoder

Writer = Callable[[Iterable[bytes | None]], bytes]
HEADER: Final = struct.Struct("!cI")
COLUMNS, ROWS, DONE, FAILED, READY, PARAMETERS = b"T", b"D", b"C", b"E", b"R", b"t"
# A worker without a query gives the store's file back after this long.
_LINGER_S: Final = 0.1
# Rows taken at once: few at first, for a row may be a megabyte, then more while they are small.
_FIRST_ROWS: Final = 16
_MOST_ROWS: Final = 2_000
_CHUNK_BYTES: Final = 1 << 16
_EXPLAIN: Final = re.compile(r"explain\s+(?:analyze\s+)?", re.IGNORECASE)
_ANY_OF: Final = re.compile(r"\b(?:any|all|some)\s*\(\s*\$(\d{1,4})", re.IGNORECASE)
# What a description is made from where no value is given yet.
_ANY_VALUE: Final = {"BOOLEAN": "true", "DATE": "2000-01-01", "TIME": "00:00", "INTERVAL": "1 day", "BLOB": "x"}
_ANY_MOMENT: Final = "2000-01-01 00:00:00"
_ANY_UUID: Final = "00000000-0000-0000-0000-000000000000"


def lower_limits(memory_bytes: int) -> None:
    """No file can grow, no core is written, memory is bounded: what asks for more ends this process at most."""
    for name, value in (
        # Private memory is what can be used up; addresses alone cost nothing.
        (resource.RLIMIT_DATA, memory_bytes),
        (resource.RLIMIT_AS, memory_bytes * 3),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, 64),
    ):
        resource.setrlimit(name, (value, value))


class Worker:
    """Runs requests against an engine, one at a time."""

    def __init__(self, engine: Engine, out: BinaryIO, max_rows: int, max_bytes: int) -> None:
        self._engine = engine
        self._out = out
        self._max_rows = max_rows
        self._max_bytes = max_bytes
        self._requests: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self._state = threading.Lock()
        self._running = 0
        self._is_cancelled = False

    def serve(self, requests: Iterator[dict[str, Any]]) -> None:
        """Answers until the requests end."""
        thread = threading.Thread(target=self._answer_all, daemon=True)
        thread.start()
        self._send(READY, b"{}")
        for request in requests:
            if request["op"] == "cancel":
                self._cancel(request["id"])
            else:
                self._requests.put(request)
        self._requests.put(None)
        thread.join(0.5)

    def _cancel(self, number: int) -> None:
        with self._state:
            if self._running == number:
                self._is_cancelled = True
                self._engine.interrupt()

    def _answer_all(self) -> None:
        while True:
            try:
                request = self._requests.get(timeout=_LINGER_S)
            except queue.Empty:
                self._engine.release()
                request = self._requests.get()
            if request is None:
                return
            self._answer(request)

    def _answer(self, request: dict[str, Any]) -> None:
        with self._state:
            self._running = request["id"]
            self._is_cancelled = False
        try:
            done = self._describe(request) if request["op"] == "describe" else self._run(request)
            kind, answer = DONE, done
        except Exception as e:
            problem = problem_of(e)
            kind = FAILED
            answer = {"code": problem.code, "message": problem.message, "hint": problem.hint}
        with self._state:
            self._running = 0
        self._send(kind, json.dumps(answer).encode())

    def _send(self, kind: bytes, body: bytes) -> None:
        self._out.write(HEADER.pack(kind, len(body)) + body)
        self._out.flush()

    def _run(self, request: dict[str, Any]) -> dict[str, Any]:
        text = translated(request["query"])
        with self._engine.lease() as con:
            self._check(con, text)
            values = _values(request)[: parameters(text)]
            result = con.execute(text, values) if values else con.execute(text)
            columns = [column(c[0], c[1]) for c in result.description]
            # What was described to the client is what it gets.
            columns = _promised(columns, request.get("oids"))
            self._send(COLUMNS, _columns_json(columns))
            write = _written_as(request.get("copy"))
            return {"rows": self._send_rows(result, columns, request["formats"], write)}

    def _check(self, con: Any, text: str) -> None:
        explained = _EXPLAIN.match(text)
        check(con, text[explained.end() :] if explained else text, self._engine.visible)

    def _send_rows(self, result: Any, columns: list[Column], formats: list[int], write: Writer) -> int:
        if len(formats) not in (0, 1, len(columns)):
            raise Problem("08P01", "the number of result formats is not the number of columns")
        asked = formats * len(columns) if len(formats) == 1 else formats or [0] * len(columns)
        encoders = [encoder(c.oid, bool(f)) for c, f in zip(columns, asked, strict=True)]
        count = size = 0
        block: list[bytes] = []
        waiting = 0
        chunk = _FIRST_ROWS
        while rows := result.fetchmany(chunk):
            before = size + waiting
            count += len(rows)
            if count > self._max_rows:
                raise Problem("54000", f"the result has more than {self._max_rows} rows", "Add a LIMIT.")
            if self._is_cancelled:
                raise Problem("57014", "canceling statement due to user request")
            for row in rows:
                block.append(write(None if v is None else e(v) for v, e in zip(row, encoders, strict=True)))
                waiting += len(block[-1])
                if waiting >= _CHUNK_BYTES:
                    size += waiting
                    self._bound(size)
                    self._send(ROWS, b"".join(block))
                    block, waiting = [], 0
            is_small = size + waiting - before < _CHUNK_BYTES
            chunk = min(_MOST_ROWS, chunk * 2) if is_small else max(1, chunk // 4)
        if block:
            self._bound(size + waiting)
            self._send(ROWS, b"".join(block))
        return count

    def _bound(self, size: int) -> None:
        if size > self._max_bytes:
            raise Problem("54000", f"the result is larger than {self._max_bytes >> 20} MiB", "Ask for fewer columns.")

    def _describe(self, request: dict[str, Any]) -> dict[str, Any]:
        text = translated(request["query"])
        with self._engine.lease() as con:
            self._check(con, text)
            if _EXPLAIN.match(text):
                columns = [Column("explain_key", 25), Column("explain_value", 25)]
            else:
                request = self._guessed(request)
                values = _values(request)[: parameters(text)]
                # No row of it is made: the optimizer sees at once that nothing can come.
                around = f"select * from (\n{text}\n) as described limit 0"
                result = con.execute(around, values) if values else con.execute(around)
                shapes = [column(c[0], c[1]) for c in result.description]
                result.fetchall()
                # Around a query, columns of one name get others; the query's own description has them as they are.
                named = con.execute(f"describe {text}", values) if values else con.execute(f"describe {text}")
                names = [row[0] for row in named.fetchall()]
                columns = [replace(c, name=name) for c, name in zip(shapes, names, strict=True)]
        self._send(COLUMNS, _columns_json(columns))
        return {"rows": 0}

    def _guessed(self, request: dict[str, Any]) -> dict[str, Any]:
        """The request with a type for each open parameter that its words tell; the client is told them."""
        found = guessed(request["query"], self._engine.column_oids)
        given = [
            {**one, "oid": found.get(n, 0)} if one.get("is_open") and not one["oid"] else one
            for n, one in enumerate(request["parameters"], 1)
        ]
        self._send(PARAMETERS, json.dumps([one["oid"] for one in given]).encode())
        return {**request, "parameters": given}


def _written_as(copy: dict[str, Any] | None) -> Writer:
    """How a row leaves: as a row of a result, or as a line of a copy."""
    if copy is None:
        return data_row
    form = Copy(**copy)
    return lambda values: copy_data(form.row(values))


def _promised(columns: list[Column], oids: list[int] | None) -> list[Column]:
    if oids is None or len(oids) != len(columns):
        return columns
    return [c if c.oid == oid else Column(c.name, oid, c.size, -1) for c, oid in zip(columns, oids, strict=True)]


def _columns_json(columns: list[Column]) -> bytes:
    return json.dumps([[c.name, c.oid, c.size, c.modifier] for c in columns]).encode()


def _values(request: dict[str, Any]) -> list[Any]:
    """The values of the request's parameters for DuckDB; a value that is not given yet is any of its type."""
    from duckdb import Value, sqltype

    found: list[Any] = []
    # `= any($1)` with a text of no type: an array, as drivers write one.
    listed = {int(n) - 1 for n in _ANY_OF.findall(request["query"])}
    for number, given in enumerate(request["parameters"]):
        raw = None if given["value"] is None else bytes.fromhex(given["value"])
        read_as, value = parameter(raw, given["oid"], bool(given["format"]))
        if number in listed and read_as is None and isinstance(value, str) and value.startswith("{"):
            value = array_of_text(value)
        if value is None and given.get("is_open") and read_as:
            value = _ANY_VALUE.get(read_as, _ANY_UUID if read_as == "UUID" else "0")
            value = _ANY_MOMENT if read_as.startswith("TIMESTAMP") else value
        found.append(value if read_as is None else Value(value, sqltype(read_as)))
    return found


def requests_of(source: BinaryIO) -> Iterator[dict[str, Any]]:
    """The requests on a pipe, until it ends."""
    while len(head := source.read(4)) == 4:
        (length,) = struct.unpack("!I", head)
        body = source.read(length)
        if len(body) < length:
            return
        yield json.loads(body)


def main() -> None:
    """Reads what it shall be from the first request, closes every way out, then answers."""
    source = os.fdopen(os.dup(0), "rb")
    out = os.fdopen(os.dup(1), "wb")
    # Whatever prints must not land among the answers.
    os.dup2(2, 1)
    setup = next(requests_of(source))
    lower_limits(setup["memory_bytes"])
    home, path = Path(setup["home"]), Path(setup["path"])
    engine = Engine(home, path, setup["duckdb_memory"], shows_content=setup["shows_content"])
    import duckdb

    del duckdb
    Worker(engine, out, setup["max_rows"], setup["max_bytes"]).serve(requests_of(source))
    # A query may still run; nothing of it is wanted, and waiting for it would outlive the one who asked.
    os._exit(0)


if __name__ == "__main__":
    main()
