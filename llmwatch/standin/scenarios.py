"""Owns the named ways an exchange can go wrong or look odd, asked for with the header `x-standin-scenario: NAME`.

A scenario gets the request and a function that makes the ordinary answer, and returns the bytes to send.
"""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from llmwatch.standin.bodies import EVENT_STREAM, error_reply, event
from llmwatch.standin.exchange import ApiError, Chunk, Json, RawReply, Reply, RequestInfo
from llmwatch.standin.wire import gzipped

Ordinary = Callable[[Reply | None], RawReply]
Scenario = Callable[[RequestInfo, Ordinary], RawReply]
HEADER = "x-standin-scenario"

RATE_LIMITED = ApiError(
    429, "Rate limit reached for requests per minute.", "rate_limit_exceeded", "requests", retry_after_s=0.005
)
SERVER_ERROR = ApiError(
    500, "The server had an error while processing your request.", None, "server_error", retry_after_s=0.005
)
BAD_REQUEST = ApiError(
    400, "Unsupported value: 'temperature' does not support 9.", "unsupported_value", param="temperature"
)
UNAUTHORIZED = ApiError(401, "Incorrect API key provided.", "invalid_api_key")
NOT_FOUND = ApiError(404, "The model `gpt-none` does not exist.", "model_not_found")
FILTERED = ApiError(400, "The response was filtered due to the content policy.", "content_filter", param="prompt")


def _always(error: ApiError) -> Scenario:
    return lambda _info, _ordinary: error_reply(error)


def _first(times: int, error: ApiError) -> Scenario:
    """The error for the first attempts of a call, told by the SDK's own retry count, then the ordinary answer."""
    return lambda info, ordinary: error_reply(error) if info.retry_count < times else ordinary(None)


def _said(reply: Reply) -> Scenario:
    return lambda _info, ordinary: ordinary(reply)


def _changed(change: Callable[[RawReply], RawReply]) -> Scenario:
    return lambda _info, ordinary: change(ordinary(None))


def _dying(*, reset: bool) -> Callable[[RawReply], RawReply]:
    """Half of the body, then the connection is gone."""
    return lambda reply: replace(reply, die_after=max(1, len(reply.whole_body()) // 2), reset=reset)


def _slow_first_token(reply: RawReply) -> RawReply:
    return (
        replace(reply, chunks=[(0.0, b""), (0.3, reply.whole_body())]) if reply.chunks else replace(reply, delay_s=0.3)
    )


def _without_end(reply: RawReply) -> RawReply:
    """A stream that ends cleanly for HTTP but lacks its own end: no usage, no [DONE], no completed event."""
    return reply if reply.chunks is None else replace(reply, chunks=reply.pieces()[:-2])


def _dribbled(reply: RawReply) -> RawReply:
    """The same bytes, cut every seven, so that no event and no character arrives whole."""
    body = reply.whole_body()
    return replace(reply, chunks=[Chunk(body[at : at + 7], is_moment=at % 70 == 0) for at in range(0, len(body), 7)])


def _body_of(reply: RawReply, change: Callable[[Any], Any]) -> RawReply:
    return replace(reply, body=json.dumps(change(json.loads(reply.body))).encode()) if reply.chunks is None else reply


def _retyped(value: Any) -> Any:
    """The same JSON with numbers as words and lists as objects: valid, and not what any schema says."""
    if isinstance(value, dict):
        return {key: _retyped(item) for key, item in value.items()}
    if isinstance(value, list):
        return {str(index): _retyped(item) for index, item in enumerate(value)}
    return "many" if isinstance(value, int | float) and not isinstance(value, bool) else value


def _usage_on_each_chunk(info: RequestInfo, ordinary: Ordinary) -> RawReply:
    """A compatible server that repeats a growing usage on every chunk of a chat stream."""
    reply = ordinary(None)
    if reply.chunks is None:
        return reply
    chunks: list[bytes] = []
    for number, piece in enumerate(reply.pieces()):
        if piece.data.startswith(b"data: {"):
            body: Json = json.loads(piece.data[6:])
            used = {"prompt_tokens": 9, "completion_tokens": number, "total_tokens": 9 + number}
            chunks.append(event({**body, "usage": body.get("usage") or used}))
        else:
            chunks.append(piece.data)
    return replace(reply, chunks=chunks)


def _error_event(_info: RequestInfo, _ordinary: Ordinary) -> RawReply:
    """A responses stream whose only event is an error."""
    problem = {"type": "error", "code": "server_error", "message": "Something went wrong.", "param": None}
    return RawReply(200, EVENT_STREAM, chunks=[event({**problem, "sequence_number": 0}, "error")])


SCENARIOS: dict[str, Scenario] = {
    "400": _always(BAD_REQUEST),
    "401": _always(UNAUTHORIZED),
    "404": _always(NOT_FOUND),
    "429": _always(RATE_LIMITED),
    "500": _always(SERVER_ERROR),
    "content-filter-400": _always(FILTERED),
    "429-then-ok": _first(1, RATE_LIMITED),
    "500-twice-then-ok": _first(2, SERVER_ERROR),
    "never-answers": lambda _info, _ordinary: RawReply(never_answer=True),
    "never-finishes": _changed(lambda reply: replace(reply, never_finish=True)),
    "slow-first-token": _changed(_slow_first_token),
    "torn": _changed(_dying(reset=False)),
    "reset": _changed(_dying(reset=True)),
    "no-end-marker": _changed(_without_end),
    "dribbled": _changed(_dribbled),
    "gzip": _changed(gzipped),
    "not-json": lambda _info, _ordinary: RawReply(200, {"content-type": "application/json"}, b'{"id": "chatcmpl-'),
    "html": lambda _info, _ordinary: RawReply(200, {"content-type": "text/html"}, b"<html>Welcome to the proxy</html>"),
    "wrong-content-type": _changed(lambda reply: replace(reply, headers={"content-type": "text/plain"})),
    "wrong-types": _changed(lambda reply: _body_of(reply, _retyped)),
    "empty-object": lambda _info, _ordinary: RawReply(200, {"content-type": "application/json"}, b"{}"),
    "no-usage": _said(Reply(has_usage=False)),
    "usage-on-each-chunk": _usage_on_each_chunk,
    "refusal": _said(Reply(refusal="I'm sorry, I can't help with that.")),
    "length": _said(Reply(text="The report starts with", finish_reason="length")),
    "content-filter": _said(Reply(text="", finish_reason="content_filter")),
    "empty": _said(Reply(text="")),
    "failed": _said(Reply(failure="The model failed to produce an answer.")),
    "error-event": _error_event,
}


def play(info: RequestInfo, name: str, ordinary: Ordinary) -> RawReply:
    """The bytes of a scenario; an unknown name is a 400 that lists the known ones."""
    scenario = SCENARIOS.get(name)
    if scenario is None:
        return error_reply(ApiError(400, f"Unknown scenario {name!r}; known are {', '.join(sorted(SCENARIOS))}."))
    return scenario(info, ordinary)
