"""Owns how the stand-in counts tokens and what it remembers as cached prompt prefixes.

A token is up to seven word characters with the space before them, one punctuation mark with the space before it,
or a run of white space: close to four characters of English, and the tokens joined are the text again.
Chat framing costs 3 tokens a message and 3 a request; an image costs 85 at low detail and 765 otherwise (of one size,
four tiles), for gpt-4o-mini 2,833 and 25,501; audio 100.
"""

import json
import re
from collections import OrderedDict
from functools import lru_cache
from typing import Any

from llmwatch.standin.clock import NS_PER_S

_TOKEN = re.compile(r" ?\w{1,7}| ?[^\w\s]|\s+")
PER_MESSAGE = 3
PER_REQUEST = 3
IMAGE_LOW, IMAGE_HIGH, AUDIO = 85, 765, 100
# Model -> tokens of an image at low and at any other detail, where they are not the usual ones.
IMAGES = {"gpt-4o-mini": (2833, 25_501)}
# Prompt caching starts at 1,024 tokens and goes in steps of 128; a prefix is forgotten 10 minutes after its last use.
CACHE_FLOOR, CACHE_STEP, CACHE_TTL_S = 1024, 128, 600
_CACHE_PREFIXES = 20_000


@lru_cache(maxsize=4096)
def tokenize(text: str) -> tuple[str, ...]:
    """The tokens of `text`; joined, they are `text` again."""
    return tuple(_TOKEN.findall(text))


def count(text: str) -> int:
    """The number of tokens in `text`."""
    return len(tokenize(text))


def prompt_parts(params: dict[str, Any], model: str = "") -> tuple[list[str], int]:
    """The texts a model would read, in prompt order, and the tokens that are not text (framing, images, audio)."""
    texts: list[str] = []
    extra = 0
    for key in ("tools", "response_format", "text"):
        if params.get(key):
            texts.append(json.dumps(params[key], separators=(",", ":")))
    if isinstance(params.get("instructions"), str):
        texts.append(params["instructions"])
    for key in ("messages", "input", "prompt"):
        extra += _collect(params.get(key), texts, IMAGES.get(model, (IMAGE_LOW, IMAGE_HIGH)))
    return texts, extra + PER_REQUEST


def _collect(value: Any, texts: list[str], image: tuple[int, int]) -> int:
    """Append the texts inside a message list, content parts or plain strings; return their non-text tokens."""
    if isinstance(value, str):
        texts.append(value)
        return 0
    if isinstance(value, list):
        return sum(_collect(item, texts, image) for item in value)
    if not isinstance(value, dict):
        return 0
    kind = str(value.get("type", ""))
    if "image" in kind:
        return image[0] if _detail(value) == "low" else image[1]
    if "audio" in kind:
        return AUDIO
    framing = PER_MESSAGE if "role" in value else 0
    for key in ("content", "text", "arguments", "output", "refusal"):
        framing += _collect(value.get(key), texts, image)
    for call in value.get("tool_calls") or ():
        texts.append(json.dumps(call, separators=(",", ":")))
    return framing


def _detail(part: dict[str, Any]) -> str:
    """The detail asked of an image part, in the chat or the responses spelling."""
    image_url = part.get("image_url")
    nested = image_url.get("detail") if isinstance(image_url, dict) else None
    return str(nested or part.get("detail") or "auto")


class PromptCache:
    """Remembers prompt prefixes in blocks of 128 tokens, per model, until 10 minutes after their last use."""

    def __init__(self) -> None:
        """Start empty."""
        self._last_used_ns: OrderedDict[int, int] = OrderedDict()

    def read_and_write(self, model: str, texts: list[str], extra: int, now_ns: int) -> tuple[int, int]:
        """(cached, written) tokens of this prompt, which is remembered from now on; (0, 0) under 1,024 tokens."""
        words = [word for text in texts for word in tokenize(text)]
        total = len(words) + extra
        if total < CACHE_FLOOR:
            return 0, 0
        cached = self._remember(model, words, now_ns)
        cached = cached if cached >= CACHE_FLOOR else 0
        return cached, total // CACHE_STEP * CACHE_STEP - cached

    def _remember(self, model: str, words: list[str], now_ns: int) -> int:
        """Tokens of the longest prefix already known and fresh; every block of the prompt is known afterwards."""
        key, cached, is_known = hash(model), 0, True
        for start in range(0, len(words) - CACHE_STEP + 1, CACHE_STEP):
            key = hash((key, *words[start : start + CACHE_STEP]))
            used_ns = self._last_used_ns.pop(key, None)
            is_known = is_known and used_ns is not None and now_ns - used_ns <= CACHE_TTL_S * NS_PER_S
            cached += CACHE_STEP if is_known else 0
            self._last_used_ns[key] = now_ns
        while len(self._last_used_ns) > _CACHE_PREFIXES:
            self._last_used_ns.popitem(last=False)
        return cached
