"""Answers reviews in place of a person: fills in the files of `llmwatch review --csv` by a rule."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping
from pathlib import Path

Row = Mapping[str, str]


def fill_in(path: Path, says: Callable[[Row], Mapping[str, str]]) -> int:
    """Every row gets what the rule says of it; returns how many rows there are.

    For answers the rule gives acceptable (yes, no), grade (1 to 5), false_facts or comment; for pairs better (left,
    right, same, both bad) or comment.
    """
    rows = list(csv.DictReader(io.StringIO(path.read_text("utf-8"), newline="")))
    with path.open("w", encoding="utf-8", newline="") as opened:
        writer = csv.DictWriter(opened, list(rows[0]) if rows else ["call"], lineterminator="\n")
        writer.writeheader()
        writer.writerows({**row, **says(row)} for row in rows)
    return len(rows)


def better_by(is_good: Callable[[str, Row], bool]) -> Callable[[Row], Mapping[str, str]]:
    """The rule for pairs of somebody who can tell a good answer from a bad one, and no more."""

    def says(row: Row) -> Mapping[str, str]:
        left, right = is_good(row["left"], row), is_good(row["right"], row)
        word = ("same" if left else "both bad") if left == right else "left" if left else "right"
        return {"better": word}

    return says
