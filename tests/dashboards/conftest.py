"""The three stores, each served once for all tests of a process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import psycopg
import pytest

from tests.wire.served import Served, served

from . import stores


@pytest.fixture(scope="session")
def boards_served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Served]]:
    """Name of a store -> its server."""
    with ExitStack() as open_servers:
        found: dict[str, Served] = {}
        for name in ("full", "empty", "single"):
            home = getattr(stores, name)(tmp_path_factory.mktemp("boards") / name)
            found[name] = open_servers.enter_context(served(home))
            with psycopg.connect(found[name].dsn) as connection:
                connection.execute("select 1")
        yield found
