"""Seeded calls of every kind whose cost is known, as records of the spool. Standard library only."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

from .calculator import FACTS, LISTED, TOKENS, day_of, tier_of

LAST = date(2026, 11, 20)
TEXT = tuple(
    model
    for model, listed in LISTED.items()
    if model.startswith(("gpt-4", "gpt-5", "gpt-6", "o3", "o4"))
    and not any(TOKENS[kind] in listed for kind in ("audio_input", "image_input", "image_output"))
    and model != "gpt-5-search-api"
)
LONG = tuple(model for model in TEXT if any("above_272k" in key for key in LISTED[model]))
WRITING = tuple(model for model in TEXT if TOKENS["written"] in LISTED[model])
NO_LONG_PRIORITY = ("gpt-5.4", "gpt-5.5", "gpt-5.4-pro", "gpt-5.5-pro")
REGIONS = tuple(FACTS["regional"]["hosts"])
Draw = dict[str, Any]

# What no source settles, and is therefore not drawn, or drawn without a look at its grade:
LEFT_OUT = (
    "tool fees on a host of data residency: whether they rise is not published",
    "web search on gpt-4o-mini and gpt-4.1-mini: whether usage shows the 8,000 tokens a search is not known",
    "cached input of fine-tuned models; their batch prices, where sources differ",
    "ultrafast, scale and contracts: by agreement, or of one source",
    "priority above 272,000 tokens on gpt-5.4 and gpt-5.5: not offered, by one source",
    "flex above 272,000 tokens on gpt-5.5-pro: no source has a price of it",
    "how sure a price of flex, priority or batch is before 2026-10-14, when the sources begin to name them",
    "cached input of o3 before it was cut: OpenAI cut by 80 %, and one source has the later price before that day too",
    "gpt-4o-transcribe: one source has audio at $6, another at $2.50",
    "storage and containers: billed by time, not by the call",
    "batches of embeddings: the price is a third party's, its grade is not compared",
    "12-hour cache writes but those of gpt-6.1-terra at the standard tier: litellm's price, the grade is not compared",
    "writes inside a batch: its usage has no field for them, the grade is not compared",
    "a long request of gpt-5.5-pro in a batch: the list has a long price at the standard tier only",
    "tokens of a stream that was left: an estimate has no right value",
    "image output of gpt-image-1 on the text side, speech of gpt-4o-mini-tts, live sessions: sources differ or are one",
)


class Chance:
    """The draws of one run; equal seeds draw equal calls."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.number = 0

    def sometimes(self, share: float) -> bool:
        """True in this share of the cases."""
        return self.random.random() < share

    def call(self, model: str, since: date | None = None, **fields: Any) -> Draw:
        """An answered call of the model on a day on which its price is known."""
        self.number += 1
        moment = self._moment(model, since)
        return {
            "trace_id": f"{self.number:032x}",
            "span_id": f"{self.number:016x}",
            "started_us": moment,
            "ended_us": moment + 800_000,
            "operation_name": "chat",
            "endpoint": "/chat/completions",
            "http_request_method": "POST",
            "provider_name": "openai",
            "server_address": "api.openai.com",
            "request_model": model,
            "response_model": model,
            "response_id": f"chatcmpl-{self.number}",
            "status": "ok",
            "http_status_code": 200,
            "usage_source": "response",
            **fields,
        }

    def _moment(self, model: str, since: date | None) -> int:
        cut = next((c["day"] for c in FACTS["cut"] if c["model"] == model), None)
        first = since or (cut - timedelta(days=20) if cut else FACTS["known_from"].get(model, date(2026, 8, 22)))
        if cut and since is None and self.sometimes(0.7):  # on either side of the cut, to the second
            midnight = datetime(cut.year, cut.month, cut.day, tzinfo=UTC)
            return int((midnight + timedelta(seconds=self.random.choice((-1, 0, -43_200, 43_200)))).timestamp()) * 10**6
        start = datetime(first.year, first.month, first.day, tzinfo=UTC)
        return int(start.timestamp() * 10**6) + self.random.randrange((LAST - first).days * 86_400 * 10**6)

    def tokens(self) -> int:
        """Mostly hundreds or thousands, at times at the threshold of long context or far above it."""
        kind = self.random.random()
        if kind < 0.12:
            return self.random.choice((272_000, 272_001, 271_999))
        if kind < 0.3:
            return self.random.randrange(200_000, 1_000_000)
        return self.random.randrange(1, 20_000)

    def usage(self, model: str, total: int | None = None) -> Draw:
        """Input with what was read from and written to the cache in it, output with reasoning in it."""
        total = self.tokens() if total is None else total
        cached = self.random.randrange(total + 1) if self.sometimes(0.6) else 0
        written = self.random.randrange(total - cached + 1) if model in WRITING and self.sometimes(0.6) else 0
        output = self.random.randrange(4000)
        found: Draw = {"input_tokens": total, "output_tokens": output, "cached_input_tokens": cached}
        if written:
            found["cache_write_tokens"] = written
        if self.sometimes(0.3):
            found["reasoning_tokens"] = self.random.randrange(output + 1)
        return found


