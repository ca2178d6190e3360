"""Owns the charging of calls: keys out of `incoming`, prices from the book, costs by SQL over the whole set.

Works on a lent DuckDB connection, or on one of its own in memory for a single call; never on a file.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ..errors import PriceError
from .bill import PER, amount
from .book import PriceBook
from .rates import RATE_QUANTUM, TOOLS, PriceKey, PriceRow

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

# What `incoming` must have; columns beyond these are left alone.
INCOMING_COLUMNS: Final[Mapping[str, str]] = {
    "span_id": "varchar",
    "started_at": "timestamp",
    **dict.fromkeys(
        (
            "provider_name", "request_model", "response_model", "service_tier", "request_service_tier",
            "server_address", "endpoint", "usage_source", "status", "error_type", "image_tool_model",
            "usage_doubt", "usage_conflict", "stated_cost_source", "container_memory",
        ),
        "varchar",
    ),
    "is_batch": "boolean",
    "is_unsent": "boolean",
    **dict.fromkeys(
        (
            "http_status_code", "input_tokens", "output_tokens", "cached_input_tokens", "cache_write_tokens",
            "cache_write_12h_tokens", "reasoning_tokens", "text_input_tokens", "audio_input_tokens",
            "image_input_tokens", "text_output_tokens", "audio_output_tokens", "image_output_tokens",
            "cached_audio_input_tokens", "cached_image_input_tokens", "web_search_calls", "web_search_preview_calls",
            "file_search_calls", "container_calls", "container_sessions", "input_characters", "requests",
            "batch_requests",
            "image_tool_calls", "image_tool_input_tokens", "image_tool_image_input_tokens",
            "image_tool_cached_input_tokens", "image_tool_cached_image_input_tokens", "image_tool_output_tokens",
            "image_tool_text_output_tokens",
        ),
        "bigint",
    ),
    "stated_cost_usd": "decimal(18, 12)",
    **dict.fromkeys(("audio_seconds", "estimated_input_tokens", "estimated_output_tokens"), "double"),
}  # fmt: skip
_KEY_COLUMNS: Final = (
    "provider_name", "model", "service_tier", "server_address", "started_on", "is_batch", "half_hour", "api",
)  # fmt: skip
_PARTS: Final = ("input", "cached_input", "cache_write", "output", "tool", "unsplit")


@dataclass(frozen=True, slots=True)
class Cost:
    """What one call cost, in US dollars; the parts sum to `cost_usd`."""

    cost_usd: Decimal
    input_cost_usd: Decimal
    cached_input_cost_usd: Decimal
    cache_write_cost_usd: Decimal
    output_cost_usd: Decimal
    tool_cost_usd: Decimal
    # All of the cost where the server's statement is what counts: it says nothing of its parts.
    unsplit_cost_usd: Decimal
    # What the prompt cache saved; negative where writing to it cost more than reading from it saved.
    cache_saving_usd: Decimal
    grade: str
    note: str | None
    price_id: str | None
    is_usage_inconsistent: bool
    # The same call without contract prices; None where the list has no price for it.
    list_cost_usd: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Unpriced:
    """A call whose cost is not known, and why. Never counted as 0."""

    reason: str
    is_usage_inconsistent: bool


def sql(name: str) -> str:
    """The text of one of the package's .sql files."""
    return (Path(__file__).parent / f"{name}.sql").read_text("utf-8")


def create_prices(con: DuckDBPyConnection) -> None:
    """Table `prices` exists afterwards, in the connection's default schema."""
    con.execute(sql("prices"))


def price_incoming(con: DuckDBPyConnection, book: PriceBook) -> None:
    """Charges the rows of `incoming`: temp table `call_costs` has one row per span_id afterwards.

    Table `prices` must exist (`create_prices`); rows that were charged are added to it. Opens no transaction.
    """
    con.execute(
        "create or replace temp table price_keys (provider_name varchar, model varchar, service_tier varchar,"
        " server_address varchar, started_on date, is_batch boolean, half_hour integer, api varchar,"
        " price_id varchar, unpriced_reason varchar, is_openai boolean);"
        "create or replace temp table timed_models (model varchar);"
        "create or replace temp table container_fees (memory varchar, container_usd decimal(18, 9))"
    )
    fees = [{"memory": memory, "container_usd": usd} for memory, usd in book.container_fees().items()]
    _insert(con, "container_fees", fees)
    names = [(name,) for (name,) in con.execute(_TIMED_CANDIDATES).fetchall()]
    if names:
        timed = set(book.timed_models())
        _insert(con, "timed_models", [{"model": name} for (name,) in names if name in timed])
    con.execute(sql("incoming_keyed"))
    asked = con.execute(
        f"select distinct {', '.join(f'key_{c}' for c in _KEY_COLUMNS)} from incoming_keyed union"
        " select distinct key_provider_name, image_tool_model, '', key_server_address, key_started_on, false, -1, ''"
        " from incoming_keyed where image_tool_model is not null"
    ).fetchall()
    rows = book.resolve(_key(values) for values in asked)
    contracts = [values for values, row in zip(asked, rows, strict=True) if row.is_contract]
    if contracts:
        _price_at_list(con, book, asked, contracts)
    _charge(con, asked, rows)
    if contracts:
        con.execute(
            "update call_costs set list_cost_usd = l.list_cost_usd from list_costs as l"
            " where call_costs.span_id = l.span_id"
        )


