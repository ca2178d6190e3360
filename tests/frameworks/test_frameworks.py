"""Calls through a framework are named after the functions of the program that called the framework.

Each framework runs where it is installed: in this environment, or in that of the Python that LLMWATCH_FRAMEWORKS names.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from llmwatch.standin import StandinServer
from tests.spooled import calls

ROOT = Path(__file__).parents[2]
PYTHON = os.environ.get("LLMWATCH_FRAMEWORKS", sys.executable)
# Framework -> (a module that it needs, function -> calls). None: work of a runtime that nobody awaits.
FRAMEWORKS: dict[str, tuple[str, dict[str | None, int]]] = {
    "langchain": (
        "langchain_openai",
        {"classify_tickets": 3, "draft_answer": 1, "summarize_threads": 2, "route_mail": 3},
    ),
    "langgraph": ("langgraph", {"plan_trip": 1, "book_trip": 1}),
    "openai_agents": ("agents", {"answer_question": 3, "stream_question": 1, "answer_blocking": 1}),
    "pydantic_ai": ("pydantic_ai", {"price_order": 1, "check_order": 2}),
    "litellm": ("litellm", {"tag_batch": 3, "tag_one": 1, "tag_soon": 1}),
    "llama_index": ("llama_index.llms.openai", {"explain_page": 1, "explain_pages": 2}),
    "dspy": ("dspy", {"guess_answers": 3, "guess_one": 1}),
    "autogen": ("autogen_agentchat", {"advise_client": 1, None: 1}),
    "crewai": ("crewai", {"file_report": 1, "file_reports": 1}),
}


@pytest.mark.slow
@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_calls_of_a_framework_are_of_the_functions_that_called_it(framework: str, tmp_path: Path) -> None:
    """Blocking, awaited, in batches, streamed and in the framework's own threads and tasks."""
    module, expected = FRAMEWORKS[framework]
    known = subprocess.run([PYTHON, "-c", f"import {module}"], capture_output=True, check=False)
    if known.returncode:
        pytest.skip(f"{module} is not installed")
    with StandinServer() as server:
        done = subprocess.run(
            [PYTHON, str(Path(__file__).parent / "app.py"), framework, str(tmp_path), server.base_url],
            env=os.environ | {"PYTHONPATH": str(ROOT), "OTEL_SDK_DISABLED": "true"},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    assert done.returncode == 0, done.stderr
    sites = Counter(call.get("call_site") for call in calls(tmp_path))
    assert {site and site.rpartition(".")[2]: count for site, count in sites.items()} == expected
