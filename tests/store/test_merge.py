"""Merging: every spooled record lands exactly once, with what merging knows about it."""

from __future__ import annotations

import json
import tempfile
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from llmwatch.call import CONTENT_FIELDS, SPAN_COLUMNS, SQL_TYPES, call_columns, encode_record
from llmwatch.settings import Settings
from llmwatch.spool import CALL, RESERVED, SpoolWriter, encode_line, list_segments
from llmwatch.store import Store
from tests.stores import empty_store

from .records import STARTED_US, attempt, call, merged, query, spool, store

_VALUES = {
    "varchar": st.text(max_size=20),
    "bigint": st.integers(-(2**62), 2**62),
    "double": st.floats(allow_nan=False, allow_infinity=False),
    "decimal(18, 12)": st.decimals(0, 99_999, places=12).map(str),
    "boolean": st.booleans(),
    "varchar[]": st.lists(st.text(max_size=8), max_size=3),
    "map(varchar, varchar)": st.dictionaries(st.text(max_size=8), st.text(max_size=8), min_size=1, max_size=3),
}
_MADE_BY_MERGING = {"container_ids", "container_memory", "task_source", "usage_source", "operation_name", "response_id"}
_FIELDS = {
    name: _VALUES[kind]
    for name, kind in call_columns().items()
    if name not in SPAN_COLUMNS and name not in _MADE_BY_MERGING
}


@given(st.lists(st.fixed_dictionaries({}, optional=_FIELDS), min_size=1, max_size=6))
@settings(max_examples=8, deadline=None)
def test_every_field_of_a_call_is_read_back_as_it_was_spooled(many: list[dict[str, Any]]) -> None:
    """Record -> spool -> store keeps each field's value; what JSON cannot carry was made readable before."""
    records = [call(**fields) for fields in many]
    with tempfile.TemporaryDirectory() as home:
        opened = merged(Path(home), *records)
        with opened.read() as con:
            for record in records:
                columns = [name for name in record if name not in ("started_us", "ended_us")]
                row = con.execute(
                    f"select {', '.join(f'c.{n}' if n not in _CONTENT else f't.{n}' for n in columns)}"
                    " from calls as c left join content as t using (span_id) where c.span_id = ?",
                    [record["span_id"]],
                ).fetchone()
                assert row is not None
                expected = json.loads(encode_record(record))
                if "stated_cost_usd" in expected:
                    expected["stated_cost_usd"] = Decimal(expected["stated_cost_usd"])
                assert dict(zip(columns, row, strict=True)) == {name: expected[name] for name in columns}


_CONTENT = {field.column for field in CONTENT_FIELDS}


def test_the_table_has_every_column_of_a_call(tmp_path: Path) -> None:
    """A field added to the Call needs a migration; this names the columns that lack one."""
    opened = merged(tmp_path, call())

    rows = query(opened, "select table_name, column_name, data_type from duckdb_columns() where schema_name = 'main'")
    found = {(table, column): kind.lower() for table, column, kind in rows}
    wanted = {
        ("content" if name in _CONTENT else "calls", name): kind.replace(" ", "")
        for name, kind in call_columns().items()
        if not name.endswith("_us")
    }
    assert {key: found.get(key, "missing").replace(" ", "") for key in wanted} == wanted
    assert set(SQL_TYPES.values()) <= set(_VALUES)


def test_each_record_lands_once_however_often_merging_runs(tmp_path: Path) -> None:
    """Merging again, with and without new records of a live writer, adds only what is new."""
    opened = store(tmp_path)
    writer = spool(tmp_path, call(), call(), seal=False)

    assert opened.merge().calls == 2
    assert opened.merge().calls == 0
    writer.append(CALL, encode_record(call()))
    result = opened.merge()

    assert (result.calls, result.segments, result.damaged_records) == (1, 1, 0)
    assert query(opened, "select count(*), count(distinct span_id) from calls") == [(3, 3)]
    writer.close()
    assert opened.merge().segments == 0
    assert list_segments(tmp_path / "spool") == []
    assert query(opened, "select count(*) from segments") == [(1,)]
    opened.merge()
    assert query(opened, "select count(*) from segments") == [(0,)]


