"""Headless Chromium over its DevTools protocol: opens a page, says what it asked for and complained of, draws it."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

EXECUTABLE = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
_FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
    "--hide-scrollbars", "--remote-debugging-port=0",
)  # fmt: skip
_TIMEOUT_S = 30


@dataclass
class Page:
    """One open page; `requests` are the addresses it asked for, `complaints` what its console said."""

    connection: ClientConnection
    session: str
    requests: list[str] = field(default_factory=list[str])
    complaints: list[str] = field(default_factory=list[str])
    # Why requests were not sent: "csp" is the page's own policy.
    refusals: list[str] = field(default_factory=list[str])
    _number: int = 100

    def open(self, address: str, width: int, height: int = 900, *, is_dark: bool = False) -> None:
        """Loads the address in a window of that size and waits until it is drawn."""
        self.requests.clear()
        self.complaints.clear()
        self.refusals.clear()
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.ask("Emulation.setDeviceMetricsOverride", **size)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if is_dark else "light"}
        self.ask("Emulation.setEmulatedMedia", features=[scheme])
        for domain in ("Page", "Network", "Log", "Runtime"):
            self.ask(f"{domain}.enable")
        self.ask("Page.navigate", url=address)
        self._wait_for("Page.loadEventFired")

    def value(self, script: str) -> Any:
        """What the expression gives in the page."""
        answer = self.ask("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        return answer["result"].get("value")

    def picture(self) -> bytes:
        """The whole page as PNG."""
        size = self.ask("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": min(size["height"], 16_000), "scale": 1}
        answer = self.ask("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=clip)
        return base64.b64decode(answer["data"])

    def paper(self) -> bytes:
        """The page as it is printed, as PDF; its own style says the size of the sheets."""
        return base64.b64decode(self.ask("Page.printToPDF", preferCSSPageSize=True, printBackground=True)["data"])

    def ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Sends one command and returns its result; events that come first are noted."""
        self._number += 1
        message = {"id": self._number, "sessionId": self.session, "method": method, "params": parameters}
        self.connection.send(json.dumps(message))
        while True:
            answer = json.loads(self.connection.recv(timeout=_TIMEOUT_S))
            if answer.get("id") == self._number:
                if "error" in answer:
                    raise AssertionError(f"{method}: {answer['error']}")
                return answer["result"]
            self._note(answer)

    def _wait_for(self, event: str) -> None:
        while self._note(json.loads(self.connection.recv(timeout=_TIMEOUT_S))) != event:
            pass
        # Whatever the page still does when it is drawn is asked for before this answers.
        self.value("new Promise(done => requestAnimationFrame(() => setTimeout(done, 200)))")

    def _note(self, message: dict[str, Any]) -> str:
        method, parameters = message.get("method", ""), message.get("params", {})
        if method == "Network.requestWillBeSent":
            self.requests.append(parameters["request"]["url"])
        elif method == "Network.loadingFailed":
            self.refusals.append(parameters.get("blockedReason", parameters.get("errorText", "")))
        elif method == "Log.entryAdded":
            self.complaints.append(parameters["entry"]["text"])
        elif method == "Runtime.consoleAPICalled":
            self.complaints.append(json.dumps(parameters["args"]))
        elif method == "Runtime.exceptionThrown":
            self.complaints.append(parameters["exceptionDetails"]["text"])
        return method


@contextmanager
def chromium() -> Generator[Page]:
    """A browser of its own with one empty page; gone, with its folder, when the block ends."""
    assert EXECUTABLE is not None
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        command = [EXECUTABLE, *_FLAGS, f"--user-data-dir={folder}", "about:blank"]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        try:
            with connect(_address(process), max_size=None) as connection:
                yield _first_page(connection)
        finally:
            process.kill()
            process.wait()
            assert process.stderr is not None
            process.stderr.close()


def _address(process: subprocess.Popen[str]) -> str:
    assert process.stderr is not None
    for line in process.stderr:
        if "DevTools listening on " in line:
            return line.split("listening on ", 1)[1].strip()
    raise AssertionError("Chromium ended before it listened")


def _first_page(connection: ClientConnection) -> Page:
    browser = Page(connection, "")
    target = _ask_browser(browser, "Target.createTarget", url="about:blank")["targetId"]
    session = _ask_browser(browser, "Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
    return Page(connection, session)


def _ask_browser(browser: Page, method: str, **parameters: Any) -> dict[str, Any]:
    browser._number += 1
    browser.connection.send(json.dumps({"id": browser._number, "method": method, "params": parameters}))
    while True:
        answer = json.loads(browser.connection.recv(timeout=_TIMEOUT_S))
        if answer.get("id") == browser._number:
            return answer["result"]


def look(page: Page, file: Path, width: int, to: Path, *, is_dark: bool = False) -> None:
    """Draws the file into a picture."""
    page.open(file.as_uri(), width, is_dark=is_dark)
    to.write_bytes(page.picture())


if __name__ == "__main__":
    # python -m tests.browser.chromium REPORT.html FOLDER: pictures to look at, and the report on paper.
    import sys

    source, folder_of_shots = Path(sys.argv[1]).absolute(), Path(sys.argv[2])
    with chromium() as opened:
        for width in (1280, 390):
            for name, dark in (("light", False), ("dark", True)):
                look(opened, source, width, folder_of_shots / f"{source.stem}_{width}_{name}.png", is_dark=dark)
        (folder_of_shots / f"{source.stem}.pdf").write_bytes(opened.paper())
        print(opened.complaints, opened.requests)
