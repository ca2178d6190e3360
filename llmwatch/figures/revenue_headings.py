"""Finds out which column of a revenue file is what, from its headings, those of Stripe's exports among them.

What a heading alone cannot say, which of several amounts is revenue, say, is read from the cells or asked for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from ..errors import UsageError
from .currencies import CODES, currency_in, without_currency, words
from .notation import Notation
from .table_file import TableFile, listed, plain, text_of

# Field -> headings that mean it, the best first; compared without case, spaces and punctuation.
COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "customer": (
        "customer", "customer_id", "customer_name", "client", "client_id", "client_name", "account",
        "account_id", "account_name", "tenant", "tenant_id", "organization", "company", "customer_email",
        "contact_name", "contact", "bill_to", "kunde", "kundennummer", "cliente",
    ),
    "amount": (),
    "date": (
        "date", "occurred_at", "at", "day", "date_utc", "created_utc", "created_date_utc", "created_at_utc",
        "created_at", "created", "created_date", "paid_at", "paid_at_utc", "payment_date",
        "paid_date", "invoice_date", "issue_date", "issued_at", "transaction_date", "posting_date",
        "timestamp", "time", "datum", "buchungsdatum", "rechnungsdatum", "fecha",
    ),
    "period_start": (
        "period_start", "minimum_line_item_period_start_utc", "from", "service_start", "start_date", "start",
        "starts_at", "line_item_period_start", "period_start_utc", "service_period_start",
    ),
    "period_end": (
        "period_end", "maximum_line_item_period_end_utc", "until", "service_end", "end_date", "end", "ends_at",
        "line_item_period_end", "period_end_utc", "service_period_end",
    ),
    "id": (
        "event_id", "id", "balance_transaction_id", "transaction_id", "charge_id", "payment_id", "line_id",
        "line_item_id", "invoice_line_item_id",
    ),
    "type": ("reporting_category", "type", "kind", "transaction_type", "entry_type", "document_type", "category"),
    "status": (
        "status", "state", "payment_status", "invoice_status", "charge_status", "order_status", "financial_status",
        "payment_state", "zahlungsstatus",
    ),
    "paid": ("paid", "is_paid"),
    "captured": ("captured", "is_captured"),
    "livemode": ("livemode", "mode"),
    "tax": (
        "tax", "tax_amount", "tax_total", "total_tax", "vat", "vat_amount", "sales_tax", "gst", "gst_amount", "mwst",
        "ust", "iva", "tva",
    ),
    "refunded": ("amount_refunded", "refunded_amount", "refund_amount", "refunds", "total_refunded"),
    "is_refunded": ("refunded", "is_refunded"),
    # Of lines of Stripe's API, whose amount is before discounts and with those taxes that are inclusive.
    "discount": ("discount_amounts",),
    "taxes": ("tax_amounts", "taxes"),
    "fee": (),
    "disputed": ("disputed_amount", "amount_disputed"),
    "dispute_status": ("dispute_status",),
    # What Stripe made of an amount in another currency: in dollars, if the account is in dollars.
    "converted_amount": ("converted_amount",),
    "converted_refunded": ("converted_amount_refunded",),
    "converted_currency": ("converted_currency",),
    "plan": ("plan", "plan_name", "plan_id", "product", "product_name"),
    "task": ("task",),
    "feature": ("feature",),
    "response": ("response_id", "response"),
    "currency": (
        "currency", "currency_code", "ccy", "curr", "iso_currency", "transaction_currency", "invoice_currency",
        "wahrung", "waehrung", "devise", "moneda", "valuta", "divisa",
    ),
    "number": ("number", "invoice_number", "invoice_no", "document_number", "rechnungsnummer", "invoice_id", "invoice"),
    "note": ("note", "description", "memo"),
}  # fmt: skip
NONE: Final = "-"
# Without tax, with it, and either: what a heading of an amount says of tax.
_NET: Final = words(
    "net netamount netto nettobetrag netrevenue netsales nettotal amountexcludingtax amountexcltax amountexclvat "
    "amountexvat totalexcludingtax subtotalexcludingtax revenuenet"
)
_EXCLUDING: Final = ("totalexcludingtax", "amountexcludingtax", "subtotalexcludingtax")
_GROSS: Final = words(
    "total totalamount grandtotal invoicetotal gross grossamount brutto bruttobetrag amountincludingtax totalinclvat "
    "totalincludingtax gesamt gesamtbetrag"
)
_PAID: Final = words("amountpaid amountdue")
_EITHER: Final = words(
    "amount revenue amountcaptured subtotal lineamount lineitemamount invoicelineitemamount betrag montant importe "
    "importo amountcents amountminor amountincents revenuecents"
)
_AMOUNTS: Final = _NET | _GROSS | _PAID | _EITHER
_MINOR: Final = re.compile(r"(?i)cents?\b|minor|pence")
_FEES: Final = words("fee fees stripefee stripefees processingfee transactionfee commission gebuhr")
_YES: Final = frozenset({"true", "yes", "y", "wahr", "vrai"})
_NO: Final = frozenset({"false", "no", "n", "falsch", "faux"})
_NOTHING: Final = frozenset({"", "-", "[]", "{}", "none", "null", "nan", "n/a", "na", "nil"})
# A heading with one of these words may change what an amount means.
_MEANING: Final = words(
    "discount discounts rabatt credit credits adjustment adjustments exchange fx forex kurs wechselkurs conversion tax "
    "taxes vat gst hst mwst ust iva tva refund refunds refunded reversed reversal chargeback chargebacks dispute "
    "disputed withheld withholding currency ccy waehrung status state void voided canceled cancelled deleted test "
    "livemode sign debit dr cr soll haben writeoff forgiven uncollectible deduction deductions rebate cashback "
    "allowance multiplier type category kind"
)
# Beside one of these the heading is about something else: the state of an address, the type of a card.
_ASIDE: Final = words(
    "card cvc avs address billing shipping id ids exempt reason url description details metadata method customer "
    "account code codes country group evidence automatic product plan user email name source funding link bank "
    "applied default wallet object percent facing converted platform application fee fees"
)
_OF_STATUS: Final = words("state void voided canceled cancelled deleted forgiven uncollectible")
_OF_TAX: Final = words("tax taxes vat gst hst mwst ust iva tva")


@dataclass(frozen=True, slots=True)
class Headings:
    """Which column is which field, before it is known which of several amounts is revenue."""

    table: TableFile
    # Field -> heading.
    columns: Mapping[str, str]
    # Headings that could be the amount.
    amounts: tuple[str, ...]
    fees: tuple[str, ...]
    stated: frozenset[str]
    ignored: frozenset[str]

    def cells(self, heading: str) -> Iterator[tuple[int, Any]]:
        """The cells under a heading, with their lines."""
        n = self.table.columns.index(heading)
        return ((line, cells[n]) for line, cells in self.table.rows)

    @property
    def id_prefix(self) -> str:
        """What Stripe's ids in this file begin with, such as `in`, `ch` or `txn`; empty where they are not Stripe's."""
        for field, known in (("id", "in|ch|py|pi|txn|il|sli|ii|re|cn"), ("customer", "cus")):
            if field in self.columns:
                first = next((text_of(cell) for _, cell in self.cells(self.columns[field]) if text_of(cell)), "")
                if found := re.match(rf"({known})_\w", first):
                    return found[1]
        return ""


@dataclass(frozen=True, slots=True)
class AmountColumn:
    """The column that is revenue: its heading, whether tax is in it (None where the heading does not say), the currency
    its heading names."""

    heading: str
    has_tax: bool | None
    currency: str | None
    # Whether its heading says that it is in cents or the like.
    is_minor: bool
    # Whether it stands beside the amount in another currency: a column of currencies is of that one.
    is_converted: bool


def headings_of(table: TableFile, mapping: Mapping[str, str], ignored: Sequence[str]) -> Headings:
    """Field -> column, by `mapping` (field -> heading, or - for none) and else by name.

    Raises UsageError where a needed field has no column, or `mapping` or `ignored` name a column that is not there.
    """
    _check_named(table, mapping, ignored)
    free = [name for name in table.columns if name and name not in (*mapping.values(), *ignored)]
    by_plain = {plain(name): name for name in reversed(free)}
    found: dict[str, str] = {}
    for field, known in COLUMNS.items():
        if field in mapping:
            if mapping[field] != NONE:
                found[field] = mapping[field]
            continue
        present = (by_plain[plain(word)] for word in known if plain(word) in by_plain)
        if name := next((name for name in present if name not in found.values() and _fits(table, field, name)), None):
            found[field] = name
    taken = {name for field, name in found.items() if field != "number"}
    amounts = [name for name in free if name not in taken and plain(without_currency(name)) in _AMOUNTS]
    fees = tuple(name for name in free if name not in taken and plain(without_currency(name)) in _FEES)
    if "currency" not in found and mapping.get("currency") != NONE:
        found |= _currency_column(table, [name for name in free if name not in taken])
    if "amount" in found:
        amounts = [found["amount"]]
    elif not amounts and mapping.get("amount") is None:
        amounts = [name for name in free if name not in taken and plain(name) == "sum"]
    _check_needed(table, found, amounts)
    for name in dict.fromkeys((*found.values(), *amounts)):
        _check_once(table, name)
    return Headings(table, found, tuple(amounts), fees, frozenset(mapping), frozenset(ignored))


def _fits(table: TableFile, field: str, name: str) -> bool:
    """Whether the cells can be of the field: `Paid` may be an amount or a date, `State` that of an address; discounts
    and taxes by heading alone are the lists of Stripe's API."""
    n = table.columns.index(name)
    if plain(name) == "state":
        return any(len(text_of(cells[n])) > 2 for _, cells in table.rows)
    if field in ("discount", "taxes"):
        return all(text_of(cells[n])[:1] in ("", "[") for _, cells in table.rows)
    return field not in ("paid", "captured", "is_refunded") or all(
        text_of(cells[n]).lower() in _YES | _NO | {""} for _, cells in table.rows
    )


