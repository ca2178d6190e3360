"""Where encoded text stands that hides a secret: base64 words and percent escapes, read one layer at a time.

A run is replaced whole: half of an encoded value still tells what it was. Work is bounded by the length of the text.
Must never raise on any str.
"""

import base64
import re
from binascii import Error as NoBase64
from collections.abc import Callable, Iterator
from urllib.parse import unquote

Span = tuple[int, int, str]
Find = Callable[[str], list[Span]]

_BASE64 = re.compile(r"(?<![A-Za-z0-9+/_%\-])[A-Za-z0-9+/_\-]{20,65536}+={0,2}")
_SHORTEST = 20
_ESCAPED = re.compile(r"[^\s\"'<>&?=#;,()\[\]{}]{1,4096}+")
_ESCAPE = re.compile(r"%[0-9A-Fa-f]{2}")
# A backslash before a quote or a letter, as text inside JSON inside text has it, any number of layers deep.
_BACKSLASHED = re.compile(r"(\\{1,16}+)([\"'/nrtbf]|u00[2-7][0-9a-fA-F])")


def plain_escapes(text: str) -> str:
    """The text, position for position, with escaped quotes as quotes and escaped line ends as spaces."""
    return _BACKSLASHED.sub(_unescaped, text) if "\\" in text else text


def _unescaped(found: re.Match[str]) -> str:
    char, size = found[2], len(found[0])
    if char in "\"'":
        return char * size
    return " " * (size - 1) + "/" if char == "/" else " " * size


def find_encoded(text: str, words: list[tuple[int, str]], find: Find, tick: Callable[[], None]) -> Iterator[Span]:
    """Spans of runs whose decoded text has findings, under the label of the first; `words` are its long ones."""
    if "%" in text and _ESCAPE.search(text):
        for run in _ESCAPED.finditer(text):
            if "%" in run[0] and _ESCAPE.search(run[0]):
                tick()
                if spans := find(unquote(run[0], errors="replace")):
                    yield run.start(), run.end(), spans[0][2]
    for at, word in words:
        for run in _BASE64.finditer(word) if len(word) >= _SHORTEST else ():
            tick()
            decoded = _decoded(run[0])
            if decoded and (spans := find(decoded)):
                yield at + run.start(), at + run.end(), spans[0][2]


def _decoded(word: str) -> str | None:
    """The text that a word of base64 or base64url encodes; None where it encodes none."""
    body = word.rstrip("=").replace("-", "+").replace("_", "/")
    # The first characters tell: a word of a language, a hash or an image decodes to bytes that are no text.
    if len(body) % 4 == 1 or not _text(body[:16]):
        return None
    return _text(body + "=" * (-len(body) % 4))


def _text(body: str) -> str | None:
    try:
        made = base64.b64decode(body).decode("utf-8")
    except (NoBase64, UnicodeDecodeError, ValueError):
        return None
    return made if all(char.isprintable() or char in "\r\n\t" for char in made) else None
