"""Owns the filters of `calls`: names and operators from a fixed list, values always as parameters."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Final

from ..errors import UsageError

TEXTS: Final = (
    "id", "trace", "response", "request", "task", "customer", "feature", "user", "session", "service", "environment",
    "operation", "endpoint", "model", "provider", "host", "tier", "status", "error", "stream_end", "finish", "defects",
    "tools", "grade", "unpriced", "usage",
)  # fmt: skip
NUMBERS: Final = (
    "cost", "latency", "first_token", "input_tokens", "cached_tokens", "output_tokens", "reasoning_tokens", "retries",
    "http_status",
)  # fmt: skip
_OPERATORS: Final[Mapping[str, str]] = {
    "=": "=",
    "!=": "<>",
    ">": ">",
    ">=": ">=",
    "<": "<",
    "<=": "<=",
    "~": "contains",
}
_FORM: Final = re.compile(r"\s*(\w+)\s*(!=|>=|<=|=|>|<|~)\s*(.*?)\s*", re.DOTALL)
_NUMBER: Final = re.compile(r"-?\d{1,12}(\.\d{1,12})?")
_EXAMPLES: Final = 'Write --where "task=reply.draft", --where "cost>0.01" or --where "error~timeout".'


@dataclass(frozen=True, slots=True)
class Filter:
    """One condition that is known to be sound."""

    column: str
    operator: str
    value: str

    def condition(self, parameter: str) -> str:
        """SQL in which the value is the parameter."""
        if self.column in NUMBERS:
            return f"{self.column} {_OPERATORS[self.operator]} cast(${parameter} as decimal(38, 12))"
        column = f"coalesce(\"{self.column}\", '')"
        if self.operator == "~":
            return f"contains(lower({column}), lower(${parameter}))"
        return f"{column} {_OPERATORS[self.operator]} ${parameter}"


def parse_filter(text: str) -> Filter:
    """`column operator value`; a wrong one is a sentence with the nearest names."""
    match = _FORM.fullmatch(text)
    if match is None:
        raise UsageError(f"--where {text!r} is not a filter.", _EXAMPLES)
    column, operator, value = match.groups()
    if column in NUMBERS:
        return _number_filter(text, column, operator, value)
    if column not in TEXTS:
        near = get_close_matches(column, [*TEXTS, *NUMBERS], n=3, cutoff=0.5) or [*TEXTS, *NUMBERS]
        raise UsageError(f"--where {text!r}: calls have no {column!r}.", f"Nearest: {', '.join(near)}.")
    if operator not in ("=", "!=", "~"):
        raise UsageError(f"--where {text!r}: {column} is a text.", "Compare it with =, != or ~ (contains).")
    return Filter(column, operator, value)


def _number_filter(text: str, column: str, operator: str, value: str) -> Filter:
    if operator == "~":
        raise UsageError(f"--where {text!r}: {column} is a number.", "Compare it with =, !=, >, >=, < or <=.")
    if not _NUMBER.fullmatch(value):
        raise UsageError(
            f"--where {text!r}: {value!r} is not a number.", "cost is in dollars, latency and first_token in ms."
        )
    return Filter(column, operator, value)


def conditions(filters: Sequence[Filter]) -> tuple[str, dict[str, Any]]:
    """The filters as one condition that begins with `and`, and the parameters it names."""
    parts = [f" and {each.condition(f'value_{n}')}" for n, each in enumerate(filters)]
    return "".join(parts), {f"value_{n}": each.value for n, each in enumerate(filters)}
