"""What a call costs, by its own arithmetic from facts.toml and litellm.json. Standard library only.

A call is a mapping of the fields that a record in the spool has; usage counts are whole numbers of tokens.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
FACTS: dict[str, Any] = tomllib.loads((HERE / "facts.toml").read_text("utf-8"), parse_float=Decimal)
LISTED: dict[str, dict[str, str]] = json.loads((HERE / "litellm.json").read_text("utf-8"))
TIERS = {"default": "", "flex": "_flex", "priority": "_priority", "fast": "_priority"}
TOKENS = {
    "input": "input_cost_per_token",
    "cached": "cache_read_input_token_cost",
    "written": "cache_creation_input_token_cost",
    "written_12h": "cache_creation_input_token_cost_above_12hr",
    "output": "output_cost_per_token",
    "audio_input": "input_cost_per_audio_token",
    "image_input": "input_cost_per_image_token",
    "cached_audio": "cache_read_input_audio_token_cost",
    "cached_image": "cache_read_input_image_token_cost",
    "audio_output": "output_cost_per_audio_token",
    "image_output": "output_cost_per_image_token",
}
# What a kind of tokens is a part of: without a rate of its own it costs what the whole costs. Audio never is text.
WHOLE = {
    "cached": "input",
    "written": "input",
    "written_12h": "written",
    "image_input": "input",
    "cached_image": "image_input",
    "cached_audio": "audio_input",
    "image_output": "output",
}


@dataclass(frozen=True)
class Answer:
    """US dollars by part, exact; None where no price is known (grade D). `saving` is what the cache saved."""

    grade: str
    parts: Mapping[str, Decimal] | None = None
    saving: Decimal = Decimal(0)

    @property
    def usd(self) -> Decimal | None:
        """The whole call."""
        return None if self.parts is None else sum(self.parts.values(), Decimal(0))


@dataclass
class Bill:
    """Tokens of each kind of one call, and what they cost."""

    call: Mapping[str, Any]
    model: str
    tier: str
    reasons: list[str] = field(default_factory=list)

    def count(self, name: str) -> int:
        """A count of the call, 0 where it reports none."""
        return self.call.get(name) or 0

    def rate(self, kind: str, long: bool) -> Decimal | None:
        """US dollars for one token; a kind that has no long rate costs what long input costs."""
        listed, key = LISTED[self.model], TOKENS[kind]
        found = listed.get(f"{key}_above_272k_tokens{self.tier}" if long else f"{key}{self.tier}")
        if found is None and self.tier == "_batches" and kind == "cached" and not long:
            found = listed.get(key)  # no cached price in a batch: it stays what it is outside
        if found is not None:
            return Decimal(found) * self.then() * self.place()
        if long and kind == "output":
            return None
        return self.rate("input" if long else WHOLE[kind], long) if kind in WHOLE else None

    def then(self) -> int:
        """How many times as much it cost on the day of the call."""
        cuts = [c for c in FACTS["cut"] if c["model"] == self.model and day_of(self.call) < c["day"]]
        return cuts[0]["times"] if cuts else 1

    def place(self) -> Decimal:
        """The rise on a host of data residency."""
        regional = FACTS["regional"]
        rises = self.call["server_address"] in regional["hosts"] and self.model in regional["models"]
        return regional["factor"] if rises else Decimal(1)


def day_of(call: Mapping[str, Any]) -> date:
    """The UTC day it began on."""
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=call["started_us"])).date()


def recount(call: Mapping[str, Any]) -> Answer:
    """The cost of one call, or of one row that stands for a batch."""
    if call["usage_source"] in ("repeated", "none"):
        return Answer("A", {})
    if call["status"] == "error" and call.get("http_status_code", 0) >= 400 and call.get("input_tokens") is None:
        return Answer("A", {})
    model, assumed = named(call["response_model"])
    suffix = "_batches" if call.get("is_batch") else TIERS.get(tier_of(call))
    place: str = call["server_address"]
    is_azure = place.endswith(FACTS["azure"]["host"])
    known_host = is_azure or place == "api.openai.com" or place in FACTS["regional"]["hosts"]
    if model is None or suffix is None or not known_host:
        return Answer("D")
    bill = Bill(call, model, suffix)
    if is_azure:
        bill.reasons.append("Azure's Global deployments cost what OpenAI does, others more")
    if assumed:
        bill.reasons.append("a snapshot that no list names")
    if not call.get("service_tier") and tier_of(call) != "default":
        bill.reasons.append("the tier is the one asked for")
    return by_measure(bill) or by_tokens(bill)


def named(model: str) -> tuple[str | None, bool]:
    """(the name it is listed by, whether that it is so is assumed)."""
    if model in LISTED:
        return model, False
    if model.startswith("ft:"):  # ft:<model it was made from>:<organization>:<name>:<id>
        made_from = ":".join(model.split(":")[:2])
        return (made_from if made_from in LISTED else None), False
    head, tail = model[:-11], model[-11:]
    is_dated = len(tail) == 11 and tail[0] == "-" and tail[1:].replace("-", "").isdigit()
    return (head, True) if is_dated and head in LISTED else (None, False)


def tier_of(call: Mapping[str, Any]) -> str:
    """What the answer names; what was asked for only where it names none."""
    asked = call.get("request_service_tier")
    return call.get("service_tier") or (asked if asked and asked != "auto" else "default")


def by_measure(bill: Bill) -> Answer | None:
    """Speech by its characters, transcription by its seconds."""
    listed = LISTED[bill.model]
    if "input_cost_per_character" in listed:
        usd = Decimal(listed["input_cost_per_character"]) * bill.count("input_characters")
        return Answer("B", {"input": usd})  # characters are counted in what was asked, not reported
    if "input_cost_per_second" in listed:
        return Answer(
            "A", {"input": Decimal(listed["input_cost_per_second"]) * Decimal(str(bill.call["audio_seconds"]))}
        )
    return None


def by_tokens(bill: Bill) -> Answer:
    """Kinds of tokens, each at its rate, and what tools cost."""
    call = bill.call
    if call["usage_source"] == "absent":
        return Answer("D")
    counts = divided(bill)
    # A rule about one request: the usage of a batch is a sum over many, and their prices are the short ones.
    can_be_long = any("above_272k" in key for key in LISTED[bill.model])
    long = can_be_long and bill.count("input_tokens") > FACTS["long_context"]["above"] and not call.get("is_batch")
    if call.get("is_batch") and can_be_long and bill.count("input_tokens") > FACTS["long_context"]["above"]:
        bill.reasons.append("one request may have been long")
    rates = {kind: bill.rate(kind, long) for kind in TOKENS}
    if rates["input"] is None or any(rates[kind] is None for kind, tokens in counts.items() if tokens):
        return Answer("D")
    usd = {kind: tokens * (rates[kind] or 0) for kind, tokens in counts.items()}
    parts = {
        "input": usd["input"] + usd["audio_input"] + usd["image_input"],
        "cached_input": usd["cached"] + usd["cached_audio"] + usd["cached_image"],
        "cache_write": usd["written"] + usd["written_12h"],
        "output": usd["output"] + usd["audio_output"] + usd["image_output"],
        "tool": tools(bill),
    }
    fresh = {
        "cached": "input", "cached_audio": "audio_input", "cached_image": "image_input",
        "written": "input", "written_12h": "input",
    }  # fmt: skip
    saving = sum((counts[kind] * (rates[whole] or 0) - usd[kind] for kind, whole in fresh.items()), Decimal(0))
    return Answer("B" if bill.reasons else "A", parts, saving)


def divided(bill: Bill) -> dict[str, int]:
    """Tokens by kind: cached and written ones are of the input, and the modalities divide what they are of."""
    total, output = bill.count("input_tokens"), bill.count("output_tokens")
    cached = min(bill.count("cached_input_tokens"), total)
    written = min(bill.count("cache_write_tokens"), total - cached)
    if bill.count("cached_input_tokens") + bill.count("cache_write_tokens") > total:
        bill.reasons.append("more tokens cached and written than there were")
    long_kept = min(bill.count("cache_write_12h_tokens"), written)
    audio, image = bill.count("audio_input_tokens"), bill.count("image_input_tokens")
    audio_out, image_out = bill.count("audio_output_tokens"), bill.count("image_output_tokens")
    audio_read, image_read = bill.count("cached_audio_input_tokens"), bill.count("cached_image_input_tokens")
    listed = LISTED[bill.model]
    if bill.call.get("text_output_tokens") is None and output and TOKENS["image_output"] in listed and not image_out:
        bill.reasons.append("output not divided, taken as image")
        image_out = output
    if TOKENS["audio_input"] in listed and (
        (total and bill.call.get("text_input_tokens") is None and not audio)
        or (output and bill.call.get("text_output_tokens") is None and not audio_out)
    ):
        bill.reasons.append("text and sound not told apart, taken as text")
    return {
        "input": total - cached - written - (audio - audio_read) - (image - image_read),
        "audio_input": audio - audio_read,
        "image_input": image - image_read,
        "cached": cached - audio_read - image_read,
        "cached_audio": audio_read,
        "cached_image": image_read,
        "written": written - long_kept,
        "written_12h": long_kept,
        "output": output - audio_out - image_out,
        "audio_output": audio_out,
        "image_output": image_out,
    }


def tools(bill: Bill) -> Decimal:
    """What the tools that OpenAI runs cost by the call."""
    fees = FACTS["tools"]
    preview = fees["web_search_preview_calls"]
    if bill.model in fees["preview_plain_models"]:
        preview = fees["preview_plain"]
        if bill.count("web_search_preview_calls"):
            bill.reasons.append("what was found is free, and usage may include it")
    if bill.model in fees["per_request"]:
        bill.reasons.append("one search in every request assumed")
    return (
        bill.count("web_search_calls") * fees["web_search_calls"]
        + bill.count("file_search_calls") * fees["file_search_calls"]
        + bill.count("web_search_preview_calls") * preview
        + fees["per_request"].get(bill.model, Decimal(0))
    )
