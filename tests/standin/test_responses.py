"""The responses endpoint: events in order, background work, resumed streams, WebSocket."""

import asyncio

import openai
import pytest
from openai import AsyncOpenAI, OpenAI

from llmwatch.standin import ApiError, Reply, StandinServer, ToolCall

# openai 3.52 opens its connection the way websockets 17 has deprecated.
pytestmark = pytest.mark.filterwarnings("ignore:connect\\(\\) must be used as a context manager:DeprecationWarning")


def test_a_response_has_reasoning_text_and_usage(client: OpenAI):
    """A reasoning model's answer has a reasoning item, a message, and the late-2026 usage object."""
    answer = client.responses.create(model="gpt-6.1-terra", input="Why is the sky blue?")

    assert [item.type for item in answer.output] == ["reasoning", "message"]
    assert answer.output_text
    assert answer.usage is not None
    assert answer.usage.input_tokens_details.cache_write_tokens == 0
    assert answer.usage.output_tokens >= answer.usage.output_tokens_details.reasoning_tokens > 0


def test_a_stream_sends_its_events_in_order(client: OpenAI, server: StandinServer):
    """Created, in progress, item, part, deltas, and the same backwards; sequence numbers have no gap."""
    server.brain = lambda info: Reply(text="All good.", reasoning_tokens=0)
    events = list(client.responses.create(model="gpt-4o", input="hi", stream=True))

    assert [event.type.removeprefix("response.") for event in events] == [
        "created",
        "in_progress",
        "output_item.added",
        "content_part.added",
        *["output_text.delta"] * 3,
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "completed",
    ]
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert events[-1].response.usage.output_tokens == 3


def test_web_search_items_are_one_search_and_one_opened_page(client: OpenAI):
    """The web search tool leaves search and open_page items and a cited answer."""
    answer = client.responses.create(model="gpt-6.1-terra", input="Weather?", tools=[{"type": "web_search"}])

    actions = [item.action.type for item in answer.output if item.type == "web_search_call"]
    assert actions == ["search", "open_page"]
    assert answer.output[-1].content[0].annotations[0].type == "url_citation"


def test_a_function_call_streams_its_arguments(client: OpenAI, server: StandinServer):
    """Arguments come as deltas that join to the call's arguments."""
    server.brain = lambda info: Reply(tool_calls=(ToolCall("find", '{"city": "Oslo"}'),))
    with client.responses.stream(model="gpt-4o", input="hi") as stream:
        events = list(stream)
        final = stream.get_final_response()

    deltas = [event.delta for event in events if event.type == "response.function_call_arguments.delta"]
    assert "".join(deltas) == final.output[0].arguments == '{"city": "Oslo"}'


def test_a_schema_is_parsed_by_the_sdk(client: OpenAI):
    """`text.format` with a schema gives JSON for it."""
    schema = {"type": "object", "properties": {"city": {"const": "Oslo"}}, "required": ["city"]}
    wanted = {"format": {"type": "json_schema", "name": "place", "schema": schema}}
    answer = client.responses.create(model="gpt-4o", input="hi", text=wanted)

    assert answer.output_text == '{"city": "Oslo"}'


def test_the_output_limit_leaves_the_response_incomplete(client: OpenAI, server: StandinServer):
    """max_output_tokens cuts the text, and the status says so."""
    server.brain = lambda info: Reply(text="One two three four five.", reasoning_tokens=0)
    answer = client.responses.create(model="gpt-4o", input="hi", max_output_tokens=3)

    assert (answer.status, answer.incomplete_details.reason) == ("incomplete", "max_output_tokens")
    assert (answer.output_text, answer.usage.output_tokens) == ("One two three", 3)


def test_a_failed_response_streams_a_failure(client: OpenAI, server: StandinServer):
    """A failure after the start ends in response.failed, whole or streamed."""
    server.brain = lambda info: Reply(failure="broken")
    whole = client.responses.create(model="gpt-4o", input="hi")
    events = list(client.responses.create(model="gpt-4o", input="hi", stream=True))

    assert (whole.status, whole.error.message) == ("failed", "broken")
    assert events[-1].type == "response.failed"


def test_background_work_is_polled_to_its_end(client: OpenAI):
    """Queued when made, in progress on the first poll, completed with usage on the second."""
    made = client.responses.create(model="gpt-6.1-terra", input="hi", background=True)
    polls = [client.responses.retrieve(made.id) for _ in range(3)]

    assert (made.status, made.usage) == ("queued", None)
    assert [poll.status for poll in polls] == ["in_progress", "completed", "completed"]
    assert polls[1].usage == polls[2].usage
    assert polls[1].usage is not None


