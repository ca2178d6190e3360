"""COPY ... TO STDOUT as psql and drivers ask for it, and parameters whose type only the words around them tell."""

from __future__ import annotations

import csv
import io

import psycopg
import psycopg2
import pytest

from llmwatch.wire.copying import copied
from llmwatch.wire.inference import guessed
from llmwatch.wire.statements import split

from .conftest import CALLS
from .served import Served

HOSTILE = 'a,"b"\n\t\\ \r, end'


def lines_of(server: Served, statement: str) -> str:
    """What psycopg2 takes, by the simple protocol."""
    out = io.StringIO()
    connection = psycopg2.connect(server.dsn)
    try:
        with connection.cursor() as cursor:
            cursor.copy_expert(statement, out)
            # The connection goes on.
            cursor.execute("select 1")
            assert cursor.fetchone() == (1,)
    finally:
        connection.close()
    return out.getvalue()


def test_a_result_is_copied_as_csv_that_reads_back(server: Served) -> None:
    """Quotes, ends of lines, NULL and the empty text apart, as PostgreSQL writes them."""
    query = f"select 1 as n, $${HOSTILE}$$ as t, null as nothing, '' as empty, 1.50::decimal(5,2) as d, true as b"

    text = lines_of(server, f"COPY ({query}) TO STDOUT WITH (FORMAT csv, HEADER)")

    assert list(csv.reader(io.StringIO(text, newline=""))) == [
        ["n", "t", "nothing", "empty", "d", "b"],
        ["1", HOSTILE, "", "", "1.50", "t"],
    ]
    assert text.splitlines()[-1].endswith(',,"",1.50,t')


def test_a_result_is_copied_as_text_with_its_escapes(server: Served) -> None:
    """Tabs between, backslashes before what would end a value."""
    query = f"select $${HOSTILE}$$, null, 'x|y'"

    assert lines_of(server, f"copy ({query}) to stdout") == 'a,"b"\\n\\t\\\\ \\r, end\t\\N\tx|y\n'
    assert lines_of(server, f"copy ({query}) to stdout delimiter '|' null 'none'").endswith("|none|x\\|y\n")


def test_a_relation_is_copied_whole_and_by_columns(server: Served) -> None:
    """A line a call, by psycopg's own copy too."""
    assert lines_of(server, "copy calls (task_name, span_id) to stdout csv").count("\n") == CALLS
    with (
        psycopg.connect(server.dsn) as connection,
        connection.cursor() as cursor,
        cursor.copy("COPY grafana.calls TO STDOUT") as copy,
    ):
        assert sum(1 for _ in copy.rows()) == CALLS


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        ("copy (delete from calls returning 1) to stdout", "25006"),
        ("copy (with a as (delete from calls returning 1) select * from a) to stdout", "25006"),
        ("copy (select 1; select 2) to stdout", "0A000"),
        ("copy (select * from read_text('/etc/hostname')) to stdout", "42501"),
        ("copy content to stdout", "42501"),
        ("copy nope to stdout", "42P01"),
        ("copy calls to '/tmp/x'", "0A000"),
        ("copy calls to program 'id'", "0A000"),
        ("copy calls from stdin", "0A000"),
        ("copy calls to stdout force_quote *", "0A000"),
        ("copy calls to stdout delimiter 'ab'", "0A000"),
    ],
)
def test_a_copy_reaches_no_further_than_a_query(server: Served, statement: str, code: str) -> None:
    """Not another file, program, relation or statement."""
    with pytest.raises(psycopg2.Error) as error:
        lines_of(server, statement)

    assert error.value.pgcode == code


def test_every_form_of_options_is_read() -> None:
    """The old one of psql's \\copy, the new one of drivers."""
    for options in ("csv header", "with csv header", "(format csv, header true)", "WITH (HEADER, FORMAT 'csv')"):
        found = copied(split(f"copy (select 'to stdout') to STDOUT {options}")[0])
        assert found is not None
        assert (found.query, found.is_csv, found.has_header, found.delimiter) == ("select 'to stdout'", True, True, ",")


COLUMNS = {"n": 20, "at": 1114, "name": 25, "cost": 1700}


@pytest.mark.parametrize(
    ("text", "types"),
    [
        ("select $1::double, cast($2 as timestamptz), $3::int[], $4", {1: 701, 2: 1184, 3: 1007}),
        ("select 1 from calls where n >= $1 and at<$2 and t.cost != $3 limit $4 offset $5",
         {1: 20, 2: 1114, 3: 1700, 4: 20, 5: 20}),
        ("select 1 from calls where at between $1 and $2 and name = $3", {1: 1114, 2: 1114, 3: 25}),
        ('select 1 from calls where "n" in ($1, $2, $3) and name = any($4) and f($5, $6)',
         {1: 20, 2: 20, 3: 20, 4: 1009}),
        ("select '$1::int', /* $2::int */ $3 -- $4::int", {}),
        ("select $1, $1::int", {1: 23}),
    ],
)  # fmt: skip
def test_a_parameter_has_the_type_that_its_words_tell(text: str, types: dict[int, int]) -> None:
    """And none where they tell nothing."""
    assert guessed(text, COLUMNS) == types


def test_sixty_thousand_parameters_are_read_in_a_moment() -> None:
    """A list of them costs what its length does."""
    text = f"select 1 from calls where n in ({', '.join(f'${n}' for n in range(1, 60_001))})"

    assert set(guessed(text, COLUMNS).values()) == {20}


def test_the_server_describes_what_the_words_tell(server: Served) -> None:
    """As pgx and asyncpg ask before they encode a value."""
    with psycopg.connect(server.dsn) as connection:
        text = b"select 1 from calls where input_tokens > $1 and started_at < $2 and $3::double > 0 limit $4"
        connection.pgconn.prepare(b"asked", text)
        described = connection.pgconn.describe_prepared(b"asked")

    assert [described.param_type(n) for n in range(described.nparams)] == [20, 1114, 701, 20]
