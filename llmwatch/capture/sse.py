"""Folds the bytes of a server-sent event stream into the body the same call would have answered unstreamed.

Works on bytes as they came, so it sees what every kind of consumer read. Text deltas, nearly all events of a stream,
are taken by splitting many events at once (0.5 us an event); every other event is decoded.
Memory is bounded by the output, not by the events around it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from .endpoints import Family
from .stated_cost import BODY_KEYS
from .usage import has_counts, usage_of_event

# Bytes held back before they are folded.
_FOLD_AT: Final = 256 * 1024
_STATED: Final = frozenset(BODY_KEYS)
# Output kept for the facts; beyond it the counts go on and the text is cut.
_MAX_OUTPUT: Final = 4 * 1024 * 1024

# A compact chat chunk of choice 0 that carries text stands between these two; inside a JSON string every quote is
# escaped, so neither can occur in the text itself.
_CHAT_OPEN: Final = b'"choices":[{"index":0,"delta":{"content":"'
_CHAT_CLOSE: Final = b'"},"logprobs":null,"finish_reason":null}]'
# What may follow in a chunk without usage.
_CHAT_TAIL: Final = (b"}\n\n", b',"usage":null', b',"obfuscation"')
_RESPONSES_OPEN: Final = b"event: response.output_text.delta\ndata: "
_RESPONSES_DELTA: Final = re.compile(rb'"output_index":(\d+)[^\n]*?"delta":"((?:[^"\\\x00-\x1f]|\\.)*+)"')
_EVENT_END: Final = re.compile(rb"\r?\n\r?\n")
# The first sign of output in a stream: content, reasoning, a tool call or a piece of image or sound, not a role.
FIRST_TOKEN: Final = re.compile(
    rb'"(?:content|reasoning|reasoning_content|text|refusal|arguments|transcript)": ?"[^"]'
    rb'|"(?:partial_image_b64|b64_json|audio)": ?"[^"]'
    rb'|"function": ?\{[^}]{0,200}"name": ?"[^"]|"type": ?"response\.[a-z_.]*delta"|"delta": ?"[^"]'
)


def events(data: bytes) -> Iterator[tuple[str | None, Any]]:
    """(event name, decoded data) of each event; data that is not JSON comes as None."""
    for block in _EVENT_END.split(data):
        name: str | None = None
        lines: list[bytes] = []
        for line in block.splitlines():
            if line.startswith(b"data:"):
                lines.append(line[5:].strip())
            elif line.startswith(b"event:"):
                name = line[6:].strip().decode("utf-8", "replace")
        payload = b"\n".join(lines)
        if not payload:
            continue
        if payload.startswith(b"[DONE]"):
            yield "[DONE]", None
            continue
        try:
            yield name, json.loads(payload)
        except ValueError:
            yield name, None


def _behind_events(data: bytes) -> int:
    """Where the last whole event in `data` ends; 0 if there is none."""
    return data.rfind(b"\n\n") + 2 if b"\n\n" in data else 0


def _first_event(data: bytes) -> Mapping[str, Any]:
    return next((_mapping(event) for _, event in events(data)), {})


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


_OWNER_KEYS: Final = ("id", "object", "model", "status", "service_tier")


class Choice:
    """One choice of a chat or text completion as its deltas add up."""

    __slots__ = ("content", "finish_reason", "refusal", "tool_calls", "usage")

    def __init__(self) -> None:
        self.content: list[str] = []
        self.refusal: list[str] = []
        self.tool_calls: dict[int, dict[str, Any]] = {}
        self.finish_reason: str | None = None
        # Some servers say what each choice used.
        self.usage: Any = None

    def add_tool_call(self, delta: Mapping[str, Any], position: int) -> None:
        """Adds one tool-call delta: the name comes once, the arguments in pieces."""
        index = delta.get("index")
        call = self.tool_calls.setdefault(index if isinstance(index, int) else position, {"name": "", "arguments": []})
        function = _mapping(delta.get("function")) or _mapping(delta.get("custom"))
        if isinstance(function.get("name"), str) and function["name"]:
            call["name"] = function["name"]
        piece = function.get("arguments") or function.get("input")
        if isinstance(piece, str):
            call["arguments"].append(piece)

    def message(self) -> dict[str, Any]:
        """The message an unstreamed answer would hold."""
        message: dict[str, Any] = {"role": "assistant", "content": "".join(self.content) if self.content else None}
        if self.refusal:
            message["refusal"] = "".join(self.refusal)
        if self.tool_calls:
            message["tool_calls"] = [
                {"type": "function", "function": {"name": c["name"], "arguments": "".join(c["arguments"])}}
                for _, c in sorted(self.tool_calls.items())
            ]
        return message


class StreamFold:
    """Feed it bytes, ask it for the body. Never raises on any bytes; what it could not decode it counts."""

    def __init__(self, family: Family) -> None:
        self.family = family
        self.delta_count = 0
        self.event_count = 0
        self.undecodable = 0
        self.is_done = False
        self._pending: list[bytes] = []
        self._pending_size = 0
        self._head: dict[str, Any] = {}
        self._choices: dict[int, Choice] = {}
        self._output_size = 0
        self._usage: Any = None
        self._stated: dict[str, Any] = {}
        self._error: Any = None
        self._response: dict[str, Any] = {}
        self._items: dict[int, Any] = {}
        self._texts: dict[int, list[str]] = {}
        self._final: dict[str, Any] = {}

    def feed(self, data: bytes) -> None:
        """Takes the next bytes; folds them once enough have come."""
        self._pending.append(data)
        self._pending_size += len(data)
        if self._pending_size >= _FOLD_AT:
            self._fold(last=False)

    def _fold(self, *, last: bool) -> None:
        data = b"".join(self._pending)
        rest = b""
        if not last:
            # A cut event stays for the next round, unless it is so long that it is not one.
            cut = max(data.rfind(b"\n\n") + 2, data.rfind(b"\r\n\r\n") + 4)
            if cut > 4:
                data, rest = data[:cut], data[cut:]
            elif len(data) < _MAX_OUTPUT:
                self._pending = [data]
                return
        self._pending, self._pending_size = [rest], len(rest)
        if self.family == "chat":
            self._fold_chat(data)
        elif self.family == "responses":
            self._fold_responses(data)
        else:
            self._slow(data)

    def _fold_chat(self, data: bytes) -> None:
        """Takes runs of text deltas of choice 0 in one step each; all other events are decoded, in their order."""
        head, *pieces = data.split(_CHAT_OPEN)
        texts: list[bytes] = []
        if pieces and not self._head:
            self._note_head(_first_event(head[_behind_events(head) :] + _CHAT_OPEN + pieces[0]))
        for piece in pieces:
            text, close, tail = piece.partition(_CHAT_CLOSE)
            end = tail.find(b"\n\n")
            if behind := _behind_events(head):
                self._flush(texts)
                self._slow(head[:behind])
            if close and text and end >= 0 and tail.startswith(_CHAT_TAIL):
                texts.append(text)
                head = tail[end + 2 :]
            else:
                # Something else is in this event: it is decoded whole, with the head that was split off.
                head = head[behind:] + _CHAT_OPEN + piece
        self._flush(texts)
        self._slow(head)

    def _flush(self, texts: list[bytes]) -> None:
        if texts:
            self.delta_count += len(texts)
            self.event_count += len(texts)
            self._add_text(0, b"".join(texts))
            texts.clear()

    def _fold_responses(self, data: bytes) -> None:
        """Counts and takes text deltas without decoding them; the final event repeats the whole text anyway."""
        other, *pieces = data.split(_RESPONSES_OPEN)
        self._slow(other)
        texts: dict[int, list[bytes]] = {}
        for piece in pieces:
            event, _, other = piece.partition(b"\n\n")
            found = _RESPONSES_DELTA.search(event)
            if found is None:
                self._slow(_RESPONSES_OPEN + event + b"\n\n")
            else:
                self.delta_count += 1
                self.event_count += 1
                texts.setdefault(int(found.group(1)), []).append(found.group(2))
            if other:
                self._slow(other)
        for index, parts in texts.items():
            self._add_text(index, b"".join(parts))

    def _add_text(self, index: int, escaped: bytes) -> None:
        self._output_size += len(escaped)
        if self._output_size > _MAX_OUTPUT:
            return
        try:
            text = json.loads(b'"' + escaped + b'"')
        except ValueError:
            text = escaped.decode("utf-8", "replace")
        if self.family == "chat":
            self._choice(index).content.append(text)
        else:
            self._texts.setdefault(index, []).append(text)

    def _choice(self, index: int) -> Choice:
        return self._choices.setdefault(index if index < 1024 else 0, Choice())

    def _slow(self, data: bytes) -> None:
        if not data:
            return
        for name, event in events(data):
            if name == "[DONE]":
                self.is_done = True
                continue
            self.event_count += 1
            if not isinstance(event, dict):
                self.undecodable += 1
                continue
            self.add_event(name, event)

    def add_event(self, name: str | None, event: Mapping[str, Any]) -> None:
        """Takes one decoded event; WebSocket messages enter here."""
        kind = event.get("type") or name
        if isinstance(event.get("error"), Mapping | str) and event["error"]:
            self._error = event["error"]
        elif kind == "error":
            self._error = {"code": event.get("code") or "error", "message": event.get("message")}
        # Zeros behind real counts are a closing formality of some servers.
        self._usage = usage_of_event(event) or self._usage or event.get("usage")
        if self.family == "plain" and event.get("usage"):
            # What the usage is of, a run of a thread say, among events about other things.
            self._final.update({key: event[key] for key in _OWNER_KEYS if event.get(key)})
        if not _STATED.isdisjoint(event):
            self._stated.update((key, event[key]) for key in BODY_KEYS if event.get(key) is not None)
        if isinstance(kind, str) and kind.startswith("response."):
            self._add_response_event(kind, event)
        elif isinstance(event.get("choices"), list):
            self._add_chunk(event)
        else:
            self._add_other(kind, event)

    def _note_head(self, event: Mapping[str, Any]) -> None:
        # Azure's first chunk has an empty id and model: an empty value never replaces a good one.
        for key in ("id", "model", "service_tier", "system_fingerprint"):
            if event.get(key):
                self._head[key] = event[key]

    def _add_chunk(self, event: Mapping[str, Any]) -> None:
        self._note_head(event)
        carried = False
        for position, item in enumerate(event["choices"]):
            row = _mapping(item)
            index = row.get("index")
            choice = self._choice(index if isinstance(index, int) and index >= 0 else position)
            if isinstance(row.get("finish_reason"), str):
                choice.finish_reason = row["finish_reason"]
            if "usage" in row and has_counts(row["usage"]):
                choice.usage = row["usage"]
            delta = _mapping(row.get("delta"))
            carried = self._add_delta(choice, delta, row) or carried
        self.delta_count += carried

    def _add_delta(self, choice: Choice, delta: Mapping[str, Any], row: Mapping[str, Any]) -> bool:
        carried = False
        for text, home in (
            (delta.get("content"), choice.content),
            (row.get("text"), choice.content),
            (delta.get("refusal"), choice.refusal),
        ):
            if isinstance(text, str) and text:
                carried = True
                self._output_size += len(text)
                if self._output_size <= _MAX_OUTPUT:
                    home.append(text)
        if "provider_metadata" in delta:
            self._stated["provider_metadata"] = delta["provider_metadata"]
        if delta.get("reasoning_content") or delta.get("reasoning"):
            carried = True
        for position, call in enumerate(_list(delta.get("tool_calls"))):
            carried = True
            choice.add_tool_call(_mapping(call), position)
        if isinstance(delta.get("function_call"), dict):
            carried = True
            choice.add_tool_call({"index": -1, "function": delta["function_call"]}, 0)
        return carried

    def _add_response_event(self, kind: str, event: Mapping[str, Any]) -> None:
        response = event.get("response")
        if isinstance(response, dict):
            self._response = dict(response)
        if kind.endswith(".delta"):
            self.delta_count += 1
            index, text = event.get("output_index"), event.get("delta")
            if kind == "response.output_text.delta" and isinstance(index, int) and isinstance(text, str):
                self._texts.setdefault(index, []).append(text)
        elif kind == "response.output_item.done" and isinstance(event.get("output_index"), int):
            self._items[event["output_index"]] = event.get("item")

    def _add_other(self, kind: Any, event: Mapping[str, Any]) -> None:
        """Image, speech and transcription streams: the last event of each holds what an unstreamed answer would."""
        self._note_head(event)
        if isinstance(kind, str) and kind.endswith(("delta", "partial_image")):
            self.delta_count += 1
        if isinstance(event.get("text"), str):
            self._final["text"] = event["text"]

    @property
    def is_complete(self) -> bool:
        """The stream said that it is at its end, in the way of its family."""
        if self.family in {"chat", "completions"}:
            return self.is_done or (bool(self._choices) and all(c.finish_reason for c in self._choices.values()))
        if self.family == "responses":
            return self._response.get("status") in ("completed", "incomplete", "failed", "cancelled")
        return self._usage is not None or self.is_done

    def body(self) -> dict[str, Any]:
        """What an unstreamed answer would have been, as far as the stream went."""
        if self._pending_size:
            self._fold(last=True)
        body: dict[str, Any] = {**self._head, **self._final}
        if self.family == "responses" or (self.family == "plain" and self._response):
            body.update(self._response_body())
        elif self._choices:
            body["choices"] = [self._choice_body(c) for _, c in sorted(self._choices.items())]
        if self._usage and not body.get("usage"):
            body["usage"] = self._usage
        for key, value in self._stated.items():
            body.setdefault(key, value)
        if self._error is not None and not body.get("error"):
            body["error"] = self._error
        return body

    def _choice_body(self, choice: Choice) -> dict[str, Any]:
        usage = {"usage": choice.usage} if choice.usage else {}
        if self.family == "completions":
            return {"text": "".join(choice.content), "finish_reason": choice.finish_reason, **usage}
        return {"message": choice.message(), "finish_reason": choice.finish_reason, **usage}

    def _response_body(self) -> dict[str, Any]:
        body = dict(self._response)
        if not body.get("output"):
            items = [item for _, item in sorted(self._items.items())]
            if not items:
                # Cut before any item was done: the text that came is all there is.
                items = [
                    {"type": "message", "content": [{"type": "output_text", "text": "".join(texts)}]}
                    for _, texts in sorted(self._texts.items())
                ]
            body["output"] = items
        return body
