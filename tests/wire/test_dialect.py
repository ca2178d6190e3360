"""What dashboards and BI tools write for PostgreSQL: formats, cursors, binary copies, words for what is missing."""

from __future__ import annotations

import subprocess
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import psycopg
import pytest

from .served import Served


def one(connection: psycopg.Connection, text: str) -> Any:
    """The one value."""
    ((value,),) = connection.execute(text.encode()).fetchall()
    return value


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("to_char(timestamp '2026-11-03 09:05:07.012345', 'YYYY-MM-DD HH24:MI:SS.US')", "2026-11-03 09:05:07.012345"),
        ("to_char(date '2026-11-03', 'yyyy-mm')", "2026-11"),
        ("to_char(date '2026-11-03', 'YYYY-\"Q\"Q')", "2026-Q4"),
        ("to_char(timestamptz '2026-11-03 15:00:00+00', 'HH12:MI AM')", "03:00 PM"),
        ("to_char(date '2026-11-03', 'IYYY-IW')", "2026-45"),
        ("to_char(date '2026-11-03', 'FMMonth FMDD')", "November 3"),
        ("to_char(1234567.891, 'FM9,999,999.00')", "1,234,567.89"),
        ("to_char(5, '999')", "   5"),
        ("to_char(null::timestamp, 'YYYY')", None),
        ("to_timestamp(1793527200.5)", datetime(2026, 11, 1, 10, 0, 0, 500000, UTC)),
        (
            "to_timestamp('2026-11-01 10:00:00.25', 'YYYY-MM-DD HH24:MI:SS.US')",
            datetime(2026, 11, 1, 10, 0, 0, 250000, UTC),
        ),
        ("to_date('01.11.2026', 'DD.MM.YYYY')", date(2026, 11, 1)),
        ("width_bucket(5.35, 0.024, 10.06, 5)", 3),
        ("width_bucket(7.5, 10, 0, 4)", 2),
        ("width_bucket(-1, 0, 10, 4) || ',' || width_bucket(10, 0, 10, 4)", "0,5"),
        ("width_bucket(3, array[1, 3, 7])", 2),
        ("date_bin('15 minutes', timestamp '2026-01-01 10:07', timestamp '2001-01-01')", datetime(2026, 1, 1, 10)),  # noqa: DTZ001
        ("initcap('hi THOMAS')", "Hi Thomas"),
        ("sum(count) from (select 1 as count union all select 2) as counted", Decimal(3)),
        ("count from (select count(*) as count from calls) as counted where count > 1", 2000),
    ],
)
def test_a_function_answers_as_in_postgresql(connection: psycopg.Connection, asked: str, expected: Any) -> None:
    """The values of PostgreSQL's own documentation, or worked out by hand."""
    assert one(connection, f"select {asked}") == expected


def test_a_time_filter_of_superset_leaves_what_it_means(connection: psycopg.Connection) -> None:
    """Both spellings of it, and its group by day."""
    moment = one(connection, "select date_trunc('day', max(started_at)) from call_facts")
    plain = one(connection, f"select count(*) from call_facts where started_at >= '{moment}'")
    filtered = one(
        connection,
        f"SELECT COUNT(*) AS count FROM grafana.call_facts WHERE started_at >= "
        f"TO_TIMESTAMP('{moment:%Y-%m-%d %H:%M:%S.%f}', 'YYYY-MM-DD HH24:MI:SS.US')",
    )
    grouped = connection.execute(
        "SELECT DATE_TRUNC('day', started_at) AS __timestamp, COUNT(*) AS count FROM grafana.call_facts"
        " GROUP BY DATE_TRUNC('day', started_at) ORDER BY count DESC LIMIT 1000"
    ).fetchall()

    assert filtered == plain > 0
    assert sum(row[1] for row in grouped) == one(connection, "select count(*) from call_facts")


@pytest.mark.parametrize(
    ("asked", "code", "said"),
    [
        ("select 1 from nosuch", "42P01", 'relation "nosuch" does not exist'),
        ("select nosuch from calls", "42703", 'column "nosuch" does not exist'),
        ("select c.nosuch from calls as c", "42703", 'column "nosuch" does not exist'),
        ("select x.span_id from calls", "42P01", 'missing FROM-clause entry for table "x"'),
        ("select nosuch(1)", "42883", "function nosuch does not exist"),
        ("select * from nosuch(1)", "42883", "function nosuch does not exist"),
        ("select 1::nosuch", "42704", "type nosuch does not exist"),
        ("select * from read_csv('/etc/passwd')", "42501", "permission denied for function read_csv"),
    ],
)
def test_what_is_not_there_does_not_exist(connection: psycopg.Connection, asked: str, code: str, said: str) -> None:
    """By PostgreSQL's code and words; what is there and closed is refused."""
    with pytest.raises(psycopg.Error) as error:
        connection.execute(asked.encode())

    assert error.value.sqlstate == code
    assert said in str(error.value)


def test_psql_takes_a_result_in_pieces(server: Served) -> None:
    """FETCH_COUNT: every row, once, in order."""
    query = "select span_id from calls order by span_id"
    whole, pieces = (
        subprocess.run(
            ["psql", server.dsn, "-X", "-At", *options, "-c", query],
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        ).stdout
        for options in ([], ["-v", "FETCH_COUNT=300"])
    )

    assert pieces == whole
    assert len(whole.splitlines()) == 2000


def test_a_driver_takes_a_result_in_pieces(server: Served) -> None:
    """psycopg's server-side cursor, with a parameter, as text and binary; one kept after its transaction."""
    with psycopg.connect(server.dsn) as opened:
        for binary in (False, True):
            with opened.cursor("pieces", binary=binary) as cursor:
                cursor.itersize = 64
                cursor.execute(
                    "select span_id, cost_usd, started_at from calls where cost_usd > %s order by span_id", [0]
                )
                found = list(cursor)
            plain = opened.execute(
                "select span_id, cost_usd, started_at from calls where cost_usd > 0 order by span_id"
            )
            assert found == plain.fetchall()
        opened.execute("declare held cursor with hold for select range from range(5)")
        opened.commit()
        assert opened.execute("fetch 2 from held").fetchall() == [(0,), (1,)]
        opened.execute("move 1 in held")
        assert opened.execute("fetch all in held").fetchall() == [(3,), (4,)]
        opened.execute("close held")
        opened.commit()
        for asked, code in (("fetch 1 from held", "34000"), ("declare a cursor for delete from calls", "25006")):
            with pytest.raises(psycopg.Error) as error:
                opened.execute(asked)
            assert error.value.sqlstate == code
            opened.rollback()
    with psycopg.connect(server.dsn, autocommit=True) as opened, pytest.raises(psycopg.Error) as error:
        opened.execute("declare a cursor for select 1")
    assert error.value.sqlstate == "25P01"


def test_a_binary_copy_has_the_rows_of_the_query(connection: psycopg.Connection) -> None:
    """As DuckDB's postgres scanner and drivers read whole tables: every type, and null."""
    query = "select span_id, cost_usd::double, started_at, input_tokens, status = 'ok', null::int from calls order by 1"
    with connection.cursor() as cursor, cursor.copy(f"copy ({query}) to stdout (format binary)") as copy:
        copy.set_types(["text", "float8", "timestamp", "int8", "bool", "int4"])
        copied = list(copy.rows())

    assert copied == connection.execute(query.encode()).fetchall()
    assert len(copied) == 2000
