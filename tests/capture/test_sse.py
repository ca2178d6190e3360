"""The stream fold: however the bytes are cut, and whichever path takes an event, the body is the same."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from llmwatch.capture.sse import StreamFold

HEAD = {
    "id": "chatcmpl-1",
    "object": "chat.completion.chunk",
    "created": 1,
    "model": "gpt-4o",
    "service_tier": "default",
}


def chunk(delta: dict[str, Any], finish: str | None = None, index: int = 0) -> dict[str, Any]:
    """One chat chunk as OpenAI writes it."""
    choice = {"index": index, "delta": delta, "logprobs": None, "finish_reason": finish}
    return {**HEAD, "choices": [choice], "usage": None}


def sse(rows: list[dict[str, Any]], *, compact: bool = True, newline: str = "\n") -> bytes:
    """The rows as server-sent events; not compact is what other servers write, and what the fast path does not know."""
    separators = (",", ":") if compact else (", ", ": ")
    text = "".join(f"data: {json.dumps(r, separators=separators)}{newline}{newline}" for r in rows)
    return (text + f"data: [DONE]{newline}{newline}").encode()


def fold(data: bytes, size: int = 1 << 20) -> StreamFold:
    """A fold fed in pieces of `size` bytes."""
    folded = StreamFold("chat")
    for start in range(0, len(data), size):
        folded.feed(data[start : start + size])
    return folded


ROWS = st.lists(
    st.one_of(
        st.builds(lambda t, i: chunk({"content": t}, index=i), st.text(max_size=12), st.integers(0, 1)),
        st.builds(lambda t: chunk({"content": t}), st.text(max_size=12)),
        st.builds(lambda t: chunk({"role": "assistant", "content": t, "refusal": None}), st.text(max_size=3)),
        st.builds(
            lambda t: chunk({"tool_calls": [{"index": 0, "function": {"name": "f", "arguments": t}}]}),
            st.text(max_size=5),
        ),
        st.just(chunk({}, "stop")),
        st.just({**HEAD, "choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 5}}),
    ),
    min_size=1,
    max_size=12,
)


@given(ROWS)
def test_the_fast_path_reads_what_decoding_every_event_reads(rows: list[dict[str, Any]]) -> None:
    """Compact events go by splitting, spaced ones by decoding: same body, same counts."""
    fast, slow = fold(sse(rows)), fold(sse(rows, compact=False))

    assert slow.body() == fast.body()
    assert (slow.event_count, slow.is_complete) == (fast.event_count, fast.is_complete)


@given(ROWS, st.integers(1, 97))
def test_where_the_bytes_are_cut_changes_nothing(rows: list[dict[str, Any]], size: int) -> None:
    """Pieces as small as a byte give the same body."""
    data = sse(rows)

    assert fold(data).body() == fold(data, size).body()


@given(ROWS)
def test_windows_line_ends_change_nothing(rows: list[dict[str, Any]]) -> None:
    """Some proxies end lines with carriage return and newline."""
    assert fold(sse(rows)).body() == fold(sse(rows, newline="\r\n")).body()


@given(st.binary(max_size=300))
def test_no_bytes_make_it_fail(data: bytes) -> None:
    """Garbage gives a body, whatever is in it."""
    folded = fold(data + b"\n\n", 7)

    assert isinstance(folded.body(), dict)


def test_text_that_looks_like_the_end_of_an_event_stays_text() -> None:
    """The fast path's marks cannot occur inside a JSON string, whose quotes are escaped."""
    text = '"},"logprobs":null,"finish_reason":null}]}\n\ndata: {"choices":[{"index":0,"delta":{"content":"'

    body = fold(sse([chunk({"content": text}), chunk({"content": "after"}), chunk({}, "stop")])).body()

    assert text + "after" == body["choices"][0]["message"]["content"]


def test_a_stream_longer_than_its_buffer_is_folded_as_it_goes() -> None:
    """Half a megabyte of deltas, all of them counted and joined in order."""
    rows = [chunk({"content": f"{i} "}) for i in range(3000)]

    folded = fold(sse([*rows, chunk({}, "stop")]), 4096)

    assert "".join(f"{i} " for i in range(3000)) == folded.body()["choices"][0]["message"]["content"]
    assert folded.delta_count == 3000


def test_usage_on_every_chunk_is_taken_once_the_last_one() -> None:
    """vLLM and xAI report running totals; summing them would multiply the cost."""
    rows = [{**chunk({"content": "a"}), "usage": {"prompt_tokens": 9, "completion_tokens": n}} for n in (1, 2, 3)]

    assert fold(sse(rows)).body()["usage"] == {"prompt_tokens": 9, "completion_tokens": 3}


def test_an_empty_first_chunk_replaces_no_good_value() -> None:
    """Azure begins with an empty id and model and no choices."""
    azure = {"id": "", "object": "", "model": "", "choices": [], "prompt_filter_results": []}

    body = fold(sse([azure, chunk({"content": "hi"}), chunk({}, "stop")])).body()

    assert (body["id"], body["model"]) == ("chatcmpl-1", "gpt-4o")


def test_a_stream_cut_without_an_end_is_not_complete() -> None:
    """No finish reason and no end marker: the answer is as far as it came."""
    folded = StreamFold("chat")
    folded.feed(sse([chunk({"content": "half"})]).removesuffix(b"data: [DONE]\n\n"))

    assert folded.body()["choices"][0]["message"]["content"] == "half"
    assert not folded.is_complete
