"""Owns how servers write usage: the spellings of a count, the places it stands in, and what the total settles.

One usage object becomes one set of columns. OpenAI's own shapes are read directly; every other shape goes through the
tables below. Pure and defensive: any value may be missing, null or of a wrong type, and nothing here raises.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

Json = Mapping[str, Any]

# Chat, responses, realtime (singular `token_details`), images and transcriptions spell one usage object four ways.
# Cached, reasoning and modality counts are parts of the totals.
_INPUT_PARTS: Final[Mapping[str, str]] = {
    "cached_tokens": "cached_input_tokens",
    "cache_write_tokens": "cache_write_tokens",
    "text_tokens": "text_input_tokens",
    "image_tokens": "image_input_tokens",
    "audio_tokens": "audio_input_tokens",
}
_OUTPUT_PARTS: Final[Mapping[str, str]] = {
    "reasoning_tokens": "reasoning_tokens",
    "text_tokens": "text_output_tokens",
    "image_tokens": "image_output_tokens",
    "audio_tokens": "audio_output_tokens",
    "accepted_prediction_tokens": "accepted_prediction_tokens",
    "rejected_prediction_tokens": "rejected_prediction_tokens",
}
_CACHED_PARTS: Final[Mapping[str, str]] = {
    "image_tokens": "cached_image_input_tokens",
    "audio_tokens": "cached_audio_input_tokens",
}
_WRITE_PARTS: Final[Mapping[str, str]] = {"ttl_12h_tokens": "cache_write_12h_tokens"}
# A usage object with other keys than these is not as OpenAI writes it.
_PLAIN: Final = frozenset(
    {
        "prompt_tokens", "completion_tokens", "input_tokens", "output_tokens", "total_tokens",
        "prompt_tokens_details", "completion_tokens_details", "input_tokens_details", "output_tokens_details",
        "input_token_details", "output_token_details", "type",
    }
)  # fmt: skip

# The spellings of others, in snake case: `promptTokens` is read as `prompt_tokens`. Sources: the API references of
# DeepSeek, Moonshot, xAI, Groq, Perplexity, Gemini, Anthropic, Bedrock (Converse), LiteLLM, OpenRouter and new-api.
_INPUT: Final = ("prompt_tokens", "input_tokens", "prompt_token_count", "input_token_count", "prompt_eval_count")
_OUTPUT: Final = (
    "completion_tokens", "output_tokens", "candidates_token_count", "output_token_count", "eval_count",
)  # fmt: skip
_TOTAL: Final = ("total_tokens", "total_token_count")
# Where parts of the input, and of the output, are listed.
_INPUT_DETAILS: Final = ("prompt_tokens_details", "input_tokens_details", "input_token_details")
_OUTPUT_DETAILS: Final = ("completion_tokens_details", "output_tokens_details", "output_token_details")
# Column -> its spellings at the top of the object and among the details.
_AT_TOP: Final[Mapping[str, tuple[str, ...]]] = {
    "cached_input_tokens": (
        "cached_tokens", "prompt_cache_hit_tokens", "cache_read_input_tokens", "cache_read_input_token_count",
        "cache_read_tokens", "cached_input_tokens", "cached_prompt_tokens", "cached_content_token_count",
        "num_cached_tokens", "cached_prompt_text_tokens",
    ),
    "cache_write_tokens": (
        "cache_write_tokens", "cache_creation_input_tokens", "cache_write_input_tokens", "cache_creation_tokens",
        "cache_write_input_token_count",
    ),
    "reasoning_tokens": ("reasoning_tokens", "thoughts_token_count", "thinking_tokens"),
}  # fmt: skip
_IN_DETAILS: Final[Mapping[str, tuple[str, ...]]] = {
    "cached_input_tokens": ("cached_tokens", "cache_read_tokens", "cache_read_input_tokens", "cache_read"),
    "cache_write_tokens": (
        "cache_write_tokens", "cache_creation_tokens", "cached_creation_tokens", "cache_creation_input_tokens",
        "cache_creation",
    ),
    "text_input_tokens": ("text_tokens",),
    "image_input_tokens": ("image_tokens",),
    "audio_input_tokens": ("audio_tokens",),
}  # fmt: skip
# Vendors that count cached tokens beside the input, not inside it, spell them so.
_BESIDE_INPUT: Final = frozenset({"cache_read_input_tokens", "cache_creation_input_tokens", "cache_write_input_tokens"})
# No answer has so many tokens that are in no count but the total.
_MOST_UNCOUNTED: Final = 1 << 20
_BOUNDARY: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def count(value: Any) -> int | None:
    """The value where it is a number of something; a boolean, a negative or a damaged one is None."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**62 else None