def _has(model: str, tier: str) -> bool:
    return f"input_cost_per_token_{tier}" in LISTED[model]


def text(chance: Chance) -> Draw:
    """A model, a tier, a host, a day, and any usage."""
    model = chance.random.choice(LONG if chance.sometimes(0.4) else TEXT)
    tier = chance.random.choice(("default", "default", "flex", "priority", "fast"))
    place = chance.random.choice(REGIONS) if chance.sometimes(0.3) else "api.openai.com"
    call = chance.call(model, service_tier=tier, server_address=place, **chance.usage(model))
    if model in ("gpt-5.4-pro", "gpt-5.5-pro"):  # with cached input: long_without_a_rate
        call["cached_input_tokens"] = call["cached_input_tokens"] * (call["input_tokens"] <= 272_000)
    return call


def asked_tier(chance: Chance) -> Draw:
    """An answer that names no tier."""
    model = chance.random.choice([m for m in TEXT if _has(m, "flex")])
    asked = chance.random.choice(("flex", "auto", "default"))
    return chance.call(model, request_service_tier=asked, **chance.usage(model, chance.random.randrange(1, 20_000)))


def twelve_hours(chance: Chance) -> Draw:
    """Writes to the 12-hour cache, at any size and tier."""
    model = "gpt-6.1-terra" if chance.sometimes(0.4) else chance.random.choice(WRITING)
    tier = chance.random.choice(("default", "default", "flex", "priority"))
    call = chance.call(model, service_tier=tier, **chance.usage(model))
    written = chance.random.randrange(call["input_tokens"] - call["cached_input_tokens"] + 1)
    call |= {"cache_write_tokens": written, "cache_write_12h_tokens": chance.random.randrange(written + 1)}
    return call


def tool_calls(chance: Chance) -> Draw:
    """Searches of each kind in one answer."""
    model = chance.random.choice([m for m in TEXT if m not in ("gpt-4o-2024-05-13",)])
    call = chance.call(model, endpoint="/responses", operation_name="chat", service_tier="default")
    call |= chance.usage(model, chance.random.randrange(1, 20_000))
    for tool in chance.random.sample(("web_search_calls", "file_search_calls", "web_search_preview_calls"), 2):
        if tool != "web_search_calls" or model not in ("gpt-4o-mini", "gpt-4.1-mini"):
            call[tool] = chance.random.randrange(6)
    return call


def search_model(chance: Chance) -> Draw:
    """A model that searches in every request."""
    return chance.call("gpt-5-search-api", **chance.usage("gpt-5-search-api", chance.random.randrange(1, 20_000)))


def batch(chance: Chance) -> Draw:
    """A batch whose requests together are below the threshold of one."""
    model = chance.random.choice([m for m in TEXT if _has(m, "batches")])
    call = chance.call(model, **chance.usage(model, chance.random.randrange(1, 272_001)))
    call.pop("cache_write_tokens", None)
    fetched = {"operation_name": "fetch_batch", "endpoint": "/batches/{id}", "http_request_method": "GET"}
    return call | fetched | {"is_batch": True, "service_tier": "default"}


def background(chance: Chance) -> Draw:
    """A response that was made in the background, as the read that found it finished has it."""
    model = chance.random.choice(TEXT)
    call = chance.call(model, service_tier="default", **chance.usage(model, chance.random.randrange(1, 20_000)))
    fetched = {"operation_name": "fetch_response", "endpoint": "/responses/{id}", "http_request_method": "GET"}
    return call | fetched | {"is_background": True}


def sound(chance: Chance) -> Draw:
    """Text, sound and, of realtime, images, read from the cache by kind too; some calls do not tell them apart."""
    model = chance.random.choice(("gpt-audio", "gpt-audio-mini", "gpt-realtime", "gpt-realtime-mini"))
    kinds = {"text": chance.random.randrange(5000), "audio": chance.random.randrange(5000)}
    if model.startswith("gpt-realtime"):
        kinds["image"] = chance.random.randrange(3000)
    out_text, out_audio = chance.random.randrange(500), chance.random.randrange(900)
    call = chance.call(model, input_tokens=sum(kinds.values()), output_tokens=out_text + out_audio)
    if chance.sometimes(0.15):
        return call
    call |= {f"{kind}_input_tokens": tokens for kind, tokens in kinds.items()}
    call |= {"text_output_tokens": out_text, "audio_output_tokens": out_audio}
    if model.startswith("gpt-realtime") and chance.sometimes(0.7):
        read = {kind: chance.random.randrange(tokens + 1) for kind, tokens in kinds.items()}
        call |= {"cached_input_tokens": sum(read.values())}
        call |= {f"cached_{kind}_input_tokens": read[kind] for kind in ("audio", "image")}
    return call


