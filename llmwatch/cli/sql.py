"""`llmwatch sql`: one query of the user's own, run where it can harm nothing."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from ..analysis.answer import Asked, answer_report
from ..errors import UsageError
from ..render import FORMATS
from ..store import Store
from .options import Format, Home, Output, one_of, settings_for
from .reading import merged, write_report


def sql(
    query: Annotated[str, typer.Argument(metavar="QUERY", help="One SELECT; - reads it from standard input.")],
    format_name: Format = "text",
    output: Output = None,
    home: Home = None,
) -> None:
    """Ask the store in SQL: read-only, in a process of its own, with limits on time, memory and rows.

    [dim]llmwatch sql "select model, count(*), sum(cost_usd) from call_facts group by all"
    llmwatch sql "show tables"[/dim]
    """
    one_of(format_name, FORMATS, "--format")
    text = sys.stdin.read() if query == "-" else query
    if not text.strip():
        raise UsageError("The query is empty.", 'llmwatch sql "show tables" lists what can be asked.')
    store = Store(settings_for(home))
    hindrances = merged(store)
    answer = store.sql(text)
    report = answer_report(Asked(answer.columns, answer.rows, answer.is_truncated, hindrances))
    write_report(report, format_name, output)
    if format_name == "csv":
        for note in report.sections[0].notes:
            sys.stderr.write(f"llmwatch: note: {note.text}\n")