def seconds(value: Any) -> float | None:
    """The value where it is a duration in seconds."""
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e9 else None


def usage_fields(usage: Json) -> dict[str, Any]:
    """Columns read from a usage object; a count that is absent is absent, never 0.

    `usage_doubt` says what was assumed where the counts and their total do not agree; `usage_conflict` why they say
    nothing at all.
    """
    fields: dict[str, Any] = {}
    get = usage.get
    inputs: Any = get("prompt_tokens")
    if inputs is None:
        inputs = get("input_tokens")
    outputs: Any = get("completion_tokens")
    if outputs is None:
        outputs = get("output_tokens")
    total = get("total_tokens")
    # Six keys hold two spellings of something.
    is_plain = type(inputs) is int and type(outputs) is int and len(usage) <= 5 and usage.keys() <= _PLAIN
    if not is_plain or not total or total != inputs + outputs or inputs < 0 or outputs < 0:
        return _Shape(usage).fields()
    fields["input_tokens"] = inputs
    fields["output_tokens"] = outputs
    details = get("prompt_tokens_details") or get("input_tokens_details") or get("input_token_details")
    if isinstance(details, dict):
        read_parts(details, _INPUT_PARTS, fields)
        _details_of_parts(details, fields)
    details = get("completion_tokens_details") or get("output_tokens_details") or get("output_token_details")
    if isinstance(details, dict):
        read_parts(details, _OUTPUT_PARTS, fields)
    return fields


def _details_of_parts(inputs: Json, fields: dict[str, Any]) -> None:
    if "cached_tokens_details" in inputs:
        read_parts(inputs["cached_tokens_details"], _CACHED_PARTS, fields)
    if "cache_write_tokens_details" in inputs:
        read_parts(inputs["cache_write_tokens_details"], _WRITE_PARTS, fields)


def read_parts(details: Any, columns: Mapping[str, str], fields: dict[str, Any]) -> None:
    """Fills the columns of the parts that are listed with a count."""
    if isinstance(details, dict):
        for key, value in details.items():
            if key in columns and (number := count(value)) is not None:
                fields[columns[key]] = number


@lru_cache(512)
def _snake(name: str) -> str:
    return _BOUNDARY.sub("_", name).lower()


