"""What of a call's content may be stored: media replaced by size and hash, text redacted, sizes capped, then JSON.

Nothing unredacted leaves this module when a redactor is given. Must never raise, whatever object it is handed.
"""

import binascii
import hashlib
import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import cast

from .redact import Redactor

_DATA_URI = re.compile(r"data:([\w.+-]{1,64}/[\w.+-]{1,128})?((?:;[\w.+=-]{1,128}){0,8}),", re.ASCII)
_DATA_URI_HEAD_CHARS = 1024
_EMBEDDED = ";base64,"
_BASE64_RUN = re.compile(r"[A-Za-z0-9+/_\-]*+=*+", re.ASCII)
_BASE64_HEAD = re.compile(r"(?=[^\n]*?[0-9])(?=[^\n]*?[A-Z])(?=[^\n]*?[a-z])[A-Za-z0-9+/_\-\r\n]{256}", re.ASCII)
_HEAD_CHARS = 256
# Shorter strings are kept: they cost less than their replacement confuses.
_MIN_MEDIA_CHARS = 512
_MAGIC = (
    (b"\x89PNG", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"RIFF", "audio/wav"),
    (b"%PDF", "application/pdf"),
    (b"OggS", "audio/ogg"),
    (b"ID3", "audio/mpeg"),
    (b"fLaC", "audio/flac"),
    (b"PK\x03\x04", "application/zip"),
)
_UNKNOWN_MEDIA = "application/octet-stream"

_MAX_DEPTH = 60
_MAX_NODES = 50_000
_MAX_KEY_CHARS = 256
_MAX_REPR_CHARS = 2048
_MAX_SAFE_INTEGER = 2**63
# Text this far beyond the cap is searched too, so that a secret cut in two goes with the part that is cut off.
_MARGIN_CHARS = 2048
_TO_LETTERS = str.maketrans("0123456789", "abcdefghij")
_TO_DIGITS = str.maketrans("abcdefghij", "0123456789")
_CUT_MARK = re.compile("\x00([a-j]{1,12})\x00")


@dataclass(frozen=True, slots=True)
class Prepared:
    """Content ready to be stored; `json` is None exactly when `failed` says why."""

    json: str | None
    redactions: int
    truncated: bool
    failed: str | None


class _TooLarge(Exception):
    """The value has more parts, or deeper ones, than are worth storing."""


def replace_media(value: object) -> object:
    """A JSON-like copy in which every data URI and base64 blob is {"media_type", "bytes", "sha256"}.

    Tuples become lists and odd objects their repr. None for a value too deep or too large to copy.
    """
    try:
        return _Copy(replace_media_text).visit(value, 0)
    except Exception:
        return None


def cap(text: str, limit: int) -> str:
    """The text itself, or its head and tail around a note of its length, `limit` characters in all."""
    if len(text) <= limit:
        return text
    note = _note(len(text))
    room = max(0, limit - len(note))
    return text[: room - room // 2] + note + text[len(text) - room // 2 :]


def prepare(
    messages: object, redactor: Redactor | None, per_message: int = 32 * 1024, per_call: int = 256 * 1024
) -> Prepared:
    """The messages as ASCII JSON: strings of at most `per_message` characters, `per_call` in all."""
    try:
        return _prepare(messages, redactor, per_message, per_call)
    except _TooLarge:
        return Prepared(None, 0, False, "content_too_large")
    except Exception as error:
        return Prepared(None, 0, False, f"content_unreadable: {type(error).__name__}")


def _prepare(messages: object, redactor: Redactor | None, per_message: int, per_call: int) -> Prepared:
    cut = _Cut(per_message)
    plain = _Copy(lambda text: cut.roughly(replace_media_text(text))).visit(messages, 0)
    redactions = 0
    if redactor is not None and plain is not None:
        plain, redactions = redactor.value(plain)
        if plain is None:
            return Prepared(None, 0, False, "redaction_failed")
    plain = _Copy(cut.exactly).visit(plain, 0)
    text = _to_json(plain)
    if len(text) > per_call:
        return Prepared(_fit(plain, text, per_call), redactions, True, None)
    return Prepared(text, redactions, cut.was_used, None)


def replace_media_text(text: str) -> object:
    """The text, or what replaces it when all of it is media; media inside prose is replaced in place."""
    if len(text) < _MIN_MEDIA_CHARS:
        return text
    if text.startswith("data:"):
        head = _DATA_URI.match(text, 0, _DATA_URI_HEAD_CHARS)
        if head:
            return _from_data_uri(text, head)
    head = _BASE64_HEAD.match(text, 0, _HEAD_CHARS)
    media = _decoded(text) if head else None
    if media is not None:
        return _described(media, None)
    return _replace_embedded(text) if _EMBEDDED in text else text


def _from_data_uri(text: str, head: re.Match[str]) -> dict[str, object]:
    payload = text[head.end() :]
    media = _decoded(payload) if "base64" in head[2] else None
    return _described(media if media is not None else payload.encode("utf-8", "surrogatepass"), head[1])


def _replace_embedded(text: str) -> str:
    """Base64 behind `;base64,` in a longer text, as in a Markdown image, becomes a short note."""
    parts: list[str] = []
    done = 0
    at = text.find(_EMBEDDED)
    while at >= 0:
        start = at + len(_EMBEDDED)
        run = _BASE64_RUN.match(text, start)
        end = run.end() if run else start
        if end - start >= _MIN_MEDIA_CHARS:
            encoded = text[start:end]
            digest = hashlib.sha256(encoded.encode("ascii")).hexdigest()
            parts += (text[done:start], f"[{len(encoded)} characters, sha256 {digest}]")
            done = end
        at = text.find(_EMBEDDED, end)
    return "".join((*parts, text[done:])) if parts else text


def _decoded(text: str) -> bytes | None:
    """The bytes behind base64 or base64url text; None when it is something else."""
    if "-" in text or "_" in text:
        text = text.replace("-", "+").replace("_", "/")
    if "\n" in text:
        text = text.replace("\r", "").replace("\n", "")
    try:
        return binascii.a2b_base64(text + "=" * (-len(text) % 4), strict_mode=True)
    except ValueError:
        return None


def _described(media: bytes, media_type: str | None) -> dict[str, object]:
    found = media_type or next((name for magic, name in _MAGIC if media.startswith(magic)), _UNKNOWN_MEDIA)
    return {"media_type": found, "bytes": len(media), "sha256": hashlib.sha256(media).hexdigest()}


class _Copy:
    """Copies any object into dicts, lists and JSON scalars, each string through one function."""

    def __init__(self, text: Callable[[str], object]) -> None:
        self._text = text
        self._nodes = 0

    def visit(self, value: object, depth: int) -> object:
        self._nodes += 1
        if depth > _MAX_DEPTH or self._nodes > _MAX_NODES:
            raise _TooLarge
        if isinstance(value, str):
            return self._text(value)
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, (int, float)):
            return _number(value)
        if isinstance(value, Mapping):
            items = cast("Mapping[object, object]", value).items()
            return {self._key(key): self.visit(item, depth + 1) for key, item in items}
        if isinstance(value, (list, tuple)):
            return [self.visit(item, depth + 1) for item in cast("list[object]", value)]
        if isinstance(value, (bytes, bytearray, memoryview)):
            return self._bytes(bytes(value))
        return self._text(_safe_repr(value))

    @staticmethod
    def _key(key: object) -> str:
        return (key if isinstance(key, str) else _safe_repr(key))[:_MAX_KEY_CHARS]

    def _bytes(self, value: bytes) -> object:
        if len(value) < _MIN_MEDIA_CHARS:
            return self._text(value.decode("utf-8", "replace"))
        return _described(value, None)


