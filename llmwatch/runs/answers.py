"""Owns how an answer of a run is read: by the very code that reads production answers, so that both compare.

The only door from here to capture; what it takes from there is pure.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from ..analysis.same_answer import Answer
from ..capture.content import prepare
from ..capture.endpoints import Endpoint, Family, classify, provider_name
from ..capture.facts import output_facts
from ..capture.redact import Redactor
from ..capture.request import read_request
from ..capture.response import read_answer
from ..capture.sse import FIRST_TOKEN, StreamFold
from ..settings import Settings

_ENDPOINTS: Final[Mapping[str, Endpoint]] = {
    "chat": classify("post", "/v1/chat/completions"),
    "responses": classify("post", "/v1/responses"),
}
_CUT: Final = frozenset({"length", "max_tokens", "max_output_tokens", "content_filter", "error"})


@dataclass(frozen=True, slots=True)
class Given:
    """An answer as the comparison sees it; None is not asked for or cannot be told."""

    answer: Answer
    is_valid: bool | None
    # Cut off, filtered or refused.
    is_cut: bool
    finish_reason: str | None


def read_given(family: str, request: Mapping[str, Any], body: Mapping[str, Any]) -> Given:
    """The first answer of a body, checked against the schema and the tools of its request."""
    read = read_answer(_ENDPOINTS[family], body)
    expects = read_request(_ENDPOINTS[family], request).expectation
    facts = output_facts(read.texts, read.functions, expects)
    verdicts = [facts.output_json_valid, facts.output_schema_valid, facts.tool_arguments_valid]
    known = [verdict for verdict in verdicts if verdict is not None]
    unknown_tool = bool(expects.tool_schemas) and any(name not in _names(request) for name, _ in read.functions)
    reasons: list[str] = read.fields.get("finish_reasons") or []
    is_refusal = bool(read.fields.get("is_refusal") or facts.refusal_phrase)
    return Given(
        answer=Answer("\n".join(read.texts), tuple(read.functions), "refused" if is_refusal else ""),
        is_valid=False if unknown_tool else all(known) if known else None,
        is_cut=is_refusal or any(reason in _CUT for reason in reasons),
        finish_reason=reasons[0] if reasons else None,
    )


def _names(request: Mapping[str, Any]) -> set[str]:
    tools: list[Mapping[str, Any]] = [*(request.get("tools") or ()), *(request.get("functions") or ())]
    return {str((tool.get("function") or tool).get("name")) for tool in tools}


def usage_of(family: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """The columns of a call that its cost is made from, and the model that answered."""
    fields = read_answer(_ENDPOINTS[family], body).fields
    return {key: value for key, value in fields.items() if key.endswith("_tokens") or key.endswith("_calls")} | {
        key: fields.get(key) for key in ("response_model", "service_tier", "usage_raw", "usage_source")
    }


def output_of(family: str, body: Mapping[str, Any]) -> Any:
    """What of a body is its output, in the form in which calls keep theirs."""
    return read_answer(_ENDPOINTS[family], body).output


def body_of(family: str, output: Any, finish_reasons: list[str] | None) -> dict[str, Any]:
    """The body that a kept output came in, as far as comparing needs it."""
    if family == "responses":
        is_cut = bool(finish_reasons and finish_reasons[0] == "length")
        details = {"incomplete_details": {"reason": "max_output_tokens"}} if is_cut else {}
        return {"output": output, "status": "incomplete" if is_cut else "completed", **details}
    reasons = [*(finish_reasons or ())]
    messages: list[Any] = output if isinstance(output, list) else []
    return {
        "choices": [
            {"message": message, "finish_reason": reasons[i] if i < len(reasons) else None}
            for i, message in enumerate(messages)
        ]
    }


class Keeper:
    """What of an answer may be kept: redacted as the answers of calls are; nothing where no content is."""

    def __init__(self, settings: Settings) -> None:
        self._mode = settings.content
        self._redactor = None if settings.content == "full" else Redactor(settings.redact, budget_ms=50.0)

    def kept(self, output: Any) -> str | None:
        """JSON; None if nothing may be kept or it could not be searched for what must not be."""
        return prepare(output, self._redactor).json

    @property
    def is_kept(self) -> bool:
        """Whether the settings let content be stored at all."""
        return self._mode != "metadata"

    def text(self, text: str) -> str:
        """An error's words without secrets."""
        if self._redactor is None:
            return text
        return self._redactor.text(text)[0] or "(could not be shown)"


def loaded(text: str | None) -> Any:
    """JSON as a value; None if there is none or it is damaged."""
    try:
        return json.loads(text) if text else None
    except ValueError:
        return None


__all__ = [
    "FIRST_TOKEN",
    "Family",
    "Given",
    "Keeper",
    "StreamFold",
    "body_of",
    "loaded",
    "output_of",
    "provider_name",
    "read_given",
    "usage_of",
]
