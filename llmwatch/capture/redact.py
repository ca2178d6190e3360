"""Replaces credentials and structured personal data in text by labels, before anything touches the disk.

Fails closed: what could not be searched to the end within the time budget is returned as None, never unredacted.
Must never raise, import beyond the standard library, start a thread or do I/O: it runs in the customer's call path.
"""

import hashlib
import re
import time
from collections.abc import Callable, Iterable, Mapping
from typing import cast

from ..setting_checks import pattern_fault
from .encoded_spans import find_encoded, plain_escapes
from .named_numbers import find_named_numbers
from .personal_spans import find_personal
from .secret_spans import find_secrets, long_words

# Stored with each row; raised with every change of what is found or how it is replaced.
RULES_VERSION = "2026.12.1"

# The fastest search there is reads about this much; a longer text would only be given up later.
_CHARS_PER_MS = 40_000
_MAX_DEPTH = 64
_CACHE_TEXT_CHARS = 64
_CACHE_CHARS = 1024 * 1024

_SECRET_KEY = re.compile(
    r"(?:.*[_.])?(?:password|passwd|pwd|passphrase|passcode|secret|secrets|token|api_?keys?|access_?key|private_?key|secret_?key|"
    r"account_?key|signing_?key|encryption_?key|authorization|proxy_authorization|auth|credentials?|cookies?|set_cookie|"
    r"connection_?string|session_?id|sessionid|csrf|jwt|bearer|client_?secret|otp|pin|cvv2?|cvc2?|ssn|sig|x_api_key|passport(?:_?(?:no|number))?|social_security_number|nino|national_insurance_number|card_number)|"
    r".*(?:password|passwd|secret|apikey|accesskey|privatekey|token)"
)
_SCHEMA_KEYS = frozenset(("type", "$ref", "anyOf", "oneOf", "allOf", "enum", "properties"))


class _Overrun(Exception):
    """The time budget is used up."""


class Redactor:
    """Redacts texts and JSON-like values; one instance serves a whole process and needs no lock."""

    def __init__(self, extra_patterns: Mapping[str, str] | None = None, budget_ms: float = 5.0) -> None:
        self.failures = 0
        # Label to reason. A pattern that was asked for and cannot run makes every text fail: leaking it would be worse.
        self.rejected: dict[str, str] = {}
        self._budget_s = budget_ms / 1000
        self._max_chars = int(budget_ms * _CHARS_PER_MS)
        self._extra = self._compile(extra_patterns or {})
        # Two generations instead of an ordered dict: no lock, and a race costs one repeated search.
        self._young: dict[bytes, tuple[str | None, int]] = {}
        self._old: dict[bytes, tuple[str | None, int]] = {}
        self._young_chars = 0

    def text(self, text: str) -> tuple[str | None, int]:
        """The text with findings replaced and their number; None as text when the search failed."""
        return self._text(text, time.thread_time() + self._budget_s)

    def value(self, value: object) -> tuple[object, int]:
        """A copy of a JSON-like value with every string redacted; None when any part failed.

        One time budget covers the whole value.
        """
        try:
            walk = _Walk(self._text, time.thread_time() + self._budget_s)
            redacted = walk.visit(value, 0)
        except Exception:
            self.failures += 1
            return None, 0
        return (None, 0) if walk.has_failed else (redacted, walk.findings)

    def _compile(self, patterns: Mapping[str, str]) -> list[tuple[str, re.Pattern[str]]]:
        compiled: list[tuple[str, re.Pattern[str]]] = []
        for label, source in patterns.items():
            try:
                if fault := pattern_fault(source):
                    self.rejected[label] = fault
                else:
                    compiled.append((label, re.compile(source)))
            except Exception as error:
                self.rejected[label] = f"is not a regular expression: {error}"
        return compiled

    def _text(self, text: str, deadline: float) -> tuple[str | None, int]:
        try:
            if self.rejected or len(text) > self._max_chars:
                self.failures += 1
                return None, 0
            if len(text) < _CACHE_TEXT_CHARS:
                return self._search(text, deadline)
            return self._cached(text, deadline)
        except Exception:
            self.failures += 1
            return None, 0

    def _cached(self, text: str, deadline: float) -> tuple[str | None, int]:
        # Chat history repeats every turn. The digest, not the text, is the key: the cache must not hold secrets.
        key = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
        hit = self._young.get(key)
        if hit is None:
            hit = self._old.get(key)
            if hit is None:
                redacted, findings = self._search(text, deadline)
                hit = (redacted if findings else None, findings)
            self._remember(key, hit)
        redacted, findings = hit
        return (text if redacted is None else redacted), findings

    def _remember(self, key: bytes, entry: tuple[str | None, int]) -> None:
        self._young_chars += 128 + (4 * len(entry[0]) if entry[0] else 0)
        if self._young_chars > _CACHE_CHARS:
            self._old, self._young, self._young_chars = self._young, {}, 0
        self._young[key] = entry

    def _search(self, text: str, deadline: float) -> tuple[str, int]:
        def tick() -> None:
            # CPU time of this thread: other threads holding the interpreter lock are not our cost.
            if time.thread_time() > deadline:
                raise _Overrun

        def find(part: str, words: list[tuple[int, str]] | None = None) -> list[tuple[int, int, str]]:
            secrets = find_secrets(part, tick, words)
            return [*secrets, *find_personal(part, tick), *find_named_numbers(part, tick)]

        plain = plain_escapes(text)
        words = long_words(plain)
        spans = [*find(plain, words), *find_encoded(plain, words, find, tick), *self._find_extra(text, tick)]
        tick()
        return _replace(text, spans) if spans else (text, 0)

    def _find_extra(self, text: str, tick: Callable[[], None]) -> Iterable[tuple[int, int, str]]:
        for label, pattern in self._extra:
            for found in pattern.finditer(text):
                tick()
                if found.end() > found.start():
                    yield found.start(), found.end(), label


