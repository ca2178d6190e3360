"""Owns turning a query as it stands in a dashboard into the text that Grafana would send: variables first, then macros.

As Grafana's PostgreSQL data source documents them. An argument of a macro ends at the first closing parenthesis.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

_MACRO: Final = re.compile(r"\$__(\w+)\(([^)]*)\)")
# As Grafana's: $name, [[name:format]], ${name.path:format}.
_VARIABLE: Final = re.compile(
    r"\$(\w+)|\[\[(\w+?)(?::(\w+))?\]\]|\$\{(\w+)(?:\.[^:^{}\[\]]+)?(?::([^}]+))?\}", re.ASCII
)
_UNITS: Final = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800, "M": 2592000, "y": 31536000}
_SPAN: Final = re.compile(r"'?(\d+)(ms|s|m|h|d|w|M|y)'?\Z")
# Grafana's steps of an automatic interval, in milliseconds: (below this, this).
_ROUNDED: Final = (
    (10, 1), (15, 10), (35, 20), (75, 50), (150, 100), (350, 200), (750, 500), (1500, 1000), (3500, 2000),
    (7500, 5000), (12500, 10000), (17500, 15000), (25000, 20000), (45000, 30000), (90000, 60000), (210000, 120000),
    (450000, 300000), (750000, 600000), (1050000, 900000), (1500000, 1200000), (2700000, 1800000),
    (5400000, 3600000), (9000000, 7200000), (16200000, 10800000), (32400000, 21600000), (86400000, 43200000),
    (604800000, 86400000), (1814400000, 604800000), (3628800000, 2592000000),
)  # fmt: skip
Values = Mapping[str, str | Sequence[str]]


class UnknownMacro(ValueError):
    """The text names a macro or a format that Grafana does not have."""


@dataclass(frozen=True, slots=True)
class Range:
    """A time range in UTC, without a zone, and the interval that panels group by."""

    since: datetime
    until: datetime
    interval_ms: int = 60_000

    @property
    def interval(self) -> str:
        """As `$__interval` says it."""
        for unit, seconds in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
            if self.interval_ms % (seconds * 1000) == 0:
                return f"{self.interval_ms // (seconds * 1000)}{unit}"
        return f"{self.interval_ms}ms"


def seconds_of(span: str) -> float:
    """`5m`, `'1h'` or `12w` in seconds; ValueError for anything else."""
    found = _SPAN.match(span.strip())
    if not found:
        raise ValueError(f"not a span of time: {span}")
    return int(found[1]) * _UNITS[found[2]]


def interval_ms(since: datetime, until: datetime, points: int, least: str = "1ms") -> int:
    """What Grafana groups by, in ms: the range over the points, rounded its way, and no shorter than the least."""
    raw = (until - since).total_seconds() * 1000 / max(points, 1)
    rounded = next((value for bound, value in _ROUNDED if raw < bound), 31_536_000_000)
    return max(rounded, round(seconds_of(least) * 1000))


@dataclass(frozen=True, slots=True)
class Chosen:
    """What a variable of a dashboard stands for."""

    value: str | Sequence[str]
    # Of a variable with many values or All each value is quoted by the data source, else it stands in its text.
    is_quoted: bool = False
    # Stands in the text as it is, whatever the format: what All has been given to stand for.
    is_text: bool = False


def _of_data_source(chosen: Chosen) -> str:
    """Without a format, as the SQL data sources of Grafana write values: a quote is doubled, nothing else changes."""
    value = chosen.value
    if isinstance(value, str):
        doubled = value.replace("'", "''")
        return f"'{doubled}'" if chosen.is_quoted else doubled
    return ",".join("'" + one.replace("'", "''") + "'" for one in value)


def _formatted(value: str | Sequence[str], how: str) -> str:
    values = [value] if isinstance(value, str) else list(value)
    # sqlstring writes a backslash before a double quote, which no SQL server takes away again.
    escapes = {
        "sqlstring": ("'", {"'": "''", '"': '\\"'}),
        "singlequote": ("'", {"'": "\\'"}),
        "doublequote": ('"', {'"': '\\"'}),
    }
    if how in escapes:
        mark, escaped = escapes[how]
        return ",".join(mark + "".join(escaped.get(c, c) for c in one) + mark for one in values)
    if how in ("csv", "raw"):
        return ",".join(values)
    if how == "pipe":
        return "|".join(values)
    raise UnknownMacro(f"no format {how}")


def with_variables(sql: str, variables: Mapping[str, Chosen]) -> str:
    """The text with every variable in place, each once: what a value holds is not looked at again."""

    def put(found: re.Match[str]) -> str:
        chosen = variables.get(found[1] or found[2] or found[4])
        how = found[3] or found[5]
        if chosen is None:
            return found[0]
        if chosen.is_text:
            return str(chosen.value)
        return _formatted(chosen.value, how) if how else _of_data_source(chosen)

    return _VARIABLE.sub(put, sql)


def expanded(sql: str, when: Range) -> str:
    """The text with every macro in place; UnknownMacro for one that Grafana's data source does not have."""
    text = sql.replace("$__interval_ms", str(when.interval_ms)).replace("$__interval", when.interval)
    return _MACRO.sub(lambda found: _macro(found[1], _arguments(found[2]), when), text)


