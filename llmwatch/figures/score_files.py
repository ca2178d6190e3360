"""Owns how scores are read from a file of the user's: rows to records, each error with the file and its line.

A row says which answer it is of, by span, response or trace, and what is thought of it. Reading a file twice gives the
same records; those that are stored already are left out, so that nothing changes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from ..errors import InputFileError, UsageError
from .notation import Notation, Order, notation_of
from .reading import Reading
from .table_file import TableFile, listed, plain, read_table, text_of

EVIDENCE: Final = ("feedback", "label", "reference")
# Field -> headings that mean it, those of Langfuse's exports among them; compared without case and punctuation.
COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "span_id": ("span_id", "call", "call_id"),
    "response_id": ("response_id", "response", "completion_id"),
    "trace_id": ("trace_id", "trace"),
    "score": ("score", "value", "rating"),
    "label": ("label", "string_value"),
    "comment": ("comment", "comments"),
    "evidence": ("evidence",),
    "name": ("name", "score_name"),
    "scorer": ("scorer", "author", "author_user_id", "reviewer"),
    "false_facts": ("false_facts",),
    "probability": ("probability",),
    "scored_at": ("scored_at", "timestamp"),
    "score_id": ("score_id",),
}
NONE: Final = "-"
_WORDS: Final[Mapping[str, float]] = {
    **dict.fromkeys(("acceptable", "good", "yes", "true", "up", "correct", "right", "pass", "thumbs_up"), 1.0),
    **dict.fromkeys(
        ("not acceptable", "unacceptable", "bad", "no", "false", "down", "incorrect", "wrong", "fail", "thumbs_down"),
        0.0,
    ),
}
_IDS: Final = ("span_id", "response_id", "trace_id")
_MAX_TEXT: Final = 4096


@dataclass(frozen=True, slots=True)
class Rows:
    """A file's rows as column -> text, each with its line; columns are in lower case."""

    path: str
    columns: tuple[str, ...]
    rows: tuple[tuple[int, Mapping[str, str]], ...]
    table: TableFile

    def error(self, line: int, problem: str, hint: str = "") -> InputFileError:
        """The error of one row."""
        return InputFileError(self.path, problem, hint, line)


def read_rows(path: Path, *, sheet: str | None = None, encoding: str | None = None) -> Rows:
    """The rows of a CSV, Excel, OpenDocument or Parquet file; InputFileError if it cannot be read."""
    table = read_table(path, sheet=sheet, encoding=encoding)
    columns = tuple(name.lower() for name in table.columns)
    rows = tuple((line, dict(zip(columns, map(text_of, cells), strict=True))) for line, cells in table.rows)
    return Rows(str(path), columns, rows, table)


def _fields(rows: Rows, mapping: Mapping[str, str]) -> dict[str, str]:
    """Field -> column, by `mapping` (field -> heading, - for none) and else by name."""
    found: dict[str, str] = {}
    for field, words in COLUMNS.items():
        if field in mapping:
            if mapping[field] == NONE:
                continue
            if mapping[field].lower() not in rows.columns:
                problem = f"--map {field}={mapping[field]}: {rows.path} has no such column."
                raise UsageError(problem, f"It has {listed(rows.table.columns)}.")
            found[field] = mapping[field].lower()
            continue
        meant = {plain(word) for word in words}
        present = [name for name in rows.columns if plain(name) in meant]
        if len(present) > 1 and any(len({row[name] for name in present}) > 1 for _, row in rows.rows):
            problem = f"{rows.path}: {listed(present)} could all be the {field.replace('_', ' ')}."
            raise UsageError(problem, f"Say which: --map {field}={present[0]!r}")
        if present:
            found[field] = present[0]
    return found


def records_from(
    rows: Rows, evidence: str, at_us: int, mapping: Mapping[str, str] | None = None, order: Order | None = None
) -> list[dict[str, Any]]:
    """A record a row; InputFileError names the first row that cannot be understood, and nothing is recorded then."""
    fields = _fields(rows, mapping or {})
    columns = f"It has {listed(rows.table.columns)}."
    if not fields.keys() & set(_IDS):
        hint = f"{columns} Name one span_id, response_id or trace_id, or say it: --map response_id=COLUMN."
        raise InputFileError(rows.path, "no column says which answer a row is of.", hint)
    if not fields.keys() & {"score", "label", "false_facts"}:
        hint = f"{columns} Name one score (0 to 1), label or false_facts, or say it: --map score=COLUMN."
        raise InputFileError(rows.path, "no column has a score.", hint)
    source = f"import {Path(rows.path).name}"
    dates = ((line, row.get(fields.get("scored_at", ""), "")) for line, row in rows.rows)
    notation = notation_of(rows.table, (), (), dates, order=order)
    seen: dict[str, int] = {}
    records: list[dict[str, Any]] = []
    for line, row in rows.rows:
        given = {field: row[name] for field, name in fields.items() if row[name]}
        record = _record(rows, line, given, evidence, seen)
        scored_us = _scored_us(rows, line, given.get("scored_at", ""), at_us, notation)
        records.append(record | {"source": source, "scored_us": scored_us, "recorded_us": at_us})
    return records


