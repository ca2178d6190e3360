"""Every way of calling the SDK that must look the same with and without llmwatch; see kit.py for how they are run."""

from __future__ import annotations

import asyncio
import copy
import gc
import io
import json
import pickle
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import openai
from pydantic import BaseModel

from llmwatch.standin import RawReply

from .kit import ASKED, CHAT, Kit, Way, describe, scenario

WAYS: list[Way] = []
BOTH = ("sync", "async")
STREAM = {"model": "gpt-4o-mini", "endpoint": "/chat/completions", "is_stream": True}
WEATHER = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
    "required": ["city", "days"],
    "additionalProperties": False,
}
TOOL = {"type": "function", "function": {"name": "weather", "parameters": WEATHER, "strict": True}}
RESPONSES_TOOL = {"type": "function", "name": "weather", "parameters": WEATHER, "strict": True}
ASK: dict[str, Any] = {"model": "gpt-4o-mini", "input": "Where is it?"}
WITH_USAGE = {"stream_options": {"include_usage": True}}
JSON = {"content-type": "application/json"}
SSE = {"content-type": "text/event-stream"}


class Forecast(BaseModel):
    """What `.parse()` is asked to parse into."""

    city: str
    days: int


def way(
    *modes: str, needs: str | None = None, is_racy: bool = False
) -> Callable[[Callable[[Kit], Awaitable[Any]]], Any]:
    """Registers a way under its function's name, once per mode."""

    def register(function: Callable[[Kit], Awaitable[Any]]) -> Callable[[Kit], Awaitable[Any]]:
        for mode in modes or BOTH:
            WAYS.append(Way(function.__name__, function, mode, needs, is_racy))
        return function

    return register


async def _chat(k: Kit, **changes: Any) -> Any:
    """A whole chat answer, expected to be recorded as it came."""
    answer = await k.get(k.client.chat.completions.create(**{**CHAT, **changes}))
    k.record(
        usage=answer.usage,
        request_model=changes.get("model", "gpt-4o-mini"),
        response_model=answer.model,
        response_id=answer.id,
        finish_reasons=[c.finish_reason for c in answer.choices],
        status="ok",
        stream_end=None,
        retries=0,
        attempts=1,
    )
    return answer


# --- chat ------------------------------------------------------------------------------------------------------


@way()
async def chat_plain(k: Kit) -> Any:
    return await _chat(k)


@way()
async def chat_tools(k: Kit) -> Any:
    return await _chat(k, tools=[TOOL])


@way()
async def chat_refusal(k: Kit) -> Any:
    return await _chat(k, extra_headers=scenario("refusal"))


@way()
async def chat_cut_with_reasoning(k: Kit) -> Any:
    return await _chat(k, model="gpt-6.1-terra", reasoning_effort="high", max_completion_tokens=20)


@way()
async def chat_three_choices(k: Kit) -> Any:
    return await _chat(k, n=3)


@way()
async def chat_without_usage(k: Kit) -> Any:
    answer = await k.get(k.client.chat.completions.create(**CHAT, extra_headers=scenario("no-usage")))
    k.record(usage_source="absent", input_tokens=None, output_tokens=None, status="ok", attempts=1)
    return answer


@way()
async def chat_gzip(k: Kit) -> Any:
    return await _chat(k, extra_headers=scenario("gzip"))


@way()
async def chat_messages_from_a_generator(k: Kit) -> Any:
    return await _chat(k, messages=(message for message in ASKED))


@way()
async def chat_content_from_an_iterator(k: Kit) -> Any:
    parts = iter([{"type": "text", "text": "Where "}, {"type": "text", "text": "is it?"}])
    return await _chat(k, messages=[{"role": "user", "content": parts}])


@way()
async def chat_omitted_parameters(k: Kit) -> Any:
    omitted = getattr(openai, "omit", openai.NOT_GIVEN)
    return await _chat(k, temperature=openai.NOT_GIVEN, top_p=omitted, user=omitted)


@way()
async def chat_extra_body_overrides_the_model(k: Kit) -> Any:
    answer = await k.get(k.client.chat.completions.create(**CHAT, extra_body={"model": "gpt-4o", "seed": 3}))
    k.record(usage=answer.usage, request_model="gpt-4o", seed=3, attempts=1)
    return answer


@way()
async def chat_big_image(k: Kit) -> Any:
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "QUJD" * 260_000}}
    return await _chat(k, messages=[{"role": "user", "content": [{"type": "text", "text": "What?"}, image]}])


@way()
async def chat_own_trace_headers(k: Kit) -> Any:
    """A caller's own propagation headers go out as they are, once."""
    own = {"traceparent": "00-11111111111111111111111111111111-2222222222222222-01", "baggage": "mine=1"}
    return await _chat(k, extra_headers=own)


@way()
async def chat_odd_text(k: Kit) -> Any:
    return await _chat(k, messages=[{"role": "user", "content": "\x00 \u202e \U0001f600 e\u0301 \ufeff"}])


@way()
async def chat_parse(k: Kit) -> Any:
    answer = await k.get(k.client.chat.completions.parse(**CHAT, response_format=Forecast))
    k.record(usage=answer.usage, finish_reasons=["stop"], status="ok", response_format="Forecast", attempts=1)
    return answer


@way()
async def chat_parse_cut_by_length(k: Kit) -> Any:
    """`.parse()` raises after an answer that was billed: the caller gets the error, the record has the tokens."""
    k.record(status="error", error_type="LengthFinishReasonError", usage_source="response", finish_reasons=["length"])
    return await k.get(
        k.client.chat.completions.parse(**CHAT, response_format=Forecast, extra_headers=scenario("length"))
    )


@way()
async def chat_parse_filtered(k: Kit) -> Any:
    k.record(status="error", error_type="ContentFilterFinishReasonError", is_content_filtered=True)
    return await k.get(
        k.client.chat.completions.parse(**CHAT, response_format=Forecast, extra_headers=scenario("content-filter"))
    )


@way()
async def chat_response_copies(k: Kit) -> Any:
    answer = await _chat(k)
    again = pickle.loads(pickle.dumps(answer))
    return [again, copy.copy(answer), copy.deepcopy(answer), again == answer, hasattr(answer, "__dict__")]


# --- chat streams ----------------------------------------------------------------------------------------------


