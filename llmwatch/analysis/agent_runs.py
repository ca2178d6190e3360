"""Runs, the calls of one trace each: cost, calls, duration and outcome by kind of run and per run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
    milliseconds,
    share,
    usd,
    utc,
)
from .spend import Period, period_words

_KINDS: Final = (
    Column("kind", "kind (first task)", is_number=False, can_wrap=True),
    Column("runs", "runs"),
    Column("calls_per_run", "calls per run"),
    Column("cost_usd", "LLM cost"),
    Column("cost_per_run_usd", "cost per run"),
    Column("duration_p50_ms", "p50 duration", rank=1),
    Column("duration_p95_ms", "p95 duration"),
    Column("with_failures", "with failed calls", rank=1),
    Column("outcome_runs", "with outcome", rank=2),
    Column("success_rate", "successful"),
)
_SINGLE: Final = (
    Column("kind", "kind (first task)", is_number=False, can_wrap=True),
    Column("started_at", "started (UTC)", is_number=False),
    Column("customer", "customer", is_number=False, rank=1),
    Column("calls", "calls"),
    Column("cost_usd", "LLM cost"),
    Column("duration_ms", "duration"),
    Column("failed_calls", "failed calls", rank=1),
    Column("outcome", "outcome", is_number=False),
    Column("trace", "trace", is_number=False, rank=2),
)


def runs_report(period: Period, kinds: Sequence[Mapping[str, Any]], single: Sequence[Mapping[str, Any]]) -> Report:
    """Kinds of runs, the most expensive first, and the most expensive runs."""
    facts: tuple[tuple[str, Cell], ...] = (
        ("since", Moment(utc(period.since))),
        ("until", Moment(utc(period.until))),
    )
    tables = (
        Table("runs_by_kind", "run_kind", _KINDS, tuple(_kind(row) for row in kinds)),
        Table("runs", "run", _SINGLE, tuple(_run(row) for row in single), title="Most expensive runs"),
    )
    section = Section("runs", "RUNS", tables if kinds else (), _notes(kinds))
    number = sum(int(row["runs"]) for row in kinds)
    head = (
        period_words(period, False),
        f"{number:,} run{'' if number == 1 else 's'} of {len(kinds):,} kind{'' if len(kinds) == 1 else 's'}",
    )
    return Report("runs", "llmwatch runs", facts, head, (section,), main_table="runs_by_kind")


def _notes(kinds: Sequence[Mapping[str, Any]]) -> tuple[Note, ...]:
    if kinds:
        return ()
    return (
        Note(
            "No run began in this period.",
            "A run is the calls made under one span: start an OpenTelemetry span around the loop or workflow.",
        ),
    )


def _kind(row: Mapping[str, Any]) -> Row:
    runs, unpriced = int(row["runs"]), int(row["unpriced_runs"])
    cost = None if unpriced or row["cost_usd"] is None else Decimal(row["cost_usd"])
    reason = f"unknown: {unpriced:,} of {runs:,} runs have a call without a price"
    said = int(row["runs_with_outcome"])
    return Row(
        str(row["kind"]),
        (
            Text(str(row["kind"])),
            count(runs),
            Number(Decimal(int(row["calls"])) / runs, "plain"),
            usd(cost, reason),
            usd(None if cost is None else cost / runs, reason),
            milliseconds(row["duration_p50_ms"], "no end known"),
            milliseconds(row["duration_p95_ms"], "no end known"),
            share(int(row["runs_with_failures"]), runs, "no runs"),
            count(said),
            share(int(row["successful_runs"]), said, "no outcome reported"),
        ),
    )


def _run(row: Mapping[str, Any]) -> Row:
    unpriced = int(row["unpriced_calls"])
    reason = f"unknown: {unpriced:,} of {int(row['calls']):,} calls {'has' if unpriced == 1 else 'have'} no price"
    outcome = {True: "success", False: "failure", None: ""}[row["is_success"]]
    return Row(
        str(row["trace"]),
        (
            Text(str(row["kind"] or "")),
            Moment(utc(row["started_at"])),
            Text(str(row["customer"])) if row["customer"] else Unknown("no single customer"),
            count(int(row["calls"])),
            usd(None if row["cost_usd"] is None else Decimal(row["cost_usd"]), reason),
            milliseconds(row["duration_ms"], "no end known"),
            count(int(row["failed_calls"])),
            Text(outcome) if outcome else Unknown("no outcome reported"),
            Text(str(row["trace"])),
        ),
    )
