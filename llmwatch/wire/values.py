"""Owns how results look on the wire: DuckDB types as PostgreSQL oids, their values as text or binary.

Pure. A value that the promised type cannot hold is a Problem with SQLSTATE 22003 or 22P02, never a wrong number.
"""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final, cast
from uuid import UUID

from .protocol import Column, Problem

BOOL, BYTEA, INT8, INT2, INT4, TEXT, OID, JSON = 16, 17, 20, 21, 23, 25, 26, 114
FLOAT4, FLOAT8, DATE, TIME, TIMESTAMP, TIMESTAMPTZ, INTERVAL, NUMERIC, UUID_ = (
    700, 701, 1082, 1083, 1114, 1184, 1186, 1700, 2950,
)  # fmt: skip

# DuckDB type id -> (oid, bytes of a value or -1)
_SCALARS: Final[Mapping[str, tuple[int, int]]] = {
    "boolean": (BOOL, 1),
    "tinyint": (INT2, 2),
    "smallint": (INT2, 2),
    "integer": (INT4, 4),
    "bigint": (INT8, 8),
    "utinyint": (INT2, 2),
    "usmallint": (INT4, 4),
    "uinteger": (INT8, 8),
    "ubigint": (NUMERIC, -1),
    "hugeint": (NUMERIC, -1),
    "uhugeint": (NUMERIC, -1),
    "float": (FLOAT4, 4),
    "double": (FLOAT8, 8),
    "decimal": (NUMERIC, -1),
    "date": (DATE, 4),
    "time": (TIME, 8),
    "timestamp": (TIMESTAMP, 8),
    "timestamp_s": (TIMESTAMP, 8),
    "timestamp_ms": (TIMESTAMP, 8),
    "timestamp_ns": (TIMESTAMP, 8),
    "timestamp with time zone": (TIMESTAMPTZ, 8),
    "interval": (INTERVAL, 16),
    "blob": (BYTEA, -1),
    "uuid": (UUID_, 16),
    "struct": (JSON, -1),
    "map": (JSON, -1),
    "json": (JSON, -1),
    "variant": (JSON, -1),
}
# oid of an element -> oid of its array
_ARRAYS: Final = {
    BOOL: 1000, BYTEA: 1001, INT2: 1005, INT4: 1007, TEXT: 1009, INT8: 1016, FLOAT4: 1021, FLOAT8: 1022,
    TIMESTAMP: 1115, DATE: 1182, TIME: 1183, TIMESTAMPTZ: 1185, INTERVAL: 1187, NUMERIC: 1231, UUID_: 2951, JSON: 199,
}  # fmt: skip
ELEMENTS: Final = {array: element for element, array in _ARRAYS.items()} | {1015: TEXT, 1028: INT8}
EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)
# DuckDB hands out moments without a zone; the last and the first of them are its infinities.
_LAST: Final = datetime(9999, 12, 31, 23, 59, 59, 999999)  # noqa: DTZ001
_FIRST: Final = datetime(1, 1, 1)  # noqa: DTZ001
EPOCH_DAY: Final = date(2000, 1, 1)
_ERA: Final = re.compile(r"\s*\(BC\)")


def column(name: str, duck_type: Any) -> Column:
    """The column as it is described to a client."""
    kind = type_id(duck_type)
    if kind in ("list", "array"):
        element, _ = _SCALARS.get(type_id(_child(duck_type)), (TEXT, -1))
        return Column(name, _ARRAYS[element])
    oid, size = _SCALARS.get(kind, (TEXT, -1))
    if kind == "decimal":
        precision, scale = (int(value) for _, value in duck_type.children)
        return Column(name, oid, size, ((precision << 16) | scale) + 4)
    return Column(name, oid, size)


def type_id(duck_type: Any) -> str:
    """DuckDB's name of the kind of type, without its parameters."""
    return "json" if str(duck_type) == "JSON" else str(duck_type.id)


def _child(duck_type: Any) -> Any:
    return dict(duck_type.children)["child"]


# --- text -----------------------------------------------------------------------------------------------------------


