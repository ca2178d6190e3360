"""Decides how a file writes numbers and dates, from all of its cells, and reads them so.

A comma is a decimal comma or a thousands comma, 03/04/2026 is in April or in March: the file as a whole usually says
which. Where it does not, that is a question with both readings; nothing is guessed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final, Literal

from ..errors import UsageError
from .currencies import SIGN_PATTERN, currency_of
from .table_file import TableFile, text_of

Decimals = Literal["point", "comma"]
Order = Literal["day-first", "month-first"]
Cells = Iterable[tuple[int, Any]]

_SIGN_OF: Final[Mapping[Decimals, str]] = {"point": ".", "comma": ","}
_OTHER: Final[Mapping[str, str]] = {".": ",", ",": "."}
_SPACES: Final = re.compile("[\\s\u00a0\u2007\u2009\u202f]+")
_MONEY: Final = re.compile(
    rf"(?P<before>[-+]?)(?P<code>[A-Za-z]{{3}}|{SIGN_PATTERN})? ?(?P<sign>[-+]?) ?"
    rf"(?P<number>[.,]?\d[\d.,' \u2019]*?)"
    rf" ?(?P<behind>[A-Za-z]{{3}}|{SIGN_PATTERN})?(?P<after>[-+]?)"
)
_SCIENTIFIC: Final = re.compile(r"-?\d(\.\d+)?[eE][+-]?\d{1,2}")
_GROUPED: Final = re.compile(r"\d{1,3}(,\d{2,3})*,\d{3}")
_CLOCK: Final = (
    r"(?:[T ,]+(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,]\d+)?)?"
    r"(?: ?(?P<half>[aApP])\.?[mM]\.?)?)?"
    r"(?: ?(?P<zone>UTC|GMT|Z|[+-]\d{2}:?\d{2}))?"
)
_NUMERIC: Final = re.compile(
    rf"(?P<a>\d{{1,2}})(?P<sep>[./-])(?P<b>\d{{1,2}})(?P=sep)(?P<y>\d{{4}}|\d{{2}})\.?{_CLOCK}"
)
_YEAR_FIRST: Final = re.compile(rf"(?P<y>\d{{4}})[./](?P<b>\d{{1,2}})[./](?P<a>\d{{1,2}})\.?{_CLOCK}")
_DAY_NAME: Final = re.compile(rf"(?P<a>\d{{1,2}})[ .-]+(?P<name>[A-Za-z]{{3,9}})[ .,-]+(?P<y>\d{{4}}|\d{{2}}){_CLOCK}")
_NAME_DAY: Final = re.compile(rf"(?P<name>[A-Za-z]{{3,9}})[ .]+(?P<a>\d{{1,2}}),? +(?P<y>\d{{4}}){_CLOCK}")
_MONTHS: Final = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
    "december",
)  # fmt: skip
# Digits of a Unix time -> how many of its units are a second.
_EPOCHS: Final[Mapping[int, int]] = {9: 1, 10: 1, 12: 1000, 13: 1000, 15: 10**6, 16: 10**6}
_MOST: Final = 10**9


@dataclass(frozen=True, slots=True)
class Amount:
    """A number with the currency written beside it, if one is."""

    value: Decimal
    currency: str | None = None


@dataclass(frozen=True, slots=True)
class Notation:
    """How one file writes numbers and dates."""

    decimals: Decimals
    dates: Order

    def amount(self, cell: Any) -> Amount | None:
        """The cell as a number with its sign: 1234.5, $1,234.50, (12.00), 12.00-, 1 234,50 €; None where it is empty.

        Raises ValueError where it is not a number below a billion.
        """
        if isinstance(cell, int | float | Decimal) and not isinstance(cell, bool):
            return Amount(_bounded(Decimal(repr(cell) if isinstance(cell, float) else cell), cell))
        text = text_of(cell)
        if not text:
            return None
        bare = _bare(text)
        if _SCIENTIFIC.fullmatch(bare):
            return Amount(_bounded(Decimal(bare), text))
        found = _MONEY.fullmatch(bare)
        signs = [] if found is None else [found["before"], found["sign"], found["after"]]
        codes = [] if found is None else [code for code in (found["code"], found["behind"]) if code]
        currencies = {currency_of(code) for code in codes}
        number = None if found is None else _number(found["number"], _SIGN_OF[self.decimals])
        if number is None or sum(map(bool, signs)) > 1 or None in currencies or len(currencies) > 1:
            raise ValueError(f"{text[:40]!r} is not a number such as 1234.50 or -49")
        value = -number if "-" in signs else number
        return Amount(_bounded(value, text), next(iter(currencies), None))

    def moment(self, cell: Any) -> datetime | None:
        """The cell as a moment, UTC without a zone; None where it is empty. Raises ValueError where it is not one."""
        if isinstance(cell, datetime):
            found = cell
        elif isinstance(cell, date):
            found = datetime.combine(cell, time.min)
        else:
            text = text_of(cell)
            if not text:
                return None
            found = _moment(text, self.dates)
        if not isinstance(found, datetime) or not 1970 <= found.year < 2100:
            raise ValueError(f"{text_of(cell)[:40]!r} is not a date such as 2026-09-01 or 2026-09-01T15:30")
        return found.astimezone(UTC).replace(tzinfo=None) if found.tzinfo else found


def notation_of(
    table: TableFile,
    amounts: Cells,
    others: Iterable[Cells],
    dates: Cells,
    decimals: Decimals | None = None,
    order: Order | None = None,
) -> Notation:
    """How the file writes numbers and dates: as its cells say, else as its delimiter says, else as the caller says.

    `amounts` are the cells that are read as money, `others` columns of other numbers, heard where those say nothing.
    Raises UsageError with both readings where neither settles it, InputFileError where two lines disagree.
    """
    said, is_known = _decimals(table, amounts, others, decimals)
    return Notation(said, order or _order(table, dates, is_comma=is_known and said == "comma"))


def _once(cells: Cells) -> Iterator[tuple[int, Any]]:
    """Of equal cells the first: files repeat themselves."""
    seen: set[Any] = set()
    for line, cell in cells:
        if cell not in seen:
            seen.add(cell)
            yield line, cell


# --- numbers


def _bare(text: str) -> str:
    """One kind of space and of minus; brackets around a number are a minus."""
    text = _SPACES.sub(" ", text).replace("\u2212", "-").replace("\u2013", "-").strip()
    inner = re.fullmatch(r"(\D*)\((.*)\)(\D*)", text)
    return f"-{inner[1]}{inner[2]}{inner[3]}" if inner and re.search(r"\d", inner[2]) else text


def _says(number: str) -> str:
    """The decimal sign that a written number shows; ? after the sign where that sign could be either; empty for none.

    >>> [_says(one) for one in ("1.234,5", "1,234,567", "12,50", "0.125", "1234.567", "1,234", "1234")]
    [',', '.', ',', '.', '.', ',?', '']
    """
    signs = [char for char in number if char in ".,"]
    if not signs:
        return ""
    if len(signs) > 1:
        # of one sign several are no decimal signs; of two the first is none
        return _OTHER[signs[0]]
    whole, _, part = number.partition(signs[0])
    is_open = len(part) == 3 and 0 < len(whole) <= 3 and whole[0] != "0" and not re.search("[ '\u2019]", number)
    return f"{signs[0]}?" if is_open else signs[0]


def _number(text: str, sign: str) -> Decimal | None:
    """The number where `sign` is its decimal sign; None where it is not written so."""
    whole, _, part = text.strip().partition(sign)
    whole = re.sub("[ '\u2019]", ",", whole).replace(_OTHER[sign], ",")
    if part and not part.isdigit():
        return None
    if not (whole.isdigit() or (not whole and part) or _GROUPED.fullmatch(whole)):
        return None
    whole = whole.replace(",", "") or "0"
    return Decimal(f"{whole}.{part}" if part else whole)


def _bounded(value: Decimal, text: object) -> Decimal:
    if not value.is_finite() or abs(value) >= _MOST * 100:
        raise ValueError(f"{str(text)[:40]!r} is not a number below a billion")
    return value


def _decimals(
    table: TableFile, amounts: Cells, others: Iterable[Cells], given: Decimals | None
) -> tuple[Decimals, bool]:
    """The decimal sign, and whether something says so."""
    if given:
        return given, True
    said, is_open = _evidence(table, amounts)
    if said is None and is_open:
        heard = {found for cells in others if (found := _of_numbers(cells)) is not None}
        said = next(iter(heard)) if len(heard) == 1 else None
    if said is not None:
        return ("comma" if said == "," else "point"), True
    if table.delimiter == ";":
        return "comma", True
    # A program that writes a comma between cells and none within them writes a decimal point.
    if is_open is None or (table.delimiter == "," and "." in is_open[1]):
        return "point", False
    line, text = is_open
    as_point, as_comma = (_shown(_number(text, sign)) for sign in ".,")
    raise UsageError(
        f"{table.path}, line {line}: {text!r} is {as_point} with a decimal point and {as_comma} with a decimal comma, "
        "and nothing else in the file settles which.",
        "Say --decimal point or --decimal comma.",
    )


def _shown(number: Decimal | None) -> str:
    return "unreadable" if number is None else f"{number.normalize():f}"


def _evidence(table: TableFile, cells: Cells) -> tuple[str | None, tuple[int, str] | None]:
    """The decimal sign that the cells show, and the first cell that could be read with either."""
    shown: dict[str, tuple[int, str]] = {}
    is_open: tuple[int, str] | None = None
    for line, cell in _once(cells):
        found = _MONEY.fullmatch(_bare(cell)) if isinstance(cell, str) and ("," in cell or "." in cell) else None
        sign = _says(found["number"].strip()) if found else ""
        if found and sign.endswith("?"):
            is_open = is_open or (line, found["number"].strip())
        elif found and sign:
            shown.setdefault(sign, (line, cell.strip()))
    if len(shown) == 2:
        (comma_line, comma), (point_line, point) = shown[","], shown["."]
        raise table.error(
            None,
            f"numbers are written in two ways: {comma!r} on line {comma_line} has a decimal comma, {point!r} on line "
            f"{point_line} a decimal point.",
            "Write all of them alike.",
        )
    return next(iter(shown), None), is_open


def _of_numbers(cells: Cells) -> str | None:
    """The decimal sign of a column, if all of its cells are numbers and show one."""
    shown: set[str] = set()
    for _, cell in cells:
        text = text_of(cell).removesuffix("%").strip()
        if not text:
            continue
        if not re.fullmatch(r"-?[\d.,]*\d", text):
            return None
        shown |= {sign for sign in [_says(text.lstrip("-"))] if sign in _OTHER}
    return next(iter(shown)) if len(shown) == 1 else None


# --- dates


def _moment(text: str, order: Order) -> datetime | None:
    digits = re.fullmatch(r"(\d{9,16})(?:\.\d+)?", text)
    if digits and len(digits[1]) in _EPOCHS:
        return datetime(1970, 1, 1) + timedelta(seconds=float(text) / _EPOCHS[len(digits[1])])  # noqa: DTZ001
    text = _SPACES.sub(" ", text)
    try:
        return datetime.fromisoformat(re.sub(r" ?(UTC|GMT)$", "+00:00", re.sub(r" ([+-]\d{2}:?\d{2})$", r"\1", text)))
    except ValueError:
        pass
    for pattern in (_NUMERIC, _YEAR_FIRST, _DAY_NAME, _NAME_DAY):
        if found := pattern.fullmatch(text):
            return _written(found, order)
    return None


def _written(found: re.Match[str], order: Order) -> datetime | None:
    parts = found.groupdict()
    day, month = int(parts["a"]), _month(parts)
    if order == "month-first" and parts.get("sep", ".") != ".":
        day, month = month, day
    year = int(parts["y"]) + (2000 if len(parts["y"]) == 2 else 0)
    hour = int(parts["hour"] or 0)
    if parts["half"]:
        hour = hour % 12 + (12 if parts["half"] in "pP" else 0)
    zone = parts["zone"]
    offset = None if zone is None else datetime.strptime("+0000" if zone in ("UTC", "GMT", "Z") else zone, "%z").tzinfo
    try:
        return datetime(year, month, day, hour, int(parts["minute"] or 0), int(parts["second"] or 0), tzinfo=offset)
    except ValueError:
        return None


def _month(parts: Mapping[str, str]) -> int:
    if parts.get("b"):
        return int(parts["b"])
    name = parts["name"].lower()
    return next((n for n, month in enumerate(_MONTHS, 1) if month.startswith(name[:3]) and name[3:] in month), 0)


def _order(table: TableFile, cells: Cells, *, is_comma: bool) -> Order:
    """Whether 03/04 is in April or in March. Dates with dots, and files with a decimal comma, have the day first."""
    shown: dict[Order, tuple[int, str]] = {}
    is_open: tuple[int, str] | None = None
    for line, cell in _once(cells):
        found = _NUMERIC.fullmatch(_SPACES.sub(" ", cell.strip())) if isinstance(cell, str) else None
        if found is None or found["sep"] == ".":
            continue
        first, second = int(found["a"]), int(found["b"])
        if first > 12 >= second:
            shown.setdefault("day-first", (line, cell.strip()))
        elif second > 12 >= first:
            shown.setdefault("month-first", (line, cell.strip()))
        elif first != second:
            is_open = is_open or (line, cell.strip())
    if len(shown) == 2:
        (day_line, day), (month_line, month) = shown["day-first"], shown["month-first"]
        raise table.error(
            None,
            f"dates are written in two ways: {day!r} on line {day_line} has the day first, {month!r} on line "
            f"{month_line} the month.",
            "Write all of them alike.",
        )
    if "month-first" in shown:
        return "month-first"
    if shown or is_open is None or is_comma or table.delimiter == ";":
        return "day-first"
    line, text = is_open
    readings = [_moment(text, "day-first"), _moment(text, "month-first")]
    day, month = (f"{one:%B} {one.day}, {one.year}" if one else "unreadable" for one in readings)
    raise UsageError(
        f"{table.path}, line {line}: {text!r} is {day} with the day first and {month} with the month first, and "
        "nothing else in the file settles which.",
        "Say --dates day-first or --dates month-first.",
    )


__all__ = ["Amount", "Decimals", "Notation", "Order", "notation_of"]
