"""The bytes of every format, from one awkward report; a changed golden file is a changed interface.

`LLMWATCH_GOLDEN=write pytest tests/render` writes them anew, to be read before they are committed.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from llmwatch.render import RENDERERS
from llmwatch.render.text import render_text

from .awkward import awkward_report

GOLDEN = Path(__file__).parent / "golden"
CASES = {
    "awkward.json": RENDERERS["json"],
    "awkward.csv": RENDERERS["csv"],
    "awkward.md": RENDERERS["md"],
    "awkward.html": RENDERERS["html"],
    "awkward_100.txt": lambda report: render_text(report, 100),
    "awkward_160.txt": lambda report: render_text(report, 160),
    "awkward_60.txt": lambda report: render_text(report, 60),
}


@pytest.mark.parametrize("name", CASES)
def test_every_format_is_the_golden_file_byte_for_byte(name: str) -> None:
    """The rendered report equals the file beside this test."""
    rendered = CASES[name](awkward_report()).encode("utf-8")
    if os.environ.get("LLMWATCH_GOLDEN") == "write":
        (GOLDEN / name).write_bytes(rendered)

    assert (GOLDEN / name).read_bytes() == rendered
