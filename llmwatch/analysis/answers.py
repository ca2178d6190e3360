"""Owns how answers came: how fast, how whole, how many tokens, and what was paid for those nobody received."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from .measures import Measures, change, compared, name_cell
from .report import (
    Cell,
    Column,
    Note,
    Number,
    Row,
    Section,
    Table,
    Text,
    Unknown,
    count,
    counted,
    milliseconds,
    money_text,
    share,
    usd,
)

NO_ANSWER: Final = "no answer of these calls was timed"
NOT_STREAMED: Final = "none of these calls was streamed"

_SPEED_COLUMNS: Final = (
    Column("latency_p50_ms", "P50"),
    Column("latency_p95_ms", "P95"),
    Column("latency_p99_ms", "P99"),
    Column("first_token_p50_ms", "1st token P50"),
    Column("first_token_p95_ms", "P95", rank=1),
    Column("first_token_p99_ms", "P99", rank=2),
    Column("tokens_per_second", "tokens/s"),
    Column("timed_calls", "calls timed", rank=3),
)
_RATE_COLUMNS: Final = (
    ("failed_calls", "error_rate", "errors", 0),
    ("retried_calls", "retry_rate", "retried", 0),
    ("left_calls", "left_rate", "left early", 0),
    ("truncated_calls", "truncation_rate", "cut off", 0),
    ("refused_calls", "refusal_rate", "refused", 0),
    ("filtered_calls", "content_filter_rate", "filtered", 1),
)


def speed_section(dimension: str, names: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> Section:
    """Exact percentiles and rates per name, then over all calls."""
    now = [row for row in rows if row["is_current"]]
    by_name = {row["name"]: row for row in now if not row["is_total"]}
    listed = [by_name[name] for name in names if name in by_name]
    total = [row for row in now if row["is_total"]]
    name = Column(dimension, dimension, is_number=False)
    speed = [_speed_row(dimension, row) for row in (*listed, *total)]
    rates = [_rate_row(dimension, row) for row in (*listed, *total)]
    rate_columns = [Column(key, title, rank) for _, key, title, rank in _RATE_COLUMNS]
    tables = (
        Table(f"speed_by_{dimension}", dimension, (name, *_SPEED_COLUMNS), tuple(speed), "Speed of answers"),
        Table(
            f"rates_by_{dimension}",
            dimension,
            (name, Column("calls", "calls", 2), *rate_columns),
            tuple(rates),
            "Share of calls that failed, were retried, left early, cut off, refused or filtered",
        ),
    )
    note = Note(
        "Speed is of calls that succeeded and were waited for (no batch, no background); percentiles are exact. "
        "Left early: the program closed or dropped the stream. Cut off: the length limit ended the answer."
    )
    return Section("speed", "SPEED AND RELIABILITY", tables, (note,))


def _title(dimension: str, row: Mapping[str, Any]) -> tuple[str, Cell, Any]:
    if row["is_total"]:
        return "(all)", Text("all"), "total"
    return str(row["name"]), name_cell(dimension, row["name"]), ""


def _speed_row(dimension: str, row: Mapping[str, Any]) -> Row:
    key, title, kind = _title(dimension, row)
    latency = row.get("latency_ms") or (None, None, None)
    first = row.get("first_token_ms") or (None, None, None)
    rate = row.get("tokens_per_second")
    cells = (
        title,
        *(milliseconds(value, NO_ANSWER) for value in latency),
        *(milliseconds(value, NOT_STREAMED) for value in first),
        Unknown(NOT_STREAMED) if rate is None else Number(Decimal(f"{rate:.3f}"), "per_second"),
        count(int(row.get("timed_calls") or 0)),
    )
    return Row(key, cells, kind=kind)


def _rate_row(dimension: str, row: Mapping[str, Any]) -> Row:
    key, title, kind = _title(dimension, row)
    measures = Measures(row)
    rates = (share(measures.count(k), measures.calls, "no calls") for k, _, _, _ in _RATE_COLUMNS)
    return Row(key, (title, count(measures.calls), *rates), kind=kind)


_WASTE: Final = (
    ("failed", "Ended in an error", "failed_calls", "failed_usd"),
    ("left", "Stream left, dropped, cancelled or broken", "left_calls", "left_usd"),
    ("cut_empty", "Cut off before the first word", "cut_empty_calls", "cut_empty_usd"),
)

# Not waste for certain, and not in the sum: the answers arrived.
_BESIDE: Final = (
    ("retried", "Answered after one or more retries"),
    ("repeated", "Same request sent before, within a day"),
)


def answers_section(now: Measures, before: Measures, is_comparable: bool, flags: str = "") -> Section:
    """What was paid for answers nobody received; the three kinds exclude each other and add up."""
    columns = (
        Column("kind", "", is_number=False),
        Column("calls", "calls"),
        Column("calls_share", "of calls"),
        Column("paid_usd", "paid"),
        Column("share", "of spend"),
        Column("before_usd", "before", rank=1),
        Column("change_usd", "change", rank=1),
    )
    rows = [
        _waste_row(key, title, now.count(c), now.money(u), before.money(u), now, is_comparable)
        for key, title, c, u in _WASTE
    ]
    calls = sum(now.count(c) for _, _, c, _ in _WASTE)
    rows.append(_waste_row("unheard", "together", calls, now.unheard, before.unheard, now, is_comparable, "total"))
    for key, title in _BESIDE:
        paid = now.money(f"{key}_usd"), before.money(f"{key}_usd")
        rows.append(_waste_row(key, title, now.count(f"{key}_calls"), *paid, now, is_comparable))
    notes = [Note("Retries themselves are not billed as a rule; that line is what the answered calls cost.")]
    if now.unheard:
        words = f"You paid {money_text(now.unheard)} for answers nobody received."
        notes.insert(0, Note(words, "See which calls:", f"llmwatch calls --status incomplete --order cost{flags}"))
    return Section(
        "answers",
        "ANSWERS NOBODY RECEIVED",
        (Table("unheard", "kind", compared(columns, is_comparable), tuple(rows)),),
        tuple(notes),
    )


def _waste_row(
    key: str,
    title: str,
    calls: int,
    paid: Decimal | None,
    before: Decimal | None,
    now: Measures,
    is_comparable: bool,
    kind: Any = "",
) -> Row:
    reason = now.no_spend_reason
    cells = (
        Text(title),
        count(calls),
        share(calls, now.calls, "no calls"),
        usd(paid, reason),
        share(paid, now.spend, now.no_share_reason),
        usd(before, reason),
        change(paid, before, "usd", is_comparable, is_bad_up=True),
    )
    return Row(key, cells, kind=kind)


_TOKENS: Final = (
    ("input_tokens", "Input", ""),
    ("cached_input_tokens", "read from cache", "part"),
    ("cache_write_tokens", "written to cache", "part"),
    ("audio_input_tokens", "audio", "part"),
    ("image_input_tokens", "images", "part"),
    ("output_tokens", "Output", ""),
    ("reasoning_tokens", "reasoning", "part"),
    ("audio_output_tokens", "audio", "part"),
    ("image_output_tokens", "images", "part"),
    ("web_search_calls", "Web searches", ""),
    ("file_search_calls", "File searches", ""),
    ("container_calls", "Container calls", ""),
)
_ALWAYS: Final = ("input_tokens", "cached_input_tokens", "output_tokens", "reasoning_tokens")


def tokens_section(now: Measures, before: Measures, is_comparable: bool) -> Section:
    """Tokens of every kind, and tool calls billed by the call; a part is inside the line above, never added to it."""
    columns = (
        Column("kind", "", is_number=False),
        Column("now", "this period"),
        Column("share", "of its kind"),
        Column("per_call", "per call", rank=1),
        Column("before", "before", rank=1),
        Column("change", "change"),
    )
    shown = [line for line in _TOKENS if line[0] in _ALWAYS or now.count(line[0]) or before.count(line[0])]
    rows = tuple(_tokens_row(*line, now, before, is_comparable) for line in shown)
    notes = [Note("Cached and written tokens are part of the input, reasoning is part of the output.")]
    if now.count("estimated_calls"):
        silent = counted(now.count("estimated_calls"), "call")
        notes.append(Note(f"Input and output include estimates for {silent} without reported usage."))
    return Section("tokens", "TOKENS", (Table("tokens", "kind", compared(columns, is_comparable), rows),), tuple(notes))


def _tokens_row(key: str, title: str, kind: Any, now: Measures, before: Measures, is_comparable: bool) -> Row:
    whole = "input_tokens" if "input" in key or "cache" in key else "output_tokens"
    of_kind: Cell = share(now[key], now.count(whole), "no usage reported") if kind else Text("")
    per_call: Cell = Unknown("no usage reported")
    if now.calls and now[key] is not None:
        per_call = Number((Decimal(now.count(key)) / now.calls).quantize(Decimal("0.1")), "count")
    cells = (
        Text(title),
        now.tokens(key),
        of_kind,
        per_call,
        before.tokens(key),
        change(now.count(key), before.count(key), "count", is_comparable),
    )
    return Row(key, cells, kind=kind)
