"""Owns the check of the dashboards: every query asked through the wire, with its rows, time and error."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from .client import Address, Client, Refused
from .expand import Values
from .queries import queries

# What Grafana's PostgreSQL data source takes for a time, or for a number that may be one.
TIMES = frozenset({1082, 1114, 1184})
NUMBERS = frozenset({20, 21, 23, 700, 701, 1700})


@dataclass(frozen=True, slots=True)
class Checked:
    """One query that was asked; `error` is empty if it was answered in a form that Grafana can show."""

    board: str
    kind: str
    name: str
    rows: int
    ms: float
    error: str


def check(address: Address, since: datetime, until: datetime, chosen: Values | None = None) -> Iterator[Checked]:
    """Every query over the range (UTC, without a zone), each as soon as it is answered. OSError if the wire is gone."""
    with Client(address) as client:
        for query in queries():
            began = time.perf_counter()
            rows = 0
            try:
                found = client.ask(query.text(since, until, chosen))
                rows = len(found.rows)
                error = _shape(query.format, found.columns, found.oids)
            except (Refused, ValueError) as e:
                error = str(e)
            yield Checked(query.board, query.kind, query.name, rows, (time.perf_counter() - began) * 1000, error)


def _shape(format_name: str, columns: tuple[str, ...], oids: tuple[int, ...]) -> str:
    if format_name != "time_series":
        return ""
    if "time" not in columns:
        return "a time series without a column named time"
    if oids[columns.index("time")] not in TIMES | NUMBERS:
        return "its column time is neither a time nor a number"
    values = [oid for name, oid in zip(columns, oids, strict=True) if name != "time"]
    return "" if any(oid in NUMBERS for oid in values) else "a time series without a number"
