"""Reads revenue out of files as their users have them: Stripe's exports, sheets of Excel, tables of their own.

Strict on purpose: one row that cannot be understood refuses the whole file, with its line, and so does a column that
may change what an amount means. What is not revenue, void invoices or payouts, is left out and stated.
"""

from __future__ import annotations

import ast
import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, Literal

from ..errors import InputFileError, UsageError
from ..store.revenue import RevenueRow
from .currencies import currency_of, minor_unit, words
from .notation import Amount, Decimals, Notation, Order, notation_of
from .revenue_headings import COLUMNS, NONE, AmountColumn, Headings, amount_of, headings_of, unknown_columns
from .revenue_kinds import PARTLY_REFUNDED, REFUNDED, Effect, Kind, Kinds
from .table_file import Progress, TableFile, plain, read_table, text_of

Units = Literal["major", "minor"]

_MOST_USD: Final = 10**9
_NANO: Final = Decimal("1e-9")
_ZERO: Final = Decimal(0)
# A dispute of these has not taken the money, or has given it back.
_NOT_LOST: Final = frozenset(("", "won", "warningneedsresponse", "warningunderreview", "warningclosed", "prevented"))
_UNPAID: Final = words("open unpaid pastdue overdue outstanding sent issued")
_TOTALS: Final = words("total totals grandtotal sum subtotal summe gesamt gesamtsumme")
# Headings of the API's objects, which state amounts in minor units, and of reports, which do not.
_OF_API: Final = words(
    "object livemode amountcaptured amountexcludingtax amountremaining proration sourcetype paymentintent "
    "balancetransaction balancetransactionid invoiceitem invoiceitemid failurecode statementdescriptor"
)


@dataclass(frozen=True, slots=True)
class FileOptions:
    """What the user says of a file, beyond what it says itself; None is what the file says."""

    # Field -> heading, - for no column.
    mapping: Mapping[str, str] = field(default_factory=dict[str, str])
    # Headings that change nothing.
    ignored: Sequence[str] = ()
    # Statuses and types whose rows count, and those whose rows do not.
    counted: Sequence[str] = ()
    skipped: Sequence[str] = ()
    decimals: Decimals | None = None
    dates: Order | None = None
    units: Units | None = None
    # Currency -> US dollars for one of it.
    rates: Mapping[str, Decimal] = field(default_factory=dict[str, Decimal])
    sheet: str | None = None
    encoding: str | None = None
    is_end_included: bool = False


@dataclass(frozen=True, slots=True)
class KindTotal:
    """Rows of one kind, or one part of their amounts, and what they come to; None where that is not in US dollars."""

    word: str
    effect: Effect
    rows: int
    amount_usd: Decimal | None


@dataclass(frozen=True, slots=True)
class RevenueFile:
    """What a file says: the rows that are revenue, what it was read as, and what of it is no revenue."""

    rows: tuple[RevenueRow, ...]
    # Field -> heading that it was read from.
    columns: Mapping[str, str]
    kinds: tuple[KindTotal, ...] = ()
    notes: tuple[str, ...] = ()
    # Ids of rows that are not revenue: an earlier import may have counted them.
    left_out: tuple[str, ...] = ()
    # The first and the last moment of any row, counted or not.
    span: tuple[datetime, datetime] | None = None

    @property
    def customers(self) -> tuple[str, ...]:
        """Every customer it names, once, in order of the alphabet."""
        return tuple(sorted({row.customer_id for row in self.rows if row.customer_id}))


def read_revenue_file(
    path: Path, options: FileOptions | None = None, *, progress: Progress | None = None
) -> RevenueFile:
    """The rows of the file, each with an id that is the same whenever the same file is read.

    Raises InputFileError for the first row that is not understood, UsageError for what the user has to say.
    """
    options = options or FileOptions()
    table = read_table(path, sheet=options.sheet, encoding=options.encoding, progress=progress)
    if not table.rows:
        raise InputFileError(str(path), "there is no row below the names of the columns.")
    headings = _without_unused(headings_of(table, options.mapping, options.ignored))
    notation = _notation(headings, options)
    amount = amount_of(headings, notation)
    reader = _Reader(headings, amount, notation, options)
    for line, cells in table.rows:
        reader.read(line, cells)
    _check_unknown(reader)
    if not reader.rows:
        kinds = ", ".join(f"{total.rows} {total.word}" for total in reader.totals())
        raise InputFileError(str(path), f"none of its rows is revenue: {kinds}.")
    return reader.result()


