"""Owns which words of a prompt are numbers, dates and times: they change from call to call and say nothing of its task.

One moment is one mark however it is written: 2026-11-03, 3 Nov 2026, Tue, 03 Nov 2026 10:00 UTC.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

MASK: Final = "#"
# Words of dates wherever they stand.
_ALWAYS: Final = frozenset((
    "january", "february", "april", "june", "july", "august", "september", "october", "november", "december",
    "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday",
))  # fmt: skip
# Words that are something else too: of a date beside a number alone. English ones cut short, then other languages.
_BESIDE_NUMBERS: Final = frozenset((
    "jan", "feb", "mar", "march", "apr", "may", "jun", "jul", "aug", "sep", "sept", "oct", "nov", "dec", "mon",
    "tue", "tues", "wed", "thu", "thur", "thurs", "fri", "sat", "sun", "am", "pm", "utc", "gmt", "cet", "cest",
    "est", "edt", "cst", "cdt", "pst", "pdt", "bst", "januar", "februar", "märz", "mai", "juni", "juli",
    "oktober", "dezember", "okt", "dez", "mrz", "montag", "dienstag", "mittwoch", "donnerstag", "freitag",
    "samstag", "sonntag", "janvier", "février", "mars", "avril", "juin", "juillet", "août", "septembre",
    "octobre", "novembre", "décembre", "lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche",
    "enero", "febrero", "marzo", "abril", "mayo", "junio", "julio", "agosto", "septiembre", "setiembre",
    "octubre", "noviembre", "diciembre", "lunes", "martes", "miércoles", "jueves", "viernes", "sábado", "domingo",
    "gennaio", "febbraio", "aprile", "maggio", "giugno", "luglio", "settembre", "ottobre", "dicembre", "janeiro",
    "fevereiro", "março", "maio", "junho", "julho", "setembro", "outubro", "novembro", "dezembro", "januari",
    "februari", "maart", "mei", "augustus", "年", "月", "日",
))  # fmt: skip
_DAYS: Final = frozenset(("mon", "tue", "tues", "wed", "thu", "thur", "thurs", "fri", "sat", "sun"))
# What stands between the parts of one moment or number, at most two of them.
_BETWEEN: Final = frozenset(("-", "/", ".", ":", ",", "+"))
# Between a number and a month, and a month and a year; between two numbers they count something.
_OF: Final = frozenset(("of", "de", "do"))


@lru_cache(maxsize=1 << 16)
def masked(word: str) -> str:
    """The word in lower case; one with a digit as `#`."""
    return MASK if any(letter.isdigit() for letter in word) else word.lower()


def moments(folded: Sequence[str]) -> list[tuple[int, int]]:
    """Runs [first, behind) of masked words that are one number, date or time, in order.

    >>> moments(["due", "tue", ",", "#", "nov", "or", "you", "may", "stop"])
    [(1, 5)]
    """
    found: list[tuple[int, int]] = []
    if _ALWAYS.isdisjoint(folded) and MASK not in folded:
        return found
    behind = 0
    for at, word in enumerate(folded):
        # Behind a number these tell the half of the day; before one they are another word.
        if at < behind or word in ("am", "pm") or not (word in _ALWAYS or word == MASK or word in _BESIDE_NUMBERS):
            continue
        behind, is_moment = at + 1, word not in _BESIDE_NUMBERS
        while (following := _following(folded, behind - 1)) is not None:
            behind, is_moment = following + 1, is_moment or folded[following] not in _BESIDE_NUMBERS
        if is_moment:
            found.append((at, _end(folded, at, behind)))
    return found


def _end(folded: Sequence[str], first: int, behind: int) -> int:
    """Where a moment ends: a word that is something else too is no part of it behind the end of a sentence.

    "At most 3. May I help?" ends with the 3, and so does "3, sat or unsat"; a day's name stands before its number.
    """
    while behind - first > 1 and (word := folded[behind - 1]) in _BESIDE_NUMBERS:
        if folded[behind - 2] not in _BETWEEN and word not in _DAYS:
            break
        behind -= 1
        while behind - first > 1 and (folded[behind - 1] in _BETWEEN or folded[behind - 1] in _OF):
            behind -= 1
    return behind


def _following(folded: Sequence[str], last: int) -> int | None:
    """The place of the next part of the same moment; None where it ends."""
    has_word = folded[last] != MASK
    is_of = False
    for place in range(last + 1, min(last + 4, len(folded))):
        word = folded[place]
        if word == MASK:
            return place if has_word or not is_of else None
        if word in _ALWAYS or word in _BESIDE_NUMBERS:
            return place
        if word in _OF:
            is_of = True
        elif word not in _BETWEEN:
            return None
    return None
