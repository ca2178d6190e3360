"""Builds the page that draws a dashboard with Grafana's own components, and draws dashboards of a served store with it.

Needs Node.js, npm and Chromium; the packages are those of package-lock.json, installed once into the folder given.
"""

from __future__ import annotations

import functools
import html
import http.server
import json
import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from llmwatch.dashboards import load_dashboards
from llmwatch.dashboards.client import Address, Client
from llmwatch.dashboards.expand import seconds_of
from llmwatch.dashboards.queries import board_queries

from .frames import frame

SOURCES = Path(__file__).parent
FILES = (
    "index.html", "main.jsx", "variables.html", "variables.js", "vite.config.js", "package.json", "package-lock.json",
    ".npmrc",
)  # fmt: skip
# What Grafana leaves a board beside its docked menu, the default from 1,440 pixels on.
WIDTH = 1250
CELL = 38
CHROMIUM = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--hide-scrollbars", "--disable-dev-shm-usage",
)  # fmt: skip


Answer = Callable[[dict[str, Any]], dict[str, Any]]


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves files and says nothing; what a page posts, `answer` answers."""

    answer: Answer | None = None

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""

    def do_POST(self) -> None:
        """One request and its answer, both JSON."""
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        assert self.answer is not None
        body = json.dumps(self.answer(asked)).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@dataclass(frozen=True)
class Drawn:
    """One dashboard as it was drawn: its title once drawn, the text of each panel by id, the picture."""

    title: str
    dom: str
    picture: Path


def build(folder: Path) -> Path:
    """The page's folder; installs the packages where they are not yet."""
    folder.mkdir(parents=True, exist_ok=True)
    page = folder / "dist" / "index.html"
    if page.is_file() and all((SOURCES / name).stat().st_mtime < page.stat().st_mtime for name in FILES):
        return folder / "dist"
    for name in FILES:
        shutil.copyfile(SOURCES / name, folder / name)
    environment = {**os.environ, "NODE_OPTIONS": "--max-old-space-size=3072"}
    installed = folder / "node_modules" / ".installed"
    lock = (SOURCES / "package-lock.json").read_text("utf-8")
    if not installed.is_file() or installed.read_text("utf-8") != lock:
        subprocess.run(
            ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"], cwd=folder, check=True, timeout=600
        )
        installed.write_text(lock, "utf-8")
    subprocess.run(
        ["npx", "vite", "build", "--logLevel", "error"], cwd=folder, check=True, timeout=600, env=environment
    )
    return folder / "dist"


def data(address: Address, name: str, since: datetime, until: datetime, chosen: Mapping[str, Any]) -> dict[str, Any]:
    """What the page is given: the dashboard, its range, and of every panel the frames of its query."""
    model = load_dashboards()[name]
    panels: dict[str, Any] = {}
    with Client(address) as client:
        for query in board_queries(name, model):
            if query.kind == "panel":
                found = client.ask(query.text(since, until, chosen))
                panels[str(query.panel["id"])] = [frame(found, query.format)]
    spans = {str(p["id"]): seconds_of(p["timeFrom"]) * 1000 for p in model["panels"] if p.get("timeFrom")}
    return {"dashboard": model, "range": {"from": _ms(since), "to": _ms(until)}, "spans": spans, "panels": panels}


def _ms(moment: datetime) -> float:
    return (moment - datetime(1970, 1, 1)) / timedelta(milliseconds=1)  # noqa: DTZ001 - UTC without a zone


@contextmanager
def pages(dist: Path, answer: Answer | None = None) -> Iterator[str]:
    """The address of the built page, served on loopback."""
    kind = type("Answering", (Quiet,), {"answer": staticmethod(answer)}) if answer else Quiet
    handler = functools.partial(kind, directory=str(dist))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


def told(dist: Path, given: Mapping[str, Any], answer: Answer) -> list[dict[str, Any]]:
    """What the page of the variables tells after each step; its queries go to `answer`."""
    (dist / "variables.data.json").write_text(json.dumps(given), "utf-8")
    with pages(dist, answer) as address, tempfile.TemporaryDirectory() as profile:
        dom = subprocess.run(
            [
                _chromium(), *CHROMIUM, f"--user-data-dir={profile}", "--virtual-time-budget=30000", "--dump-dom",
                f"{address}/variables.html?data=variables.data.json",
            ],
            check=True, timeout=300, capture_output=True, text=True,
        ).stdout  # fmt: skip
    title = html.unescape(dom.partition("<title>")[2].partition("</title>")[0])
    assert title == "told", title
    return json.loads(html.unescape(dom.partition('<pre id="told">')[2].partition("</pre>")[0]))


def _chromium() -> str:
    return shutil.which("chromium") or "/usr/bin/chromium"


def draw(
    dist: Path, name: str, given: Mapping[str, Any], picture: Path, theme: str = "dark", scale: float = 1.0
) -> Drawn:
    """The dashboard in a browser: its picture, and its text."""
    (dist / f"{name}.data.json").write_text(json.dumps(given), "utf-8")
    rows = max(p["gridPos"]["y"] + p["gridPos"]["h"] for p in given["dashboard"]["panels"])
    height = rows * CELL + 80
    with pages(dist) as address, tempfile.TemporaryDirectory() as profile:
        url = f"{address}/index.html?data={name}.data.json&theme={theme}&width={WIDTH}"
        common = [
            *CHROMIUM, f"--user-data-dir={profile}", f"--window-size={WIDTH + 8},{height}",
            "--virtual-time-budget=9000", f"--force-device-scale-factor={scale}",
        ]  # fmt: skip
        subprocess.run(
            [_chromium(), *common, f"--screenshot={picture}", url], check=True, timeout=180, capture_output=True
        )
        dom = subprocess.run(
            [_chromium(), *common, "--dump-dom", url], check=True, timeout=180, capture_output=True, text=True
        ).stdout
    title = html.unescape(dom.partition("<title>")[2].partition("</title>")[0])
    return Drawn(title, dom, picture)