def _without_unused(headings: Headings) -> Headings:
    """Without columns of Stripe's that say something else: the period of an invoice is the one before its lines', the
    status of a balance transaction is whether its money can be paid out."""
    unused: set[str] = set()
    columns = headings.columns
    if headings.id_prefix == "in" and not plain(columns.get("period_start", "")).startswith("minimum"):
        unused |= {"period_start", "period_end"} if "date" in columns else set()
    if headings.id_prefix == "txn" or plain(columns.get("type", "")) == "reportingcategory":
        unused |= {"status"}
    kept = {name: heading for name, heading in columns.items() if name not in unused - headings.stated}
    ignored = {columns[name] for name in unused - headings.stated if name in columns}
    return replace(headings, columns=kept, ignored=headings.ignored | ignored)


def _notation(headings: Headings, options: FileOptions) -> Notation:
    money = ("tax", "refunded", "discount", "fee", "disputed", "converted_amount", "converted_refunded")
    columns = headings.columns
    names = [*headings.amounts, *headings.fees, *(columns[name] for name in money if name in columns)]
    moments = [columns[name] for name in ("date", "period_start", "period_end") if name in columns]
    read = {*names, *columns.values()}
    return notation_of(
        headings.table,
        _cells(headings, names),
        (headings.cells(name) for name in headings.table.columns if name and name not in read),
        _cells(headings, moments),
        options.decimals,
        options.dates,
    )


def _cells(headings: Headings, names: Sequence[str]) -> Iterator[tuple[int, Any]]:
    return (cell for name in names for cell in headings.cells(name))


def _check_unknown(reader: _Reader) -> None:
    """Refuses the file where a column may change what a counted amount means and nobody has said how."""
    headings, amount = reader.headings, reader.amount
    table = headings.table
    found = unknown_columns(headings, amount, reader.lines)
    tax = headings.columns.get("tax")
    if tax and amount.has_tax is None and "tax" not in headings.stated and reader.tax_line is not None:
        cells = dict(table.rows)[reader.tax_line]
        found.insert(0, (tax, reader.tax_line, text_of(cells[table.columns.index(tax)])))
    if not found:
        return
    told = " and ".join(f"{name!r} (line {line}: {cell[:40]!r})" for name, line, cell in found)
    what = "a column that may change" if len(found) == 1 else "columns that may change"
    name = found[0][0]
    said = plain(name)
    role = next((role for role in ("discount", "fee") if role in said), "tax" if name == tax else "")
    role = role or next((known for word, known in _ROLES.items() if word in said), "")
    # A percentage is no amount to take off.
    role = "" if "%" in name or {"rate", "percent", "percentage"} & set(name.lower().split()) else role
    takes = f"--map {role}={name!r} takes it off, " if role else ""
    raise UsageError(
        f"{table.path}: {told}: {what} what {amount.heading!r} means.",
        f"Say what it does: {takes}--ignore {name!r} leaves the amounts as they are.",
    )


_ROLES: Final[Mapping[str, str]] = {
    "refund": "refunded", "tax": "tax", "vat": "tax", "gst": "tax", "credit": "discount", "rebate": "discount",
    "rabatt": "discount", "deduction": "discount", "adjustment": "", "status": "status", "type": "type",
    "currency": "currency", "ccy": "currency",
}  # fmt: skip


# --- rows


