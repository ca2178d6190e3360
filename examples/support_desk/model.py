"""What the models of the demo answer, how fast, and how they fail: the planted truths on the model's side."""

import json
from collections.abc import Callable
from dataclasses import replace

from llmwatch.standin import ApiError, Reply, RequestInfo, ToolCall, VirtualClock
from llmwatch.standin.brain import sentences
from support_desk.planted import BY_NAME, holds
from support_desk.service import REPLY_PROMPTS

# Model -> seconds to the first token, tokens a second.
PACE = {
    "gpt-4o": (0.45, 85.0),
    "gpt-4o-mini": (0.30, 110.0),
    "gpt-5.6-luna": (0.50, 150.0),
    "gpt-6.1-terra": (0.80, 120.0),
    "acme-llm-1": (0.20, 60.0),
    "text-embedding-3-small": (0.12, 1e6),
}
RATE_LIMITED = ApiError(
    429,
    "Rate limit reached for gpt-4o in organization org-desk.",
    "rate_limit_exceeded",
    "requests",
    retry_after_s=0.001,
)
OVERLOADED = ApiError(500, "The server had an error.", None, "server_error", retry_after_s=0.001)
TOO_LONG = ApiError(400, "The message is longer than the model reads.", "context_length_exceeded", param="messages")
BACKOFF_S = 1.5


class DeskModel:
    """A brain for the stand-in: plausible answers per task, at the pace of each model, with the planted failures."""

    def __init__(self, clock: VirtualClock, start_ns: int) -> None:
        self._clock = clock
        self._start_ns = start_ns

    def __call__(self, info: RequestInfo) -> Reply:
        """The reply to one request."""
        day = (info.now_ns - self._start_ns) / 86_400e9
        first_s, tokens_per_s = PACE.get(info.model, (0.4, 90.0))
        pace = info.rng.lognormvariate(0, 0.3)
        if info.retry_count:
            # The SDK waited; on a virtual clock nobody else lets that time pass.
            self._clock.advance(BACKOFF_S * 2 ** (info.retry_count - 1))
        error = _failure(info, day)
        said = Reply() if error else _said(info)
        return replace(said, error=error, first_token_s=first_s * pace, tokens_per_s=tokens_per_s / pace)


def _failure(info: RequestInfo, day: float) -> ApiError | None:
    if "ATTACHMENT" in info.prompt:
        return TOO_LONG
    drawn = info.rng.random()
    if holds("rate-limits", day) and drawn < BY_NAME["rate-limits"].share:
        # One call in six of these gets no further with its two retries.
        return RATE_LIMITED if info.retry_count == 0 or drawn < BY_NAME["rate-limits"].share / 6 else None
    if holds("server-errors", day) and drawn < BY_NAME["server-errors"].share:
        return OVERLOADED if info.retry_count < 2 else None
    return None


def _said(info: RequestInfo) -> Reply:
    """The answer by what the request looks like; anything unknown is left to the default."""
    if info.schema is not None:
        return _invoice(info) if "lines" in info.schema["properties"] else _ticket(info)
    if info.params.get("tools"):
        return _order(info)
    if info.endpoint == "/responses":
        found = sentences(info.rng, info.rng.randint(6, 12))
        return Reply(text=found, reasoning_tokens=round(500 * info.rng.lognormvariate(0, 0.5)))
    return _PROSE.get(info.model, _chat)(info)


def _reply(info: RequestInfo) -> Reply:
    if info.rng.random() < BY_NAME["refusals"].share:
        return Reply(refusal="I'm sorry, but I can't help with this request.")
    system = str(info.params["messages"][0]["content"])
    is_thorough = REPLY_PROMPTS["thorough"][:80] in system
    how_many = info.rng.randint(9, 13) if is_thorough else info.rng.randint(4, 6)
    return Reply(text=sentences(info.rng, how_many), tokens_per_delta=14)


def _chat(info: RequestInfo) -> Reply:
    return Reply(text=sentences(info.rng, info.rng.randint(1, 3)), tokens_per_delta=3)


def _translation(info: RequestInfo) -> Reply:
    return Reply(text="Vielen Dank für Ihre Nachricht. " * info.rng.randint(1, 3))


_PROSE: dict[str, Callable[[RequestInfo], Reply]] = {"gpt-4o": _reply, "acme-llm-1": _translation}


def _ticket(info: RequestInfo) -> Reply:
    text = info.prompt.lower()
    by_word = {"invoice": "billing", "log in": "account", "move": "account", "export": "bug", "import": "bug"}
    category = next((name for word, name in by_word.items() if word in text), "how-to")
    return Reply(text=json.dumps({"category": category, "urgent": "soon" in text, "language": "en"}))


def _invoice(info: RequestInfo) -> Reply:
    """The printed lines, copied; a long invoice runs into the caller's own output limit."""
    lines = [line.split("  ") for line in info.prompt.splitlines() if line[:1].isdigit()]
    fields = {
        "number": info.prompt.split("\n", 1)[0].removeprefix("INVOICE "),
        "currency": "EUR",
        "total": 1290.0,
        "lines": [{"text": parts[1], "amount": float(parts[2])} for parts in lines],
    }
    return Reply(text=json.dumps(fields), reasoning_tokens=0)


def _order(info: RequestInfo) -> Reply:
    if "order" not in info.prompt:
        return Reply(text="Which order is it about?")
    return Reply(tool_calls=(ToolCall("look_up_order", json.dumps({"order": "A-17"})),))
