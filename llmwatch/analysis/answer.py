"""Owns the answer to a query of the user's own: its columns as they came, cut off only with a word about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from .report import Cell, Column, Moment, Note, Number, Report, Row, Section, Table, Text, Unknown, count, utc


@dataclass(frozen=True, slots=True)
class Asked:
    """Columns and rows; `is_truncated` if there were more."""

    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]
    is_truncated: bool
    hindrances: tuple[str, ...] = ()


def answer_report(asked: Asked) -> Report:
    """One table; a column is right-aligned if its first value is a number, NULL is a dash."""
    names = _distinct(asked.columns)
    numbers = [_is_number(next((row[n] for row in asked.rows if row[n] is not None), None)) for n in range(len(names))]
    columns = tuple(
        Column(name, name, is_number=is_number, can_wrap=not is_number)
        for name, is_number in zip(names, numbers, strict=True)
    )
    rows = tuple(Row(str(n), tuple(_cell(value) for value in row)) for n, row in enumerate(asked.rows, 1))
    notes = [Note(text) for text in asked.hindrances]
    if not rows:
        notes.insert(0, Note("No rows."))
    if asked.is_truncated:
        notes.insert(0, Note(f"Only the first {len(rows):,} rows are here, long texts cut; add a limit or aggregate."))
    facts = (("rows", count(len(rows))),)
    return Report(
        "sql",
        "",
        facts,
        sections=(Section("answer", "", (Table("answer", "row", columns, rows),), tuple(notes)),),
        main_table="answer",
        has_own_columns=True,
    )


def _distinct(names: Sequence[str]) -> list[str]:
    """Two columns of one name would be one in a format that has names for keys."""
    seen: dict[str, int] = {}
    distinct: list[str] = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        distinct.append(name if seen[name] == 1 else f"{name}_{seen[name]}")
    return distinct


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def _cell(value: Any) -> Cell:
    if value is None:
        return Unknown("")
    if isinstance(value, bool):
        return Text("true" if value else "false")
    if isinstance(value, int):
        return Number(value, "plain")
    if isinstance(value, Decimal):
        return Number(value, "plain")
    if isinstance(value, float):
        return Number(Decimal(repr(value)), "plain") if value - value == 0 else Text(str(value))
    if isinstance(value, datetime):
        return Moment(utc(value))
    return Text(str(value))
