"""The random stores that the tests of queries share."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from llmwatch.settings import Settings
from llmwatch.store import Store
from llmwatch.store.queries import create_views
from tests.stores import empty_store, fill

from .random_store import World, drawn_calls, drawn_revenue


@pytest.fixture(scope="session", params=[3, 4])
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Two draws."""
    draw = random.Random(request.param)
    calls, revenue = drawn_calls(draw), drawn_revenue(draw)
    settings: Settings = empty_store(tmp_path_factory.mktemp("loops") / "home")
    fill(settings, calls)
    fill(settings, revenue, "revenue")
    with Store(settings).read() as con:
        create_views(con)
        yield World(con, calls, revenue)
