"""Owns which relations of the store exist on the wire, and which of their columns hold content.

Schema `grafana` has no prompt, no answer, no comment and no message of an error: nothing that a user or a model wrote.
Schema `store`, made only where content was asked for, is the whole store.
"""

from __future__ import annotations

from typing import Final

from ..store.queries import VIEWS

GRAFANA: Final = "grafana"
STORE: Final = "store"

# Tables of the store that dashboards read, beside every view of it.
TABLES: Final = (
    "calls",
    "http_attempts",
    "pipeline_events",
    "tasks",
    "scores",
    "revenue",
    "prompt_versions",
    "drift",
    "drift_acknowledgements",
    "drift_alarms",
    "replays",
    "judgements",
    "downgrade",
    "prices",
    "meta",
)
# Columns that hold words of users or models, in whichever relation they stand.
CONTENT_COLUMNS: Final = frozenset(
    {
        "prompt_head", "error_message", "usage_raw", "attributes", "input_messages", "output_messages",
        "system_instructions", "tool_definitions", "request_parameters", "stop_sequences", "comment", "note", "text",
        "payload", "arguments", "facts",
    }
)  # fmt: skip
# And those that do so in one relation alone.
_OF_RELATION: Final = {
    "replays": frozenset({"error"}),
    "judgements": frozenset({"error", "reason"}),
    "pipeline_events": frozenset({"detail"}),
    "drift": frozenset({"detail"}),
}


def is_shown(relation: str) -> bool:
    """True if the relation stands in the schema without content."""
    return relation in TABLES or relation in VIEWS


def without_content(relation: str, columns: list[str]) -> list[str]:
    """The columns that may be shown, in their order."""
    hidden = CONTENT_COLUMNS | _OF_RELATION.get(relation, frozenset())
    return [name for name in columns if name not in hidden]
