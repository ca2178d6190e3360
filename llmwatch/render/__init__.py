"""One file per medium, Report in and one string out: knows tables, notes and verdicts, and no subject."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from ..analysis.report import Report
from .csv import render_csv
from .html import render_html
from .json import render_json
from .md import render_md

# The formats whose text does not depend on the screen; `text` does, and is imported where it is used (rich, 30 ms).
RENDERERS: Final[Mapping[str, Callable[[Report], str]]] = {
    "json": render_json,
    "csv": render_csv,
    "md": render_md,
    "html": render_html,
}
FORMATS: Final = ("text", *RENDERERS)
