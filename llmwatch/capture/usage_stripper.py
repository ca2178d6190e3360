"""Hides from the program what `stream_usage="ask"` added to its stream: the usage chunk and the null usage fields.

Works on bytes, event by event, and never holds back an event that has come whole. Packed streams are packed again.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable
from typing import Final

_EVENT: Final = re.compile(rb"\r?\n\r?\n")
# Inside a JSON string quotes are escaped, so these can only be the fields.
_NO_CHOICES: Final = re.compile(rb'"choices": ?\[\]')
_USAGE: Final = re.compile(rb'"usage": ?\{')
_NULL_USAGE: Final = re.compile(rb', ?"usage": ?null')
# zlib's window bits of each content-encoding.
_PACKINGS: Final = {"gzip": 31, "deflate": 15}


class UsageStripper:
    """Takes the bytes of a stream as they come and gives those that the program would have got."""

    def __init__(self) -> None:
        self._rest = b""

    def __call__(self, chunk: bytes) -> bytes:
        """The whole events that came, less what was asked for; empty if none is whole yet."""
        data = self._rest + chunk
        kept: list[bytes] = []
        start = 0
        for end in _EVENT.finditer(data):
            event = data[start : end.end()]
            start = end.end()
            if not (_NO_CHOICES.search(event) and _USAGE.search(event)):
                kept.append(_NULL_USAGE.sub(b"", event))
        self._rest = data[start:]
        return b"".join(kept)

    def rest(self) -> bytes:
        """What was held back when the stream ended."""
        rest, self._rest = self._rest, b""
        return rest


class _PackedStripper(UsageStripper):
    """The same under a content-encoding."""

    def __init__(self, window_bits: int) -> None:
        super().__init__()
        self._unpack: Callable[[bytes], bytes] = zlib.decompressobj(47).decompress
        self._packer = zlib.compressobj(wbits=window_bits)
        self._is_over = False

    def __call__(self, chunk: bytes) -> bytes:
        try:
            plain = self._unpack(chunk)
        except zlib.error:
            # Damaged on its way: the program's own decoder is to say so.
            return chunk
        kept = super().__call__(plain)
        return self._packer.compress(kept) + self._packer.flush(zlib.Z_SYNC_FLUSH) if kept else b""

    def rest(self) -> bytes:
        if self._is_over:
            return b""
        self._is_over = True
        return self._packer.compress(super().rest()) + self._packer.flush()


def usage_stripper(encoding: str) -> UsageStripper | None:
    """The stripper for a content-encoding; None for one that cannot be packed again here."""
    if not encoding:
        return UsageStripper()
    window_bits = _PACKINGS.get(encoding)
    return _PackedStripper(window_bits) if window_bits else None
