"""Realtime and Live sessions of the real SDK over a real WebSocket: what is billed apart is recorded apart."""

from __future__ import annotations

import asyncio
import gc
import json
import threading
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import openai
import pytest
from websockets.sync.server import ServerConnection, serve

import llmwatch
from tests.prices.calls import BOOK, cost
from tests.spooled import calls

pytestmark = [
    pytest.mark.skipif(not hasattr(openai.OpenAI, "live"), reason="this SDK has no Live sessions"),
    # The SDK opens its connections in a way that websockets means to drop.
    pytest.mark.filterwarnings("ignore:connect\\(\\) must be used as a context manager:DeprecationWarning"),
]
Events = list[dict[str, Any]]
LIVE: dict[str, Any] = {"id": "sess_1", "expires_at": 1, "model": "gpt-live-1", "status": "active"}
HANG_UP: Events = [{"hang up": True}]


class Scripted:
    """A WebSocket server that answers each kind of client event with given events."""

    def __init__(self) -> None:
        self.greeting: Events = []
        self.answers: dict[str, Events] = {}
        self._server = serve(self._talk, "127.0.0.1", 0)
        self.base_url = f"http://127.0.0.1:{self._server.socket.getsockname()[1]}/v1"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def _talk(self, link: ServerConnection) -> None:
        self._say(link, self.greeting)
        for message in link:
            self._say(link, self.answers.get(json.loads(message)["type"], []))

    def _say(self, link: ServerConnection, events: Events) -> None:
        for event in events:
            if event == HANG_UP[0]:
                link.close_socket()
                return
            link.send(json.dumps({"event_id": "e", **event}))

    def close(self) -> None:
        """Frees the port."""
        self._server.shutdown()


@pytest.fixture
def server() -> Iterator[Scripted]:
    """One server per test."""
    running = Scripted()
    yield running
    running.close()


@pytest.fixture
def client(server: Scripted, tmp_path: Path) -> Iterator[openai.OpenAI]:
    """A client of the server, recorded under `tmp_path`."""
    llmwatch.init(home=tmp_path, content="metadata", attempts="off")
    with openai.OpenAI(base_url=server.base_url, api_key="k", max_retries=0) as made:
        yield made
    llmwatch.shutdown()


def recorded(home: Path) -> list[dict[str, Any]]:
    """What is recorded once capture is off."""
    llmwatch.shutdown()
    return calls(home)


def priced(call: Mapping[str, Any]) -> Decimal:
    """What the recorded usage costs at OpenAI's list of 2026-11-20."""
    names = ("audio_seconds", "input_tokens", "output_tokens", "audio_input_tokens", "text_input_tokens", "endpoint")
    known = {name: call.get(name) for name in names}
    model = call.get("response_model") or call.get("request_model")
    asked = {"provider_name": "openai", "server_address": "api.openai.com", "response_model": model, **known}
    return cost({"started_at": "2026-11-20 12:00:00", **asked}, BOOK).cost_usd


def usage_event(total: float) -> dict[str, Any]:
    """A running total of a Live session."""
    return {"type": "session.usage.updated", "usage": {"seconds": total}}


def closed(total: float) -> dict[str, Any]:
    """The last event of a Live session."""
    return {"type": "session.closed", "reason": "close_requested", "session": LIVE, "usage": {"seconds": total}}


# --- realtime ----------------------------------------------------------------------------------------------------


HEARD: dict[str, Any] = {
    "type": "conversation.item.input_audio_transcription.completed",
    "item_id": "item_1",
    "content_index": 0,
    "transcript": "hello",
}
TOKENS = {
    "type": "tokens",
    "input_tokens": 110,
    "output_tokens": 20,
    "total_tokens": 130,
    "input_token_details": {"audio_tokens": 100, "text_tokens": 10},
}


@pytest.mark.parametrize(
    ("session", "usage", "model", "expected"),
    [
        # 100 audio x $6 + 10 text x $2.50 + 20 x $10 per million
        (
            {"audio": {"input": {"transcription": {"model": "gpt-4o-transcribe"}}}},
            TOKENS,
            "gpt-4o-transcribe",
            Decimal("0.000825"),
        ),
        # 30 s at $0.36 an hour
        (
            {"input_audio_transcription": {"model": "whisper-1"}},
            {"type": "duration", "seconds": 30},
            "whisper-1",
            Decimal("0.003"),
        ),
    ],
)
def test_input_transcription_is_priced_as_the_model_that_transcribes(
    client: openai.OpenAI, server: Scripted, tmp_path: Path, session: Any, usage: Any, model: str, expected: Decimal
):
    """Not as the model of the conversation, in either spelling of the session."""
    server.greeting = [
        {"type": "session.created", "session": {"type": "realtime", "model": "gpt-realtime", **session}},
        {**HEARD, "usage": usage},
    ]
    with client.realtime.connect(model="gpt-realtime") as connection:
        connection.recv()
        connection.recv()

    (call,) = recorded(tmp_path)
    assert (call["operation_name"], call["request_model"], call["usage_source"]) == ("transcription", model, "response")
    assert priced(call) == expected


