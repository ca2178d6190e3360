"""Owns how records from outside become prompt records: which forms of ids, names, messages and content are read.

Nothing is guessed: what has no reading is refused in one sentence.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, cast

from ...errors import UsageError
from .shingles import PromptRecord

_FIELDS: Final = ("id", "call_site", "tool_names", "response_format", "messages")
_RECORD_IS: Final = f"A record is a PromptRecord or a dict of {', '.join(_FIELDS)}."
_MESSAGE_IS: Final = 'A message is (role, text) or {"role": ..., "content": ...}.'
_PARTS: Final = 2


def read_records(records: Iterable[PromptRecord | Mapping[str, Any]]) -> tuple[list[PromptRecord], dict[str, Any]]:
    """The records with everything as text, and each id as it was given by its text."""
    if isinstance(records, str | bytes | Mapping) or not isinstance(cast("object", records), Iterable):
        raise UsageError("The records are no list and no generator.", _RECORD_IS)
    ids: dict[str, Any] = {}
    read: list[PromptRecord] = []
    for record in records:
        one = _record(record)
        key = str(one["id"])
        if key in ids:
            raise UsageError(f"Two records have the id {one['id']!r}.", "Ids are unique, as text too.")
        ids[key] = one["id"]
        read.append(
            PromptRecord(
                key,
                None if one["call_site"] is None else str(one["call_site"]),
                _names(one["tool_names"]),
                _format(one["response_format"]),
                [_message(message, key) for message in _listed(one["messages"], key)],
            )
        )
    return read, ids


def _record(record: Any) -> dict[str, Any]:
    if isinstance(record, PromptRecord):
        return {name: getattr(record, name) for name in _FIELDS}
    if not isinstance(record, Mapping):
        raise UsageError(f"A record is of type {type(record).__name__}.", _RECORD_IS)
    given = cast("Mapping[str, Any]", record)
    if "id" not in given or not set(given) <= set(_FIELDS):
        raise UsageError(f"A record has the fields {', '.join(map(str, given)) or 'of nothing'}.", _RECORD_IS)
    return {name: given.get(name) for name in _FIELDS}


def _names(names: Any) -> tuple[str, ...]:
    """Tool names; one name alone is one, and a tool without a name is none."""
    if names is None:
        return ()
    if isinstance(names, str):
        return (names,)
    return tuple(str(name) for name in names if name is not None)


def _format(wanted: Any) -> str | None:
    """The name of a response format, out of the object that a request holds too."""
    if wanted is None or isinstance(wanted, str):
        return wanted
    if isinstance(wanted, type):
        return wanted.__name__
    if isinstance(wanted, Mapping):
        asked = cast("Mapping[str, Any]", wanted)
        inner = asked.get("json_schema")
        named = cast("Mapping[str, Any]", inner).get("name") if isinstance(inner, Mapping) else None
        named = named or asked.get("name") or asked.get("type")
        if isinstance(named, str):
            return named
    raise UsageError(f"A response format is {wanted!r}.", "It is a name, None, or the object of a request.")


def _listed(messages: Any, key: str) -> Iterable[Any]:
    if messages is None:
        return ()
    if isinstance(messages, str):
        return (("user", messages),)
    if isinstance(messages, bytes | Mapping) or not isinstance(messages, Iterable):
        raise UsageError(f"The messages of record {key!r} are no list.", _MESSAGE_IS)
    return cast("Iterable[Any]", messages)


def _message(message: Any, key: str) -> tuple[str, str]:
    if isinstance(message, Mapping):
        given = cast("Mapping[str, Any]", message)
        role, content = given.get("role"), given.get("content")
    else:
        parts = list(cast("Iterable[Any]", message)) if isinstance(message, list | tuple) else []
        if len(parts) != _PARTS:
            raise UsageError(f"Record {key!r} holds the message {message!r}.", _MESSAGE_IS)
        role, content = parts
    return "" if role is None else str(role), _text(content, key)


def _text(content: Any, key: str) -> str:
    """The text of content; of a list of parts, the text of those that have some."""
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    if isinstance(content, Mapping):
        text = cast("Mapping[str, Any]", content).get("text")
        return text if isinstance(text, str) else ""
    if isinstance(content, list | tuple):
        texts = (_text(part, key) for part in cast("Iterable[Any]", content))
        return "\n".join(text for text in texts if text)
    raise UsageError(
        f"Record {key!r} holds content of type {type(content).__name__}.", "Content is text, None or a list of parts."
    )