async def _streamed(k: Kit, usage: bool = True, **changes: Any) -> Any:
    stream = await k.stream(**(WITH_USAGE if usage else {}), **changes)
    chunks = await k.all(stream)
    # `choices` is missing or null where a compatible server says something else.
    reasons = {c.index: c.finish_reason for chunk in chunks for c in chunk.choices or () if c.finish_reason}
    k.record(
        usage=next((c.usage for c in reversed(chunks) if c.usage), None),
        finish_reasons=[reason for _, reason in sorted(reasons.items())],
        response_model=chunks[0].model,
        response_id=chunks[0].id,
        status="ok",
        stream_end="complete",
        is_stream=True,
        has_first_token=True,
        retries=0,
        attempts=1,
    )
    return [chunks, stream.response, stream]


@way()
async def stream_plain(k: Kit) -> Any:
    return await _streamed(k, usage=False)


@way()
async def stream_with_usage(k: Kit) -> Any:
    return await _streamed(k)


@way()
async def stream_slow_first_token(k: Kit) -> Any:
    result = await _streamed(k, extra_headers=scenario("slow-first-token"))
    k.expected[-1]["first_token_after_s"] = 0.3
    return result


@way()
async def stream_tools(k: Kit) -> Any:
    return await _streamed(k, tools=[TOOL])


@way()
async def stream_two_choices(k: Kit) -> Any:
    return await _streamed(k, n=2)


@way()
async def stream_usage_on_each_chunk(k: Kit) -> Any:
    return await _streamed(k, usage=False, extra_headers=scenario("usage-on-each-chunk"))


@way()
async def stream_gzip(k: Kit) -> Any:
    return await _streamed(k, extra_headers=scenario("gzip"))


@way()
async def stream_gzip_without_usage(k: Kit) -> Any:
    return await _streamed(k, usage=False, extra_headers=scenario("gzip"))


@way()
async def stream_dribbled_without_usage(k: Kit) -> Any:
    return await _streamed(k, usage=False, extra_headers=scenario("dribbled"))


@way()
async def stream_dribbled(k: Kit) -> Any:
    """Chunks of seven bytes: no event and no character arrives whole."""
    return await _streamed(k, extra_headers=scenario("dribbled"))


@way()
async def stream_labelled_as_text(k: Kit) -> Any:
    return await _streamed(k, extra_headers=scenario("wrong-content-type"))


@way()
async def stream_refusal(k: Kit) -> Any:
    return await _streamed(k, extra_headers=scenario("refusal"))


@way()
async def stream_with_carriage_returns(k: Kit) -> Any:
    """`\\r\\n` between lines, `data:` without a space, comments, and no [DONE]."""
    chunk = '{"id":"c1","object":"chat.completion.chunk","created":1,"model":"m-1","choices":[%s]%s}'
    events = [
        chunk % ('{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}', ""),
        chunk % ('{"index":0,"delta":{"content":"h\\u00e9"},"finish_reason":null}', ""),
        chunk % ('{"index":0,"delta":{},"finish_reason":"stop"}', ""),
        chunk % ("", ',"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}'),
    ]
    body = [b": keep-alive\r\n\r\n", *(f"data:{e}\r\n\r\n".encode() for e in events)]
    k.server.script("/chat/completions", [RawReply(200, SSE, chunks=body)])
    return await _streamed(k)


@way()
async def stream_next_by_hand(k: Kit) -> Any:
    stream = await k.stream(**WITH_USAGE)
    chunks: list[Any] = []
    while True:
        try:
            chunks.append(await k.get(stream.__anext__() if k.is_async else next(stream)))
        except (StopIteration, StopAsyncIteration):
            break
    k.record(usage=chunks[-1].usage, status="ok", stream_end="complete", has_first_token=True, attempts=1)
    return [chunks, stream.response]


@way()
async def stream_twice_iterated(k: Kit) -> Any:
    stream = await k.stream()
    k.record(stream_end="complete", attempts=1)
    return [await k.all(stream), await k.all(stream)]


@way()
async def stream_helper(k: Kit) -> Any:
    async with k.entered(k.client.chat.completions.stream(**CHAT, **WITH_USAGE)) as stream:
        events = await k.all(stream)
        final = await k.get(stream.get_final_completion())
    k.record(usage=final.usage, status="ok", stream_end="complete", finish_reasons=["stop"], attempts=1)
    return [[e.type for e in events], events[-1], final]


@way()
async def stream_helper_left_early(k: Kit) -> Any:
    async with k.entered(k.client.chat.completions.stream(**CHAT)) as stream:
        events = await k.take(stream, 3)
    k.record(status="incomplete", stream_end="closed", attempts=1)
    return events


@way()
async def stream_helper_parse_cut_by_length(k: Kit) -> Any:
    k.record(status="incomplete", stream_end="closed", attempts=1)
    manager = k.client.chat.completions.stream(**CHAT, response_format=Forecast, extra_headers=scenario("length"))
    async with k.entered(manager) as stream:
        await k.all(stream)
        return await k.get(stream.get_final_completion())


# --- streams ended otherwise -----------------------------------------------------------------------------------


@way(is_racy=True)
async def stream_break_then_collected(k: Kit) -> Any:
    stream = await k.stream()
    chunks = await k.take(stream, 2)
    del stream
    gc.collect()
    k.record(status="incomplete", stream_end=("abandoned", "closed"), has_first_token=True, attempts=1)
    return chunks


@way()
async def stream_break_inside_with(k: Kit) -> Any:
    async with k.entered(await k.stream()) as stream:
        chunks = await k.take(stream, 2)
    k.record(status="incomplete", stream_end="closed", has_first_token=True, attempts=1)
    return [chunks, stream.response]


@way()
async def stream_closed(k: Kit) -> Any:
    stream = await k.stream()
    chunks = await k.take(stream, 1)
    await k.get(stream.close())
    k.record(status="incomplete", stream_end="closed", attempts=1)
    return [chunks, stream.response]


@way()
async def stream_response_closed(k: Kit) -> Any:
    stream = await k.stream()
    await k.close(stream.response)
    k.record(status="incomplete", stream_end="closed", attempts=1)
    return stream.response


@way()
async def stream_closed_twice(k: Kit) -> Any:
    stream = await k.stream(**WITH_USAGE)
    chunks = await k.all(stream)
    await k.get(stream.close())
    await k.get(stream.close())
    k.record(usage=chunks[-1].usage, status="ok", stream_end="complete", attempts=1)
    return [chunks, stream.response]


@way()
async def stream_read_after_close(k: Kit) -> Any:
    stream = await k.stream()
    await k.get(stream.close())
    k.record(status="incomplete", stream_end="closed", attempts=1)
    return await k.all(stream)


@way(is_racy=True)
async def stream_never_iterated(k: Kit) -> Any:
    stream = await k.stream()
    k.record(status="incomplete", stream_end=("abandoned", "closed"), has_first_token=False, attempts=1)
    del stream
    gc.collect()


