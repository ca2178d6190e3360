"""`llmwatch merge`: what services have spooled, into the store."""

from __future__ import annotations

import sys

from ..analysis.report import counted
from ..errors import StoreError
from ..store import MergeResult, Store
from .options import Home, settings_for
from .reading import progress_on_terminal, say_notes


def merge(home: Home = None) -> None:
    """Merge the spool into the store and price what is new; every reading command does so by itself.

    Adopts the configuration that is found, in place of a different one of the store. Calls without a price get the one
    that the price table now has; `llmwatch reprice` prices all others again.
    """
    with progress_on_terminal("merging") as progress:
        store = Store(settings_for(home))
        result = store.merge(progress=progress, adopts=True)
    say_notes(store)
    if result.blocked:
        # A cron job must notice; a reading command goes on with what it can read.
        raise StoreError(f"Nothing was merged: {result.blocked}", "No call is lost, they stay in the spool.")
    sys.stdout.write(f"{sentence(result)}\n")


def sentence(result: MergeResult) -> str:
    """What one merge did, in words."""
    damaged = f" Left out: {counted(result.damaged_records, 'damaged record')}." if result.damaged_records else ""
    what = f"{counted(result.calls, 'call')} and {counted(result.attempts, 'HTTP attempt')}"
    return f"Merged {what} in {result.seconds:.2f} s.{damaged}"
