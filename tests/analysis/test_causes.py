"""Which change near a start week is named: the one that came then, not one that came in its place later."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

from llmwatch.analysis.causes import Span, find_causes

MONDAY = date(2026, 11, 9)
SPAN = Span(MONDAY, MONDAY, MONDAY)


def days(value: str, first: date, last: date, calls: int) -> Iterator[dict[str, Any]]:
    """Calls with one prompt version, as many each day."""
    for n in range((last - first).days + 1):
        on = first + timedelta(days=n)
        yield {"kind": "prompt_version", "value": value, "day": on, "calls": calls, "scored": 0, "total": 0.0}


def test_of_two_changes_a_week_apart_the_first_is_named_though_more_calls_had_the_second() -> None:
    """Version 2 answered for a week, version 3 has answered since: the fall began with version 2."""
    rows = [
        *days("1", date(2026, 10, 12), date(2026, 11, 7), 15),
        *days("2", date(2026, 11, 8), date(2026, 11, 14), 14),
        *days("3", date(2026, 11, 15), date(2026, 11, 30), 18),
    ]
    (cause,) = find_causes(rows, SPAN)
    assert (cause.old, cause.new, cause.on, round(cause.share, 2)) == ("1", "2", date(2026, 11, 8), 1.0)


def test_a_change_that_comes_slowly_is_named_from_its_first_day() -> None:
    """A tenth of the calls for three days, then all: one change."""
    rows = [
        *days("1", date(2026, 10, 12), date(2026, 11, 7), 20),
        *days("1", date(2026, 11, 8), date(2026, 11, 10), 18),
        *days("2", date(2026, 11, 8), date(2026, 11, 10), 2),
        *days("2", date(2026, 11, 11), date(2026, 11, 30), 20),
    ]
    (cause,) = find_causes(rows, SPAN)
    assert (cause.old, cause.new) == ("1", "2")
    assert date(2026, 11, 8) <= cause.on <= date(2026, 11, 11)


def test_calls_that_come_rarely_are_looked_at_for_longer() -> None:
    """One call every third day: the value that came is told by more than a week of them."""
    rows = [
        {
            "kind": "prompt_version",
            "value": value,
            "day": first + timedelta(days=3 * n),
            "calls": 1,
            "scored": 0,
            "total": 0.0,
        }
        for value, first in (("1", date(2026, 10, 10)), ("2", date(2026, 11, 9)))
        for n in range(10)
    ]
    (cause,) = find_causes(rows, SPAN)
    assert (cause.old, cause.new, cause.on) == ("1", "2", date(2026, 11, 9))
