"""Owns how a check of the dashboards is told: one line per query, and what failed first."""

from __future__ import annotations

from collections.abc import Sequence

from ..analysis.report import Column, Note, Report, Row, Section, Table, Text, Unknown, count, milliseconds
from .check import Checked

_COLUMNS = (
    Column("dashboard", "dashboard", is_number=False),
    Column("kind", "kind", is_number=False),
    Column("name", "name", is_number=False, can_wrap=True),
    Column("rows", "rows"),
    Column("ms", "time"),
    Column("error", "error", is_number=False, can_wrap=True),
)


def checked_report(checked: Sequence[Checked], hindrances: Sequence[str] = ()) -> Report:
    """One table of all queries, in the order in which they were asked."""
    failed = sum(bool(one.error) for one in checked)
    slowest = max((one.ms for one in checked), default=None)
    rows = tuple(
        Row(
            str(n),
            (
                Text(one.board),
                Text(one.kind),
                Text(one.name),
                Unknown("it was not answered") if one.error else count(one.rows),
                milliseconds(one.ms, ""),
                Text(one.error, "bad"),
            ),
            "fail" if one.error else "ok",
        )
        for n, one in enumerate(checked, 1)
    )
    return Report(
        "dashboards check",
        "",
        (
            ("queries", count(len(checked))),
            ("failed", count(failed)),
            ("slowest", milliseconds(slowest, "nothing was asked")),
        ),
        sections=(
            Section("check", "", (Table("check", "query", _COLUMNS, rows),), tuple(Note(text) for text in hindrances)),
        ),
        main_table="check",
    )
