"""Owns which words of a prompt are its task's: those of the text that most of the task's calls share."""

from __future__ import annotations

import numpy as np

from .shingles import Hashes, PromptRecord, Shingler, spoken, told, words_of

_LEAST_LETTERS = 4


def fixed_words(shingler: Shingler, record: PromptRecord, skeleton: Hashes) -> list[str]:
    """Words of four letters or more, in lower case, in the order of the record's text; each once."""
    found: dict[str, None] = {}
    for role, text in spoken(record.messages):
        written = words_of(role, text)
        words = [written[place] for _, place in told(written)]
        is_fixed = np.isin(shingler.in_order(role, text), skeleton)
        # Shingle n begins with word n - 1, for the role stands before the first word.
        for place in np.flatnonzero(is_fixed):
            for word in words[max(0, place - 1) : place + 3]:
                if len(word) >= _LEAST_LETTERS and word.isalpha():
                    found[word.lower()] = None
    return list(found)
