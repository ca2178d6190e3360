"""Owns how the values that a client sends with a query are read: the text or bytes of its parameters.

Pure. What is not what its type says is a Problem with SQLSTATE 22P03.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from .protocol import Problem
from .values import (
    BOOL,
    BYTEA,
    DATE,
    ELEMENTS,
    EPOCH,
    EPOCH_DAY,
    FLOAT4,
    FLOAT8,
    INT2,
    INT4,
    INT8,
    INTERVAL,
    NUMERIC,
    OID,
    TIME,
    TIMESTAMP,
    TIMESTAMPTZ,
    UUID_,
)

# oid of a parameter -> the DuckDB type that its text is read as; any other is left to the query, as a literal is.
_READ_AS: Final = {
    BOOL: "BOOLEAN", INT2: "SMALLINT", INT4: "INTEGER", INT8: "BIGINT", OID: "BIGINT", FLOAT4: "FLOAT",
    FLOAT8: "DOUBLE", DATE: "DATE", TIME: "TIME", TIMESTAMP: "TIMESTAMP", TIMESTAMPTZ: "TIMESTAMP WITH TIME ZONE",
    INTERVAL: "INTERVAL", UUID_: "UUID", BYTEA: "BLOB",
}  # fmt: skip


def parameter(value: bytes | None, oid: int, is_binary: bool) -> tuple[str | None, Any]:
    """(DuckDB type to read the text as, or None for what a bare literal may be; the text, a list of texts, or None)."""
    try:
        if oid in ELEMENTS:
            read_as = _READ_AS.get(ELEMENTS[oid], "VARCHAR")
            if value is None:
                return None, None
            return f"{read_as}[]", _array_in(value, ELEMENTS[oid]) if is_binary else array_of_text(value.decode())
        if value is None:
            return _READ_AS.get(oid), None
        text = _binary_in(value, oid) if is_binary else value.decode()
        return _typed(text, oid)
    except (struct.error, ValueError, ArithmeticError, IndexError) as e:
        raise Problem("22P03", "a parameter is not what its type says") from e


def _typed(text: str, oid: int) -> tuple[str | None, str]:
    if oid == NUMERIC:
        return _numeric_type(text), text
    if oid == BYTEA:
        raw = bytes.fromhex(text[2:]) if text.startswith("\\x") else text.encode()
        return "BLOB", "".join(f"\\x{byte:02X}" for byte in raw)
    return _READ_AS.get(oid), text


def _numeric_type(text: str) -> str:
    number = Decimal(text)
    if not number.is_finite():
        return "DOUBLE"
    scale = max(0, -int(number.as_tuple().exponent))
    return f"DECIMAL(38,{scale})" if scale <= 37 else "DOUBLE"


_UNPACKED: Final[Mapping[int, str]] = {INT2: "!h", INT4: "!i", INT8: "!q", OID: "!I", FLOAT4: "!f", FLOAT8: "!d"}


def _binary_in(value: bytes, oid: int) -> str:
    if oid in _UNPACKED:
        return str(struct.unpack(_UNPACKED[oid], value)[0])
    reader = _FROM_BINARY.get(oid)
    return value.decode() if reader is None else reader(value)


def _moment_in(value: bytes) -> str:
    return (EPOCH + timedelta(microseconds=struct.unpack("!q", value)[0])).isoformat(" ")


def _plain_moment_in(value: bytes) -> str:
    return _moment_in(value).removesuffix("+00:00")


def _date_in(value: bytes) -> str:
    return (EPOCH_DAY + timedelta(days=struct.unpack("!i", value)[0])).isoformat()


def _time_in(value: bytes) -> str:
    return (EPOCH + timedelta(microseconds=struct.unpack("!q", value)[0])).time().isoformat()


def _interval_in(value: bytes) -> str:
    micros, days, months = struct.unpack("!qii", value)
    return f"{months} months {days} days {micros} microseconds"


def _numeric_in(value: bytes) -> str:
    count, weight, sign, scale = struct.unpack("!hhHh", value[:8])
    if sign not in (0, 0x4000):
        return "NaN"
    groups = struct.unpack(f"!{count}h", value[8:])
    # Whole numbers and a power of ten: arithmetic on Decimal would round to its 28 digits.
    whole = sum(group * 10_000 ** (count - 1 - n) for n, group in enumerate(groups))
    number = Decimal((0, tuple(map(int, str(abs(whole)))), (weight - count + 1) * 4))
    text = format(number, f".{scale}f")
    return f"-{text}" if sign else text


def _bool_in(value: bytes) -> str:
    return "true" if value == b"\1" else "false"


def _uuid_in(value: bytes) -> str:
    return str(UUID(bytes=value))


def _bytea_in(value: bytes) -> str:
    return "\\x" + value.hex()


_FROM_BINARY: Final[Mapping[int, Callable[[bytes], str]]] = {
    BOOL: _bool_in,
    TIMESTAMP: _plain_moment_in,
    TIMESTAMPTZ: _moment_in,
    DATE: _date_in,
    TIME: _time_in,
    INTERVAL: _interval_in,
    UUID_: _uuid_in,
    NUMERIC: _numeric_in,
    BYTEA: _bytea_in,
}


def _array_in(value: bytes, element: int) -> list[str | None]:
    dimensions, _, _ = struct.unpack("!iiI", value[:12])
    if dimensions == 0:
        return []
    if dimensions != 1:
        raise ValueError("one dimension")
    (count,) = struct.unpack("!i", value[12:16])
    at = 20
    found: list[str | None] = []
    for _ in range(count):
        (length,) = struct.unpack("!i", value[at : at + 4])
        at += 4
        found.append(None if length < 0 else _binary_in(value[at : at + length], element))
        at += max(0, length)
    return found


_ITEM: Final = re.compile(r'"((?:[^"\\]|\\.)*+)"|([^,{}"]*+)', re.DOTALL)


def array_of_text(text: str) -> list[str | None]:
    """The elements of an array literal of one dimension."""
    text = text.strip()
    if not (text.startswith("{") and text.endswith("}")):
        raise ValueError("no array")
    found: list[str | None] = []
    at, end = 1, len(text) - 1
    while at < end:
        item = _ITEM.match(text, at, end)
        if item is None or (item.end() < end and text[item.end()] != ","):
            raise ValueError("no array of one dimension")
        quoted, bare = item.group(1), item.group(2)
        if quoted is not None:
            found.append(re.sub(r"\\(.)", r"\1", quoted, flags=re.DOTALL))
        else:
            found.append(None if bare.strip().upper() == "NULL" else bare.strip())
        at = item.end() + 1
    return found
