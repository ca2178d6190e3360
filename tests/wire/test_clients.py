"""Real clients: psycopg, psycopg2, pg8000, SQLAlchemy, psql; each sees the types, names and errors it expects."""

from __future__ import annotations

import shutil
import subprocess
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pg8000.dbapi
import psycopg
import psycopg2
import pytest
import sqlalchemy

from llmwatch.store.file import connect
from llmwatch.wire.columns import HIDDEN, SHOWN, is_wordless, without_content
from llmwatch.wire.relations import is_shown
from tests.stores import empty_store

from .conftest import CALLS
from .served import Served

TYPES = """
select 1::tinyint, 2::smallint, 3, 4::bigint, 170141183460469231731687303715884105727::hugeint,
    1.5::float, 0.1::float, 2.5::double, 'nan'::double, '-inf'::double, 3.25::decimal(10,3), -0.0001::decimal(18,12),
    true, null, 'Größe', date '2026-01-02', time '10:00:01.5', timestamp '2026-01-02 03:04:05.123456',
    timestamptz '2026-01-02 03:04:05+02', interval '1 day 2 hours', [1, 2, null], ['a', 'b c', 'd"', '{', ''],
    {'a': 1}, map {'k': 1.5}, uuid '00000000-0000-0000-0000-000000000005', '\\xAA\\x00'::blob, '{"a":1}'::json
"""
EXPECTED = (
    1, 2, 3, 4, Decimal("170141183460469231731687303715884105727"), 1.5, 0.1, 2.5, None, float("-inf"),
    Decimal("3.250"), Decimal("-0.000100000000"), True, None, "Größe", date(2026, 1, 2), time(10, 0, 1, 500000),
    datetime(2026, 1, 2, 3, 4, 5, 123456), datetime(2026, 1, 2, 1, 4, 5, tzinfo=UTC),  # noqa: DTZ001
    timedelta(days=1, hours=2), [1, 2, None], ["a", "b c", 'd"', "{", ""], {"a": 1}, {"k": 1.5}, UUID(int=5),
    b"\xaa\x00", {"a": 1},
)  # fmt: skip


@pytest.mark.parametrize("is_binary", [False, True])
def test_every_type_arrives_as_what_it_is(connection: psycopg.Connection, is_binary: bool) -> None:
    """In text and in binary, through the extended protocol."""
    row = connection.cursor(binary=is_binary).execute(TYPES).fetchone()

    assert row is not None
    # What is not a number equals nothing; a float of four bytes in binary is the nearest of eight.
    assert row[8] != row[8]
    assert row[6] == pytest.approx(0.1, rel=1e-6)
    assert [v for n, v in enumerate(row) if n not in (6, 8)] == [v for n, v in enumerate(EXPECTED) if n not in (6, 8)]


def test_the_simple_protocol_tells_types_by_their_numbers(connection: psycopg.Connection) -> None:
    """As Grafana reads them: int, float, numeric, bool, times; a sum of whole numbers is a numeric."""
    result = connection.pgconn.exec_(
        b"select 1::smallint, 2, 3::bigint, 1.5::float, 2.5::double, 1.25::decimal(5,2), sum(1), true, 'x',"
        b" timestamp '2026-01-01', now(), date '2026-01-01', ['a'], {'a': 1}"
    )

    oids = [result.ftype(n) for n in range(result.nfields)]
    assert oids == [21, 23, 20, 700, 701, 1700, 1700, 16, 25, 1114, 1184, 1082, 1009, 114]
    assert result.get_value(0, 5) == b"1.25"
    assert (result.get_value(0, 8), result.get_value(0, 7)) == (b"x", b"t")


@pytest.mark.parametrize("is_binary", [False, True])
def test_parameters_of_every_type_reach_the_query(connection: psycopg.Connection, is_binary: bool) -> None:
    """Typed and untyped, lists included."""
    mark = "%b" if is_binary else "%t"
    values: list[Any] = [
        2, 5_000_000_000, 1.5, Decimal("-12.3400"), "it's", True, date(2026, 1, 2), UUID(int=7), b"\x00\xff",
        datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), timedelta(days=2, seconds=3), None,
    ]  # fmt: skip

    row = connection.execute(f"select {', '.join([mark] * len(values))}", values).fetchone()

    assert row is not None
    assert list(row) == values
    found = connection.execute(
        f"select count(*) from calls where customer_id = any({mark}) and started_at > {mark} and input_tokens > {mark}",
        (["customer-1", "customer-2"], datetime(2026, 1, 1), 10),  # noqa: DTZ001
    ).fetchone()
    assert found is not None
    assert found[0] > 0