class _Reader:
    """Turns the cells of one line after another into rows, or says what is wrong with which line."""

    def __init__(self, headings: Headings, amount: AmountColumn, notation: Notation, options: FileOptions) -> None:
        self.headings, self.amount = headings, amount
        self.rows: list[RevenueRow] = []
        # Lines of rows that count, and the first of them with tax.
        self.lines: set[int] = set()
        self.tax_line: int | None = None
        self._options = options
        self._notation = notation
        self._kinds = Kinds(options.counted, options.skipped)
        columns = {**headings.columns, "amount": amount.heading}
        self._where = {name: headings.table.columns.index(column) for name, column in columns.items()}
        if amount.is_converted:
            self._where.pop("currency", None)
        self._fees = [headings.table.columns.index(name) for name in headings.fees]
        self._is_tax_off = "tax" in columns and (bool(amount.has_tax) or "tax" in headings.stated)
        self._is_minor = _is_minor(headings, amount, options)
        self._moments: dict[Any, datetime | None] = {}
        self._amounts: dict[Any, Amount | None] = {}
        self._totals: dict[tuple[str, Effect], list[Any]] = {}
        self._seen: Counter[str] = Counter()
        self._lines_of: dict[str, int] = {}
        self._left_out: list[str] = []
        self._span: list[datetime] = []
        # Of amounts as they stand in the file, all and those of rows that count.
        self._sum = self._sum_counted = self._fee = _ZERO
        self._twins: dict[tuple[Any, ...], tuple[int, str]] = {}
        self._twin_rows: list[tuple[int, str, int, str]] = []

    def read(self, line: int, cells: Sequence[Any]) -> None:
        """Takes in one line."""
        try:
            is_total = self._is_total(cells)
            kind = Kind("total of other rows", Effect.LEFT_OUT) if is_total else self._kind(line, cells)
            if kind.effect is Effect.LEFT_OUT:
                self._leave_out(kind, cells)
                return
            row = self._row(line, kind, cells)
        except ValueError as e:
            hint = e.hint if isinstance(e, _ForeignAmount) else ""
            raise InputFileError(self.headings.table.path, f"{e}.", hint, line) from e
        self.lines.add(line)
        self._take(line, row, cells)

    def totals(self) -> tuple[KindTotal, ...]:
        """What each kind of row came to, those that count first."""
        found = (KindTotal(word, effect, rows, amount) for (word, effect), (rows, amount) in self._totals.items())
        return tuple(sorted(found, key=lambda total: total.effect is Effect.LEFT_OUT))

    def result(self) -> RevenueFile:
        """Everything that was read."""
        columns = {**self.headings.columns, "amount": self.amount.heading}
        kept = {name: columns[name] for name in COLUMNS if name in columns and (name != "tax" or self._is_tax_off)}
        span = (min(self._span), max(self._span))
        return RevenueFile(tuple(self.rows), kept, self.totals(), tuple(self._notes()), tuple(self._left_out), span)

    def _notes(self) -> Iterator[str]:
        if self._notation.decimals == "comma":
            yield "Numbers were read with a decimal comma."
        if self._is_minor:
            yield "Amounts were read in minor units, such as cents."
        unpaid = [word for word, effect in self._totals if effect is Effect.LEFT_OUT and plain(word) in _UNPAID]
        for word in unpaid:
            yield f"Rows with status {word!r} count once they are paid and imported again, or with --count {word!r}."
        if self._fee and "fee" not in self._where and plain(self.amount.heading) != "net":
            name = self.headings.fees[0]
            fees = f"{self._fee.normalize():f}"
            yield f"Fees of {fees} in {name!r} were not taken off: --map fee={name!r} takes them off."
        if self._twin_rows:
            first, one, line, other = self._twin_rows[0]
            number = len(self._twin_rows)
            yield (
                f"{number:,} row{' repeats' if number == 1 else 's repeat'} another under a second id, as {other!r} "
                f"(line {line}) repeats {one!r} (line {first}): same customer, amount and date. Counted twice if it is "
                "one invoice."
            )
        nameless = [row.amount_usd for row in self.rows if not row.customer_id]
        if nameless:
            names = "row names" if len(nameless) == 1 else "rows name"
            yield f"{len(nameless):,} {names} no customer: revenue of no customer."

    # what a line is

    def _kind(self, line: int, cells: Sequence[Any]) -> Kind:
        for name, word in (("livemode", "test mode"), ("captured", "not captured"), ("paid", "not paid")):
            if name in self._where and (name != "paid" or "status" not in self._where):
                text = text_of(cells[self._where[name]]).lower()
                if text in ("false", "no", "n", "test"):
                    return Kind(word, Effect.LEFT_OUT)
        found: Kind | None = None
        for name, of_word in (("type", self._kinds.of_type), ("status", self._kinds.of_status)):
            if name not in self._where:
                continue
            word = text_of(cells[self._where[name]])
            kind = of_word(word)
            if kind is None and word == "" and name == "type":
                continue
            if kind is None:
                column = self.headings.columns[name]
                hint = f"--count {word!r} counts such rows, --skip {word!r} leaves them out."
                problem = f"the {name} {word[:40]!r} in {column!r} is not known." if word else f"the {name} is empty."
                raise InputFileError(self.headings.table.path, problem, hint, line)
            if kind.effect is Effect.LEFT_OUT:
                return kind
            found = found or kind
        return found or Kind("", Effect.COUNTED)

    def _is_total(self, cells: Sequence[Any]) -> bool:
        """Whether it is the sum of the rows above: it names no customer or `Total`, and has no date."""
        customer = text_of(cells[self._where["customer"]])
        if customer and plain(customer) not in _TOTALS:
            return False
        if self._moment(cells, "date") or self._moment(cells, "period_start"):
            return False
        if any(isinstance(cell, str) and plain(cell) in _TOTALS for cell in cells):
            return True
        amount = self._read(cells, "amount") if self.rows else None
        return amount is not None and amount.value in (self._sum, self._sum_counted)

    def _leave_out(self, kind: Kind, cells: Sequence[Any]) -> None:
        try:
            amount, currency = self._base(cells)
            self._sum += self._raw(cells)
            usd = self._usd(amount, currency)
        except ValueError:
            usd = None
        self._add(kind.word, Effect.LEFT_OUT, usd)
        if self._where.get("id") is not None:
            self._left_out.append(text_of(cells[self._where["id"]]))
        try:
            at = self._moment(cells, "date") or self._moment(cells, "period_start")
        except ValueError:
            at = None
        if at:
            self._span.append(at)

    def _add(self, word: str, effect: Effect, amount: Decimal | None) -> None:
        total = self._totals.setdefault((word, effect), [0, _ZERO])
        total[0] += 1
        total[1] = None if amount is None or total[1] is None else total[1] + amount

    # what a row says

    def _row(self, line: int, kind: Kind, cells: Sequence[Any]) -> RevenueRow:
        given = {name: text_of(cells[self._where[name]]) for name in _TEXTS if name in self._where}
        begins, ends = self._period(cells)
        occurred = self._moment(cells, "date") or begins
        if occurred is None:
            raise ValueError("the customer and the date are empty" if not given["customer"] else "the date is empty")
        amount, note = self._revenue(line, kind, cells)
        notes = [text for text in (given.get("note"), note) if text]
        row = RevenueRow(
            given.get("id", ""), occurred, amount, given["customer"] or None, given.get("plan") or None,
            given.get("task") or None, given.get("feature") or None, given.get("response") or None, begins, ends,
            "; ".join(notes) or None,
        )  # fmt: skip
        if "id" in self._where:
            if not row.event_id:
                raise ValueError("the id is empty")
            return row
        return replace(row, event_id=f"row-{hashlib.sha256(repr(row).encode('utf-8', 'replace')).hexdigest()[:32]}")

    def _take(self, line: int, row: RevenueRow, cells: Sequence[Any]) -> None:
        if "id" not in self._where:
            self._seen[row.event_id] += 1
            row = replace(row, event_id=f"{row.event_id}-{self._seen[row.event_id]}")
        elif (first := self._lines_of.setdefault(row.event_id, line)) != line:
            hint = f"Name the column of unique ids, --map id=COLUMN, or none, --map id={NONE}."
            problem = f"the id {row.event_id!r} stands on line {first} already."
            raise InputFileError(self.headings.table.path, problem, hint, line)
        else:
            self._note_twin(line, row, cells)
        self.rows.append(row)
        self._span.append(row.occurred_at)

    def _note_twin(self, line: int, row: RevenueRow, cells: Sequence[Any]) -> None:
        number = text_of(cells[self._where["number"]]) if "number" in self._where else ""
        alike = (row.customer_id, row.amount_usd, row.occurred_at, row.recognised_from, row.recognised_until, number)
        first, other = self._twins.setdefault(alike, (line, row.event_id))
        if first != line and row.amount_usd:
            self._twin_rows.append((first, other, line, row.event_id))

    def _period(self, cells: Sequence[Any]) -> tuple[datetime | None, datetime | None]:
        begins, ends = self._moment(cells, "period_start"), self._moment(cells, "period_end")
        if begins is None or ends is None:
            if begins is not ends:
                raise ValueError("the period has one end only")
            return None, None
        if self._options.is_end_included and ends.time() == time.min:
            ends += timedelta(days=1)
        if ends == begins and "date" in self._where:
            return None, None
        if ends <= begins:
            raise ValueError("the period ends before it begins; --end-included counts its last day")
        return begins, ends

    def _moment(self, cells: Sequence[Any], name: str) -> datetime | None:
        if name not in self._where:
            return None
        cell = cells[self._where[name]]
        return _remembered(self._moments, cell, lambda: self._notation.moment(cell), name)

    # money

    def _read(self, cells: Sequence[Any], name: str) -> Amount | None:
        if name not in self._where:
            return None
        return self._amount_of(cells[self._where[name]], name)

    def _amount_of(self, cell: Any, name: str) -> Amount | None:
        return _remembered(self._amounts, cell, lambda: self._notation.amount(cell), f"the {name}")

    def _base(self, cells: Sequence[Any]) -> tuple[Decimal, str]:
        """The amount before anything is taken off, in units of its currency, with that currency."""
        amount = self._read(cells, "amount")
        if amount is None:
            raise ValueError("the amount is empty")
        return self._major(amount.value, currency := self._currency(cells, amount)), currency

    def _raw(self, cells: Sequence[Any]) -> Decimal:
        amount = self._read(cells, "amount")
        return _ZERO if amount is None else amount.value

    def _major(self, value: Decimal, currency: str) -> Decimal:
        return value * minor_unit(currency) if self._is_minor else value

    def _currency(self, cells: Sequence[Any], amount: Amount) -> str:
        stated = text_of(cells[self._where["currency"]]) if "currency" in self._where else ""
        code = currency_of(stated) if stated else None
        if stated and code is None:
            raise ValueError(f"the currency {stated[:20]!r} is not known")
        said = {one for one in (code, self.amount.currency) if one}
        # "$" is the sign of other dollars too, and ¥ and kr of several currencies.
        if amount.currency and not (said and (amount.currency == "USD" or len(amount.currency) != 3)):
            said.add(amount.currency)
        if len(said) > 1:
            raise ValueError(f"the amount is in {' and in '.join(sorted(said))}")
        return next(iter(said), "USD")

    def _usd(self, amount: Decimal, currency: str) -> Decimal:
        if currency != "USD":
            rate = self._options.rates.get(currency)
            if rate is None:
                raise _ForeignAmount(currency)
            amount *= rate
        if abs(amount) >= _MOST_USD:
            raise ValueError(f"the amount {amount} is a billion dollars or more")
        return amount.quantize(_NANO)

    def _revenue(self, line: int, kind: Kind, cells: Sequence[Any]) -> tuple[Decimal, str]:
        """What the row is as revenue, US dollars, and a note of how it was converted."""
        base, currency = self._base(cells)
        self._sum += self._raw(cells)
        self._sum_counted += self._raw(cells)
        refunded = self._part(cells, "refunded", currency)
        if currency not in ("USD", *self._options.rates) and (found := self._converted(cells)):
            base, refunded, currency = *found, "USD"
        sign = -1 if kind.effect is Effect.TAKEN_OFF or base < 0 else 1
        amount = sign * abs(base)
        word = kind.word or ("revenue" if sign > 0 else "negative amounts")
        self._add(word, kind.effect, self._usd(amount, currency))
        for name, part in (
            *self._inside(line, cells, currency, sign),
            *self._parts(cells, kind, base, refunded, currency),
        ):
            self._add(name, Effect.TAKEN_OFF, self._usd(-part, currency))
            amount -= part
        for n in self._fees:
            if (fee := self._amount_of(cells[n], "fee")) is not None:
                self._fee += self._major(fee.value, currency)
        converted = "" if currency == "USD" else f"{currency} {amount.normalize():f} at {self._options.rates[currency]}"
        return self._usd(amount, currency), converted

    def _converted(self, cells: Sequence[Any]) -> tuple[Decimal, Decimal] | None:
        """The amount and what of it was refunded as Stripe converted them, if into US dollars."""
        amount = self._read(cells, "converted_amount")
        stated = text_of(cells[self._where["converted_currency"]]) if "converted_currency" in self._where else ""
        if amount is None or currency_of(stated) != "USD":
            return None
        return self._major(amount.value, "USD"), self._part(cells, "converted_refunded", "USD")

    def _is_yes(self, cells: Sequence[Any], name: str) -> bool:
        return name in self._where and text_of(cells[self._where[name]]).lower() in ("true", "yes", "y")

    def _part(self, cells: Sequence[Any], name: str, currency: str) -> Decimal:
        """A part of the amount, without its sign; 0 where there is none."""
        if name == "discount" and name in self._where and text_of(cells[self._where[name]]).startswith("["):
            return abs(self._major(_listed(cells[self._where[name]], name), currency))
        found = self._read(cells, name)
        return _ZERO if found is None else abs(self._major(found.value, currency))

    def _inside(self, line: int, cells: Sequence[Any], currency: str, sign: int) -> Iterator[tuple[str, Decimal]]:
        """What is in the amount and is no revenue, with the amount's sign."""
        tax = self._part(cells, "tax", currency)
        if tax:
            self.tax_line = self.tax_line or line
            if self._is_tax_off:
                yield "tax", sign * tax
        if "taxes" in self._where and self.amount.has_tax is not False:
            inclusive = _listed(cells[self._where["taxes"]], "taxes", is_inclusive=True)
            if inclusive:
                yield "tax", sign * abs(self._major(inclusive, currency))
        if discount := self._part(cells, "discount", currency):
            yield "discount", sign * discount

    def _parts(
        self, cells: Sequence[Any], kind: Kind, base: Decimal, refunded: Decimal, currency: str
    ) -> Iterator[tuple[str, Decimal]]:
        """What else is taken off the amount, each with its name."""
        if fee := self._part(cells, "fee", currency):
            yield "fee", fee
        if kind.effect is Effect.TAKEN_OFF:
            return
        status = plain(text_of(cells[self._where["status"]])) if "status" in self._where else ""
        if refunded:
            yield "amount refunded", refunded
        elif status in PARTLY_REFUNDED:
            raise ValueError("it is refunded in part and no column says how much: --map refunded=COLUMN")
        elif status in REFUNDED or self._is_yes(cells, "is_refunded"):
            yield "amount refunded", base
        dispute = plain(text_of(cells[self._where["dispute_status"]])) if "dispute_status" in self._where else "lost"
        if dispute not in _NOT_LOST and not refunded and (disputed := self._part(cells, "disputed", currency)):
            yield "amount disputed", disputed


