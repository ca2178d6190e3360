"""Owns what is said about single calls: the list of them, and all that is known of one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from .report import (
    Cell,
    Column,
    Moment,
    Note,
    Number,
    Report,
    Row,
    Section,
    Table,
    Text,
    Unknown,
    count,
    counted,
    milliseconds,
    usd,
    utc,
)

_ID_LENGTH: Final = 16
_COLUMNS: Final = (
    Column("call", "call", is_number=False),
    Column("started", "started (UTC)", is_number=False),
    Column("task", "task", is_number=False),
    Column("customer", "customer", rank=3, is_number=False),
    Column("model", "model", rank=1, is_number=False),
    Column("status", "status", is_number=False),
    Column("latency_ms", "took"),
    Column("first_token_ms", "1st token", rank=5),
    Column("input_tokens", "in", rank=2),
    Column("cached_tokens", "cached", rank=4),
    Column("output_tokens", "out", rank=2),
    Column("cost_usd", "cost"),
    Column("grade", "grade", rank=5, is_number=False),
    Column("retries", "retries", rank=6),
    Column("feature", "feature", rank=9, is_number=False),
    Column("user", "user", rank=9, is_number=False),
    Column("service", "service", rank=9, is_number=False),
    Column("endpoint", "endpoint", rank=9, is_number=False),
    Column("finish", "finish", rank=9, is_number=False),
    Column("response", "response", rank=9, is_number=False),
    Column("request", "request", rank=9, is_number=False),
)


@dataclass(frozen=True, slots=True)
class Listed:
    """Rows of the query `calls`, and what was asked."""

    rows: Sequence[Mapping[str, Any]]
    since: datetime
    until: datetime
    order: str
    hindrances: tuple[str, ...] = ()


def calls_report(listed: Listed) -> Report:
    """A line per call; says how many more there are."""
    rows = tuple(_call_row(row) for row in listed.rows)
    matched = int(listed.rows[0]["matched"]) if listed.rows else 0
    notes = [*(Note(text) for text in listed.hindrances)]
    if not rows:
        notes.insert(
            0, Note("No call matches.", "Ask for a longer period or fewer conditions:", "llmwatch calls --since 30d")
        )
    elif matched > len(rows):
        notes.insert(0, Note(f"{len(rows):,} of {counted(matched, 'call')}, by {listed.order}; --limit lists more."))
    facts = (
        ("since", Moment(utc(listed.since))),
        ("until", Moment(utc(listed.until))),
        ("matched", count(matched)),
    )
    tables = (Table("calls", "call", _COLUMNS, rows),) if rows else ()
    return Report("calls", "", facts, sections=(Section("calls", "", tables, tuple(notes)),), main_table="calls")


def _call_row(row: Mapping[str, Any]) -> Row:
    cells = (
        Text(str(row["id"])[:_ID_LENGTH]),
        Moment(utc(row["started"])),
        _text(row["task"], "no task"),
        _text(row["customer"], "no customer"),
        _text(row["model"], "no model"),
        _status(row),
        milliseconds(row["latency"], "not timed"),
        milliseconds(row["first_token"], "not streamed"),
        _count(row["input_tokens"], "no usage reported"),
        _count(row["cached_tokens"], "no usage reported"),
        _count(row["output_tokens"], "no usage reported"),
        usd(row["cost"], str(row["unpriced"] or "no cost recorded")),
        _text(row["grade"], "not priced"),
        _count(row["retries"], "retries were not counted"),
        *(
            _text(row[key], f"no {key}")
            for key in ("feature", "user", "service", "endpoint", "finish", "response", "request")
        ),
    )
    return Row(str(row["id"]), cells)


def _status(row: Mapping[str, Any]) -> Cell:
    status = str(row["status"] or "")
    if status == "error":
        return Text(f"error {row['http_status'] or row['error'] or ''}".strip(), "bad")
    if status == "incomplete":
        return Text(f"incomplete, {row['stream_end']}" if row["stream_end"] else "incomplete", "bad")
    return Text(status) if status else Unknown("no status recorded")


def _text(value: Any, reason: str) -> Text | Unknown:
    return Text(str(value)) if value not in (None, "") else Unknown(reason)


def _count(value: Any, reason: str) -> Number | Unknown:
    return Unknown(reason) if value is None else count(int(value))


@dataclass(frozen=True, slots=True)
class Known:
    """All that the store has on one call: its row, its tries, its content, and the terms of its cost."""

    call: Mapping[str, Any]
    attempts: Sequence[Mapping[str, Any]] = ()
    content: Mapping[str, Any] | None = None
    cost_terms: Sequence[str] = ()
    hindrances: tuple[str, ...] = ()


# Section -> the call's columns in it, in order; columns of no section come last, under their own names.
_GROUPS: Final[Mapping[str, tuple[str, ...]]] = {
    "WHAT WAS ASKED": (
        "operation_name", "endpoint", "provider_name", "server_address", "request_model", "response_model",
        "request_service_tier", "service_tier", "is_stream", "is_batch", "is_background", "max_tokens", "temperature",
        "top_p", "reasoning_level", "response_format", "tool_names", "message_count", "input_characters", "media_count",
    ),
    "FOR WHOM": (
        "task_name", "task_source", "customer_id", "feature", "user_id", "session_id", "service_name",
        "service_version", "deployment_environment", "call_site",
    ),
    "HOW IT ENDED": (
        "status", "error_type", "error_message", "http_status_code", "finish_reasons", "stream_end", "retries",
        "latency_ms", "time_to_first_token", "processing_ms", "is_output_empty", "is_refusal", "is_content_filtered",
        "is_output_json_valid", "is_output_schema_valid", "is_tool_arguments_valid", "tool_calls", "output_characters",
    ),
    "TOKENS": (
        "usage_source", "input_tokens", "cached_input_tokens", "cache_write_tokens", "cache_write_12h_tokens",
        "text_input_tokens", "audio_input_tokens", "image_input_tokens", "output_tokens", "reasoning_tokens",
        "audio_output_tokens", "image_output_tokens", "estimated_input_tokens", "estimated_output_tokens",
        "estimate_error", "web_search_calls", "web_search_preview_calls", "file_search_calls", "container_calls",
        "container_sessions", "container_memory", "audio_seconds", "usage_doubt", "usage_conflict", "stated_cost_usd",
        "stated_cost_source", "usage_raw",
    ),
}  # fmt: skip
_COST_TERMS: Final = (
    ("input_cost_usd", "input, not cached"),
    ("cached_input_cost_usd", "input, read from cache"),
    ("cache_write_cost_usd", "input, written to cache"),
    ("output_cost_usd", "output and reasoning"),
    ("tool_cost_usd", "tools"),
    ("unsplit_cost_usd", "stated by the server, not split"),
)
_ELSEWHERE: Final = frozenset(
    {"span_id", "trace_id", "parent_span_id", "response_id", "request_id", "started_at", "ended_at", "defects",
     "cost_usd", "cost_grade", "cost_note", "price_id", "unpriced_reason", "cache_saving_usd", "list_cost_usd", "task",
     *(key for key, _ in _COST_TERMS)}
)  # fmt: skip
_DEFECTS: Final[Mapping[str, str]] = {
    "usage_unreadable": "the usage object had a shape llmwatch does not know; it is kept whole under usage_raw",
    "usage_inconsistent": "the counts of the usage object contradict each other; they were cut to what is possible",
    "response_unreadable": "the response could not be read; what the call returned was not touched",
}


def call_report(known: Known) -> Report:
    """Everything stored about one call; nothing that has a value is left out."""
    call = known.call
    facts = tuple(
        (key, _text(call.get(key), f"the call has no {key}"))
        for key in ("span_id", "trace_id", "response_id", "request_id")
    )
    named = {key for keys in _GROUPS.values() for key in keys} | _ELSEWHERE
    rest = tuple(key for key in call if key not in named)
    groups = (*_GROUPS.items(), ("ALSO RECORDED", rest))
    sections = [_group_section(title, keys, call) for title, keys in groups if any(_has(call.get(key)) for key in keys)]
    sections.insert(min(2, len(sections)), _cost_section(known))
    sections += [*_attempt_sections(known.attempts), *_defect_sections(call), *_content_sections(known)]
    if known.hindrances:
        sections.append(
            Section("unknowns", "NOT KNOWN", notes=tuple(Note(text) for text in known.hindrances), is_warning=True)
        )
    started = call.get("started_at")
    head = f"{started:%Y-%m-%d %H:%M:%S.%f} UTC" if started else "start unknown"
    ids = " · ".join(
        f"{name} {call[key]}"
        for name, key in (("trace", "trace_id"), ("response", "response_id"), ("request", "request_id"))
        if call.get(key)
    )
    return Report("call", f"call {call['span_id']}", facts, (head, ids), tuple(sections))


def _has(value: Any) -> bool:
    return value is not None and value not in ("", [], {})


def _group_section(title: str, keys: Sequence[str], call: Mapping[str, Any]) -> Section:
    columns = (Column("field", "", is_number=False), Column("value", "", is_number=False, can_wrap=True))
    rows = tuple(Row(key, (Text(key), value_cell(key, call[key]))) for key in keys if _has(call.get(key)))
    return Section(title.lower().replace(" ", "_"), title, (Table("fields", "field", columns, rows),))


def value_cell(key: str, value: Any) -> Cell:
    """Any stored value as a cell, by its name's unit."""
    if isinstance(value, datetime):
        return Moment(utc(value))
    if key.endswith("_usd"):
        return usd(value, "unknown")
    if isinstance(value, bool):
        return Text("yes" if value else "no")
    if isinstance(value, int):
        return count(value)
    if isinstance(value, float):
        return milliseconds(value, "") if key.endswith("_ms") else Text(f"{value:g}")
    if isinstance(value, list | tuple):
        return Text(", ".join(str(part) for part in value))  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
    return Text(str(value))


