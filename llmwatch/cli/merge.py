"""`llmwatch merge`: what services have spooled, into the store."""

from __future__ import annotations

import sys

from ..analysis.report import counted
from ..errors import StoreError
from ..store import MergeResult, Store
from .options import Home, settings_for
from .reading import progress_on_terminal


def merge(home: Home = None) -> None:
    """Merge the spool into the store and price what is new; every reading command does so by itself.

    Calls are priced again if the price table or llmwatch.toml has changed.
    """
    settings = settings_for(home)
    with progress_on_terminal("merging") as progress:
        result = Store(settings).merge(progress=progress)
    if result.blocked:
        # A cron job must notice; a reading command goes on with what it can read.
        raise StoreError(f"Nothing was merged: {result.blocked}", "No call is lost, they stay in the spool.")
    sys.stdout.write(f"{sentence(result)}\n")


def sentence(result: MergeResult) -> str:
    """What one merge did, in words."""
    damaged = f" Left out: {counted(result.damaged_records, 'damaged record')}." if result.damaged_records else ""
    what = f"{counted(result.calls, 'call')} and {counted(result.attempts, 'HTTP attempt')}"
    return f"Merged {what} in {result.seconds:.2f} s.{damaged}"
