"""The same contract on the oldest major versions of the SDK that are supported, each in its own environment."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LANES = {"1": ROOT / ".venv-openai-1", "2": ROOT / ".venv-openai-2"}
FILES = ["test_return_contract.py", "test_damaged_responses.py", "test_usage_asked.py"]
# The configurations differ in what is recorded, which does not depend on the SDK's version; one without attempts, of
# which the HTTP library is the SDK's, in the slow lane.
CHOSEN = "not (metadata-no-attempts or full- or ask-of-an-unknown-host or provider-of-the-program)"
WITHOUT_ATTEMPTS = "metadata-no-attempts"

# openai 1 leaves sockets of dropped streams open, with llmwatch or without.
OLD_SDK = ["-p", "no:unraisableexception"]


# Half a minute of CPU each, which a busy machine takes ten minutes to give.
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "chosen", [CHOSEN, pytest.param(WITHOUT_ATTEMPTS, marks=pytest.mark.slow)], ids=["usual", "without attempts"]
)
@pytest.mark.parametrize("lane", LANES)
def test_the_contract_holds_on_an_older_sdk(lane: str, chosen: str):
    """Every way that the SDK has passes there; `make setup` makes the environments."""
    python = LANES[lane] / "bin" / "python"
    if not python.exists():
        pytest.fail(f"{LANES[lane].name} is missing: run make setup")
    found = subprocess.run(
        [python, "-m", "pytest", "-q", "-m", "not slow", "-k", chosen, "-p", "no:cacheprovider", *OLD_SDK]
        + [str(Path(__file__).parent / name) for name in FILES],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTEST_ADDOPTS": ""},
        capture_output=True,
        text=True,
        timeout=580,
        check=False,
    )
    summary = found.stdout.strip().splitlines()[-40:]
    assert found.returncode == 0, "\n".join(summary)
    assert " passed" in summary[-1]
