"""Owns what each OpenAI endpoint is: its operation, how its answer is read, whether it reports usage.

Keyed on method and path, because GET /responses/{id} repeats the usage of the call that made the response.
An endpoint that is not in the table is counted under its path and nothing about it is guessed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import urlsplit

Family = Literal[
    "chat",
    "responses",
    "completions",
    "embeddings",
    "images",
    "transcription",
    "speech",
    "moderation",
    "batch",
    "batch_list",
    "file",
    "plain",
]
# reported: the answer carries usage; fetched: usage of another call; unknown: not in the table; none: not billable.
# Usage that an answer reports counts wherever it stands: a row says what its absence means.
Billing = Literal["reported", "fetched", "unknown", "none"]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One row of the table; `template` has no ids in it and is safe as a label."""

    template: str
    operation: str
    family: Family
    billing: Billing
    api_type: str | None = None


def _row(
    method: str, template: str, operation: str, family: Family, billing: Billing, api_type: str | None = None
) -> tuple[str, re.Pattern[str], Endpoint]:
    pattern = re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(template)) + "$")
    return method, pattern, Endpoint(template, operation, family, billing, api_type)


# Source: openai-python 3.52.0, resources/*. Operation names: GenAI semantic conventions, custom where they have none.
_TABLE: Final = (
    _row("post", "/chat/completions", "chat", "chat", "reported", "chat_completions"),
    _row("post", "/responses", "chat", "responses", "reported", "responses"),
    _row("post", "/responses/compact", "compact", "responses", "reported", "responses"),
    _row("post", "/responses/input_tokens", "count_tokens", "plain", "none", "responses"),
    _row("get", "/responses/{id}", "fetch_response", "responses", "fetched", "responses"),
    _row("post", "/responses/{id}/cancel", "fetch_response", "responses", "fetched", "responses"),
    _row("get", "/responses/{id}/input_items", "list_input_items", "plain", "none", "responses"),
    _row("delete", "/responses/{id}", "delete_response", "plain", "none", "responses"),
    _row("post", "/completions", "text_completion", "completions", "reported"),
    _row("post", "/embeddings", "embeddings", "embeddings", "reported"),
    _row("post", "/decisions", "decision", "responses", "reported"),
    _row("post", "/moderations", "moderation", "moderation", "none"),
    _row("post", "/images/generations", "generate_content", "images", "reported"),
    _row("post", "/images/edits", "generate_content", "images", "reported"),
    _row("post", "/images/variations", "generate_content", "images", "reported"),
    _row("post", "/audio/transcriptions", "transcription", "transcription", "reported"),
    _row("post", "/audio/translations", "transcription", "transcription", "reported"),
    _row("post", "/audio/speech", "speech", "speech", "reported"),
    _row("get", "/batches/{id}", "fetch_batch", "batch", "fetched"),
    _row("get", "/batches", "list_batches", "batch_list", "none"),
    _row("post", "/batches", "create_batch", "batch", "reported"),
    _row("post", "/batches/{id}/cancel", "fetch_batch", "batch", "fetched"),
    _row("get", "/files/{id}/content", "read_file", "file", "none"),
    _row("post", "/files", "upload_file", "plain", "none"),
    _row("get", "/chat/completions", "list_chat_completions", "plain", "none", "chat_completions"),
    _row("get", "/chat/completions/{id}", "fetch_chat_completion", "plain", "none", "chat_completions"),
    _row("post", "/chat/completions/{id}", "update_chat_completion", "plain", "none", "chat_completions"),
    _row("get", "/chat/completions/{id}/messages", "list_messages", "plain", "none", "chat_completions"),
)
# Posts outside the table that start work somebody pays for: without usage in the answer their cost is unknown.
_WORK: Final = re.compile(
    r"/(?:threads/(?:[^/]+/)?runs(?:/[^/]+/submit_tool_outputs)?|evals/[^/]+/runs|fine_tuning/jobs|"
    r"fine_tuning/alpha/graders/run|agents/automations/[^/]+/invocations|agents/sessions(?:/[^/]+/events)?)$"
)
# Paths whose other methods set up, store, list or control something, and are not billable.
_CONTROL: Final = re.compile(
    r"/(?:models|files|uploads|batches|vector_stores|conversations|containers|organization|projects|fine_tuning|evals|"
    r"skills|webhooks|webhook_endpoints|admin|vaults|chatkit|assistants|threads|agents|realtime|audio/voices|"
    r"audio/voice_consents|live/sessions/[^/]+/(?:accept|hangup|refer|reject))(?:/|$)"
)
# In a path of an endpoint we do not know, what looks like an id is not a label.
_ID: Final = re.compile(r"/(?:[A-Za-z]+[-_][A-Za-z0-9_-]{8,}|[0-9a-f-]{16,}|\d+)(?=/|$)")
_PREFIX: Final = re.compile(
    r"^(?:/openai)?(?:/deployments/[^/]+)?(?:/openai)?(?:/v\d+)?(?:/(?:deployments|engines)/[^/]+)?(?=/)"
)
_ENGINE: Final = re.compile(r"(?:^|/)engines/([^/?]+)/")
_CACHE_LIMIT: Final = 512
_cache: dict[tuple[str, str], Endpoint] = {}


