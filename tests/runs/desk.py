"""A support desk for tests of runs: calls of the real SDK against the stand-in, captured into a home of their own."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from openai import OpenAI

import llmwatch
from llmwatch.cli import main
from llmwatch.settings import Settings, load_settings
from llmwatch.standin import Reply, RequestInfo, StandinServer
from llmwatch.store import Store
from tests.stores import empty_store

INCUMBENT = "gpt-4o"
CANDIDATE = "gpt-6-luna"
TASK = "ticket.classify"
CATEGORIES = ("billing", "access", "export", "import")

CONFIG = """
content = "redacted"
sample_rate = 1.0

[hosts]
"127.0.0.1" = "openai"

[[prices]]
host = "127.0.0.1"
provider = "openai"
"""


def number_of(info: RequestInfo) -> int:
    """Which ticket a request is about."""
    return int(info.prompt.split("#")[1].split()[0])


def category(number: int) -> str:
    """The right category of a ticket."""
    return CATEGORIES[number % len(CATEGORIES)]


def classify(info: RequestInfo) -> Reply:
    """Both models answer alike."""
    return Reply(text=category(number_of(info)), reasoning_tokens=0)


def configure(home: Path, rest: str = "") -> Settings:
    """A home whose calls to the stand-in are priced as OpenAI's."""
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    (home / "llmwatch.toml").write_text(CONFIG + rest, "utf-8")
    return load_settings({"home": home}, start=home)


def capture(
    home: Path, server: StandinServer, tickets: int, *, keeps: bool = True, rest: str = "", **parameters: Any
) -> Settings:
    """So many classified tickets, captured and merged; the server's record of them is forgotten."""
    settings = configure(home, rest)
    if not settings.store_path.exists():
        empty_store(home)
    llmwatch.init(home=home, content="redacted" if keeps else "metadata", sample_rate=1.0)
    client = OpenAI(base_url=server.base_url, api_key="sk-standin")
    try:
        for number in range(tickets):
            with llmwatch.task(TASK):
                client.chat.completions.create(
                    **{
                        "model": INCUMBENT,
                        "max_tokens": 50,
                        "messages": [
                            {"role": "system", "content": "Say which category the ticket belongs to, one word."},
                            {"role": "user", "content": f"Ticket #{number} : the customer writes about a matter."},
                        ],
                        **parameters,
                    }
                )
    finally:
        client.close()
        llmwatch.shutdown()
    assert Store(settings).merge().blocked is None
    server.forget()
    return settings


def environment(home: Path) -> dict[str, str]:
    """What a command needs to find the home and to be allowed to spend."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("LLMWATCH_", "OPENAI_"))}
    return {
        **kept,
        "LLMWATCH_HOME": str(home),
        "LLMWATCH_CONFIG": str(home / "llmwatch.toml"),
        "OPENAI_API_KEY": "sk-standin",
    }


@dataclass(frozen=True)
class Done:
    """A command that has ended."""

    returncode: int
    stdout: str
    stderr: str


def command(home: Path, *arguments: str, **variables: str) -> Done:
    """A `llmwatch` command, run in this process: a new one takes seconds to import what is here already."""
    before = dict(os.environ)
    written, complaint = io.StringIO(), io.StringIO()
    os.environ.clear()
    os.environ.update(environment(home) | variables)
    try:
        with redirect_stdout(written), redirect_stderr(complaint), pytest.raises(SystemExit) as ended:
            main(arguments)
    finally:
        os.environ.clear()
        os.environ.update(before)
    return Done(int(ended.value.code or 0), written.getvalue(), complaint.getvalue())


def started(home: Path, *arguments: str) -> subprocess.Popen[bytes]:
    """A `llmwatch` command under way."""
    return subprocess.Popen(
        [sys.executable, "-m", "llmwatch", *arguments],
        env=environment(home),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


def asked(server: StandinServer) -> Counter[str]:
    """How often the server received each question whole; a client killed while it sends leaves half a body."""
    whole = [request for request in server.requests if request.body.endswith(b"}")]
    return Counter(json.dumps(request.json()["messages"]) for request in whole)


def facts(done: Done) -> Mapping[str, Any]:
    """The facts of a report in JSON."""
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def rows(settings: Settings, sql: str) -> list[tuple[Any, ...]]:
    """Rows of the store, what is not merged included."""
    with Store(settings).read() as con:
        return con.execute(sql).fetchall()
