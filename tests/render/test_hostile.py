"""What a stranger puts into a name does nothing in a terminal, a sheet, a Markdown viewer or a JSON reader."""

from __future__ import annotations

import csv
import io
import json
import re
import unicodedata
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmwatch.analysis.report import Column, Note, Report, Row, Section, Table, Text
from llmwatch.render import RENDERERS
from llmwatch.render.html import render_html
from llmwatch.render.inert import one_line, sheet_text
from llmwatch.render.text import render_text

from .awkward import HOSTILE, awkward_report


def report_of(name: str) -> Report:
    """The name everywhere a name can stand."""
    table = Table("names", "name", (Column("name", "name", is_number=False),), (Row(name, (Text(name),)),), name)
    return Report(
        "report",
        name,
        (("name", Text(name)),),
        (name,),
        (Section("names", name, (table,), (Note(name, name, name),)),),
        "names",
    )


@pytest.mark.parametrize("name", HOSTILE.values(), ids=list(HOSTILE))
def test_plain_text_has_no_character_that_a_terminal_obeys(name: str) -> None:
    """No control, format or surrogate character but the newline comes out."""
    rendered = render_text(report_of(name), 100)

    assert {c for c in rendered if unicodedata.category(c) in ("Cc", "Cf", "Cs")} <= {"\n"}


@pytest.mark.parametrize("name", HOSTILE.values(), ids=list(HOSTILE))
def test_coloured_text_has_no_sequence_but_its_own_colours(name: str) -> None:
    """Taking away SGR sequences of digits leaves no escape."""
    rendered = render_text(report_of(name), 100, is_colored=True)

    assert "\x1b" not in re.sub(r"\x1b\[[0-9;]*m", "", rendered)


def test_markup_of_the_terminal_library_is_shown_as_it_was_written() -> None:
    """A name in square brackets is neither eaten nor obeyed."""
    assert "[bold red]not bold[/]" in render_text(awkward_report(), 160)


@pytest.mark.parametrize("name", HOSTILE.values(), ids=list(HOSTILE))
def test_no_cell_of_a_sheet_is_a_formula(name: str) -> None:
    """No cell begins with a character that a sheet computes, in its full-width form neither."""
    cells = [cell for line in csv.reader(io.StringIO(RENDERERS["csv"](report_of(name)))) for cell in line]

    assert [cell for cell in cells if cell.lstrip()[:1] in tuple("=+-@\uff1d\uff0b\uff0d\uff20")] == []


@pytest.mark.parametrize("mark", ["\u200b", "\ufeff", "\u202e", "\x1b[31m", "\x00", " \u2060\t"])
def test_a_mark_nobody_sees_does_not_hide_a_formula(mark: str) -> None:
    """What is taken out of a name cannot be what kept its formula from being recognised."""
    assert sheet_text(f"{mark}=cmd|' /C calc'!A0").startswith("'")
    assert sheet_text(f"{mark}-4.5").strip() == "-4.5"


@pytest.mark.parametrize("number", ["-4.5", "+3", "0.0000655", "-0"])
def test_numbers_of_a_sheet_stay_numbers(number: str) -> None:
    """A negative amount is not made a text."""
    assert sheet_text(number) == number


@pytest.mark.parametrize("name", HOSTILE.values(), ids=list(HOSTILE))
def test_markdown_has_no_live_link_image_or_html(name: str) -> None:
    """Outside code blocks every special character is escaped and no address is whole."""
    rendered = RENDERERS["md"](report_of(name))
    prose = re.sub(r"(?ms)^  (`{3,})\n.*?^  \1$", "", rendered)
    live = re.sub(r"\\.", "", prose)

    assert re.search(r"[<>\[\]!`]|https?:", live) is None


@given(st.text(max_size=60))
@settings(max_examples=200, deadline=None)
def test_any_text_at_all_is_one_harmless_line(text: str) -> None:
    """Whatever goes in, one printable line comes out, and again the same from itself."""
    line = one_line(text)

    assert not any(unicodedata.category(c) in ("Cc", "Cs") for c in line)
    assert one_line(line) == line


@given(st.text(max_size=60))
@settings(max_examples=100, deadline=None)
def test_json_is_ascii_and_keeps_the_text(text: str) -> None:
    """JSON needs no stripping: it escapes, and gives the text back."""
    rendered = RENDERERS["json"](report_of(text))

    assert rendered.isascii()
    assert json.loads(rendered)["sections"][0]["tables"][0]["rows"][0]["name"] == text


class Page(HTMLParser):
    """What a browser would make of a page: the elements, their attributes and the text they show."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.shown = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Notes the element and what it carries."""
        self.elements.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        """Notes the text."""
        self.shown += data


@pytest.mark.parametrize("name", HOSTILE.values(), ids=list(HOSTILE))
def test_a_page_is_the_same_elements_whatever_the_names_are(name: str) -> None:
    """A name adds no element and no attribute, is no address, and is shown as the text it is."""
    page, plain = Page(render_html(report_of(name))), Page(render_html(report_of("plain")))

    assert page.elements == plain.elements
    assert [key for key, _ in page.attributes] == [key for key, _ in plain.attributes]
    assert {value[:1] for key, value in page.attributes if key in ("href", "src")} <= {"#"}
    assert one_line(name)[:90].strip() in page.shown


@given(st.text(max_size=60))
@settings(max_examples=100, deadline=None)
def test_any_text_at_all_adds_nothing_to_a_page(text: str) -> None:
    """No text makes an element, and none leaves a character that turns the reading direction."""
    rendered = render_html(report_of("x" + text))

    assert Page(rendered).elements == Page(render_html(report_of("plain"))).elements
    assert not {c for c in rendered if unicodedata.category(c) in ("Cc", "Cs")} - {"\n"}


def test_a_page_has_no_script_and_allows_nothing_but_its_own_style() -> None:
    """Its policy forbids everything, and names the digest of the one style sheet within."""
    rendered = render_html(awkward_report())
    style = re.search(r"<style>(.*?)</style>", rendered, re.DOTALL)
    assert style is not None
    digest = b64encode(sha256(style.group(1).encode()).digest()).decode()

    assert "script" not in Page(rendered).elements
    assert not [key for key, _ in Page(rendered).attributes if key.startswith("on") or key in ("style", "src")]
    assert f"default-src 'none'; style-src 'sha256-{digest}'" in rendered
