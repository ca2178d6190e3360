"""The dashboards as Grafana's own components draw them: nothing is empty, and the numbers are the report's."""

from __future__ import annotations

import html
import re
import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from llmwatch.dashboards import load_dashboards
from llmwatch.dashboards.client import Address
from tests.stores import MOMENT
from tests.wire.served import Served

from .draw.drawing import build, data, draw
from .test_figures import SINCE, command

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1500),
    pytest.mark.skipif(not (shutil.which("npm") and shutil.which("chromium")), reason="needs npm and Chromium"),
]
ROOT = Path(__file__).parents[2]
SCALES = {"": 1, "K": 1e3, "Mil": 1e6}
# Panels that have nothing to say of this store, and why.
QUIET = {
    "Models that stop answering": "its calls are of models without a date in the catalogue",
    "What would decide": "nothing of it is open",
    "Saves a month, where it was measured": "no saving of it was measured",
    "Drift": "no task of it was looked at",
}


@pytest.fixture(scope="module")
def dist() -> Path:
    """The page that draws, built once."""
    return build(ROOT / "build" / "draw")


def texts(dom: str) -> dict[int, str]:
    """Number of a panel -> the words in it."""
    parts = re.split(r'data-panel="(\d+)"', dom)[1:]
    words = (html.unescape(re.sub(r"<[^>]+>", " ", part.partition(">")[2])) for part in parts[1::2])
    return {int(number): re.sub(r"\s+", " ", text) for number, text in zip(parts[::2], words, strict=True)}


def number(text: str) -> float:
    """The dollars of a stat, as Grafana writes them."""
    found = re.search(r"(-?)\$\s?([\d.,]+)\s?(K|Mil)?", text)
    assert found, text
    return float(found[2].replace(",", "")) * SCALES[found[3] or ""] * (-1 if found[1] else 1)


@pytest.mark.parametrize("name", load_dashboards())
def test_a_board_is_drawn_with_data_in_every_panel(
    boards_served: dict[str, Served], dist: Path, tmp_path: Path, name: str
) -> None:
    """Its title says that it was drawn, no panel of it says that there is no data, and the picture is one."""
    server = boards_served["full"]
    given = data(Address(server.host, server.port, "llmwatch", server.password), name, SINCE, MOMENT, {})
    drawn = draw(dist, name, given, tmp_path / f"{name}.png")

    assert drawn.title == f"drawn: {given['dashboard']['title']}"
    found = texts(drawn.dom)
    # A row is a heading.
    for panel in (one for one in given["dashboard"]["panels"] if one["type"] != "row"):
        assert "No data" not in found[panel["id"]] or panel["title"] in QUIET, panel["title"]
    assert drawn.picture.read_bytes().startswith(b"\x89PNG")
    assert drawn.picture.stat().st_size > 20_000


def test_the_numbers_in_the_picture_are_the_reports(
    boards_served: dict[str, Served], dist: Path, tmp_path: Path
) -> None:
    """Revenue, spend and margin of the overview, to the digits that Grafana writes."""
    server = boards_served["full"]
    arguments = ("--since", SINCE.isoformat(), "--until", MOMENT.isoformat())
    report = command(server.home, "report", *arguments)
    said = {row["key"]: row["now"] for table in ("margin", "money") for row in report[table]}
    given = data(Address(server.host, server.port, "llmwatch", server.password), "overview", SINCE, MOMENT, {})
    found = texts(draw(dist, "overview", given, tmp_path / "overview.png").dom)
    panels = {panel["title"]: panel["id"] for panel in given["dashboard"]["panels"]}

    for title, key in (("Revenue", "revenue_usd"), ("LLM spend", "spend_usd"), ("LLM gross margin", "margin_usd")):
        assert number(found[panels[title]]) == pytest.approx(float(said[key]), rel=0.006), title
    assert timedelta(days=28) == MOMENT - SINCE
