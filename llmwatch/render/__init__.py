"""One file per medium, Report in and one string out: knows tables, notes and verdicts, and no subject."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Final

from ..analysis.report import Report


def _rendered(medium: str) -> Callable[[Report], str]:
    """What renders for the medium, loaded when it is asked for: most commands need one of them or none."""

    def render(report: Report) -> str:
        return getattr(import_module(f".{medium}", __name__), f"render_{medium}")(report)

    return render


# The formats whose text does not depend on the screen; `text` does, and is imported where it is used.
RENDERERS: Final[Mapping[str, Callable[[Report], str]]] = {
    medium: _rendered(medium) for medium in ("json", "csv", "md", "html")
}
FORMATS: Final = ("text", *RENDERERS)