@way()
async def stream_dies_midway(k: Kit) -> Any:
    k.record(status="error", stream_end="broken", attempts=1)
    stream = await k.stream(extra_headers=scenario("torn"))
    return await k.all(stream)


@way()
async def stream_reset(k: Kit) -> Any:
    k.record(status="error", stream_end="broken", attempts=1)
    stream = await k.stream(extra_headers=scenario("reset"))
    return await k.all(stream)


@way()
async def stream_error_inside(k: Kit) -> Any:
    k.record(status="error", error_type="server_error", attempts=1)
    stream = await k.stream(extra_headers=scenario("failed"))
    return await k.all(stream)


@way()
async def stream_without_end_marker(k: Kit) -> Any:
    stream = await k.stream(extra_headers=scenario("no-end-marker"))
    k.record(status="error", stream_end="broken", attempts=1)
    return await k.all(stream)


def _script_a_stall(k: Kit) -> None:
    """A stream that sends one chunk and then nothing."""
    choice = {"index": 0, "delta": {"role": "assistant", "content": "so"}, "finish_reason": None}
    chunk = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}
    sent = f"data: {json.dumps(chunk)}\n\n".encode()
    k.server.script("/chat/completions", [RawReply(200, SSE, chunks=[sent], never_finish=True)])


@way()
async def stream_read_timeout(k: Kit) -> Any:
    k.record(status="error", stream_end="broken", error_type="ReadTimeout", attempts=1)
    _script_a_stall(k)
    return await k.all(await k.stream(timeout=0.25))


@way()
async def stream_exception_in_the_loop(k: Kit) -> Any:
    k.record(status="incomplete", stream_end="closed", attempts=1)
    async with k.entered(await k.stream()) as stream:
        await k.take(stream, 1)
        raise LookupError("the program's own")


@way("async")
async def stream_task_cancelled(k: Kit) -> Any:
    """The task that reads is cancelled while it waits for the next chunk."""
    k.record(status="incomplete", stream_end="cancelled", attempts=1)
    _script_a_stall(k)
    stream = await k.stream()
    seen: list[Any] = []

    async def read() -> None:
        async for chunk in stream:
            seen.append(chunk)

    task = asyncio.create_task(read())
    await asyncio.sleep(0.1)
    task.cancel()
    with_error = (await asyncio.gather(task, return_exceptions=True))[0]
    return [seen, with_error, stream.response.is_closed]


@way("async")
async def stream_closed_from_another_task(k: Kit) -> Any:
    stream = await k.stream()
    chunks = await k.take(stream, 1)
    await asyncio.create_task(stream.close())
    k.record(status="incomplete", stream_end="closed", attempts=1)
    return [chunks, stream.response]


@way("async")
async def call_cancelled(k: Kit) -> Any:
    """Cancelled before the answer came."""
    k.record(status="incomplete", stream_end="cancelled", error_type="CancelledError", attempts=1)
    task = asyncio.create_task(k.client.chat.completions.create(**CHAT, extra_headers=scenario("never-answers")))
    await asyncio.sleep(0.1)
    task.cancel()
    return (await asyncio.gather(task, return_exceptions=True))[0]


@way("async")
async def call_with_an_outer_timeout(k: Kit) -> Any:
    k.record(status="incomplete", stream_end="cancelled", attempts=1)
    asked = k.client.chat.completions.create(**CHAT, extra_headers=scenario("never-answers"))
    return await asyncio.wait_for(asked, 0.1)


@way("async")
async def call_never_awaited_then_closed(k: Kit) -> Any:
    """A coroutine that is closed before it ran made no call."""
    coroutine = k.client.chat.completions.create(**CHAT)
    coroutine.close()


@way()
async def stream_late_generator_close(k: Kit) -> Any:
    """A generator of the program that reads a stream and is closed after two chunks."""
    k.record(status="incomplete", stream_end="closed", attempts=1)
    if k.is_async:

        async def relay() -> Any:
            async with await k.stream() as stream:
                async for chunk in stream:
                    yield chunk.id

        relayed: Any = relay()
        found = [await relayed.__anext__(), await relayed.__anext__()]
        await relayed.aclose()
        return found

    def relay_sync() -> Any:
        with k.client.chat.completions.create(**CHAT, stream=True) as stream:
            for chunk in stream:
                yield chunk.id

    generator = relay_sync()
    found = [next(generator), next(generator)]
    generator.close()
    return found


@way()
async def stream_generator_throw(k: Kit) -> Any:
    """An exception thrown into the program's generator comes out of it."""
    k.record(status="incomplete", stream_end="closed", attempts=1)
    if k.is_async:

        async def relay() -> Any:
            async with await k.stream() as stream:
                async for chunk in stream:
                    yield chunk.id

        relayed: Any = relay()
        await relayed.__anext__()
        return await relayed.athrow(LookupError("thrown in"))

    def relay_sync() -> Any:
        with k.client.chat.completions.create(**CHAT, stream=True) as stream:
            for chunk in stream:
                yield chunk.id

    generator = relay_sync()
    next(generator)
    return generator.throw(LookupError("thrown in"))


@way("sync")
async def stream_read_in_another_thread(k: Kit) -> Any:
    stream = await k.stream(**WITH_USAGE)
    chunks: list[Any] = []
    thread = threading.Thread(target=lambda: chunks.extend(stream))
    thread.start()
    thread.join()
    k.record(usage=chunks[-1].usage, status="ok", stream_end="complete", attempts=1)
    return [chunks, stream.response]


# --- raw and streaming responses -------------------------------------------------------------------------------


@way()
async def raw_parsed(k: Kit) -> Any:
    raw = await k.get(k.client.chat.completions.with_raw_response.create(**CHAT))
    answer = await k.get(raw.parse())
    k.record(usage=answer.usage, status="ok", finish_reasons=["stop"], attempts=1)
    return [raw, answer, answer is await k.get(raw.parse()), raw.headers, raw.text if isinstance(raw.text, str) else ""]


@way()
async def raw_not_parsed(k: Kit) -> Any:
    raw = await k.get(k.client.chat.completions.with_raw_response.create(**CHAT))
    k.record(usage_source="response", status="ok", finish_reasons=["stop"], attempts=1)
    return [raw, type(raw.http_response).__name__, pickle.loads(pickle.dumps(raw.http_response)).content]


@way()
async def raw_streamed(k: Kit) -> Any:
    raw = await k.get(k.client.chat.completions.with_raw_response.create(**CHAT, **WITH_USAGE, stream=True))
    stream = await k.get(raw.parse())
    chunks = await k.all(stream)
    k.record(usage=chunks[-1].usage, status="ok", stream_end="complete", attempts=1)
    return [describe(raw), stream, chunks]