class _ForeignAmount(ValueError):
    """An amount in a currency without a rate."""

    def __init__(self, currency: str) -> None:
        super().__init__(f"the amount is in {currency}; only US dollars can be imported")
        self.hint = f"--rate {currency}=RATE converts every amount in {currency}: RATE is the US dollars for one."


_TEXTS: Final = ("customer", "id", "plan", "task", "feature", "response", "note")


def _listed(cell: Any, name: str, *, is_inclusive: bool = False) -> Decimal:
    """The sum of the amounts of a list of Stripe's API, written as JSON or as Python does; of those that are inclusive
    only, if asked."""
    text = text_of(cell)
    if not text:
        return _ZERO
    try:
        items: Any = ast.literal_eval(re.sub(r"\b(true|false|null)\b", lambda word: _LITERALS[word[0]], text))
        return sum((Decimal(item["amount"]) for item in items if item.get("inclusive") or not is_inclusive), _ZERO)
    except (ValueError, SyntaxError, TypeError, KeyError, AttributeError, ArithmeticError, RecursionError):
        raise ValueError(f"the {name} {text[:40]!r} is not a list of amounts") from None


_LITERALS: Final = {"true": "True", "false": "False", "null": "None"}


def _remembered(known: dict[Any, Any], cell: Any, read: Callable[[], Any], name: str) -> Any:
    """What a cell says, read once for equal cells of a type; an error names the field."""
    key = cell if isinstance(cell, str) else (type(cell), cell)
    if key not in known:
        try:
            known[key] = read()
        except ValueError as e:
            raise ValueError(f"{name} {e}") from None
    return known[key]


