"""Owns the noun: one Call is one logical OpenAI call, its retries inside.

One table maps each field to its OpenTelemetry attribute and its column in the store; nothing else in the program
may name an attribute or spell a column's type. Standard library only.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

SCOPE_NAME: Final = "llmwatch"

Kind = Literal["text", "integer", "real", "money", "boolean", "texts", "json"]

SQL_TYPES: Final[Mapping[Kind, str]] = {
    "text": "varchar",
    "integer": "bigint",
    "real": "double",
    # US dollars, carried as decimal text so that no digit is lost on the way
    "money": "decimal(18, 12)",
    "boolean": "boolean",
    "texts": "varchar[]",
    "json": "varchar",
}


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a Call: its column, its value kind and the span attribute that carries it."""

    column: str
    kind: Kind
    attribute: str


def _fields(kind: Kind, pairs: Mapping[str, str]) -> list[Field]:
    return [Field(column, kind, attribute) for column, attribute in pairs.items()]


# What is said about the process that made the call: OpenTelemetry Resource attributes.
RESOURCE_FIELDS: Final[tuple[Field, ...]] = (
    *_fields(
        "text",
        {
            "service_name": "service.name",
            "service_version": "service.version",
            "service_instance_id": "service.instance.id",
            "deployment_environment": "deployment.environment.name",
            "host_name": "host.name",
            "openai_version": "llmwatch.openai.version",
            "llmwatch_version": "llmwatch.version",
        },
    ),
    Field("process_pid", "integer", "process.pid"),
)

