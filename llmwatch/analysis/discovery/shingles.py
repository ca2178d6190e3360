"""Owns how a prompt becomes a set of numbers: masked words of the ends of each message, four neighbours at a time.

Two prompts made from one template share the numbers of its fixed text. Equal on every machine and in every process.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from .moments import MASK, masked, moments

Hashes = NDArray[np.uint64]

TAIL: Final = 80
# Instructions are longer than what users write, and teams put the same header before all of theirs.
_HEADS: Final = {"system": 320, "developer": 320}
_HEAD: Final = 160
# A word and its space in nearly all prompts: a page of 50,000 words is not read to its end for its ends.
_WORD_CHARACTERS: Final = 10
# A chat of hundreds of turns says what it is for in its first and last ones.
_FIRST_MESSAGES: Final = 8
_LAST_MESSAGES: Final = 2
_REMEMBERED: Final = 4096
# Scripts that put no space between words count each letter.
_TOKEN: Final = re.compile(
    r"[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff]|[^\W\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff]+|[^\w\s]"
)
_MULTIPLIERS: Final = np.array(
    [0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0xD6E8FEB86659FD93], dtype=np.uint64
)
# Answers of tools say what the tool found, not what the prompt asks.
_SILENT_ROLES: Final = frozenset(("tool", "function"))


@dataclass(frozen=True, slots=True)
class PromptRecord:
    """One call as discovery sees it; `messages` are (role, text) in order."""

    id: str
    call_site: str | None
    tool_names: tuple[str, ...]
    response_format: str | None
    messages: Sequence[tuple[str, str]]

    @property
    def bucket(self) -> tuple[str, str]:
        """What two calls of one task always have in common."""
        return self.call_site or "", self.response_format or ""


class _Vocabulary(dict[str, int]):
    """Word -> a number of its own."""

    def __missing__(self, word: str) -> int:
        number = crc32(word.encode("utf-8", "surrogatepass")) * 2 + 1
        if len(self) < 500_000:
            self[word] = number
        return number


def words_of(role: str, text: str) -> list[str]:
    """At most the first 160 words and signs of the text (320 of a system prompt), and the last 80, as written."""
    head = _HEADS.get(role, _HEAD)
    at_start, at_end = head * _WORD_CHARACTERS, TAIL * _WORD_CHARACTERS
    if len(text) <= at_start + at_end:
        words = _TOKEN.findall(text)
        return words if len(words) <= head + TAIL else words[:head] + words[-TAIL:]
    # The word at the cut may be half a word.
    return _TOKEN.findall(text[:at_start])[:-1][:head] + _TOKEN.findall(text[-at_end:])[1:][-TAIL:]


def told(words: Sequence[str]) -> list[tuple[str, int]]:
    """(word as it counts, its place) of a text: in lower case, a number, date or time as one `#` at its first word."""
    folded = [masked(word) for word in words]
    found: list[tuple[str, int]] = []
    begin = 0
    for first, behind in moments(folded):
        found += zip(folded[begin:first], range(begin, first), strict=True)
        found.append((MASK, first))
        begin = behind
    found += zip(folded[begin:], range(begin, len(folded)), strict=True)
    return found


@dataclass(slots=True)
class Shingler:
    """Turns records into sorted distinct numbers; remembers texts, for most of them come with every call of a task."""

    _vocabulary: _Vocabulary = field(default_factory=_Vocabulary)
    _texts: dict[tuple[str, str], Hashes] = field(default_factory=dict[tuple[str, str], Hashes])

    def of(self, record: PromptRecord) -> Hashes:
        """The record's numbers, ascending; empty for a record without text."""
        parts = [self.of_message(role, text) for role, text in spoken(record.messages)]
        if not parts:
            return np.empty(0, dtype=np.uint64)
        return np.unique(np.concatenate(parts)) if len(parts) > 1 else parts[0]

    def of_message(self, role: str, text: str) -> Hashes:
        """The numbers of one message, ascending."""
        known = self._texts.get((role, text))
        if known is None:
            known = np.unique(self.in_order(role, text))
            if len(text) < 65_536:
                if len(self._texts) >= _REMEMBERED:
                    self._texts.clear()
                self._texts[role, text] = known
        return known

    def in_order(self, role: str, text: str) -> Hashes:
        """One number for each four neighbours among the words, the role at both ends."""
        edge = self._vocabulary[f"<{role}>"]
        words = told(words_of(role, text))
        numbers = [edge, *(self._vocabulary[word] for word, _ in words), edge]
        if len(numbers) < 4:
            numbers += [edge] * (4 - len(numbers))
        row = np.array(numbers, dtype=np.uint64)
        n = len(row) - 3
        mixed = row[:n] * _MULTIPLIERS[0] ^ row[1 : n + 1] * _MULTIPLIERS[1]
        mixed ^= row[2 : n + 2] * _MULTIPLIERS[2]
        mixed ^= row[3 : n + 3] * _MULTIPLIERS[3]
        mixed ^= mixed >> np.uint64(29)
        return mixed * _MULTIPLIERS[0]


def spoken(messages: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """The messages that can hold fixed text: not what tools said, and of a long chat its beginning and its end."""
    kept = [(role, text) for role, text in messages if text and role not in _SILENT_ROLES]
    if len(kept) > _FIRST_MESSAGES + _LAST_MESSAGES:
        kept = kept[:_FIRST_MESSAGES] + kept[-_LAST_MESSAGES:]
    return kept
