"""Owns guessing what type a parameter has that its client left open, from the words around it, as a server would know.

Drivers such as pgx and asyncpg encode a value by the type that the server describes; told `text`, they refuse a number.
Pure, from the tokens alone; what is not plain to see stays open.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from .statements import Token, tokens

BOOL, BYTEA, INT8, INT2, INT4, TEXT, FLOAT4, FLOAT8 = 16, 17, 20, 21, 23, 25, 700, 701
_CASTS: Final = {
    "bool": BOOL, "boolean": BOOL, "bytea": BYTEA, "blob": BYTEA, "smallint": INT2, "int2": INT2, "int": INT4,
    "integer": INT4, "int4": INT4, "bigint": INT8, "int8": INT8, "real": FLOAT4, "float4": FLOAT4, "double": FLOAT8,
    "float8": FLOAT8, "numeric": 1700, "decimal": 1700, "date": 1082, "time": 1083, "timestamp": 1114,
    "timestamptz": 1184, "interval": 1186, "uuid": 2950, "text": TEXT, "varchar": TEXT, "json": 114,
}  # fmt: skip
_ARRAYS: Final = {
    BOOL: 1000, INT2: 1005, INT4: 1007, INT8: 1016, TEXT: 1009, FLOAT4: 1021, FLOAT8: 1022, 1700: 1231, 1114: 1115,
    1184: 1185, 1082: 1182,
}  # fmt: skip
_COMPARISONS: Final = frozenset({"=", "<", ">", "<=", ">=", "<>", "!=", "like", "ilike"})


def guessed(text: str, columns: Mapping[str, int]) -> dict[int, int]:
    """oid by the number of the parameter, for those that a cast, a comparison with a column or a LIMIT tells.

    `columns` has the oid of each column name that means one type wherever it occurs.
    """
    kept = [token for token in tokens(text) if token.kind != "space"]
    found: dict[int, int] = {}
    # What the list is compared with, at each parameter of one.
    listed: dict[int, int] = {}
    for at, token in enumerate(kept):
        if token.kind == "parameter":
            listed[at] = _listed(kept, at, columns) or (listed.get(at - 2, 0) if _word(kept, at - 1) == "," else 0)
            oid = _cast(kept, at) or _around(kept, at, columns) or listed[at]
            if oid:
                found.setdefault(int(token.text[1:6]), oid)
    return found


def _word(kept: list[Token], at: int) -> str:
    return (kept[at].word or kept[at].text) if 0 <= at < len(kept) else ""


def _cast(kept: list[Token], at: int) -> int:
    """Of $1::type and of cast($1 as type), with [] behind it an array's."""
    if _word(kept, at + 1) == "::" or (_word(kept, at + 1) == "as" and _word(kept, at - 2) == "cast"):
        name = _word(kept, at + 2)
        behind = [_word(kept, at + n) for n in range(3, 8)]
        if name == "timestamp" and behind[:2] == ["with", "time"]:
            name = "timestamptz"
        oid = _CASTS.get(name, 0)
        return _ARRAYS.get(oid, 0) if "[" in behind[:1] else oid
    return 0


def _around(kept: list[Token], at: int, columns: Mapping[str, int]) -> int:
    before = _word(kept, at - 1)
    if before in ("limit", "offset"):
        return INT8
    operator, name = _operator(kept, at)
    if operator in _COMPARISONS:
        return columns.get(name, 0)
    if before == "between":
        return columns.get(_word(kept, at - 2), 0)
    if before == "and" and _word(kept, at - 3) == "between":
        return columns.get(_word(kept, at - 4), 0)
    if before == "(" and _word(kept, at - 2) in ("any", "all") and _word(kept, at - 3) == "=":
        return _ARRAYS.get(columns.get(_word(kept, at - 4), 0), 0)
    return 0


def _operator(kept: list[Token], at: int) -> tuple[str, str]:
    """(the comparison before the parameter, what stands before that): <= arrives as two tokens."""
    two = _word(kept, at - 2) + _word(kept, at - 1)
    if two in _COMPARISONS:
        return two, _word(kept, at - 3)
    return _word(kept, at - 1), _word(kept, at - 2)


def _listed(kept: list[Token], at: int, columns: Mapping[str, int]) -> int:
    """Of the first in name IN ($1, $2)."""
    if _word(kept, at - 1) == "(" and _word(kept, at - 2) == "in":
        return columns.get(_word(kept, at - 3), 0)
    return 0
