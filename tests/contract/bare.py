"""What the SDK gives without llmwatch: hooks off, each way run once per process and remembered."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from llmwatch.capture import hook, websocket

from .kit import Outcome, RepeatableServer, Way, run

_outcomes: dict[str, Outcome] = {}


@contextmanager
def unhooked() -> Iterator[None]:
    """The SDK as it was imported: no hook of ours on any class."""
    base = sys.modules["openai._base_client"]
    sockets = [sys.modules[name] for name in websocket.MODULES if name in sys.modules]
    was_hooked = any(hook.hooked_methods(base).values())
    hook.uninstall(base)
    for module in sockets:
        websocket.uninstall(module)
    assert not any(hook.hooked_methods(base).values())
    try:
        yield
    finally:
        if was_hooked:
            hook.install(base)
            for module in sockets:
                websocket.install(module)


def bare_outcome(way: Way, server: RepeatableServer) -> Outcome:
    """The way's outcome on the bare SDK."""
    if way.id not in _outcomes:
        with unhooked():
            _outcomes[way.id] = run(way, server)[0]
    return _outcomes[way.id]
