"""Every query of the dashboards, sent as Grafana sends it: over the wire, by the simple protocol, for three ranges."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta

import psycopg
import pytest
from psycopg.pq import ExecStatus

from llmwatch.dashboards.check import NUMBERS, TIMES, check
from llmwatch.dashboards.client import Address, Client, Refused
from llmwatch.dashboards.expand import Values
from llmwatch.dashboards.queries import Query, queries
from tests.stores import MOMENT
from tests.wire.served import Served

from .stores import HOSTILE

UNTIL = MOMENT + timedelta(seconds=30)
RANGES = {"5m": timedelta(minutes=5), "24h": timedelta(hours=24), "90d": timedelta(days=90)}
STORES = ("full", "empty", "single")
# The others take as long each and find the same, but for a query that breaks at one end of time.
QUICK = {("full", "90d"), ("empty", "24h"), ("single", "5m")}
# Queries that have nothing to say of the full store over 90 days, and why.
QUIET = {
    "price changes": "no price of its models changed",
    "drift starts": "no task of it fell",
    "Models that stop answering": "its calls are of models without a date in the catalogue",
    "What would decide": "nothing of it is open",
    "Saves a month, where it was measured": "no saving of it was measured",
}
Answer = tuple[list[str], list[int], list[tuple[str | None, ...]]]


def ask(connection: psycopg.Connection, text: str) -> Answer:
    """(names, OIDs, rows as text) by the simple protocol; the tag is one that pgx does not drop."""
    result = connection.pgconn.exec_(text.encode())
    assert result.status == ExecStatus.TUPLES_OK, (result.error_message.decode(), text)
    assert (result.command_status or b"").startswith(b"SELECT ")
    columns = range(result.nfields)
    rows = [
        tuple(None if (v := result.get_value(row, at)) is None else v.decode() for at in columns)
        for row in range(result.ntuples)
    ]
    return [(result.fname(at) or b"").decode() for at in columns], [result.ftype(at) for at in columns], rows


def each(server: Served, span: timedelta, chosen: Values | None = None) -> list[tuple[Query, Answer]]:
    """Every query with its answer; what several boards ask alike is asked once."""
    known: dict[str, Answer] = {}
    found: list[tuple[Query, Answer]] = []
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        for query in queries():
            text = query.text(UNTIL - span, UNTIL, chosen)
            if text not in known:
                known[text] = ask(connection, text)
            found.append((query, known[text]))
    return found


@pytest.mark.parametrize(
    ("store", "span"),
    [
        pytest.param(store, span, marks=() if (store, span) in QUICK else pytest.mark.slow)
        for store in STORES
        for span in RANGES
    ],
)
def test_every_query_is_answered_in_a_form_that_grafana_shows(
    boards_served: dict[str, Served], store: str, span: str
) -> None:
    """Times are sorted, values numbers, a series has one name; a panel over all of the full store is not empty."""
    asked = each(boards_served[store], RANGES[span])

    assert len(asked) > 140
    for query, (names, oids, rows) in asked:
        place = (query.board, query.kind, query.name)
        if query.format == "time_series":
            at = names.index("time")
            times = [row[at] for row in rows]
            assert oids[at] in TIMES | NUMBERS, place
            keys = [float(t or 0) if oids[at] in NUMBERS else datetime.fromisoformat(t or "") for t in times]
            assert keys == sorted(keys), place
            others = [oid for place_at, oid in enumerate(oids) if place_at != at]
            assert sum(oid in NUMBERS for oid in others) >= 1, place
            assert sum(oid not in NUMBERS for oid in others) <= 1, place
        if query.kind == "panel" and query.panel["type"] == "stat":
            # The sum of no row is shown as what the panel says of no value.
            assert len(rows) == 1 or query.format == "time_series", place
            assert query.panel["fieldConfig"]["defaults"]["unit"] == "string" or oids[-1] in NUMBERS, place
        if query.kind == "annotation":
            assert names == ["time", "text", "tags"], place
            assert oids[0] in TIMES, place
        if store == "full" and span == "90d" and query.kind != "alert":
            assert rows or any(query.name.endswith(name) for name in QUIET), place


def call_list() -> Query:
    """The table of the call explorer."""
    return next(
        q for q in queries() if q.board == "calls" and q.panel.get("title") == "Calls" and q.panel["type"] == "table"
    )


def state_of(server: Served, span: timedelta, chosen: Values | None = None) -> str:
    """What the line on top of the overview says."""
    query = next(q for q in queries() if q.board == "overview" and q.kind == "panel" and q.panel["id"] == 1)
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        return str(ask(connection, query.text(UNTIL - span, UNTIL, chosen))[2][0][0])


def test_the_first_line_says_what_there_is_or_what_to_do(boards_served: dict[str, Served]) -> None:
    """On an empty store what to do next, with one call that there is one, in an empty range where the newest is."""
    assert state_of(boards_served["empty"], RANGES["24h"]).startswith("No calls yet. Put llmwatch.init()")
    assert state_of(boards_served["single"], RANGES["5m"]).startswith("1 call in this range")
    assert re.match(r"[\d,]{5,} calls in this range; the newest", state_of(boards_served["full"], RANGES["90d"]))
    nobody = state_of(boards_served["full"], RANGES["24h"], {"customer": ["nobody"]})
    assert nobody.startswith("No calls in this time range with these filters.")


def listed_names(server: Served, name: str) -> list[str]:
    """What a filter of the boards offers."""
    query = next(q for q in queries() if q.kind == "variable" and q.name == name)
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        return [str(row[0]) for row in ask(connection, query.text(UNTIL, UNTIL))[2]]


def shown(server: Served, names: Sequence[str]) -> list[str]:
    """The names as filters and tables of the boards have them."""
    with psycopg.connect(server.dsn) as connection:
        return [connection.execute("select shown_name(%s)", [name]).fetchall()[0][0] for name in names]


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_a_name_chosen_as_a_filter_is_only_a_name(boards_served: dict[str, Served], name: str) -> None:
    """Whatever a name holds, it is offered as what Grafana hands back whole, and leaves the one call of it."""
    server = boards_served["full"]
    (offered,) = shown(server, [name])

    assert offered in listed_names(server, "task")
    assert offered not in ("All", "$__all", "(all)", "'(all)'")
    assert "$__" not in offered
    assert state_of(server, RANGES["24h"], {"task": [offered], "customer": ["acme's"]}).startswith(
        "1 call in this range"
    )


def test_every_query_stays_whole_with_hostile_filters_and_search(boards_served: dict[str, Served]) -> None:
    """All hostile names at once in every variable: each query is answered, and the list holds just their calls."""
    names = shown(boards_served["full"], HOSTILE)
    everywhere = {key: names for key in ("task", "model", "service", "feature", "customer")}
    each(boards_served["full"], RANGES["24h"], {**everywhere, "search": "' or 1=1 --", "call": "'; --", "order": "x'y"})
    with psycopg.connect(boards_served["full"].dsn, autocommit=True) as connection:
        listed = ask(connection, call_list().text(UNTIL - RANGES["24h"], UNTIL, {"task": names}))[2]

    assert len(set(names)) == len(HOSTILE)
    assert {row[2] for row in listed} == set(names)


def test_the_search_finds_a_call_by_what_it_is_called(boards_served: dict[str, Served]) -> None:
    """A part of a name or of an error, in any case of letters."""
    wanted = call_list()
    with psycopg.connect(boards_served["full"].dsn, autocommit=True) as connection:
        found = ask(connection, wanted.text(UNTIL - RANGES["24h"], UNTIL, {"search": "RATE_lim"}))[2]
        failed = ask(connection, wanted.text(UNTIL - RANGES["24h"], UNTIL, {"status": "failed"}))[2]

    assert {row[13] for row in found} == {"rate_limit"}
    assert {row[5] for row in failed} == {"failed"}


def test_check_names_every_query_with_rows_time_and_error(boards_served: dict[str, Served]) -> None:
    """On a served store none has an error; on one that is gone check raises."""
    server = boards_served["single"]
    address = Address(server.host, server.port, "llmwatch", server.password)
    found = list(check(address, UNTIL - RANGES["24h"], UNTIL))

    assert [one.error for one in found if one.error] == []
    assert len(found) == len(list(queries()))
    assert all(one.ms > 0 for one in found)
    with pytest.raises(Refused, match="password"):
        list(check(Address(server.host, server.port, "llmwatch", "wrong"), UNTIL, UNTIL))


def test_the_client_gives_what_a_server_said_no_to(boards_served: dict[str, Served]) -> None:
    """An error leaves the connection usable."""
    server = boards_served["single"]
    with Client(Address(server.host, server.port, "llmwatch", server.password)) as client:
        with pytest.raises(Refused, match="does not exist") as error:
            client.ask("select * from nothing_of_this_name")
        assert error.value.sqlstate == "42P01"
        assert client.ask("select 1 as one, null as two").rows == [("1", None)]
