"""Owns the WebSocket side: the handshake, frames (RFC 6455), and the sessions of /responses and /realtime.

Only what a client of these two endpoints sends is understood: text frames, ping, close; no extensions.
"""

import base64
import hashlib
import json
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from io import BufferedIOBase
from socket import socket
from typing import Any

from llmwatch.standin.account import Account
from llmwatch.standin.bodies import spoken_pieces
from llmwatch.standin.exchange import Brain, Json, RawReply, Reply, RequestInfo
from llmwatch.standin.response_events import timeline
from llmwatch.standin.responses import build
from llmwatch.standin.tokens import count

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_TEXT, _BINARY, _CLOSE, _PING, _PONG = 1, 2, 8, 9, 10


def is_upgrade(info_header: Callable[[str], str | None]) -> bool:
    """Whether these headers ask for a WebSocket."""
    return (info_header("upgrade") or "").lower() == "websocket"


def accept(key: str) -> bytes:
    """The handshake's answer."""
    token = base64.b64encode(hashlib.sha1(key.encode() + _GUID).digest()).decode()
    lines = ("HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade")
    return "\r\n".join([*lines, f"Sec-WebSocket-Accept: {token}", "x-request-id: req_websocket", "", ""]).encode()


@dataclass(frozen=True)
class Link:
    """One open WebSocket."""

    connection: socket
    stream: BufferedIOBase

    def send(self, message: Json) -> None:
        """Send one event as a text frame."""
        self._frame(_TEXT, json.dumps(message).encode())

    def _frame(self, opcode: int, payload: bytes) -> None:
        size = len(payload)
        if size < 126:
            head = struct.pack("!BB", 0x80 | opcode, size)
        elif size < 65_536:
            head = struct.pack("!BBH", 0x80 | opcode, 126, size)
        else:
            head = struct.pack("!BBQ", 0x80 | opcode, 127, size)
        self.connection.sendall(head + payload)

    def messages(self) -> Iterator[Json]:
        """Events from the client until it closes; pings are answered, fragments joined."""
        whole = b""
        while (frame := self._read()) is not None:
            is_final, opcode, payload = frame
            if opcode == _CLOSE:
                self._frame(_CLOSE, payload[:2])
                return
            if opcode == _PING:
                self._frame(_PONG, payload)
            elif opcode != _PONG:
                whole += payload
                if is_final:
                    yield json.loads(whole)
                    whole = b""

    def _read(self) -> tuple[bool, int, bytes] | None:
        head = self.stream.read(2)
        if len(head) < 2:
            return None
        size = head[1] & 0x7F
        if size >= 126:
            size = int.from_bytes(self.stream.read(2 if size == 126 else 8), "big")
        mask = self.stream.read(4) if head[1] & 0x80 else b"\0\0\0\0"
        payload = self.stream.read(size)
        # XOR of whole integers: a byte loop in Python is slow for audio.
        spread = (mask * (size // 4 + 1))[:size]
        plain = (int.from_bytes(payload, "big") ^ int.from_bytes(spread, "big")).to_bytes(size, "big")
        return bool(head[0] & 0x80), head[0] & 0x0F, plain


@dataclass
class Session:
    """What a session needs to answer: the request that opened it, the brain and the account."""

    info: RequestInfo
    brain: Brain
    account: Account

    def ask(self, params: Json) -> tuple[RequestInfo, Reply]:
        """The brain's reply to an event, as if its fields had come in a body."""
        body = json.dumps(params).encode()
        model = params.get("model") or self.info.request.query.get("model")
        info = replace(
            self.info,
            params={**params, "model": model} if model else params,
            request=replace(self.info.request, body=body),
            now_ns=self.account.clock.peek_ns(),
        )
        said = self.brain(info)
        return info, Reply() if isinstance(said, RawReply) else said


def serve_responses(link: Link, session: Session) -> None:
    """Each `response.create` gets the events of a streamed response; anything else an error event."""
    for message in link.messages():
        if message.get("type") != "response.create":
            link.send(_problem(f"Unknown event type {message.get('type')!r}."))
            continue
        params = {key: value for key, value in message.items() if key not in ("type", "stream_id")}
        info, reply = session.ask(params)
        if reply.error is not None:
            link.send({"type": "error", "status": reply.error.status, **reply.error.body()})
            continue
        lane = {"stream_id": message["stream_id"]} if "stream_id" in message else {}
        final = build(info, reply, session.account)
        session.account.responses.put(final["id"], {"final": final, "info": info, "reply": reply, "polls": 0})
        for timed in timeline(final, reply):
            session.account.clock.sleep(timed.delay_s)
            link.send({**timed.event, **lane})


def _problem(message: str) -> Json:
    problem = {"type": "invalid_request_error", "code": "invalid_event", "message": message, "param": None}
    return {"type": "error", "event_id": "event_error", "status": 400, "error": problem}


class Realtime:
    """One realtime session: a conversation of items, and responses with their usage."""

    def __init__(self, link: Link, session: Session) -> None:
        self._link = link
        self._session = session
        self._account = session.account
        self._items: list[Json] = []
        self._settings: Json = {
            "type": "realtime",
            "object": "realtime.session",
            "id": self._account.new_id("sess_"),
            "model": session.info.request.query.get("model") or "gpt-realtime",
            "output_modalities": ["text"],
            "instructions": "",
        }

    def serve(self) -> None:
        """Answer client events until the client closes."""
        self._send("session.created", session=self._settings)
        answers: dict[str, Callable[[Json], None]] = {
            "session.update": self._update,
            "conversation.item.create": self._add_item,
            "input_audio_buffer.append": lambda _message: None,
            "input_audio_buffer.commit": self._commit_audio,
            "response.create": self._respond,
            "response.cancel": lambda _message: None,
        }
        for message in self._link.messages():
            answer = answers.get(str(message.get("type")))
            if answer is None:
                self._link.send(_problem(f"Unknown event type {message.get('type')!r}."))
            else:
                answer(message)

    def _send(self, kind: str, **fields: Any) -> None:
        self._link.send({"type": kind, "event_id": self._account.new_id("event_"), **fields})

    def _update(self, message: Json) -> None:
        self._settings = {**self._settings, **(message.get("session") or {})}
        self._send("session.updated", session=self._settings)

    def _add_item(self, message: Json) -> None:
        self._remember({"id": self._account.new_id("item_"), "object": "realtime.item", **(message.get("item") or {})})

    def _remember(self, item: Json) -> None:
        previous = self._items[-1]["id"] if self._items else None
        self._items.append(item)
        self._send("conversation.item.added", previous_item_id=previous, item=item)
        self._send("conversation.item.done", previous_item_id=previous, item=item)

    def _commit_audio(self, _message: Json) -> None:
        item_id = self._account.new_id("item_")
        self._send("input_audio_buffer.committed", item_id=item_id, previous_item_id=None)
        heard = {"type": "input_audio", "transcript": None}
        self._remember(
            {"id": item_id, "object": "realtime.item", "type": "message", "role": "user", "content": [heard]}
        )

    def _respond(self, message: Json) -> None:
        asked: Json = message.get("response") or {}
        params = {
            "model": self._settings["model"],
            "input": self._items,
            "instructions": self._settings["instructions"],
        }
        info, reply = self._session.ask({**params, **asked})
        text = reply.text if reply.text is not None else "It is done."
        frame: Json = {
            "id": self._account.new_id("resp_"),
            "object": "realtime.response",
            "status": "in_progress",
            "output": [],
            "output_modalities": ["text"],
            "metadata": asked.get("metadata"),
            "usage": None,
        }
        self._send("response.created", response=frame)
        usage = self._usage(info, text)
        item = self._speak(frame["id"], text, reply)
        self._send("response.done", response={**frame, "status": "completed", "output": [item], "usage": usage})

    def _speak(self, response_id: str, text: str, reply: Reply) -> Json:
        part = {"type": "output_text", "text": text}
        item: Json = {
            "id": self._account.new_id("item_"),
            "object": "realtime.item",
            "type": "message",
            "role": "assistant",
            "status": "completed",
            "content": [part],
        }
        where = {"response_id": response_id, "output_index": 0}
        inside = {**where, "item_id": item["id"], "content_index": 0}
        self._send("response.output_item.added", **where, item={**item, "status": "in_progress", "content": []})
        self._remember(item)
        self._send("response.content_part.added", **inside, part={"type": "text", "text": ""})
        self._account.clock.sleep(reply.first_token_s)
        for piece in spoken_pieces(text, reply.tokens_per_delta):
            self._send("response.output_text.delta", **inside, delta=piece)
            self._account.clock.sleep(reply.tokens_per_delta / reply.tokens_per_s)
        self._send("response.output_text.done", **inside, text=text)
        self._send("response.content_part.done", **inside, part={"type": "text", "text": text})
        self._send("response.output_item.done", **where, item=item)
        return item

    def _usage(self, info: RequestInfo, text: str) -> Json:
        """Usage in the realtime spelling, where details are singular and split by modality."""
        prompt, cached, _ = self._account.read_prompt(str(self._settings["model"]), info.params)
        audio = sum(
            100 for item in info.params["input"] for part in item.get("content") or () if part["type"] == "input_audio"
        )
        spoken = count(text)
        return {
            "total_tokens": prompt + spoken,
            "input_tokens": prompt,
            "output_tokens": spoken,
            "input_token_details": {
                "text_tokens": prompt - audio,
                "audio_tokens": audio,
                "image_tokens": 0,
                "cached_tokens": cached,
                "cached_tokens_details": {"text_tokens": cached, "audio_tokens": 0, "image_tokens": 0},
            },
            "output_token_details": {"text_tokens": spoken, "audio_tokens": 0},
        }