def test_sound_is_transcribed_by_the_model_of_its_time(client: openai.OpenAI, server: Scripted, tmp_path: Path):
    """A session that changes its transcriber meanwhile does not change what was handed in before."""
    server.answers = {
        "session.update": [
            {"type": "input_audio_buffer.committed", "item_id": "item_1"},
            {"type": "session.updated", "session": {"audio": {"input": {"transcription": {"model": "whisper-1"}}}}},
            {**HEARD, "usage": TOKENS},
        ]
    }
    sound = {"input": {"transcription": {"model": "gpt-4o-transcribe"}}}
    with client.realtime.connect(model="gpt-realtime") as connection:
        connection.send({"type": "session.update", "session": {"type": "realtime", "audio": sound}})
        for _ in range(3):
            connection.recv()

    (call,) = recorded(tmp_path)
    assert call["request_model"] == "gpt-4o-transcribe"


def test_a_transcription_without_usage_is_not_lost(client: openai.OpenAI, server: Scripted, tmp_path: Path):
    """Its cost is unknown, not nothing."""
    server.greeting = [HEARD]
    with client.realtime.connect(model="gpt-realtime") as connection:
        connection.recv()

    (call,) = recorded(tmp_path)
    assert (call["usage_source"], call.get("request_model")) == ("absent", None)


# --- live --------------------------------------------------------------------------------------------------------


def start(connection: Any) -> Any:
    """The event that starts a session."""
    return connection.send({"type": "session.start", "session": {"model": "gpt-live-1"}})


def until(connection: Any, kind: str) -> None:
    """Reads up to an event."""
    while connection.recv().type != kind:
        pass


def test_a_live_session_is_one_call_with_its_last_total(client: openai.OpenAI, server: Scripted, tmp_path: Path):
    """600 s at $3 an hour are $0.50, however often the running total was said."""
    server.answers = {
        "session.start": [{"type": "session.started", "session": LIVE}, usage_event(60), usage_event(540.5)],
        "session.close": [closed(600)],
    }
    with llmwatch.task("phone.answer"), client.live.connect() as connection:
        start(connection)
        until(connection, "session.usage.updated")
        until(connection, "session.usage.updated")
        connection.send({"type": "session.close"})
        until(connection, "session.closed")

    (call,) = recorded(tmp_path)
    assert (call["audio_seconds"], call["status"], call["stream_end"]) == (600, "ok", "complete")
    assert (call["response_id"], call["response_model"], call["task"]) == ("sess_1", "gpt-live-1", "phone.answer")
    assert priced(call) == Decimal("0.5")


@pytest.mark.parametrize("ending", ["hang up", "leave", "forget"])
def test_a_live_session_that_dies_leaves_what_it_reported(
    client: openai.OpenAI, server: Scripted, tmp_path: Path, ending: str
):
    """The last total, with the doubt that it was not the end."""
    lost = HANG_UP if ending == "hang up" else []
    server.answers = {"session.start": [{"type": "session.started", "session": LIVE}, usage_event(90), *lost]}
    manager = client.live.connect()
    connection = manager.enter()
    start(connection)
    until(connection, "session.usage.updated")
    if ending == "hang up":
        with pytest.raises(Exception, match="close"):
            connection.recv()
    elif ending == "leave":
        connection.close()
    del manager, connection
    gc.collect()

    (call,) = recorded(tmp_path)
    assert call["audio_seconds"] == 90
    assert call["usage_doubt"] == "the session did not close, the seconds are the last it reported"
    assert call["status"] == ("error" if ending == "hang up" else "incomplete")