def test_background_work_can_be_cancelled_other_work_cannot(client: OpenAI):
    """Cancelling answers with status cancelled; a finished foreground response is a 400."""
    background = client.responses.create(model="gpt-4o", input="hi", background=True)
    plain = client.responses.create(model="gpt-4o", input="hi")

    assert client.responses.cancel(background.id).status == "cancelled"
    with pytest.raises(openai.BadRequestError):
        client.responses.cancel(plain.id)


def test_a_stream_resumes_behind_a_sequence_number(client: OpenAI):
    """`starting_after` repeats only what came later, to the same end."""
    events = list(client.responses.create(model="gpt-4o", input="hi", stream=True, background=True))
    resumed = list(client.responses.retrieve(events[0].response.id, stream=True, starting_after=4))

    assert events[0].type == "response.queued"
    assert [event.sequence_number for event in resumed] == [event.sequence_number for event in events[5:]]
    assert resumed[-1].response.usage == events[-1].response.usage


def test_compaction_counting_input_items_and_deletion(client: OpenAI):
    """The smaller endpoints answer with their own objects."""
    made = client.responses.create(model="gpt-4o", input="hi there")
    compacted = client.responses.compact(model="gpt-4o", input="a long conversation")
    counted = client.responses.input_tokens.count(model="gpt-4o", input="hi there")
    items = client.responses.input_items.list(made.id).data
    client.responses.delete(made.id)

    assert (compacted.object, compacted.output[0].type) == ("response.compaction", "compaction")
    assert counted.input_tokens == made.usage.input_tokens
    assert items[0].content[0].text == "hi there"
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(made.id)


def test_a_websocket_gives_the_same_events_as_a_stream(client: OpenAI, server: StandinServer):
    """response.create over a WebSocket ends in response.completed with usage; two turns share one connection."""
    server.brain = lambda info: Reply(text=f"You said {info.prompt}.", reasoning_tokens=0)
    turns = []
    with client.responses.connect() as connection:
        for said in ("one", "two"):
            connection.response.create(model="gpt-4o", input=said)
            turns.append([event for event in _until(connection, "response.completed")])

    assert [turn[-1].response.output[0].content[0].text for turn in turns] == ["You said one.", "You said two."]
    assert [turn[0].type for turn in turns] == ["response.created"] * 2
    assert turns[0][-1].response.usage.output_tokens == 4


def test_a_websocket_tells_errors(client: OpenAI, server: StandinServer):
    """An error reply is an error event, and the connection stays usable."""
    replies = iter([Reply(error=ApiError(429, "slow down", "rate_limit_exceeded")), Reply(text="ok")])
    server.brain = lambda info: next(replies)
    with client.responses.connect() as connection:
        connection.response.create(model="gpt-4o", input="a")
        problem = connection.recv()
        connection.response.create(model="gpt-4o", input="a")
        events = _until(connection, "response.completed")

    assert problem.type == "error"
    assert events[-1].type == "response.completed"


def _until(connection, kind):
    events = []
    while not events or events[-1].type != kind:
        events.append(connection.recv())
    return events


def test_a_websocket_works_with_the_async_client(server: StandinServer):
    """The asynchronous SDK connects to the same endpoint."""

    async def talk():
        async with (
            AsyncOpenAI(base_url=server.base_url, api_key="k") as client,
            client.responses.connect() as connection,
        ):
            await connection.response.create(model="gpt-4o", input="hi")
            kinds = [(await connection.recv()).type]
            while kinds[-1] != "response.completed":
                kinds.append((await connection.recv()).type)
            return kinds

    assert asyncio.run(talk())[:2] == ["response.created", "response.in_progress"]


def test_a_realtime_session_answers_with_usage(client: OpenAI):
    """session.created, the item, and a response whose usage is split by modality."""
    with client.realtime.connect(model="gpt-realtime") as connection:
        first = connection.recv()
        connection.conversation.item.create(
            item={"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hello there"}]}
        )
        connection.response.create()
        events = _until(connection, "response.done")

    usage = events[-1].response.usage
    assert first.type == "session.created"
    assert "response.output_text.delta" in [event.type for event in events]
    assert usage.total_tokens == usage.input_tokens + usage.output_tokens > 0
    assert usage.input_token_details.text_tokens == usage.input_tokens
