"""Owns reading revenue out of CSV and Parquet files: which column is what, and what each row says.

Strict on purpose: one row that cannot be understood refuses the whole file, with its line.
"""

from __future__ import annotations

import csv
import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Final

from ..errors import InputFileError, UsageError
from ..store.revenue import RevenueRow

Progress = Callable[[int, int], None]

# Field -> names of columns that mean it, the best first; compared in lower case, without spaces and punctuation.
COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "customer": ("customer", "customer_id", "customer_name", "client", "account", "account_id", "tenant", "tenant_id"),
    "amount": ("amount_usd", "amount", "revenue_usd", "revenue", "net_amount", "net", "total"),
    "date": ("date", "occurred_at", "at", "day", "created_at", "created", "paid_at", "invoice_date", "timestamp"),
    "period_start": ("period_start", "from", "service_start", "start_date", "start", "starts_at"),
    "period_end": ("period_end", "until", "service_end", "end_date", "end", "ends_at"),
    "id": ("event_id", "id", "transaction_id", "charge_id", "payment_id", "line_id"),
    "type": ("type", "kind"),
    "plan": ("plan", "plan_name", "plan_id", "product"),
    "task": ("task",),
    "feature": ("feature",),
    "response": ("response_id", "response"),
    "currency": ("currency", "currency_code"),
    "note": ("note", "description", "memo"),
}
_NEGATIVE: Final = frozenset({"refund", "credit", "creditnote", "chargeback"})
_AMOUNT: Final = re.compile(r"(-?)\$?(-?)(\d{1,12}|\d{1,3}(?:,\d{3}){1,3})(\.\d{1,18})?(?: ?usd)?", re.IGNORECASE)
_FOREIGN: Final = re.compile(r"[€£¥₹]|\b(?:eur|gbp|chf|jpy|cad|aud|inr|sek|nok|dkk|pln)\b", re.IGNORECASE)
_MOST_USD: Final = 10**9
_NONE: Final = "-"


@dataclass(frozen=True, slots=True)
class RevenueFile:
    """What a file says: its rows, and which of its columns was read as what."""

    rows: tuple[RevenueRow, ...]
    columns: Mapping[str, str]

    @property
    def customers(self) -> tuple[str, ...]:
        """Every customer it names, once, in order of the alphabet."""
        return tuple(sorted({row.customer_id for row in self.rows}))


def read_revenue_file(
    path: Path,
    mapping: Mapping[str, str] | None = None,
    *,
    is_end_included: bool = False,
    progress: Progress | None = None,
) -> RevenueFile:
    """The rows of the file, each with an id that is the same whenever the same file is read.

    `mapping` is field -> column name, or - for none. Raises InputFileError for the first row that is not understood.
    """
    names, lines = _parquet(path) if path.suffix.lower() in (".parquet", ".pq") else _csv(path, progress)
    columns = _mapped(path, names, mapping or {})
    where = {field: names.index(column) for field, column in columns.items()}
    reader = _Reader(path, where, is_end_included)
    seen: Counter[str] = Counter()
    lines_of: dict[str, int] = {}
    rows: list[RevenueRow] = []
    for line, cells in lines:
        row = reader.row(line, cells)
        if "id" not in where:
            seen[row.event_id] += 1
            row = replace(row, event_id=f"{row.event_id}-{seen[row.event_id]}")
        elif row.event_id in lines_of:
            first = lines_of[row.event_id]
            hint = f"Name the column of unique ids, --map id=COLUMN, or none, --map id={_NONE}."
            raise InputFileError(str(path), f"the id {row.event_id!r} stands on line {first} already.", hint, line)
        lines_of.setdefault(row.event_id, line)
        rows.append(row)
    if not rows:
        raise InputFileError(str(path), "there is no row below the names of the columns.")
    return RevenueFile(tuple(rows), columns)


# --- files into cells


