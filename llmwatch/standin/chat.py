"""Owns /chat/completions: bodies, streams and stored completions, in the chat API's words.

It turns a Reply into bytes; it never decides what the model says.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from llmwatch.standin import brain, pages
from llmwatch.standin.account import Account
from llmwatch.standin.bodies import EVENT_STREAM, error_reply, event, json_reply, reasoning_of, spoken_pieces, tier_of
from llmwatch.standin.catalogue import answering_name
from llmwatch.standin.exchange import ApiError, Chunk, Json, RawReply, Reply, RequestInfo
from llmwatch.standin.tokens import count, tokenize

# A plain number per model stands for the build of the model that answered.
_FINGERPRINT = "fp_5b1c{:06x}"


@dataclass(frozen=True)
class Choice:
    """One answer of `n`: its text cut to the token limit, and why it ended."""

    text: str
    finish_reason: str
    output_tokens: int


def create(info: RequestInfo, reply: Reply, account: Account) -> RawReply:
    """A chat completion, streamed or whole."""
    if not info.params.get("messages"):
        return error_reply(ApiError(400, "Missing required parameter: 'messages'.", "missing_required_parameter"))
    choices = _choices(info, reply)
    usage = _usage(info, reply, choices, account)
    frame = _frame(info, reply, account)
    if info.is_stream:
        return _stream(info, reply, frame, choices, usage)
    return _whole(info, reply, frame, choices, usage, account)


def _choices(info: RequestInfo, reply: Reply) -> list[Choice]:
    """The answers: one text for each of `n`, the first the reply's own."""
    first = reply.text if reply.text is not None else brain.answer_text(info)
    others = [brain.answer_text(info) for _ in range(int(info.params.get("n") or 1) - 1)]
    limit = info.params.get("max_completion_tokens") or info.params.get("max_tokens")
    thinking = reasoning_of(info, reply)
    room = None if limit is None else max(0, int(limit) - thinking)
    return [_choice(text, room, reply) for text in (first, *others)]


def _choice(text: str, room: int | None, reply: Reply) -> Choice:
    if reply.tool_calls:
        spoken = sum(count(call.name + call.arguments) for call in reply.tool_calls)
        return Choice("", reply.finish_reason or "tool_calls", spoken)
    if reply.refusal is not None:
        return Choice("", reply.finish_reason or "stop", count(reply.refusal))
    words = tokenize(text)
    if room is not None and len(words) > room:
        return Choice("".join(words[:room]), "length", room)
    return Choice(text, reply.finish_reason or "stop", len(words))


