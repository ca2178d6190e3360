"""Where content is not to be kept no word of a prompt or an answer reaches the disk; names are redacted elsewhere."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import nullcontext
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import openai
import pytest

import llmwatch
from tests.played import Player

MAIL = "jane.doe@example.com"
ANSWER: Any = {
    "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "gpt-4o-mini",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {
        "role": "assistant", "content": "WORDanswer", "refusal": "WORDrefusal",
        "tool_calls": [{"id": "c1", "type": "function",
                        "function": {"name": "lookup", "arguments": '{"name": "WORDargument"}'}}]}}],
    "usage": {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7},
}  # fmt: skip
FAILED: Any = {
    "id": "resp_1", "object": "response", "created_at": 1, "model": "gpt-4o-mini", "status": "failed", "output": [],
    "error": {"code": "server_error", "message": f"WORDfailed {MAIL}"}, "usage": None,
}  # fmt: skip


@pytest.fixture
def player() -> Iterator[Player]:
    """A server that answers, refuses and fails."""
    running = Player()
    yield running
    running.close()


def refuse(handler: BaseHTTPRequestHandler) -> None:
    """An error that repeats what was asked."""
    body = json.dumps({"error": {"message": f"Invalid prompt: WORDasked {MAIL}", "code": "invalid_prompt"}}).encode()
    handler.send_response(400)
    handler.send_header("content-type", "application/json")
    handler.send_header("content-length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


def ask(player: Player) -> None:
    """Words wherever a request, an answer or an error has some."""
    client = openai.OpenAI(base_url=player.url, api_key="k", max_retries=0)
    asked: Any = {
        "model": "gpt-4o-mini", "stop": ["WORDstop", f"WORDstop {MAIL}"], "user": "u1", "metadata": {"task": "t"},
        "messages": [{"role": "system", "content": f"WORDsystem {MAIL}"},
                     {"role": "user", "content": f"WORDuser {MAIL}", "name": "WORDname"}],
        "tools": [{"type": "function", "function": {
            "name": "lookup", "description": f"WORDdescription {MAIL}",
            "parameters": {"type": "object", "properties": {"WORDproperty": {"enum": ["WORDenum"]}}}}}],
    }  # fmt: skip
    player.routes["/chat/completions"] = ANSWER
    client.chat.completions.create(**asked)
    player.routes["/chat/completions"] = refuse
    with pytest.raises(openai.BadRequestError):
        client.chat.completions.create(**asked)
    player.routes["/responses"] = FAILED
    client.responses.create(model="gpt-4o-mini", input=f"WORDinput {MAIL}", instructions="WORDinstructions")
    player.routes["/completions"] = {
        **ANSWER,
        "object": "text_completion",
        "choices": [{"text": "WORDtext", "index": 0}],
    }
    client.completions.create(model="m", prompt=f"WORDprompt {MAIL}", suffix="WORDsuffix", stop="WORDstop")


@pytest.mark.parametrize("content", ["metadata", "redacted", "full"])
@pytest.mark.parametrize("is_refused", [False, True], ids=["kept", "no_content"])
def test_what_is_kept_of_words(tmp_path: Path, player: Player, content: str, is_refused: bool) -> None:
    """Every file of the home is read: no word without content, words without names with redaction, all in full."""
    llmwatch.init(home=tmp_path, content=content, sample_rate=1.0)
    try:
        with llmwatch.no_content() if is_refused else nullcontext():
            ask(player)
    finally:
        llmwatch.shutdown()

    written = "".join(path.read_text("utf-8") for path in tmp_path.rglob("*.spool"))

    words = set(re.findall("WORD[a-z]+", written))
    assert '"lookup"' in written
    if is_refused or content == "metadata":
        assert words == set()
    else:
        assert {"WORDasked", "WORDfailed", "WORDstop", "WORDsystem", "WORDuser", "WORDanswer", "WORDinput"} <= words
    assert (MAIL in written) is (content == "full" and not is_refused)