def _number(value: int | float) -> object:
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else str(value)
    # Converting a huge integer to decimal takes quadratic time, and Python refuses it beyond 4,300 digits.
    return int(value) if -_MAX_SAFE_INTEGER < value < _MAX_SAFE_INTEGER else f"<integer of {value.bit_length()} bits>"


def _safe_repr(value: object) -> str:
    try:
        return repr(value)[:_MAX_REPR_CHARS]
    except Exception:
        return f"<{type(value).__name__}>"


class _Cut:
    """Cuts long texts twice: roughly before redaction, to bound its time, and exactly after it."""

    def __init__(self, limit: int) -> None:
        self.was_used = False
        self._limit = limit

    def roughly(self, value: object) -> object:
        """Head and tail with a margin each around a mark that carries the original length."""
        keep = self._limit // 2 + _MARGIN_CHARS
        if not isinstance(value, str) or len(value) <= 2 * keep:
            return value
        mark = str(len(value)).translate(_TO_LETTERS)
        return f"{value[:keep]}\x00{mark}\x00{value[-keep:]}"

    def exactly(self, text: str) -> object:
        """The text within the limit; of a roughly cut one the margins go, whatever redaction left of them."""
        mark = _CUT_MARK.search(text) if "\x00" in text else None
        if mark:
            self.was_used = True
            head = text[: max(0, mark.start() - _MARGIN_CHARS)]
            tail = text[mark.end() + _MARGIN_CHARS :]
            note = _note(int(mark[1].translate(_TO_DIGITS)))
            room = max(0, self._limit - len(note)) // 2
            return head[:room] + note + tail[max(0, len(tail) - room) :]
        self.was_used = self.was_used or len(text) > self._limit
        return cap(text, self._limit)


def _note(length: int) -> str:
    return f"\n[... cut, {length} characters originally ...]\n"


def _to_json(value: object) -> str:
    # ASCII: a lone surrogate is legal in an escaped form only.
    return json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":"))


def _fit(value: object, text: str, limit: int) -> str:
    """JSON within the limit: the first message and as many of the last as fit, else the text's head and tail."""
    if isinstance(value, list) and len(cast("list[object]", value)) > 1:
        parts = [_to_json(item) for item in cast("list[object]", value)]
        room = limit - len(parts[0]) - _MAX_KEY_CHARS
        first = len(parts)
        while first > 1 and room >= len(parts[first - 1]) + 1:
            first -= 1
            room -= len(parts[first]) + 1
        if first < len(parts):
            note = f'{{"omitted_messages":{first - 1}}}'
            return "[" + ",".join((parts[0], note, *parts[first:])) + "]"
    # Escaping quotes and backslashes again at most doubles the text.
    return _to_json(cap(text, max(0, limit // 2 - 1)))