def _is_minor(headings: Headings, amount: AmountColumn, options: FileOptions) -> bool:
    """Whether amounts are in minor units, cents say: as the user or the heading says, or as Stripe's API writes them.

    Raises UsageError where whole amounts beside Stripe's ids could be either.
    """
    if options.units is not None:
        return options.units == "minor"
    if amount.is_minor or amount.currency is not None or not headings.id_prefix:
        return amount.is_minor
    cells = [(line, text_of(cell)) for line, cell in headings.cells(amount.heading)]
    if any(set(text.removesuffix(".0")) - set("-0123456789") for _, text in cells):
        return False
    names = headings.table.columns
    # Headings of exports for people have capitals and spaces; reports of the balance state units of the currency.
    if any(" " in name for name in names) or "gross" in names:
        return False
    dates = headings.cells(headings.columns["date"] if "date" in headings.columns else headings.columns["period_start"])
    if {plain(name) for name in names} & _OF_API or any(text_of(cell).isdigit() for _, cell in dates):
        return True
    line, text = max(cells, key=lambda cell: len(cell[1]))
    raise UsageError(
        f"{headings.table.path}, line {line}: {text} beside ids of Stripe's is {text} whole units or, in minor units "
        "such as cents, a hundredth of it, and nothing else in the file settles which.",
        "Say --units major or --units minor.",
    )


__all__ = ["COLUMNS", "FileOptions", "KindTotal", "RevenueFile", "TableFile", "read_revenue_file"]
