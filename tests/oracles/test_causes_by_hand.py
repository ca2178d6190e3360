"""How near a change must have come to the week in which a fall began."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest

from llmwatch.analysis.causes import Span, find_causes

MONDAY = date(2026, 11, 9)


def days(kind: str, value: str, first: date, last: date) -> Iterator[dict[str, Any]]:
    """Ten calls a day with this value."""
    for n in range((last - first).days + 1):
        yield {"kind": kind, "value": value, "day": first + timedelta(days=n), "calls": 10, "scored": 0, "total": 0.0}


def changed(kind: str, on: date) -> list[dict[str, Any]]:
    """One value until that day, another from it on."""
    begin, end = MONDAY - timedelta(days=35), MONDAY + timedelta(days=27)
    return [*days(kind, "old", begin, on - timedelta(days=1)), *days(kind, "new", on, end)]


@pytest.mark.parametrize(("early", "late"), [(-3, -4), (6, 7), (0, 10), (3, -10)])
def test_a_change_in_the_week_of_the_start_comes_before_one_beside_it(early: int, late: int) -> None:
    """From three days before the Monday to its Sunday, both in; a day further is beside it."""
    near, beside = (MONDAY + timedelta(days=n) for n in (early, late))
    span = Span(MONDAY, MONDAY - timedelta(days=7), MONDAY + timedelta(days=7))

    found = find_causes([*changed("temperature", beside), *changed("prompt_version", near)], span)

    assert (found[0].kind, found[0].on) == ("prompt_version", near)


@pytest.mark.parametrize(("nearer", "further"), [(-3, -4), (6, 7), (13, 14), (-10, -11)])
def test_a_day_outside_counts_less_than_a_day_inside(nearer: int, further: int) -> None:
    """The week of the start and three days before it; then the range, of a week on either side, and its three days."""
    span = Span(MONDAY, MONDAY - timedelta(days=7), MONDAY + timedelta(days=7))
    inside, outside = (
        find_causes(changed("prompt_version", MONDAY + timedelta(days=n)), span)[0] for n in (nearer, further)
    )

    assert inside.rank > outside.rank
