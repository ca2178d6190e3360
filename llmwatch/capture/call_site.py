"""Which function of the program asked for a call: on the stack where it stands there, else whoever waits for it.

A launcher, an event loop, a pool or a library is never the answer: rather none, and the prompt names the task.
"""

from __future__ import annotations

import sys
from types import CodeType, FrameType
from typing import Any, Final

from .program import Kind, kind_of

_LIMIT: Final = 4096
_MAX_FRAMES: Final = 96
# id of a code object -> (the object, its readable name, whose it is). By id, with the object kept so that the id is not
# given to another: hashing a code object hashes all its instructions.
_sites: dict[int, tuple[CodeType, str, Kind]] = {}


def forget_sites() -> None:
    """Whose code is whose is asked again: the application has been stated anew."""
    _sites.clear()


def site_of(code: CodeType, scope: dict[str, Any]) -> tuple[str, Kind]:
    """(`module:function`, whose code it is), remembered."""
    known = _sites.get(id(code))
    if known is not None:
        return known[1], known[2]
    name, kind = kind_of(code, scope)
    if len(_sites) < _LIMIT:
        _sites[id(code)] = (code, name, kind)
    return name, kind


def call_site(frame: FrameType | None) -> str | None:
    """`module:function` of the nearest frame of the program's own code; None where the stack holds none.

    The stack of an asyncio task ends with the task: what runs the loop asked for nothing.
    """
    return walk(frame, outermost_frame())


def walk(frame: FrameType | None, outermost: FrameType | None = None) -> str | None:
    """As `call_site`, of the frames from this one up to `outermost`."""
    application = None
    for _ in range(_MAX_FRAMES):
        if frame is None:
            break
        known = _sites.get(id(frame.f_code))
        name, kind = (known[1], known[2]) if known is not None else site_of(frame.f_code, frame.f_globals)
        if kind == "own":
            # A script that does nothing but start an installed application.
            return application if application is not None and name.endswith(":<module>") else name
        if kind == "application":
            application = application or name
        elif kind in ("launcher", "loop"):
            break
        if frame is outermost:
            break
        frame = frame.f_back
    return application


def outermost_frame() -> FrameType | None:
    """The first frame of the asyncio task that runs in this thread; None outside any."""
    asyncio = sys.modules.get("asyncio")
    if asyncio is None or asyncio._get_running_loop() is None:
        return None
    task = asyncio.current_task()
    return frame_of(task.get_coro()) if task is not None else None


def frame_of(coroutine: Any) -> FrameType | None:
    """The frame of a coroutine, generator or asynchronous generator that has not ended."""
    for name in ("cr_frame", "ag_frame", "gi_frame"):
        frame = getattr(coroutine, name, None)
        if isinstance(frame, FrameType):
            return frame
    return None