def _float4_text(value: float) -> str:
    if value - value != 0:
        return _float8_text(value)
    for digits in (6, 7, 8):
        text = f"{value:.{digits}g}"
        if struct.unpack("f", struct.pack("f", float(text))) == struct.unpack("f", struct.pack("f", value)):
            return text
    return f"{value:.9g}"


def _float8_text(value: float) -> str:
    if value - value != 0 and not value > 0 and not value < 0:
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "Infinity" if value > 0 else "-Infinity"
    text = repr(value)
    return text.removesuffix(".0")


def _numeric_text(value: Any) -> str:
    return format(value, "f") if isinstance(value, Decimal) else str(value)


def _moment_text(value: Any) -> str:
    """A date or moment; years that Python lacks come as DuckDB's own text."""
    if isinstance(value, str):
        found = _ERA.search(value)
        return value if found is None else f"{_ERA.sub('', value)} BC"
    if isinstance(value, datetime):
        plain = value.replace(tzinfo=None)
        if plain in (_LAST, _FIRST):
            return "infinity" if plain == _LAST else "-infinity"
        if value.tzinfo is None:
            return value.isoformat(" ")
        return value.astimezone(UTC).replace(tzinfo=None).isoformat(" ") + "+00"
    if value in (date.max, date.min):
        return "infinity" if value == date.max else "-infinity"
    return str(value)


def _interval_text(value: Any) -> str:
    if not isinstance(value, timedelta):
        return str(value)
    seconds, micros = divmod(abs(value - timedelta(days=value.days)) // timedelta(microseconds=1), 1_000_000)
    clock = f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
    clock += f".{micros:06d}" if micros else ""
    days = f"{value.days} day{'' if value.days == 1 else 's'}" if value.days else ""
    return " ".join(part for part in (days, clock if seconds or micros or not days else "") if part)


def _json_text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(_plain(value), ensure_ascii=False, default=str, allow_nan=False)


def _plain(value: Any) -> Any:
    """The value with nothing in it that JSON lacks."""
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in cast("dict[Any, Any]", value).items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in cast("list[Any]", value)]
    if isinstance(value, float) and value - value != 0:
        return None
    return float(value) if isinstance(value, Decimal) else value


def _bytea_text(value: Any) -> str:
    return "\\x" + bytes(value).hex()


def _bool_text(value: Any) -> str:
    return "t" if value else "f"


_TEXTS: Final[Mapping[int, Callable[[Any], str]]] = {
    BOOL: _bool_text,
    BYTEA: _bytea_text,
    FLOAT4: _float4_text,
    FLOAT8: _float8_text,
    NUMERIC: _numeric_text,
    DATE: _moment_text,
    TIMESTAMP: _moment_text,
    TIMESTAMPTZ: _moment_text,
    INTERVAL: _interval_text,
    JSON: _json_text,
}
_UNQUOTED: Final = re.compile(r'[^\s{}",\\]+\Z')


def _array_text(oid: int) -> Callable[[Any], str]:
    write = _TEXTS.get(ELEMENTS[oid], str)

    def element(value: Any) -> str:
        if value is None:
            return "NULL"
        if isinstance(value, list | tuple):
            return text(cast("Sequence[Any]", value))
        piece = write(value)
        if _UNQUOTED.match(piece) and piece.upper() != "NULL":
            return piece
        return '"' + piece.replace("\\", "\\\\").replace('"', '\\"') + '"'

    def text(values: Any) -> str:
        return "{" + ",".join(map(element, values)) + "}"

    return text


def encoder(oid: int, is_binary: bool) -> Callable[[Any], bytes]:
    """The function from a value that is not NULL to its bytes."""
    if is_binary and oid in _BINARY:
        return _BINARY[oid]
    if is_binary and oid in ELEMENTS:
        return _array_binary(oid)
    write: Callable[[Any], str] = _array_text(oid) if oid in ELEMENTS else _TEXTS.get(oid, str)

    def encode(value: Any) -> bytes:
        # PostgreSQL's texts cannot hold a zero byte, and drivers stop at one.
        return write(value).replace("\0", "").encode("utf-8", "replace")

    return encode


# --- binary ---------------------------------------------------------------------------------------------------------


