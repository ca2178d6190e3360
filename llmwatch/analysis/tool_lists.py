"""Which lists of tools are one list that varies, and which are those of different tasks with one prompt."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from typing import Final, TypeVar

_T = TypeVar("_T", bound=Hashable)
Tools = frozenset[str]

# So many different lists with one prompt are one list that varies. Two or three may be two or three tasks.
VARYING: Final = 4


def families(lists: Iterable[Tools]) -> dict[Tools, int]:
    """List of tools -> number of its family: lists inside one another are one, and all are where there are many."""
    distinct = sorted(set(lists), key=lambda one: (len(one), sorted(one)))
    if len(distinct) >= VARYING:
        return dict.fromkeys(distinct, 0)
    family = {one: number for number, one in enumerate(distinct)}
    for one in distinct:
        for other in distinct:
            if one < other and family[one] != family[other]:
                family = {each: family[one] if n == family[other] else n for each, n in family.items()}
    return family


def nearest(tools: Tools, known: Mapping[Tools, _T]) -> _T | None:
    """What the list of the same family that has most in common stands for; None where it begins a family of its own."""
    if not known:
        return None
    family = families([*known, tools])
    related = [one for one in known if family[one] == family[tools]]
    if not related:
        return None
    return known[max(related, key=lambda one: (len(one & tools), -len(one ^ tools), sorted(one)))]
