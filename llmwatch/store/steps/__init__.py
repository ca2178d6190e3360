"""Owns the statements that change the store or temporary tables beside it: one .sql file per step."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Final

_STEPS: Final = Path(__file__).parent


@cache
def step(name: str) -> str:
    """The text of one step."""
    return (_STEPS / f"{name}.sql").read_text("utf-8")
