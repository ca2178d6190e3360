"""Owns the review on paper: the sample or the pairs as a CSV file to fill in, and the filled file as records.

A file of pairs names no model and no side: its `pair` is a keyed hash that only this home can turn back.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from ..analysis.review import (
    GRADES,
    Drawn,
    Item,
    PairItem,
    Preference,
    Said,
    acceptable,
    graded,
    pair_record,
    review_record,
)
from ..errors import InputFileError
from ..figures.review import Texts
from ..figures.score_files import Rows
from ..render.inert import lines, sheet_text

ANSWER_COLUMNS: Final = (
    "call", "task", "week", "reason", "question", "answer", "acceptable", "grade", "false_facts", "comment",
    "probability",
)  # fmt: skip
PAIR_COLUMNS: Final = ("pair", "task", "question", "left", "right", "better", "comment")
_YES: Final = {"y": True, "yes": True, "a": True, "1": True, "true": True, "acceptable": True}
_NO: Final = {"n": False, "no": False, "0": False, "false": False, "not acceptable": False}
_BETTER: Final[Mapping[str, Preference]] = {
    "left": "left", "l": "left", "right": "right", "r": "right", "same": "same", "=": "same", "e": "same",
    "both bad": "both bad", "b": "both bad",
}  # fmt: skip


def answers_csv(answers: Mapping[Item, Texts]) -> str:
    """The answers, with empty columns for what a person says."""
    rows = (
        (
            *(
                item.span_id,
                item.task,
                item.week.isoformat(),
                item.reason,
                texts.question,
                texts.answer,
                "",
                "",
                "",
                "",
            ),
            "" if item.probability is None else repr(item.probability),
        )
        for item, texts in answers.items()
    )
    return _csv(ANSWER_COLUMNS, rows)


def pairs_csv(pairs: Mapping[PairItem, Texts]) -> str:
    """The pairs, blind, with an empty column for which is better."""
    rows = (
        (item.blind_id, item.task, texts.question, texts.answer, texts.other, "", "") for item, texts in pairs.items()
    )
    return _csv(PAIR_COLUMNS, rows)


def _csv(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_cell(text) for text in row])
    return written.getvalue()


def _cell(text: str) -> str:
    """Lines stay lines; nothing is a formula, whichever line it begins."""
    first, *rest = lines(text).split("\n")
    return "\n".join([sheet_text(first), *rest])


def is_of_pairs(rows: Rows) -> bool:
    """Whether the file is of pairs; InputFileError if it is of neither kind."""
    if "pair" in rows.columns:
        return True
    if "call" in rows.columns:
        return False
    raise InputFileError(
        rows.path,
        "is not a file of `llmwatch review --csv`: it has no column call or pair.",
        "Labels from elsewhere go in by: llmwatch feedback import FILE",
    )


def answer_records(
    rows: Rows, tasks: Mapping[str, str], scorer: str, now_us: Callable[[], int]
) -> list[dict[str, Any]]:
    """A record of every row that was filled in; `tasks`: call -> task of every call of the file that the store has."""
    records: list[dict[str, Any]] = []
    for line, row in rows.rows:
        said = _said(rows, line, row)
        if said is None:
            continue
        call = row["call"]
        if call not in tasks:
            raise rows.error(line, f"call {call!r} is not known here.", "Was it changed, or is it of another home?")
        drawn = Drawn(call, tasks[call], _chance(rows, line, row.get("probability", "")))
        records.append(review_record(drawn, said, scorer, now_us(), f"import {Path(rows.path).name}"))
    return records


def _chance(rows: Rows, line: int, text: str) -> float | None:
    try:
        value = float(text) if text else None
    except ValueError:
        value = 0.0
    if value is not None and not 0 < value <= 1:
        raise rows.error(line, f"probability {text!r} was changed: it is the chance with which the answer was drawn.")
    return value


def _said(rows: Rows, line: int, row: Mapping[str, str]) -> Said | None:
    word, grade = row.get("acceptable", "").lower(), row.get("grade", "")
    facts, comment = _facts(rows, line, row.get("false_facts", "")), row.get("comment", "")
    if grade:
        if grade not in {str(number) for number in range(1, GRADES + 1)}:
            raise rows.error(line, f"grade {grade!r} is not a number from 1 to {GRADES}.")
        return graded(int(grade), facts, comment)
    if word in _YES or word in _NO:
        return acceptable(word in _YES, facts, comment)
    if word:
        raise rows.error(line, f"acceptable {word!r} is neither yes nor no.")
    if facts or comment:
        raise rows.error(line, "it has a comment or made-up facts, and no score.", "Fill in acceptable or grade.")
    return None


def _facts(rows: Rows, line: int, text: str) -> int:
    if not text:
        return 0
    if not text.isascii() or not text.isdigit() or int(text) > 10_000:
        raise rows.error(line, f"false_facts {text!r} is not a whole number from 0.")
    return int(text)


def pair_records(rows: Rows, items: Iterable[PairItem], scorer: str, now_us: Callable[[], int]) -> list[dict[str, Any]]:
    """A record of every pair that was filled in."""
    known = {item.blind_id: item for item in items}
    records: list[dict[str, Any]] = []
    for line, row in rows.rows:
        word = row.get("better", "").lower()
        if not word:
            continue
        if word not in _BETTER:
            raise rows.error(line, f"better {word!r} is not left, right, same or both bad.")
        item = known.get(row["pair"])
        if item is None:
            raise rows.error(line, f"pair {row['pair']!r} is not known here.", "Was the file written in another home?")
        comment, source = row.get("comment", ""), f"import {Path(rows.path).name}"
        records.append(pair_record(item, _BETTER[word], comment, scorer, now_us(), source))
    return records
