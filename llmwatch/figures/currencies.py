"""Knows currencies: their ISO 4217 codes, the signs they are written with, and how many minor units one has."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Final


def words(text: str) -> frozenset[str]:
    """The words of a list written with spaces."""
    return frozenset(text.split())


CODES: Final = words(
    "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF "
    "CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG "
    "HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA "
    "MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD "
    "RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX "
    "USD UYU UZS VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG"
)
# Written in headings in lower case too; most other codes are words of some language.
_FREQUENT: Final = words("usd eur gbp jpy chf cad aud nzd sek nok dkk pln czk huf inr brl mxn cny hkd sgd krw")
_SIGNS: Final[Mapping[str, str]] = {
    "$": "USD", "US$": "USD", "€": "EUR", "£": "GBP", "₹": "INR", "₩": "KRW", "₺": "TRY", "₽": "RUB",
    "₪": "ILS", "₫": "VND", "฿": "THB", "₴": "UAH", "₦": "NGN", "zł": "PLN", "Kč": "CZK", "R$": "BRL", "A$": "AUD",
    "AU$": "AUD", "C$": "CAD", "CA$": "CAD", "NZ$": "NZD", "HK$": "HKD", "S$": "SGD", "MX$": "MXN",
    # of several currencies each: no code, so that a column or heading has to name it
    "¥": "¥", "kr": "kr", "kr.": "kr",
}  # fmt: skip
_WORDS: Final = re.compile(r"[A-Z]{2,}(?![a-z])|[A-Z]?[a-z]+")
# Amounts of Stripe's API in these have no minor unit, or a thousand of them; all others a hundred.
_WHOLE: Final = words("BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF")
_THOUSANDTHS: Final = words("BHD IQD JOD KWD LYD OMR TND")

SIGN_PATTERN: Final = "|".join(sorted(map(re.escape, _SIGNS), key=len, reverse=True))


def currency_of(text: str) -> str | None:
    """The ISO code that a sign, or a code in any case, stands for; None if it is none.

    >>> currency_of("eur"), currency_of("€"), currency_of("US$"), currency_of("abc")
    ('EUR', 'EUR', 'USD', None)
    """
    code = text.strip().upper()
    return code if code in CODES else _SIGNS.get(text.strip())


def currency_in(heading: str) -> str | None:
    """The currency that a heading names, `Amount (EUR)`, `amount_eur` or `Betrag €`; None if it names none."""
    for word in _WORDS.findall(heading):
        if (word.isupper() and word in CODES) or word.lower() in _FREQUENT:
            return word.upper()
    return next((code for sign, code in _SIGNS.items() if not sign.isalpha() and sign in heading), None)


def without_currency(heading: str) -> str:
    """The heading without the currency it names.

    >>> [without_currency(name).strip() for name in ("Amount (EUR)", "amountUSD", "Betrag in €", "Total")]
    ['Amount ()', 'amount', 'Betrag', 'Total']
    """
    code = currency_in(heading)
    if code is None:
        return heading
    words = [word for word in _WORDS.findall(heading) if word.upper() == code]
    for written in (*words, *(sign for sign in _SIGNS if not sign.isalpha())):
        heading = heading.replace(written, "")
    return re.sub(r"\bin\W*$", "", heading)


def minor_unit(currency: str) -> Decimal:
    """What one minor unit is worth in units of the currency: 0.01 of a dollar, 1 of a yen, 0.001 of a dinar.

    >>> minor_unit("USD"), minor_unit("JPY"), minor_unit("KWD")
    (Decimal('0.01'), Decimal('1'), Decimal('0.001'))
    """
    return Decimal(1) if currency in _WHOLE else Decimal("0.001") if currency in _THOUSANDTHS else Decimal("0.01")
