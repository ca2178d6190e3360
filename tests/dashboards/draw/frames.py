"""Rows of a query as the frames that Grafana's PostgreSQL data source makes of them.

A time series with a text column is widened: a field for each text, in the order of times; what is missing is null.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from llmwatch.dashboards.check import NUMBERS, TIMES
from llmwatch.dashboards.client import Rows

BOOLEAN = 16


def frame(found: Rows, format_name: str) -> dict[str, Any]:
    """{refId, fields: [{name, type, values}]}; times in milliseconds."""
    fields = [_field(found, at) for at in range(len(found.columns))]
    if format_name == "time_series":
        fields = _wide(fields)
    return {"refId": "A", "fields": fields}


def _field(found: Rows, at: int) -> dict[str, Any]:
    name, oid = found.columns[at], found.oids[at]
    texts = [row[at] for row in found.rows]
    if oid in TIMES:
        values: list[Any] = [None if text is None else _ms(text) for text in texts]
        return {"name": name, "type": "time", "values": values}
    if oid in NUMBERS:
        values = [None if text in (None, "NaN", "Infinity", "-Infinity") else float(text or 0) for text in texts]
        return {"name": name, "type": "number", "values": values}
    if oid == BOOLEAN:
        return {"name": name, "type": "boolean", "values": [None if t is None else t == "t" for t in texts]}
    return {"name": name, "type": "string", "values": list(texts)}


def _ms(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000


def _wide(fields: list[dict[str, Any]]) -> list[dict[str, Any]]:
    time = next(field for field in fields if field["name"] == "time")
    if time["type"] == "number":
        # Seconds since 1970, as $__timeGroup makes them.
        time = {"name": "time", "type": "time", "values": [value * 1000 for value in time["values"]]}
    texts = [field for field in fields if field["type"] == "string"]
    numbers = [field for field in fields if field["type"] == "number" and field["name"] != "time"]
    if not texts:
        return [time, *numbers]
    moments = sorted(set(time["values"]))
    place = {moment: at for at, moment in enumerate(moments)}
    names = sorted(set(texts[0]["values"]))
    made = {name: [None] * len(moments) for name in names}
    for moment, name, value in zip(time["values"], texts[0]["values"], numbers[0]["values"], strict=True):
        made[name][place[moment]] = value
    return [
        {"name": "time", "type": "time", "values": moments},
        *({"name": name, "type": "number", "values": values} for name, values in made.items()),
    ]
