"""Revenue files as their users have them: what each is read as, added up by hand, or what is asked about it."""

from __future__ import annotations

import time
import zipfile
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from llmwatch.errors import InputFileError, LlmwatchError, UsageError
from llmwatch.figures.revenue_file import FileOptions, RevenueFile, read_revenue_file
from llmwatch.figures.revenue_kinds import Effect

HEAD = "customer,amount,date\n"
# The default columns of the Dashboard's exports, in their order.
INVOICES = (
    "id,Amount Due,Billing,Closed,Currency,Customer,Date (UTC),Due Date (UTC),Number,Paid,Subscription,Subtotal,"
    "Total Discount Amount,Applied Coupons,Tax,Tax Percent,Total,Amount Paid,Status,Period Start (UTC),"
    "Period End (UTC),Minimum Line Item Period Start (UTC),Maximum Line Item Period End (UTC)\n"
)
PAYMENTS = (
    "id,Created date (UTC),Amount,Amount Refunded,Currency,Captured,Converted Amount,Converted Amount Refunded,"
    "Converted Currency,Decline Reason,Description,Fee,Refunded date (UTC),Statement Descriptor,Status,Seller Message,"
    "Taxes On Fee,Card ID,Customer ID,Customer Description,Customer Email,Invoice ID,Transfer,Card Address State,"
    "Disputed Amount,Dispute Date (UTC),Dispute Reason,Dispute Status,order (metadata),Mode\n"
)
BALANCE = (
    "balance_transaction_id,created_utc,created,available_on_utc,currency,gross,fee,net,reporting_category,source_id,"
    "description,customer_facing_amount,customer_facing_currency,customer_id,charge_id,invoice_id\n"
)


def read(folder: Path, content: str | bytes, name: str = "file.csv", **options: Any) -> RevenueFile:
    """The file with this content, read."""
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_revenue_file(path, FileOptions(**options))


def at(*parts: int) -> datetime:
    """A moment as the store has it: UTC without a zone."""
    return datetime(*parts, tzinfo=UTC).replace(tzinfo=None)


def total(found: RevenueFile) -> Decimal:
    """US dollars in all."""
    return sum((row.amount_usd for row in found.rows), Decimal(0))


def kinds(found: RevenueFile) -> dict[str, tuple[int, Decimal | None, bool]]:
    """Rows, US dollars and whether they count, of every kind."""
    return {one.word: (one.rows, one.amount_usd, one.effect is not Effect.LEFT_OUT) for one in found.kinds}


def invoice(number: int, status: str, total: str, tax: str = "0.00", discount: str = "0.00", paid: str = "") -> str:
    """A line of the invoices' export; its lines cover December, the invoice's own period is November."""
    subtotal = Decimal(total) - Decimal(tax) + Decimal(discount)
    return (
        f"in_{number},{total},charge_automatically,TRUE,usd,cus_{number},2026-12-01 00:12,,A-{number},TRUE,sub_1,"
        f"{subtotal},{discount},,{tax},,{total},{paid or total},{status},2026-11-01 00:00,2026-12-01 00:00,"
        "2026-12-01 00:00,2027-01-01 00:00\n"
    )


def payment(number: int, status: str, amount: str, refunded: str = "0.00", *, more: str = "", **changes: str) -> str:
    """A line of the payments' export."""
    cell = {"currency": "usd", "converted": amount, "off": refunded, "into": "usd", "captured": "TRUE", "mode": "Live"}
    cell |= changes
    return (
        f"ch_{number},2026-11-0{number} 10:00,{amount},{refunded},{cell['currency']},{cell['captured']},"
        f"{cell['converted']},{cell['off']},{cell['into']},,Subscription,3.20,,ACME,{status},,0.10,card_1,"
        f"cus_{number},,a@b.c,,,CA,{more or ',,,'},7,{cell['mode']}\n"
    )


# --- Stripe


def test_invoices_count_once_paid_and_without_tax(tmp_path: Path) -> None:
    """120 with 20 of tax, 90 after a discount of 10 with 15 of tax: 100 + 75. All others are not counted."""
    others = "".join(
        invoice(number, status, "60.00", "10.00", paid="0.00")
        for number, status in enumerate(("void", "draft", "uncollectible", "open"), 3)
    )
    paid = invoice(1, "paid", "120.00", "20.00") + invoice(2, "paid", "90.00", "15.00", discount="10.00")

    found = read(tmp_path, INVOICES + paid + others)

    assert total(found) == 175
    assert kinds(found) == {
        "paid": (2, Decimal(210), True),
        "tax": (2, Decimal(-35), True),
        **{word: (1, Decimal(60), False) for word in ("void", "draft", "uncollectible", "open")},
    }
    assert {(row.recognised_from, row.recognised_until) for row in found.rows} == {(at(2026, 12, 1), at(2027, 1, 1))}
    assert set(found.left_out) == {"in_3", "in_4", "in_5", "in_6"}
    assert total(read(tmp_path, INVOICES + paid + others, counted=["open"])) == 225