def _record(rows: Rows, line: int, given: Mapping[str, str], evidence: str, seen: dict[str, int]) -> dict[str, Any]:
    ids = {name: given.get(name) for name in _IDS}
    if not any(ids.values()):
        raise rows.error(line, "nothing says which answer it is of.", "Give span_id, response_id or trace_id.")
    rung = given.get("evidence", evidence)
    if rung not in EVIDENCE:
        raise rows.error(line, f"evidence {rung!r} is not one of {', '.join(EVIDENCE)}.")
    label = given.get("label")
    # The label of a reference is the right answer itself, and no opinion.
    value = _score(rows, line, given.get("score"), None if rung == "reference" else label)
    facts = _whole(rows, line, given.get("false_facts"))
    if value is None and label is None and facts is None:
        raise rows.error(line, "it has neither a score nor a label nor a number of false facts.")
    record: dict[str, Any] = {
        **ids,
        "name": given.get("name", "quality"),
        "value": value,
        "label": label,
        "evidence": rung,
        "scorer": given.get("scorer"),
        "false_facts": facts,
        "probability": _chance(rows, line, given.get("probability")),
        "comment": (given.get("comment") or "")[:_MAX_TEXT] or None,
    }
    return record | {"score_id": given.get("score_id") or _own_id(record, seen)}


def _own_id(record: Mapping[str, Any], seen: dict[str, int]) -> str:
    """The same for the same row of the same file: a corrected score replaces the one before."""
    parts = [record[name] or "" for name in (*_IDS, "name", "evidence", "scorer")]
    digest = sha256("\x1f".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:24]
    seen[digest] = seen.get(digest, 0) + 1
    return f"import_{digest}" if seen[digest] == 1 else f"import_{digest}_{seen[digest]}"


def _score(rows: Rows, line: int, text: str | None, label: str | None) -> float | None:
    given = text or label
    if given is None:
        return None
    word = _WORDS.get(given.lower().replace("-", "_"), _WORDS.get(given.lower()))
    if word is not None:
        return word
    value = _number(given)
    if text is None:
        # A label that is a class or the right answer itself, no opinion.
        return value if value is not None and 0 <= value <= 1 else None
    if value is None or not 0 <= value <= 1:
        raise rows.error(line, f"score {text!r} is not between 0 and 1.", "1 is fully acceptable, 0 is not at all.")
    return value


def _number(text: str) -> float | None:
    # Numbers of scores are small: a comma in one is a decimal comma.
    try:
        return float(re.sub(r"^(-?\d*),(\d+)$", r"\1.\2", text))
    except ValueError:
        return None


def _whole(rows: Rows, line: int, text: str | None) -> int | None:
    if text is None:
        return None
    value = _number(text)
    if value is None or value < 0 or value != int(value):
        raise rows.error(line, f"false_facts {text!r} is not a whole number from 0.")
    return int(value)


def _chance(rows: Rows, line: int, text: str | None) -> float | None:
    value = None if text is None else _number(text)
    if text is not None and (value is None or not 0 < value <= 1):
        raise rows.error(line, f"probability {text!r} is not above 0 and at most 1.")
    return value


def _scored_us(rows: Rows, line: int, text: str, at_us: int, notation: Notation) -> int:
    try:
        moment = notation.moment(text)
    except ValueError as e:
        raise rows.error(line, f"scored_at {e}.") from e
    return at_us if moment is None else int(moment.replace(tzinfo=UTC).timestamp() * 1_000_000)


_COMPARED: Final = (
    "span_id", "response_id", "trace_id", "name", "value", "label", "evidence", "scorer", "false_facts", "probability",
    "comment", "difference", "replay_id",
)  # fmt: skip


def new_records(store: Reading, records: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The records that would change something: not stored under their id, or stored with other content."""
    given = list(records)
    stored = {row["score_id"]: row for row in store.rows("scores_stated", names=[r["score_id"] for r in given])}
    for record in given:
        found = stored.get(record["score_id"])
        if found is None:
            yield record
        elif any(found[name] != record.get(name) for name in _COMPARED):
            # Later than what it corrects, whatever moment the file states.
            after = int(found["scored_at"].replace(tzinfo=UTC).timestamp() * 1_000_000) + 1
            yield record | {"scored_us": max(record["scored_us"], after)}
