"""How fast requests leave, by a clock of the test's own."""

from __future__ import annotations

import doctest

from llmwatch.runs import pace
from llmwatch.runs.pace import Pace

LIMITS = {
    "x-ratelimit-limit-requests": "100",
    "x-ratelimit-remaining-requests": "22",
    "x-ratelimit-reset-requests": "1m0s",
    "x-ratelimit-limit-tokens": "10000",
    "x-ratelimit-remaining-tokens": "9000",
    "x-ratelimit-reset-tokens": "6s",
}


def test_a_fifth_of_the_limit_is_left_to_others() -> None:
    """Of 22 requests left of 100, two may leave; the third waits until the bucket has filled enough."""
    limits = Pace()
    limits.answered(LIMITS, now=0.0)

    waits: list[float] = []
    for _ in range(3):
        waits.append(limits.wait_s(100, now=0.0))
        limits.left(100)

    assert waits[:2] == [0.0, 0.0]
    assert 0 < waits[2] < 2
    assert limits.wait_s(100, now=61.0) == 0.0


def test_a_request_that_needs_more_tokens_than_are_free_waits() -> None:
    """7,500 of 9,000 tokens would leave less than a fifth of 10,000; one larger than the limit goes when it is full."""
    limits = Pace()
    limits.answered(LIMITS, now=0.0)

    assert limits.wait_s(6_900, now=0.0) == 0.0
    assert 0 < limits.wait_s(7_500, now=0.0) <= 6.0
    assert limits.wait_s(50_000, now=6.0) == 0.0


def test_a_refusal_stops_everybody_for_as_long_as_it_says() -> None:
    """retry-after counts; without one the pause doubles, and an answer ends it."""
    limits = Pace()

    assert limits.refused({"retry-after": "3"}, now=10.0) == 3.0
    assert limits.wait_s(1, now=11.0) == 2.0
    assert [limits.refused({}, now=20.0) for _ in range(3)] == [2.0, 4.0, 8.0]
    limits.answered({}, now=40.0)
    assert limits.refused({}, now=40.0) == 1.0


def test_the_spans_of_headers_are_read() -> None:
    """The examples in the documentation hold."""
    assert doctest.testmod(pace).failed == 0
