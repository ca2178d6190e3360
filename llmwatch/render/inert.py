"""Owns how a stranger's text is made harmless: what no terminal obeys, no reader is misled by, no sheet computes.

Also the one exact way to write a number for programs.
"""

from __future__ import annotations

import re
from typing import Any, Final

# An escape sequence goes as a whole: CSI, then OSC and its kin up to their end, then any two-character escape.
_SEQUENCES: Final = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?"
    r"|(?:\x1b[\]PX^_]|[\x90\x98\x9d\x9e\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?"
    r"|\x1b[ -/]*[0-~]?"
)
_SPACES: Final = re.compile(r"[\t\n\v\f\r\x85\u2028\u2029]+")
# C0, DEL, C1; marks that turn the reading direction; zero-width marks but the joiners scripts need; lone surrogates.
_CONTROLS: Final = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff]"
    r"|[\U000e0000-\U000e007f]"
)
# What a sheet takes for the start of a formula, in its full-width forms too.
_FORMULA: Final = re.compile(r"^\s*[=+\-@\uff1d\uff0b\uff0d\uff20\u2212]")
_NUMBER: Final = re.compile(r"^\s*[+-]?\d+(\.\d+)?\s*$")


def one_line(text: str) -> str:
    """The text on one line without anything a terminal would obey or that turns the reading direction.

    >>> one_line("a\\x1b[31mred\\x1b[0m\\nb\\u202e")
    'ared b'
    """
    return _CONTROLS.sub("", _SPACES.sub(" ", _SEQUENCES.sub("", text)))


def shortened(text: str, length: int) -> str:
    """The text, with an ellipsis as its last character where it is longer than `length`.

    >>> shortened("reply.draft", 6), shortened("reply", 6)
    ('reply…', 'reply')
    """
    return text if len(text) <= length else text[: length - 1] + "…"


def lines(text: str) -> str:
    """The same for text of several lines."""
    return "\n".join(one_line(line) for line in text.split("\n"))


def sheet_text(text: str) -> str:
    """The text as a spreadsheet shows it and computes nothing; numbers stay numbers.

    >>> sheet_text("=cmd()"), sheet_text("-4.5"), sheet_text("-a")
    ("'=cmd()", '-4.5', "'-a")
    """
    plain = one_line(text)
    # Of both: a mark that nobody sees may stand before the sign, and is gone from the plain text.
    starts_as_formula = text[:1] in "\t\r" or _FORMULA.match(text) or _FORMULA.match(plain)
    if starts_as_formula and text and not _NUMBER.match(plain):
        return "'" + plain
    return plain


def plain(value: Any) -> str:
    """A decimal without exponent and without zeros at its end; exact.

    >>> from decimal import Decimal
    >>> plain(Decimal("0.000065500000")), plain(Decimal("0E-12")), plain(Decimal("120"))
    ('0.0000655', '0', '120')
    """
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
