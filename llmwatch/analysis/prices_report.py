"""Turns rows about prices into reports: the list, one model's terms, the history, differences and checks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Final

from .report import Cell, Column, Note, Number, Report, Row, Section, Table, Text, Unknown

# Rate -> its title; US dollars per million tokens unless the title says another unit.
TITLES: Final[Mapping[str, str]] = {
    "input": "input",
    "cached_input": "cached input",
    "cache_write": "cache write",
    "cache_write_12h": "12-hour cache write",
    "output": "output",
    "audio_input": "audio input",
    "cached_audio_input": "cached audio input",
    "audio_output": "audio output",
    "image_input": "image input",
    "cached_image_input": "cached image input",
    "image_output": "image output",
    "long_input": "long input",
    "long_cached_input": "long cached input",
    "long_cache_write": "long cache write",
    "long_cache_write_12h": "long 12-hour cache write",
    "long_output": "long output",
    "web_search": "web search, per 1,000",
    "web_search_preview": "web search preview, per 1,000",
    "file_search": "file search, per 1,000",
    "request": "request, per 1,000",
    "characters": "characters, per million",
    "audio_hour": "audio, per hour",
}


def rate_cell(value: object, reason: str = "no price") -> Cell:
    """A rate with every digit it has, a day, or why there is none."""
    if isinstance(value, Decimal):
        return Number(value.normalize() if value else Decimal(0), "plain")
    return Text(str(value)) if isinstance(value, date) or value else Unknown(reason)


def rate_table(key: str, subject: str, names: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> Table:
    """A table of named columns; `key` of each row is its name for programs. Cells that are rates are numbers."""
    made = [row for row in rows]
    numbers = {name for name in names if all(isinstance(row.get(name), Decimal | None) for row in made)}
    columns = tuple(
        Column(name, TITLES.get(name, name.replace("_", " ")), is_number=name in numbers, can_wrap=name not in numbers)
        for name in names
    )
    return Table(
        key, subject, columns, tuple(Row(str(r["key"]), tuple(rate_cell(r.get(n)) for n in names)) for r in made)
    )


def prices_report(
    kind: str, facts: Mapping[str, str], summary: Sequence[str], table: Table, notes: Sequence[str] = ()
) -> Report:
    """One table, what it is about, and what is to be known of it."""
    section = Section(kind, "PRICES", (table,) if table.rows else (), tuple(Note(text) for text in notes))
    said = tuple((name, Text(text)) for name, text in facts.items())
    return Report(f"prices_{kind}", f"llmwatch prices {kind}", said, tuple(summary), (section,), main_table=table.key)