def _usage(info: RequestInfo, reply: Reply, choices: list[Choice], account: Account) -> Json:
    prompt, cached, written = account.read_prompt(info.model, info.params)
    cached = cached if reply.cached_tokens is None else min(reply.cached_tokens, prompt)
    thinking = reasoning_of(info, reply)
    spoken = sum(choice.output_tokens for choice in choices) + thinking
    prompt_details: Json = {"cached_tokens": cached, "audio_tokens": 0}
    if written:
        prompt_details["cache_write_tokens"] = min(written, prompt - cached)
    return {
        "prompt_tokens": prompt,
        "completion_tokens": spoken,
        "total_tokens": prompt + spoken,
        "prompt_tokens_details": prompt_details,
        "completion_tokens_details": {
            "reasoning_tokens": thinking,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def _frame(info: RequestInfo, reply: Reply, account: Account) -> Json:
    """What every chunk and every body of this answer carries."""
    model = reply.model or answering_name(info.model)
    return {
        "id": account.new_id("chatcmpl-"),
        "object": "chat.completion.chunk" if info.is_stream else "chat.completion",
        "created": account.now_s(),
        "model": model,
        "service_tier": tier_of(info, reply),
        "system_fingerprint": _FINGERPRINT.format(sum(model.encode())),
    }


def _message(reply: Reply, choice: Choice, account: Account) -> Json:
    message: Json = {"role": "assistant", "content": choice.text, "refusal": reply.refusal, "annotations": []}
    if reply.refusal is not None:
        message["content"] = None
    if reply.tool_calls:
        message["content"] = None
        message["tool_calls"] = [
            {"id": account.new_id("call_"), "type": "function", "function": {"name": c.name, "arguments": c.arguments}}
            for c in reply.tool_calls
        ]
    return message


def _whole(
    info: RequestInfo, reply: Reply, frame: Json, choices: list[Choice], usage: Json, account: Account
) -> RawReply:
    body = dict(frame)
    body["choices"] = [
        {
            "index": index,
            "message": _message(reply, choice, account),
            "logprobs": None,
            "finish_reason": choice.finish_reason,
        }
        for index, choice in enumerate(choices)
    ]
    if info.deployment:
        add_content_filter(body)
    if reply.has_usage:
        body["usage"] = usage
    if info.params.get("store"):
        kept = {**body, "metadata": info.params.get("metadata") or {}, "messages": info.params["messages"]}
        account.chats.put(body["id"], kept)
    return json_reply(body, reply.first_token_s + usage["completion_tokens"] / reply.tokens_per_s)


def add_content_filter(body: Json) -> None:
    """What Azure adds to a completion: the verdicts of its content filter."""
    verdict = {name: {"filtered": False, "severity": "safe"} for name in ("hate", "self_harm", "sexual", "violence")}
    body["prompt_filter_results"] = [{"prompt_index": 0, "content_filter_results": verdict}]
    for choice in body["choices"]:
        choice["content_filter_results"] = verdict


def _stream(info: RequestInfo, reply: Reply, frame: Json, choices: list[Choice], usage: Json) -> RawReply:
    wants_usage = bool((info.params.get("stream_options") or {}).get("include_usage"))
    first_s = reply.first_token_s + reasoning_of(info, reply) / reply.tokens_per_s
    chunks = list(_chunks(reply, frame, choices, wants_usage))
    # The role chunk travels with the first content; what follows is paced by the model's speed.
    per_chunk_s = reply.tokens_per_delta / reply.tokens_per_s
    sent = [Chunk(chunks[0], first_s, is_moment=False), *(Chunk(data, 0.0, is_moment=False) for data in chunks[1:2])]
    sent[-1] = replace(sent[-1], is_moment=True)
    sent += [Chunk(data, per_chunk_s, is_moment=False) for data in chunks[2:]]
    if reply.failure is not None:
        sent = sent[: max(2, len(sent) // 2)]
        sent.append(Chunk(event(ApiError(500, reply.failure, "server_error", "server_error").body())))
        return RawReply(200, EVENT_STREAM, chunks=sent)
    if wants_usage and reply.has_usage:
        sent.append(Chunk(event({**frame, "choices": [], "usage": usage}), is_moment=False))
    sent.append(Chunk(b"data: [DONE]\n\n", is_moment=False))
    return RawReply(200, EVENT_STREAM, chunks=sent)


def _chunks(reply: Reply, frame: Json, choices: list[Choice], wants_usage: bool) -> Iterator[bytes]:
    for index, choice in enumerate(choices):
        for delta, finish_reason in _deltas(reply, choice, frame["id"]):
            body = dict(frame)
            body["choices"] = [{"index": index, "delta": delta, "logprobs": None, "finish_reason": finish_reason}]
            if wants_usage:
                body["usage"] = None
            yield event(body)


def _deltas(reply: Reply, choice: Choice, seed: str) -> Iterator[tuple[Json, str | None]]:
    """The deltas of one choice, from the role to the finish reason."""
    yield {"role": "assistant", "content": None if reply.tool_calls else "", "refusal": None}, None
    for index, call in enumerate(reply.tool_calls):
        head = {"name": call.name, "arguments": ""}
        called: Json = {"index": index, "id": f"call_{seed[-12:]}{index}", "type": "function", "function": head}
        yield {"tool_calls": [called]}, None
        for piece in spoken_pieces(call.arguments, reply.tokens_per_delta):
            yield {"tool_calls": [{"index": index, "function": {"arguments": piece}}]}, None
    key = "content" if reply.refusal is None else "refusal"
    for piece in spoken_pieces(choice.text if reply.refusal is None else reply.refusal, reply.tokens_per_delta):
        yield {key: piece}, None
    yield {}, choice.finish_reason


def retrieve(info: RequestInfo, account: Account) -> RawReply:
    """A stored completion with its usage; 404 when it was never stored."""
    kept = account.chats.get(info.path_ids[0])
    if kept is None:
        return error_reply(ApiError(404, f"Chat completion {info.path_ids[0]} not found.", "not_found"))
    return json_reply({key: value for key, value in kept.items() if key != "messages"})


def update(info: RequestInfo, account: Account) -> RawReply:
    """A stored completion with its metadata replaced."""
    kept = account.chats.get(info.path_ids[0])
    if kept is not None:
        kept["metadata"] = info.params.get("metadata") or {}
    return retrieve(info, account)


def forget(info: RequestInfo, account: Account) -> RawReply:
    """Deletes a stored completion."""
    was_kept = account.chats.pop(info.path_ids[0]) is not None
    return json_reply({"id": info.path_ids[0], "object": "chat.completion.deleted", "deleted": was_kept})


def list_stored(info: RequestInfo, account: Account) -> RawReply:
    """Stored completions by page, the oldest first unless asked otherwise."""
    kept = [{k: v for k, v in item.items() if k != "messages"} for item in account.chats.newest_first()]
    return json_reply(pages.page(kept if info.request.query.get("order") == "desc" else kept[::-1], info))


def list_messages(info: RequestInfo, account: Account) -> RawReply:
    """The messages a stored completion answered."""
    kept = account.chats.get(info.path_ids[0]) or {}
    messages = [{"id": f"{info.path_ids[0]}-{i}", **message} for i, message in enumerate(kept.get("messages", ()))]
    return json_reply(pages.page(messages, info))
