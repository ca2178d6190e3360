"""Owns by what an untagged call is recognised: its call site, its tools and format, its static prompt text.

Runs in the call path: a few dictionary look-ups and one short hash. Names are given later, when the spool is merged.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Sequence
from pathlib import Path
from types import CodeType, FrameType
from typing import Final

_LIMIT: Final = 4096
_MAX_FRAMES: Final = 64
_HASHED_ENDS: Final = 64 * 1024
# Frames that stand between the caller and the API in any program; the caller is the first frame beyond them.
_PLUMBING: Final = (
    "openai",
    "llmwatch",
    "opentelemetry",
    "wrapt",
    "httpx",
    "httpx2",
    "functools",
    "contextlib",
    "asyncio",
)
# id of a code object -> (the object, (its readable name, whether it is a library's)); None for plumbing. By id, with
# the object kept so that the id is not given to another: hashing a code object hashes all its instructions.
_sites: dict[int, tuple[CodeType, tuple[str, bool] | None]] = {}


def call_site(frame: FrameType | None) -> str | None:
    """`module:function` of the first frame of the program's own code, else of the nearest library; None if neither."""
    library = None
    for _ in range(_MAX_FRAMES):
        if frame is None:
            break
        code = frame.f_code
        known = _sites.get(id(code))
        if known is not None:
            site = known[1]
        else:
            site = _name(frame)
            if len(_sites) < _LIMIT:
                _sites[id(code)] = (code, site)
        if site is not None:
            name, is_library = site
            if not is_library:
                return name
            library = library or name
        frame = frame.f_back
    return library


def _name(frame: FrameType) -> tuple[str, bool] | None:
    module = frame.f_globals.get("__name__") or "?"
    if not isinstance(module, str) or module.partition(".")[0] in _PLUMBING:
        return None
    file = frame.f_code.co_filename
    if module == "__main__":
        module = Path(file).stem
    function = frame.f_code.co_qualname.replace(".<locals>", "")
    is_library = "site-packages" in file or "dist-packages" in file or file.startswith(sys.base_prefix + "/lib/python")
    return f"{module}:{function}"[:200], is_library


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
