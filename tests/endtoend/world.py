"""One world: nine weeks of the support desk, shadow runs and scripted reviews, all through the commands a user runs."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from llmwatch.standin import Reply, RequestInfo, StandinServer
from llmwatch.standin.clock import SystemClock

EXAMPLES = Path(__file__).parents[2] / "examples"
sys.path.insert(0, str(EXAMPLES))

from support_desk import history, reviewer  # noqa: E402
from support_desk.model import DeskModel  # noqa: E402

CANDIDATE = "gpt-6-luna"
# Task -> how many inputs are replayed at most.
SHADOWED = {"ticket.route": 400, "ticket.title": 400, "faq.answer": 600, "mood.tag": 600}
_MAKE = (
    "from support_desk import history; import sys; history.run(int(sys.argv[1]), seed=int(sys.argv[2]), scale={scale})"
)
_CONFIG = """home = "{home}"
[[prices]]
host = "127.0.0.1"
provider = "openai"
[stakes]
"ticket.route" = "low"
"ticket.title" = "low"
"""


@dataclass(frozen=True)
class World:
    """A home with a history in it, and the commands run against it."""

    home: Path
    seed: int
    end_ns: int

    def run(self, *arguments: str, **variables: str) -> str:
        """What the command prints; its failure is an error with everything it said."""
        done = subprocess.run(
            [sys.executable, "-m", "llmwatch", *arguments],
            env=self.environment() | variables,
            cwd=self.home,
            capture_output=True,
            text=True,
            timeout=900,
            check=False,
        )
        if done.returncode:
            raise AssertionError(f"llmwatch {' '.join(arguments)}: {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done.stdout

    def json(self, *arguments: str) -> Any:
        """The same as decoded JSON."""
        return json.loads(self.run(*arguments, "--format", "json"))

    def environment(self) -> dict[str, str]:
        """Nothing of the caller's llmwatch or OpenAI settings, this home's instead."""
        hidden = ("OPENAI_", "LLMWATCH_", "OTEL_")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(hidden)}
        return {
            **kept,
            "PYTHONPATH": os.pathsep.join((str(EXAMPLES), str(EXAMPLES.parent))),
            "LLMWATCH_CONFIG": str(self.home / "llmwatch.toml"),
            "OPENAI_API_KEY": "sk-standin",
        }


def make_world(home: Path, seed: int, *, scale: float = 1.0) -> World:
    """The history of this seed, captured over HTTP by the real SDK and merged."""
    home.mkdir(parents=True, mode=0o700)
    (home / "llmwatch.toml").write_text(_CONFIG.format(home=home), "utf-8")
    world = World(home, seed, time.time_ns())
    made = subprocess.run(
        [sys.executable, "-c", _MAKE.format(scale=scale), str(world.end_ns), str(seed)],
        env=world.environment(),
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert made.returncode == 0, made.stderr
    world.run("merge")
    return world


@contextmanager
def models(world: World) -> Generator[str]:
    """The address of the same models over HTTP, on the machine's clock."""
    clock = SystemClock()
    desk = DeskModel(clock, history.first_day(world.end_ns))

    def at_once(info: RequestInfo) -> Reply:
        return replace(desk(info), first_token_s=0.0, tokens_per_s=1e9)

    with StandinServer(clock=clock, seed=world.seed, brain=at_once, keep_requests=1) as server:
        yield server.base_url


def shadow_all(world: World) -> None:
    """Every planted swap is replayed."""
    with models(world) as address:
        for task, most in SHADOWED.items():
            world.run(
                *("shadow", "--task", task, "--to", CANDIDATE, "--n", str(most), "--max-usd", "1"),
                *("--run", "--base-url", address),
            )


def follow_advice(world: World) -> list[str]:
    """What `downgrade` says would decide an open question is done, once; returns the commands."""
    report = world.json("downgrade", "--to", CANDIDATE)
    tables = [table for section in report["sections"] for table in section["tables"] if table["key"] == "downgrade"]
    asked = [
        row["next_step"]
        for table in tables
        for row in table["rows"]
        if row["task"] in SHADOWED and row["verdict"] == "cannot tell yet" and row["next_step"].startswith("llmwatch s")
    ]
    with models(world) as address:
        for command in asked:
            world.run(*shlex.split(command)[1:], "--max-usd", "1", "--run", "--base-url", address)
    return asked


def review_all(world: World, batches: int = 2) -> int:
    """A reviewer who knows the desk compares what the models answered differently; returns how many pairs."""
    reviewed = 0
    for batch in range(1, batches + 1):
        for task in SHADOWED:
            file = world.home / f"{task}-{batch}.csv"
            file.unlink(missing_ok=True)
            world.run(
                *("review", "--pairs", "--task", task, "--to", CANDIDATE, "--batches", str(batch), "--csv", str(file))
            )
            if file.exists():
                reviewed += reviewer.fill_in(file)
                world.run("review", "import", str(file))
    return reviewed
