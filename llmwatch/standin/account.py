"""Owns what the stand-in remembers between requests: ids given out, cached prompts, stored objects, files, batches.

Every store is bounded; the oldest entry goes first.
"""

import hashlib
import threading
from collections import OrderedDict
from typing import Any

from llmwatch.standin.catalogue import reports_cache_writes
from llmwatch.standin.clock import NS_PER_S, Clock
from llmwatch.standin.exchange import Json
from llmwatch.standin.tokens import PromptCache, prompt_parts, tokenize

_KEPT = 500


class Store:
    """Named objects in the order they came; the oldest of more than 500 are forgotten."""

    def __init__(self) -> None:
        self._items: OrderedDict[str, Any] = OrderedDict()

    def put(self, key: str, item: Any) -> None:
        """Keep `item`, replacing one of the same key."""
        self._items[key] = item
        while len(self._items) > _KEPT:
            self._items.popitem(last=False)

    def get(self, key: str) -> Any | None:
        """The item, or None."""
        return self._items.get(key)

    def pop(self, key: str) -> Any | None:
        """The item, forgotten from now on, or None."""
        return self._items.pop(key, None)

    def newest_first(self) -> list[Any]:
        """Every item, the newest first."""
        return list(reversed(self._items.values()))


class Account:
    """One customer's side of the API: the same seed and the same requests give the same bytes."""

    def __init__(self, clock: Clock, seed: int) -> None:
        self.clock = clock
        self.seed = seed
        self.chats = Store()
        self.responses = Store()
        self.files = Store()
        self.batches = Store()
        self._prompts = PromptCache()
        self._ids = 0
        self._lock = threading.Lock()

    def new_id(self, prefix: str) -> str:
        """An id never given before, e.g. `chatcmpl-8c1f...`; the n-th id of a seed is always the same."""
        with self._lock:
            self._ids += 1
            number = self._ids
        return prefix + hashlib.blake2b(f"{self.seed}:{number}".encode(), digest_size=15).hexdigest()

    def now_s(self) -> int:
        """Now, in whole seconds since 1970."""
        return self.clock.peek_ns() // NS_PER_S

    def read_prompt(self, model: str, params: Json) -> tuple[int, int, int]:
        """(prompt, cached, written) tokens of a request; the prompt is in the cache afterwards."""
        texts, extra = prompt_parts(params, model)
        prompt = sum(len(tokenize(text)) for text in texts) + extra
        with self._lock:
            cached, written = self._prompts.read_and_write(model, texts, extra, self.clock.peek_ns())
        return prompt, cached, written if reports_cache_writes(model) else 0
