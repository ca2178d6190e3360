"""`llmwatch show`: everything known about one call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from ..analysis.calls import Known, call_report
from ..errors import LlmwatchError, UsageError
from ..render import FORMATS
from ..settings import Settings
from .options import Format, Home, Output, one_of, settings_for
from .reading import Reading, reading, write_report

_MIN_PREFIX = 4
_LISTED = 10


def show(
    call: Annotated[
        str, typer.Argument(metavar="CALL", help="A call's id or the start of it; a response, request or trace id.")
    ],
    format_name: Format = "text",
    output: Output = None,
    home: Home = None,
) -> None:
    """Everything known about one call: tokens, cost term by term, HTTP attempts, content if it was kept.

    [dim]llmwatch show 3f2a91c0
    llmwatch show req_8d2f4c[/dim]
    """
    one_of(format_name, FORMATS, "--format")
    if len(call) < _MIN_PREFIX:
        raise UsageError(f"{call!r} is too short to name a call.", f"Give {_MIN_PREFIX} characters or more of its id.")
    settings = settings_for(home)
    with reading(settings) as store:
        known = load_call(store, call.strip())
    write_report(call_report(known), format_name, output)


def load_call(store: Reading, call: str) -> Known:
    """The one call that is named; none or several are a sentence."""
    found = store.rows("call", id=call, limit=_LISTED + 1)
    if not found:
        raise UsageError(
            f"No call is named {call!r}.", "llmwatch calls lists ids; newer calls may have another home: see --home."
        )
    if len(found) > 1:
        ids = ", ".join(
            f"{row['span_id']} ({row['started_at']:%H:%M:%S}, {row['operation_name']})" for row in found[:_LISTED]
        )
        more = " and more" if len(found) > _LISTED else ""
        raise UsageError(
            f"{call!r} names {len(found) if not more else 'many'} calls: {ids}{more}.", "Give more of one of these ids."
        )
    row = found[0]
    content = store.rows("content", span_id=row["span_id"])
    return Known(
        call=row,
        attempts=store.rows("attempts", span_id=row["span_id"]),
        content=content[0] if content else None,
        cost_terms=cost_terms(row, store.settings),
        hindrances=store.hindrances,
    )


def cost_terms(row: Mapping[str, Any], settings: Settings) -> Sequence[str]:
    """The cost as lines of units times rate, by the prices of today's table; a sentence where they cannot be had."""
    from ..prices import INCOMING_COLUMNS, explain
    from ..store.configuration import book_of

    try:
        book = book_of(settings)
        lines = explain({key: row[key] for key in INCOMING_COLUMNS if key in row}, book)
        table, ours = row.get("price_table"), book.digest()
        if table in (None, ours):
            return lines
        return [*lines, f"These are the terms of price table {ours[:8]}; the stored cost is of table {table[:8]}."]
    except LlmwatchError as e:
        return [f"The terms cannot be shown: {e}"]