def test_nothing_to_merge_makes_no_file(tmp_path: Path) -> None:
    """A merge where nothing was ever captured leaves no folder behind; reading it gives empty tables."""
    opened = store(tmp_path / "nowhere")

    assert opened.merge().calls == 0
    assert not (tmp_path / "nowhere").exists()
    assert query(opened, "select count(*) from calls") == [(0,)]


def test_a_span_that_was_written_twice_is_one_call(tmp_path: Path) -> None:
    """Two processors in one host write the same span: in one batch and in two it is counted once."""
    twice = call()

    opened = merged(tmp_path, twice, twice)
    spool(tmp_path, twice)
    opened.merge()

    assert query(opened, "select count(*) from calls") == [(1,)]


def test_times_are_utc_and_latency_is_their_difference(tmp_path: Path) -> None:
    """Microseconds since the epoch become UTC timestamps; an end before the start gives no latency, not a negative."""
    opened = merged(
        tmp_path, call(started_us=STARTED_US, span_id="a"), call(started_us=STARTED_US, ended_us=1, span_id="b")
    )

    rows = query(opened, "select started_at, ended_at, latency_ms from calls order by span_id")

    start = datetime(2026, 11, 21)  # noqa: DTZ001 - the store's times carry no zone
    assert rows[0] == (start, start.replace(microsecond=900_000), 900.0)
    assert rows[1] == (start, start, None)


def test_attempts_and_content_have_tables_of_their_own(tmp_path: Path) -> None:
    """A call's tries and its sampled texts are joined to it by its span."""
    record = call(input_messages='[{"role":"user"}]', is_sampled=True)
    spool(tmp_path, record, attempts=(attempt(record, http_status_code=429, retry_after=1.5), attempt(record)))
    opened = store(tmp_path)

    result = opened.merge()

    assert (result.calls, result.attempts) == (1, 2)
    assert query(opened, "select span_id, input_messages from content") == [(record["span_id"], '[{"role":"user"}]')]
    rows = query(opened, "select parent_span_id, http_status_code, retry_after from http_attempts order by retry_after")
    assert rows == [(record["span_id"], 429, 1.5), (record["span_id"], 200, None)]


def test_damage_costs_the_damaged_records_and_is_said(tmp_path: Path) -> None:
    """Garbage, lines that are no call and a torn end are counted; what could be read is read, the segment goes."""
    folder = tmp_path / "spool"
    folder.mkdir(mode=0o700)
    good = [encode_line(CALL, encode_record(call())) for _ in range(3)]
    parts = [
        good[0],
        b"garbage\n",
        encode_line(CALL, b'{"started_us": 1}'),
        encode_line(CALL, b"not json"),
        encode_line(CALL, b"\xff\xfe\x00"),
        encode_line(CALL, b'{"span_id": "x", "started_us": 99999999999999999}'),
        good[1],
        good[2][:-20],
    ]
    (folder / "1.spool").write_bytes(b"".join(parts))
    opened = store(tmp_path)

    result = opened.merge()

    assert (result.calls, result.damaged_records, result.segments) == (2, 6, 0)
    events = query(opened, 'select kind, sum("count")::bigint from pipeline_events group by kind')
    assert events == [("spool_damaged", 6)]


def test_a_value_of_the_wrong_type_costs_that_value_only(tmp_path: Path) -> None:
    """A record of another version of a host that says a text where a number belongs keeps its other fields."""
    opened = merged(tmp_path, call(span_id="odd", input_tokens="many", output_tokens=7, finish_reasons="stop"), call())

    assert query(opened, "select output_tokens, input_tokens from calls where span_id = 'odd'") == [(7, None)]


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda v: st.lists(v, max_size=3) | st.dictionaries(st.text(max_size=5), v, max_size=3),
)


