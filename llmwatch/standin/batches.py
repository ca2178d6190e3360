"""Owns uploaded files and batches: a batch is validating when made, in progress when first polled, then done."""

import json
from typing import Any

from llmwatch.standin import brain, pages
from llmwatch.standin.account import Account
from llmwatch.standin.bodies import error_reply, json_reply
from llmwatch.standin.catalogue import answering_name
from llmwatch.standin.exchange import ApiError, Json, RawReply, RequestInfo
from llmwatch.standin.tokens import count, prompt_parts

_STAGES = ("validating", "in_progress", "completed")


def upload(info: RequestInfo, account: Account) -> RawReply:
    """A file kept under a new id."""
    sent: Any = info.params.get("file") or {"filename": "upload", "bytes": b""}
    return json_reply(_keep(sent["filename"], sent["bytes"], str(info.params.get("purpose") or "user_data"), account))


def _keep(filename: str, content: bytes, purpose: str, account: Account) -> Json:
    described: Json = {
        "id": account.new_id("file-"),
        "object": "file",
        "bytes": len(content),
        "created_at": account.now_s(),
        "filename": filename,
        "purpose": purpose,
        "status": "processed",
        "expires_at": None,
    }
    account.files.put(described["id"], {"described": described, "content": content})
    return described


def list_files(info: RequestInfo, account: Account) -> RawReply:
    """The files, the newest first."""
    return json_reply(pages.page([kept["described"] for kept in account.files.newest_first()], info, 10_000))


def file(info: RequestInfo, account: Account) -> RawReply:
    """What is known about a file; a DELETE forgets it."""
    kept = account.files.get(info.path_ids[0])
    if kept is None:
        return error_reply(ApiError(404, f"No such File object: {info.path_ids[0]}", param="id"))
    if info.request.method == "DELETE":
        account.files.pop(info.path_ids[0])
        return json_reply({"id": info.path_ids[0], "object": "file", "deleted": True})
    return json_reply(kept["described"])


def content(info: RequestInfo, account: Account) -> RawReply:
    """A file's bytes."""
    kept = account.files.get(info.path_ids[0])
    if kept is None:
        return error_reply(ApiError(404, f"No such File object: {info.path_ids[0]}", param="id"))
    return RawReply(200, {"content-type": "application/octet-stream"}, kept["content"])


def create(info: RequestInfo, account: Account) -> RawReply:
    """A batch over an uploaded file of requests."""
    now_s, batch_id = account.now_s(), account.new_id("batch_")
    batch: Json = {
        "id": batch_id,
        "object": "batch",
        "endpoint": info.params.get("endpoint"),
        "input_file_id": info.params.get("input_file_id"),
        "completion_window": info.params.get("completion_window", "24h"),
        "status": "validating",
        "created_at": now_s,
        "expires_at": now_s + 86_400,
        "metadata": info.params.get("metadata") or {},
        "request_counts": {"total": 0, "completed": 0, "failed": 0},
    }
    account.batches.put(batch_id, batch)
    return json_reply(batch)


def retrieve(info: RequestInfo, account: Account) -> RawReply:
    """The batch, one stage further than at the last poll; usage and the output file come with completion."""
    batch = account.batches.get(info.path_ids[0])
    if batch is None:
        return error_reply(ApiError(404, f"No batch found with id '{info.path_ids[0]}'."))
    if batch["status"] in _STAGES[:-1]:
        batch["status"] = _STAGES[_STAGES.index(batch["status"]) + 1]
        if batch["status"] == "completed":
            _complete(batch, account)
    return json_reply(batch)


def cancel(info: RequestInfo, account: Account) -> RawReply:
    """The batch, cancelled unless it was done."""
    batch = account.batches.get(info.path_ids[0])
    if batch is None:
        return error_reply(ApiError(404, f"No batch found with id '{info.path_ids[0]}'."))
    if batch["status"] != "completed":
        batch.update(status="cancelled", cancelled_at=account.now_s())
    return json_reply(batch)


def list_batches(info: RequestInfo, account: Account) -> RawReply:
    """The batches, the newest first."""
    return json_reply(pages.page(account.batches.newest_first(), info))


def _complete(batch: Json, account: Account) -> None:
    kept = account.files.get(batch["input_file_id"]) or {"content": b""}
    lines = [json.loads(line) for line in kept["content"].splitlines() if line.strip()]
    answers = [_answered(line, account) for line in lines]
    made = "\n".join(json.dumps(answer) for answer in answers).encode()
    used = [answer["response"]["body"]["usage"] for answer in answers]
    batch.update(
        output_file_id=_keep("output.jsonl", made, "batch_output", account)["id"],
        completed_at=account.now_s(),
        model=answering_name(lines[0]["body"].get("model", "")) if lines else None,
        request_counts={"total": len(lines), "completed": len(lines), "failed": 0},
        usage={
            "input_tokens": sum(usage["prompt_tokens"] for usage in used),
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": sum(usage["completion_tokens"] for usage in used),
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": sum(usage["total_tokens"] for usage in used),
        },
    )


def _answered(line: Json, account: Account) -> Json:
    texts, extra = prompt_parts(line["body"])
    prompt = sum(count(text) for text in texts) + extra
    text = brain.SAMPLE_ANSWER
    usage = {"prompt_tokens": prompt, "completion_tokens": count(text), "total_tokens": prompt + count(text)}
    message = {"role": "assistant", "content": text}
    body = {
        "id": account.new_id("chatcmpl-"),
        "object": "chat.completion",
        "created": account.now_s(),
        "model": answering_name(line["body"].get("model", "")),
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": usage,
        "service_tier": "default",
    }
    answered = {"status_code": 200, "request_id": account.new_id("req_"), "body": body}
    return {"id": account.new_id("batch_req_"), "custom_id": line.get("custom_id"), "response": answered, "error": None}