def picture(chance: Chance) -> Draw:
    """An image made from text and images."""
    text, image = chance.random.randrange(900), chance.random.randrange(6000)
    made, words = chance.random.randrange(7000), chance.random.randrange(100)
    call = chance.call(
        "gpt-image-1.5", endpoint="/images/edits", input_tokens=text + image, output_tokens=made + words,
        text_input_tokens=text, image_input_tokens=image,
    )  # fmt: skip
    if chance.sometimes(0.8):
        call |= {"image_output_tokens": made, "text_output_tokens": words}
    if chance.sometimes(0.5):
        read, read_image = chance.random.randrange(text + 1), chance.random.randrange(image + 1)
        call |= {"cached_input_tokens": read + read_image, "cached_image_input_tokens": read_image}
        call["cached_audio_input_tokens"] = 0
    return call


def seen_image(chance: Chance) -> Draw:
    """Images shown to a chat model cost what its text costs."""
    model = chance.random.choice(("gpt-4o", "gpt-4o-mini", "gpt-5", "gpt-6-luna"))
    call = chance.call(model, **chance.usage(model, chance.random.randrange(1, 20_000)))
    call.pop("cache_write_tokens", None)
    call["image_input_tokens"] = chance.random.randrange(call["input_tokens"] - call["cached_input_tokens"] + 1)
    return call


def measured(chance: Chance) -> Draw:
    """Speech by characters, transcription by seconds."""
    model = chance.random.choice(("tts-1", "tts-1-hd", "whisper-1", "gpt-transcribe"))
    if model.startswith("tts"):
        characters = chance.random.randrange(1, 5000)
        return chance.call(model, endpoint="/audio/speech", usage_source="absent", input_characters=characters)
    seconds = chance.random.randrange(1, 600_000) / 100
    return chance.call(model, endpoint="/audio/transcriptions", audio_seconds=seconds)


def embedding(chance: Chance) -> Draw:
    """Input only."""
    model = chance.random.choice(("text-embedding-3-small", "text-embedding-3-large"))
    more: Draw = {"is_batch": True} if chance.sometimes(0.3) else {}
    tokens = chance.random.randrange(1, 300_000)
    return chance.call(model, endpoint="/embeddings", operation_name="embeddings", input_tokens=tokens, **more)


def tuned(chance: Chance) -> Draw:
    """A fine-tuned model, by a name of its own."""
    base = chance.random.choice(("gpt-4o-2024-08-06", "gpt-4o-mini-2024-07-18"))
    call = chance.call(f"ft:{base}:acme::{chance.random.randrange(10**6):06}", **chance.usage(base, 2000))
    call["cached_input_tokens"] = 0
    return call


def damaged(chance: Chance) -> Draw:
    """More read from the cache than there was: cut, and not grade A."""
    model = chance.random.choice(TEXT)
    total = chance.random.randrange(1, 5000)
    more = chance.random.randrange(1, 5000)
    return chance.call(model, input_tokens=total, cached_input_tokens=total + more, output_tokens=100)


def unknown(chance: Chance) -> Draw:
    """A model, a host or a tier without a price, or no usage at all: never 0."""
    usage = chance.usage("gpt-4o", 500)
    return chance.random.choice(
        (
            lambda: chance.call("gpt-9-foo", **usage),
            lambda: chance.call("gpt-5.5-large", **usage),
            lambda: chance.call("gpt-4o", server_address="llm.acme.internal", **usage),
            lambda: chance.call("gpt-4o", service_tier="flex", **usage),
            lambda: chance.call("gpt-5-nano", service_tier="priority", **usage),
            lambda: chance.call("gpt-4o", usage_source="absent"),
        )
    )()


def free(chance: Chance) -> Draw:
    """Refused, or a second look at what was counted before."""
    refused: Draw = {
        "status": "error",
        "http_status_code": 429,
        "error_type": "RateLimitError",
        "usage_source": "absent",
    }
    again: Draw = {"usage_source": "repeated", "operation_name": "fetch_response", **chance.usage("gpt-4o", 500)}
    return chance.call("gpt-4o", **chance.random.choice((refused, again)))