def _csv(path: Path, progress: Progress | None) -> tuple[list[str], Iterator[tuple[int, Sequence[Any]]]]:
    try:
        text = path.read_text("utf-8-sig")
    except UnicodeDecodeError as e:
        raise InputFileError(str(path), "it is not UTF-8 text.", "Save it as CSV in UTF-8.") from e
    except OSError as e:
        raise InputFileError(str(path), f"it cannot be read: {e.strerror}.") from e
    # Every table of amounts and dates has more of its separator in its first line than of the others.
    head = text.split("\n", 1)[0]
    separator = max(",;\t", key=head.count)
    lines = csv.reader(text.splitlines(keepends=True), delimiter=separator, strict=True)
    names = next(lines, None)
    if not names:
        raise InputFileError(str(path), "it is empty.")
    return [name.strip() for name in names], _csv_rows(path, lines, len(names), text.count("\n") + 1, progress)


def _csv_rows(
    path: Path, lines: Any, width: int, total: int, progress: Progress | None
) -> Iterator[tuple[int, Sequence[Any]]]:
    try:
        for cells in lines:
            if progress is not None and lines.line_num % 20_000 == 0:
                progress(lines.line_num, total)
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) != width:
                problem = f"{len(cells)} cells where {width} columns are named."
                raise InputFileError(str(path), problem, line=lines.line_num)
            yield lines.line_num, cells
    except csv.Error as e:
        raise InputFileError(str(path), f"it is no CSV: {e}.", line=lines.line_num) from e


def _parquet(path: Path) -> tuple[list[str], Iterator[tuple[int, Sequence[Any]]]]:
    import polars as pl

    try:
        frame = pl.read_parquet(path)
    except (OSError, pl.exceptions.PolarsError) as e:
        raise InputFileError(str(path), f"it cannot be read as Parquet: {str(e).splitlines()[0][:200]}.") from e
    return frame.columns, enumerate(frame.iter_rows(), 1)


# --- columns into fields


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _mapped(path: Path, names: Sequence[str], mapping: Mapping[str, str]) -> dict[str, str]:
    """Field -> the column that it is read from."""
    found: dict[str, str] = {}
    for field, words in COLUMNS.items():
        if field in mapping:
            if mapping[field] == _NONE:
                continue
            if mapping[field] not in names:
                raise UsageError(
                    f"--map {field}={mapping[field]}: {path} has no such column.", f"It has {_list(names)}."
                )
            found[field] = mapping[field]
            continue
        columns = {_plain(name): name for name in reversed(names) if name not in mapping.values()}
        present = [columns[_plain(word)] for word in words if _plain(word) in columns]
        if field == "amount" and len(present) > 1:
            raise UsageError(
                f"{path}: {_list(present)} could all be the amount.", f"Say which: --map amount={present[0]!r}"
            )
        if present:
            found[field] = present[0]
    _check_needed(path, names, found)
    return found


def _check_needed(path: Path, names: Sequence[str], found: Mapping[str, str]) -> None:
    for field in ("customer", "amount"):
        if field not in found:
            raise UsageError(f"{path}: no column is the {field}.", f"It has {_list(names)}: --map {field}=COLUMN.")
    if ("period_start" in found) != ("period_end" in found):
        missing = "period_end" if "period_start" in found else "period_start"
        raise UsageError(f"{path}: a period needs two columns, {missing} is missing.", f"--map {missing}=COLUMN")
    if "date" not in found and "period_start" not in found:
        raise UsageError(f"{path}: no column is the date.", f"It has {_list(names)}: --map date=COLUMN.")


def _list(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names))


# --- rows


