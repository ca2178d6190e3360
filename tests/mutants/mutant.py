"""One changed place in one file, and the name that it keeps when its file is moved or its lines are."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

_AROUND = 48


@dataclass(frozen=True)
class Mutant:
    """`where` is a function, or a statement's file without its folder; `change` reads "before -> after"."""

    path: Path
    where: str
    change: str
    # Bytes [start, end) of the file become `after`.
    start: int
    end: int
    after: str

    @property
    def key(self) -> str:
        """What it is known by in survivors.toml and in the order of the draw."""
        return f"{self.where}: {self.change}"

    def mutated(self, original: bytes) -> bytes:
        """The whole file with the change in it."""
        return original[: self.start] + self.after.encode() + original[self.end :]


def changed(before: str, after: str) -> str:
    """Both texts on one line, cut down to what surrounds their difference."""
    before, after = (re.sub(r"\s+", " ", text).strip() for text in (before, after))
    head = next(
        (i for i, (a, b) in enumerate(zip(before, after, strict=False)) if a != b), min(len(before), len(after))
    )
    rest = min(len(before), len(after)) - head
    tail = next((i for i in range(rest) if before[-1 - i] != after[-1 - i]), rest)
    return f"{_cut(before, head, tail)} -> {_cut(after, head, tail)}"


def _cut(text: str, head: int, tail: int) -> str:
    first, last = max(head - _AROUND, 0), min(len(text) - tail + _AROUND, len(text))
    return ("..." if first else "") + text[first:last] + ("..." if last < len(text) else "")


def told_apart(mutants: Iterable[Mutant]) -> list[Mutant]:
    """Of those with one key, the second and later ones get a number."""
    seen: Counter[str] = Counter()
    found: list[Mutant] = []
    for mutant in mutants:
        seen[mutant.key] += 1
        number = seen[mutant.key]
        found.append(mutant if number == 1 else replace(mutant, change=f"{mutant.change} #{number}"))
    return found


def drawn(mutants: Iterable[Mutant], how_many: int, seed: int, is_sound: Callable[[Mutant], bool]) -> list[Mutant]:
    """A draw that a change elsewhere in the code does not change: the lowest digests of seed and key."""

    def digest(mutant: Mutant) -> str:
        return hashlib.sha256(f"{seed} {mutant.key}".encode()).hexdigest()

    return list(islice(filter(is_sound, sorted(mutants, key=digest)), how_many))