def _charge(con: DuckDBPyConnection, asked: Sequence[Sequence[Any]], rows: Sequence[PriceRow]) -> None:
    _insert(con, "prices", list({r.price_id: r.columns() for r in rows if r.is_priced}.values()), " or ignore")
    con.execute("delete from price_keys")
    _insert(con, "price_keys", [_asked(values, row) for values, row in zip(asked, rows, strict=True)])
    con.execute(sql("price_calls"))


def _price_at_list(
    con: DuckDBPyConnection, book: PriceBook, asked: Sequence[Sequence[Any]], contracts: Sequence[Sequence[Any]]
) -> None:
    """Temp table `list_costs` has what the calls with a contract cost without it; `incoming_keyed` is whole again."""
    listed = book.at_list()
    _insert(con, "price_keys", [dict(zip(_KEY_COLUMNS, values, strict=True)) for values in contracts])
    keys = " and ".join(f"i.key_{name} = k.{name}" for name in _KEY_COLUMNS)
    # The image generation tool of a call is billed by a contract of its own.
    con.execute(
        f"create or replace temp table contract_calls as select i.* from incoming_keyed as i"
        f" semi join price_keys as k on ({keys}) or (i.image_tool_model = k.model);"
        "create or replace temp view incoming_keyed as from contract_calls"
    )
    _charge(con, asked, listed.resolve(_key(values) for values in asked))
    con.execute(
        "create or replace temp table list_costs as select span_id, list_cost_usd from call_costs;"
        + sql("incoming_keyed")
    )


# Asking the book which models are timed loads every list, so only models that may be are worth the question.
_TIMED_CANDIDATES: Final = (
    "select distinct lower(coalesce(nullif(response_model, ''), request_model)) as model from incoming"
    " where lower(provider_name) not in ('openai', 'azure.ai.openai') or provider_name is null"
)


def _key(values: Sequence[Any]) -> PriceKey:
    provider, model, tier, host, day, is_batch, half_hour, api = values
    return PriceKey(
        provider_name=provider or None,
        model=model or None,
        service_tier=tier or None,
        server_address=host or None,
        day=day,
        is_batch=is_batch,
        half_hour=None if half_hour < 0 else half_hour,
        api=api,
    )


def _asked(values: Sequence[Any], row: PriceRow) -> dict[str, Any]:
    return {
        **dict(zip(_KEY_COLUMNS, values, strict=True)),
        "price_id": row.price_id,
        "unpriced_reason": row.unpriced_reason,
        "is_openai": row.provider == "openai",
    }


def _insert(con: DuckDBPyConnection, table: str, rows: Sequence[Mapping[str, Any]], conflict: str = "") -> None:
    """All rows in one statement: executemany takes 1.9 ms a row, and a first merge has thousands of keys."""
    if not rows:
        return
    columns = list(rows[0])
    structure = json.dumps([dict.fromkeys(columns, "VARCHAR")])
    con.execute(
        f"insert{conflict} into {table} ({', '.join(columns)})"
        f" select {', '.join(f'r.{c}' for c in columns)} from (select unnest(from_json(?, ?)) as r)",
        [json.dumps(rows, default=_text), structure],
    )


def _text(value: object) -> str:
    return value.isoformat() if isinstance(value, date) else str(value)


@cache
def _memory() -> DuckDBPyConnection:
    import duckdb

    con = duckdb.connect(":memory:", config={"threads": 1})
    create_prices(con)
    return con


def _one(call: Mapping[str, Any], book: PriceBook) -> DuckDBPyConnection:
    unknown = [name for name in call if name not in INCOMING_COLUMNS]
    if unknown:
        raise PriceError(f"{unknown[0]} is not a column of a call, columns are {', '.join(INCOMING_COLUMNS)}.")
    con = _memory()
    columns = ", ".join(f"{name} {kind}" for name, kind in INCOMING_COLUMNS.items())
    con.execute(f"create or replace temp table incoming ({columns})")
    row = {"span_id": "0", **dict.fromkeys(INCOMING_COLUMNS), "usage_source": "response", "status": "ok", **call}
    row["span_id"] = row["span_id"] or "0"
    started = row["started_at"]
    if isinstance(started, datetime) and started.tzinfo is not None:
        row["started_at"] = started.astimezone(UTC).replace(tzinfo=None)
    _insert(con, "incoming", [row])
    price_incoming(con, book)
    return con


def _first(con: DuckDBPyConnection, query: str) -> dict[str, Any]:
    result = con.execute(query)
    names = [column[0] for column in result.description or ()]
    found = result.fetchone()
    assert found is not None
    return dict(zip(names, found, strict=True))