class _Reader:
    """Turns the cells of one line into a row, or says what is wrong with which column of which line."""

    def __init__(self, path: Path, where: Mapping[str, int], is_end_included: bool) -> None:
        self._path = path
        self._where = where
        self._is_end_included = is_end_included

    def row(self, line: int, cells: Sequence[Any]) -> RevenueRow:
        """The row that these cells are."""
        try:
            return self._row(cells)
        except ValueError as e:
            raise InputFileError(str(self._path), f"{e}.", line=line) from e

    def _row(self, cells: Sequence[Any]) -> RevenueRow:
        given = {field: _text(cells[n]) for field, n in self._where.items()}
        if not given["customer"]:
            raise ValueError("the customer is empty, as in a line of totals")
        _check_currency(given)
        begins, ends = self._span(cells)
        occurred = self._moment(cells, "date") or begins
        if occurred is None:
            raise ValueError("the date is empty")
        amount = _amount(self._cell(cells, "amount"))
        if _plain(given.get("type", "")) in _NEGATIVE:
            amount = -abs(amount)
        texts = {name: given.get(name) or None for name in ("plan", "task", "feature", "note")}
        row = RevenueRow(
            given.get("id", ""), occurred, amount, given["customer"], texts["plan"], texts["task"], texts["feature"],
            given.get("response") or None, begins, ends, texts["note"],
        )  # fmt: skip
        if "id" in self._where:
            if not row.event_id:
                raise ValueError("the id is empty")
            return row
        return replace(row, event_id=f"row-{hashlib.sha256(repr(row).encode('utf-8', 'replace')).hexdigest()[:32]}")

    def _cell(self, cells: Sequence[Any], field: str) -> Any:
        return cells[self._where[field]] if field in self._where else None

    def _span(self, cells: Sequence[Any]) -> tuple[datetime | None, datetime | None]:
        begins, ends = self._moment(cells, "period_start"), self._moment(cells, "period_end")
        if begins is None or ends is None:
            if begins is not ends:
                raise ValueError("the period has one end only")
            return None, None
        if self._is_end_included and ends.time() == time.min:
            ends += timedelta(days=1)
        if ends <= begins:
            raise ValueError("the period ends before it begins; --end-included counts its last day")
        return begins, ends

    def _moment(self, cells: Sequence[Any], field: str) -> datetime | None:
        value = self._cell(cells, field)
        if isinstance(value, str):
            value = value.strip()
        if value is None or value == "":
            return None
        if isinstance(value, str):
            try:
                value = datetime.fromisoformat(value)
            except ValueError:
                raise ValueError(f"{field} {value[:40]!r} is no date such as 2026-09-01 or 2026-09-01T15:30") from None
        if isinstance(value, date) and not isinstance(value, datetime):
            value = datetime.combine(value, time.min)
        if not isinstance(value, datetime) or not 1970 <= value.year < 2100:
            raise ValueError(f"{field} {str(value)[:40]!r} is no date between 1970 and 2100")
        return value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value


def _text(value: object) -> str:
    return "" if value is None else str(value).strip()


def _check_currency(given: Mapping[str, str]) -> None:
    currency = given.get("currency", "").lower() or "usd"
    foreign = _FOREIGN.search(given["amount"])
    if currency not in ("usd", "us$", "$") or foreign:
        found = foreign[0] if foreign else given["currency"]
        raise ValueError(f"the amount is in {found}; only US dollars can be imported")


def _amount(value: object) -> Decimal:
    """Dollars with their sign, to the nano-dollar: 49, -49.00, $1,234.50, (12.00)."""
    text = repr(value) if isinstance(value, float) else _text(value)
    body = f"-{text[1:-1]}" if text.startswith("(") and text.endswith(")") else text
    match = _AMOUNT.fullmatch(body)
    try:
        if match and not (match[1] and match[2]):
            number = Decimal(match[3].replace(",", "") + (match[4] or ""))
        else:
            number = Decimal(body) if re.fullmatch(r"-?\d(\.\d+)?[eE][+-]?\d{1,2}", body) else None
    except InvalidOperation:
        number = None
    if number is None or abs(number) >= _MOST_USD:
        raise ValueError(f"the amount {text[:40]!r} is no number of dollars such as 1234.50 or -49")
    is_negative = match is not None and bool(match[1] or match[2])
    return (-number if is_negative else number).quantize(Decimal("1e-9"))
