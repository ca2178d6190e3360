"""The book as a whole: its data, its digest, its age, and the whole set of calls at once."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmwatch.call import call_columns
from llmwatch.prices import INCOMING_COLUMNS, PriceBook, PriceKey, create_prices, price_incoming
from llmwatch.prices.overlay import FILES, read_tables
from llmwatch.setting_checks import PROVIDERS

from .calls import BOOK, NOW, call, cost

TABLES = [(file, name, table) for file in FILES for name, tables in read_tables(file).items() for table in tables]


@pytest.mark.parametrize(("file", "name", "table"), TABLES)
def test_every_table_of_the_overlay_says_where_it_was_read_and_when(
    file: str, name: str, table: dict[str, Any]
) -> None:
    """A price without a source and a day is a rumour."""
    assert table["source"]
    assert table["basis"] in ("read", "quoted", "derived")
    assert isinstance(table["checked"], date)


def test_every_model_of_the_overlay_is_in_the_list() -> None:
    """An overlay of a model that the list dropped or renamed would silently stop to hold."""
    known = {listed.model for listed in BOOK.list_models("openai")} | {
        "ft:gpt-4o",
        "ft:gpt-4o-mini",
        "ft:gpt-3.5-turbo-",
    }
    named = {m for f, _, t in TABLES if f == "openai.toml" for m in (*t.get("models", ()), *t.get("unsure", ()))}
    named |= {t["model"] for f, _, t in TABLES if f == "openai.toml" and "model" in t}

    assert named - known == set()


def test_the_providers_that_settings_may_name_are_those_of_the_book() -> None:
    """The host process knows the names without reading the price data."""
    book = {table["id"]: {*table["names"], table["id"]} for table in read_tables("providers.toml")["provider"]}

    assert {name: {*more, name} for name, more in PROVIDERS.items()} == book


def test_every_column_a_cost_needs_is_a_column_of_a_call() -> None:
    """What the host writes and what prices read are the same words; the store adds estimates, start and requests."""
    own = {"started_at", "requests", "container_sessions", "estimated_input_tokens", "estimated_output_tokens"}

    assert set(INCOMING_COLUMNS) - own <= set(call_columns())


def test_every_listed_name_of_openai_has_a_price_or_a_reason() -> None:
    """No name of the list makes the book stumble, on any tier, on any day that matters."""
    names = [listed.name for listed in BOOK.list_models()]
    days = [date(2024, 1, 1), date(2026, 7, 30), date(2026, 11, 20)]
    tiers: list[tuple[str | None, bool]] = [(None, False), ("priority", False), ("flex", False), (None, True)]

    rows = BOOK.resolve(
        PriceKey("openai", n, tier, "eu.api.openai.com", day, batch)
        for n in names
        for day in days
        for tier, batch in tiers
    )

    assert len(rows) == len(names) * 12
    assert all(bool(r.rates) != bool(r.unpriced_reason) for r in rows)
    standard = BOOK.resolve(PriceKey("openai", n, None, None, days[2]) for n in names)
    assert [r.unpriced_reason for r in standard if not r.is_priced] == []


def test_all_other_lists_resolve_without_stumbling() -> None:
    """Every name of every provider is a price of grade B, or a reason."""
    providers = [
        "azure",
        "aws",
        "openrouter",
        "google",
        "groq",
        "deepseek",
        "mistral",
        "x-ai",
        "perplexity",
        "together",
    ]
    keys = [
        PriceKey(p, listed.name, None, None, date(2026, 11, 20), half_hour=3)
        for p in providers
        for listed in BOOK.list_models(p)
    ]

    rows = BOOK.resolve(keys)

    assert {r.grade for r in rows if r.is_priced} == {"B"}
    assert len(rows) > 1000


def test_the_digest_follows_the_overrides() -> None:
    """Equal books have equal digests, another price has another."""
    own = {"model": "m", "input": 1, "output": 1}

    assert PriceBook().digest() == BOOK.digest()
    assert PriceBook([own]).digest() == PriceBook([own], place="elsewhere.toml").digest()
    assert len({PriceBook([o]).digest() for o in (own, {**own, "input": 2}, {**own, "from": "2026-01-01"})}) == 3


def test_the_age_is_counted_from_the_newest_verification() -> None:
    """The list says itself when it was compared with OpenAI's page."""
    verified = BOOK.verified_on()

    assert verified is not None
    assert verified >= date(2026, 10, 26)
    assert BOOK.age_days(verified + timedelta(days=9)) == 9


