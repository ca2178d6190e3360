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
from .usage import count, drawn_svg_fields, read_parts, seconds, svg_fields, usage_fields, usage_of

Json = Mapping[str, Any]
_MAX_NAMES: Final = 64
# States of an answer that is not finished: what it says of usage is not the whole. A tuple: what is looked for in it
# may be a list.
_UNFINISHED: Final = (
    "validating", "queued", "in_progress", "finalizing", "cancelling", "requires_action", "pending", "running",
    "processing", "starting",
)  # fmt: skip


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
        _read_batch(body, answer)
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
        if body.get("status") not in _UNFINISHED:
            counts = usage_fields(usage)
            fields.update(counts)
            if not counts and endpoint.billing != "unknown":
                answer.defects.append("usage_unreadable")
    _read_beside_usage(endpoint, body, usage, fields)
    fields["usage_source"] = _usage_source(endpoint, body, fields)
    if endpoint.billing == "none" and fields["usage_source"] in ("response", "pending"):
        # Something outside the table that is read by its id, a run of a thread say.
        fields["operation_name"] = f"fetch_{(_text(body.get('object')) or 'answer').rpartition('.')[2]}"


def _read_beside_usage(endpoint: Endpoint, body: Json, usage: Json | None, fields: dict[str, Any]) -> None:
    if endpoint.family == "transcription" and not fields.keys() & _COUNTED:
        _read_duration(body, fields)
    if "svg_usage" in body:
        fields.update(svg_fields(body["svg_usage"], fields))
    elif "image_generation_call" in fields.get("tool_calls", ()):
        fields.update(drawn_svg_fields(_mappings(body.get("output")), fields))
    if states_cost(body, usage):
        fields.update(stated_cost(body, usage))


def _read_duration(body: Json, fields: dict[str, Any]) -> None:
    """A verbose transcript says how long the sound was; older servers report no other usage."""
    length = seconds(body.get("duration"))
    if length is not None:
        fields["audio_seconds"] = length
        fields["usage_doubt"] = "the seconds are the length of the sound, the billed ones were not reported"


def _usage_source(endpoint: Endpoint, body: Json, fields: dict[str, Any]) -> str:
    """Status first: what an answer that is not finished says of its usage does not stand for the whole."""
    is_answer = body.get("id") is not None
    if body.get("status") in _UNFINISHED and (
        endpoint.family in ("responses", "batch") or (is_answer and "usage" in body)
    ):
        return "pending"
    if endpoint.family == "batch":
        return _batch_usage(body, fields)
    if fields.keys() & _COUNTED:
        return "response"
    if endpoint.billing == "fetched":
        return "absent" if is_answer else "none"
    return "absent" if endpoint.billing == "reported" else endpoint.billing


_COUNTED: Final = frozenset({"input_tokens", "output_tokens", "audio_seconds"})


def _read_batch(body: Json, answer: Answer) -> None:
    fields = answer.fields
    fields["is_batch"] = True
    counts = _mapping(body.get("request_counts"))
    done = [number for key in ("completed", "failed") if (number := count(counts.get(key))) is not None]
    if body.get("status") in _UNFINISHED:
        fields["batch_requests"] = max(count(counts.get("total")) or 0, 1)
    elif done:
        fields["batch_requests"] = sum(done)
    elif body.get("status") == "failed":
        # The file was refused: no request of it ran.
        fields["batch_requests"] = 0
    files = [_text(body.get(key)) or "" for key in ("output_file_id", "error_file_id")]
    if any(files):
        fields["batch_files"] = files


def _batch_usage(body: Json, fields: dict[str, Any]) -> str:
    """Of a batch that is over: its usage; nothing where no request was completed; else unknown, zeros too."""
    if body.get("id") is None:
        return "none"
    if fields.get("input_tokens") or fields.get("output_tokens"):
        return "response"
    completed = count(_mapping(body.get("request_counts")).get("completed"))
    if completed == 0 or (completed is None and fields.get("batch_requests") == 0):
        fields["input_tokens"] = fields["output_tokens"] = 0
        return "response"
    for column in _COUNTED:
        fields.pop(column, None)
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
    "image_generation_call": "image_tool_calls",
}
_IMAGE_TOOL_INPUT: Final[Mapping[str, str]] = {"image_tokens": "image_tool_image_input_tokens"}
_IMAGE_TOOL_CACHED: Final[Mapping[str, str]] = {"cached_image_tokens": "image_tool_cached_image_input_tokens"}
_IMAGE_TOOL_OUTPUT: Final[Mapping[str, str]] = {"text_tokens": "image_tool_text_output_tokens"}


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
    _read_tool_usage(body, fields, preview=preview)
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
    if (kind == "image_generation_call" and item.get("status") == "failed") or (
        kind == "shell_call" and _mapping(item.get("environment")).get("type") == "local"
    ):
        # No picture was made; the shell ran on the program's own machine.
        column = None
    if column:
        fields[column] = fields.get(column, 0) + 1


def _read_tool_usage(body: Json, fields: dict[str, Any], *, preview: bool) -> None:
    """OpenAI's own counts of what its tools bill; where they are given they are right, and the items are not."""
    tool_usage = _mapping(body.get("tool_usage"))
    searches = count(_mapping(tool_usage.get("web_search")).get("num_requests"))
    if searches is not None:
        for column in ("web_search_calls", "web_search_preview_calls"):
            fields.pop(column, None)
        if searches:
            fields["web_search_preview_calls" if preview else "web_search_calls"] = searches
    image = _mapping(tool_usage.get("image_gen"))
    used = {key: number for key in ("input_tokens", "output_tokens") if (number := count(image.get(key)))}
    tool = next((t for t in _mappings(body.get("tools")) if t.get("type") == "image_generation"), None)
    if (used or "image_tool_calls" in fields) and (model := _text(_mapping(tool).get("model"))) is not None:
        fields["image_tool_model"] = model
    if not used:
        return
    fields["image_tool_input_tokens"] = used.get("input_tokens", 0)
    fields["image_tool_output_tokens"] = used.get("output_tokens", 0)
    if (cached := count(image.get("cached_tokens"))) is not None:
        fields["image_tool_cached_input_tokens"] = cached
    read_parts(image.get("input_tokens_details"), _IMAGE_TOOL_INPUT, fields)
    read_parts(image.get("cached_tokens_details"), _IMAGE_TOOL_CACHED, fields)
    read_parts(image.get("output_tokens_details"), _IMAGE_TOOL_OUTPUT, fields)


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
