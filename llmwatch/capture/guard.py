"""Owns the one place where capture catches exceptions: what fails in it is counted and said once, never raised."""

from __future__ import annotations

import logging
import os
from collections import Counter
from contextlib import suppress
from types import TracebackType
from typing import Final

_log: Final = logging.getLogger("llmwatch")
# Where it failed -> how often; shown by `llmwatch doctor` through the calls' defects.
failures: Final[Counter[str]] = Counter()


class Observe:
    """A block in which an Exception ends the block and nothing else; `ok` tells whether it got to its end."""

    __slots__ = ("_where", "ok")

    def __init__(self, where: str) -> None:
        self._where = where
        self.ok = False

    def __enter__(self) -> Observe:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if error is None:
            self.ok = True
            return True
        if not isinstance(error, Exception):
            return False
        report(self._where, error)
        return True


def report(where: str, error: BaseException) -> None:
    """Counts a failure of ours and logs it: once per place as a warning, then for debugging only."""
    failures[where] += 1
    level = logging.WARNING if failures[where] == 1 else logging.DEBUG
    # At the end of the stack, or in a program whose log handlers raise, even saying it can fail.
    with suppress(Exception):
        # Where it failed, not its message: an exception's text may quote what it could not read, a prompt say.
        trace = error.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        at = f"{os.path.basename(trace.tb_frame.f_code.co_filename)}:{trace.tb_lineno}" if trace else "?"  # noqa: PTH119
        _log.log(level, "llmwatch could not observe a call (%s): %s at %s", where, type(error).__name__, at)