@way()
async def streaming_parsed(k: Kit) -> Any:
    async with k.entered(k.client.chat.completions.with_streaming_response.create(**CHAT)) as response:
        before = describe(response)
        answer = await k.get(response.parse())
    k.record(usage=answer.usage, status="ok", finish_reasons=["stop"], attempts=1)
    return [before, answer, response]


@way()
async def streaming_lines(k: Kit) -> Any:
    asked = k.client.chat.completions.with_streaming_response.create(**CHAT, **WITH_USAGE, stream=True)
    async with k.entered(asked) as response:
        lines = await k.all(response.iter_lines())
    k.record(usage_source="response", status="ok", stream_end="complete", has_first_token=True, attempts=1)
    return [lines, response]


@way()
async def streaming_lines_without_usage(k: Kit) -> Any:
    async with k.entered(k.client.chat.completions.with_streaming_response.create(**CHAT, stream=True)) as response:
        lines = await k.all(response.iter_lines())
    k.record(usage_source="absent", status="ok", stream_end="complete", has_first_token=True, attempts=1)
    return [lines, response]


@way()
async def streaming_raw_bytes_of_a_stream(k: Kit) -> Any:
    async with k.entered(k.client.chat.completions.with_streaming_response.create(**CHAT, stream=True)) as response:
        sent = b"".join(await k.all(response.iter_bytes()))
    k.record(status="ok", stream_end="complete", attempts=1)
    return [sent, response]


@way()
async def streaming_bytes(k: Kit) -> Any:
    async with k.entered(k.client.chat.completions.with_streaming_response.create(**CHAT)) as response:
        pieces = await k.all(response.iter_bytes(64))
    k.record(usage_source="response", status="ok", finish_reasons=["stop"], attempts=1)
    return [pieces, response]


@way()
async def streaming_bytes_left_early(k: Kit) -> Any:
    async with k.entered(k.client.chat.completions.with_streaming_response.create(**CHAT)) as response:
        pieces = await k.take(response.iter_bytes(16), 1)
    k.record(attempts=1)
    return [pieces, response]


@way()
async def streaming_never_read(k: Kit) -> Any:
    async with k.entered(k.client.chat.completions.with_streaming_response.create(**CHAT)) as response:
        pass
    k.record(status="incomplete", stream_end="closed", attempts=1)
    return response


@way()
async def streaming_parsed_as_a_stream(k: Kit) -> Any:
    asked = k.client.chat.completions.with_streaming_response.create(**CHAT, **WITH_USAGE, stream=True)
    async with k.entered(asked) as response:
        chunks = await k.all(await k.get(response.parse()))
    k.record(usage=chunks[-1].usage, status="ok", stream_end="complete", attempts=1)
    return [chunks, response]


@way()
async def streaming_to_a_file(k: Kit) -> Any:
    asked = k.client.audio.speech.with_streaming_response.create(model="tts-1", voice="alloy", input="Hello there")
    async with k.entered(asked) as response:
        read = b"".join(await k.all(response.iter_bytes()))
    k.record(endpoint="/audio/speech", status="ok", attempts=1)
    return [read, response]


# --- responses -------------------------------------------------------------------------------------------------


async def _answered(k: Kit, **changes: Any) -> Any:
    answer = await k.get(k.client.responses.create(**{**ASK, **changes}))
    k.record(usage=answer.usage, endpoint="/responses", response_id=answer.id, response_model=answer.model, attempts=1)
    return answer


@way()
async def responses_plain(k: Kit) -> Any:
    answer = await _answered(k)
    k.expected[-1].update(status="ok", finish_reasons=["stop"])
    return [answer, answer.output_text]


@way()
async def responses_tools(k: Kit) -> Any:
    answer = await _answered(k, tools=[RESPONSES_TOOL])
    k.expected[-1].update(status="ok", finish_reasons=["tool_calls"], tool_calls=["weather"])
    return answer


@way()
async def responses_input_from_a_generator(k: Kit) -> Any:
    """The SDK itself refuses a generator here; what it raises must not change."""
    k.record(endpoint="/responses", status="error", error_type="TypeError", attempts=0)
    items = (item for item in [{"role": "user", "content": "Where is it?"}])
    return await k.get(k.client.responses.create(**{**ASK, "input": items}))


@way()
async def responses_streamed(k: Kit) -> Any:
    stream = await k.get(k.client.responses.create(**ASK, stream=True))
    k.notes.append(describe(stream))
    events = await k.all(stream)
    final = events[-1].response
    k.record(
        usage=final.usage,
        response_id=final.id,
        status="ok",
        finish_reasons=["stop"],
        stream_end="complete",
        has_first_token=True,
        attempts=1,
    )
    return [events, stream.response]


@way()
async def responses_stream_left_early(k: Kit) -> Any:
    stream = await k.get(k.client.responses.create(**ASK, stream=True))
    events = await k.take(stream, 6)
    await k.get(stream.close())
    k.record(status="incomplete", stream_end="closed", attempts=1)
    return events


@way()
async def responses_helper(k: Kit) -> Any:
    async with k.entered(k.client.responses.stream(**ASK)) as stream:
        events = await k.all(stream)
        final = await k.get(stream.get_final_response())
    k.record(usage=final.usage, status="ok", stream_end="complete", attempts=1)
    return [[e.type for e in events], final]


@way()
async def responses_parse(k: Kit) -> Any:
    answer = await k.get(k.client.responses.parse(**ASK, text_format=Forecast))
    k.record(usage=answer.usage, status="ok", response_format="Forecast", attempts=1)
    return [answer, answer.output_parsed]


@way()
async def responses_incomplete(k: Kit) -> Any:
    answer = await _answered(k, max_output_tokens=16, extra_headers=scenario("length"))
    k.expected[-1].update(finish_reasons=["length"])
    return answer


@way()
async def responses_failed(k: Kit) -> Any:
    answer = await _answered(k, extra_headers=scenario("failed"))
    k.expected[-1].update(status="error", error_type="server_error", finish_reasons=["error"])
    return answer


@way()
async def responses_failed_in_stream(k: Kit) -> Any:
    stream = await k.get(k.client.responses.create(**ASK, stream=True, extra_headers=scenario("failed")))
    k.record(status="error", error_type="server_error", attempts=1)
    return await k.all(stream)


@way()
async def responses_error_event(k: Kit) -> Any:
    k.record(status="error", error_type="server_error", attempts=1)
    stream = await k.get(k.client.responses.create(**ASK, stream=True, extra_headers=scenario("error-event")))
    return await k.all(stream)


