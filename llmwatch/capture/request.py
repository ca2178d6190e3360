"""Reads a request body into fields of a Call. Pure: it changes nothing it reads and keeps no reference to it.

The body is what the SDK is about to send: iterators are lists by now and omitted parameters are gone.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from .containers import memory_of
from .endpoints import Endpoint
from .facts import Expectation, input_language, task_text_mask
from .fingerprint import digest

Json = Mapping[str, Any]
_LANGUAGE_SAMPLE: Final = 240
# Parameters of which only a part is kept or which are content themselves.
_NOT_PARAMETERS: Final = frozenset(
    {"messages", "input", "prompt", "instructions", "tools", "functions", "metadata", "user", "safety_identifier"}
)


@dataclass(slots=True)
class RequestContent:
    """What a sampled call keeps of its request, before redaction; every part may be missing."""

    input_messages: Any = None
    system_instructions: Any = None
    tool_definitions: Any = None
    parameters: dict[str, Any] = field(default_factory=dict[str, Any])


@dataclass(slots=True)
class Request:
    """A request as read: fields for the Call, what its output is expected to be, and its content."""

    fields: dict[str, Any]
    expectation: Expectation
    head: str | None
    content: RequestContent


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _integer(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _text(value: Any) -> str | None:
    return value[:256] if isinstance(value, str) and value else None


def _stop(value: Any) -> list[str] | None:
    if isinstance(value, str):
        return [value[:64]]
    return [str(v)[:64] for v in value[:8]] if isinstance(value, list) else None


# Column -> (parameter, reader) of the parameters that every family spells alike.
_PARAMETERS: Final[Mapping[str, tuple[str, Callable[[Any], Any]]]] = {
    "temperature": ("temperature", _number),
    "top_p": ("top_p", _number),
    "frequency_penalty": ("frequency_penalty", _number),
    "presence_penalty": ("presence_penalty", _number),
    "seed": ("seed", _integer),
    "stop_sequences": ("stop", _stop),
    "request_service_tier": ("service_tier", _text),
    "previous_response_id": ("previous_response_id", _text),
    "reasoning_level": ("reasoning_effort", _text),
}


def request_model(body: Json) -> str | None:
    """The model named in the body, as it was written."""
    return _text(body.get("model"))


def read_request(endpoint: Endpoint, body: Json) -> Request:
    """Everything the Call knows from the request alone."""
    fields: dict[str, Any] = {}
    for column, (parameter, reader) in _PARAMETERS.items():
        if parameter in body:
            fields[column] = reader(body[parameter])
    for parameter in ("max_completion_tokens", "max_output_tokens", "max_tokens"):
        if parameter in body:
            fields["max_tokens"] = _integer(body[parameter])
            break
    choices = _integer(body.get("n"))
    if choices is not None and choices != 1:
        fields["choice_count"] = choices
    if body.get("background") is True:
        fields["is_background"] = True
    _read_responses_parameters(body, fields)
    if memory := memory_of(body.get("tools")):
        fields["container_memory"] = memory
    json_object, schema = _read_format(body, fields)
    expectation = Expectation(json_object, schema, _read_tools(body, fields))
    content = RequestContent(tool_definitions=body.get("tools") or body.get("functions"))
    head = _read_input(endpoint, body, fields, content)
    return Request(fields, expectation, head, content)


def replay_parameters(body: Json) -> dict[str, Any]:
    """The request parameters that are not content, so that a stored input can be sent again as it was."""
    return {key: value for key, value in body.items() if key not in _NOT_PARAMETERS}


def _read_responses_parameters(body: Json, fields: dict[str, Any]) -> None:
    reasoning = body.get("reasoning")
    if isinstance(reasoning, dict):
        fields["reasoning_level"] = _text(reasoning.get("effort"))
    conversation = body.get("conversation")
    if conversation is not None:
        fields["conversation_id"] = _text(conversation.get("id") if isinstance(conversation, dict) else conversation)


def _read_format(body: Json, fields: dict[str, Any]) -> tuple[bool, dict[str, Any] | None]:
    """(JSON is asked for, the schema it must follow); notes gen_ai.output.type."""
    text = body.get("text")
    wanted = text.get("format") if isinstance(text, dict) else body.get("response_format")
    if not isinstance(wanted, dict):
        if isinstance(wanted, str):
            fields["response_format"] = wanted[:64]
        return False, None
    kind = wanted.get("type")
    if kind == "json_object":
        fields["response_format"], fields["output_type"] = "json_object", "json"
        return True, None
    if kind != "json_schema":
        return False, None
    nested = wanted.get("json_schema")
    spec: Json = nested if isinstance(nested, dict) else wanted
    fields["response_format"], fields["output_type"] = _text(spec.get("name")) or "json_schema", "json"
    schema = spec.get("schema")
    if isinstance(schema, dict):
        fields["schema_hash"] = _stable_digest(schema)
        return True, schema
    return True, None


_ENCODER: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":"), default=str)


def _stable_digest(value: Any) -> str | None:
    try:
        return digest(_ENCODER.encode(value))
    except (TypeError, ValueError, RecursionError):
        return None


def _read_tools(body: Json, fields: dict[str, Any]) -> dict[str, Any]:
    """Function name -> schema of its arguments; notes names, number and digest of the tools."""
    tools = body.get("tools") or body.get("functions")
    schemas: dict[str, Any] = {}
    if not isinstance(tools, list) or not tools:
        return schemas
    names: list[str] = []
    for tool in tools:
        if not isinstance(tool, dict):
            continue
        nested = tool.get("function")
        function: Json = nested if isinstance(nested, dict) else tool
        name = function.get("name") or tool.get("type")
        if not isinstance(name, str):
            continue
        names.append(name[:128])
        schema = function.get("parameters")
        if isinstance(schema, dict):
            schemas[name] = schema
    fields["tool_count"] = len(tools)
    fields["tool_names"] = names
    fields["tools_hash"] = _stable_digest(tools)
    return schemas


def _read_input(endpoint: Endpoint, body: Json, fields: dict[str, Any], content: RequestContent) -> str | None:
    """Sizes and language of the input; returns the masked head of the static prompt text, None if there is none."""
    messages: Any = body.get("messages")
    if messages is None:
        messages = body.get("input") if "input" in body else body.get("prompt")
    content.input_messages = messages
    content.system_instructions = body.get("instructions")
    rows: list[Any] = messages if isinstance(messages, list) else [messages]
    static = _text_of(content.system_instructions)[0]
    characters, media, last_user = len(static), 0, ""
    for row in rows:
        text, row_media = _text_of(row)
        characters += len(text)
        media += row_media
        role = row.get("role") if isinstance(row, dict) else None
        if role in ("system", "developer"):
            static = static or text
        elif role in ("user", None):
            last_user = text
    fields["input_characters"] = characters
    fields["message_count"] = len(rows) if messages is not None else 0
    if media:
        fields["media_count"] = media
    if endpoint.family not in ("chat", "responses", "completions"):
        return None
    if last_user:
        fields["input_language"] = input_language(last_user[:_LANGUAGE_SAMPLE])
    if static:
        fields["prompt_hash"], head = _static_text(static)
        return head
    return task_text_mask(last_user) if last_user else None


# Static text -> (its digest, its masked head). The same string object comes with every call, so a look-up is nearly
# free where both would cost as much as all the rest of the request.
_static_texts: dict[str, tuple[str, str]] = {}
_MAX_STATIC_TEXTS: Final = 256
_MAX_STATIC_CHARACTERS: Final = 64 * 1024


def _static_text(text: str) -> tuple[str, str]:
    known = _static_texts.get(text)
    if known is None:
        known = digest(text), task_text_mask(text)
        if len(text) <= _MAX_STATIC_CHARACTERS:
            if len(_static_texts) >= _MAX_STATIC_TEXTS:
                _static_texts.clear()
            _static_texts[text] = known
    return known


def _text_of(value: Any) -> tuple[str, int]:
    """(all text in a message or content part, number of images, sounds and files in it)."""
    if isinstance(value, str):
        return value, 0
    if isinstance(value, dict):
        if isinstance(value.get("content"), str):
            return value["content"], 0
        if "content" in value:
            return _text_of(value["content"])
        for key in ("text", "refusal", "output", "arguments"):
            text = value.get(key)
            if isinstance(text, str):
                return text, 0
        kind = value.get("type")
        return "", 1 if isinstance(kind, str) and ("image" in kind or "audio" in kind or "file" in kind) else 0
    if isinstance(value, list | tuple):
        texts: list[str] = []
        media = 0
        for part in value:
            text, part_media = _text_of(part) if not isinstance(part, list) else ("", 0)
            media += part_media
            if text:
                texts.append(text)
        return "\n".join(texts), media
    return "", 0