def test_a_parameter_is_a_value_and_never_part_of_the_query(connection: psycopg.Connection) -> None:
    """Quotes, semicolons and comments inside it are text."""
    hostile = "x'; drop table calls; -- \\ $1 /*"

    assert connection.execute("select %s, %s", (hostile, "b")).fetchone() == (hostile, "b")


def test_prepared_statements_pipelines_and_pieces_work(connection: psycopg.Connection) -> None:
    """A statement run three times, two in one pipeline, ten thousand rows one by one."""
    query = "select count(*) from calls where input_tokens > %s"
    counts = [connection.execute(query, (n,), prepare=True).fetchone() for n in (0, 0, 9_000_000)]
    with connection.pipeline():
        first, second = connection.execute("select 1"), connection.execute("select %s::int", (2,))

    assert counts[0] == counts[1] != counts[2] == (0,)
    assert (first.fetchone(), second.fetchone()) == ((1,), (2,))
    assert sum(1 for _ in connection.cursor().stream("select * from range(10000)")) == 10_000


ERRORS = {
    "selec 1": "42601",
    "select (": "42601",
    "select * from nope": "42P01",
    "select * from nope.calls": "42P01",
    "select nope from calls": "42703",
    "select nope(1)": "42883",
    "select 1::nope": "42704",
    "select 'x'::int": "22P02",
    "select 1 % 0": "22012",
    "select cast(300 as tinyint)": "22003",
    "select task_name from calls group by model": "42703",
    "select task_name from calls group by request_model": "42803",
    "delete from calls": "25006",
    "with gone as (delete from calls returning *) select * from gone": "25006",
    "copy calls to '/tmp/x'": "0A000",
    "declare c cursor for select 1": "25P01",
    "show nothing_like_it": "42704",
    "set client_encoding = 'LATIN1'": "22023",
    "select * from content": "42501",
}


@pytest.mark.parametrize(("query", "code"), ERRORS.items())
def test_an_error_has_its_own_code_and_the_connection_goes_on(
    connection: psycopg.Connection, query: str, code: str
) -> None:
    """Drivers and Grafana tell errors apart by SQLSTATE."""
    with pytest.raises(psycopg.Error) as error:
        connection.execute(query)

    assert error.value.sqlstate == code
    assert connection.execute("select 1").fetchone() == (1,)


def test_transactions_are_answered_as_drivers_expect(server: Served) -> None:
    """After an error nothing is answered until the end of the transaction."""
    with psycopg.connect(server.dsn) as connection:
        connection.execute("select 1")
        with pytest.raises(psycopg.errors.UndefinedColumn):
            connection.execute("select nope")
        with pytest.raises(psycopg.errors.InFailedSqlTransaction):
            connection.execute("select 1")
        connection.rollback()

        assert connection.execute("select 2").fetchone() == (2,)


def test_what_clients_set_and_ask_at_the_start_is_answered(connection: psycopg.Connection) -> None:
    """SET, SHOW, DISCARD and their like, and what Grafana's settings page asks."""
    for statement in (
        "set extra_float_digits = 3", "set session characteristics as transaction read only", "set time zone 'UTC'",
        "set application_name to 'x'", "set search_path = grafana", "reset all", "discard all", "deallocate all",
        "set names 'utf8'", "begin; set transaction isolation level repeatable read; commit",
    ):  # fmt: skip
        connection.execute(statement)

    assert connection.execute("show server_version").fetchone() == ("15.0",)
    assert connection.execute("show transaction isolation level").fetchone() == ("repeatable read",)
    assert connection.execute("select current_setting('server_version_num')::int/100").fetchone() == (1500,)
    assert connection.execute("select * from pg_extension where extname = 'timescaledb'").fetchall() == []
    assert connection.execute("select quote_ident('a b'), quote_ident('ab')").fetchone() == ('"a b"', "ab")
    assert connection.execute("select version()").fetchone()[0].startswith("PostgreSQL 15")
    assert connection.execute(
        "select 'calls'::regclass::oid = c.oid from pg_class c where relname = 'calls'"
    ).fetchone() == (True,)


def test_grafanas_macros_run_as_they_are_expanded(connection: psycopg.Connection) -> None:
    """$__timeFilter and $__timeGroupAlias, on the moments as Grafana writes them."""
    rows = connection.execute(
        'SELECT floor(extract(epoch from started_at)/86400)*86400 AS "time", request_model AS metric, count(*) AS value'
        " FROM calls WHERE started_at BETWEEN '2026-11-01T01:33:02.009Z' AND '2026-12-01T01:33:02.009Z'"
        " GROUP BY 1, 2 ORDER BY 1"
    ).fetchall()

    assert sum(row[2] for row in rows) == CALLS
    assert [row[0] for row in rows] == sorted(row[0] for row in rows)