@way()
async def responses_background_polled(k: Kit) -> Any:
    """Started in the background and polled to its end: records have what they read, the store counts it once."""
    started = await k.get(k.client.responses.create(**ASK, background=True))
    k.record(status="ok", usage_source="pending", is_background=True, attempts=1)
    polled = [await k.get(k.client.responses.retrieve(started.id)) for _ in range(4)]
    for answer in polled:
        source = "pending" if answer.usage is None else "response"
        k.record(endpoint="/responses/{id}", usage_source=source, response_id=started.id, attempts=1)
    return [started, polled]


@way()
async def responses_stream_resumed(k: Kit) -> Any:
    answer = await _answered(k)
    resumed = await k.get(k.client.responses.retrieve(answer.id, stream=True, starting_after=2))
    k.record(endpoint="/responses/{id}", usage_source="response", stream_end="complete", attempts=1)
    return await k.all(resumed)


@way(needs="responses.compact")
async def responses_compact(k: Kit) -> Any:
    answer = await k.get(k.client.responses.compact(**ASK))
    k.record(usage=answer.usage, endpoint="/responses/compact", status="ok", attempts=1)
    return answer


@way()
async def responses_input_items(k: Kit) -> Any:
    answer = await _answered(k)
    items = await k.all(k.client.responses.input_items.list(answer.id))
    k.record(endpoint="/responses/{id}/input_items", usage_source="none", attempts=1)
    return items


@way(needs="responses.connect")
async def responses_websocket(k: Kit) -> Any:
    """Two responses over one connection, one after the other."""
    events: list[Any] = []
    async with k.entered(k.client.responses.connect()) as connection:
        for _ in range(2):
            await k.get(connection.send({"type": "response.create", **ASK}))
            while True:
                events.append(await k.get(connection.recv()))
                if events[-1].type == "response.completed":
                    break
            k.record(
                usage=events[-1].response.usage,
                request_model="gpt-4o-mini",
                http_request_method="WEBSOCKET",
                status="ok",
                stream_end="complete",
                has_first_token=True,
            )
    return events


@way(needs="realtime without TLS")
async def realtime_websocket(k: Kit) -> Any:
    events: list[Any] = []
    item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hello"}]}
    async with k.entered(k.client.realtime.connect(model="gpt-realtime")) as connection:
        await k.get(connection.conversation.item.create(item=item))
        await k.get(connection.response.create())
        while not events or events[-1].type != "response.done":
            events.append(await k.get(connection.recv()))
    k.record(
        usage=events[-1].response.usage,
        request_model="gpt-realtime",
        endpoint="/realtime",
        status="ok",
        stream_end="complete",
    )
    return events


@way(needs="realtime without TLS")
async def realtime_websocket_raw_bytes(k: Kit) -> Any:
    """A program that reads bytes and never lets the SDK parse them."""
    received: list[bytes] = []
    async with k.entered(k.client.realtime.connect(model="gpt-realtime")) as connection:
        await k.get(connection.send({"type": "response.create"}))
        while not received or b'"response.done"' not in received[-1]:
            received.append(await k.get(connection.recv_bytes()))
    k.record(usage_source="response", endpoint="/realtime", status="ok")
    return received


# --- other endpoints -------------------------------------------------------------------------------------------


@way()
async def embeddings(k: Kit) -> Any:
    answer = await k.get(k.client.embeddings.create(model="text-embedding-3-small", input=["a", "b"]))
    k.record(usage=answer.usage, endpoint="/embeddings", response_model=answer.model, status="ok", attempts=1)
    return answer


@way()
async def embeddings_of_a_megabyte(k: Kit) -> Any:
    texts = [f"text {n}" for n in range(120)]
    answer = await k.get(k.client.embeddings.create(model="text-embedding-3-small", input=texts))
    k.record(usage=answer.usage, endpoint="/embeddings", status="ok", attempts=1)
    return answer


@way()
async def legacy_completions(k: Kit) -> Any:
    answer = await k.get(k.client.completions.create(model="gpt-3.5-turbo-instruct", prompt="Once"))
    k.record(usage=answer.usage, endpoint="/completions", finish_reasons=["length"], status="ok", attempts=1)
    return answer


@way()
async def legacy_completions_streamed(k: Kit) -> Any:
    asked = k.client.completions.create(model="gpt-3.5-turbo-instruct", prompt="Once", stream=True, **WITH_USAGE)
    chunks = await k.all(await k.get(asked))
    k.record(endpoint="/completions", finish_reasons=["length"], status="ok", stream_end="complete", attempts=1)
    return chunks


@way()
async def moderations(k: Kit) -> Any:
    k.record(endpoint="/moderations", usage_source="none", status="ok", attempts=1)
    return await k.get(k.client.moderations.create(input=["hello", "an attack"]))


@way()
async def images(k: Kit) -> Any:
    answer = await k.get(k.client.images.generate(model="gpt-image-1.5", prompt="a lighthouse"))
    k.record(usage=answer.usage, endpoint="/images/generations", status="ok", attempts=1)
    return answer


@way()
async def images_edited(k: Kit) -> Any:
    answer = await k.get(k.client.images.edit(model="gpt-image-1.5", image=("a.png", b"png"), prompt="add a boat"))
    k.record(usage=answer.usage, endpoint="/images/edits", status="ok", attempts=1)
    return answer


@way()
async def images_streamed(k: Kit) -> Any:
    asked = k.client.images.generate(model="gpt-image-1.5", prompt="a", stream=True, partial_images=2)
    events = await k.all(await k.get(asked))
    k.record(usage=events[-1].usage, endpoint="/images/generations", status="ok", stream_end="complete", attempts=1)
    return events


@way()
async def transcription(k: Kit) -> Any:
    sound = ("a.wav", b"\0" * 64_000)
    answer = await k.get(k.client.audio.transcriptions.create(model="gpt-4o-transcribe", file=sound))
    whisper = await k.get(k.client.audio.transcriptions.create(model="whisper-1", file=sound))
    text = await k.get(
        k.client.audio.transcriptions.create(model="gpt-4o-transcribe", file=sound, response_format="text")
    )
    k.record(usage=answer.usage, endpoint="/audio/transcriptions", status="ok", attempts=1)
    k.record(audio_seconds=2.0, usage_source="response", status="ok", attempts=1)
    k.record(endpoint="/audio/transcriptions", status="ok", attempts=1)
    return [answer, whisper, text]


@way()
async def transcription_streamed(k: Kit) -> Any:
    asked = k.client.audio.transcriptions.create(model="gpt-4o-transcribe", file=("a.wav", b"\0" * 6400), stream=True)
    events = await k.all(await k.get(asked))
    k.record(endpoint="/audio/transcriptions", usage_source="response", stream_end="complete", attempts=1)
    return events