def test_an_invoice_is_not_spread_over_the_period_before_its_lines(tmp_path: Path) -> None:
    """Stripe's own period of an invoice looks back: it counts at its date."""
    text = (
        "id,Customer,Currency,Date (UTC),Period Start (UTC),Period End (UTC),Total,Status\n"
        "in_1,cus_1,usd,2026-12-01 00:12,2026-11-01 00:00,2026-12-01 00:00,50.00,paid\n"
    )

    row = read(tmp_path, text).rows[0]

    assert (row.occurred_at, row.recognised_from) == (at(2026, 12, 1, 0, 12), None)


def test_payments_lose_what_was_refunded_disputed_or_never_paid(tmp_path: Path) -> None:
    """100, 50 fully refunded, 40 less 15, 30 lost in a dispute, 20 won in one: 100 + 0 + 25 + 0 + 20."""
    text = PAYMENTS + "".join(
        (
            payment(1, "Paid", "100.00"),
            payment(2, "Refunded", "50.00", "50.00"),
            payment(3, "Paid", "40.00", "15.00"),
            payment(4, "Paid", "30.00", more="30.00,2026-11-09 10:00,fraudulent,lost"),
            payment(5, "Paid", "20.00", more="20.00,2026-11-09 10:00,fraudulent,won"),
            payment(6, "Failed", "80.00", converted="", into=""),
            payment(7, "Paid", "70.00", captured="FALSE"),
            payment(8, "Paid", "60.00", mode="Test"),
        )
    )

    found = read(tmp_path, text)

    assert total(found) == 145
    assert kinds(found) == {
        "paid": (4, Decimal(190), True),
        "refunded": (1, Decimal(50), True),
        "amount refunded": (2, Decimal(-65), True),
        "amount disputed": (1, Decimal(-30), True),
        "failed": (1, Decimal(80), False),
        "not captured": (1, Decimal(70), False),
        "test mode": (1, Decimal(60), False),
    }
    assert any("Fees of 16 in 'Fee'" in note for note in found.notes)


def test_a_payment_in_another_currency_is_what_stripe_converted_it_to(tmp_path: Path) -> None:
    """EUR 100 became 108.00 dollars, of which 27.00 went back; a payment in dollars stays."""
    text = (
        PAYMENTS
        + payment(1, "Paid", "100.00", "25.00", currency="eur", converted="108.00", off="27.00")
        + payment(2, "Paid", "10.00")
    )

    assert total(read(tmp_path, text)) == 91
    with pytest.raises(InputFileError, match="line 2: the amount is in EUR; only US dollars"):
        read(tmp_path, PAYMENTS + payment(1, "Paid", "100.00", currency="eur", converted="108.00", into="chf"))


def test_a_balance_counts_what_is_left_of_sales(tmp_path: Path) -> None:
    """96.80 - 40.00 - 15.00 (dispute) - 15.00 (its fee) + 5.00; payouts, fees, taxes and reserves are none."""
    lines = (
        "txn_1,2026-11-01 10:00:00,x,,usd,100.00,3.20,96.80,charge,ch_1,,92.00,eur,cus_1,ch_1,",
        "txn_2,2026-11-02 10:00:00,x,,usd,-40.00,0.00,-40.00,refund,re_1,,-40.00,usd,cus_1,ch_1,",
        "txn_3,2026-11-03 10:00:00,x,,usd,-15.00,15.00,-30.00,dispute,du_1,,,,cus_1,ch_1,",
        "txn_4,2026-11-03 10:00:00,x,,usd,5.00,0.00,5.00,refund_failure,re_1,,,,cus_1,ch_1,",
        "txn_5,2026-11-04 10:00:00,x,,usd,-50.00,0.00,-50.00,payout,po_1,,,,,,",
        "txn_6,2026-11-04 10:00:00,x,,usd,-0.70,0.00,-0.70,fee,,Billing - Usage Fee,,,,,",
        "txn_7,2026-11-04 10:00:00,x,,usd,-2.00,0.00,-2.00,risk_reserved_funds,,,,,,,",
    )

    found = read(tmp_path, BALANCE + "\n".join(lines) + "\n")

    assert total(found) == Decimal("31.80")
    assert kinds(found)["payout"] == (1, Decimal(-50), False)
    assert {word for word, (_, _, is_counted) in kinds(found).items() if not is_counted} == {
        "payout", "fee", "risk reserved funds",
    }  # fmt: skip
    assert found.columns["date"] == "created_utc"
    with pytest.raises(InputFileError, match=r"line 2: the type 'other_adjustment' .* is not known.*--count"):
        read(tmp_path, BALANCE + lines[0].replace("charge,", "other_adjustment,") + "\n")