def test_models_are_listed_with_the_days_their_price_changed() -> None:
    """The cut of July is one of luna's days."""
    [luna] = [m for m in BOOK.list_models("openai") if m.name == "gpt-5.6-luna"]

    assert date(2026, 7, 30) in luna.changed_on


def test_a_price_id_is_the_same_in_every_process() -> None:
    """It is a digest of what is charged, so a store can be merged from anywhere."""
    [row] = BOOK.resolve([PriceKey("openai", "gpt-4o", None, "api.openai.com", date(2026, 11, 20))])
    program = (
        "from datetime import date; from llmwatch.prices import *;"
        "print(PriceBook().resolve([PriceKey('openai', 'gpt-4o', 'default', None, date(2026, 11, 1))])[0].price_id)"
    )

    other = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert other.stdout.strip() == row.price_id


def test_prices_are_found_without_a_socket() -> None:
    """Reading prices opens none, ever."""
    program = (
        "import sys; seen = []; sys.addaudithook(lambda e, _: seen.append(e) if e.startswith('socket.') else None);"
        "from datetime import date; from llmwatch.prices import *;"
        "print(PriceBook().resolve([PriceKey('openai', 'gpt-4o', None, None, date(2026, 11, 1))])[0].is_priced, seen)"
    )

    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert found.stdout.strip() == "True []"


def lent(calls: Iterable[dict[str, Any]]) -> duckdb.DuckDBPyConnection:
    """A connection as the store lends it, with these calls in `incoming`."""
    con = duckdb.connect()
    create_prices(con)
    columns = ", ".join(f"{name} {kind}" for name, kind in INCOMING_COLUMNS.items())
    con.execute(f"create temp table incoming ({columns}, extra map(varchar, varchar))")
    for number, made in enumerate(calls):
        row = {"span_id": str(number), "usage_source": "response", "status": "ok", **made}
        con.execute(f"insert into incoming by name select {', '.join(f'? as {n}' for n in row)}", list(row.values()))
    return con


def test_a_set_of_calls_is_charged_as_each_of_them_alone() -> None:
    """One row per call, in one statement, with the price rows kept."""
    calls = [call("gpt-4o", 1000, 10), call("gpt-9-foo", 1, 1), call("gpt-4o", 1000, 10, service_tier="priority")]
    con = lent(calls)

    price_incoming(con, BOOK)
    price_incoming(con, BOOK)

    assert con.execute("select cost_usd, cost_grade from call_costs order by span_id").fetchall() == [
        (Decimal("0.0026"), "A"),
        (None, "D"),
        (Decimal("0.00442"), "A"),
    ]
    assert con.execute("select count(*) from prices").fetchone() == (2,)


_TOOL = {"image_tool_calls": 1, "image_tool_input_tokens": 1000, "image_tool_output_tokens": 100}


@pytest.mark.parametrize(
    ("other", "tool"),
    [
        ({"is_batch": True}, "gpt-image-2"),
        ({"service_tier": "flex"}, "gpt-image-2"),
        ({"endpoint": "/decisions"}, "gpt-image-2"),
        ({"server_address": "eu.api.openai.com"}, "gpt-image-2"),
        ({"provider_name": "azure.ai.openai"}, "gpt-image-2"),
        ({"started_at": NOW - timedelta(days=200)}, "gpt-image-2"),
    ],
)
def test_the_image_tool_is_billed_once_beside_other_calls_of_its_model(other: dict[str, Any], tool: str) -> None:
    """1,000 tokens at $5 and 100 at $30 per million, whatever the tier, host and day of the others."""
    using = call("gpt-5.5", 0, 0, image_tool_model=tool, **_TOOL)
    con = lent([using, {**call(tool, 1000, 100), **other}, {**using, **other}])

    price_incoming(con, BOOK)

    found = con.execute("select span_id, tool_cost_usd from call_costs order by span_id").fetchall()
    assert [span_id for span_id, _ in found] == ["0", "1", "2"]
    assert found[0][1] == Decimal("0.008")