def test_responses_and_decisions_of_a_live_session_are_calls_of_their_own(
    client: openai.OpenAI, server: Scripted, tmp_path: Path
):
    """Each with its own model and usage."""
    response = {"id": "resp_1", "object": "response", "status": "in_progress", "model": "gpt-6-luna"}
    usage = {"input_tokens": 400, "output_tokens": 50, "total_tokens": 450}
    done = {**response, "status": "completed", "usage": usage}
    asked = {"input_tokens": 30, "output_tokens": 1, "total_tokens": 31}
    decided = {"id": "dec_1", "model": "gpt-6-luna", "usage": asked}
    nested = {"type": "response.event", "delegation_id": "d"}
    server.answers = {
        "session.start": [
            {"type": "session.started", "session": LIVE},
            {**nested, "event": {"type": "response.created", "response": response}},
            {**nested, "event": {"type": "response.completed", "response": done}},
            {"type": "decision.event", "event": {"type": "decision.completed", "decision": decided}},
            closed(10),
        ]
    }
    with client.live.connect() as connection:
        start(connection)
        until(connection, "session.closed")

    found = {call["response_id"]: call for call in recorded(tmp_path)}
    assert set(found) == {"sess_1", "resp_1", "dec_1"}
    assert (found["resp_1"]["input_tokens"], found["resp_1"]["output_tokens"]) == (400, 50)
    assert (found["dec_1"]["endpoint"], found["dec_1"]["input_tokens"]) == ("/decisions", 30)
    assert found["sess_1"]["audio_seconds"] == 10


def test_a_session_seen_by_two_connections_is_recorded_once(client: openai.OpenAI, server: Scripted, tmp_path: Path):
    """The sideband of a session that this process runs adds nothing."""
    server.answers = {"session.start": [{"type": "session.started", "session": LIVE}], "session.close": [closed(20)]}
    with client.live.connect() as connection:
        start(connection)
        until(connection, "session.started")
        server.greeting = [usage_event(12), closed(20)]
        with client.live.sideband.connect(session_id="sess_1") as side:
            until(side, "session.closed")
        connection.send({"type": "session.close"})
        until(connection, "session.closed")

    (call,) = recorded(tmp_path)
    assert (call["audio_seconds"], call["stream_end"], call["operation_name"]) == (20, "complete", "live")


def test_a_session_of_a_browser_is_recorded_by_its_sideband(client: openai.OpenAI, server: Scripted, tmp_path: Path):
    """Marked as read, so that the store bills it to whoever started it, if that is known too."""
    server.greeting = [usage_event(12), closed(36)]
    with client.live.sideband.connect(session_id="sess_9") as side:
        until(side, "session.closed")

    (call,) = recorded(tmp_path)
    assert (call["operation_name"], call["audio_seconds"], call["response_model"]) == ("fetch_live", 36, "gpt-live-1")


def test_an_async_live_session_is_recorded(server: Scripted, tmp_path: Path):
    """The same for an async client, whose sent and received events are untouched."""
    server.answers = {"session.start": [{"type": "session.started", "session": LIVE}, closed(7)]}
    llmwatch.init(home=tmp_path, content="metadata", attempts="off")

    async def talk() -> list[str]:
        async with openai.AsyncOpenAI(base_url=server.base_url, api_key="k") as made, made.live.connect() as connection:
            await start(connection)
            return [(await connection.recv()).type for _ in range(2)]

    assert asyncio.run(talk()) == ["session.started", "session.closed"]
    (call,) = recorded(tmp_path)
    assert (call["audio_seconds"], call["stream_end"]) == (7, "complete")


@pytest.mark.parametrize(
    "event",
    [
        {"type": "session.started", "session": 7},
        {"type": "session.usage.updated", "usage": {"seconds": "many"}},
        {"type": "session.usage.updated", "usage": None},
        {"type": "response.event", "event": [1], "delegation_id": {}},
        {"type": "response.event", "event": {"type": "response.created", "response": 3}, "delegation_id": []},
        {"type": "decision.event", "event": {"decision": {"model": 3, "usage": "x"}}},
        {"type": "error", "error": "bad"},
        {"type": ["odd"]},
    ],
)
def test_damaged_events_reach_the_program_and_hurt_nobody(
    client: openai.OpenAI, server: Scripted, tmp_path: Path, event: dict[str, Any]
):
    """Whatever the server says."""
    server.answers = {"session.start": [event, {"type": "session.started", "session": LIVE}, closed(3)]}
    with client.live.connect() as connection:
        start(connection)
        seen = [json.loads(connection.recv_bytes()) for _ in range(3)]

    assert {k: v for k, v in seen[0].items() if k != "event_id"} == event
    assert [call["audio_seconds"] for call in recorded(tmp_path) if call["operation_name"] == "live"] == [3]