API = "id,object,customer,currency,created,amount,amount_captured,amount_refunded,status\n"


@pytest.mark.parametrize(
    ("text", "rates", "amount"),
    [
        # minor units: a hundredth of a dollar, a whole yen, a thousandth of a dinar
        (API + "ch_1,charge,cus_1,usd,1793491951,12000,12000,2000,succeeded\n", {}, "100"),
        (API + "ch_1,charge,cus_1,jpy,1793491951,12000,12000,0,succeeded\n", {"JPY": Decimal("0.0065")}, "78"),
        (API + "ch_1,charge,cus_1,kwd,1793491951,12000,12000,0,succeeded\n", {"KWD": Decimal("3.25")}, "39"),
        # captured in part
        (API + "ch_1,charge,cus_1,usd,1793491951,12000,9000,0,succeeded\n", {}, "90"),
        # invoice lines, tax in the amount, proration negative
        (
            "id,object,invoice,customer,amount,amount_excluding_tax,currency,period_start,period_end,proration,type\n"
            "il_1,line_item,in_1,cus_1,1200,1000,usd,1793491951,1796083951,false,subscription\n"
            "il_2,line_item,in_1,cus_1,-360,-300,usd,1793491951,1796083951,true,invoiceitem\n",
            {},
            "7",
        ),
        # lines of Sigma; a discount and an inclusive tax of a line, and both of its proration
        (
            "id,invoice_id,customer_id,amount,currency,period_start,period_end,proration,source_type\n"
            "il_1,in_1,cus_1,1200,usd,2026-11-01 00:00:00,2026-12-01 00:00:00,false,subscription\n",
            {},
            "12",
        ),
        (
            "id,object,customer,amount,currency,period.start,period.end,discount_amounts,tax_amounts\n"
            'il_1,line_item,cus_1,1200,usd,1793491951,1796083951,"[{""amount"": 200, ""discount"": ""di_1""}]",'
            '"[{""amount"": 100, ""inclusive"": true}, {""amount"": 7, ""inclusive"": false}]"\n'
            "il_2,line_item,cus_1,-600,usd,1793491951,1796083951,\"[{'amount': -100, 'discount': 'di_1'}]\",[]\n",
            {},
            "4",
        ),
        # invoices
        (
            "id,object,customer,currency,created,amount_due,amount_paid,amount_remaining,subtotal,tax,total,status\n"
            "in_1,invoice,cus_1,usd,1793491951,12000,12000,0,10000,2000,12000,paid\n"
            "in_2,invoice,cus_1,usd,1793491951,12000,0,12000,10000,2000,12000,open\n",
            {},
            "100",
        ),
        # balance transactions
        (
            "id,type,customer,amount,fee,net,currency,created,exchange_rate,status\n"
            "txn_1,charge,cus_1,10000,320,9680,usd,1793491951,1.08,pending\n"
            "txn_2,payout,,-9680,0,-9680,usd,1793491951,,available\n",
            {},
            "96.8",
        ),
    ],
)
def test_the_api_states_minor_units(tmp_path: Path, text: str, rates: dict[str, Decimal], amount: str) -> None:
    """Whole numbers beside Stripe's ids and Unix seconds."""
    assert total(read(tmp_path, text, rates=rates)) == Decimal(amount)


# --- how numbers and dates are written

