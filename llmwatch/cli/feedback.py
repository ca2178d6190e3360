"""`llmwatch feedback`: scores that were given elsewhere, read from a file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from ..figures.score_files import COLUMNS, EVIDENCE, new_records, read_rows, records_from
from ..figures.scoring import Scoring
from ..store import Store
from .options import Home, mapping_of, one_of, optional_one_of, settings_for
from .reading import reading

app = typer.Typer(no_args_is_help=True)


@app.callback()
def feedback() -> None:
    """Scores of answers that users, reviewers or references gave elsewhere."""


@app.command("import")
def import_file(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV, Excel, OpenDocument or Parquet.")],
    evidence: Annotated[
        str, typer.Option("--evidence", help="What rows without a column of that name are: feedback, label, reference.")
    ] = "feedback",
    maps: Annotated[
        list[str] | None,
        typer.Option("--map", help="FIELD=COLUMN, where the name does not say it; - for none.", show_default=False),
    ] = None,
    dates: Annotated[str | None, typer.Option("--dates", help="day-first or month-first.", show_default=False)] = None,
    sheet: Annotated[str | None, typer.Option("--sheet", help="Sheet of a workbook.", show_default=False)] = None,
    encoding: Annotated[
        str | None, typer.Option("--encoding", help="Encoding of a CSV that is not Unicode.", show_default=False)
    ] = None,
    home: Home = None,
) -> None:
    """Take in scores; doing so twice changes nothing, a corrected file replaces what it said before.

    Columns: span_id, response_id or trace_id; score (0 to 1, 1 is fully acceptable), label or false_facts; and if you
    have them score_id, evidence, name, scorer, comment, probability, scored_at. Case, spaces and punctuation of a
    heading do not matter: Response ID and traceId are known.

    [dim]llmwatch feedback import thumbs.csv
    llmwatch feedback import labels.xlsx --evidence label --map "score=Is it right?"[/dim]
    """
    one_of(evidence, EVIDENCE, "--evidence")
    mapping = mapping_of(maps or (), tuple(COLUMNS))
    order = optional_one_of(dates, ("day-first", "month-first"), "--dates")
    settings, rows = settings_for(home), read_rows(file, sheet=sheet, encoding=encoding)
    with reading(settings) as store, Scoring(settings) as scoring:
        records = records_from(rows, evidence, scoring.now_us(), mapping, order)
        fresh = list(new_records(store, records))
        for record in fresh:
            scoring.keep(record)
    Store(settings).merge()
    with reading(settings) as store:
        names = [record["score_id"] for record in records]
        lost = store.rows("unresolved_scores", names=names)[0]["unresolved"]
    sys.stdout.write(f"{len(fresh):,} saved, {len(records) - len(fresh):,} known already.\n")
    if lost:
        sys.stdout.write(f"Of {lost:,} the call is not in the store: counted once it arrives.\n")
