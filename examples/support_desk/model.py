"""What the models of the demo answer, how fast, and how they fail: the planted truths on the model's side.

A model errs on a ticket, not on a request: asked again, or by another name, the same ticket is misread the same way,
unless a truth says that one model is worse.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random

from llmwatch.standin import ApiError, Reply, RequestInfo, ToolCall
from llmwatch.standin.brain import sentences
from llmwatch.standin.clock import Clock
from support_desk.planted import BY_NAME, holds
from support_desk.service import ADDRESS, CLASSIFY, FAQ, IMAGE, MOOD, REPLY_PROMPTS, ROUTE, TITLE
from support_desk.tickets import Facts, facts_of

# Model -> seconds to the first token, tokens a second.
PACE = {
    "gpt-4o": (0.45, 85.0),
    "gpt-4o-2024-08-06": (0.45, 85.0),
    "gpt-4o-mini": (0.30, 110.0),
    "gpt-5.6-luna": (0.50, 150.0),
    "gpt-6-luna": (0.40, 160.0),
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
CHEAPER = "gpt-6-luna"
FALSE_PROMISE = "We will refund the last three months in full."
# How often ticket.classify takes a ticket for something else, by language.
MISREAD = {"en": 0.03, "de": 0.05, "ja": 0.30}
EXTRA_THOUGHT = 180
# How to reach the writer, as written and as llmwatch keeps it: replays are sent as kept.
_ADDRESSES = re.compile(r"kim\.\d+@example\.com|\[email\]|\+49 30 5550\d+|\[phone\]")


@dataclass(frozen=True)
class DeskModel:
    """A brain for the stand-in: plausible answers per task, at the pace of each model, with the planted failures."""

    clock: Clock
    start_ns: int

    def __call__(self, info: RequestInfo) -> Reply:
        """The reply to one request."""
        day = (info.now_ns - self.start_ns) / 86_400e9
        first_s, tokens_per_s = PACE.get(info.model, (0.4, 90.0))
        pace = info.rng.lognormvariate(0, 0.3)
        if info.retry_count:
            # The SDK waited; on a virtual clock nobody else lets that time pass.
            self.clock.sleep(BACKOFF_S * 2 ** (info.retry_count - 1) if self.clock.is_virtual else 0)
        error = _failure(info, day)
        said = Reply() if error else _said(info, day)
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


def _said(info: RequestInfo, day: float) -> Reply:
    """The answer by what the request says; anything unknown is left to the default."""
    messages = info.params.get("messages") or [{}]
    system = str(messages[0].get("content") or "")
    if system == ADDRESS:
        return _address(info, day)
    if IMAGE in system:
        return Reply(text="yes", reasoning_tokens=0)
    facts = facts_of(info.prompt)
    if facts and system in _TICKET_TASKS:
        return _TICKET_TASKS[system](info, facts)
    if system == CLASSIFY:
        return Reply(text=json.dumps({"category": "how-to", "urgent": False, "language": "en"}), reasoning_tokens=0)
    return _longer(info, system)


def _longer(info: RequestInfo, system: str) -> Reply:
    if info.schema is not None:
        return _invoice(info)
    if info.params.get("tools"):
        return _order(info)
    if info.endpoint == "/responses":
        found = sentences(info.rng, info.rng.randint(6, 12))
        return Reply(text=found, reasoning_tokens=round(500 * info.rng.lognormvariate(0, 0.5)))
    if info.model == "acme-llm-1":
        return Reply(text="Vielen Dank für Ihre Nachricht. " * info.rng.randint(1, 3))
    if any(prompt[:80] in system for prompt in REPLY_PROMPTS.values()):
        return _reply(info, is_thorough=REPLY_PROMPTS["thorough"][:80] in system)
    return Reply(text=sentences(info.rng, info.rng.randint(1, 3)), tokens_per_delta=3)


def _luck(info: RequestInfo, what: str) -> float:
    """A number from 0 to 1 that depends on the ticket and on nothing else, also of one whose addresses are redacted."""
    return Random(f"{info.seed}:{what}:{_ADDRESSES.sub('', info.prompt)}").random()


def _is_cheaper(info: RequestInfo) -> bool:
    return info.model.startswith(CHEAPER)


def _category(info: RequestInfo, facts: Facts) -> Reply:
    category = facts.problem.category
    if _luck(info, "category") < MISREAD[facts.language]:
        category = next(word for word in ("how-to", "bug", "account") if word != category)
    found = {"category": category, "urgent": facts.mood == "urgent", "language": facts.language}
    return Reply(text=json.dumps(found), reasoning_tokens=0)


def _queue(info: RequestInfo, facts: Facts) -> Reply:
    is_wrong = _luck(info, "queue") < 0.03
    if _is_cheaper(info):
        is_wrong ^= _luck(info, "queue/cheaper") < BY_NAME["equal"].share
    queue = "platform" if facts.problem.queue != "platform" else "data"
    text = json.dumps({"queue": queue if is_wrong else facts.problem.queue})
    return Reply(text=text, reasoning_tokens=20 if _is_cheaper(info) and _luck(info, "think") < 0.3 else 0)


def _rule(info: RequestInfo, facts: Facts) -> Reply:
    is_wrong = _luck(info, "rule") < 0.04
    if _is_cheaper(info):
        is_wrong |= _luck(info, "rule/cheaper") < BY_NAME["worse-by-8"].share
    return Reply(text=json.dumps({"rule": -1 if is_wrong else facts.problem.rule}), reasoning_tokens=0)


def _mood(info: RequestInfo, facts: Facts) -> Reply:
    is_wrong = _luck(info, "mood") < 0.03
    if _is_cheaper(info) and facts.language == "ja":
        is_wrong |= _luck(info, "mood/cheaper") < BY_NAME["worse-in-japanese"].share
    mood = facts.mood if not is_wrong else "upset" if facts.mood == "calm" else "calm"
    return Reply(text=json.dumps({"mood": mood}), reasoning_tokens=0)


def _title(info: RequestInfo, facts: Facts) -> Reply:
    text = f"{facts.mood.capitalize()} question about {facts.problem.category} for {facts.problem.queue}"
    return Reply(text=text, reasoning_tokens=EXTRA_THOUGHT if _is_cheaper(info) else 0)


_TICKET_TASKS: dict[str, Callable[[RequestInfo, Facts], Reply]] = {
    CLASSIFY: _category,
    ROUTE: _queue,
    FAQ: _rule,
    MOOD: _mood,
    TITLE: _title,
}


def _address(info: RequestInfo, day: float) -> Reply:
    number, _, rest = info.prompt.partition(" ")
    street, _, town = rest.partition(", ")
    fields = {"number": number, "street": street, "town": town.split(" ")[0], "postcode": town.partition(" ")[2]}
    if holds("alias-flip", day):
        return Reply(text=f"```json\n{json.dumps(fields)}\n```", model="gpt-4o-2024-11-20")
    return Reply(text=json.dumps(fields), model="gpt-4o-2024-08-06")


def _reply(info: RequestInfo, *, is_thorough: bool) -> Reply:
    if info.rng.random() < BY_NAME["refusals"].share:
        return Reply(refusal="I'm sorry, but I can't help with this request.")
    how_many = info.rng.randint(9, 13) if is_thorough else info.rng.randint(4, 6)
    promise = f" {FALSE_PROMISE}" if info.rng.random() < (0.34 if is_thorough else 0.06) else ""
    return Reply(text=sentences(info.rng, how_many) + promise, tokens_per_delta=14)


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
