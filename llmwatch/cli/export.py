"""`llmwatch export`: the store's tables as files for other tools."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from ..store import Store
from .options import Home, one_of, settings_for
from .reading import merged

KINDS = ("parquet",)


def export(
    kind: Annotated[str, typer.Argument(metavar="KIND", help="parquet.")],
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="A new or empty folder.")],
    home: Home = None,
) -> None:
    """Write every table as Parquet (zstd) into a folder.

    [dim]llmwatch export parquet ./llmwatch-2026-11[/dim]
    """
    one_of(kind, KINDS, "KIND")
    store = Store(settings_for(home))
    for sentence in merged(store):
        sys.stderr.write(f"llmwatch: note: {sentence}\n")
    written = store.export_parquet(directory)
    for table, number in written.items():
        sys.stdout.write(f"{number:>12,}  {table}\n")
    sys.stdout.write(f"written to {directory}\n")
