"""`llmwatch feedback`: scores that were given elsewhere, read from a file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from ..figures.score_files import EVIDENCE, new_records, read_rows, records_from
from ..figures.scoring import Scoring
from ..store import Store
from .options import Home, one_of, settings_for
from .reading import reading

app = typer.Typer(no_args_is_help=True)


@app.callback()
def feedback() -> None:
    """Scores of answers that users, reviewers or references gave elsewhere."""


@app.command("import")
def import_file(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV or Parquet.")],
    evidence: Annotated[
        str, typer.Option("--evidence", help="What rows without a column of that name are: feedback, label, reference.")
    ] = "feedback",
    home: Home = None,
) -> None:
    """Take in scores; doing so twice changes nothing, a corrected file replaces what it said before.

    Columns: span_id, response_id or trace_id; score (0 to 1, 1 is fully acceptable), label or false_facts; and if you
    have them score_id, evidence, name, scorer, comment, probability, scored_at.

    [dim]llmwatch feedback import thumbs.csv
    llmwatch feedback import labels.parquet --evidence label[/dim]
    """
    one_of(evidence, EVIDENCE, "--evidence")
    settings, rows = settings_for(home), read_rows(file)
    with reading(settings) as store, Scoring(settings) as scoring:
        records = records_from(rows, evidence, scoring.now_us())
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