def _snaked(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        return {}
    return {_snake(name): item for name, item in value.items() if isinstance(name, str) and len(name) < 64}


def _lenient(value: Any) -> int | None:
    """A count as a server in another language may write it: 12.0 and "12" are 12."""
    if isinstance(value, float) and 0 <= value < 2**53 and value.is_integer():
        return int(value)
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 18:
        return int(value)
    return count(value)


@dataclass(slots=True)
class _Counts:
    """What a usage object says under all spellings of one count; zeros yield to real counts."""

    values: list[int] = field(default_factory=list[int])
    names: list[str] = field(default_factory=list[str])

    def add(self, home: Json, spellings: Iterable[str]) -> None:
        for name in spellings:
            if name in home and (number := _lenient(home[name])) is not None:
                self.values.append(number)
                self.names.append(name)

    @property
    def value(self) -> int | None:
        """The first count above 0, else 0 if there is any."""
        return next((v for v in self.values if v), 0 if self.values else None)

    @property
    def choices(self) -> list[int]:
        """The counts above 0, each once."""
        return list(dict.fromkeys(v for v in self.values if v))

    def name_of(self, value: int) -> str:
        return self.names[self.values.index(value)]


class _Shape:
    """A usage object of any shape, read through the tables."""

    def __init__(self, usage: Json) -> None:
        self._usage = usage
        top = self._top = _snaked(usage)
        self._input_details = [_snaked(top[name]) for name in _INPUT_DETAILS if name in top]
        self._output_details = [_snaked(top[name]) for name in _OUTPUT_DETAILS if name in top]
        self._doubts: list[str] = []
        self._conflict: str | None = None

    def fields(self) -> dict[str, Any]:
        """The columns, settled by the total where there is one."""
        parts = self._all_parts()
        inputs, outputs = self._totals()
        inputs, outputs = self._settle(inputs, outputs, parts)
        fields: dict[str, Any] = {"input_tokens": inputs, "output_tokens": outputs, **parts}
        fields = {name: value for name, value in fields.items() if value is not None}
        length = seconds(self._usage.get("seconds")) if self._usage.get("type") == "duration" else None
        if length is not None:
            fields["audio_seconds"] = length
        if self._doubts:
            fields["usage_doubt"] = "; ".join(self._doubts)[:500]
        if self._conflict:
            fields["usage_conflict"] = self._conflict
        return fields

    def _all_parts(self) -> dict[str, int | None]:
        parts: dict[str, int | None] = {}
        for column, spellings in _IN_DETAILS.items():
            found = _Counts()
            for details in self._input_details:
                found.add(details, spellings)
            found.add(self._top, _AT_TOP.get(column, ()))
            self._note_several(column, found)
            parts[column] = found.value
        for key, column in _OUTPUT_PARTS.items():
            found = _Counts()
            for details in self._output_details:
                found.add(details, (key,))
            found.add(self._top, _AT_TOP.get(column, ()))
            parts[column] = found.value
        nested: dict[str, Any] = {}
        for details in self._input_details:
            _details_of_parts(details, nested)
        parts.update(nested)
        if parts["cache_write_tokens"] is None:
            lifetimes = _snaked(self._top.get("cache_creation"))
            written = [count(value) or 0 for name, value in lifetimes.items() if name.endswith("_input_tokens")]
            parts["cache_write_tokens"] = sum(written) if written else None
        return parts

    def _note_several(self, column: str, found: _Counts) -> None:
        if len(found.choices) > 1:
            said = ", ".join(f"{found.name_of(v)} {v:,}" for v in found.choices)
            self._doubts.append(f"{column.replace('_', ' ')} stand under two spellings ({said})")

    def _totals(self) -> tuple[int | None, int | None]:
        inputs, outputs = _Counts(), _Counts()
        inputs.add(self._top, _INPUT)
        outputs.add(self._top, _OUTPUT)
        hits, misses = (_lenient(self._top.get(f"prompt_cache_{name}_tokens")) for name in ("hit", "miss"))
        if not inputs.values and hits is not None and misses is not None:
            return hits + misses, outputs.value
        tools = _lenient(self._top.get("tool_use_prompt_token_count")) or 0
        total = self._total()
        if len(inputs.choices) > 1 or len(outputs.choices) > 1:
            pairs = [(i, o) for i in inputs.choices or [0] for o in outputs.choices or [0] if i + o == total]
            if pairs:
                return pairs[0]
            self._note_several("input_tokens", inputs)
            self._note_several("output_tokens", outputs)
        return inputs.value + tools if inputs.value is not None else None, outputs.value

    def _total(self) -> int | None:
        found = _Counts()
        found.add(self._top, _TOTAL)
        return found.value

    def _settle(
        self, inputs: int | None, outputs: int | None, parts: Mapping[str, int | None]
    ) -> tuple[int | None, int | None]:
        """Input and output such that they add up to the total, and what had to be assumed for it."""
        if inputs is None and outputs is None:
            return inputs, outputs
        given_in, given_out = inputs or 0, outputs or 0
        beside = (parts["cached_input_tokens"] or 0) + (parts["cache_write_tokens"] or 0)
        reasoning = parts["reasoning_tokens"] or 0
        total = self._total()
        if not total:
            return self._without_total(inputs, outputs, beside, reasoning)
        gap = total - given_in - given_out
        if gap == 0:
            if beside > given_in and self._counts_beside():
                self._doubts.append("cached tokens are more than the input, taken as counted beside it")
                return given_in + beside, outputs
            return inputs, outputs
        if gap < 0:
            self._doubt_small_total(total, given_in, given_out, (beside, reasoning, beside + reasoning))
            return inputs, outputs
        for more_in, more_out in ((0, reasoning), (beside, 0), (beside, reasoning)):
            if more_in + more_out == gap:
                return given_in + more_in, (given_out + more_out if outputs is not None or more_out else None)
        if gap > _MOST_UNCOUNTED:
            self._conflict = f"the reported usage contradicts itself: total {total:,}, counts {given_in + given_out:,}"
            return inputs, outputs
        self._doubts.append(f"{gap:,} tokens stand in the total only, taken as output")
        return given_in, given_out + gap

    def _without_total(
        self, inputs: int | None, outputs: int | None, beside: int, reasoning: int
    ) -> tuple[int | None, int | None]:
        if inputs is not None and beside and self._counts_beside():
            self._doubts.append("cached tokens taken as counted beside the input")
            inputs += beside
        if outputs is not None and reasoning > outputs:
            self._doubts.append("reasoning tokens are more than the output, taken as counted beside it")
            outputs += reasoning
        return inputs, outputs

    def _counts_beside(self) -> bool:
        """Whether cached tokens are spelled as by those who count them beside the input, and nowhere inside it."""
        spellings = _IN_DETAILS["cached_input_tokens"]
        is_inside = any(details.get(name) for details in self._input_details for name in spellings)
        is_beside = bool(_BESIDE_INPUT & self._top.keys()) or "cache_creation" in self._top
        return is_beside and not is_inside

    def _doubt_small_total(self, total: int, inputs: int, outputs: int, parts: tuple[int, ...]) -> None:
        # Some totals leave out what is cached or what is reasoning, although it is in the counts.
        missing = inputs + outputs - total
        if missing in parts:
            return
        if total < max(inputs, outputs):
            self._conflict = (
                f"the reported usage contradicts itself: total {total:,}, input {inputs:,}, output {outputs:,}"
            )
            return
        self._doubts.append(f"the total is {missing:,} tokens less than input and output")


def svg_fields(usage: Any, fields: Json) -> dict[str, Any]:
    """The columns with the tokens of SVG authoring in them: text beside what `usage` counts, reported apart from it."""
    read = usage_fields(usage) if isinstance(usage, dict) else {}
    inputs, outputs = read.get("input_tokens", 0), read.get("output_tokens", 0)
    if not inputs + outputs:
        return {}
    added = {
        "input_tokens": inputs,
        "output_tokens": outputs,
        "text_input_tokens": inputs,
        "text_output_tokens": outputs,
        "reasoning_tokens": read.get("reasoning_tokens", 0),
    }
    if "output_tokens" in fields and "text_output_tokens" not in fields:
        # Without a split, output of images is image tokens; it must stay so beside a part that is known to be text.
        added["image_output_tokens"] = fields["output_tokens"]
    model = usage.get("model")
    author = model[:100] if isinstance(model, str) else "an unnamed model"
    doubts = [fields.get("usage_doubt"), f"SVG authoring by {author} taken at the price of the image model"]
    return {
        **{name: fields.get(name, 0) + more for name, more in added.items()},
        "usage_doubt": "; ".join(filter(None, doubts)),
    }


def drawn_svg_fields(items: Iterable[Json], fields: Json) -> dict[str, Any]:
    """The columns with the tokens of SVG authoring that output items report: the answer's own model's are its tokens.

    What another model wrote has another price: it is in no count, and the doubt says so.
    """
    inputs, outputs, others = fields.get("input_tokens", 0), fields.get("output_tokens", 0), 0
    author = "another model"
    for item in items:
        usage = item.get("svg_usage")
        if not isinstance(usage, dict):
            continue
        read = usage_fields(usage)
        if usage.get("model") == fields.get("response_model"):
            inputs += read.get("input_tokens", 0)
            outputs += read.get("output_tokens", 0)
        elif more := read.get("input_tokens", 0) + read.get("output_tokens", 0):
            others += more
            author = usage["model"][:100] if isinstance(usage.get("model"), str) else author
    added: dict[str, Any] = {}
    if inputs + outputs > fields.get("input_tokens", 0) + fields.get("output_tokens", 0):
        added = {"input_tokens": inputs, "output_tokens": outputs}
    if others:
        doubt = f"SVG authoring by {author} ({others:,} tokens) is not in this cost"
        added["usage_doubt"] = "; ".join(filter(None, [fields.get("usage_doubt"), doubt]))
    return added


# --- where usage stands ------------------------------------------------------------------------------------------


def has_counts(usage: Any) -> bool:
    """Whether a usage object counts anything: an object of zeros or nulls does not."""
    return isinstance(usage, dict) and any(
        (isinstance(v, int | float) and not isinstance(v, bool) and v > 0) or (isinstance(v, str) and v.isdigit())
        for v in usage.values()
    )


def usage_of(body: Json) -> Json | None:
    """The usage object of an answer, in whichever place it stands; None if there is none."""
    usage = body.get("usage")
    if isinstance(usage, dict) and usage.get("total_tokens"):
        return usage
    return usage_of_event(body) or _usage_of_choices(body) or (usage if isinstance(usage, dict) and usage else None)


def usage_of_event(event: Json) -> Json | None:
    """The usage object that counts anything and belongs to no single choice; None if there is none."""
    usage = event.get("usage")
    if has_counts(usage):
        return usage
    for place in _HOMES:
        home = event.get(place)
        if isinstance(home, dict) and has_counts(home.get("usage")):
            return home["usage"]
    return next((event[place] for place in _OTHER_NAMES if has_counts(event.get(place))), None)


# Groq, Anthropic's first event, and wrappers keep usage inside something else; Gemini and Bedrock call it otherwise.
_HOMES: Final = ("x_groq", "message", "meta")
_OTHER_NAMES: Final = ("usageMetadata", "usage_metadata", "amazon-bedrock-invocationMetrics")


def _usage_of_choices(body: Json) -> Json | None:
    choices = body.get("choices")
    if not isinstance(choices, list):
        return None
    found = [c["usage"] for c in choices if isinstance(c, dict) and has_counts(c.get("usage"))]
    return _together(found) if len(found) > 1 else next(iter(found), None)


def _together(usages: list[Json]) -> Json:
    """Usage that each choice states apart: one input, the outputs of all."""
    read = [usage_fields(usage) for usage in usages]
    inputs = max((f.get("input_tokens", 0) for f in read), default=0)
    outputs = sum(f.get("output_tokens", 0) for f in read)
    cached = max((f.get("cached_input_tokens", 0) for f in read), default=0)
    reasoning = sum(f.get("reasoning_tokens", 0) for f in read)
    return {
        "prompt_tokens": inputs,
        "completion_tokens": outputs,
        "total_tokens": inputs + outputs,
        "prompt_tokens_details": {"cached_tokens": cached},
        "completion_tokens_details": {"reasoning_tokens": reasoning},
    }
