"""Owns the order of events in a streamed response, the same over server-sent events and over a WebSocket."""

from collections.abc import Iterator
from dataclasses import dataclass

from llmwatch.standin.bodies import spoken_pieces
from llmwatch.standin.exchange import Json, Reply


@dataclass(frozen=True)
class Timed:
    """One event, the wait before it, and whether it carries the first output a reader would see."""

    event: Json
    delay_s: float
    is_first_content: bool


_CONTENT = ("response.output_text.delta", "response.refusal.delta", "response.function_call_arguments.delta")
_FINAL = {"completed": "response.completed", "incomplete": "response.incomplete", "failed": "response.failed"}


def timeline(final: Json, reply: Reply) -> list[Timed]:
    """Every event of this response, numbered from 0, with the waits the reply asks for."""
    timed: list[Timed] = []
    is_waiting = True
    for number, (kind, fields) in enumerate(_events(final, reply)):
        is_content = kind in _CONTENT
        delay_s = _wait_s(final, reply, is_first=is_waiting) if is_content else 0.0
        event = {"type": kind, "sequence_number": number, **fields}
        timed.append(Timed(event, delay_s, is_content and is_waiting))
        is_waiting = is_waiting and not is_content
    return timed


def _wait_s(final: Json, reply: Reply, *, is_first: bool) -> float:
    if not is_first:
        return reply.tokens_per_delta / reply.tokens_per_s
    usage: Json = final["usage"] or {}
    return (
        reply.first_token_s + (usage.get("output_tokens_details") or {}).get("reasoning_tokens", 0) / reply.tokens_per_s
    )


def _events(final: Json, reply: Reply) -> Iterator[tuple[str, Json]]:
    started = {**final, "status": "in_progress", "output": [], "usage": None, "error": None, "completed_at": None}
    started["incomplete_details"] = None
    if final["background"]:
        yield "response.queued", {"response": {**started, "status": "queued"}}
    yield "response.created", {"response": started}
    yield "response.in_progress", {"response": started}
    for index, item in enumerate(final["output"]):
        yield from _item_events(index, item, reply)
    yield _FINAL.get(final["status"], "response.completed"), {"response": final}


def _item_events(index: int, item: Json, reply: Reply) -> Iterator[tuple[str, Json]]:
    started = {**item, "status": "in_progress"}
    started.update({"content": []} if item["type"] == "message" else {})
    started.update({"arguments": ""} if item["type"] == "function_call" else {})
    yield "response.output_item.added", {"output_index": index, "item": started}
    where = {"output_index": index, "item_id": item["id"]}
    if item["type"] == "web_search_call":
        for stage in ("in_progress", "searching", "completed"):
            yield f"response.web_search_call.{stage}", where
    elif item["type"] == "function_call":
        yield from _argument_events(where, item, reply)
    elif item["type"] == "message":
        yield from _message_events(where, item, reply)
    yield "response.output_item.done", {"output_index": index, "item": item}


def _argument_events(where: Json, item: Json, reply: Reply) -> Iterator[tuple[str, Json]]:
    for piece in spoken_pieces(item["arguments"], reply.tokens_per_delta):
        yield "response.function_call_arguments.delta", {**where, "delta": piece}
    done = {**where, "name": item["name"], "arguments": item["arguments"]}
    yield "response.function_call_arguments.done", done


def _message_events(where: Json, item: Json, reply: Reply) -> Iterator[tuple[str, Json]]:
    for index, part in enumerate(item["content"]):
        place = {**where, "content_index": index}
        is_refusal = part["type"] == "refusal"
        key, name = ("refusal", "response.refusal") if is_refusal else ("text", "response.output_text")
        empty = {**part, key: ""} if is_refusal else {**part, key: "", "annotations": []}
        extra: Json = {} if is_refusal else {"logprobs": []}
        yield "response.content_part.added", {**place, "part": empty}
        for piece in spoken_pieces(part[key], reply.tokens_per_delta):
            yield f"{name}.delta", {**place, "delta": piece, **extra}
        for number, annotation in enumerate(part.get("annotations", ())):
            found = {**place, "annotation_index": number, "annotation": annotation}
            yield "response.output_text.annotation.added", found
        yield f"{name}.done", {**place, key: part[key], **extra}
        yield "response.content_part.done", {**place, "part": part}
