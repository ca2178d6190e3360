"""`llmwatch backup`: a copy of everything that llmwatch keeps, which can take its place."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from ..analysis.report import counted
from ..pasted import command
from ..store import Store
from .options import Home, settings_for


def backup(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new folder, best on another disk.")],
    home: Home = None,
) -> None:
    """Copy store, spool, key and what runs have spent into a new folder, while services and `serve` go on.

    The copy is a home of its own: read it with --home DIR, or put it back by copying it over an empty home while
    nothing runs. It holds what the store holds, content too: keep it as carefully.

    [dim]llmwatch backup /backups/llmwatch-2026-12-01
    llmwatch report --home /backups/llmwatch-2026-12-01[/dim]
    """
    done = Store(settings_for(home)).backup(folder)
    sys.stdout.write(f"{counted(done.files, 'file')}, {done.size / 2**20:,.1f} MB, in {done.folder}\n")
    sys.stdout.write(f"To look into it: {command('report', home=done.folder)}\n")