@way()
async def transcription_of_an_open_file(k: Kit) -> Any:
    """The file is read once, by the SDK."""
    sound = io.BytesIO(b"\0" * 6400)
    k.record(endpoint="/audio/transcriptions", status="ok", attempts=1)
    return [await k.get(k.client.audio.transcriptions.create(model="gpt-4o-transcribe", file=sound)), sound.tell()]


@way()
async def speech(k: Kit) -> Any:
    answer = await k.get(k.client.audio.speech.create(model="gpt-4o-mini-tts", voice="alloy", input="Hello there"))
    k.record(endpoint="/audio/speech", status="ok", attempts=1)
    return [answer, answer.content]


@way()
async def speech_as_events(k: Kit) -> Any:
    asked = k.client.audio.speech.with_streaming_response.create(
        model="gpt-4o-mini-tts", voice="alloy", input="Hello there", stream_format="sse"
    )
    async with k.entered(asked) as response:
        lines = await k.all(response.iter_lines())
    k.record(endpoint="/audio/speech", usage_source="response", status="ok", attempts=1)
    return lines


@way()
async def files_and_batches(k: Kit) -> Any:
    line = {"custom_id": "1", "method": "POST", "url": "/v1/chat/completions", "body": CHAT}
    sent = await k.get(k.client.files.create(file=("in.jsonl", json.dumps(line).encode()), purpose="batch"))
    batch = await k.get(
        k.client.batches.create(input_file_id=sent.id, endpoint="/v1/chat/completions", completion_window="24h")
    )
    stages = [await k.get(k.client.batches.retrieve(batch.id)) for _ in range(2)]
    output = await k.get(k.client.files.content(stages[-1].output_file_id))
    listed = await k.all(k.client.batches.list())
    gone = await k.get(k.client.files.delete(sent.id))
    k.record(endpoint="/files", http_request_method="POST", attempts=1)
    k.record(endpoint="/batches", attempts=1)
    k.record(endpoint="/batches/{id}", usage_source="pending", attempts=1)
    k.record(endpoint="/batches/{id}", usage_source="response", batch_requests=1, attempts=1)
    k.record(http_request_method="GET", status="ok", attempts=1)
    k.record(endpoint="/chat/completions", usage_source="response", is_batch=True, attempts=0)
    k.record(endpoint="/batches", http_request_method="GET", attempts=1)
    k.record(endpoint="/batches/{id}", usage_source="response", batch_requests=1, attempts=0)
    k.record(http_request_method="DELETE", attempts=1)
    return [sent, batch, stages, output, output.content, listed, gone]


@way()
async def models(k: Kit) -> Any:
    listed = await k.all(k.client.models.list())
    k.record(endpoint="/models", usage_source="none", attempts=1)
    k.record(usage_source="none", attempts=1)
    return [listed, await k.get(k.client.models.retrieve("gpt-4o"))]


@way()
async def stored_completions_by_page(k: Kit) -> Any:
    """Listing stored completions is not billable; reading one says what its call has said."""
    made = [await _chat(k, store=True, metadata={"n": str(n)}) for n in range(5)]
    listed = await k.all(k.client.chat.completions.list(limit=2))
    one = await k.get(k.client.chat.completions.retrieve(made[0].id))
    messages = await k.all(k.client.chat.completions.messages.list(made[0].id))
    pages = len({request.target for request in k.server.requests if request.method == "GET"}) - 2
    for source in (*["none"] * pages, "response", "none"):
        k.record(http_request_method="GET", usage_source=source, attempts=1)
    return [made, listed, one, messages]


@way()
async def client_post(k: Kit) -> Any:
    answer = await k.get(k.client.post("/chat/completions", cast_to=object, body=CHAT))
    k.record(endpoint="/chat/completions", usage_source="response", finish_reasons=["stop"], attempts=1)
    return answer


@way()
async def client_post_streamed(k: Kit) -> Any:
    kind = openai.AsyncStream[Any] if k.is_async else openai.Stream[Any]
    body = {**CHAT, **WITH_USAGE, "stream": True}
    asked = k.client.post("/chat/completions", cast_to=object, body=body, stream=True, stream_cls=kind)
    chunks = await k.all(await k.get(asked))
    k.record(usage_source="response", stream_end="complete", status="ok", attempts=1)
    return chunks


@way()
async def endpoint_of_tomorrow(k: Kit) -> Any:
    body = {"id": "x1", "usage": {"input_tokens": 4, "output_tokens": 5}, "wonder": [1]}
    k.server.script("/wonders", [RawReply(200, JSON, json.dumps(body).encode())])
    answer = await k.get(k.client.post("/wonders", cast_to=object, body={"model": "gpt-9"}))
    k.record(endpoint="/wonders", request_model="gpt-9", usage_source="response", output_tokens=5, attempts=1)
    return answer


@way()
async def decisions_by_post(k: Kit) -> Any:
    body = {"model": "gpt-6.1-terra", "input": "refund?", "questions": [{"name": "refund"}]}
    answer = await k.get(k.client.post("/decisions", cast_to=object, body=body))
    k.record(usage=answer["usage"], endpoint="/decisions", status="ok", attempts=1)
    return answer


# --- clients ---------------------------------------------------------------------------------------------------


@way()
async def azure(k: Kit) -> Any:
    options = {"azure_endpoint": k.server.origin, "api_key": "k", "api_version": "2025-04-01-preview"}
    client = k.make(openai.AzureOpenAI, openai.AsyncAzureOpenAI, base_url=None, **options)
    answer = await k.get(client.chat.completions.create(**{**CHAT, "model": "prod-4o"}))
    k.record(
        usage=answer.usage,
        provider_name="azure.ai.openai",
        request_model="prod-4o",
        endpoint="/chat/completions",
        response_model=answer.model,
        attempts=1,
    )
    return answer


@way()
async def azure_first_chunk_empty(k: Kit) -> Any:
    """Azure's first chunk has neither id nor model nor choices."""
    head = {"id": "", "object": "", "created": 0, "model": "", "choices": [], "prompt_filter_results": []}
    chunk = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "gpt-4o-2024-11-20"}
    delta = {"index": 0, "delta": None, "finish_reason": None, "content_filter_results": {}}
    last = {"index": 0, "delta": {"content": "hi"}, "finish_reason": "stop"}
    events = [head, {**chunk, "choices": [delta]}, {**chunk, "choices": [last]}]
    body = [f"data: {json.dumps(e)}\n\n".encode() for e in events] + [b"data: [DONE]\n\n"]
    k.server.script("/chat/completions", [RawReply(200, SSE, chunks=body)])
    stream = await k.stream()
    k.record(response_model="gpt-4o-2024-11-20", response_id="c1", finish_reasons=["stop"], stream_end="complete")
    return await k.all(stream)