def classify(method: str, url: str) -> Endpoint:
    """The endpoint that a request goes to, by method and path alone, query and deployment prefix taken off."""
    key = (method, url)
    known = _cache.get(key)
    if known is None:
        known = _classify(method.lower(), url)
        if len(_cache) < _CACHE_LIMIT:
            _cache[key] = known
    return known


def _classify(method: str, url: str) -> Endpoint:
    path = urlsplit(url).path
    path = "/" + _PREFIX.sub("", path if path.startswith("/") else "/" + path).strip("/")
    for row_method, pattern, endpoint in _TABLE:
        if row_method == method and pattern.match(path):
            return endpoint
    template = _ID.sub("/{id}", path)[:200]
    is_control = method in {"get", "delete", "head"} or (_CONTROL.match(path) and not _WORK.match(path))
    operation = template.strip("/") or "request"
    return Endpoint(template, operation, "plain", "none" if is_control else "unknown")


def engine(url: str) -> str | None:
    """The model that a path of the kind /engines/{model}/... names."""
    found = _ENGINE.search(urlsplit(url).path)
    return found[1] if found else None


REALTIME: Final = Endpoint("/realtime", "realtime", "responses", "reported", "realtime")
RESPONSES_SOCKET: Final = Endpoint("/responses", "chat", "responses", "reported", "responses")
# What a list of batches, and the lines of a batch's output file, are recorded as.
BATCH: Final = next(e for _, _, e in _TABLE if e.operation == "fetch_batch")
_LINES: Final[Mapping[str, Endpoint]] = {
    kind: next(e for _, _, e in _TABLE if e.template == template and e.billing == "reported")
    for kind, template in (
        ("chat.completion", "/chat/completions"),
        ("response", "/responses"),
        ("text_completion", "/completions"),
        ("list", "/embeddings"),
    )
}
_LINE: Final = Endpoint("/batches", "batch_request", "plain", "unknown")


def line_endpoint(kind: object) -> Endpoint:
    """The endpoint that a line of a batch's output was asked of, by the `object` of its body."""
    return _LINES.get(kind, _LINE) if isinstance(kind, str) else _LINE


# Host -> gen_ai.provider.name, longest suffix first; the client's class decides before the host does.
_HOSTS: Final = (
    ("api.openai.com", "openai"),
    (".openai.azure.com", "azure.ai.openai"),
    (".cognitiveservices.azure.com", "azure.ai.openai"),
    (".services.ai.azure.com", "azure.ai.inference"),
    (".amazonaws.com", "aws.bedrock"),
    ("api.x.ai", "x_ai"),
    ("api.groq.com", "groq"),
    ("api.deepseek.com", "deepseek"),
    ("api.mistral.ai", "mistral_ai"),
    ("api.moonshot.ai", "moonshot_ai"),
    ("api.moonshot.cn", "moonshot_ai"),
    ("api.perplexity.ai", "perplexity"),
    ("openrouter.ai", "openrouter"),
    ("api.together.xyz", "together_ai"),
    ("api.fireworks.ai", "fireworks"),
    ("api.cohere.com", "cohere"),
    ("generativelanguage.googleapis.com", "gcp.gemini"),
    ("aiplatform.googleapis.com", "gcp.vertex_ai"),
    ("api.anthropic.com", "anthropic"),
)


def provider_name(client_class: str, host: str | None, port: int | None, named: Mapping[str, str]) -> str:
    """gen_ai.provider.name: by `named`, the client's class, the host; a host nobody knows is never openai."""
    if named and host is not None:
        provider = named.get(f"{host}:{port}") or named.get(host)
        if provider:
            return provider
    if "Azure" in client_class:
        return "azure.ai.openai"
    if "Bedrock" in client_class:
        return "aws.bedrock"
    if host is None:
        return "openai"
    for suffix, name in _HOSTS:
        if host == suffix or host.endswith(suffix if suffix.startswith(".") else "." + suffix):
            return name
    return "openai_compatible"
