"""Owns how a stored request becomes one for another model: what is left out, what is renamed, and that it is said."""

from __future__ import annotations

from collections.abc import Callable, Mapping
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
_OF_REASONERS: Final = frozenset({"reasoning_effort", "reasoning"})


def adapted(
    family: str, stored: Mapping[str, Any], model: str, known: Model | None, has_tier: Callable[[str], bool]
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """(the request for the model, what of the customer's own parameters it lacks); streamed and never stored."""
    body: dict[str, Any] = {"model": model}
    notes: list[str] = []
    reasons = known.reasons if known is not None else None
    for name, value in stored.items():
        if name in _NEVER:
            continue
        if (reasons and name in _NOT_OF_REASONERS) or (reasons is False and name in _OF_REASONERS):
            notes.append(f"{name} is left out")
        elif name == "service_tier" and not has_tier(str(value)):
            notes.append(f"service_tier {value} is left out")
        elif name == "max_tokens" and reasons and family == "chat":
            body["max_completion_tokens"] = value
            notes.append("max_tokens is sent as max_completion_tokens")
        else:
            body[name] = value
    if family == "responses":
        body["store"] = False
    else:
        body["stream_options"] = {"include_usage": True}
    return body, tuple(notes)


def known_model(models: list[Model], name: str) -> Model | None:
    """The model of the catalogue that answers to this name."""
    return next((model for model in models if model.is_named(name)), None)