def _currency_column(table: TableFile, names: Sequence[str]) -> dict[str, str]:
    """The column, under any heading, whose cells are all codes of currencies."""
    for name in names:
        n = table.columns.index(name)
        codes = {text_of(cells[n]).upper() for _, cells in table.rows} - {""}
        if codes and codes <= CODES:
            return {"currency": name}
    return {}


def _check_named(table: TableFile, mapping: Mapping[str, str], ignored: Sequence[str]) -> None:
    named = [(f"--map {field}={name}", name) for field, name in mapping.items() if name != NONE]
    for flag, name in (*named, *((f"--ignore {name}", name) for name in ignored)):
        if name not in table.columns:
            raise UsageError(f"{flag}: {table.path} has no such column.", f"It has {listed(table.columns)}.")


def _check_once(table: TableFile, name: str) -> None:
    places = [n for n, other in enumerate(table.columns) if other == name]
    if any(cells[n] != cells[places[0]] for _, cells in table.rows for n in places[1:]):
        where = " and ".join(str(n + 1) for n in places)
        raise UsageError(f"{table.path}: columns {where} are both called {name!r} and differ.", "Rename one of them.")


def _check_needed(table: TableFile, found: Mapping[str, str], amounts: Sequence[str]) -> None:
    for field in ("customer", "amount"):
        if field not in found and not (field == "amount" and amounts):
            raise UsageError(
                f"{table.path}: no column is the {field}.", f"It has {listed(table.columns)}: --map {field}=COLUMN."
            )
    if ("period_start" in found) != ("period_end" in found):
        missing = "period_end" if "period_start" in found else "period_start"
        raise UsageError(f"{table.path}: a period needs two columns, {missing} is missing.", f"--map {missing}=COLUMN")
    if "date" not in found and "period_start" not in found:
        raise UsageError(f"{table.path}: no column is the date.", f"It has {listed(table.columns)}: --map date=COLUMN.")


