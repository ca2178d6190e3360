"""Owns /responses: bodies, background work, resumed streams, compaction, in the responses API's words.

The order of events in a stream is `response_events`' business; what the model says is the brain's.
"""

from dataclasses import replace
from typing import Any

from llmwatch.standin import brain, pages
from llmwatch.standin.account import Account
from llmwatch.standin.bodies import EVENT_STREAM, error_reply, event, json_reply, reasoning_of, tier_of
from llmwatch.standin.catalogue import answering_name, reasons
from llmwatch.standin.exchange import ApiError, Chunk, Json, RawReply, Reply, RequestInfo
from llmwatch.standin.response_events import Timed, timeline
from llmwatch.standin.tokens import count, tokenize

_LIMIT_HIT = {"length": "max_output_tokens", "content_filter": "content_filter"}


def create(info: RequestInfo, reply: Reply, account: Account) -> RawReply:
    """A response: whole, streamed, or started in the background and left to be polled."""
    if "input" not in info.params and "prompt" not in info.params:
        message = "Missing required parameter: 'input'."
        return error_reply(ApiError(400, message, "missing_required_parameter", param="input"))
    final = build(info, reply, account)
    if info.params.get("store", True):
        account.responses.put(final["id"], {"final": final, "info": info, "reply": reply, "polls": 0})
    if info.is_stream:
        return RawReply(200, EVENT_STREAM, chunks=_sse(timeline(final, reply)))
    if final["background"]:
        return json_reply(_at_stage(final, "queued"), reply.first_token_s)
    return json_reply(final, total_s(final, reply))


def total_s(final: Json, reply: Reply) -> float:
    """Seconds the whole answer takes."""
    return (
        reply.first_token_s + final["usage"]["output_tokens"] / reply.tokens_per_s
        if final["usage"]
        else reply.first_token_s
    )


def build(info: RequestInfo, reply: Reply, account: Account) -> Json:
    """The finished response object."""
    text = reply.text if reply.text is not None else brain.answer_text(info)
    thinking, cut, finish_reason = _fit(info, reply, text)
    final: Json = {
        "id": account.new_id("resp_"),
        "object": "response",
        "created_at": account.now_s(),
        "status": "completed",
        "background": bool(info.params.get("background")),
        "error": None,
        "incomplete_details": None,
        "output": _output(replace(reply, text=cut), info, account, thinking),
        "model": reply.model or answering_name(info.model),
        "service_tier": tier_of(info, reply),
        "usage": _usage(info, reply, cut, thinking, account) if reply.has_usage else None,
    }
    final.update(_echo(info))
    if finish_reason in _LIMIT_HIT:
        final.update(status="incomplete", incomplete_details={"reason": _LIMIT_HIT[finish_reason]})
        final["output"][-1]["status"] = "incomplete"
    if reply.failure is not None:
        final.update(status="failed", error={"code": "server_error", "message": reply.failure}, output=[])
    if final["status"] == "completed":
        final["completed_at"] = account.now_s() + round(total_s(final, reply))
    return final


def _fit(info: RequestInfo, reply: Reply, text: str) -> tuple[int, str, str | None]:
    """(reasoning tokens, text cut to the limit, finish reason) under `max_output_tokens`."""
    thinking, limit = reasoning_of(info, reply), info.params.get("max_output_tokens")
    words = tokenize(text)
    if limit is None or thinking + len(words) <= int(limit) or reply.tool_calls or reply.refusal is not None:
        return thinking, text, reply.finish_reason
    thinking = min(thinking, int(limit))
    return thinking, "".join(words[: int(limit) - thinking]), "length"


def _echo(info: RequestInfo) -> Json:
    """The request's own settings, which every response repeats."""
    asked = info.params
    return {
        "instructions": asked.get("instructions"),
        "max_output_tokens": asked.get("max_output_tokens"),
        "max_tool_calls": asked.get("max_tool_calls"),
        "metadata": asked.get("metadata") or {},
        "parallel_tool_calls": asked.get("parallel_tool_calls", True),
        "previous_response_id": asked.get("previous_response_id"),
        "prompt_cache_key": asked.get("prompt_cache_key"),
        "reasoning": asked.get("reasoning") or {"effort": None, "summary": None},
        "safety_identifier": asked.get("safety_identifier") or asked.get("user"),
        "store": asked.get("store", True),
        "temperature": asked.get("temperature", 1.0),
        "text": asked.get("text") or {"format": {"type": "text"}, "verbosity": "medium"},
        "tool_choice": asked.get("tool_choice", "auto"),
        "tools": asked.get("tools") or [],
        "top_p": asked.get("top_p", 1.0),
        "truncation": asked.get("truncation", "disabled"),
        "user": asked.get("user"),
    }


def _output(reply: Reply, info: RequestInfo, account: Account, thinking: int) -> list[Json]:
    """The output items in the order a model makes them: thought, searches, then calls or a message."""
    items: list[Json] = []
    if thinking or reasons(info.model):
        items.append({"id": account.new_id("rs_"), "type": "reasoning", "summary": []})
    for query in reply.web_searches:
        action = {"type": "search", "query": query, "sources": [{"type": "url", "url": "https://example.com/a"}]}
        items.append({"id": account.new_id("ws_"), "type": "web_search_call", "status": "completed", "action": action})
    if reply.web_searches:
        opened = {"type": "open_page", "url": "https://example.com/a"}
        items.append({"id": account.new_id("ws_"), "type": "web_search_call", "status": "completed", "action": opened})
    for call in reply.tool_calls:
        items.append(
            {
                "id": account.new_id("fc_"),
                "type": "function_call",
                "status": "completed",
                "call_id": account.new_id("call_"),
                "name": call.name,
                "arguments": call.arguments,
            }
        )
    return items if reply.tool_calls else [*items, _message(reply, account)]


