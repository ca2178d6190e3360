"""Owns when two answers are one: equal but for whitespace, JSON key order and the way numbers are written.

Code fences are content: an answer that gained one is another answer. In doubt answers differ, for a false "same"
hides a loss and a false "different" costs one review.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Final

_NUMBER: Final = re.compile(r"[+-]?(\d{1,3}(,\d{3})+|\d+)(\.\d+)?([eE][+-]?\d{1,4})?")
# Inside text only thousands separators and empty decimals are spelling; "1.10" may be a version, an id, a date.
_INSIDE: Final = re.compile(r"(?<![\w.,:/\-])(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?![\w/\-:]|[.,]\d)")
_MONEY: Final = re.compile(r"(?<=[$€£¥])(\d+\.\d*?)0+(?!\d|\.\d)")
_INDENTED: Final = re.compile(r"^[ \t]+\S", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model gave back: its text, and (name, arguments as JSON) of every tool call in order."""

    text: str = ""
    tool_calls: tuple[tuple[str, str], ...] = ()
    refusal: str = ""


def is_same_answer(one: Answer, other: Answer) -> bool:
    """Whether both say the same after normalisation."""
    return normalized(one) == normalized(other)


def normalized(answer: Answer) -> tuple[Any, ...]:
    """What is compared; equal exactly for answers that count as the same."""
    calls = tuple((name, normalized_text(arguments)) for name, arguments in answer.tool_calls)
    return normalized_text(answer.text), calls, normalized_text(answer.refusal)


def normalized_text(text: str) -> str:
    """JSON with sorted keys and plain numbers; a number in plain form; otherwise text with single spaces."""
    stripped = text.strip()
    if stripped[:1] in ("{", "[", '"'):
        try:
            return "json:" + _canonical(json.loads(stripped, object_pairs_hook=_unique, parse_int=_Number,
                                                   parse_float=_Number, parse_constant=_refused))  # fmt: skip
        except (ValueError, RecursionError):
            pass
    if _NUMBER.fullmatch(stripped):
        return "number:" + _plain(stripped)
    return "text:" + _spaced(stripped)


class _Number(str):
    """A number as it was written, told apart from a string that looks like one."""

    __slots__ = ()


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice")
    return found


def _refused(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _canonical(value: Any) -> str:
    if isinstance(value, _Number):
        return _plain(value)
    if isinstance(value, dict):
        items = sorted(f"{json.dumps(key)}:{_canonical(inner)}" for key, inner in value.items())
        return "{" + ",".join(items) + "}"
    if isinstance(value, list):
        return "[" + ",".join(_canonical(inner) for inner in value) + "]"
    return json.dumps(_spaced(value.strip()) if isinstance(value, str) else value)


def _plain(text: str) -> str:
    """Digits and exponent without sign, separators or zeros that say nothing: 1,000.0, 1e3 and 1000 are one."""
    try:
        sign, digits, exponent = Decimal(text.replace(",", "")).as_tuple()
    except InvalidOperation:
        return text
    written = "".join(map(str, digits)).lstrip("0")
    if not written:
        return "0"
    bare = written.rstrip("0")
    return f"{'-' if sign else ''}{bare}e{int(exponent) + len(written) - len(bare)}"


def _spaced(text: str) -> str:
    # Where a line is indented, breaks and indentation can carry meaning (code, nested lists).
    if _INDENTED.search(text):
        lines = (_indent(line) + " ".join(line.split()) for line in text.splitlines() if line.strip())
        return "\n".join(map(_counted, lines))
    return _counted(" ".join(text.split()))


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]


def _counted(text: str) -> str:
    text = _INSIDE.sub(lambda found: _bare(found[0]), text)
    return _MONEY.sub(lambda found: found[1].rstrip("."), text)


def _bare(number: str) -> str:
    whole, _, decimals = number.partition(".")
    whole = whole.replace(",", "")
    return whole if not decimals.strip("0") else f"{whole}.{decimals}"
