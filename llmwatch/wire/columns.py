"""Owns which columns of the store are seen on the wire where nobody asked for content.

A column that can hold a text is seen if it is named here, so that a new one is hidden until somebody has thought of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

# Texts that say what a call is called, by whom it was made, how it went: never what a user or a model wrote.
SHOWN: Final = frozenset(
    {
        "api_type", "batch_file", "batch_files", "bucket", "cache_write_12h_note", "cached_input_note", "call_site",
        "candidate_model", "cause", "change", "container_ids", "container_memory", "container_starts", "content_mode",
        "conversation_id", "cost_grade", "cost_note", "customer", "customer_id", "defects", "deployment_environment",
        "divided_by", "endpoint", "environment", "error", "error_type", "event_id", "evidence", "feature",
        "file_search_note", "finish", "finish_reason", "finish_reasons", "first_answer", "grade", "host", "host_name",
        "http_request_method", "id", "image_tool_model", "import_id", "input_language", "input_modality",
        "judgement_id", "key", "kind", "label", "llmwatch_version", "model", "name", "next_step", "openai_version",
        "operation", "operation_name", "outcome", "output_hash", "output_language", "output_modality", "output_type",
        "parent_span_id", "per", "period", "plan", "previous_response_id", "price_id", "price_table", "prompt_hash",
        "prompt_version", "provider", "provider_name", "reason", "reasoning_level", "redaction_version", "replay_id",
        "request", "request_hash", "request_id", "request_model", "request_service_tier", "response", "response_format",
        "response_id", "response_model", "rubric_hash", "run_id", "said_of", "schema_hash", "score_id", "scorer",
        "segment", "sentence", "series", "server_address", "service", "service_instance_id", "service_name",
        "service_tier", "service_version", "session", "session_id", "source", "span_id", "state", "stated_cost_source",
        "stated_response_id", "stated_span_id", "stated_task", "stated_trace_id", "status", "stratum", "stream",
        "stream_end", "system_fingerprint", "task", "task_key", "task_name", "task_origin", "task_source", "tier",
        "tool_calls", "tool_names", "tools", "tools_hash", "trace", "trace_id", "unpriced", "unpriced_reason", "usage",
        "usage_conflict", "usage_doubt", "usage_source", "user", "user_id", "value", "verdict", "web_search_note",
        "web_search_preview_note",
    }
)  # fmt: skip
# Texts that hold words of users or models, in whichever relation they stand.
HIDDEN: Final = frozenset(
    {
        "prompt_head", "error_message", "usage_raw", "attributes", "input_messages", "output_messages",
        "system_instructions", "tool_definitions", "request_parameters", "stop_sequences", "comment", "note", "text",
        "payload", "arguments", "facts", "detail",
    }
)  # fmt: skip
# Names of SHOWN that hold such words in one relation alone.
HIDDEN_OF_RELATION: Final = {
    "replays": frozenset({"error"}),
    "judgements": frozenset({"error", "reason"}),
}
# What no word can be in; a list or a struct has its parts' types in its name.
_WORDLESS: Final = (
    "BOOLEAN", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT",
    "UHUGEINT", "FLOAT", "DOUBLE", "DECIMAL", "DATE", "TIME", "INTERVAL",
)  # fmt: skip


def is_wordless(type_: str) -> bool:
    """True if a value of DuckDB's type can hold no text."""
    return type_.partition("(")[0].split(" ")[0].removesuffix("[]").startswith(_WORDLESS)


def without_content(relation: str, columns: Iterable[tuple[str, str]]) -> list[str]:
    """Of the columns (name, DuckDB's type) those that may be seen, in their order."""
    seen = SHOWN - HIDDEN - HIDDEN_OF_RELATION.get(relation, frozenset())
    return [name for name, type_ in columns if is_wordless(type_) or name in seen]