def _cost_section(known: Known) -> Section:
    call = known.call
    reason = str(call.get("unpriced_reason") or "no cost recorded")
    rows = [
        Row(key, (Text(title), usd(call[key], reason)), kind="part")
        for key, title in _COST_TERMS
        if call.get(key) is not None and Decimal(call[key])
    ]
    rows.append(
        Row(
            "cost_usd",
            (Text(f"Cost, grade {call.get('cost_grade') or 'unknown'}"), usd(call.get("cost_usd"), reason)),
            kind="total",
        )
    )
    if call.get("list_cost_usd") != call.get("cost_usd"):
        why = "the list has no price for it"
        rows.append(Row("list_cost_usd", (Text("At list price"), usd(call.get("list_cost_usd"), why))))
    if call.get("cache_saving_usd"):
        rows.append(Row("cache_saving_usd", (Text("Saved by cached input"), usd(call["cache_saving_usd"], reason))))
    notes = [Note(line) for line in known.cost_terms]
    if call.get("cost_note"):
        notes.append(Note(str(call["cost_note"])))
    columns = (Column("part", "", is_number=False), Column("cost_usd", ""))
    return Section("cost", "COST", (Table("cost", "part", columns, tuple(rows)),), tuple(notes))


_ATTEMPT_COLUMNS: Final = (
    Column("attempt", "try"),
    Column("started", "started (UTC)", is_number=False),
    Column("latency_ms", "took"),
    Column("http_status", "HTTP", is_number=False),
    Column("error", "error", is_number=False),
    Column("processing_ms", "at OpenAI", rank=1),
    Column("request", "request", rank=1, is_number=False),
)


