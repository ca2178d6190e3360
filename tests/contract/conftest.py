"""One server, and one set of bare outcomes, for all contract tests of a process."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from .kit import RepeatableServer, without_certificates


# By module: a test of another folder in the same process reads certificates again.
@pytest.fixture(scope="module", autouse=True)
def _certificates() -> Iterator[None]:
    with without_certificates():
        yield


@pytest.fixture(scope="module", autouse=True)
def _only_what_is_new_is_searched() -> Iterator[None]:
    """Each way ends with a collection; what was imported before the first of them is garbage of nobody."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture(scope="session")
def server() -> Iterator[RepeatableServer]:
    """A server that can be put back to its first request."""
    with RepeatableServer() as running:
        yield running
