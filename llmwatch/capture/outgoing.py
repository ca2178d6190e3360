"""Owns what leaves for a program's own OpenTelemetry providers: attributes, metrics, messages only where asked for.

What stays here is the record in the spool; what leaves goes to a place whose readers nobody here knows. So words of a
call leave only where the standard's variable asks for them, and then redacted as they would be stored.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from ..call import COLUMN_TO_ATTRIBUTE, CONTENT_FIELDS

if TYPE_CHECKING:
    from opentelemetry.metrics import Meter

# The version that the released GenAI conventions name.
SCHEMA_URL: Final = "https://opentelemetry.io/schemas/1.37.0"

_ASKED: Final = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
# Read by earlier releases of the standard's own instrumentation, and still set in many deployments.
_ASKED_BEFORE: Final = "OTEL_INSTRUMENTATION_OPENAI_CAPTURE_MESSAGE_CONTENT"
_ON_SPANS: Final = frozenset({"SPAN_ONLY", "SPAN_AND_EVENT", "TRUE"})

# Attributes that are words of a request, an answer or an error.
WORDS: Final = frozenset(
    {
        *(field.attribute for field in CONTENT_FIELDS),
        *(COLUMN_TO_ATTRIBUTE[column] for column in ("prompt_head", "error_message", "stop_sequences")),
    }
)
# Hashes tell whether two texts are equal, and so what a short text is: they are of use here and stay here.
_STAY: Final = WORDS - {COLUMN_TO_ATTRIBUTE["stop_sequences"]} | {
    COLUMN_TO_ATTRIBUTE[column] for column in ("prompt_hash", "output_hash", "request_hash")
}
_USAGE: Final = ("gen_ai.usage.", "llmwatch.usage.", "llmwatch.tool.")


def is_content_asked() -> bool:
    """Whether the environment asks for messages on spans; an unknown value asks for nothing."""
    asked = os.environ.get(_ASKED, "").strip() or os.environ.get(_ASKED_BEFORE, "").strip()
    return asked.upper() in _ON_SPANS


def span_attributes(attributes: Mapping[str, Any], *, is_counted: bool) -> dict[str, Any]:
    """What of a call's attributes may leave; without its usage where another span carries that."""
    return {
        name: value
        for name, value in attributes.items()
        if name not in _STAY and not (is_counted and name.startswith(_USAGE))
    }


def embedding_attributes(body: Mapping[str, Any]) -> dict[str, Any]:
    """What the convention says of an embedding's request; the length of vectors where the request states it."""
    found: dict[str, Any] = {}
    dimensions, encoding = body.get("dimensions"), body.get("encoding_format")
    if isinstance(dimensions, int) and not isinstance(dimensions, bool):
        found["gen_ai.embeddings.dimension.count"] = dimensions
    if isinstance(encoding, str):
        found["gen_ai.request.encoding_formats"] = [encoding[:64]]
    return found


def message_attributes(content: Mapping[str, str | None], finish_reasons: Any = None) -> dict[str, str]:
    """Prepared (redacted, capped) content as the convention's attributes: messages of a role and parts, as JSON.

    `content` is by column of the store. What cannot be read, content that was cut as a whole say, is left out.
    """
    found: dict[str, str] = {}
    readers: dict[str, Callable[[Any], list[dict[str, Any]]]] = {
        "input_messages": lambda value: _messages(value, "user"),
        "output_messages": lambda value: _answers(value, finish_reasons),
        "system_instructions": _parts,
        "tool_definitions": _tools,
    }
    for column, reader in readers.items():
        text = content.get(column)
        if not text:
            continue
        made = reader(json.loads(text))
        if made:
            found[COLUMN_TO_ATTRIBUTE[column]] = json.dumps(made, ensure_ascii=False, separators=(",", ":"))
    return found


