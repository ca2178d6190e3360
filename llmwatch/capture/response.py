"""Reads an answer's body into fields of a Call. Pure and defensive: any value may be missing, null or of a wrong type.

What cannot be read is left out and named in `defects`; a body is never changed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from .containers import container_of, memory_of
from .endpoints import Endpoint
from .stated_cost import stated_cost, states_cost
from .usage import drawn_svg_fields, seconds, svg_fields, usage_fields, usage_of

Json = Mapping[str, Any]
_MAX_NAMES: Final = 64
# A tuple: what is looked for in it may be a list.
_UNFINISHED: Final = ("queued", "in_progress")


@dataclass(slots=True)
class Answer:
    """An answer as read: fields for the Call, and its output for facts and for content."""

    fields: dict[str, Any] = field(default_factory=dict[str, Any])
    texts: list[str] = field(default_factory=list[str])
    # (function name, arguments as JSON text) of each function the model called
    functions: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    output: Any = None
    # (type, message) where the body itself is an error, whatever its HTTP status
    error: tuple[str, str] | None = None
    defects: list[str] = field(default_factory=list[str])


def _mapping(value: Any) -> Json:
    return value if isinstance(value, dict) else {}


def _mappings(value: Any) -> list[Json]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list | tuple) else []


def _text(value: Any) -> str | None:
    return value[:256] if isinstance(value, str) and value else None


def read_answer(endpoint: Endpoint, body: Any) -> Answer:
    """Everything the Call knows from a decoded answer."""
    answer = Answer()
    if not isinstance(body, dict):
        answer.defects.append("body_not_an_object")
        return answer
    _read_identity(body, answer)
    _read_error(body, answer)
    if endpoint.family == "chat":
        _read_chat(body, answer)
    elif endpoint.family == "responses":
        _read_responses(body, answer)
    elif endpoint.family == "completions":
        _read_completions(body, answer)
    elif endpoint.family == "batch":
        answer.fields["is_batch"] = True
    elif endpoint.family == "transcription" and isinstance(body.get("text"), str):
        answer.texts.append(body["text"])
    _read_usage(endpoint, body, answer)
    return answer


def _read_identity(body: Json, answer: Answer) -> None:
    fields = answer.fields
    for column, key in (
        ("response_id", "id"),
        ("response_model", "model"),
        ("service_tier", "service_tier"),
        ("system_fingerprint", "system_fingerprint"),
    ):
        if (value := _text(body.get(key))) is not None:
            fields[column] = value


def _read_error(body: Json, answer: Answer) -> None:
    error = body.get("error")
    if isinstance(error, dict) and error:
        kind = error.get("code") or error.get("type") or "error"
        answer.error = (str(kind)[:128], str(error.get("message") or "")[:2000])
    elif isinstance(error, str) and error:
        answer.error = ("error", error[:2000])


def _read_usage(endpoint: Endpoint, body: Json, answer: Answer) -> None:
    """Token counts and where they came from; the raw object is kept whole, a field added tomorrow is in it."""
    fields = answer.fields
    usage = usage_of(body)
    if usage:
        raw: dict[str, Any] = dict(usage)
        for key in ("svg_usage", "tool_usage"):
            if isinstance(body.get(key), dict):
                raw[key] = body[key]
        fields["usage_raw"] = _json(raw)
        if endpoint.billing != "unknown":
            counts = usage_fields(usage)
            fields.update(counts)
            if not counts:
                answer.defects.append("usage_unreadable")
    if endpoint.family == "transcription" and not fields.keys() & _COUNTED:
        _read_duration(body, fields)
    if "svg_usage" in body:
        fields.update(svg_fields(body["svg_usage"], fields))
    elif "image_generation_call" in fields.get("tool_calls", ()):
        fields.update(drawn_svg_fields(_mappings(body.get("output")), fields))
    if states_cost(body, usage):
        fields.update(stated_cost(body, usage))
    fields["usage_source"] = _usage_source(endpoint, body, fields)


_COUNTED: Final = frozenset({"input_tokens", "output_tokens", "audio_seconds"})


def _read_duration(body: Json, fields: dict[str, Any]) -> None:
    """A verbose transcript says how long the sound was; older servers report no other usage."""
    length = seconds(body.get("duration"))
    if length is not None:
        fields["audio_seconds"] = length
        fields["usage_doubt"] = "the seconds are the length of the sound, the billed ones were not reported"


def _usage_source(endpoint: Endpoint, body: Json, fields: Json) -> str:
    if endpoint.billing in ("none", "unknown"):
        return endpoint.billing
    if fields.keys() & _COUNTED:
        return "response"
    if endpoint.family in ("responses", "batch") and body.get("status") in _UNFINISHED:
        return "pending"
    if endpoint.billing == "fetched":
        return "none"
    return "absent"


_ENCODER: Final = json.JSONEncoder(separators=(",", ":"), default=str)


def _json(value: Any) -> str | None:
    try:
        return _ENCODER.encode(value)[:16384]
    except (TypeError, ValueError, RecursionError):
        return None


def _read_chat(body: Json, answer: Answer) -> None:
    reasons: list[str] = []
    names: list[str] = []
    messages: list[Json] = []
    for choice in _mappings(body.get("choices")):
        reasons.append(_text(choice.get("finish_reason")) or "error")
        message = _mapping(choice.get("message"))
        messages.append(message)
        content = message.get("content")
        if isinstance(content, str):
            answer.texts.append(content)
        if message.get("refusal"):
            answer.fields["is_refusal"] = True
            answer.texts.append(str(message["refusal"]))
        for call in _mappings(message.get("tool_calls")):
            _read_function(_mapping(call.get("function")) or _mapping(call.get("custom")), call, names, answer)
        if legacy := _mapping(message.get("function_call")):
            _read_function(legacy, legacy, names, answer)
    if "content_filter" in reasons:
        answer.fields["is_content_filtered"] = True
    _finish(reasons, names, answer)
    if messages:
        answer.output = messages


def _read_function(function: Json, call: Json, names: list[str], answer: Answer) -> None:
    name = _text(function.get("name")) or _text(call.get("type")) or "?"
    names.append(name)
    arguments = function.get("arguments")
    if isinstance(arguments, str):
        answer.functions.append((name, arguments))


def _finish(reasons: list[str], names: list[str], answer: Answer) -> None:
    if reasons:
        answer.fields["finish_reasons"] = reasons[:_MAX_NAMES]
    if names:
        answer.fields["tool_calls"] = names[:_MAX_NAMES]
        answer.fields["tool_call_count"] = len(names)


def _read_completions(body: Json, answer: Answer) -> None:
    reasons: list[str] = []
    for choice in _mappings(body.get("choices")):
        reasons.append(_text(choice.get("finish_reason")) or "error")
        if isinstance(choice.get("text"), str):
            answer.texts.append(choice["text"])
    _finish(reasons, [], answer)
    answer.output = answer.texts or None


# Output item type -> column of the tools that OpenAI runs and bills by the call.
_BILLED_TOOLS: Final[Mapping[str, str]] = {
    "file_search_call": "file_search_calls",
    "code_interpreter_call": "container_calls",
    "shell_call": "container_calls",
}


def _read_responses(body: Json, answer: Answer) -> None:
    fields = answer.fields
    names: list[str] = []
    containers: list[str] = []
    preview = any("preview" in str(tool.get("type")) for tool in _mappings(body.get("tools")))
    for item in _mappings(body.get("output")):
        kind = item.get("type")
        if kind == "message":
            _read_message_item(item, answer)
        elif kind in ("function_call", "custom_tool_call"):
            _read_function(item, item, names, answer)
        elif isinstance(kind, str) and kind != "reasoning":
            names.append(kind[:128])
            _read_tool_item(kind, item, fields, preview=preview)
            if container := container_of(item):
                containers.append(container)
    if containers:
        _note_containers(containers, body, fields)
    _finish(_responses_reasons(body, names, answer), names, answer)
    answer.output = body.get("output") or None
    if body.get("background") is True:
        fields["is_background"] = True
    if previous := _text(body.get("previous_response_id")):
        fields["previous_response_id"] = previous
    if conversation := _text(_mapping(body.get("conversation")).get("id")):
        fields["conversation_id"] = conversation


def _note_containers(containers: list[str], body: Json, fields: dict[str, Any]) -> None:
    fields["container_ids"] = sorted(set(containers))[:_MAX_NAMES]
    if memory := memory_of(body.get("tools")):
        fields["container_memory"] = memory


def _read_tool_item(kind: str, item: Json, fields: dict[str, Any], *, preview: bool) -> None:
    column = _BILLED_TOOLS.get(kind)
    if kind == "web_search_call":
        # Only a search is billed; open_page and find_in_page are not. An item without an action is an older search.
        action = _mapping(item.get("action")).get("type")
        if action in (None, "search") and item.get("status") != "failed":
            column = "web_search_preview_calls" if preview else "web_search_calls"
    if column:
        fields[column] = fields.get(column, 0) + 1


def _read_message_item(item: Json, answer: Answer) -> None:
    for part in _mappings(item.get("content")):
        if isinstance(part.get("text"), str):
            answer.texts.append(part["text"])
        if part.get("type") == "refusal":
            answer.fields["is_refusal"] = True
            answer.texts.append(str(part.get("refusal") or ""))


def _responses_reasons(body: Json, names: list[str], answer: Answer) -> list[str]:
    """The Responses API has a status instead of a finish reason; said here in the words of finish reasons."""
    status = body.get("status")
    if status == "completed":
        return ["tool_calls" if answer.functions else "stop"]
    if status == "incomplete":
        reason = _mapping(body.get("incomplete_details")).get("reason")
        if reason == "content_filter":
            answer.fields["is_content_filtered"] = True
            return ["content_filter"]
        return ["length" if reason == "max_output_tokens" else _text(reason) or "error"]
    if status in ("failed", "cancelled"):
        if status == "failed" and answer.error is None:
            answer.error = ("failed", "")
        return ["error" if status == "failed" else "cancelled"]
    return []