def _packed(form: str, read: Callable[[Any], Any] = int) -> Callable[[Any], bytes]:
    packer = struct.Struct(form)

    def pack(value: Any) -> bytes:
        try:
            return packer.pack(read(value))
        except (struct.error, ValueError, TypeError, OverflowError) as e:
            raise Problem("22003", "a value is out of range of the type that was described") from e

    return pack


def _micros(value: Any) -> int:
    if isinstance(value, str):
        raise Problem("22008", "a moment is beyond what is sent in binary")
    plain = value.replace(tzinfo=None)
    if plain in (_LAST, _FIRST):
        return (1 << 63) - 1 if plain == _LAST else -(1 << 63)
    zoned = value if value.tzinfo else value.replace(tzinfo=UTC)
    return (zoned - EPOCH) // timedelta(microseconds=1)


def _days(value: Any) -> int:
    if isinstance(value, str):
        raise Problem("22008", "a date is beyond what is sent in binary")
    if value in (date.max, date.min):
        return (1 << 31) - 1 if value == date.max else -(1 << 31)
    return (value - EPOCH_DAY).days


def _time_micros(value: time) -> int:
    return ((value.hour * 60 + value.minute) * 60 + value.second) * 1_000_000 + value.microsecond


def _numeric_binary(value: Any) -> bytes:
    number = Decimal(value)
    if not number.is_finite():
        return struct.pack("!hhHh", 0, 0, 0xC000, 0)
    sign, digits, exponent = number.as_tuple()
    scale = max(0, -int(exponent))
    text = "".join(map(str, digits)) + "0" * max(0, int(exponent))
    whole, part = (text[:-scale], text[-scale:].rjust(scale, "0")) if scale else (text, "")
    whole = whole.lstrip("0")
    whole = whole.rjust(-(-len(whole) // 4) * 4, "0")
    part = part.ljust(-(-len(part) // 4) * 4, "0")
    groups = [int((whole + part)[i : i + 4]) for i in range(0, len(whole + part), 4)]
    weight = len(whole) // 4 - 1
    while groups and not groups[0]:
        groups.pop(0)
        weight -= 1
    while groups and not groups[-1]:
        groups.pop()
    head = struct.pack("!hhHh", len(groups), weight if groups else 0, 0x4000 if sign and groups else 0, scale)
    return head + struct.pack(f"!{len(groups)}h", *groups)


def _interval_binary(value: Any) -> bytes:
    micros = (value - timedelta(days=value.days)) // timedelta(microseconds=1)
    return struct.pack("!qii", micros, value.days, 0)


def _text_binary(value: Any) -> bytes:
    return str(value).replace("\0", "").encode("utf-8", "replace")


def _json_binary(value: Any) -> bytes:
    return _json_text(value).encode("utf-8", "replace")


def _uuid_binary(value: Any) -> bytes:
    return UUID(str(value)).bytes


_BINARY: Final[Mapping[int, Callable[[Any], bytes]]] = {
    BOOL: _packed("!?", bool),
    BYTEA: bytes,
    INT2: _packed("!h"),
    INT4: _packed("!i"),
    INT8: _packed("!q"),
    OID: _packed("!I"),
    FLOAT4: _packed("!f", float),
    FLOAT8: _packed("!d", float),
    NUMERIC: _numeric_binary,
    DATE: _packed("!i", _days),
    TIME: _packed("!q", _time_micros),
    TIMESTAMP: _packed("!q", _micros),
    TIMESTAMPTZ: _packed("!q", _micros),
    INTERVAL: _interval_binary,
    UUID_: _uuid_binary,
    JSON: _json_binary,
    TEXT: _text_binary,
}


def _array_binary(oid: int) -> Callable[[Any], bytes]:
    element = ELEMENTS[oid]
    write = _BINARY[element]

    def encode(values: Any) -> bytes:
        if any(isinstance(v, list) for v in values):
            raise Problem("0A000", "lists inside lists are sent as text only")
        if not values:
            return struct.pack("!iiI", 0, 0, element)
        head = struct.pack("!iiIii", 1, int(any(v is None for v in values)), element, len(values), 1)
        return head + b"".join(
            b"\xff\xff\xff\xff" if v is None else struct.pack("!I", len(piece := write(v))) + piece for v in values
        )

    return encode
