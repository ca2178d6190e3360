"""Stores whose tasks have replays of known truth: calls and replays as rows, as `llmwatch shadow` leaves them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from llmwatch.settings import Settings
from llmwatch.store.file import connect
from tests.stores import MOMENT, call, empty_store

GPT_4O = (Decimal("2.5"), Decimal(10))
MILLION = Decimal(1_000_000)


@dataclass(frozen=True)
class Planted:
    """One task on gpt-4o and what its replays on `model` give; `worse` and `better` are numbers of the replays."""

    task: str
    model: str = "gpt-6-luna"
    calls: int = 600
    replays: int = 0
    worse: int = 0
    better: int = 0
    # Different answers that nobody scored.
    unscored: int = 0
    # Language -> its share of worse answers; calls and replays are split evenly between the languages.
    languages: Mapping[str, float] = field(default_factory=dict)
    input_tokens: int = 800
    output_tokens: int = 50
    # The candidate's counts as a multiple of the incumbent's.
    input_ratio: float = 1.0
    output_ratio: float = 1.0
    columns: Mapping[str, Any] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)

    def cost(self, n: int) -> Decimal:
        """What call `n` cost on gpt-4o."""
        return (self.input_tokens * GPT_4O[0] + self.output(n) * GPT_4O[1]) / MILLION

    def output(self, n: int) -> int:
        """The answers differ in length."""
        return self.output_tokens + n % 7


def planted_store(home: Path, tasks: Sequence[Planted], **settings: Any) -> Settings:
    """A store with 30 days of these tasks' calls and their replays; every call has a trace of its own."""
    found = empty_store(home)
    calls: list[dict[str, Any]] = []
    replays: list[dict[str, Any]] = []
    for number, planted in enumerate(tasks, 1):
        made = [_call(planted, number, n) for n in range(planted.calls)]
        calls += made
        replays += [row for n in range(planted.replays) for row in _replay(planted, number, n, made[n % len(made)])]
    insert(found, "calls", calls)
    insert(found, "replays", replays)
    return Settings(home=home, **settings)


def insert(settings: Settings, table: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Many rows at once, by the names of their columns."""
    if not rows:
        return
    names = list(dict.fromkeys(name for row in rows for name in row))
    parameters = {f"c{n}": [_plain(row.get(name)) for row in rows] for n, name in enumerate(names)}
    columns = ", ".join(f'unnest($c{n}) as "{name}"' for n, name in enumerate(names))
    with connect(settings.store_path, settings.home, read_only=False) as con:
        con.execute(f"insert into {table} by name select {columns}", parameters)


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, Decimal) else value


def _language(planted: Planted, n: int) -> str:
    names = list(planted.languages) or ["en"]
    return names[n % len(names)]


def _call(planted: Planted, number: int, n: int) -> dict[str, Any]:
    span = number * 1_000_000 + n
    return call(
        span,
        hours_ago=30 * 24 * (n + 0.5) / planted.calls,
        cost=str(planted.cost(n)),
        trace_id=f"{span:032x}",
        task_name=planted.task,
        task=planted.task,
        request_model="gpt-4o",
        response_model="gpt-4o-2024-08-06",
        service_tier="default",
        call_site="app/desk.py:answer",
        input_language=_language(planted, n),
        input_tokens=planted.input_tokens,
        output_tokens=planted.output(n),
        cached_input_tokens=0,
        **planted.columns,
    )


def _replay(planted: Planted, number: int, n: int, of: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The two rows of one replay: sent, then answered."""
    sent = MOMENT - timedelta(hours=20) + timedelta(seconds=n)
    facts = {
        "is_same": True,
        "incumbent_model": of["response_model"],
        "input_tokens": of["input_tokens"],
        "incumbent_output_tokens": of["output_tokens"],
        "incumbent_cost_usd": str(of["cost_usd"]),
        "incumbent_latency_ms": 1000.0,
        "incumbent_valid": True,
        "candidate_valid": True,
        **_difference(planted, n),
        **planted.facts,
    }
    base = {
        "replay_id": f"{number}-{planted.model}-{n}",
        "run_id": "run",
        "span_id": of["span_id"],
        "task_name": planted.task,
        "model": planted.model,
    }
    answered = {
        "state": "answered",
        "recorded_at": sent + timedelta(seconds=1),
        "response_model": planted.model,
        "input_tokens": round(of["input_tokens"] * planted.input_ratio),
        "cached_input_tokens": 0,
        "cache_write_tokens": 0,
        "output_tokens": round(of["output_tokens"] * planted.output_ratio),
        "reasoning_tokens": 0,
        "retries": 0,
        "latency_ms": 1500.0,
        "output_messages": "[]",
        "cost_usd": Decimal("0.0001"),
        "facts": json.dumps(facts),
    }
    return [{**base, "state": "sent", "recorded_at": sent}, {**base, **answered}]


def _difference(planted: Planted, n: int) -> dict[str, Any]:
    if planted.languages:
        share = planted.languages[_language(planted, n)]
        is_worse = (n // len(planted.languages) * share) % 1 + share >= 1
        return {"is_same": False, "incumbent_valid": True, "candidate_valid": False} if is_worse else {}
    # Spread over the replays in an order that has nothing to do with their number.
    place = n * 7919 % planted.replays
    if place < planted.worse:
        return {"is_same": False, "incumbent_valid": True, "candidate_valid": False}
    if place < planted.worse + planted.better:
        return {"is_same": False, "incumbent_valid": False, "candidate_valid": True}
    is_open = place < planted.worse + planted.better + planted.unscored
    return {"is_same": False, "incumbent_valid": None, "candidate_valid": None} if is_open else {}