SEMICOLON = "customer;amount;date\n"
TAB = "customer\tamount\tdate\n"


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        (SEMICOLON + "a;173,900;2026-11-03\n", "173.9"),
        (SEMICOLON + "a;1.234;2026-11-03\n", "1234"),
        (SEMICOLON + "a;1.234,56;2026-11-03\n", "1234.56"),
        (SEMICOLON + "a;1 234,56 $;2026-11-03\n", "1234.56"),
        # a row says otherwise than the delimiter
        (SEMICOLON + "a;1.234;2026-11-03\nb;0.50;2026-11-03\n", "1.734"),
        (SEMICOLON + "a;12;2026-11-03\n", "12"),
        (HEAD + 'a,"1,234",2026-11-03\nb,12.50,2026-11-03\n', "1246.5"),
        (HEAD + 'a,"1,234",2026-11-03\nb,"12,50",2026-11-03\n', "13.734"),
        (HEAD + 'a,"1.234,50",2026-11-03\n', "1234.5"),
        (HEAD + "a,1.234,2026-11-03\n", "1.234"),
        (HEAD + 'a,"1,234,567",2026-11-03\nb,"1,234",2026-11-03\n', "1235801"),
        (HEAD + "a,1'234.50,2026-11-03\n", "1234.5"),
        (HEAD + "a,0.004,2026-11-03\nb,-0.001,2026-11-03\n", "0.003"),
        (HEAD + "a,(49.00),2026-11-03\nb,50.00-,2026-11-03\nc,\u2212 1.00,2026-11-03\n", "-100"),
        (HEAD + 'a,"$(1,234.50)",2026-11-03\n', "-1234.5"),
        (TAB + "a\t1.234\t2026-11-03\nb\t1.234,5\t2026-11-03\n", "2468.5"),
        # a column of other numbers says it where the amounts do not
        ("customer\tamount\tdate\tpercent\na\t1.234\t2026-11-03\t12,5\n", "1234"),
        ("customer|amount|date\na|10.50|2026-11-03\n", "10.5"),
        ("sep=;\ncustomer;amount;date\na;10,50;2026-11-03\n", "10.5"),
        ("Revenue by customer\n\ncustomer,amount,date\n\na,10.50,2026-11-03\n\n", "10.5"),
        ("Kunde;Betrag;Datum\na;1.000,00;24.11.2026\n", "1000"),
        ("Customer,Amount USD,Date\r\na,10,2026-11-03\r\n", "10"),
        ("customer,amount_cents,date\na,1050,2026-11-03\n", "10.5"),
    ],
)
def test_numbers_are_read_as_the_whole_file_writes_them(tmp_path: Path, text: str, amount: str) -> None:
    """Decimal comma or point, as the cells say, else as the delimiter says."""
    assert total(read(tmp_path, text)) == Decimal(amount)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_every_unicode_encoding_is_known(tmp_path: Path, encoding: str) -> None:
    """With its mark and without."""
    text = "customer\tamount\tdate\nMüller\t10\t2026-11-03\n"

    assert read(tmp_path, text.encode(encoding)).customers == ("Müller",)


def test_another_encoding_has_to_be_named(tmp_path: Path) -> None:
    """Excel's plain CSV on Windows."""
    content = f"{HEAD}Müller,10,2026-11-03\n".encode("cp1252")

    with pytest.raises(InputFileError, match="not UTF-8 text.*--encoding cp1252"):
        read(tmp_path, content)

    assert read(tmp_path, content, encoding="cp1252").customers == ("Müller",)


@pytest.mark.parametrize(
    ("cells", "delimiter", "first"),
    [
        (["24.11.2026"], ",", at(2026, 11, 24)),
        (["03.04.2026"], ",", at(2026, 4, 3)),
        (["03/04/2026"], ";", at(2026, 4, 3)),
        (["03/04/2026", "24/11/2026"], ",", at(2026, 4, 3)),
        (["03/04/2026", "11/24/2026"], ",", at(2026, 3, 4)),
        (["11/24/2026 1:05 PM"], ",", at(2026, 11, 24, 13, 5)),
        (["04/04/2026"], ",", at(2026, 4, 4)),
        (["24-11-2026"], ",", at(2026, 11, 24)),
        (["2026/11/24"], ",", at(2026, 11, 24)),
        (["24 Nov 2026"], ",", at(2026, 11, 24)),
        (["November 24 2026"], ",", at(2026, 11, 24)),
        (["11/24/26"], ",", at(2026, 11, 24)),
        (["1793491951"], ",", at(2026, 11, 1, 0, 12, 31)),
        (["1793491951000"], ",", at(2026, 11, 1, 0, 12, 31)),
        (["2026-11-24T23:30:00-08:00"], ",", at(2026, 11, 25, 7, 30)),
        (["2026-11-24 23:30:00 +0100"], ",", at(2026, 11, 24, 22, 30)),
        (["2026-11-24 23:30:00 UTC"], ",", at(2026, 11, 24, 23, 30)),
        (["1970-01-01"], ",", at(1970, 1, 1)),
        (["2099-12-31"], ",", at(2099, 12, 31)),
    ],
)
def test_dates_are_read_as_the_whole_file_writes_them(
    tmp_path: Path, cells: list[str], delimiter: str, first: datetime
) -> None:
    """Day or month first, as a row or the delimiter says."""
    text = "customer,amount,date\n" + "".join(f"a,10,{cell}\n" for cell in cells)

    assert read(tmp_path, text.replace(",", delimiter)).rows[0].occurred_at == first