def new_snapshot(chance: Chance) -> Draw:
    """A dated name that no list has, of a model that they have."""
    day = LAST - timedelta(days=chance.random.randrange(60))
    model = chance.random.choice(("gpt-5.5", "gpt-5.4", "gpt-5.2"))
    return chance.call(f"{model}-{day.isoformat()}", **chance.usage(model, chance.random.randrange(1, 20_000)))


KINDS: dict[Callable[[Chance], Draw], int] = {
    text: 1300, asked_tier: 100, twelve_hours: 400, tool_calls: 350, search_model: 40, batch: 350, background: 150,
    sound: 250, picture: 150, seen_image: 80, measured: 120, embedding: 80, tuned: 60, damaged: 80, unknown: 80,
    free: 40, new_snapshot: 60,
}  # fmt: skip


def long_without_a_rate(chance: Chance) -> Draw:
    """Long context with cached input, on models that have no price for cached input: it costs what long input costs."""
    model = chance.random.choice(("gpt-5.4-pro", "gpt-5.5-pro"))
    tier = chance.random.choice(("default", "flex") if model == "gpt-5.4-pro" else ("default",))
    total = chance.random.randrange(272_001, 900_000)
    place = chance.random.choice(("api.openai.com", "eu.api.openai.com"))
    call = chance.call(model, service_tier=tier, server_address=place, **chance.usage(model, total))
    call["cached_input_tokens"] = chance.random.randrange(1, total)
    return call


def batch_of_many(chance: Chance) -> Draw:
    """A batch whose requests together are above the threshold of one, up to sums that no request can have."""
    model = chance.random.choice([m for m in TEXT if _has(m, "batches")])
    most = chance.random.choice((1_000_000, 50_000_000, 3_000_000_000))
    call = chance.call(model, **chance.usage(model, chance.random.randrange(280_000, most)))
    call.pop("cache_write_tokens", None)
    fetched = {"operation_name": "fetch_batch", "endpoint": "/batches/{id}", "http_request_method": "GET"}
    return call | fetched | {"is_batch": True, "service_tier": "default"}


def azure(chance: Chance) -> Draw:
    """A deployment on Azure, whose answers name OpenAI's model."""
    model = chance.random.choice(FACTS["azure"]["models"])
    call = chance.call(model, **chance.usage(model, chance.random.randrange(1, 20_000)))
    return call | {"server_address": "acme.openai.azure.com", "provider_name": "azure.ai.openai"}


def tuned_of_late(chance: Chance) -> Draw:
    """Fine-tuned models of which one source has a price."""
    base = chance.random.choice(("gpt-4.1-2025-04-14", "gpt-4.1-mini-2025-04-14", "o4-mini-2025-04-16"))
    output = chance.random.randrange(3000)
    return chance.call(f"ft:{base}:acme::{chance.number:06}", input_tokens=1000, output_tokens=output)


NEW_KINDS: dict[Callable[[Chance], Draw], int] = {
    long_without_a_rate: 150, batch_of_many: 250, azure: 100, tuned_of_late: 30,
}  # fmt: skip


def drawn(seed: int, kinds: dict[Callable[[Chance], Draw], int] = KINDS) -> list[tuple[str, Draw]]:
    """(kind, call): every kind as often as `kinds` says, without what no source settles."""
    chance = Chance(seed)
    return [(kind.__name__, settled(kind(chance))) for kind, times in kinds.items() for _ in range(times)]


def settled(call: Draw) -> Draw:
    """The call without the part of which LEFT_OUT says that its cost is not known."""
    model, tier = call["response_model"], tier_of(call)
    is_short_only = (tier in ("priority", "fast") and model in NO_LONG_PRIORITY) or (
        tier == "flex" and model == "gpt-5.5-pro"
    )
    if is_short_only and call.get("input_tokens", 0) > 272_000:
        call["input_tokens"] = 272_000
        call["cached_input_tokens"] = min(call["cached_input_tokens"], 272_000)
    if model == "o3" and any(day_of(call) < cut["day"] for cut in FACTS["cut"] if cut["model"] == "o3"):
        call.pop("cached_input_tokens", None)
    return call


def is_grade_open(kind: str, call: Draw) -> bool:
    """Whether the sources leave open how sure its cost is (LEFT_OUT says why)."""
    if (call.get("is_batch") or tier_of(call) != "default") and day_of(call) < FACTS["tiers_known_from"]:
        return True
    if kind == "twelve_hours" and call["cache_write_12h_tokens"]:
        return call["response_model"] != "gpt-6.1-terra" or call["service_tier"] != "default"
    if kind == "tuned_of_late":
        return True
    if kind == "batch_of_many" and call["response_model"].startswith("gpt-5.5-pro"):
        return True
    return bool(call.get("is_batch")) and (kind == "embedding" or call["response_model"] in WRITING)