def _attempt_sections(attempts: Sequence[Mapping[str, Any]]) -> list[Section]:
    if not attempts:
        return []
    rows = tuple(_attempt_row(number, row) for number, row in enumerate(attempts, 1))
    return [Section("attempts", "HTTP ATTEMPTS", (Table("attempts", "attempt", _ATTEMPT_COLUMNS, rows),))]


def _attempt_row(number: int, row: Mapping[str, Any]) -> Row:
    started, ended = row.get("started_at"), row.get("ended_at")
    took = (ended - started).total_seconds() * 1000 if started and ended else None
    cells = (
        count(number),
        Moment(utc(started)) if started else Unknown("not recorded"),
        milliseconds(took, "not recorded"),
        _text(row.get("http_status_code"), "no answer came"),
        Text(str(row.get("error_type") or "")),
        milliseconds(row.get("processing_ms"), "not reported"),
        _text(row.get("request_id"), "not reported"),
    )
    return Row(str(number), cells)


def _defect_sections(call: Mapping[str, Any]) -> list[Section]:
    defects: Sequence[Any] = call.get("defects") or ()
    if not defects:
        return []
    notes = tuple(Note(f"{name}: {_DEFECTS.get(str(name), 'this field could not be read')}.") for name in defects)
    return [Section("defects", "NOT KNOWN", notes=notes, is_warning=True)]


def _content_sections(known: Known) -> list[Section]:
    content = known.content
    if content is None:
        mode = known.call.get("content_mode") or "unknown"
        return [Section("content", "CONTENT", notes=(Note(f"Not kept for this call (content mode {mode})."),))]
    parts = [
        (key, str(value))
        for key, value in content.items()
        if value is not None and key not in ("span_id", "started_at", "stored_at")
    ]
    return [Section("content", "CONTENT", notes=tuple(Note(f"{key}:", "", text) for key, text in parts))]
