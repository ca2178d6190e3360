"""Which customers and tasks lose money on OpenAI calls, which got worse, where a cheaper model is good enough.

`llmwatch.init()` captures; the command `llmwatch` answers. Importing this module imports no third party.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .capture import (
        NoContent as no_content,
    )
    from .capture import OpenAIInstrumentor, SpoolSpanExporter, SpoolSpanProcessor, init, shutdown
    from .capture.ledger import feedback, outcome, revenue
    from .capture.tags import customer, feature, session, task, user

__all__ = [
    "OpenAIInstrumentor",
    "SpoolSpanExporter",
    "SpoolSpanProcessor",
    "customer",
    "feature",
    "feedback",
    "init",
    "no_content",
    "outcome",
    "revenue",
    "session",
    "shutdown",
    "task",
    "user",
]


def __getattr__(name: str) -> Any:
    # Lazy: the reading half imports this package too and must not load OpenTelemetry.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from . import capture

    return getattr(capture, "NoContent" if name == "no_content" else name)
