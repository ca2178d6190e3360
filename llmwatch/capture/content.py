"""What of a call's content may be stored: media replaced by size and hash, text redacted, sizes capped, then JSON.

Nothing unredacted leaves this module when a redactor is given. Must never raise, whatever object it is handed.
"""

from __future__ import annotations

import binascii
import hashlib
import json
import math
import re
import time
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
_CUT_MARK = re.compile("\x00([a-j]{1,12})k([a-j]{1,6})\x00")
# Time for the texts of one value that are kept as long as they may be; what is left of the redactor's own budget is
# for the short pieces of those that it did not reach, so that a long prompt costs its middle and not everything.
_WHOLE_S = 0.003
_LIKELY_CHARS = 40 * 1024
_CHARS_PER_S = 16_000_000
_PIECES_CHARS = 8 * 1024
_MOST_PIECES = 32
_FEWEST_CHARS = 1024
_MOST_ROWS = 200
# Shorter texts, names of roles and the like, are never cut.
_SHORT_CHARS = 128


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
        plain, redactions = _redacted(plain, redactor, cut)
        if plain is None:
            return Prepared(None, 0, False, "redaction_failed")
    plain = _Copy(cut.exactly).visit(plain, 0)
    text = _to_json(plain)
    if len(text) > per_call:
        return Prepared(_fit(plain, text, per_call), redactions, True, None)
    return Prepared(text, redactions, cut.was_used, None)


def _redacted(value: object, redactor: Redactor, cut: _Cut) -> tuple[object, int]:
    """The value as it may be kept: whole where that is likely to be done in time, else cut, at last only its newest."""
    if sum(map(len, _long_texts(value))) <= _LIKELY_CHARS:
        found, redactions = redactor.value(value)
        if found is not None or redactor.rejected:
            return found, redactions
    value = _shortened(value, redactor, cut)
    found, redactions = redactor.value(value)
    if found is None and isinstance(value, list) and not redactor.rejected:
        # Each message costs time of its own, however short and well known it is.
        rows = cast("list[object]", value)
        found, redactions = redactor.value(_last_from(rows, len(rows) - _MOST_PIECES, cut))
    return found, redactions


def _shortened(value: object, redactor: Redactor, cut: _Cut) -> object:
    """The value with the texts that cannot be searched in time cut: the first and the newest stay longest.

    A text searched here is remembered by the redactor, so that searching the whole value costs no second time.
    """
    if isinstance(value, list) and len(cast("list[object]", value)) > _MOST_ROWS:
        value = _last_from(cast("list[object]", value), len(cast("list[object]", value)) - _MOST_ROWS, cut)
    texts = _long_texts(value)
    began, speed = time.thread_time(), _CHARS_PER_S
    kept: dict[str, str] = {}
    for text in (*texts[:1], *reversed(texts[1:])):
        started = time.thread_time()
        room = int((_WHOLE_S - (started - began)) * speed)
        if room < _FEWEST_CHARS:
            break
        piece = text if len(text) <= room else cut.shorter(text, room // 2)
        if redactor.text(piece)[0] is not None:
            kept[text] = piece
        # Known and plain texts are quick; the slowest seen says how long the next may take.
        if len(piece) > _FEWEST_CHARS:
            speed = (speed + min(speed, len(piece) / max(1e-6, time.thread_time() - started))) / 2
    missing = sum(text not in kept for text in texts)
    if redactor.rejected:
        return value
    if missing > _MOST_PIECES and isinstance(value, list):
        rows = cast("list[object]", value)
        lost = [at for at, row in enumerate(rows) if any(text not in kept for text in _long_texts(row))]
        value = _last_from(rows, lost[-1] - _MOST_PIECES // 2, cut)
        missing = _MOST_PIECES
    limit = max(64, _PIECES_CHARS // max(1, missing) // 2)

    def short(text: str) -> str:
        return text if len(text) < _SHORT_CHARS else kept.get(text) or cut.shorter(text, limit)

    return _Copy(short).visit(value, 0)


def _long_texts(value: object) -> list[str]:
    texts: list[str] = []
    _Copy(texts.append).visit(value, 0)
    return [text for text in texts if len(text) >= _SHORT_CHARS]


def _last_from(rows: list[object], first: int, cut: _Cut) -> list[object]:
    """The first message, how many are left out, and those from `first` on."""
    if first < 2:
        return rows
    cut.was_used = True
    return [rows[0], {"omitted_messages": first - 1}, *rows[first:]]


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
        return _marked(value, self._limit, _MARGIN_CHARS) if isinstance(value, str) else value

    def shorter(self, text: str, limit: int) -> str:
        """A text, roughly cut or whole, cut once more to about `limit` characters; the length stays the original."""
        mark = _CUT_MARK.search(text)
        length = int(mark[1].translate(_TO_DIGITS)) if mark else len(text)
        return _marked(text, limit, min(_MARGIN_CHARS, limit // 2), length)

    def exactly(self, text: str) -> object:
        """The text within the limit; of a roughly cut one the margins go, whatever redaction left of them."""
        mark = _CUT_MARK.search(text) if "\x00" in text else None
        if mark:
            self.was_used = True
            margin = int(mark[2].translate(_TO_DIGITS))
            head = text[: max(0, mark.start() - margin)]
            tail = text[mark.end() + margin :]
            note = _note(int(mark[1].translate(_TO_DIGITS)))
            room = max(0, self._limit - len(note)) // 2
            return head[:room] + note + tail[max(0, len(tail) - room) :]
        self.was_used = self.was_used or len(text) > self._limit
        return cap(text, self._limit)


def _marked(text: str, limit: int, margin: int, length: int = 0) -> str:
    """Head and tail of a text with a margin each, around a mark of its length and the margin; a short text itself."""
    keep = limit // 2 + margin
    if len(text) <= 2 * keep:
        return text
    mark = f"{length or len(text)}k{margin}".translate(_TO_LETTERS)
    return f"{text[:keep]}\x00{mark}\x00{text[-keep:]}"


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