@given(st.lists(_JSON, max_size=6), st.lists(st.binary(max_size=50), max_size=5))
@settings(max_examples=10, deadline=None)
def test_no_payload_stops_a_merge(values: list[Any], raw: list[bytes]) -> None:
    """Whatever a line says, the good records beside it are merged and nothing is left behind."""
    with tempfile.TemporaryDirectory() as home:
        empty_store(Path(home))
        writer = spool(Path(home), call(), seal=False)
        for value in values:
            writer.append(
                CALL, json.dumps({"span_id": value, "started_us": value, "tool_names": value, "seed": value}).encode()
            )
        for payload in raw:
            writer.append(CALL, payload)
        writer.append(CALL, encode_record(call()))
        writer.close()
        opened = store(Path(home))

        result = opened.merge()

        assert result.blocked is None
        assert query(opened, "select count(*) from calls where span_id is not null")[0][0] >= 2
        assert list_segments(Path(home, "spool")) == []


def test_kinds_without_a_table_are_kept(tmp_path: Path) -> None:
    """Records that a later version will know are stored as they are, not lost with their segment."""
    writer = SpoolWriter(tmp_path / "spool", 1 << 30)
    writer.append(RESERVED, b'{"score": 1}')
    writer.close()
    opened = store(tmp_path)

    opened.merge()

    assert query(opened, "from kept_records") == [("X", '{"score": 1}')]


def test_a_call_costs_what_the_book_says(tmp_path: Path) -> None:
    """1,000 input and 100 output tokens of gpt-4o-mini at $0.15 and $0.60 a million."""
    opened = merged(tmp_path, call(), call(response_model="acme/own-1", server_address="llm.acme.internal"))

    rows = query(opened, "select cost_usd, cost_grade, unpriced_reason from calls order by cost_grade")

    assert rows[0] == (Decimal("0.00021"), "A", None)
    assert rows[1][:2] == (None, "D")
    assert "acme/own-1" in rows[1][2]


def test_changed_prices_leave_the_cost_of_stored_calls_alone(tmp_path: Path) -> None:
    """A contract rate stated later holds for calls that come, and for those that had no price."""
    unpriced = call(request_model="own", response_model="own")
    opened = merged(tmp_path, call(), unpriced)
    own = {"model": "gpt-4o-mini-2024-07-18", "input": 1, "output": 2, "from": "2026-01-01"}
    settings = Settings(
        home=tmp_path, prices=(own, {"model": "own", "host": "api.openai.com", "input": 3, "output": 0})
    )
    assert query(opened, "select cost_grade from calls order by 1") == [("A",), ("D",)]

    spool(tmp_path, call(customer_id="later"))
    done = Store(settings)
    done.merge()

    costs = query(opened, "select request_model, customer_id, cost_usd from calls order by all")
    assert costs == [
        ("gpt-4o-mini", "later", Decimal("0.0012")),
        ("gpt-4o-mini", None, Decimal("0.00021")),
        ("own", None, Decimal("0.003")),
    ]
    assert "priced 1 call that had no price: $0.003" in done.notes[1]
    assert query(opened, "select reason, cost_usd, cost_grade from call_versions") == [("priced", None, "D")]
    table = "(select last(digest order by in_force_from) from price_tables)"
    newest = query(opened, f"select customer_id from calls where price_table = {table} and request_model <> 'own'")
    assert newest == [("later",)]