def _message(reply: Reply, account: Account) -> Json:
    if reply.refusal is not None:
        content: Json = {"type": "refusal", "refusal": reply.refusal}
    else:
        content = {"type": "output_text", "text": reply.text, "annotations": [], "logprobs": []}
    if reply.web_searches and reply.text:
        cited = {"type": "url_citation", "start_index": 0, "end_index": 1, "url": "https://example.com/a", "title": "A"}
        content["annotations"] = [cited]
    message_id = account.new_id("msg_")
    return {"id": message_id, "type": "message", "status": "completed", "role": "assistant", "content": [content]}


def _usage(info: RequestInfo, reply: Reply, text: str, thinking: int, account: Account) -> Json:
    prompt, cached, written = account.read_prompt(info.model, info.params)
    prompt += 400 * len(reply.web_searches)
    cached = cached if reply.cached_tokens is None else min(reply.cached_tokens, prompt)
    spoken = thinking + (count(reply.refusal) if reply.refusal is not None else count(text))
    if reply.tool_calls:
        spoken = thinking + sum(count(call.name + call.arguments) for call in reply.tool_calls)
    details: Json = {"cached_tokens": cached, "cache_write_tokens": min(written, prompt - cached)}
    if written:
        is_long = (info.params.get("prompt_cache_options") or {}).get("ttl") == "12h"
        kept = details["cache_write_tokens"]
        details["cache_write_tokens_details"] = {
            "ttl_30m_tokens": 0 if is_long else kept,
            "ttl_12h_tokens": kept if is_long else 0,
        }
    return {
        "input_tokens": prompt,
        "input_tokens_details": details,
        "output_tokens": spoken,
        "output_tokens_details": {"reasoning_tokens": thinking},
        "total_tokens": prompt + spoken,
    }


def _sse(events: list[Timed], after: int = -1) -> list[Chunk]:
    """The events behind `after` as bytes; the first with text is a moment worth timing."""
    return [
        Chunk(event(timed.event, timed.event["type"]), timed.delay_s, timed.is_first_content)
        for timed in events
        if timed.event["sequence_number"] > after
    ]


def _at_stage(final: Json, status: str) -> Json:
    """The response as it looks before it is finished."""
    return {**final, "status": status, "output": [], "usage": None, "completed_at": None}


def retrieve(info: RequestInfo, account: Account) -> RawReply:
    """The response; one in the background is in progress on the first poll and finished on the second."""
    kept = account.responses.get(info.path_ids[0])
    if kept is None:
        return _missing(info)
    if info.is_stream:
        after = int(info.request.query.get("starting_after", -1))
        return RawReply(200, EVENT_STREAM, chunks=_sse(timeline(kept["final"], kept["reply"]), after))
    kept["polls"] += 1
    if kept["final"]["background"] and kept["polls"] == 1 and kept["final"]["status"] != "cancelled":
        return json_reply(_at_stage(kept["final"], "in_progress"))
    return json_reply(kept["final"])


def cancel(info: RequestInfo, account: Account) -> RawReply:
    """A background response stopped where it is; others cannot be cancelled."""
    kept = account.responses.get(info.path_ids[0])
    if kept is None:
        return _missing(info)
    if not kept["final"]["background"]:
        return error_reply(ApiError(400, "Only responses created with background=true can be cancelled."))
    kept["final"] = {**_at_stage(kept["final"], "cancelled")}
    return json_reply(kept["final"])


def forget(info: RequestInfo, account: Account) -> RawReply:
    """Deletes a response."""
    account.responses.pop(info.path_ids[0])
    return json_reply({"id": info.path_ids[0], "object": "response", "deleted": True})


def input_items(info: RequestInfo, account: Account) -> RawReply:
    """The items a response was given."""
    kept = account.responses.get(info.path_ids[0])
    if kept is None:
        return _missing(info)
    items: Any = kept["info"].params.get("input")
    if isinstance(items, str):
        items = [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": items}]}]
    listed = [{"id": f"msg_{index}", "type": "message", **item} for index, item in enumerate(items or [])]
    return json_reply(pages.page(listed, info))


def count_input(info: RequestInfo, account: Account) -> RawReply:
    """How many tokens an input has; nothing is billed or cached."""
    prompt, _, _ = Account(account.clock, 0).read_prompt(info.model, info.params)
    return json_reply({"object": "response.input_tokens", "input_tokens": prompt})


def compact(info: RequestInfo, reply: Reply, account: Account) -> RawReply:
    """The conversation squeezed into one compaction item, billed like a response."""
    usage = _usage(info, reply, reply.text or "", 0, account)
    item = {"id": account.new_id("cmp_"), "type": "compaction", "encrypted_content": "gAAAAA" + "x" * 200}
    body = {
        "id": account.new_id("resp_"),
        "object": "response.compaction",
        "created_at": account.now_s(),
        "output": [item],
        "usage": usage,
    }
    return json_reply(body, reply.first_token_s)


def _missing(info: RequestInfo) -> RawReply:
    return error_reply(ApiError(404, f"Response with id '{info.path_ids[0]}' not found."))
