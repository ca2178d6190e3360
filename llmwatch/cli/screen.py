"""Owns what is known of the screen: its width, and whether colour means anything on it."""

from __future__ import annotations

import os
import shutil
import sys
from typing import Final

# What a pipe gets: wide enough for every table's important columns, narrow enough for a mail.
PIPE_WIDTH: Final = 110


def screen_width(is_stdout: bool) -> int:
    """Columns to write: those of the terminal or of COLUMNS, within reason."""
    if is_stdout and (sys.stdout.isatty() or os.environ.get("COLUMNS")):
        return min(max(shutil.get_terminal_size((PIPE_WIDTH, 24)).columns, 60), 200)
    return PIPE_WIDTH


def has_color() -> bool:
    """A terminal that was not asked to be plain (https://no-color.org)."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