# What is said about the call: span attributes, GenAI semantic conventions first, then openai.*, then our own.
CALL_FIELDS: Final[tuple[Field, ...]] = (
    *_fields(
        "text",
        {
            # what was asked of whom
            "operation_name": "gen_ai.operation.name",
            "provider_name": "gen_ai.provider.name",
            "request_model": "gen_ai.request.model",
            "response_model": "gen_ai.response.model",
            "response_id": "gen_ai.response.id",
            "server_address": "server.address",
            "endpoint": "llmwatch.endpoint",
            "http_request_method": "http.request.method",
            "api_type": "openai.api.type",
            "request_service_tier": "openai.request.service_tier",
            "service_tier": "openai.response.service_tier",
            "system_fingerprint": "openai.response.system_fingerprint",
            "reasoning_level": "gen_ai.request.reasoning.level",
            "previous_response_id": "gen_ai.request.previous_response.id",
            "conversation_id": "gen_ai.conversation.id",
            "output_type": "gen_ai.output.type",
            "request_id": "openai.request_id",
            # how it ended; status is ok, error or incomplete (a stream that did not reach its end)
            "status": "llmwatch.status",
            "error_type": "error.type",
            "error_message": "llmwatch.error.message",
            # complete, closed (left early by the program), abandoned (dropped unread), broken (died), cancelled
            "stream_end": "llmwatch.stream.end",
            # response: reported here, and final; pending: the answer was not finished; absent: not reported where it
            # should be; unknown: an endpoint we do not know; none: not billable. The store turns absent into estimated
            # where it can, and what another row of the same answer counts into repeated.
            "usage_source": "llmwatch.usage.source",
            # the model of the image_generation tool, which is billed by its own tokens
            "image_tool_model": "llmwatch.tool.image_generation.model",
            # the output file of a batch that this line was read from
            "batch_file": "llmwatch.batch.file",
            # what was assumed where the counts and their total disagree; why they say nothing at all
            "usage_doubt": "llmwatch.usage.doubt",
            "usage_conflict": "llmwatch.usage.conflict",
            # where in the answer the cost stood that the server states
            "stated_cost_source": "llmwatch.cost.stated_source",
            # the memory limit asked of a container that OpenAI runs
            "container_memory": "llmwatch.tool.container_memory",
            # who it was for
            "task": "llmwatch.task",
            "customer_id": "llmwatch.customer.id",
            "feature": "llmwatch.feature",
            "user_id": "user.id",
            "session_id": "session.id",
            # where each tag came from: tag, header, metadata, field
            "task_source": "llmwatch.task.source",
            # what an untagged call is recognised by
            "task_key": "llmwatch.task.key",
            "call_site": "llmwatch.call_site",
            "response_format": "llmwatch.request.response_format",
            "prompt_head": "llmwatch.prompt.head",
            "prompt_hash": "llmwatch.prompt.hash",
            "request_hash": "llmwatch.request.hash",
            "tools_hash": "llmwatch.request.tools_hash",
            "schema_hash": "llmwatch.request.schema_hash",
            # structural facts of the output
            "input_language": "llmwatch.input.language",
            "output_language": "llmwatch.output.language",
            "output_hash": "llmwatch.output.hash",
            "content_mode": "llmwatch.content.mode",
            "redaction_version": "llmwatch.redaction.version",
        },
    ),
    *_fields(
        "integer",
        {
            "server_port": "server.port",
            "max_tokens": "gen_ai.request.max_tokens",
            "seed": "gen_ai.request.seed",
            "choice_count": "gen_ai.request.choice.count",
            "http_status_code": "http.response.status_code",
            "retries": "llmwatch.retries",
            # totals, cached and reasoning included, as OpenAI reports them
            "input_tokens": "gen_ai.usage.input_tokens",
            "output_tokens": "gen_ai.usage.output_tokens",
            "cached_input_tokens": "gen_ai.usage.cache_read.input_tokens",
            "cache_write_tokens": "gen_ai.usage.cache_write.input_tokens",
            "cache_write_12h_tokens": "llmwatch.usage.cache_write_12h.input_tokens",
            "reasoning_tokens": "gen_ai.usage.reasoning.output_tokens",
            "text_input_tokens": "gen_ai.usage.text.input_tokens",
            "image_input_tokens": "gen_ai.usage.image.input_tokens",
            "audio_input_tokens": "gen_ai.usage.audio.input_tokens",
            "cached_image_input_tokens": "llmwatch.usage.cache_read.image.input_tokens",
            "cached_audio_input_tokens": "llmwatch.usage.cache_read.audio.input_tokens",
            "text_output_tokens": "gen_ai.usage.text.output_tokens",
            "image_output_tokens": "gen_ai.usage.image.output_tokens",
            "audio_output_tokens": "gen_ai.usage.audio.output_tokens",
            "accepted_prediction_tokens": "llmwatch.usage.accepted_prediction.output_tokens",
            "rejected_prediction_tokens": "llmwatch.usage.rejected_prediction.output_tokens",
            # tools that OpenAI runs and bills by the call
            "web_search_calls": "llmwatch.tool.web_search_calls",
            "web_search_preview_calls": "llmwatch.tool.web_search_preview_calls",
            "file_search_calls": "llmwatch.tool.file_search_calls",
            "container_calls": "llmwatch.tool.container_calls",
            "image_tool_calls": "llmwatch.tool.image_generation.calls",
            # the image_generation tool's own tokens; text is what image is not
            "image_tool_input_tokens": "llmwatch.tool.image_generation.input_tokens",
            "image_tool_image_input_tokens": "llmwatch.tool.image_generation.image.input_tokens",
            "image_tool_cached_input_tokens": "llmwatch.tool.image_generation.cache_read.input_tokens",
            "image_tool_cached_image_input_tokens": "llmwatch.tool.image_generation.cache_read.image.input_tokens",
            "image_tool_output_tokens": "llmwatch.tool.image_generation.output_tokens",
            "image_tool_text_output_tokens": "llmwatch.tool.image_generation.text.output_tokens",
            # requests that a batch has completed or failed, or shall, while it runs
            "batch_requests": "llmwatch.batch.requests",
            # sizes
            "input_characters": "llmwatch.input.characters",
            "output_characters": "llmwatch.output.characters",
            "message_count": "llmwatch.input.messages",
            "media_count": "llmwatch.input.media",
            "tool_count": "llmwatch.request.tools",
            "tool_call_count": "llmwatch.response.tool_calls",
            # stream events that carried output: what an estimate of absent usage is made from
            "delta_count": "llmwatch.stream.deltas",
            "event_count": "llmwatch.stream.events",
            "redaction_count": "llmwatch.redaction.count",
            "processing_ms": "openai.processing_ms",
            "ratelimit_limit_requests": "openai.ratelimit.limit_requests",
            "ratelimit_remaining_requests": "openai.ratelimit.remaining_requests",
            "ratelimit_limit_tokens": "openai.ratelimit.limit_tokens",
            "ratelimit_remaining_tokens": "openai.ratelimit.remaining_tokens",
        },
    ),
    *_fields(
        "real",
        {
            "temperature": "gen_ai.request.temperature",
            "top_p": "gen_ai.request.top_p",
            "frequency_penalty": "gen_ai.request.frequency_penalty",
            "presence_penalty": "gen_ai.request.presence_penalty",
            # seconds, as the conventions say; the chunk may be an empty role delta, the token is content
            "time_to_first_chunk": "gen_ai.response.time_to_first_chunk",
            "time_to_first_token": "llmwatch.time_to_first_token",
            "audio_seconds": "llmwatch.usage.audio_seconds",
            # the chance with which this call's content was kept; 1 for the floor of rare tasks, null if none is kept
            "sample_probability": "llmwatch.content.sample_probability",
        },
    ),
    *_fields(
        "boolean",
        {
            "is_stream": "gen_ai.request.stream",
            "is_batch": "llmwatch.batch",
            # no try of the request left this machine, so nobody can have billed it
            "is_unsent": "llmwatch.request.unsent",
            "is_background": "llmwatch.background",
            "is_sampled": "llmwatch.content.sampled",
            "is_content_truncated": "llmwatch.content.truncated",
            "is_output_empty": "llmwatch.output.empty",
            "is_output_fenced": "llmwatch.output.fenced",
            "is_output_json_valid": "llmwatch.output.json_valid",
            "is_output_schema_valid": "llmwatch.output.schema_valid",
            "is_tool_arguments_valid": "llmwatch.output.tool_arguments_valid",
            "is_refusal": "llmwatch.output.refusal",
            "is_content_filtered": "llmwatch.output.content_filter",
        },
    ),
    *_fields(
        "texts",
        {
            "finish_reasons": "gen_ai.response.finish_reasons",
            "stop_sequences": "gen_ai.request.stop_sequences",
            "tool_names": "llmwatch.request.tool_names",
            # the tool-call items of the answer, by type or function name, in order
            "tool_calls": "llmwatch.response.tool_call_names",
            "container_ids": "llmwatch.tool.container_ids",
            # of a batch: its output file and its error file, "" where there is none yet
            "batch_files": "llmwatch.batch.files",
            # fields that could not be read, never a reason to lose the call
            "defects": "llmwatch.defects",
        },
    ),
    Field("stated_cost_usd", "money", "llmwatch.cost.stated_usd"),
    Field("usage_raw", "json", "llmwatch.usage.raw"),
)

