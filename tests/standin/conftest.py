"""A stand-in server per test, and the real SDK's clients pointed at it."""

from collections.abc import Iterator

import pytest
from openai import OpenAI

from llmwatch.standin import StandinServer, VirtualClock

NOON_NS = 1_793_620_800_000_000_000


@pytest.fixture
def server() -> Iterator[StandinServer]:
    """A server on the machine's clock, which answers at once."""
    with StandinServer(seed=7) as running:
        yield running


@pytest.fixture
def client(server: StandinServer) -> Iterator[OpenAI]:
    """The real SDK against that server."""
    with OpenAI(base_url=server.base_url, api_key="sk-standin") as opened:
        yield opened


@pytest.fixture
def clock() -> VirtualClock:
    """A clock that stands at a November noon."""
    return VirtualClock(NOON_NS)
