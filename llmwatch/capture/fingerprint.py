"""By what an untagged call is recognised: its call site, its tools and format, its static prompt text.

Runs in the call path: a few dictionary look-ups and one short hash. Names are given later, when the spool is merged.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Final

_HASHED_ENDS: Final = 64 * 1024


def task_key(site: str | None, tool_names: Sequence[str], response_format: str | None, head: str | None) -> str:
    """16 hex digits that are equal for calls of one task: same call site, tools, format and masked prompt head."""
    parts = "\x00".join((site or "", ",".join(sorted(tool_names)), response_format or "", head or ""))
    return digest(parts)


def digest(text: str) -> str:
    """64 bits of BLAKE2b as 16 hex digits."""
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def body_digest(content: bytes) -> str:
    """A digest of a request body; of a very long one its length and both ends, a megabyte of image costs no more."""
    if len(content) > 2 * _HASHED_ENDS:
        ends = content[:_HASHED_ENDS] + content[-_HASHED_ENDS:]
        content = ends + str(len(content)).encode()
    return hashlib.blake2b(content, digest_size=8).hexdigest()