@way()
async def azure_content_filter_message_null(k: Kit) -> Any:
    choice = {"index": 0, "finish_reason": "content_filter", "message": None, "content_filter_results": {}}
    body = {"id": "c1", "object": "chat.completion", "created": 1, "model": "gpt-4o", "choices": [choice]}
    k.server.script("/chat/completions", [RawReply(200, JSON, json.dumps(body).encode())])
    k.record(finish_reasons=["content_filter"], is_content_filtered=True, usage_source="absent", attempts=1)
    return await k.get(k.client.chat.completions.create(**CHAT))


@way(needs="BedrockOpenAI")
async def bedrock(k: Kit) -> Any:
    client = k.make(
        openai.BedrockOpenAI, openai.AsyncBedrockOpenAI, base_url=k.server.base_url, api_key="k", aws_region="us-east-1"
    )
    answer = await k.get(client.responses.create(**ASK))
    k.record(usage=answer.usage, provider_name="aws.bedrock", attempts=1)
    return answer


@way()
async def with_options(k: Kit) -> Any:
    client = k.client.with_options(max_retries=0, timeout=5, default_headers={"x-mine": "1"})
    answer = await k.get(client.chat.completions.create(**CHAT))
    k.record(usage=answer.usage, status="ok", attempts=1)
    return answer


@way()
async def subclassed(k: Kit) -> Any:
    """A subclass that overrides `request` and adds a header."""

    class Mine(openai.OpenAI):
        def request(self, *args: Any, **kwargs: Any) -> Any:
            return super().request(*args, **kwargs)

        @property
        def default_headers(self) -> Any:
            return {**super().default_headers, "x-mine": "1"}

    class MineAsync(openai.AsyncOpenAI):
        async def request(self, *args: Any, **kwargs: Any) -> Any:
            return await super().request(*args, **kwargs)

    client = k.make(Mine, MineAsync, base_url=k.server.base_url)
    answer = await k.get(client.chat.completions.create(**CHAT))
    chunks = await k.all(await k.get(client.chat.completions.create(**CHAT, stream=True)))
    k.record(usage=answer.usage, status="ok", attempts=1)
    k.record(stream_end="complete", status="ok", attempts=1)
    return [answer, chunks]


@way()
async def http_library_given(k: Kit) -> Any:
    """The program's own client of the HTTP library that the SDK uses, with its own hooks and transport."""
    import openai._base_client as base

    library = base.httpx2 if hasattr(base, "httpx2") else base.httpx
    return await _with_http_client(k, library)


@way(needs="httpx2")
async def legacy_httpx_given(k: Kit) -> Any:
    """openai 3 takes clients of the older httpx as well."""
    import httpx

    return await _with_http_client(k, httpx)


async def _with_http_client(k: Kit, library: Any) -> Any:
    seen: list[Any] = []

    def note(thing: Any) -> None:
        seen.append([type(thing).__name__, sorted(n.lower() for n in thing.headers if "trace" in n or "bag" in n)])

    async def note_async(thing: Any) -> None:
        note(thing)

    hook = note_async if k.is_async else note
    hooks = {"request": [hook], "response": [hook]}
    kind, transport = (
        (library.AsyncClient, library.AsyncHTTPTransport) if k.is_async else (library.Client, library.HTTPTransport)
    )
    given = kind(transport=transport(retries=0), event_hooks=hooks, headers={"x-mine": "1"})
    client = k.make(http_client=given)
    answer = await k.get(client.chat.completions.create(**CHAT))
    chunks = await k.all(await k.get(client.chat.completions.create(**CHAT, stream=True)))
    k.record(usage=answer.usage, status="ok", attempts=1)
    k.record(stream_end="complete", status="ok", attempts=1)
    return [answer, chunks, seen, len(given.event_hooks["request"]), client._client is given]


@way("async", needs="DefaultAioHttpClient")
async def aiohttp_transport(k: Kit) -> Any:
    client = k.make(http_client=openai.DefaultAioHttpClient())
    answer = await k.get(client.chat.completions.create(**CHAT))
    chunks = await k.all(await k.get(client.chat.completions.create(**CHAT, **WITH_USAGE, stream=True)))
    k.record(usage=answer.usage, status="ok", attempts=1)
    k.record(usage=chunks[-1].usage, stream_end="complete", status="ok", attempts=1)
    return [answer, chunks]


@way(needs="callable api_key")
async def api_key_callable_that_calls(k: Kit) -> Any:
    """The key comes from a function that itself makes a call: two calls, nested, each with its own record."""
    inner = k.make()
    asked: list[str] = []

    async def key_async() -> str:
        asked.append((await inner.embeddings.create(model="text-embedding-3-small", input="key")).model)
        return "sk-made"

    def key() -> str:
        asked.append(inner.embeddings.create(model="text-embedding-3-small", input="key").model)
        return "sk-made"

    client = k.make(api_key=key_async if k.is_async else key)
    answer = await k.get(client.chat.completions.create(**CHAT))
    k.record(usage=answer.usage, endpoint="/chat/completions", http_status_code=200, attempts=1)
    for _ in asked:
        k.record(endpoint="/embeddings", status="ok", attempts=1)
    return [answer, asked]


@way()
async def compatible_server(k: Kit) -> Any:
    """A vendor's prefix in the model name stays where it is."""
    answer = await _chat(k, model="google/gemini-3-flash")
    k.expected[-1].update(provider_name="openai_compatible")
    return answer


# --- errors and retries ----------------------------------------------------------------------------------------


def _error_way(name: str, case: str, error_type: str, status: int, attempts: int) -> None:
    async def ask(k: Kit) -> Any:
        k.record(
            status="error",
            error_type=error_type,
            http_status_code=status,
            retries=attempts - 1,
            attempts=attempts,
            usage_source="absent",
        )
        return await k.get(k.client.chat.completions.create(**CHAT, extra_headers=scenario(case)))

    ask.__name__ = name
    way()(ask)


_error_way("error_400", "400", "unsupported_value", 400, 1)
_error_way("error_401", "401", "invalid_api_key", 401, 1)
_error_way("error_404", "404", "model_not_found", 404, 1)
_error_way("error_429_to_the_end", "429", "rate_limit_exceeded", 429, 3)
_error_way("error_500_to_the_end", "500", "server_error", 500, 3)
_error_way("error_content_filter", "content-filter-400", "content_filter", 400, 1)