def test_psycopg2_reads_and_binds(server: Served) -> None:
    """The driver of most tools on Python."""
    connection = psycopg2.connect(server.dsn)
    try:
        with connection.cursor() as cursor:
            cursor.execute("select %s, %s, 1.5::decimal(5,2), ['a','b'], {'a': 1}, 5::hugeint", (1, "it's"))
            assert cursor.fetchone() == (1, "it's", Decimal("1.50"), ["a", "b"], {"a": 1}, Decimal(5))
    finally:
        connection.close()


def test_pg8000_reads_and_binds(server: Served) -> None:
    """A client of its own, in pure Python, which describes every statement first."""
    connection = pg8000.dbapi.connect(**server.address, database="llmwatch")
    try:
        cursor = connection.cursor()
        cursor.execute(
            "select count(*), sum(cost_usd) from calls where input_tokens > %s and started_at > %s",
            (10, datetime(2026, 1, 1)),  # noqa: DTZ001
        )
        calls, cost = cursor.fetchone()
        assert calls > 0
        assert isinstance(cost, Decimal)
    finally:
        connection.close()


@pytest.mark.parametrize("driver", ["psycopg", "psycopg2", "pg8000"])
def test_sqlalchemy_reflects_a_table_and_asks_it(server: Served, driver: str) -> None:
    """Its introspection is the widest use of the catalogs there is."""
    engine = sqlalchemy.create_engine(
        f"postgresql+{driver}://llmwatch:{server.password}@{server.host}:{server.port}/llmwatch"
    )
    try:
        inspector = sqlalchemy.inspect(engine)
        table = sqlalchemy.Table("calls", sqlalchemy.MetaData(), autoload_with=engine)
        with engine.connect() as connection:
            count = connection.execute(
                sqlalchemy.select(sqlalchemy.func.count()).where(table.c.task_name.in_(["chat.stream", "reply.draft"]))
            ).scalar()
        assert "grafana" in inspector.get_schema_names()
        assert {"calls", "drift", "downgrade"} <= set(inspector.get_table_names())
        assert "call_facts" in inspector.get_view_names()
        assert isinstance(table.c.cost_usd.type, sqlalchemy.Numeric)
        assert count
    finally:
        engine.dispose()


PSQL = {
    "\\dt": "grafana | calls ",
    "\\dv": "grafana | call_facts ",
    "\\d": "grafana | drift ",
    "\\dn": "grafana | llmwatch",
    "\\l": "llmwatch | llmwatch",
    "\\du": "llmwatch ",
    "\\d calls": "cost_usd                     | numeric(18,12)",
    "\\d+ calls": "started_at                   | timestamp without time zone",
    "\\d call_facts": 'View "grafana.call_facts"',
    "\\dx": "(0 rows)",
    "\\df": "(0 rows)",
}


@pytest.mark.skipif(shutil.which("psql") is None, reason="psql is not installed")
def test_psql_lists_and_describes(server: Served) -> None:
    """Each of its commands finds what it looks for."""
    asked = [argument for command in PSQL for argument in ("-c", command)]
    done = subprocess.run(["psql", "-X", server.dsn, *asked], capture_output=True, text=True, timeout=60, check=False)

    assert done.stderr == ""
    written = " ".join(done.stdout.split())
    assert [command for command, text in PSQL.items() if " ".join(text.split()) not in written] == []


def test_no_relation_without_content_has_any(connection: psycopg.Connection) -> None:
    """What schema grafana shows is numbers, times, and texts that somebody has looked at."""
    found = connection.execute(
        "select table_name, column_name, data_type from information_schema.columns where table_schema = 'grafana'"
    ).fetchall()

    texts = {column for _, column, type_ in found if not type_.startswith(("timestamp", "double", "bigint", "boolean"))}
    assert len(found) > 300
    assert not texts & HIDDEN
    assert ("calls", "task_name") in {row[:2] for row in found}


def test_every_text_column_was_thought_of(tmp_path: Path) -> None:
    """One that is in neither list of wire/columns.py is hidden; decide there whether it may be seen."""
    store = empty_store(tmp_path / "home")
    with connect(store.store_path, store.home, read_only=True) as con:
        columns = con.execute(
            "select table_name, column_name, data_type from duckdb_columns()"
            " where schema_name = 'main' and not internal"
        ).fetchall()

    texts = {(table, name) for table, name, type_ in columns if is_shown(table) and not is_wordless(type_)}
    assert {(table, name) for table, name in texts if name not in SHOWN | HIDDEN} == set()
    assert {name for _, name in texts} >= SHOWN
    assert without_content("calls", [("task", "VARCHAR"), ("said", "VARCHAR[]"), ("n", "DECIMAL(18,9)")]) == [
        "task",
        "n",
    ]
    assert without_content("judgements", [("reason", "VARCHAR"), ("of", "STRUCT(a VARCHAR)"), ("at", "TIMESTAMP")]) == [
        "at"
    ]
