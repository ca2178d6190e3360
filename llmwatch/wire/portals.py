"""Owns what a client keeps on its connection between messages: prepared statements, and portals with unfetched rows."""

from __future__ import annotations

from dataclasses import dataclass, field

from .protocol import Bind
from .statements import Statement


@dataclass(slots=True)
class Prepared:
    """A statement that was parsed; None if it is empty."""

    statement: Statement | None
    oids: tuple[int, ...]
    # Result types as they were described, which every later run keeps to.
    described: list[int] | None = None


@dataclass(slots=True)
class Portal:
    """A bound statement, and the rows of it that were not fetched yet."""

    prepared: Prepared
    bind: Bind
    # The description that was asked for and not sent; the run that follows brings it.
    is_description_due: bool = False
    held: list[bytes] = field(default_factory=list[bytes])
    is_run: bool = False
    sent: int = 0