# Sampled content, kept apart from the calls so that scans stay small and content has its own retention.
CONTENT_FIELDS: Final[tuple[Field, ...]] = tuple(
    _fields(
        "json",
        {
            "input_messages": "gen_ai.input.messages",
            "output_messages": "gen_ai.output.messages",
            "system_instructions": "gen_ai.system_instructions",
            "tool_definitions": "gen_ai.tool.definitions",
            # the remaining request parameters, so that a stored input can be replayed as it was sent
            "request_parameters": "llmwatch.request.parameters",
        },
    )
)

# One HTTP try inside a call, from opentelemetry-instrumentation-httpx.
ATTEMPT_FIELDS: Final[tuple[Field, ...]] = (
    *_fields(
        "text",
        {
            "http_request_method": "http.request.method",
            "server_address": "server.address",
            "error_type": "error.type",
            "request_id": "openai.request_id",
        },
    ),
    *_fields("integer", {"http_status_code": "http.response.status_code", "processing_ms": "openai.processing_ms"}),
    *_fields("real", {"retry_after": "llmwatch.retry_after"}),
)

# What the usage of an answer is counted by: a row that reads another's answer again carries none of it.
USAGE_COUNTS: Final[tuple[str, ...]] = tuple(
    field.column
    for field in CALL_FIELDS
    if field.kind in ("integer", "real")
    and field.attribute.startswith(("gen_ai.usage.", "llmwatch.usage.", "llmwatch.tool."))
)
# What a finished answer says, wherever it was read: moves to the call that made it.
USAGE_COLUMNS: Final[tuple[str, ...]] = (
    *USAGE_COUNTS, "batch_requests", "response_model", "service_tier", "system_fingerprint", "usage_raw",
    "usage_doubt", "usage_conflict", "stated_cost_usd", "stated_cost_source", "image_tool_model", "container_ids",
    "batch_files", "finish_reasons", "tool_calls", "tool_call_count", "is_refusal",
    "is_content_filtered",
)  # fmt: skip