def test_usage_that_is_read_again_is_billed_once(tmp_path: Path) -> None:
    """Polls of a background response from two processes: its call bills, whichever poll brings the usage."""
    created = call(
        response_id="resp_1", usage_source="pending", input_tokens=None, output_tokens=None, customer_id="acme"
    )
    polls = [call(response_id="resp_1", operation_name="fetch_response", http_request_method="GET") for _ in range(3)]

    opened = merged(tmp_path, created, polls[0], polls[1])
    spool(tmp_path, polls[2])
    opened.merge()

    rows = query(opened, "select usage_source, is_repeated, cost_usd, customer_id from calls order by span_id")
    assert rows == [
        ("response", False, Decimal("0.00021"), "acme"),
        ("repeated", True, Decimal(0), "acme"),
        ("repeated", True, Decimal(0), "acme"),
        ("repeated", True, Decimal(0), "acme"),
    ]


def test_a_read_merged_before_its_call_gives_the_bill_back(tmp_path: Path) -> None:
    """Segments of two processes arrive in any order; in the end the call bills, once."""
    read = call(response_id="resp_1", operation_name="fetch_response")
    opened = merged(tmp_path, read)

    spool(tmp_path, call(response_id="resp_1"))
    opened.merge()

    rows = query(opened, "select operation_name, usage_source, cost_usd from calls order by operation_name")
    assert rows == [("chat", "response", Decimal("0.00021")), ("fetch_response", "repeated", Decimal(0))]


def test_absent_usage_is_estimated_from_calls_whose_usage_is_known(tmp_path: Path) -> None:
    """Ratios of the same model and task: 1,000 tokens per 4,200 characters, 100 tokens per 80 events, with no error."""
    known = [call(task="a", delta_count=80) for _ in range(6)]
    absent = call(
        span_id="x",
        task="a",
        usage_source="absent",
        input_tokens=None,
        output_tokens=None,
        input_characters=8400,
        delta_count=40,
    )
    opened = merged(tmp_path, *known, absent)

    rows = query(
        opened,
        "select usage_source, estimated_input_tokens, estimated_output_tokens, estimate_error, cost_grade, cost_usd"
        " from calls where span_id = 'x'",
    )

    assert rows == [("estimated", 2000, 50, 0.0, "C", Decimal("0.00033"))]


def test_an_estimate_without_known_calls_says_that_its_error_is_unknown(tmp_path: Path) -> None:
    """Four characters or one event a token; with images in the request, nothing is guessed."""
    bare = {"usage_source": "absent", "input_tokens": None, "output_tokens": None}
    opened = merged(
        tmp_path,
        call(span_id="x", delta_count=40, input_characters=4000, **bare),
        call(span_id="y", media_count=1, **bare),
        call(span_id="z", status="error", error_type="timeout", output_characters=None, **bare),
    )

    rows = query(
        opened,
        "select usage_source, estimated_input_tokens, estimated_output_tokens, estimate_error"
        " from calls order by span_id",
    )
    assert rows == [("estimated", 1000, 40, None), ("absent", None, None, None), ("absent", None, None, None)]


def test_the_error_of_an_estimate_is_that_of_known_calls(tmp_path: Path) -> None:
    """Calls of 50 and 150 output tokens for 100 events each: half of the output is wrong and counts four times."""
    known = [
        call(delta_count=100, output_tokens=50 + 100 * (n % 2), input_tokens=400, input_characters=1600)
        for n in range(6)
    ]
    absent = call(span_id="x", usage_source="absent", input_tokens=None, output_tokens=None, delta_count=10)
    opened = merged(tmp_path, *known, absent)

    assert query(opened, "select estimate_error from calls where span_id = 'x'") == [(0.25,)]


