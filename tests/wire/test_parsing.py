"""The parsers alone: no byte sequence makes them fail otherwise than by their own error, and nothing is lost."""

from __future__ import annotations

import struct
from contextlib import suppress
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmwatch.wire.parameters import parameter
from llmwatch.wire.protocol import (
    Problem,
    ProtocolError,
    data_row,
    parse_bind,
    parse_execute,
    parse_parse,
    parse_query,
    parse_sasl_initial,
    parse_startup,
    parse_target,
    split_rows,
)
from llmwatch.wire.statements import parameters, split, tokens, translated
from llmwatch.wire.values import NUMERIC, encoder

PARSERS = (
    parse_startup, parse_query, parse_parse, parse_bind, parse_target, parse_execute, parse_sasl_initial,
)  # fmt: skip
SQL = st.text(st.sampled_from("'\"$;-/*\\ \n\tabpEe1.:()[]{}~é\0") | st.characters(codec="utf-8"), max_size=200)


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=400), st.sampled_from(PARSERS))
def test_bytes_are_a_message_or_a_protocol_error(body: bytes, parser: object) -> None:
    """Whatever a client sends."""
    with suppress(ProtocolError):
        parser(body)  # type: ignore[operator]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.none() | st.binary(max_size=30), max_size=20), st.integers(0, 60), st.binary(max_size=8))
def test_a_damaged_bind_is_a_protocol_error_or_a_bind(values: list[bytes | None], cut: int, noise: bytes) -> None:
    """A whole one is read as it was written."""
    parts = b"".join(struct.pack("!i", -1) if v is None else struct.pack("!i", len(v)) + v for v in values)
    body = b"p\0s\0" + struct.pack("!hh", 0, len(values)) + parts + struct.pack("!h", 0)

    assert parse_bind(body).values == tuple(values)
    with suppress(ProtocolError):
        parse_bind(body[:cut] + noise + body[cut + len(noise) :])


@settings(max_examples=150, deadline=None)
@given(SQL)
def test_any_text_is_cut_without_loss(text: str) -> None:
    """The tokens put together are the text, and no statement has a semicolon of its own."""
    assert "".join(token.text for token in tokens(text)) == text
    for statement in split(text):
        assert all(token.text != ";" or token.kind != "other" for token in statement.tokens)
    translated(text)
    parameters(text)


def test_a_long_text_without_an_end_is_read_in_linear_time() -> None:
    """Each of these took quadratic time in some tokenizer."""
    for text in ("'" * 300_001, '"' * 300_001, "/*" * 200_000, "$a$" * 100_001, "E'\\" * 100_000, "--" * 200_000):
        assert sum(len(token.text) for token in tokens(text)) == len(text)


TRANSLATIONS = {
    "select * from pg_catalog.pg_class": "select * from pg_class",
    'select \'pg_catalog.x\', "pg_catalog"."pg_type"': "select 'pg_catalog.x', \"pg_type\"",
    "a OPERATOR(pg_catalog.~) '^(x)$' COLLATE pg_catalog.default": "a  ~  '^(x)$' ",
    "select * from information_schema.tables -- pg_catalog.x": "select * from wire_information.tables -- pg_catalog.x",
    "select 'a.b'::regclass::oid": "select wire_catalog.to_regclass('a.b')::oid",
    "select $$ pg_catalog.x $$, /* pg_catalog.y */ 1": "select $$ pg_catalog.x $$, /* pg_catalog.y */ 1",
}


@pytest.mark.parametrize(("text", "expected"), TRANSLATIONS.items())
def test_only_postgresqls_own_names_are_replaced(text: str, expected: str) -> None:
    """Not inside texts and comments."""
    assert translated(text) == expected


def test_statements_are_cut_at_their_ends_alone() -> None:
    """Semicolons in quotes, comments and dollar quotes are no ends; comments alone are no statement."""
    text = "select ';' as \";\" /* ; /* ; */ ; */; -- ;\n ; select $a$;$a$ ;"

    assert [s.text for s in split(text)] == ["select ';' as \";\" /* ; /* ; */ ; */", "select $a$;$a$"]
    assert split("-- ping") == split(";;") == split("/* x") == []


@settings(max_examples=100, deadline=None)
@given(st.decimals(allow_nan=False, allow_infinity=False, places=12, min_value=-(10**20), max_value=10**20))
def test_a_numeric_survives_its_binary_form(number: Decimal) -> None:
    """There and back, digit for digit."""
    _, text = parameter(encoder(NUMERIC, True)(number), NUMERIC, True)

    assert Decimal(text) == number


@settings(max_examples=150, deadline=None)
@given(
    st.binary(max_size=40),
    st.sampled_from(
        [0, 16, 17, 20, 21, 23, 25, 26, 700, 701, 1082, 1083, 1114, 1184, 1186, 1700, 2950, 1007, 1009, 1231]
    ),
    st.booleans(),
)
def test_any_parameter_is_a_value_or_a_problem(value: bytes, oid: int, is_binary: bool) -> None:
    """Never another error."""
    try:
        parameter(value, oid, is_binary)
    except Problem as e:
        assert e.code in ("22P03", "22P02", "22003")


def test_rows_are_split_as_they_were_joined() -> None:
    """For portals that are read in pieces."""
    rows = [data_row([b"a", None]), data_row([]), data_row([b"x" * 1000, b""])]

    assert split_rows(b"".join(rows)) == rows