def _arguments(text: str) -> list[str]:
    return [part.strip() for part in text.split(",")] if text.strip() else []


def _moment(moment: datetime) -> str:
    text = moment.isoformat(timespec="microseconds").rstrip("0").rstrip(".")
    return f"'{text}Z'"


def _epoch(moment: datetime) -> int:
    return (moment - datetime(1970, 1, 1)) // timedelta(seconds=1)  # noqa: DTZ001 - times are UTC without a zone


def _macro(name: str, given: list[str], when: Range) -> str:
    since, until = _epoch(when.since), _epoch(when.until)
    first = given[0] if given else ""
    nothing_given = {
        "timeFrom": _moment(when.since),
        "timeTo": _moment(when.until),
        "unixEpochFrom": str(since),
        "unixEpochTo": str(until),
        "unixEpochNanoFrom": str(since * 10**9),
        "unixEpochNanoTo": str(until * 10**9),
    }
    if name in nothing_given:
        return nothing_given[name]
    if not first:
        raise UnknownMacro(f"missing argument of $__{name}")
    if name in ("timeGroup", "timeGroupAlias", "unixEpochGroup", "unixEpochGroupAlias"):
        return _group(name, given)
    one_column = {
        "time": f'{first} AS "time"',
        "timeEpoch": f'extract(epoch from {first}) as "time"',
        "timeFilter": f"{first} BETWEEN {_moment(when.since)} AND {_moment(when.until)}",
        "unixEpochFilter": f"{first} >= {since} AND {first} <= {until}",
        "unixEpochNanoFilter": f"{first} >= {since * 10**9} AND {first} <= {until * 10**9}",
    }
    if name not in one_column:
        raise UnknownMacro(f"no macro $__{name}")
    return one_column[name]


def _group(name: str, given: list[str]) -> str:
    """A third argument (NULL, previous or a number) fills what is missing after the query: `fill_of`."""
    if len(given) < 2:
        raise UnknownMacro(f"$__{name} needs a column and an interval")
    seconds = f"{seconds_of(given[1]):.10g}"
    at = f"extract(epoch from {given[0]})" if name.startswith("time") else f"({given[0]})"
    alias = ' AS "time"' if name.endswith("Alias") else ""
    return f"floor({at}/{seconds})*{seconds}{alias}"


def fill_of(sql: str) -> str | None:
    """How a query asks for missing steps to be filled: `NULL`, `previous` or a number; None if it does not."""
    for found in _MACRO.finditer(sql):
        given = _arguments(found[2])
        if found[1] in ("timeGroup", "timeGroupAlias", "unixEpochGroup", "unixEpochGroupAlias") and len(given) > 2:
            return given[2]
    return None