def test_an_image_tool_with_a_price_by_the_clock_has_none() -> None:
    """A call of a model of which the price changes within the day, beside a tool that is said to be the same one."""
    deepseek = {"provider_name": "deepseek", "server_address": "api.deepseek.com"}
    noon = datetime(2025, 6, 1, 12)  # noqa: DTZ001
    con = lent([call("deepseek-chat", 1, 1, image_tool_model="deepseek-chat", started_at=noon, **_TOOL, **deepseek)])

    price_incoming(con, BOOK)

    assert con.execute("select cost_usd, unpriced_reason from call_costs").fetchall() == [
        (None, "no price for model deepseek-chat of the image generation tool")
    ]


def test_no_calls_are_charged_without_a_word() -> None:
    """An empty merge makes an empty table and no price."""
    con = lent([])

    price_incoming(con, BOOK)

    assert con.execute("select count(*) from call_costs").fetchone() == (0,)


COUNTS = st.integers(0, 400_000)
MODELS = st.sampled_from(["gpt-4o", "gpt-5.5", "gpt-6.1-terra", "gpt-realtime", "gpt-image-1.5", "gpt-5-mini"])
DETAILS = st.fixed_dictionaries(
    {},
    optional={
        name: COUNTS
        for name in (
            "cached_input_tokens", "cache_write_tokens", "cache_write_12h_tokens", "audio_input_tokens",
            "image_input_tokens", "audio_output_tokens", "image_output_tokens", "cached_audio_input_tokens",
            "reasoning_tokens", "web_search_calls",
        )
    },
)  # fmt: skip


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(MODELS, COUNTS, COUNTS, DETAILS), min_size=1, max_size=12))
def test_parts_are_never_negative_and_sum_to_the_total(made: list[tuple[str, int, int, dict[str, int]]]) -> None:
    """Whatever usage says, a cost that is known is the exact sum of its parts."""
    con = lent(call(model, i, o, **more) for model, i, o, more in made)

    price_incoming(con, BOOK)

    kinds = ("input", "cached_input", "cache_write", "output", "tool", "unsplit")
    parts = [f"{kind}_cost_usd" for kind in kinds]
    wrong = con.execute(
        f"select * from call_costs where cost_usd <> {' + '.join(parts)} or least({', '.join(parts)}) < 0"
        " or (cost_usd is null) <> (cost_grade = 'D') or (cost_usd is null) <> (unpriced_reason is not null)"
    ).fetchall()
    assert wrong == []


@settings(max_examples=8, deadline=None)
@given(
    st.sampled_from(["gpt-4o", "gpt-5.5", "gpt-6.1-terra", "gpt-5-mini"]),
    st.integers(0, 400_000), st.integers(0, 90_000), st.integers(0, 400_000), st.integers(1, 5000),
)  # fmt: skip
def test_more_tokens_never_cost_less(model: str, inputs: int, outputs: int, cached: int, more: int) -> None:
    """More input or more output costs at least as much, across the long-context threshold too."""
    base = call(model, inputs, outputs, cached_input_tokens=min(cached, inputs))
    con = lent([base, {**base, "input_tokens": inputs + more}, {**base, "output_tokens": outputs + more}])

    price_incoming(con, BOOK)

    few, more_in, more_out = [c for (c,) in con.execute("select cost_usd from call_costs order by span_id").fetchall()]
    assert few < more_in
    assert few < more_out


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 5000), st.integers(0, 5000), st.integers(0, 5000), st.integers(0, 5000))
def test_overlapping_modalities_are_never_billed_twice(inputs: int, audio: int, cached: int, cached_audio: int) -> None:
    """However the parts overlap, input costs at most what it would cost if all of it were fresh audio."""
    found = cost(
        call(
            "gpt-realtime", inputs, 0, audio_input_tokens=audio, cached_input_tokens=cached,
            cached_audio_input_tokens=cached_audio, audio_output_tokens=0,
        )
    )  # fmt: skip

    assert found.input_cost_usd + found.cached_input_cost_usd <= Decimal(inputs) * 32 / 1_000_000
