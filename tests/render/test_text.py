"""The terminal's tables: the quick layout of plain ones is that of the terminal library."""

from __future__ import annotations

import re

import pytest

from llmwatch.render.text import render_text

from .awkward import awkward_report

_ESCAPES = re.compile(r"\x1b\[[0-9;]*m")


@pytest.mark.parametrize("width", [60, 99, 119, 120, 160, 250])
def test_a_plain_report_is_the_coloured_one_without_its_colours(width: int) -> None:
    """Coloured tables are laid out by the terminal library, plain ones that fit by us; wide characters among them."""
    coloured = _ESCAPES.sub("", render_text(awkward_report(), width, is_colored=True))

    plain = render_text(awkward_report(), width)

    assert plain == "\n".join(line.rstrip() for line in coloured.split("\n"))