def test_another_column_of_dates_settles_it(tmp_path: Path) -> None:
    """The end of a period has the day first, so the date has."""
    text = "customer,amount,date,from,until\na,10,03/04/2026,01/04/2026,30/04/2026\n"

    assert read(tmp_path, text).rows[0].occurred_at == at(2026, 4, 3)


@pytest.mark.parametrize(
    ("text", "readings", "answers"),
    [
        (
            HEAD + 'a,"1,234",2026-11-03\n',
            "'1,234' is 1234 with a decimal point and 1.234 with a decimal comma",
            {"decimals": {"point": "1234", "comma": "1.234"}},
        ),
        (
            TAB + "a\t1.234\t2026-11-03\n",
            "'1.234' is 1.234 with a decimal point and 1234 with a decimal comma",
            {"decimals": {"point": "1.234", "comma": "1234"}},
        ),
        (
            HEAD + "a,10,03/04/2026\n",
            "April 3, 2026 with the day first and March 4, 2026 with the month first",
            {"dates": {"day-first": "10", "month-first": "10"}},
        ),
        (
            "id,customer,amount,currency,date\nch_1,cus_1,12000,usd,2026-11-03\n",
            "12000 whole units or, in minor units",
            {"units": {"major": "12000", "minor": "120"}},
        ),
    ],
)
def test_what_nothing_settles_is_asked_with_both_readings(
    tmp_path: Path, text: str, readings: str, answers: dict[str, dict[str, str]]
) -> None:
    """One sentence, the flag in the hint, and each answer gives its reading."""
    with pytest.raises(UsageError) as caught:
        read(tmp_path, text)

    assert caught.value.exit_code == 2
    assert readings in caught.value.message
    for option, by_answer in answers.items():
        for answer, amount in by_answer.items():
            assert answer in caught.value.hint
            assert total(read(tmp_path, text, **{option: answer})) == Decimal(amount)


