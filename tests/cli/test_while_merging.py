"""Reading commands while another process holds the merge lock: they answer, with what is not merged yet."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from llmwatch.store import file
from tests.bench.generate_store import generate
from tests.store.records import call, spool

OTHERS = ("calls", "margin", "sunset", "tasks", "quality", "drift", "downgrade", "simulate")


@pytest.mark.parametrize("command", ["report", *(pytest.param(name, marks=pytest.mark.slow) for name in OTHERS)])
def test_a_command_answers_while_somebody_else_merges(tmp_path: Path, command: str) -> None:
    """Every query of it also runs where calls are a store's and the spool's together."""
    home = tmp_path / "home"
    generate(home, 50)
    spool(home, call(span_id="f" * 16))
    more = ["--task", "reply.draft", "--to", "gpt-4o-mini"] if command == "simulate" else []
    kept = {k: v for k, v in os.environ.items() if not k.startswith("LLMWATCH_") and k != "COLUMNS"}
    with file.merge_lock(home, 0) as is_held:
        assert is_held
        run = subprocess.run(
            [sys.executable, "-m", "llmwatch", command, *more, "--home", str(home), "--format", "json"],
            capture_output=True, text=True, timeout=120, env=kept,
        )  # fmt: skip

    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout)["schema"].startswith("llmwatch.")