def test_the_same_request_within_a_day_is_repeated(tmp_path: Path) -> None:
    """In one batch, over two merges, and not after more than a day."""
    day = 86_400_000_000
    opened = merged(tmp_path, call(span_id="a", request_hash="h", started_us=STARTED_US),
                    call(span_id="b", request_hash="h", started_us=STARTED_US + 1000), call(span_id="c"))  # fmt: skip
    spool(tmp_path, call(span_id="d", request_hash="h", started_us=STARTED_US + day // 2))
    opened.merge()
    spool(tmp_path, call(span_id="e", request_hash="h", started_us=STARTED_US + 2 * day))
    opened.merge()

    rows = query(opened, "select span_id, is_request_repeated from calls order by span_id")
    assert rows == [("a", False), ("b", True), ("c", None), ("d", True), ("e", False)]


def test_old_content_and_calls_are_deleted_once_a_day(tmp_path: Path) -> None:
    """Content goes after its days, the call after its own; today's stay."""
    now = int(datetime.now(UTC).timestamp() * 1e6)
    day = 86_400_000_000
    opened = merged(
        tmp_path,
        call(span_id="new", started_us=now, output_messages="[]"),
        call(span_id="old", started_us=now - 20 * day, output_messages="[]"),
        call(span_id="older", started_us=now - 90 * day, output_messages="[]"),
        content_days=10,
        calls_days=50,
    )

    assert query(opened, "select span_id from calls order by 1") == [("new",), ("old",)]
    assert query(opened, "select span_id from content") == [("new",)]


def test_a_reader_that_cannot_merge_sees_the_spool_beside_the_store(tmp_path: Path) -> None:
    """Pending calls are priced and named as a merge would; the file is not touched, and nothing is seen twice."""
    opened = merged(tmp_path, call(task_key="1" * 16, call_site="app:known"))
    spool(tmp_path, call(task_key="2" * 16, call_site="app:fresh", customer_id="acme"))
    before = (tmp_path / "store.duckdb").read_bytes()

    rows = query(opened, "select task_name, cost_usd, task_source from calls order by task_name")
    names = query(opened, "select task_name from tasks order by 1")

    assert rows == [("fresh", Decimal("0.00021"), "call_site"), ("known", Decimal("0.00021"), "call_site")]
    assert names == [("fresh",), ("known",)]
    assert (tmp_path / "store.duckdb").read_bytes() == before
    assert list((tmp_path / "tmp").iterdir()) == []


def test_views_are_in_the_file_for_any_tool(tmp_path: Path) -> None:
    """The views that commands read can be read by whoever opens the file."""
    opened = merged(tmp_path, call())

    assert query(opened, "select count(*) from call_facts") == [(1,)]


def test_two_calls_with_one_span_id_are_both_kept(tmp_path: Path) -> None:
    """Two processes that seeded their random numbers alike: in one merge, and in a later one."""
    first, second, third = (call(span_id="5eed5eed5eed5eed", started_us=STARTED_US + n) for n in (0, 7, 9))

    merged(tmp_path, first, second)
    opened = merged(tmp_path, third, call(started_us=STARTED_US), call(started_us=STARTED_US + 20))

    rows = query(opened, "select span_id, epoch_us(started_at) from calls order by started_at")
    kept = {us for span, us in rows}
    assert {STARTED_US, STARTED_US + 7, STARTED_US + 9} <= kept
    assert len({span for span, _ in rows}) == len(rows) == 5


def test_one_span_written_twice_is_one_call(tmp_path: Path) -> None:
    """Same span, same start: a host that writes twice counts once, in one merge and over two."""
    twice = call(span_id="abcdabcdabcdabcd", started_us=STARTED_US)

    merged(tmp_path, twice, twice)
    opened = merged(tmp_path, twice)

    assert query(opened, "select count(*) from calls") == [(1,)]


def test_a_gateway_named_in_the_settings_gets_its_providers_prices_also_for_calls_of_before(tmp_path: Path) -> None:
    """`hosts` is read by merging too, and a change of it prices all calls anew."""
    on_gateway = call(server_address="llm.acme.example", provider_name="openai_compatible")
    opened = merged(tmp_path, on_gateway)
    before = query(opened, "select cost_usd from calls")

    store(tmp_path, hosts={"llm.acme.example": "openai"}).merge()

    assert before == [(None,)]
    assert query(opened, "select cost_usd from calls") == [(Decimal("0.00021"),)]