# --- what changes the meaning of an amount


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("customer,amount,date,discount\na,100,2026-11-03,10\n", "'discount' (line 2: '10')"),
        ("customer,amount,date,Exchange Rate\na,100,2026-11-03,1.08\n", "'Exchange Rate' (line 2: '1.08')"),
        ("customer,amount,date,Credit\na,100,2026-11-03,5\n", "'Credit' (line 2: '5')"),
        ("customer,amount,date,voided\na,100,2026-11-03,true\n", "'voided' (line 2: 'true')"),
        ("customer,amount,date,tax\na,120,2026-11-03,20\n", "'tax' (line 2: '20')"),
        ("customer,amount,date,status\na,100,2026-11-03,frozen\n", "line 2: the status 'frozen' in 'status'"),
        ("customer,amount,date,status\na,100,2026-11-03,partially_refunded\n", "line 2: it is refunded in part"),
        ("customer,amount,date,type\na,100,2026-11-03,clawback\n", "line 2: the type 'clawback' in 'type'"),
        ("customer,amount,amount,date\na,1,2,2026-11-03\n", "columns 2 and 3 are both called 'amount' and differ"),
        ("customer,Amount (EUR),date\na,100,2026-11-03\n", "line 2: the amount is in EUR"),
        ("customer,amount,date,unit of account\na,100,2026-11-03,GBP\n", "line 2: the amount is in GBP"),
        ("customer,amount,date,currency\na,£5,2026-11-03,USD\n", "line 2: the amount is in GBP and in USD"),
        ("customer,amount,date,currency\na,5,2026-11-03,doubloons\n", "line 2: the currency 'doubloons' is not known"),
        ("customer,amount,date\na,kr 5,2026-11-03\n", "line 2: the amount is in kr"),
        (HEAD + 'a,"1.234,50",2026-11-03\nb,"1,234.50",2026-11-03\n', "numbers are written in two ways"),
        (HEAD + "a,1,13/04/2026\nb,1,11/24/2026\n", "dates are written in two ways"),
        (HEAD + "a,1,2026-11-03\nb,2,\n", "line 3: the date is empty"),
        ("customer,amount,date,status\na,1,2026-11-03,void\n", "none of its rows is revenue: 1 void"),
        (HEAD + "a,1000000000,2026-11-03\n", "a billion dollars or more"),
        (HEAD + "a,1,1969-12-31\n", "'1969-12-31' is not a date"),
        (HEAD + "a,1,2100-01-01\n", "'2100-01-01' is not a date"),
    ],
)
def test_what_is_not_understood_is_named(tmp_path: Path, text: str, problem: str) -> None:
    """Never ignored: one sentence with the column or the line, exit code 2."""
    with pytest.raises(LlmwatchError) as caught:
        read(tmp_path, text)

    assert problem in caught.value.message
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("text", "options", "amount"),
    [
        ("customer,amount,date,discount\na,100,2026-11-03,10\n", {"mapping": {"discount": "discount"}}, "90"),
        ("customer,amount,date,discount\na,100,2026-11-03,10\n", {"ignored": ["discount"]}, "100"),
        ("customer,amount,date,discount\na,100,2026-11-03,0.00\n", {}, "100"),
        ("customer,amount,date,tax\na,120,2026-11-03,20\n", {"mapping": {"tax": "tax"}}, "100"),
        ("customer,amount,date,tax\na,120,2026-11-03,20\n", {"ignored": ["tax"]}, "120"),
        # the third amount settles whether tax is in the second
        ("customer,amount,tax,total,date\na,100,20,120,2026-11-03\n", {}, "100"),
        ("customer,net,vat,gross,date\na,100,20,120,2026-11-03\n", {}, "100"),
        # a fee written as negative
        ("customer,gross,fee,net,date\na,100,-3.20,96.80,2026-11-03\n", {}, "96.8"),
        ("customer,amount,refunded,date\na,100,false,2026-11-03\nb,50,true,2026-11-03\n", {}, "100"),
        ("customer,total,discount,date\na,90,10,2026-11-03\n", {}, "90"),
        ("customer,total,tax,date\na,120,20,2026-11-03\nb,-12,-2,2026-11-03\n", {}, "90"),
        ("customer,amount,fee,date\na,100,3,2026-11-03\n", {}, "100"),
        ("customer,amount,fee,date\na,100,3,2026-11-03\n", {"mapping": {"fee": "fee"}}, "97"),
        ("customer,amount,date,status\na,100,2026-11-03,frozen\n", {"counted": ["Frozen"]}, "100"),
        ("customer,amount,date,status\na,9,2026-11-03,frozen\nb,1,2026-11-03,paid\n", {"skipped": ["frozen"]}, "1"),
        ("customer,amount,date,status\na,9,2026-11-03,refunded\nb,1,2026-11-03,paid\n", {}, "1"),
        ("customer,amount,date,type\na,9,2026-11-03,sale\na,3,2026-11-03,refund\na,-1,2026-11-03,Credit\n", {}, "5"),
        ("customer,Amount (EUR),date\na,100,2026-11-03\na,-100,2026-11-04\n", {"rates": {"EUR": Decimal("1.08")}}, "0"),
        ("customer,amount,currency,amount_usd,date\na,100,EUR,108,2026-11-03\n", {}, "108"),
        ("customer,amount,currency,date\na,$5,USD,2026-11-03\n", {}, "5"),
        (HEAD + "a,10,2026-11-03\nb,20,2026-11-03\nTotal,30,\n", {}, "30"),
        (HEAD + "a,10,2026-11-03\nb,20,2026-11-03\n,30,\n", {}, "30"),
        ("customer,amount,date,State\na,10,2026-11-03,CA\n", {}, "10"),
    ],
)  # fmt: skip
def test_what_changes_an_amount_is_taken_into_account(
    tmp_path: Path, text: str, options: dict[str, Any], amount: str
) -> None:
    """As the file states it, or as the user answers."""
    assert total(read(tmp_path, text, **options)) == Decimal(amount)


def test_a_percentage_is_not_offered_as_an_amount(tmp_path: Path) -> None:
    """19 percent taken off would be 19 dollars."""
    with pytest.raises(UsageError, match="'VAT %'") as caught:
        read(tmp_path, "customer,amount,date,VAT %\na,100,2026-11-03,19\n")

    assert "--map" not in caught.value.hint