# --- which amount


def amount_of(headings: Headings, notation: Notation) -> AmountColumn:
    """The column that is revenue before tax where there is one, as its heading says and the other amounts confirm.

    Raises UsageError where several could be it.
    """
    in_usd = [name for name in headings.amounts if currency_in(name) == "USD"]
    candidates = in_usd or headings.amounts
    names = {plain(without_currency(name)): name for name in candidates}
    word = _chosen(names, headings, notation) if len(names) == len(candidates) else None
    if word is None:
        raise UsageError(
            f"{headings.table.path}: {listed(candidates)} could all be the amount.",
            f"Say which: --map amount={candidates[0]!r}",
        )
    is_net = word in _NET or word == "subtotal" or (len(names) > 1 and word == "amount")
    has_tax = False if is_net else True if word in _GROSS else None
    heading = names[word]
    is_converted = bool(in_usd) and len(headings.amounts) > len(in_usd)
    return AmountColumn(heading, has_tax, currency_in(heading), bool(_MINOR.search(heading)), is_converted)


def _chosen(names: Mapping[str, str], headings: Headings, notation: Notation) -> str | None:
    excluding = [word for word in _EXCLUDING if word in names]
    if len(names) == 1 or excluding:
        return (excluding or list(names))[0]
    if "total" in names and set(names) <= {"total", "subtotal", *_PAID}:
        return "total"
    if set(names) == {"amount", "amountcaptured"}:
        return "amountcaptured"
    parts = [*headings.fees, *(headings.columns[field] for field in ("tax", "fee") if field in headings.columns)]
    pairs = ((whole, net) for whole in names for net in names if len(names) == 2 and net != whole and net not in _GROSS)
    for whole, net in pairs:
        if any(_is_difference(headings, notation, names[whole], part, names[net]) for part in parts):
            return net
    return None


