"""Where numbers stand that only the words before them tell: identity numbers, card checks, one-time codes.

A bare run of nine digits is an order number, after "SSN" it is a person. Every pattern is bounded, so a hostile text
costs linear time. Must never raise on any str.
"""

import re
from collections.abc import Callable, Iterator

Span = tuple[int, int, str]

_BETWEEN = (
    r"(?:[^\w\n]{0,3}(?:numbers?|no|nr|num|code|is|was|are|id|of|the|on|file|for|my|your|ist|est|es|lautet|card|value)\b){0,5}+"
    r"[^\w\n]{1,6}+"
)
_SSN = re.compile(_BETWEEN + r"(\d{3}[-. ]?\d{2}[-. ]?\d{4})(?![\w-])", re.IGNORECASE)
_PASSPORT = re.compile(_BETWEEN + r"((?=[A-Z0-9]{0,3}\d{5})[A-Z0-9]{6,10})(?!\w)", re.IGNORECASE)
_NINO = re.compile(_BETWEEN + r"([A-Z]{2}(?: ?\d\d){3} ?[A-D])(?!\w)", re.IGNORECASE)
_CHECK = re.compile(_BETWEEN + r"(\d{3,4})(?![\w.%,:/-]\w|\w)", re.IGNORECASE)
_CODE = re.compile(_BETWEEN + r"([A-Z]-)?(\d{4,8}|\d{3}[- ]\d{3}|\d{4}[- ]\d{4})(?![\w.%,:/-]\w|\w)", re.IGNORECASE)
_LICENCE = re.compile(_BETWEEN + r"((?=[A-Z]{0,5}\d{4})[A-Z0-9]{6,18})(?!\w)", re.IGNORECASE)
_ACCOUNT = re.compile(_BETWEEN + r"(\d[\d -]{4,18}\d)(?![\w.%,:/-]\w|\w)", re.IGNORECASE)
# "731904 is your verification code": the number stands first.
_CODE_BEFORE = re.compile(
    r"(?<![\w.-])(?:[A-Z]-)?+(\d{4,8}|\d{3}-\d{3})(?= (?:is|as) (?:your|the)\b[^\n.]{0,24}$)", re.IGNORECASE
)

# Rules by a part that all their names share: where it is missing, one search answers for the whole row.
_RULES: tuple[tuple[str, tuple[str, ...], re.Pattern[str], str], ...] = (
    ("ssn", ("ssn",), _SSN, "ssn"),
    ("so", ("social security", "sozialversicherungsnummer"), _SSN, "ssn"),
    ("ti", ("tax id", "itin"), _SSN, "ssn"),
    ("pas", ("passport", "reisepass", "passeport", "pasaporte"), _PASSPORT, "id"),
    ("ni", ("nino", "national insurance", "ni number"), _NINO, "id"),
    ("cv", ("cvv2", "cvc2", "cvv", "cvc"), _CHECK, "card"),
    ("card", ("card security code", "card verification"), _CHECK, "card"),
    ("security code", ("security code",), _CHECK, "card"),
    (
        "code",
        (
            "verification code", "login code", "auth code", "authentication code", "2fa code", "mfa code",
            "security code", "confirmation code", "access code", "passcode", "sms code", "sign-in code", "pin code",
            "bestätigungscode", "code de vérification",
        ),
        _CODE,
        "secret",
    ),
    ("código", ("código de verificación",), _CODE, "secret"),
    ("one", ("one-time", "one time"), _CODE, "secret"),
    ("otp", ("otp",), _CODE, "secret"),
    ("pin", ("pin",), _CODE, "secret"),
    ("licen", ("driver's license", "driver license", "drivers license", "driving licence"), _LICENCE, "id"),
    ("führerschein", ("führerschein",), _LICENCE, "id"),
    ("account number", ("account number",), _ACCOUNT, "account"),
    ("kontonummer", ("kontonummer",), _ACCOUNT, "account"),
)  # fmt: skip
# "one-time password 123456": words that may stand between the name and its number.
_TAIL = re.compile(r"(?:s|[- ](?:password|passcode|code|pin))?+(?!\w)", re.IGNORECASE)
_BEFORE_CHARS = 64


def find_named_numbers(text: str, tick: Callable[[], None]) -> Iterator[Span]:
    """Spans of numbers that their names make personal or secret; `tick` is called once per candidate."""
    lowered = text.replace("\u0130", "I").lower()
    if len(lowered) != len(text):
        return
    for shared, names, pattern, label in _RULES:
        if shared not in lowered:
            continue
        for name in names:
            at = lowered.find(name)
            while at >= 0:
                tick()
                end = at + len(name)
                if not (at and (lowered[at - 1].isalnum())):
                    yield from _number_after(text, end, pattern, label)
                    if label == "secret":
                        yield from _code_before(text, at)
                at = lowered.find(name, end)


def _number_after(text: str, end: int, pattern: re.Pattern[str], label: str) -> Iterator[Span]:
    tail = _TAIL.match(text, end)
    found = pattern.match(text, tail.end()) if tail else None
    if found:
        group = found.lastindex or 1
        yield found.start(group), found.end(group), label


def _code_before(text: str, at: int) -> Iterator[Span]:
    low = max(0, at - _BEFORE_CHARS)
    for found in _CODE_BEFORE.finditer(text[low:at]):
        yield low + found.start(1), low + found.end(1), "secret"