def _messages(value: Any, role: str) -> list[dict[str, Any]]:
    """Messages of the chat API, items of the responses API, or a bare prompt."""
    rows = value if isinstance(value, list) else [value]
    made: list[dict[str, Any]] = []
    for row in rows:
        if isinstance(row, str):
            made.append({"role": role, "parts": [_text(row)]})
        elif isinstance(row, Mapping) and (parts := _message_parts(row)):
            message = {"role": _role(row, role), "parts": parts}
            if isinstance(row.get("name"), str) and "role" in row:
                message["name"] = row["name"]
            made.append(message)
    return made


def _answers(value: Any, finish_reasons: Any) -> list[dict[str, Any]]:
    """Choices or items; the schema wants a finish reason with each."""
    reasons = list(finish_reasons) if isinstance(finish_reasons, list | tuple) else []
    made: list[dict[str, Any]] = []
    for at, row in enumerate(value if isinstance(value, list) else [value]):
        inner = row.get("message") if isinstance(row, Mapping) and isinstance(row.get("message"), Mapping) else row
        for message in _messages(inner, "assistant"):
            told = row.get("finish_reason") if isinstance(row, Mapping) else None
            told = told or (reasons[min(at, len(reasons) - 1)] if reasons else None)
            made.append({**message, "finish_reason": _REASONS.get(str(told), str(told)) if told else "stop"})
    return made


_REASONS: Final[Mapping[str, str]] = {"tool_calls": "tool_call", "function_call": "tool_call", "completed": "stop"}
_CALLS: Final = ("function_call", "custom_tool_call")
_CALL_OUTPUTS: Final = ("function_call_output", "custom_tool_call_output")


def _role(row: Mapping[str, Any], default: str) -> str:
    kind = row.get("type")
    if isinstance(row.get("role"), str):
        return "system" if row["role"] == "developer" else row["role"]
    if kind in _CALL_OUTPUTS:
        return "tool"
    return "assistant" if kind in _CALLS or kind == "reasoning" else default


def _message_parts(row: Mapping[str, Any]) -> list[dict[str, Any]]:
    if row.get("role") in ("tool", "function"):
        identity = row.get("tool_call_id") or row.get("name")
        return [{"type": "tool_call_response", "id": identity, "response": row.get("content")}]
    parts = [] if row.get("type") in (*_CALLS, *_CALL_OUTPUTS) else _parts(row.get("content"))
    if "content" not in row or row.get("type") in (*_CALLS, *_CALL_OUTPUTS, "reasoning"):
        parts = _part(row)
    if isinstance(row.get("refusal"), str) and row["refusal"]:
        parts = [*parts, _text(row["refusal"])]
    calls = row.get("tool_calls")
    old = row.get("function_call")
    for call in [*(calls if isinstance(calls, list) else []), *([{"function": old}] if old else [])]:
        function = call.get("function") or call.get("custom") if isinstance(call, Mapping) else None
        if isinstance(function, Mapping):
            arguments = function.get("arguments", function.get("input"))
            parts.append(_tool_call(call.get("id"), function.get("name"), arguments))
    return parts


def _parts(value: Any) -> list[dict[str, Any]]:
    if isinstance(value, list):
        return [part for item in value for part in _part(item)]
    return _part(value)


def _part(item: Any) -> list[dict[str, Any]]:
    """One part of a message in the convention's words; [] for one that says nothing."""
    if item is None or item == "":
        return []
    if not isinstance(item, Mapping):
        return [_text(item if isinstance(item, str) else json.dumps(item))]
    kind = item.get("type")
    if kind in _CALLS:
        return [_tool_call(item.get("call_id"), item.get("name"), item.get("arguments", item.get("input")))]
    if kind in _CALL_OUTPUTS:
        return [{"type": "tool_call_response", "id": item.get("call_id"), "response": item.get("output")}]
    if kind == "reasoning":
        said = [
            part["content"] for part in _parts(item.get("summary") or item.get("content")) if part["type"] == "text"
        ]
        return [{"type": "reasoning", "content": "\n".join(said)}] if said else []
    for name in ("text", "refusal"):
        if isinstance(item.get(name), str):
            return [_text(item[name])]
    if isinstance(kind, str):
        return _medium(kind, item)
    # A note of ours: how many messages were left out.
    return [_text(json.dumps(item))] if item else []


