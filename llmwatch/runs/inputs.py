"""Owns which stored inputs can be sent again, in which order they are drawn, and why the others cannot.

The order depends on the inputs alone: a longer sample begins with the shorter one, and a run that goes on goes on
in it. An input is drawn with a weight of one over the chance with which its content was kept, so that every beginning
of the order looks like the task's traffic.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from hashlib import blake2b
from math import log
from typing import Any, Final

from ..figures.reading import Reading
from .answers import body_of, loaded

_FAMILIES: Final[Mapping[str, str]] = {"/chat/completions": "chat", "/responses": "responses"}
_CHUNK: Final = 200
# Tools that only name a function; every other one is run by OpenAI: it costs, and it may act.
_OUR_TOOLS: Final = frozenset({"function", "custom"})


@dataclass(frozen=True, slots=True)
class StoredInput:
    """One kept input with the answer it had; `body` is the request as it was, without its model."""

    span_id: str
    stratum: str
    family: str
    body: Mapping[str, Any]
    # The incumbent's answer, in the form of a response body, and how it is kept.
    answer: Mapping[str, Any]
    output: Any
    model: str
    input_tokens: int
    output_tokens: int
    max_tokens: int | None
    choices: int
    is_redacted: bool
    # Holds the results of tools: one step of a longer way.
    is_step: bool
    has_media: bool
    is_valid: bool | None
    is_cut: bool
    cost_usd: Decimal | None
    latency_ms: float | None
    first_token_ms: float | None


@dataclass(frozen=True, slots=True)
class Drawn:
    """Usable inputs in the order of drawing, and the calls that are none, counted by reason."""

    inputs: tuple[StoredInput, ...]
    calls: int
    kept: int
    incumbent: str
    # Usable by what is known without their content: the most that could be drawn; and how many of them were skipped.
    usable: int
    skipped: int
    reasons: Mapping[str, int] = field(default_factory=dict[str, int])
    # Share of the task's calls by stratum.
    traffic: Mapping[str, float] = field(default_factory=dict[str, float])


def draw(
    reading: Reading, task: str, since: datetime, until: datetime, count: Callable[[int], int],
    *, skip: Callable[[str], bool], is_replay: bool = True, longest: int | None = None,
) -> Drawn:  # fmt: skip
    """Usable inputs of a task without those to skip; `count` says how many, by the number of those skipped.

    To be replayed: of the model that most calls of the task ran on, drawn by weight. Only to be looked at: of any
    model, drawn evenly from what is kept.
    """
    rows = reading.rows("stored_inputs", task=task, since=since, until=until)
    models = Counter(row["model"] for row in rows if row["model"] and row["is_kept"])
    incumbent = models.most_common(1)[0][0] if models else ""
    reasons: Counter[str] = Counter()
    usable: list[dict[str, Any]] = []
    for row in rows:
        reason = _light_reason(row, incumbent if is_replay else "", longest, is_replay=is_replay)
        if reason:
            reasons[reason] += 1
        else:
            usable.append(row)
    usable.sort(key=lambda row: _place_in_order(row, is_weighted=is_replay))
    waiting = [row for row in usable if not skip(row["span_id"])]
    skipped = len(usable) - len(waiting)
    wanted = max(count(skipped), 0)
    inputs: list[StoredInput] = []
    while waiting and len(inputs) < wanted:
        chunk, waiting = waiting[:_CHUNK], waiting[_CHUNK:]
        for row, content in with_content(reading, chunk):
            made = made_input(row, content, is_replay=is_replay)
            if isinstance(made, str):
                reasons[made] += 1
            else:
                inputs.append(made)
    strata = Counter(row["stratum"] for row in rows)
    return Drawn(
        inputs=tuple(inputs[:wanted]),
        calls=len(rows),
        kept=sum(row["is_kept"] for row in rows),
        incumbent=incumbent,
        usable=len(usable),
        skipped=skipped,
        reasons=dict(reasons),
        traffic={name: n / len(rows) for name, n in strata.items()},
    )


def _light_reason(row: Mapping[str, Any], incumbent: str, longest: int | None, *, is_replay: bool) -> str:
    """Why a call's input cannot be used, by its columns alone; empty if it can."""
    checks = (
        (not row["is_kept"], "content not kept"),
        (row["endpoint"] not in _FAMILIES, "another endpoint than chat or responses"),
        (row["status"] != "ok", "failed or cut off"),
        (bool(incumbent) and row["model"] != incumbent, f"answered by another model than {incumbent}"),
        # What is only looked at says itself where it was cut; sent again it would be another input.
        (row["is_truncated"] and is_replay, "content too long to be kept whole"),
        (row["is_continued"], "continues a conversation that OpenAI keeps"),
        (longest is not None and (row["input_tokens"] or 0) > longest, "longer than the model takes"),
    )
    return next((reason for holds, reason in checks if holds), "")