def price_one(call: Mapping[str, Any], book: PriceBook) -> Cost | Unpriced:
    """Cost of one call by the same SQL as a merge; columns left out are unknown, usage is taken as reported."""
    row = _first(_one(call, book), "select * from call_costs")
    if row["unpriced_reason"] is not None:
        return Unpriced(row["unpriced_reason"], row["is_usage_inconsistent"])
    return Cost(
        **{name: row[name] for name in ("cost_usd", *(f"{part}_cost_usd" for part in _PARTS), "cache_saving_usd")},
        grade=row["cost_grade"],
        note=row["cost_note"] or None,
        price_id=row["price_id"],
        is_usage_inconsistent=row["is_usage_inconsistent"],
        list_cost_usd=row["list_cost_usd"],
    )


def explain(call: Mapping[str, Any], book: PriceBook) -> list[str]:
    """The cost of one call as lines of counted units times rate, whose amounts sum to the last line."""
    con = _one(call, book)
    cost = _first(con, "select * from call_costs")
    if cost["unpriced_reason"] is not None:
        return [f"cost unknown: {cost['unpriced_reason']}"]
    term = _first(con, "select * from call_terms")
    if term["charged_usd"] is not None:
        return [f"cost ${_money(cost['cost_usd'])}, grade {cost['cost_grade']}: {cost['cost_note']}"]
    if cost["price_id"] is None:
        return [f"cost $0: {cost['cost_note']}"]
    lines = [_price_line(term), *_term_lines(term)]
    lines.append(f"cost ${_money(cost['cost_usd'])}, grade {cost['cost_grade']}")
    return [*lines, f"because: {cost['cost_note']}"] if cost["cost_note"] else lines


def _price_line(term: Mapping[str, Any]) -> str:
    start, end = term["valid_from"], term["valid_until"]
    days = f"from {start}" if start else "from the beginning"
    until = f" until {end}" if end else ""
    size = f", above {term['long_above']:,} input tokens" if term["is_long"] else ""
    return f"price {term['price_id']} of {term['model']}: {days}{until}{size} ({term['source']})"


# What a term of the explanation counts and at which rate, as `call_terms` names them; the kind says the unit.
_LINES: Final = (
    ("fresh input", "fresh_text", "input_rate", "input"),
    ("fresh audio input", "fresh_audio", "audio_input_per_mtok", "audio_input"),
    ("fresh image input", "fresh_image", "image_rate", "image_input"),
    ("cached input", "cached_text", "cached_rate", "cached_input"),
    ("cached audio input", "cached_audio", "cached_audio_input_per_mtok", "cached_audio_input"),
    ("cached image input", "cached_image", "cached_image_rate", "cached_image_input"),
    ("cache write", "written_30m", "write_rate", "cache_write"),
    ("12-hour cache write", "written_12h", "write_12h_rate", "cache_write_12h"),
    ("output", "output_text", "output_rate", "output"),
    ("audio output", "output_audio", "audio_output_per_mtok", "audio_output"),
    ("image output", "output_image", "image_output_rate", "image_output"),
    ("web search", "web_search_calls", "web_search_per_kcall", "web_search"),
    ("web search preview", "web_search_preview_calls", "web_search_preview_per_kcall", "web_search_preview"),
    ("file search", "file_search_calls", "file_search_per_kcall", "file_search"),
    ("container", "charged_sessions", "container_usd", "container"),
    ("request", "requests", "request_per_kcall", "request"),
    ("characters", "input_characters", "input_per_mchar", "characters"),
    ("audio", "audio_seconds", "audio_per_hour", "audio_hour"),
    ("image tool text input", "tool_text", "tool_input_rate", "input"),
    ("image tool image input", "tool_image", "tool_image_input_rate", "image_input"),
    ("image tool cached text input", "tool_cached_text", "tool_cached_rate", "cached_input"),
    ("image tool cached image input", "tool_cached_image", "tool_cached_image_rate", "cached_image_input"),
    ("image tool text output", "tool_text_output", "tool_text_output_rate", "output"),
    ("image tool image output", "tool_image_output", "tool_image_output_rate", "image_output"),
)
_UNITS: Final[Mapping[str, str]] = {
    "request": "requests",
    "characters": "characters",
    "audio_hour": "seconds",
    "container": "sessions",
}


def _term_lines(term: Mapping[str, Any]) -> Iterable[str]:
    # a price is stored by the second
    seconds = term["audio_per_second"]
    hourly = None if seconds is None else (seconds * 3600).quantize(RATE_QUANTUM)
    term = {**term, "audio_per_hour": hourly}
    for name, counted, rated, kind in _LINES:
        count, rate = term[counted], term[rated]
        if count and rate is not None:
            unit = "calls" if kind in TOOLS else _UNITS.get(kind, "tokens")
            dollars = _money(amount(kind, Decimal(str(count)), rate))
            yield f"{name}: {count:,} {unit} x ${_money(rate)} per {PER[kind]:,} = ${dollars}"


def _money(amount: Decimal) -> str:
    """The amount with every digit it has and no zeros behind them."""
    text = format(amount, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


__all__ = ["INCOMING_COLUMNS", "Cost", "Unpriced", "create_prices", "explain", "price_incoming", "price_one", "sql"]
