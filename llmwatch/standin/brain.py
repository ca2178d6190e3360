"""Owns the default brain: plausible answers, tool arguments and JSON that fits a schema, from the request alone."""

import json
import zlib
from dataclasses import replace
from random import Random
from typing import Any

from llmwatch.standin.catalogue import reasons
from llmwatch.standin.exchange import Json, Reply, RequestInfo, ToolCall

_SENTENCES = (
    "Thanks for the details you sent.",
    "I checked the account and the change is in place since this morning.",
    "The invoice total is correct; the difference comes from the seats added in the second week.",
    "You can confirm it under Settings, Billing, History.",
    "If the export still stops halfway, please send us the file name and the time it happened.",
    "A fresh login is needed once, because the session was opened before the plan changed.",
    "We have raised the limit for your workspace, so the next import will go through.",
    "The report runs every night at two o'clock in your own time zone.",
    "Your colleagues keep their access, and nothing needs to be installed again.",
    "Let me know whether that solves it, otherwise I will pass it to the engineering team.",
    "The webhook was answered with an error by your server, and we stopped after five attempts.",
    "Reconnecting the calendar restores the events from the last thirty days.",
)
SAMPLE_ANSWER = _SENTENCES[1]
_WORDS = ("billing", "access", "export", "import", "invoice", "login", "report", "seat", "webhook", "calendar")
_MAX_DEPTH = 6
_EFFORT_TOKENS = {"none": 0, "minimal": 0, "low": 64, "medium": 256, "high": 768, "xhigh": 1536, "max": 2048}


def timed_answer(info: RequestInfo) -> Reply:
    """The plain answer at the pace of a hosted model: a third of a second, then some 90 tokens a second."""
    pace = info.rng.lognormvariate(0, 0.25)
    return replace(answer(info), first_token_s=0.35 * pace, tokens_per_s=90 / pace)


def answer(info: RequestInfo) -> Reply:
    """What a plain model would do: call the one tool it was given, fill the schema, or write a few sentences."""
    return Reply(
        text=answer_text(info),
        tool_calls=tool_calls(info),
        web_searches=web_searches(info),
        reasoning_tokens=reasoning_tokens(info),
    )


def answer_text(info: RequestInfo) -> str:
    """Text for this request: JSON where JSON was asked for, otherwise two to five sentences."""
    sound = info.params.get("file") if info.endpoint.startswith("/audio/") else None
    if isinstance(sound, dict):
        # The same sound is heard as the same words, whatever format they are asked for in.
        return sentences(Random(f"{info.seed}:{zlib.crc32(sound['bytes'])}"), 2)
    if info.schema is not None:
        return json.dumps(value_for(info.schema, info.rng))
    if info.wants_json:
        return json.dumps({"answer": sentences(info.rng, 1), "confidence": round(info.rng.uniform(0.5, 1), 2)})
    return sentences(info.rng, info.rng.randint(2, 5))


def sentences(rng: Random, how_many: int) -> str:
    """So many sentences of support prose, without repeats up to twelve."""
    picked = rng.sample(_SENTENCES, min(how_many, len(_SENTENCES)))
    picked += rng.choices(_SENTENCES, k=how_many - len(picked))
    return " ".join(picked)


def tool_calls(info: RequestInfo) -> tuple[ToolCall, ...]:
    """A call of the first function tool, unless its result is already there or tools are switched off."""
    functions = [
        tool.get("function", tool) for tool in info.params.get("tools") or () if tool.get("type") == "function"
    ]
    if not functions or info.params.get("tool_choice") == "none" or _has_tool_result(info.params):
        return ()
    chosen: Json = functions[0]
    arguments = value_for(chosen.get("parameters") or {"type": "object"}, info.rng)
    return (ToolCall(str(chosen["name"]), json.dumps(arguments)),)


def _has_tool_result(params: Json) -> bool:
    """Whether the conversation already carries a tool's answer."""
    turns = params.get("messages") or params.get("input") or ()
    return any(
        isinstance(turn, dict) and (turn.get("role") == "tool" or turn.get("type") == "function_call_output")
        for turn in turns
    )


def web_searches(info: RequestInfo) -> tuple[str, ...]:
    """One search for what was asked, when the web search tool is offered."""
    offered = any(str(tool.get("type", "")).startswith("web_search") for tool in info.params.get("tools") or ())
    return (info.prompt[:60] or "latest news",) if offered else ()


def reasoning_tokens(info: RequestInfo) -> int:
    """Tokens thought before answering; 0 for models that do not reason, fewer with less effort."""
    if not reasons(info.model):
        return 0
    asked = info.params.get("reasoning") or {}
    effort = str(asked.get("effort") or info.params.get("reasoning_effort") or "low")
    return round(_EFFORT_TOKENS.get(effort, 256) * info.rng.uniform(0.6, 1.4))


def value_for(schema: Json, rng: Random, depth: int = 0) -> Any:
    """A value that the JSON schema accepts, for the keywords structured outputs allow."""
    schema = _resolved(schema, schema)
    return _value(schema, schema, rng, depth)


def _resolved(schema: Json, root: Json) -> Json:
    """The schema a `$ref` points to inside its root; the first alternative of anyOf and oneOf."""
    while "$ref" in schema:
        target: Any = root
        for step in str(schema["$ref"]).removeprefix("#").strip("/").split("/"):
            target = target[step] if step else target
        schema = target
    for key in ("anyOf", "oneOf", "allOf"):
        if schema.get(key):
            return _resolved(schema[key][0], root)
    return schema


def _value(schema: Json, root: Json, rng: Random, depth: int) -> Any:
    schema = _resolved(schema, root)
    if "const" in schema:
        return schema["const"]
    if schema.get("enum"):
        return rng.choice(schema["enum"])
    kind = schema.get("type", "object" if "properties" in schema else "string")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "object":
        return {name: _value(part, root, rng, depth + 1) for name, part in (schema.get("properties") or {}).items()}
    if kind == "array":
        return _items(schema, root, rng, depth)
    return _scalar(str(kind), schema, rng)


def _items(schema: Json, root: Json, rng: Random, depth: int) -> list[Any]:
    least = int(schema.get("minItems", 1 if depth < _MAX_DEPTH else 0))
    most = int(schema.get("maxItems", max(least, 2 if depth < _MAX_DEPTH else least)))
    item: Json = schema.get("items") or {"type": "string"}
    return [_value(item, root, rng, depth + 1) for _ in range(rng.randint(least, max(least, most)))]


def _scalar(kind: str, schema: Json, rng: Random) -> Any:
    if kind in ("integer", "number"):
        low = schema.get("minimum", schema.get("exclusiveMinimum", -1) + 1)
        high = schema.get("maximum", max(low + 100, schema.get("exclusiveMaximum", low + 101) - 1))
        return rng.randint(int(low), int(high)) if kind == "integer" else round(rng.uniform(low, high), 2)
    if kind == "boolean":
        return rng.random() < 0.5
    return None if kind == "null" else _string(schema, rng)


def _string(schema: Json, rng: Random) -> str:
    by_format = {"date": "2026-11-02", "date-time": "2026-11-02T09:30:00Z", "email": "pat@example.com"}
    if schema.get("format") in by_format:
        return by_format[schema["format"]]
    text = " ".join(rng.sample(_WORDS, 2)).ljust(int(schema.get("minLength", 0)), "x")
    return text[: int(schema.get("maxLength", len(text)))]