def _place_in_order(row: Mapping[str, Any], *, is_weighted: bool) -> tuple[float, str]:
    """Efraimidis and Spirakis (2006): sorted by this, every beginning is a weighted draw without replacement."""
    drawn = blake2b(row["span_id"].encode(), digest_size=8, person=b"llmwatch-draw").digest()
    uniform = (int.from_bytes(drawn) + 1) / 2**64
    chance = row["sample_probability"] or 1.0
    return -log(uniform) * (chance if is_weighted else 1.0), row["span_id"]


def with_content(
    reading: Reading, rows: Sequence[Mapping[str, Any]]
) -> list[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """Each row with the kept content of its call."""
    found = {
        content["span_id"]: content
        for content in reading.rows("stored_contents", span_ids=[row["span_id"] for row in rows])
    }
    return [(row, found.get(row["span_id"], {})) for row in rows]


def made_input(row: Mapping[str, Any], content: Mapping[str, Any], *, is_replay: bool) -> StoredInput | str:
    """The input with its answer, or why it cannot be used."""
    family = _FAMILIES[row["endpoint"]]
    turns = loaded(content.get("input_messages"))
    parameters = loaded(content.get("request_parameters")) or {}
    tools = loaded(content.get("tool_definitions"))
    output = loaded(content.get("output_messages"))
    if not turns or not isinstance(parameters, dict):
        return "content incomplete"
    if not output:
        return "its answer was not kept"
    reason = _heavy_reason(family, turns, parameters, tools if is_replay else None)
    if reason:
        return reason
    body: dict[str, Any] = dict(parameters)
    body["input" if family == "responses" else "messages"] = _turns(turns) if family == "responses" else turns
    if (instructions := loaded(content.get("system_instructions"))) is not None:
        body["instructions"] = instructions
    if tools:
        body["tools" if all(isinstance(tool, dict) and "type" in tool for tool in tools) else "functions"] = tools
    return StoredInput(
        span_id=row["span_id"],
        stratum=row["stratum"] or "",
        family=family,
        body=body,
        answer=body_of(family, output, row["finish_reasons"]),
        output=output,
        model=row["model"],
        input_tokens=row["input_tokens"] if row["input_tokens"] is not None else (row["input_characters"] or 0) // 2,
        output_tokens=row["output_tokens"] or 0,
        max_tokens=row["max_tokens"],
        choices=row["choices"],
        is_redacted=row["redactions"] > 0,
        is_step=_is_step(turns),
        has_media=row["media"] > 0,
        is_valid=row["is_valid"],
        is_cut=row["is_cut"],
        cost_usd=row["cost_usd"],
        latency_ms=row["latency_ms"],
        first_token_ms=row["first_token_ms"],
    )


def _heavy_reason(family: str, turns: Any, parameters: Mapping[str, Any], tools: Any) -> str:
    if not isinstance(turns, str | list):
        return "made from a prompt that OpenAI keeps"
    if family == "chat" and not isinstance(turns, list):
        return "content incomplete"
    if _holds(turns, _is_hash):
        return "image, sound or file kept as its hash only"
    if _holds(turns, _is_reference):
        return "continues a conversation that OpenAI keeps"
    if _holds(turns, _is_sound) or "audio" in parameters:
        return "sound"
    offered: list[Any] = tools if isinstance(tools, list) else []
    if any(isinstance(tool, dict) and tool.get("type", "function") not in _OUR_TOOLS for tool in offered):
        return "tools that OpenAI would run"
    return "tools that OpenAI would run" if "web_search_options" in parameters else ""


def _is_hash(node: Mapping[str, Any]) -> bool:
    return "sha256" in node and "bytes" in node


def _is_reference(node: Mapping[str, Any]) -> bool:
    return node.get("type") == "item_reference"


def _is_sound(node: Mapping[str, Any]) -> bool:
    return "input_audio" in node


def _holds(value: Any, test: Callable[[Mapping[str, Any]], bool], depth: int = 0) -> bool:
    if depth > 60:
        return True
    if isinstance(value, dict):
        return bool(test(value)) or any(_holds(inner, test, depth + 1) for inner in value.values())
    return isinstance(value, list) and any(_holds(inner, test, depth + 1) for inner in value)


def _turns(turns: Any) -> Any:
    """Responses input for another model: without the thoughts of the first, and without ids that lead to them."""
    if not isinstance(turns, list):
        return turns
    kept = [turn for turn in turns if not (isinstance(turn, dict) and turn.get("type") == "reasoning")]
    return [
        {key: value for key, value in turn.items() if key not in ("id", "status")} if isinstance(turn, dict) else turn
        for turn in kept
    ]


def _is_step(turns: Any) -> bool:
    if not isinstance(turns, list):
        return False
    return any(
        isinstance(turn, dict) and (turn.get("role") in ("tool", "function") or "call_output" in str(turn.get("type")))
        for turn in turns
    )