def test_a_rate_converts_and_is_stated(tmp_path: Path) -> None:
    """EUR 100 at 1.08 is 108.00 dollars, its refund too."""
    text = "customer,amount,currency,date,note\na,100,eur,2026-11-03,May\n"

    row = read(tmp_path, text, rates={"EUR": Decimal("1.08")}).rows[0]

    assert (row.amount_usd, row.note) == (Decimal(108), "May; EUR 100 at 1.08")


def test_only_what_may_still_be_paid_is_promised_to_count(tmp_path: Path) -> None:
    """Of open and void rows the open ones."""
    found = read(
        tmp_path, "customer,amount,date,status\na,1,2026-11-03,paid\na,2,2026-11-03,open\na,3,2026-11-03,void\n"
    )

    promised = [note for note in found.notes if "count once they are paid" in note]
    assert len(promised) == 1
    assert "'open'" in promised[0]


@pytest.mark.parametrize("more", ["", ",", ",,,"])
def test_headings_end_where_names_do(tmp_path: Path, more: str) -> None:
    """A program that ends its lines in commas, one or several."""
    found = read(tmp_path, f"customer,amount,date{more}\na,1,2026-11-03{more}\n")

    assert (list(found.columns.values()), total(found)) == (["customer", "amount", "date"], 1)
    with pytest.raises(InputFileError, match="cells where 3 columns are named"):
        read(tmp_path, f"customer,amount,date{more},\na,1,2026-11-03{more},7\n")


def test_one_invoice_under_two_ids_is_pointed_out(tmp_path: Path) -> None:
    """Same customer, amount, date and number; another number is another invoice."""
    text = (
        "id,number,customer,amount,date\n"
        "a,INV-1,acme,100,2026-11-03\nb,INV-1,acme,100,2026-11-03\nc,INV-2,acme,100,2026-11-03\n"
    )

    notes = " ".join(read(tmp_path, text).notes)

    assert "1 row repeats another under a second id, as 'b' (line 3) repeats 'a' (line 2)" in notes


def test_a_row_without_customer_is_revenue_of_none(tmp_path: Path) -> None:
    """As a payment of a guest: counted, and stated."""
    found = read(tmp_path, HEAD + "a,10,2026-11-03\n,20,2026-11-04\n")

    assert (total(found), found.customers) == (30, ("a",))
    assert "1 row names no customer: revenue of no customer." in found.notes


def workbook(path: Path, sheets: dict[str, list[list[Any]]]) -> Path:
    """An .xlsx as Excel writes it, in its smallest form: inline text, numbers, and days as styled serial numbers."""
    names = list(sheets)
    with zipfile.ZipFile(path, "w") as out:
        kinds = {f"xl/worksheets/sheet{n}.xml": "worksheet" for n in range(1, len(names) + 1)}
        kinds |= {"xl/workbook.xml": "sheet.main", "xl/styles.xml": "styles"}
        office = "application/vnd.openxmlformats-officedocument.spreadsheetml"
        overrides = "".join(f'<Override PartName="/{p}" ContentType="{office}.{k}+xml"/>' for p, k in kinds.items())
        out.writestr(
            "[Content_Types].xml",
            '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" '
            f'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>{overrides}</Types>',
        )
        rels = "http://schemas.openxmlformats.org/package/2006/relationships"
        types = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
        main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
        out.writestr(
            "_rels/.rels",
            f'<Relationships xmlns="{rels}"><Relationship Id="r1" Type="{types}/officeDocument" '
            'Target="xl/workbook.xml"/></Relationships>',
        )
        links = "".join(
            f'<Relationship Id="r{n}" Type="{types}/worksheet" Target="worksheets/sheet{n}.xml"/>'
            for n in range(1, len(names) + 1)
        )
        links += f'<Relationship Id="rs" Type="{types}/styles" Target="styles.xml"/>'
        out.writestr("xl/_rels/workbook.xml.rels", f'<Relationships xmlns="{rels}">{links}</Relationships>')
        listed = "".join(f'<sheet name="{name}" sheetId="{n}" r:id="r{n}"/>' for n, name in enumerate(names, 1))
        out.writestr(
            "xl/workbook.xml", f'<workbook xmlns="{main}" xmlns:r="{types}"><sheets>{listed}</sheets></workbook>'
        )
        out.writestr(
            "xl/styles.xml",
            f'<styleSheet xmlns="{main}"><cellXfs count="2"><xf numFmtId="0"/><xf numFmtId="14"/></cellXfs>'
            "</styleSheet>",
        )
        for n, name in enumerate(names, 1):
            rows = "".join(f"<row>{''.join(map(_cell, row))}</row>" for row in sheets[name])
            out.writestr(
                f"xl/worksheets/sheet{n}.xml", f'<worksheet xmlns="{main}"><sheetData>{rows}</sheetData></worksheet>'
            )
    return path


