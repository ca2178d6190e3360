"""Report as Markdown: tables and notes in which no stored text can become a link, an image, HTML or a heading."""

from __future__ import annotations

import re
from typing import Final

from ..analysis.report import Cell, Change, Column, Note, Number, Report, Row, Section, Table, Unknown
from .charts import tables_of
from .inert import lines, one_line, shortened
from .wording import UNKNOWN, cell_text, rounding_text

# Everything CommonMark or GitHub's dialect gives a meaning inside a line; a bare address is cut before its colon.
_SPECIAL: Final = re.compile(r"([\\`*_{}\[\]<>()#!|~&@$])")
_ADDRESS: Final = re.compile(r"(?i)\b(https?|ftp|mailto|www)(?=[:.])")
# Columns of higher rank are for data formats only.
_MAX_RANK: Final = 3
# Beside a sum that leaves something out; what, is said under the table.
_LEAVES_OUT: Final = "†"
# A longer name is cut; formats for programs have it whole.
_LONGEST: Final = 200


def render_md(report: Report) -> str:
    """The whole report as GitHub-flavoured Markdown."""
    parts = [*([f"# {inert(report.title)}"] if report.title else []), *(inert(line) for line in report.summary)]
    for section in report.sections:
        parts += _section(section)
    return "\n\n".join(parts) + "\n"


def inert(text: str) -> str:
    """The text, on one line, with every character that Markdown gives a meaning escaped.

    >>> inert("![x](http://a.b) <b>|")
    '\\\\!\\\\[x\\\\]\\\\(http&#8203;://a.b\\\\) \\\\<b\\\\>\\\\|'
    """
    escaped = _SPECIAL.sub(r"\\\1", one_line(text))
    return _ADDRESS.sub(r"\1&#8203;", escaped)


def _section(section: Section) -> list[str]:
    parts = [f"## {inert(section.title)}"] if section.title else []
    for table in tables_of(section):
        if table.title:
            parts.append(f"**{inert(table.title)}**")
        parts.append(_table(table))
        if reasons := _reasons(table):
            parts.append(f"{UNKNOWN} : " + "; ".join(inert(reason) for reason in reasons) + ".")
        if caveats := _caveats(table):
            parts.append(f"{_LEAVES_OUT} : " + "; ".join(inert(caveat) for caveat in caveats) + ".")
        if rounding := rounding_text(table):
            parts.append(inert(rounding))
    return [*parts, *(_note(note) for note in section.notes)]


def _reasons(table: Table) -> list[str]:
    return list(
        dict.fromkeys(
            cell.reason for row in table.rows for cell in row.cells if isinstance(cell, Unknown) and cell.reason
        )
    )


def _caveats(table: Table) -> list[str]:
    return list(dict.fromkeys(caveat for row in table.rows for cell in row.cells if (caveat := _caveat(cell))))


def _caveat(cell: Cell) -> str:
    return cell.caveat if isinstance(cell, Number | Change) else ""


def _table(table: Table) -> str:
    shown = [n for n, column in enumerate(table.columns) if column.rank <= _MAX_RANK]
    columns = [table.columns[n] for n in shown]
    rows = [_row([row.cells[n] for n in shown], row, columns) for row in table.rows]
    head = "| " + " | ".join(inert(column.title) or " " for column in columns) + " |"
    rule = "|" + "|".join(" ---: " if column.is_number else " --- " for column in columns) + "|"
    return "\n".join([head, rule, *rows])


def _row(cells: list[Cell], row: Row, columns: list[Column]) -> str:
    texts = [inert(shortened(cell_text(cell), _LONGEST)) + (_LEAVES_OUT if _caveat(cell) else "") for cell in cells]
    if row.kind == "total":
        texts = [f"**{text}**" if text else "" for text in texts]
    if row.kind == "part" and not columns[0].is_number:
        texts[0] = "&nbsp;&nbsp;" + texts[0]
    if row.verdict:
        texts[0] = f"{row.verdict}: {texts[0]}"
    return "| " + " | ".join(texts) + " |"


def _note(note: Note) -> str:
    text = "- " + " ".join(inert(part) for part in (note.text, note.remedy) if part)
    if not note.code:
        return text
    # Longer than any run of backticks inside, so that no stored text can close the block.
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", note.code)), default=0))
    block = f"{fence}\n{lines(note.code)}\n{fence}".replace("\n", "\n  ")
    return f"{text}\n\n  {block}"
