"""Owns how a stored request becomes one for another model: what is left out, what is renamed, and that it is said."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from ..prices.models import Model

# Not part of the question: how the answer travelled, where it was kept, whom it was for.
_NEVER: Final = frozenset(
    {"stream", "stream_options", "store", "background", "metadata", "user", "safety_identifier", "prompt_cache_key",
     "prompt_cache_retention", "prompt_cache_options", "include", "model", "conversation", "previous_response_id"}
)  # fmt: skip
_NOT_OF_REASONERS: Final = frozenset(
    {"temperature", "top_p", "presence_penalty", "frequency_penalty", "logit_bias", "logprobs", "top_logprobs",
     "prediction"}
)  # fmt: skip
EFFORTS: Final = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
_OF_REASONERS: Final = frozenset({"reasoning_effort", "reasoning"})
_LEFT_OUT: Final = " is left out"
_SENT_AS: Final = " is sent as "


def adapted(
    family: str,
    stored: Mapping[str, Any],
    model: str,
    known: Model | None,
    has_tier: Callable[[str], bool],
    effort: str = "",
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """(the request for the model, what of the customer's own parameters it lacks); streamed and never stored.

    `effort` is the reasoning effort to ask for; without one, the only effort with which the model takes tools here.
    """
    body: dict[str, Any] = {"model": model}
    notes: list[str] = []
    reasons = known.reasons if known is not None else None
    for name, value in stored.items():
        if name in _NEVER:
            continue
        if (reasons and name in _NOT_OF_REASONERS) or (reasons is False and name in _OF_REASONERS):
            notes.append(f"{name}{_LEFT_OUT}")
        elif name == "service_tier" and not has_tier(str(value)):
            notes.append(f"service_tier {value}{_LEFT_OUT}")
        elif name == "max_tokens" and reasons and family == "chat":
            body["max_completion_tokens"] = value
            notes.append(f"max_tokens{_SENT_AS}max_completion_tokens")
        else:
            body[name] = value
    asked = effort or _effort_of_tools(family, stored, known)
    if asked and asked != effort_of(family, body):
        _ask_effort(family, body, asked)
        notes.append(f"reasoning_effort is set to {asked}")
    if family == "responses":
        body["store"] = False
    else:
        body["stream_options"] = {"include_usage": True}
    return body, tuple(notes)


def learned(notes: Sequence[str], changed: Mapping[str, str]) -> tuple[str, ...]:
    """The notes of a request once more parameters were left out or renamed: what became of the customer's own ones."""
    names = {new: old for note in notes for old, _, new in [note.partition(_SENT_AS)] if new}
    gone = {*changed, *(names[name] for name in changed if name in names)}
    kept = [note for note in notes if note.partition(" is ")[0] not in gone]
    more = [
        f"{old}{_SENT_AS}{new}" if new else f"{old}{_LEFT_OUT}"
        for name, new in changed.items()
        for old in [names.get(name, name)]
    ]
    return (*kept, *more)


def effort_of(family: str, body: Mapping[str, Any]) -> str:
    """The reasoning effort that a request asks for; empty if it asks for none."""
    if family == "chat":
        return str(body.get("reasoning_effort") or "")
    reasoning = body.get("reasoning")
    return str(reasoning.get("effort") or "") if isinstance(reasoning, dict) else ""


def _ask_effort(family: str, body: dict[str, Any], effort: str) -> None:
    if family == "chat":
        body["reasoning_effort"] = effort
    else:
        stored = body.get("reasoning")
        body["reasoning"] = {**(stored if isinstance(stored, dict) else {}), "effort": effort}


def _effort_of_tools(family: str, stored: Mapping[str, Any], known: Model | None) -> str:
    has_tools = bool(stored.get("tools") or stored.get("functions"))
    return "none" if family == "chat" and has_tools and known is not None and known.thinks_not_with_tools else ""


def known_model(models: list[Model], name: str) -> Model | None:
    """The model of the catalogue that answers to this name."""
    return next((model for model in models if model.is_named(name)), None)