def _cell(value: Any) -> str:
    if isinstance(value, datetime):
        return f'<c s="1"><v>{(value - at(1899, 12, 30)).days}</v></c>'
    if isinstance(value, str):
        return f'<c t="inlineStr"><is><t>{value}</t></is></c>'
    return "<c/>" if value is None else f"<c><v>{value}</v></c>"


def test_a_workbook_is_read_as_it_is(tmp_path: Path) -> None:
    """Typed days and numbers ask nothing; the title above and the total below are no rows."""
    rows: list[list[Any]] = [
        ["Revenue 2026"],
        [],
        ["Customer", "Amount", "Date", "Status"],
        ["acme", 1234.5, at(2026, 3, 4), "paid"],
        ["globex", -0.1, at(2026, 4, 3), "paid"],
        ["acme", 99, at(2026, 4, 3), "void"],
        ["Total", 1234.4, None, None],
    ]
    path = workbook(tmp_path / "sales.xlsx", {"Sales": rows, "Notes": []})

    found = read_revenue_file(path)

    assert total(found) == Decimal("1234.4")
    assert [row.occurred_at for row in found.rows] == [at(2026, 3, 4), at(2026, 4, 3)]
    assert kinds(found)["void"] == (1, Decimal(99), False)


def test_a_sheet_is_named_where_several_have_rows(tmp_path: Path) -> None:
    """Neither is guessed; an error names the row of the sheet."""
    rows: list[list[Any]] = [["customer", "amount", "date"], ["acme", 10, at(2026, 3, 4)]]
    path = workbook(tmp_path / "sales.xlsx", {"March": rows, "April": [*rows, ["acme", "ten", at(2026, 4, 4)]]})

    with pytest.raises(UsageError, match="several sheets have rows: 'March', 'April'.*--sheet 'March'"):
        read_revenue_file(path)
    with pytest.raises(UsageError, match="has no such sheet"):
        read_revenue_file(path, FileOptions(sheet="May"))
    with pytest.raises(InputFileError, match="line 3: the amount 'ten' is not a number"):
        read_revenue_file(path, FileOptions(sheet="April"))
    assert total(read_revenue_file(path, FileOptions(sheet="March"))) == 10
    (tmp_path / "no.xlsx").write_bytes(b"no workbook")
    with pytest.raises(InputFileError, match="cannot be read as a workbook"):
        read_revenue_file(tmp_path / "no.xlsx")


def test_parquet_of_typed_amounts_asks_nothing(tmp_path: Path) -> None:
    """A number has no notation: 1.234 is 1.234."""
    path = tmp_path / "file.parquet"
    pl.DataFrame({"customer": ["a"], "amount": [1.234], "created": [1793491951]}).write_parquet(path)

    found = read_revenue_file(path)

    assert (total(found), found.rows[0].occurred_at) == (Decimal("1.234"), at(2026, 11, 1, 0, 12, 31))


def test_a_hundred_thousand_rows_take_seconds(tmp_path: Path) -> None:
    """All columns of the payments' export; 100,000 rows of 12.34 are 1,234,000."""
    rest = payment(1, "Paid", "12.34").partition(",")[2]
    text = PAYMENTS + "".join(f"ch_{n},{rest}" for n in range(100_000))
    started = time.process_time()

    found = read(tmp_path, text)

    assert total(found) == 1_234_000
    assert time.process_time() - started < 20


@pytest.mark.parametrize(
    ("ends", "is_end_included", "expected"),
    [
        ("2026-11-30", True, (2026, 12, 1)), ("2026-11-30", False, (2026, 11, 30)),
        ("2026-11-30 23:59:59", True, (2026, 11, 30, 23, 59, 59)),
        ("2026-11-30 23:59:59", False, (2026, 11, 30, 23, 59, 59)),
    ],
)  # fmt: skip
def test_a_period_whose_last_day_counts_ends_after_it(
    tmp_path: Path, ends: str, is_end_included: bool, expected: tuple[int, ...]
) -> None:
    """A day is counted whole; a moment is what it is."""
    text = f"customer,amount,date,from,until\na,10,2026-11-03,2026-11-01,{ends}\n"

    [row] = read(tmp_path, text, is_end_included=is_end_included).rows

    assert (row.recognised_from, row.recognised_until) == (at(2026, 11, 1), at(*expected))