def _is_difference(headings: Headings, notation: Notation, whole: str, part: str, net: str) -> bool:
    """Whether whole - part = net in every row, or whole + part where parts are written as negative."""
    columns = headings.table.columns
    places = [columns.index(name) for name in (whole, part, net)]
    is_less = is_more = True
    try:
        for _, cells in headings.table.rows:
            a, b, c = (found.value if (found := notation.amount(cells[n])) else Decimal(0) for n in places)
            is_less, is_more = is_less and a - b == c, is_more and a + b == c
    except ValueError:
        return False
    return is_less or is_more


# --- columns that are not understood


def unknown_columns(headings: Headings, amount: AmountColumn, lines: set[int]) -> list[tuple[str, int, str]]:
    """Columns that may change what the amounts on these lines mean and are not read: heading, line, cell."""
    used = {*headings.columns.values(), *headings.fees, *headings.ignored, amount.heading}
    found: list[tuple[str, int, str]] = []
    for name in headings.table.columns:
        if not name or name in used or not _may_change(name, headings, amount):
            continue
        cell = next(((line, text) for line, text in _says_something(headings, name) if line in lines), None)
        if cell:
            found.append((name, *cell))
    return found


def _may_change(name: str, headings: Headings, amount: AmountColumn) -> bool:
    said = {word.lower() for word in re.findall(r"[A-Z]{2,}(?![a-z])|[A-Z]?[a-z]+", name)}
    doubtful = said & _MEANING
    fields = headings.columns
    if not doubtful or said & _ASIDE or "metadata" in name.lower():
        return False
    if plain(name) == "state" and not _fits(headings.table, "status", name):
        return False
    # Of Stripe's balance: how a payment became the amount, which is in the currency of its own column.
    if plain(name) == "exchangerate" and headings.id_prefix:
        return False
    return not any(doubtful <= settled for settled in _settled(fields, amount))


def _settled(fields: Mapping[str, str], amount: AmountColumn) -> Iterator[frozenset[str]]:
    """Words that change nothing beside what is read: a total is after discounts, the status says what is void."""
    if "status" in fields:
        yield _OF_STATUS
    if "type" in fields:
        yield frozenset({"type", "category", "kind"})
    if "tax" in fields or amount.has_tax is False:
        yield _OF_TAX
    if plain(without_currency(amount.heading)).startswith("total"):
        yield frozenset({"discount", "discounts"})
    if "disputed" in fields:
        yield frozenset({"dispute", "disputed"})
    if "refunded" in fields or "is_refunded" in fields:
        yield frozenset({"refunded", "refund", "refunds"})


def _says_something(headings: Headings, name: str) -> Iterator[tuple[int, str]]:
    """Cells other than nothing, zero and no; a date of a refund or the like changes nothing by itself."""
    for line, cell in headings.cells(name):
        text = text_of(cell)
        if text.lower() in _NOTHING | _NO or not re.sub(r"[0.,%$€£ -]", "", text):
            continue
        if currency_in(name) is None and "currency" in name.lower() and text.upper() == "USD":
            continue
        yield line, text
