"""Owns how an edit of a prompt is shown: the changed lines with the changed words marked, little around them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from typing import Final

LONGEST: Final = 20
_WIDTH: Final = 160
# Words shown on either side of a change inside a line.
_AROUND: Final = 6
# Lines less alike than this are shown as one removed and one added.
_ALIKE: Final = 0.5
_WORD: Final = re.compile(r"\s+|\w+|[^\w\s]")


def prompt_diff(old_text: str, new_text: str, longest: int = LONGEST) -> list[str]:
    """At most `longest` lines: `- ` removed, `+ ` added, `~ ` with `[-old-]` and `{+new+}` inside; empty if equal.

    >>> prompt_diff("Be brief.\\nAnswer in English.", "Be brief.\\nAnswer in German.")
    ['~ Answer in [-English-]{+German+}.']
    """
    lines = list(_changes(old_text.splitlines(), new_text.splitlines()))
    if len(lines) > longest:
        hidden = len(lines) - longest + 1
        lines = [*lines[: longest - 1], f"… and {hidden} more changed lines"]
    return lines


def _changes(old: Sequence[str], new: Sequence[str]) -> Iterator[str]:
    matcher = SequenceMatcher(None, [_folded(line) for line in old], [_folded(line) for line in new], autojunk=False)
    for kind, a, a_end, b, b_end in matcher.get_opcodes():
        if kind != "equal":
            yield from _block(old[a:a_end], new[b:b_end])


def _block(old: Sequence[str], new: Sequence[str]) -> Iterator[str]:
    """Lines of one changed block, paired in order while they are alike."""
    for removed, added in zip(old, new, strict=False):
        words = _words_changed(removed, added)
        if words is not None:
            yield f"~ {words}"
        else:
            yield from _whole("-", removed)
            yield from _whole("+", added)
    for line in old[len(new) :]:
        yield from _whole("-", line)
    for line in new[len(old) :]:
        yield from _whole("+", line)


def _whole(sign: str, line: str) -> Iterator[str]:
    if line.strip():
        yield f"{sign} {_cut(line.strip())}"


def _words_changed(old: str, new: str) -> str | None:
    """One line with its changes marked; None where the two have too little in common."""
    a, b = _WORD.findall(old.strip()), _WORD.findall(new.strip())
    matcher = SequenceMatcher(None, a, b, autojunk=False)
    if matcher.ratio() < _ALIKE:
        return None
    parts: list[str] = []
    codes = matcher.get_opcodes()
    for place, (kind, a0, a1, b0, b1) in enumerate(codes):
        if kind == "equal":
            parts.append(_context(a[a0:a1], is_first=place == 0, is_last=place == len(codes) - 1))
            continue
        removed, added = "".join(a[a0:a1]), "".join(b[b0:b1])
        parts.append((f"[-{_cut(removed)}-]" if removed else "") + (f"{{+{_cut(added)}+}}" if added else ""))
    return "".join(parts)


def _context(words: Sequence[str], *, is_first: bool, is_last: bool) -> str:
    keep = 2 * _AROUND
    if len(words) <= 2 * keep:
        return "".join(words)
    head = "" if is_first else "".join(words[:keep])
    tail = "" if is_last else "".join(words[-keep:])
    return f"{head}…{tail}"


def _folded(line: str) -> str:
    return " ".join(line.split())


def _cut(text: str) -> str:
    return text if len(text) <= _WIDTH else text[: _WIDTH - 1] + "…"
