"""Reads batches out of answers that hold several: a list of batches, and the lines of a batch's output file.

Each becomes a row of its own beside the call that fetched it. Pure and defensive, as reading one answer is.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from .endpoints import BATCH, Endpoint, line_endpoint
from .response import Answer, read_answer

Json = Mapping[str, Any]
# Above this a file is not read for its lines: the batch's own usage stands for them.
MAX_FILE_BYTES: Final = 64 << 20
_HEAD_BYTES: Final = 64 << 10


@dataclass(frozen=True, slots=True)
class Part:
    """One answer inside a larger one; `span_id` is the same each time the same line is read, 0 where it is new."""

    endpoint: Endpoint
    answer: Answer
    metadata: Json
    span_id: int = 0


def listed_batches(body: Any) -> Iterator[Part]:
    """The batches of a list that are over; one that still runs is known by the call that created it."""
    data = body.get("data") if isinstance(body, dict) else None
    for batch in data if isinstance(data, list) else ():
        if isinstance(batch, dict) and batch.get("object") == "batch" and batch.get("id"):
            answer = read_answer(BATCH, batch)
            if answer.fields["usage_source"] != "pending":
                metadata = batch.get("metadata")
                yield Part(BATCH, answer, metadata if isinstance(metadata, dict) else {})


def is_output_file(content: bytes) -> bool:
    """Whether a file is the output of a batch: JSON lines with the answer to a custom_id each."""
    head = content[:_HEAD_BYTES]
    return head.startswith(b"{") and b'"custom_id"' in head and b'"response"' in head


def output_lines(content: bytes, file_id: str) -> Iterator[Part]:
    """One part a line, in order; a line that cannot be read counts as one whose usage is unknown."""
    for number, line in enumerate(content.splitlines()):
        if not line.strip():
            continue
        try:
            decoded = json.loads(line)
        except (ValueError, RecursionError):
            decoded = None
        part = decoded if isinstance(decoded, dict) else {}
        response = part.get("response")
        response = response if isinstance(response, dict) else {}
        body = response.get("body")
        endpoint = line_endpoint(body.get("object") if isinstance(body, dict) else None)
        answer = read_answer(endpoint, body if isinstance(body, dict) else {})
        fields = answer.fields
        fields["is_batch"] = True
        fields["batch_file"] = file_id
        _note_outcome(part, response, answer)
        name = f"{file_id}/{part.get('id') or part.get('custom_id') or number}"
        span_id = int.from_bytes(hashlib.blake2b(name.encode("utf-8", "replace"), digest_size=8).digest()) or 1
        yield Part(endpoint, answer, {}, span_id)


def _note_outcome(line: Json, response: Json, answer: Answer) -> None:
    fields = answer.fields
    status, request_id, error = response.get("status_code"), response.get("request_id"), line.get("error")
    if isinstance(status, int) and not isinstance(status, bool):
        fields["http_status_code"] = status
        if status >= 400 and answer.error is None:
            answer.error = (f"http_{status}", "")
    if isinstance(request_id, str) and request_id:
        fields["request_id"] = request_id[:128]
    if isinstance(error, dict) and error and answer.error is None:
        answer.error = (str(error.get("code") or "error")[:128], str(error.get("message") or "")[:2000])
        # A request that the batch did not run, because it expired say, has no answer that anybody could bill.
        if not response:
            fields["is_unsent"] = True
