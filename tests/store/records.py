"""Makes spooled records for tests of the store: only what a test says differs from an ordinary call."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

from llmwatch.call import encode_record
from llmwatch.settings import Settings
from llmwatch.spool import ATTEMPT, CALL, SpoolWriter
from llmwatch.store import Store
from tests.stores import empty_store

STARTED_US = 1_795_219_200_000_000  # 2026-11-21 00:00 UTC
_numbers = itertools.count(1)


def call(**fields: Any) -> dict[str, Any]:
    """The record of one ordinary chat call with exact usage."""
    number = next(_numbers)
    started = fields.pop("started_us", STARTED_US + number * 1000)
    return {
        "trace_id": f"{number:032x}",
        "span_id": f"{number:016x}",
        "started_us": started,
        "ended_us": started + 900_000,
        "operation_name": "chat",
        "provider_name": "openai",
        "request_model": "gpt-4o-mini",
        "response_model": "gpt-4o-mini-2024-07-18",
        "response_id": f"chatcmpl-{number}",
        "server_address": "api.openai.com",
        "endpoint": "/chat/completions",
        "http_request_method": "POST",
        "service_tier": "default",
        "status": "ok",
        "usage_source": "response",
        "http_status_code": 200,
        "input_tokens": 1000,
        "output_tokens": 100,
        "input_characters": 4200,
        "output_characters": 380,
        **fields,
    }


def attempt(parent: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """The record of one HTTP try of a call."""
    number = next(_numbers)
    return {
        "trace_id": parent["trace_id"],
        "span_id": f"{number:016x}",
        "parent_span_id": parent["span_id"],
        "started_us": parent["started_us"],
        "ended_us": parent["ended_us"],
        "http_status_code": 200,
        **fields,
    }


def spool(
    home: Path, *calls: dict[str, Any], attempts: tuple[dict[str, Any], ...] = (), seal: bool = True
) -> SpoolWriter:
    """Appends the records as one process would; the segment is sealed unless its writer shall live on."""
    writer = SpoolWriter(home / "spool", 1 << 30)
    for record in calls:
        assert writer.append(CALL, encode_record(record))
    for record in attempts:
        assert writer.append(ATTEMPT, encode_record(record))
    if seal:
        writer.close()
    return writer


def store(home: Path, **settings: Any) -> Store:
    """The store under `home`."""
    return Store(Settings(home=home, **settings))


def merged(home: Path, *calls: dict[str, Any], **settings: Any) -> Store:
    """The store after these calls were spooled and merged; of usual settings, it existed before, without a row."""
    if not settings and not list(home.glob("store.duckdb*")):
        empty_store(home)
    spool(home, *calls)
    opened = store(home, **settings)
    assert opened.merge().blocked is None
    return opened


def query(opened: Store, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
    """The rows of one query."""
    with opened.read() as con:
        return con.execute(sql, list(parameters)).fetchall()
