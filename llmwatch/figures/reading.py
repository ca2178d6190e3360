"""Owns an open store as the figures see it: its rows by the name of a query, and what it may lack."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ..settings import Settings
from ..store.queries import rows


@dataclass(slots=True)
class Reading:
    """An open store; `hindrances` are sentences about what it may lack."""

    con: Any
    hindrances: tuple[str, ...] = ()
    settings: Settings = field(default_factory=Settings)

    def rows(self, query: str, **parameters: Any) -> list[dict[str, Any]]:
        """The rows of a query by its name."""
        return rows(self.con, query, **parameters)
