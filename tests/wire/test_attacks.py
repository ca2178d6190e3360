"""Attacks over the wire: all are refused or ended, the server lives within its memory, the store stays as it was."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest

from llmwatch.settings import Settings
from llmwatch.store import Store

from .conftest import CANARY
from .served import Served
from .test_messages import Client, field, logged_in, message, startup

READS_AND_WRITES = [
    "delete from calls",
    "with gone as (delete from calls returning *) select * from gone",
    "with made as (insert into grafana.meta values ('a', 'b') returning *) select * from made",
    "with changed as (update wire_catalog.pg_class set relname = 'x' returning *) select * from changed",
    "create table t as select 1",
    "create temp table t as select 1",
    "create or replace macro wire_catalog.version() as 'x'",
    "drop view grafana.calls",
    "select * from read_text('/etc/passwd')",
    "select * from read_csv('/etc/passwd')",
    "select * from read_blob('{home}/store.duckdb')",
    "select * from glob('/etc/*')",
    "from '/etc/passwd'",
    "from '{home}/store.duckdb'",
    'select * from (with "{home}/store.duckdb" as (select 1) select 1) a, "{home}/store.duckdb"',
    "copy (select 1) to '{home}/out.csv'",
    "copy calls to '{home}/out.parquet'",
    "export database '{home}/out'",
    "attach '{home}/new.duckdb' as n",
    "attach '{home}/store.duckdb' as again",
    "detach stored",
    "use stored",
    "install httpfs",
    "load httpfs",
    "pragma database_list",
    "call duckdb_settings()",
    "checkpoint",
    "set global memory_limit = '100GB'; select * from duckdb_settings()",
    "set enable_external_access = true; select * from read_text('/etc/passwd')",
    "select current_setting('allowed_paths') || 'x', * from duckdb_settings()",
    "select system.main.current_setting('allowed_paths')",
    "select * from duckdb_tables()",
    "select * from duckdb_databases",
    "select * from pragma_database_list",
    "select * from sqlite_master",
    "select * from stored.main.content",
    "select * from main.content",
    "select * from content",
    "select prompt_head from calls",
    "select error_message from stored.main.calls",
    "select * from query('select * from stored.main.content')",
    "select * from query_table('stored.main.content')",
    "select (select input_messages from stored.main.content limit 1)",
    "describe stored.main.content",
    "summarize stored.main.content",
    "show all tables",
    "explain analyze select * from stored.main.content",
    "explain copy calls to '{home}/out.csv'",
    "pivot stored.main.content on span_id using count(*)",
    "select getenv('HOME')",
    "select * from sys",
    "select pg_sleep(20)",
    "select * from json_execute_serialized_sql(json_serialize_sql('select * from stored.main.content'))",
    "prepare p as select * from stored.main.content",
    "execute p",
    "do $$ begin end $$",
]

BOMBS = {
    "select length(repeat('x', 2000000000))": "53200",
    "select list_aggregate(range(400000000), 'sum')": "53200",
    "select string_agg(range::varchar || repeat('y', 1000), ',') from range(10000000)": "53200",
    "select count(*) from range(100000000) a, range(100000000) b where sin(a.range) > 2": "",
    "with recursive r as (select 1 as n union all select n + 1 from r) select count(*) from r": "",
    "select regexp_matches(repeat('a', 100000), repeat('(a?)', 1000) || repeat('a', 1000))": "",
    "select " + "(" * 3000 + "1" + ")" * 3000: "",
    "select " + " + ".join(["1"] * 50_000): "",
    "select * from range(2000000)": "54000",
    "select repeat('x', 50000) from range(20000)": "54000",
}


@pytest.fixture(scope="module", autouse=True)
def unchanged(server: Served) -> Iterator[None]:
    """Before and after all attacks the store says the same, the folder holds the same, and the process lives."""
    before = fingerprint(server.home)
    yield
    assert server.process.poll() is None
    assert fingerprint(server.home) == before


def fingerprint(home: Path) -> tuple[list[tuple[object, ...]], list[str]]:
    """All rows of the calls and their content as one number each, all tables, and the names of all files."""
    with Store(Settings(home=home)).read() as con:
        rows = con.execute(
            "select 'calls', count(*), sum(hash(calls)) from calls"
            " union all select 'content', count(*), sum(hash(content)) from content"
            " union all select table_name, estimated_size, 0 from duckdb_tables() where table_name <> 'meta'"
            " order by all"
        ).fetchall()
    return rows, sorted(str(p.relative_to(home)) for p in home.iterdir())


@pytest.mark.parametrize("attack", READS_AND_WRITES)
def test_what_is_not_a_query_of_visible_relations_is_refused(server: Served, attack: str) -> None:
    """By the simple protocol and by the extended one; no refusal names a path, and none shows content."""
    text = attack.format(home=server.home) if "{home}" in attack else attack
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        results = [connection.pgconn.exec_(text.encode()), connection.pgconn.exec_params(text.encode(), [])]

    for result in results:
        assert result.status == psycopg.pq.ExecStatus.FATAL_ERROR
        said = result.error_message.decode()
        assert CANARY not in said
        # A name that was asked for is repeated; nothing else tells where the store is.
        assert "{home}" in attack or str(server.home) not in said


@pytest.mark.parametrize(
    "bomb", [b if n < 2 or n in (4, 6) else pytest.param(b, marks=pytest.mark.slow) for n, b in enumerate(BOMBS)]
)
def test_a_query_that_asks_too_much_is_ended_in_its_own_process(server: Served, bomb: str) -> None:
    """Time and memory are bounded; the next query is answered."""
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        # The result's own bounds are reached only by making it.
        connection.execute(f"set statement_timeout = '{55 if BOMBS[bomb] == '54000' else 2}s'")
        began = time.monotonic()
        error = None
        try:
            connection.execute(bomb)
        except psycopg.Error as e:
            error = e.sqlstate
        took = time.monotonic() - began
        assert server.memory() < 1800 << 20
        connection.execute("set statement_timeout = 0")
        assert connection.execute("select count(*) > 0 from calls").fetchone() == (True,)

    # With what a busy machine takes to end a process and to start another.
    assert took < (60 if BOMBS[bomb] == "54000" else 20)
    assert (
        error == BOMBS[bomb] if BOMBS[bomb] else error in (None, "57014", "53200", "42601", "0A000", "XX000", "54001")
    )


def test_a_thousand_connections_are_bounded_and_the_last_is_told_at_once(server: Served) -> None:
    """53300 within moments; those who are in go on being answered."""
    inside = Client(server)
    inside.log_in(server.password)
    clients = [socket.create_connection((server.host, server.port), timeout=10) for _ in range(1000)]
    try:
        began = time.monotonic()
        found = [(b"", b"")]
        last = Client(server)
        last.send(startup(user="llmwatch"))
        with suppress(ConnectionResetError):
            found = last.until(b"")
        took = time.monotonic() - began
        inside.send(message(b"Q", b"select 1\0"))
        answered = inside.until(b"Z")
    finally:
        for client in clients:
            client.close()
        last.close()
        inside.close()

    assert found[0][0] in (b"E", b"")
    assert not found[0][0] or field(found[0][1], "C") == "53300"
    # Who says nothing is let go after ten seconds.
    assert took < 8
    assert b"D" in [kind for kind, _ in answered]
    # They are gone, and a client is admitted again.
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        try:
            psycopg.connect(server.dsn).close()
            break
        except psycopg.OperationalError:
            time.sleep(0.2)
    else:
        pytest.fail("nobody is admitted any more")


def test_a_client_that_reads_nothing_keeps_neither_a_worker_nor_memory(server: Served) -> None:
    """Eight of them ask for 60 MB each; the ninth is answered, and the server stays small."""
    clients = []
    try:
        for _ in range(8):
            client = Client(server)
            client.log_in(server.password)
            client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.send(
                message(b"Q", b"set statement_timeout = '3s'\0"),
                message(b"Q", b"select repeat('x', 1000) from range(60000)\0"),
            )
            clients.append(client)
        with psycopg.connect(server.dsn, autocommit=True) as connection:
            assert connection.execute("select 1").fetchone() == (1,)
            own = server.processes()[0].memory_info().rss
    finally:
        for client in clients:
            client.close()

    assert own < 200 << 20


@pytest.mark.slow
def test_a_client_that_says_nothing_is_let_go(server: Served) -> None:
    """Half a startup message, byte by byte, does not hold a place beyond the time for admission."""
    slow = socket.create_connection((server.host, server.port), timeout=20)
    slow.sendall(struct.pack("!I", 100))
    began = time.monotonic()

    assert slow.recv(10) == b""
    assert time.monotonic() - began < 13
    slow.close()


def test_a_client_that_goes_away_takes_its_query_with_it(server: Served) -> None:
    """The worker is free again, and burns no processor."""
    with logged_in(server) as client:
        client.send(message(b"Q", b"select count(*) from range(30000000000) where sin(range) > 2\0"))
        time.sleep(0.5)
    deadline = time.monotonic() + 6
    while time.monotonic() < deadline:
        if server.helpers_busy(0.5) < 0.3:
            return
    pytest.fail("the query goes on without its client")