async def _retried(k: Kit, case: str, retries: int, **changes: Any) -> Any:
    answer = await k.get(k.client.chat.completions.create(**CHAT, extra_headers=scenario(case), **changes))
    k.record(status="ok", retries=retries, attempts=retries + 1, http_status_code=200)
    return await k.all(answer) if changes else answer


@way()
async def retry_429_then_ok(k: Kit) -> Any:
    return await _retried(k, "429-then-ok", 1)


@way()
async def retry_500_twice_then_ok(k: Kit) -> Any:
    return await _retried(k, "500-twice-then-ok", 2)


@way()
async def retry_429_then_stream(k: Kit) -> Any:
    return await _retried(k, "429-then-ok", 1, stream=True)


@way()
async def retry_429_raw(k: Kit) -> Any:
    asked = k.client.chat.completions.with_raw_response.create(**CHAT, extra_headers=scenario("429-then-ok"))
    raw = await k.get(asked)
    k.record(status="ok", retries=1, attempts=2)
    return [raw, raw.retries_taken]


@way()
async def connection_refused(k: Kit) -> Any:
    k.record(status="error", error_type="APIConnectionError", http_status_code=None, attempts=1)
    client = k.make(base_url="http://127.0.0.1:9/v1", max_retries=0)
    return await k.get(client.chat.completions.create(**CHAT))


@way()
async def timed_out(k: Kit) -> Any:
    k.record(status="error", error_type="APITimeoutError", attempts=1)
    client = k.make(max_retries=0, timeout=0.25)
    return await k.get(client.chat.completions.create(**CHAT, extra_headers=scenario("never-answers")))


def _odd_body_way(name: str, case: str, status: str | tuple[str, ...], **columns: Any) -> None:
    async def ask(k: Kit) -> Any:
        k.record(status=status, http_status_code=200, attempts=1, **columns)
        return await k.get(k.client.chat.completions.create(**CHAT, extra_headers=scenario(case)))

    ask.__name__ = name
    way()(ask)


_odd_body_way("body_not_json", "not-json", "error")
_odd_body_way("body_html", "html", "ok", defects=["body_unreadable"])
_odd_body_way("body_wrong_types", "wrong-types", "ok")
_odd_body_way("body_empty_object", "empty-object", "ok", usage_source="absent")


@way()
async def body_torn(k: Kit) -> Any:
    """The connection dies inside a whole answer; without retries the caller gets the transport's error."""
    k.record(status="error", error_type="APIConnectionError")
    client = k.make(max_retries=0)
    return await k.get(client.chat.completions.create(**CHAT, extra_headers=scenario("torn")))


@way()
async def body_deep(k: Kit) -> Any:
    """JSON nested a hundred thousand levels deep."""
    body = b'{"id":"x","choices":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    k.server.script("/chat/completions", [RawReply(200, JSON, body)])
    k.record(defects=["body_unreadable"])
    return await k.get(k.client.chat.completions.create(**CHAT))


@way()
async def body_with_a_lone_surrogate(k: Kit) -> Any:
    message = {"role": "assistant", "content": "\ud800 cut"}
    choice = {"index": 0, "finish_reason": "stop", "message": message}
    body = {"id": "c1", "object": "chat.completion", "created": 1, "model": "m\ud800", "choices": [choice]}
    k.server.script("/chat/completions", [RawReply(200, JSON, json.dumps(body).encode())])
    k.record(finish_reasons=["stop"], status="ok", attempts=1)
    return await k.get(k.client.chat.completions.create(**CHAT))


@way()
async def body_of_eight_megabytes(k: Kit) -> Any:
    message = {"role": "assistant", "content": "word " * 1_600_000}
    choice = {"index": 0, "finish_reason": "stop", "message": message}
    body = {"id": "c1", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}
    k.server.script("/chat/completions", [RawReply(200, JSON, json.dumps(body).encode())])
    k.record(finish_reasons=["stop"], status="ok", output_characters=8_000_000, attempts=1)
    return await k.get(k.client.chat.completions.create(**CHAT))


@way()
async def body_error_with_status_200(k: Kit) -> Any:
    body = {"error": {"code": "content_filter", "message": "The response was filtered."}}
    k.server.script("/chat/completions", [RawReply(200, JSON, json.dumps(body).encode())])
    k.record(status="error", error_type="content_filter", http_status_code=200, attempts=1)
    return await k.get(k.client.chat.completions.create(**CHAT))


@way()
async def wrong_argument(k: Kit) -> Any:
    """What the SDK refuses before it sends anything is not a call."""
    return await k.get(k.client.chat.completions.create(model="gpt-4o"))


@way()
async def unserialisable_argument(k: Kit) -> Any:
    k.record(status="error", error_type="TypeError", attempts=0)
    return await k.get(k.client.chat.completions.create(**CHAT, extra_body={"x": object()}))


# --- concurrency -----------------------------------------------------------------------------------------------


@way("sync")
async def concurrent_threads(k: Kit) -> Any:
    answers: list[Any] = []

    def ask() -> None:
        for _ in range(3):
            answers.append(k.client.chat.completions.create(**CHAT))

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for _ in answers:
        k.record(usage_source="response", status="ok", attempts=1)
    return sorted(a.choices[0].message.content for a in answers)


@way("async")
async def concurrent_gather(k: Kit) -> Any:
    async def ask(n: int) -> Any:
        if n % 2:
            return [c.choices[0].delta.content for c in await k.all(await k.stream())]
        return (await k.client.chat.completions.create(**CHAT)).choices[0].message.content

    answers = await asyncio.gather(*(ask(n) for n in range(10)))
    k.notes.clear()
    for _ in answers:
        k.record(status="ok", attempts=1)
    return sorted(map(str, answers))


# --- what an SDK lacks -----------------------------------------------------------------------------------------


def lacks(needs: str | None) -> bool:
    """Whether this environment's SDK cannot be called like that."""
    if needs is None:
        return False
    if needs == "callable api_key":
        return "Callable" not in str(openai.OpenAI.__init__.__annotations__.get("api_key"))
    if needs == "realtime without TLS":
        # openai 1 connects to wss only, whatever the base_url says.
        return openai.__version__.startswith("1.")
    if needs == "httpx2":
        import openai._base_client as base

        return not hasattr(base, "httpx2")
    if needs == "DefaultAioHttpClient":
        try:
            import aiohttp  # noqa: F401
        except ImportError:
            return True
    found: Any = openai if hasattr(openai, needs.partition(".")[0]) and "." not in needs else openai.OpenAI(api_key="x")
    for name in needs.split("."):
        found = getattr(found, name, None)
    return found is None
