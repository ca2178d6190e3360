"""Owns the words for a stratum: the kind of inputs in which answers are compared, as the macro `stratum` names it."""

from __future__ import annotations

from typing import Final

_SEPARATOR: Final = " · "
_UNKNOWN: Final = "?"


_SCORED_BY: Final = " · scored by "


def scored_by(stratum: str, scorer: str) -> str:
    """A stratum of one scorer alone."""
    return f"{stratum}{_SCORED_BY}{scorer or 'nobody named'}"


def scorer_of(stratum: str) -> str:
    """Whose scores they are; empty where scorers are not told apart."""
    return stratum.partition(_SCORED_BY)[2]


def stratum_words(name: str) -> str:
    """A stratum for a reader: what is not known of it is said in words; '' is none."""
    if not name:
        return "inputs of no stratum"
    language, *others = name.split(_SEPARATOR)
    known = ["unknown language" if language == _UNKNOWN else language]
    known += ["unknown length" if other == _UNKNOWN else other for other in others]
    return _SEPARATOR.join(known)
