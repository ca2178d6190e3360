"""Reads a table out of a user's file: CSV in any delimiter and Unicode encoding, Excel and OpenDocument, Parquet.

Cells of CSV are text; cells of the others keep their types. Which heading means what is the caller's matter.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from ..errors import InputFileError, UsageError

Progress = Callable[[int, int], None]

_DELIMITERS: Final = ";\t,|"
# Lines that are looked at to find the delimiter and the headings.
_HEAD_LINES: Final = 50
_SHEETS: Final = (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods")
# The longest first: the mark of UTF-32 starts with that of UTF-16.
_MARKS: Final = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


@dataclass(frozen=True, slots=True)
class TableFile:
    """A file's headings and its rows, each with its line (row of the sheet or file); rows without any cell are left
    out. `delimiter` is empty where cells have types."""

    path: str
    columns: tuple[str, ...]
    rows: list[tuple[int, Sequence[Any]]]
    delimiter: str = ""

    def error(self, line: int | None, problem: str, hint: str = "") -> InputFileError:
        """The error of one line of this file."""
        return InputFileError(self.path, problem, hint, line)


@lru_cache(10_000)
def plain(heading: str) -> str:
    """A heading without case, accents, spaces and punctuation: equal where two spellings mean one.

    >>> plain("Response ID"), plain("responseId"), plain("response_id"), plain("Währung")
    ('responseid', 'responseid', 'responseid', 'wahrung')
    """
    return re.sub(r"[^a-z0-9]", "", unicodedata.normalize("NFKD", heading).lower())


def text_of(cell: object) -> str:
    """The cell as text without spaces around it; nothing is the empty text."""
    return "" if cell is None else str(cell).strip()


def read_table(
    path: Path, *, sheet: str | None = None, encoding: str | None = None, progress: Progress | None = None
) -> TableFile:
    """The table of the file, by the ending of its name; anything but Excel, OpenDocument and Parquet is read as CSV.

    Raises InputFileError where it cannot be read, UsageError where a workbook has several sheets and none is named.
    """
    ending = path.suffix.lower()
    if ending in (".parquet", ".pq"):
        return _parquet(path)
    if ending in _SHEETS:
        return _workbook(path, sheet)
    return _csv(path, encoding, progress)


# --- CSV


def _csv(path: Path, encoding: str | None, progress: Progress | None) -> TableFile:
    text = _decoded(path, encoding)
    named = re.match(r"sep=(.)\r?\n", text, re.IGNORECASE)
    delimiter = named[1] if named else _delimiter(text)
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    if named:
        next(lines)
    return _headed(path, _csv_lines(path, lines, text.count("\n") + 1, progress), delimiter)


def _decoded(path: Path, encoding: str | None) -> str:
    try:
        content = path.read_bytes()
    except OSError as e:
        raise InputFileError(str(path), f"it cannot be read: {e.strerror}.") from e
    try:
        return content.decode(encoding or _encoding(content))
    except (UnicodeDecodeError, LookupError) as e:
        if encoding:
            raise InputFileError(str(path), f"it is not {encoding} text.", "Name its encoding with --encoding.") from e
        hint = "Save it as CSV in UTF-8, or name its encoding: --encoding cp1252 is that of Windows in the West."
        raise InputFileError(str(path), "it is not UTF-8 text.", hint) from e


def _encoding(content: bytes) -> str:
    for mark, name in _MARKS:
        if content.startswith(mark):
            return name
    head = content[:2000]
    # Text of a table has no zero bytes in UTF-8; in UTF-16 every other byte of its delimiters is one.
    if b"\0" in head:
        return "utf-16-le" if head[1::2].count(0) >= head[::2].count(0) else "utf-16-be"
    return "utf-8"


def _delimiter(text: str) -> str:
    """The one that cuts most of the first lines into equally many cells, and into many."""
    head = "".join(io.StringIO(text, newline="").readlines(200_000)[:_HEAD_LINES])
    return max(_DELIMITERS, key=lambda one: (_fit(head, one), -_DELIMITERS.index(one)))


def _fit(head: str, delimiter: str) -> int:
    try:
        lines = csv.reader(io.StringIO(head, newline=""), delimiter=delimiter)
        widths = Counter(len(cells) for cells in lines if cells)
    except csv.Error:
        return 0
    return max(((width - 1) * lines for width, lines in widths.items()), default=0)


def _csv_lines(path: Path, lines: Any, total: int, progress: Progress | None) -> Iterator[tuple[int, Sequence[Any]]]:
    try:
        for cells in lines:
            if progress is not None and lines.line_num % 20_000 == 0:
                progress(lines.line_num, total)
            yield lines.line_num, cells
    except csv.Error as e:
        raise InputFileError(str(path), f"it is not valid CSV: {e}.", line=lines.line_num) from e


# --- files with typed cells


def _parquet(path: Path) -> TableFile:
    import polars as pl

    try:
        frame = pl.read_parquet(path)
    except (OSError, pl.exceptions.PolarsError) as e:
        raise InputFileError(str(path), f"it cannot be read as Parquet: {str(e).splitlines()[0][:200]}.") from e
    return TableFile(str(path), tuple(frame.columns), list(enumerate(frame.iter_rows(), 1)))


def _workbook(path: Path, sheet: str | None) -> TableFile:
    from python_calamine import CalamineError, CalamineWorkbook

    try:
        with CalamineWorkbook.from_path(path) as book:
            filled = [name for name in book.sheet_names if book.get_sheet_by_name(name).height > 1]
            if sheet is not None and sheet not in book.sheet_names:
                raise UsageError(f"--sheet {sheet}: {path} has no such sheet.", f"It has {listed(book.sheet_names)}.")
            if sheet is None and len(filled) > 1:
                problem = f"{path}: several sheets have rows: {listed(filled)}."
                raise UsageError(problem, f"Name one: --sheet {filled[0]!r}")
            name = sheet or next(iter(filled or book.sheet_names))
            cells = book.get_sheet_by_name(name).to_python(skip_empty_area=False)
    except (OSError, CalamineError) as e:
        raise InputFileError(str(path), f"it cannot be read as a workbook: {str(e)[:200]}.") from e
    return _headed(path, enumerate(cells, 1), "")


def listed(names: Iterable[str]) -> str:
    """The names in quotes, for a sentence."""
    return ", ".join(map(repr, names))


# --- headings and rows


def _headed(path: Path, lines: Iterable[tuple[int, Sequence[Any]]], delimiter: str) -> TableFile:
    """The headings are the first line of two cells; titles above them are passed over."""
    filled = [(line, cells) for line, cells in lines if any(text_of(cell) for cell in cells)]
    if not filled:
        raise InputFileError(str(path), "it is empty.")
    first = next((n for n, (_, cells) in enumerate(filled[:_HEAD_LINES]) if sum(map(bool, map(text_of, cells))) > 1), 0)
    names = [text_of(cell) for cell in filled[first][1]]
    while names and not names[-1]:
        names.pop()
    width, rows = len(names), filled[first + 1 :]
    for n, (line, cells) in enumerate(rows):
        if len(cells) == width:
            continue
        if len(cells) < width or any(text_of(cell) for cell in cells[width:]):
            raise InputFileError(str(path), f"{len(cells)} cells where {width} columns are named.", line=line)
        rows[n] = (line, cells[:width])
    return TableFile(str(path), tuple(names), rows, delimiter)
