"""Owns how kept content reads to a person: who said what, in order, whatever shape the endpoint gave it.

The text is a stranger's, exactly as it was stored; whoever shows it makes it inert.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final, cast

_TEXTS: Final = ("text", "content", "refusal", "output", "transcript", "input")
_NOTHING: Final = "(nothing)"


def question_text(content: Mapping[str, Any]) -> str:
    """What the model was given: instructions, then the messages, each under its role."""
    parts = [*_turns(content.get("system_instructions"), "system"), *_turns(content.get("input_messages"), "user")]
    return _joined(parts, has_roles=True)


def answer_text(stored: str | None) -> str:
    """What the model gave back: its text and the tools it called."""
    return _joined([*_turns(stored, "assistant")], has_roles=False)


def _joined(turns: list[tuple[str, str]], *, has_roles: bool) -> str:
    said = [(role, text) for role, text in turns if text.strip()]
    if not said:
        return _NOTHING
    return "\n\n".join(f"[{role}]\n{text}" if has_roles else text for role, text in said)


def _turns(stored: str | None, role: str) -> Iterator[tuple[str, str]]:
    """(role, text) of each message of a stored text, which is JSON unless it was cut."""
    if not stored:
        return
    try:
        value = json.loads(stored)
    except (ValueError, RecursionError):
        yield role, stored
        return
    for item in cast("list[Any]", value) if isinstance(value, list) else [value]:
        yield _role(item, role), "\n".join(_texts(item, 0))


def _role(item: Any, role: str) -> str:
    found = cast("Mapping[str, Any]", item).get("role") if isinstance(item, Mapping) else None
    return found if isinstance(found, str) and found else role


def _texts(value: Any, depth: int) -> Iterator[str]:
    """Every text and tool call inside a message, in order; what has neither is shown as JSON."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list) and depth < 8:
        for item in cast("list[Any]", value):
            yield from _texts(item, depth + 1)
    elif isinstance(value, Mapping) and depth < 8:
        yield from _mapping_texts(cast("Mapping[str, Any]", value), depth)
    elif value is not None:
        yield _json(value)


def _mapping_texts(value: Mapping[str, Any], depth: int) -> Iterator[str]:
    if value.get("type") == "reasoning":
        return
    found = [text for key in _TEXTS if value.get(key) for text in _texts(value[key], depth + 1)]
    yield from found
    calls = list(_tool_calls(value))
    yield from calls
    is_message = "role" in value or "content" in value
    if not found and not calls and not is_message:
        yield _json(value)


def _tool_calls(value: Mapping[str, Any]) -> Iterator[str]:
    listed = value.get("tool_calls")
    for item in cast("list[Any]", listed) if isinstance(listed, list) else [value]:
        call = cast("Mapping[str, Any]", item) if isinstance(item, Mapping) else {}
        function = call.get("function")
        named = cast("Mapping[str, Any]", function) if isinstance(function, Mapping) else call
        if named.get("name") and "arguments" in named:
            yield f"calls {named['name']}({named['arguments']})"


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
