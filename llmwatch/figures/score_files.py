"""Owns how scores are read from a file of the user's: rows to records, each error with the file and its line.

A row says which answer it is of, by span, response or trace, and what is thought of it. Reading a file twice gives the
same records; those that are stored already are left out, so that nothing changes.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from ..errors import InputFileError
from .reading import Reading

EVIDENCE: Final = ("feedback", "label", "reference")
# What a column may be called -> the field that it fills.
_COLUMNS: Final[Mapping[str, str]] = {
    "score_id": "score_id",
    "call": "span_id",
    "call_id": "span_id",
    "span_id": "span_id",
    "response": "response_id",
    "response_id": "response_id",
    "trace": "trace_id",
    "trace_id": "trace_id",
    "score": "value",
    "value": "value",
    "label": "label",
    "comment": "comment",
    "evidence": "evidence",
    "name": "name",
    "scorer": "scorer",
    "false_facts": "false_facts",
    "probability": "probability",
    "scored_at": "scored_at",
}
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
    """A file's rows as column -> text, each with its line; the header is line 1."""

    path: str
    columns: tuple[str, ...]
    rows: tuple[tuple[int, Mapping[str, str]], ...]

    def error(self, line: int, problem: str, hint: str = "") -> InputFileError:
        """The error of one row."""
        return InputFileError(self.path, problem, hint, line)


def read_rows(path: Path) -> Rows:
    """The rows of a CSV or Parquet file; InputFileError if it cannot be read."""
    if path.suffix.lower() in {".parquet", ".pq"}:
        return _read_parquet(path)
    try:
        with path.open(encoding="utf-8-sig", newline="") as opened:
            # The first line of columns has more of the file's separator than of any other.
            separator = max(",;\t", key=opened.readline().count)
            opened.seek(0)
            reader = csv.DictReader(opened, restkey="", restval="", delimiter=separator)
            columns = tuple((name or "").strip().lower() for name in reader.fieldnames or ())
            rows = tuple((reader.line_num, _plain(zip(columns, row.values(), strict=False))) for row in reader)
    except OSError as e:
        raise InputFileError(str(path), f"cannot be read: {e.strerror}.") from e
    except UnicodeDecodeError as e:
        raise InputFileError(str(path), "it is not UTF-8 text.", "Save it as CSV in UTF-8.") from e
    except csv.Error as e:
        raise InputFileError(str(path), f"it is no CSV: {e}.") from e
    return Rows(str(path), columns, rows)


def _read_parquet(path: Path) -> Rows:
    import polars as pl

    try:
        frame = pl.read_parquet(path)
    except Exception as e:
        raise InputFileError(str(path), f"is not a Parquet file: {e}.") from e
    columns = tuple(name.strip().lower() for name in frame.columns)
    rows = tuple((number, _plain(zip(columns, row, strict=True))) for number, row in enumerate(frame.iter_rows(), 2))
    return Rows(str(path), columns, rows)


def _plain(pairs: Iterable[tuple[str, Any]]) -> dict[str, str]:
    return {name: "" if value is None else str(value).strip() for name, value in pairs}


def records_from(rows: Rows, evidence: str, at_us: int) -> list[dict[str, Any]]:
    """A record a row; InputFileError names the first row that cannot be understood, and nothing is recorded then."""
    fields = {name: _COLUMNS[name] for name in rows.columns if name in _COLUMNS}
    if not set(fields.values()) & set(_IDS):
        raise InputFileError(
            rows.path, "no column says which answer a row is of.", "Name one span_id, response_id or trace_id."
        )
    if not set(fields.values()) & {"value", "label", "false_facts"}:
        raise InputFileError(rows.path, "no column has a score.", "Name one score (0 to 1), label or false_facts.")
    source = f"import {Path(rows.path).name}"
    seen: dict[str, int] = {}
    return [
        _record(rows, line, {fields[k]: v for k, v in row.items() if k in fields and v}, evidence, seen)
        | {"source": source, "scored_us": _scored_us(rows, line, row.get("scored_at", ""), at_us), "recorded_us": at_us}
        for line, row in rows.rows
        if any(row.values())
    ]


def _record(rows: Rows, line: int, given: Mapping[str, str], evidence: str, seen: dict[str, int]) -> dict[str, Any]:
    ids = {name: given.get(name) for name in _IDS}
    if not any(ids.values()):
        raise rows.error(line, "nothing says which answer it is of.", "Give span_id, response_id or trace_id.")
    rung = given.get("evidence", evidence)
    if rung not in EVIDENCE:
        raise rows.error(line, f"evidence {rung!r} is not one of {', '.join(EVIDENCE)}.")
    label = given.get("label")
    # The label of a reference is the right answer itself, and no opinion.
    value = _score(rows, line, given.get("value"), None if rung == "reference" else label)
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
    try:
        return float(text)
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


def _scored_us(rows: Rows, line: int, text: str, at_us: int) -> int:
    if not text:
        return at_us
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as e:
        raise rows.error(line, f"scored_at {text!r} is not a date.", "Give 2026-11-01 or 2026-11-01T15:30.") from e
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    return int(moment.timestamp() * 1_000_000)


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
