"""The page of a report in Chromium: nothing is wider than the window, loaded, run or complained of."""

from __future__ import annotations

import re
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from llmwatch.analysis.report import Report
from llmwatch.cli import app
from llmwatch.render.html import render_html
from tests.bench.generate_store import generate
from tests.render.awkward import awkward_report

from .chromium import EXECUTABLE, Page, chromium

pytestmark = [pytest.mark.slow, pytest.mark.skipif(EXECUTABLE is None, reason="Chromium is not installed")]

# What is wider than the window and does not move in a box of its own.
TOO_WIDE = """
[...document.querySelectorAll('body *')]
  .filter(e => e.getBoundingClientRect().right > innerWidth + 1 && !e.closest('.box, pre, .unseen'))
  .map(e => e.tagName + '.' + e.className)
"""
CONTRAST = """
(() => {
  const light = c => { const [r, g, b] = c.match(/[\\d.]+/g).slice(0, 3).map(v => { v /= 255;
    return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; }); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const under = e => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor;
    if (c !== 'rgba(0, 0, 0, 0)' && c !== 'transparent') return c; } return 'rgb(255, 255, 255)'; };
  return [...document.querySelectorAll('body *:not(title, desc)')]
    .filter(e => [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim()))
    .map(e => { const style = getComputedStyle(e); const ink = light(e.closest('svg') ? style.fill : style.color);
      const paper = light(under(e)); return [(Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05),
      e.tagName + '.' + e.className]; })
    .filter(([ratio]) => ratio < 4.5);
})()
"""


@pytest.fixture(scope="module")
def browser() -> Generator[Page]:
    """One browser for all pages."""
    with chromium() as page:
        yield page


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A page of awkward names, and one of a store as the command writes it."""
    folder = tmp_path_factory.mktemp("pages")
    generate(folder / "home", 2_000)
    arguments = ["report", "--home", str(folder / "home"), "--as-of", "2026-11-21", "--html", str(folder / "week.html")]
    assert CliRunner().invoke(app, arguments, catch_exceptions=False).exit_code == 0
    report: Report = awkward_report()
    (folder / "awkward.html").write_text(render_html(report), "utf-8")
    return {"awkward": folder / "awkward.html", "week": folder / "week.html"}


@pytest.mark.parametrize("name", ["awkward", "week"])
@pytest.mark.parametrize("is_dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1280, 768, 390, 320])
def test_a_page_fits_its_window_and_asks_for_nothing(
    browser: Page, pages: dict[str, Path], name: str, width: int, is_dark: bool
) -> None:
    """Only the file itself is read, the console is silent, and every text has the contrast of WCAG AA."""
    address = pages[name].as_uri()
    browser.open(address, width, is_dark=is_dark)

    assert browser.value("document.documentElement.scrollWidth") <= width
    assert browser.value(TOO_WIDE) == []
    assert browser.value(CONTRAST) == []
    assert browser.complaints == []
    assert browser.requests == [address]
    assert browser.value("document.scripts.length") == 0


def test_the_policy_of_a_page_stops_what_is_put_into_it(browser: Page, pages: dict[str, Path], tmp_path: Path) -> None:
    """A script and an image that some mistake let through would neither run nor be loaded."""
    bad = "<script>document.title='ran'</script><img src='https://evil.example/x'><p style='color:red'>x</p>"
    broken = tmp_path / "broken.html"
    broken.write_text(pages["awkward"].read_text("utf-8").replace("<main>", f"<main>{bad}"), "utf-8")
    browser.open(broken.as_uri(), 1280)

    assert "ran" not in browser.value("document.title")
    assert len(browser.complaints) >= 2
    assert browser.refusals == ["csp"]


@pytest.mark.parametrize("name", ["awkward", "week"])
def test_a_printed_page_cuts_no_table(browser: Page, pages: dict[str, Path], name: str) -> None:
    """On A4 every table is as wide as the paper at most, and the print has several sheets."""
    browser.open(pages[name].as_uri(), 703)  # 186 mm, the width between the margins, at 96 dots per inch
    browser.ask("Emulation.setEmulatedMedia", media="print")
    widths: Any = browser.value("[...document.querySelectorAll('table, pre, svg')].map(e => e.scrollWidth)")
    paper = browser.paper()
    browser.ask("Emulation.setEmulatedMedia", media="")

    assert max(widths) <= 703
    assert paper.startswith(b"%PDF")
    assert len(re.findall(rb"/Type\s*/Page\b", paper)) >= 2
