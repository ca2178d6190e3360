"""One served store for all tests of the wire that change nothing in it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from llmwatch.figures.refresh import refresh
from llmwatch.settings import Settings, load_settings
from llmwatch.store import Store
from tests.bench.generate_store import generate
from tests.stores import MOMENT, fill

from .served import Served, served

CANARY = "canary-of-a-prompt-4711"
CALLS = 2000


def seed(home: Path) -> Path:
    """A store of CALLS invented calls, one of which has content."""
    generate(home, CALLS)
    content = {"span_id": f"{0:016x}", "started_at": MOMENT, "input_messages": CANARY, "output_messages": CANARY}
    fill(Settings(home=home), [content], "content")
    return home


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Served for the whole run of this process."""
    home = seed(tmp_path_factory.mktemp("wire") / "home")
    settings = load_settings({"home": home})
    Store(settings).merge()
    # What `serve` keeps is kept already: while tests run it finds nothing to write.
    refresh(settings, datetime.now(UTC).replace(tzinfo=None))
    with served(home) as running:
        # The first worker is started before a test measures anything.
        with psycopg.connect(running.dsn) as connection:
            connection.execute("select 1")
        yield running


@pytest.fixture
def connection(server: Served) -> Iterator[psycopg.Connection]:
    """One psycopg connection."""
    with psycopg.connect(server.dsn, autocommit=True) as opened:
        yield opened
