"""Owns which endpoint a path is, and the way from a request to the bytes of its answer.

The order: a scripted reply, a scenario named in a header, the account's own refusals (401, 404), then the brain.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from llmwatch.standin import batches, chat, media, responses, texts
from llmwatch.standin.account import Account
from llmwatch.standin.bodies import error_reply
from llmwatch.standin.catalogue import is_missing
from llmwatch.standin.exchange import ApiError, Brain, Json, RawReply, ReceivedRequest, Reply, RequestInfo

Generating = Callable[[RequestInfo, Reply, Account], RawReply]
Keeping = Callable[[RequestInfo, Account], RawReply]

# Endpoints that ask the brain.
GENERATING: dict[tuple[str, str], Generating] = {
    ("POST", "/chat/completions"): chat.create,
    ("POST", "/responses"): responses.create,
    ("POST", "/responses/compact"): responses.compact,
    ("POST", "/completions"): texts.completions,
    ("POST", "/embeddings"): texts.embeddings,
    ("POST", "/moderations"): texts.moderations,
    ("POST", "/decisions"): texts.decisions,
    ("POST", "/images/generations"): media.images,
    ("POST", "/images/edits"): media.images,
    ("POST", "/audio/transcriptions"): media.transcribe,
    ("POST", "/audio/translations"): media.transcribe,
    ("POST", "/audio/speech"): media.speech,
}
# Endpoints that read and change what the account keeps; `*` stands for an id.
KEEPING: dict[tuple[str, str], Keeping] = {
    ("GET", "/chat/completions"): chat.list_stored,
    ("GET", "/chat/completions/*"): chat.retrieve,
    ("POST", "/chat/completions/*"): chat.update,
    ("DELETE", "/chat/completions/*"): chat.forget,
    ("GET", "/chat/completions/*/messages"): chat.list_messages,
    ("POST", "/responses/input_tokens"): responses.count_input,
    ("GET", "/responses/*"): responses.retrieve,
    ("DELETE", "/responses/*"): responses.forget,
    ("POST", "/responses/*/cancel"): responses.cancel,
    ("GET", "/responses/*/input_items"): responses.input_items,
    ("GET", "/models"): texts.models,
    ("GET", "/models/*"): texts.models,
    ("POST", "/files"): batches.upload,
    ("GET", "/files"): batches.list_files,
    ("GET", "/files/*"): batches.file,
    ("DELETE", "/files/*"): batches.file,
    ("GET", "/files/*/content"): batches.content,
    ("POST", "/batches"): batches.create,
    ("GET", "/batches"): batches.list_batches,
    ("GET", "/batches/*"): batches.retrieve,
    ("POST", "/batches/*/cancel"): batches.cancel,
}
_AZURE = re.compile(r"/openai/(?:deployments/(?P<deployment>[^/]+)|v1)?(?P<rest>/.*)?")
_FORM = "multipart/form-data"


@dataclass(frozen=True)
class Place:
    """Where a path leads: the endpoint with its ids taken out, and an Azure deployment's name."""

    endpoint: str
    ids: tuple[str, ...] = ()
    deployment: str | None = None


def locate(method: str, path: str) -> Place:
    """The endpoint of a path, with or without `/v1` or an Azure prefix; unknown paths keep their own name."""
    deployment = None
    if found := _AZURE.fullmatch(path):
        deployment, path = found["deployment"], found["rest"] or "/"
        path = path if path.startswith("/") else f"/{path}"
    path = path.removeprefix("/v1").rstrip("/") or "/"
    if (method, path) in GENERATING or (method, path) in KEEPING:
        return Place(path, (), deployment)
    for (known_method, pattern), _ in KEEPING.items():
        ids = _ids(pattern, path) if known_method == method else None
        if ids is not None:
            return Place(pattern, ids, deployment)
    return Place(path, (), deployment)


def _ids(pattern: str, path: str) -> tuple[str, ...] | None:
    """What stands at the pattern's stars; None when the path is another one."""
    parts, given = pattern.split("/"), path.split("/")
    if len(parts) != len(given) or any(p not in ("*", g) for p, g in zip(parts, given, strict=True)):
        return None
    return tuple(g for p, g in zip(parts, given, strict=True) if p == "*")


def read(request: ReceivedRequest, account: Account) -> RequestInfo:
    """What the brain is told about a request; a body that is not JSON raises ValueError."""
    place = locate(request.method, request.path)
    content_type = request.header("content-type") or ""
    params: Json
    if content_type.startswith(_FORM):
        params = media.form_fields(request.body, content_type)
    else:
        params = media.as_json_params(request.body)
    now_ns = account.clock.peek_ns()
    return RequestInfo(request, place.endpoint, params, place.ids, place.deployment, now_ns, account.seed)


def refusal(info: RequestInfo) -> ApiError | None:
    """What the account refuses before any model sees the request: no key, a bad key, a missing model."""
    key = info.request.header("authorization") or info.request.header("api-key")
    if not key:
        return ApiError(401, "You didn't provide an API key.", None)
    if "invalid" in key:
        return ApiError(401, "Incorrect API key provided.", "invalid_api_key")
    if info.params.get("model") and is_missing(info.model):
        message = f"The model `{info.model}` does not exist or you do not have access to it."
        return ApiError(404, message, "model_not_found")
    return None


def answer(info: RequestInfo, brain: Brain, account: Account, reply: Reply | None = None) -> RawReply:
    """The bytes a request gets when nothing is scripted; `reply` stands in for the brain's."""
    refused = refusal(info)
    if refused is not None:
        return error_reply(refused)
    key = (info.request.method, info.endpoint)
    if key in KEEPING:
        return KEEPING[key](info, account)
    if key not in GENERATING:
        message = f"Invalid URL ({info.request.method} {info.request.path})"
        return error_reply(ApiError(404, message))
    said = reply or brain(info)
    if isinstance(said, RawReply):
        return said
    if said.error is not None:
        return error_reply(said.error, said.first_token_s)
    return GENERATING[key](info, said, account)