ATTRIBUTE_TO_COLUMN: Final[Mapping[str, str]] = {f.attribute: f.column for f in (*CALL_FIELDS, *CONTENT_FIELDS)}
COLUMN_TO_ATTRIBUTE: Final[Mapping[str, str]] = {f.column: f.attribute for f in (*CALL_FIELDS, *CONTENT_FIELDS)}
ATTEMPT_ATTRIBUTE_TO_COLUMN: Final[Mapping[str, str]] = {f.attribute: f.column for f in ATTEMPT_FIELDS}

# The span's own identity and times; microseconds since the epoch, UTC.
SPAN_COLUMNS: Final[Mapping[str, str]] = {
    "trace_id": "varchar",
    "span_id": "varchar",
    "parent_span_id": "varchar",
    "started_us": "bigint",
    "ended_us": "bigint",
}


def call_columns() -> dict[str, str]:
    """Column -> SQL type of one spooled call record, in the order of the table; the store reads records with it."""
    columns = dict(SPAN_COLUMNS)
    for field in (*RESOURCE_FIELDS, *CALL_FIELDS, *CONTENT_FIELDS):
        columns[field.column] = SQL_TYPES[field.kind]
    columns["attributes"] = "map(varchar, varchar)"
    return columns


def attempt_columns() -> dict[str, str]:
    """Column -> SQL type of one spooled HTTP attempt record; `parent_span_id` is the span_id of its call."""
    columns = dict(SPAN_COLUMNS)
    for field in ATTEMPT_FIELDS:
        columns[field.column] = SQL_TYPES[field.kind]
    return columns


def record_from_span(
    identity: Mapping[str, Any],
    resource: Mapping[str, Any],
    attributes: Mapping[str, Any],
) -> dict[str, Any]:
    """The spool record of one call span; attributes without a field go to `attributes` as text, none are dropped."""
    record = {**identity, **resource}
    extra: dict[str, str] = {}
    columns = ATTRIBUTE_TO_COLUMN
    for attribute, value in attributes.items():
        column = columns.get(attribute)
        if column is not None:
            record[column] = value
        else:
            extra[attribute] = value if isinstance(value, str) else json.dumps(value, default=str)
    if extra:
        record["attributes"] = extra
    return record


def attributes_from_record(record: Mapping[str, Any]) -> dict[str, Any]:
    """The span attributes a record was made from: the inverse of `record_from_span`, lists as tuples."""
    attributes: dict[str, Any] = {}
    for column, attribute in COLUMN_TO_ATTRIBUTE.items():
        value = record.get(column)
        if value is not None:
            attributes[attribute] = tuple(value) if isinstance(value, list) else value
    attributes.update(record.get("attributes") or {})
    return attributes


def attempt_record(identity: Mapping[str, Any], attributes: Mapping[str, Any]) -> dict[str, Any]:
    """The spool record of one HTTP attempt span; unknown attributes (the URL, say) are left out on purpose."""
    record = dict(identity)
    for attribute, column in ATTEMPT_ATTRIBUTE_TO_COLUMN.items():
        value = attributes.get(attribute)
        if value is not None:
            record[column] = value
    return record


def encode_record(record: Mapping[str, Any]) -> bytes:
    """One line of ASCII JSON that every JSON reader accepts.

    NaN becomes null, types JSON lacks become text, lone surrogates and NUL become U+FFFD: one bad character in a
    prompt must not cost the record, nor the batch it is merged with.
    """
    try:
        text = _ENCODER.encode(record)
    except ValueError:
        text = _ENCODER.encode(_finite(record))
    if "\\ud" in text or "\\u0000" in text:
        text = _UNREADABLE.sub(_readable, text)
    return text.encode("ascii")


# Escaped backslashes and whole surrogate pairs are matched first so that they are stepped over, not cut.
_UNREADABLE: Final = re.compile(r"\\\\|(?:\\ud[89ab][0-9a-f]{2}\\ud[c-f][0-9a-f]{2})|(\\ud[89a-f][0-9a-f]{2}|\\u0000)")


def _readable(match: re.Match[str]) -> str:
    return "\\ufffd" if match.group(1) else match.group(0)


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if value - value == 0 else None
    if isinstance(value, Mapping):
        return {str(k): _finite(v) for k, v in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [_finite(v) for v in value]
    return value


_ENCODER: Final = json.JSONEncoder(allow_nan=False, separators=(",", ":"), default=str)