def _medium(kind: str, item: Mapping[str, Any]) -> list[dict[str, Any]]:
    """An image, a sound or a file; its bytes were replaced by size and hash before, so inline ones are none here."""
    modality = next((name for name in ("image", "audio", "video") if name in kind), "document")
    inner = item.get(kind)
    place = inner if isinstance(inner, Mapping) else item
    file_id = place.get("file_id")
    if isinstance(file_id, str):
        return [{"type": "file", "modality": modality, "file_id": file_id}]
    url = place.get("url") or place.get("image_url") or place.get("file_url")
    if isinstance(url, str):
        return [{"type": "uri", "modality": modality, "uri": url}]
    return [{"type": kind}]


def _text(text: str) -> dict[str, Any]:
    return {"type": "text", "content": text}


def _tool_call(identity: Any, name: Any, arguments: Any) -> dict[str, Any]:
    if isinstance(arguments, str):
        with suppress(ValueError):
            arguments = json.loads(arguments)
    return {"type": "tool_call", "id": identity, "name": str(name or ""), "arguments": arguments}


def _tools(value: Any) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = []
    for tool in value if isinstance(value, list) else []:
        if not isinstance(tool, Mapping):
            continue
        nested = tool.get("function")
        function = nested if isinstance(nested, Mapping) else tool
        kind = tool.get("type") or "function"
        definition: dict[str, Any] = {"type": kind, "name": str(function.get("name") or kind)}
        for name in ("description", "parameters"):
            if kind == "function" and function.get(name) is not None:
                definition[name] = function[name]
        made.append(definition)
    return made


_SECONDS: Final = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
_TOKENS: Final = tuple(4**power for power in range(14))
# What a measurement is told apart by: nothing with many values, or that names a person.
_TOLD_APART: Final = tuple(
    COLUMN_TO_ATTRIBUTE[column]
    for column in (
        "operation_name",
        "provider_name",
        "request_model",
        "response_model",
        "server_address",
        "server_port",
    )
)


class Metrics:
    """The convention's metrics of a client: duration, tokens, time to the first chunk."""

    def __init__(self, meter: Meter) -> None:
        self._duration = meter.create_histogram(
            "gen_ai.client.operation.duration",
            unit="s",
            description="Seconds from the request to the end of its answer",
            explicit_bucket_boundaries_advisory=_SECONDS,
        )
        self._tokens = meter.create_histogram(
            "gen_ai.client.token.usage",
            unit="{token}",
            description="Tokens of an operation, by type",
            explicit_bucket_boundaries_advisory=_TOKENS,
        )
        self._first_chunk = meter.create_histogram(
            "gen_ai.client.operation.time_to_first_chunk",
            unit="s",
            description="Seconds from the request to the first chunk of a stream",
            explicit_bucket_boundaries_advisory=_SECONDS,
        )

    def record(self, attributes: Mapping[str, Any], seconds: float, *, is_error: bool) -> None:
        """Measures one call from the attributes of its span, as they leave: usage told elsewhere is not in them."""
        labels = {name: attributes[name] for name in _TOLD_APART if name in attributes}
        timed = {**labels, "error.type": attributes.get("error.type", "_OTHER")} if is_error else labels
        self._duration.record(max(0.0, seconds), timed)
        for kind in ("input", "output"):
            count = attributes.get(f"gen_ai.usage.{kind}_tokens")
            if count is not None:
                self._tokens.record(count, {**labels, "gen_ai.token.type": kind})
        first = attributes.get("gen_ai.response.time_to_first_chunk")
        if first is not None and attributes.get("gen_ai.request.stream"):
            self._first_chunk.record(first, timed)