class _Walk:
    """One pass over one JSON-like value; remembers the findings and whether any text failed."""

    def __init__(self, redact_text: Callable[[str, float], tuple[str | None, int]], deadline: float) -> None:
        self.findings = 0
        self.has_failed = False
        self._redact_text = redact_text
        self._deadline = deadline

    def visit(self, value: object, depth: int) -> object:
        if self.has_failed or depth > _MAX_DEPTH:
            self.has_failed = True
            return None
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, (Mapping, list, tuple)) and time.thread_time() > self._deadline:
            raise _Overrun
        if isinstance(value, Mapping):
            return self._mapping(cast("Mapping[object, object]", value), depth)
        if isinstance(value, (list, tuple)):
            return [self.visit(item, depth + 1) for item in cast("list[object]", value)]
        if value is None or isinstance(value, (bool, float)):
            return value
        if isinstance(value, int):
            return self._integer(value)
        return self._text(value.decode("utf-8", "replace") if isinstance(value, bytes) else repr(value))

    def _text(self, text: str) -> str:
        redacted, findings = self._redact_text(text, self._deadline)
        self.findings += findings
        if redacted is None:
            self.has_failed = True
            return ""
        return redacted

    def _integer(self, value: int) -> object:
        # Card and phone numbers also come as JSON numbers; token counts and times are shorter than a card.
        if not 10**11 < value < 10**19:
            return value
        text = self._text(str(value))
        return value if text == str(value) else text

    def _mapping(self, value: Mapping[object, object], depth: int) -> dict[str, object]:
        result: dict[str, object] = {}
        for key, item in value.items():
            name = self._text(key) if isinstance(key, str) else self._text(str(key))
            if self._is_secret(key, item, value) or (item and self._is_named_secret(key, value)):
                self.findings += 1
                result[name] = "[secret]"
            else:
                result[name] = self.visit(item, depth + 1)
        return result

    @staticmethod
    def _is_named_secret(key: object, siblings: Mapping[object, object]) -> bool:
        """`{"name": "API_KEY", "value": "..."}`, as environments and form fields are listed."""
        if key not in ("value", "Value"):
            return False
        names = (siblings.get(name) for name in ("name", "key", "Name", "Key", "field"))
        return any(isinstance(name, str) and is_secret_key(name) for name in names)

    @staticmethod
    def _is_secret(key: object, item: object, siblings: Mapping[object, object]) -> bool:
        if item is None or isinstance(item, bool) or item in ("", [], {}):
            return False
        if not isinstance(key, str) or not is_secret_key(key):
            return False
        if isinstance(item, Mapping):
            # `"password": {"type": "string"}` inside a tool definition describes a value and holds none.
            return _SCHEMA_KEYS.isdisjoint(cast("Mapping[object, object]", item))
        is_count = isinstance(item, (int, float)) and key.lower().endswith("token")
        # A token's text beside its log probability is model output.
        return not is_count and not (key == "token" and "logprob" in siblings)


def is_secret_key(key: str) -> bool:
    """True when a value under this key name is a credential whatever it looks like."""
    return len(key) <= 128 and bool(_SECRET_KEY.fullmatch(key.lower().replace("-", "_").replace(" ", "_")))


def _replace(text: str, spans: list[tuple[int, int, str]]) -> tuple[str, int]:
    """Overlapping spans become one, under the label of the one that starts first and is longest."""
    spans.sort(key=lambda span: (span[0], -span[1]))
    parts: list[str] = []
    done = findings = 0
    for start, end, label in spans:
        if start >= done:
            parts += (text[done:start], f"[{label}]")
            findings += 1
        done = max(done, end)
    parts.append(text[done:])
    return "".join(parts), findings
