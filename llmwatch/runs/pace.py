"""Owns how fast requests may leave: within the limits that the answers' headers tell, a fifth of them left to others.

The limits are those of the key's project, which production shares: a run that takes all of them costs answers there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

# Share of a limit that is never taken.
LEFT_TO_OTHERS: Final = 0.2
_LONGEST_S: Final = 60.0
_FIRST_PAUSE_S: Final = 1.0
_SPAN: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)")
_SECONDS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


@dataclass(slots=True)
class _Bucket:
    """One limit as the last answer told it."""

    limit: float | None = None
    left: float = 0.0
    # When it will be whole again.
    full_at: float = 0.0

    def wait_s(self, wanted: float, now: float) -> float:
        if self.limit is None or now >= self.full_at:
            return 0.0
        # It fills evenly until it is full.
        floor = min(self.limit * LEFT_TO_OTHERS, self.limit - wanted)
        missing = floor + wanted - self.left
        if missing <= 0:
            return 0.0
        empty = max(self.limit - self.left, 1e-9)
        return min((self.full_at - now) * min(missing / empty, 1.0), _LONGEST_S)


@dataclass(slots=True)
class Pace:
    """Asked before each request, told every answer; not safe for threads, its owner holds a lock."""

    _requests: _Bucket = field(default_factory=_Bucket)
    _tokens: _Bucket = field(default_factory=_Bucket)
    _not_before: float = 0.0
    _refusals: int = 0

    def wait_s(self, tokens: int, now: float) -> float:
        """Seconds until a request of this size may leave; 0: at once."""
        pause = self._not_before - now
        return max(pause, self._requests.wait_s(1, now), self._tokens.wait_s(tokens, now), 0.0)

    def left(self, tokens: int) -> None:
        """A request has left and takes its part until an answer tells otherwise."""
        self._requests.left -= 1
        self._tokens.left -= tokens

    def answered(self, headers: Mapping[str, str], now: float) -> None:
        """Takes the limits over from the headers of an answer."""
        self._refusals = 0
        self._read(headers, now)

    def refused(self, headers: Mapping[str, str], now: float) -> float:
        """A 429: nobody sends before the time it names, or before a growing pause; returns that pause in seconds."""
        self._read(headers, now)
        self._refusals += 1
        named = _retry_after_s(headers)
        pause = min(_FIRST_PAUSE_S * 2 ** (self._refusals - 1), _LONGEST_S) if named is None else named
        self._not_before = max(self._not_before, now + pause)
        return pause

    def _read(self, headers: Mapping[str, str], now: float) -> None:
        for bucket, name in ((self._requests, "requests"), (self._tokens, "tokens")):
            limit, left = (_number(headers.get(f"x-ratelimit-{what}-{name}")) for what in ("limit", "remaining"))
            if limit and left is not None:
                bucket.limit, bucket.left = limit, left
                bucket.full_at = now + min(seconds(headers.get(f"x-ratelimit-reset-{name}")) or 0.0, 3600.0)


def seconds(text: str | None) -> float | None:
    """`6m0s`, `20ms` or a bare number as seconds; None if it is neither.

    >>> seconds("1m30.5s"), seconds("20ms"), seconds("2"), seconds("soon")
    (90.5, 0.02, 2.0, None)
    """
    if not text:
        return None
    bare = _number(text)
    if bare is not None:
        return bare
    parts = _SPAN.findall(text)
    if not parts or "".join(f"{count}{unit}" for count, unit in parts) != text.strip():
        return None
    return sum(float(count) * _SECONDS[unit] for count, unit in parts)


def _retry_after_s(headers: Mapping[str, str]) -> float | None:
    milliseconds = _number(headers.get("retry-after-ms"))
    named = milliseconds / 1000 if milliseconds is not None else _number(headers.get("retry-after"))
    return None if named is None else min(max(named, 0.0), _LONGEST_S)


def _number(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if 0 <= value < 1e12 else None
