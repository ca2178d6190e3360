"""Who waits for a call whose own stack holds no frame of the program: asked at its end, and only then.

From the asyncio task that made the call, the callbacks of its future lead to whoever awaits it (a task, a gathering
future, a task group, a queue, a thread), and so on until a frame of the program's own stands there. Reads only.
"""

from __future__ import annotations

import functools
import gc
import re
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from types import AsyncGeneratorType, CoroutineType, FrameType, FunctionType, GeneratorType, MethodType, ModuleType
from typing import Any, Final

from .call_site import frame_of, outermost_frame, site_of, walk
from .pools import submitting_site

_COMPREHENSION: Final = re.compile(r"(?:\.<(?:list|dict|set)comp>|\.<genexpr>)+$")
_MAX_STEPS: Final = 64
_MAX_FRAMES: Final = 96
_MAX_HELD: Final = 128
_MAX_THREADS: Final = 64
_RUNNING: Final = (CoroutineType, GeneratorType, AsyncGeneratorType)
_HOLDERS: Final = (list, set, tuple, deque, frozenset)


def awaiting_site(frame: FrameType | None) -> str | None:
    """`module:function` of who waits for what runs here; None where nobody of the program's own does."""
    site = _site(frame)
    # A comprehension is the function's that it stands in, as Python 3.12 and newer have it.
    return _COMPREHENSION.sub("", site) if site is not None else None


def _site(frame: FrameType | None) -> str | None:
    outermost = outermost_frame()
    if outermost is not None:
        asyncio: Any = sys.modules["asyncio"]
        task = asyncio.current_task()
        return _search([task], frame, outermost) or _holder(asyncio, task) or submitting_site()
    if (site := submitting_site()) is not None:
        return site
    started = _pool_future(frame)
    return _search([started], frame, None) if started is not None else None


def _search(start: list[Any], frame: FrameType | None, outermost: FrameType | None) -> str | None:
    """The nearest frame of the program's own among those that wait, breadth first."""
    waiting: deque[Any] = deque(start)
    seen = {id(one): one for one in start}
    own_task = start[0] if outermost is not None else None
    for _ in range(_MAX_STEPS):
        if not waiting:
            break
        one = waiting.popleft()
        is_barred = False
        if one is not own_task and hasattr(one, "get_coro"):
            site, is_barred = _site_of_chain(one.get_coro())
            if site is not None:
                return site
        beyond = _beyond(one, frame, outermost)
        if (site := walk(beyond)) is not None:
            return site
        # What stands there may itself be the work of a pool.
        pooled = _pool_future(beyond)
        for other in () if is_barred else (*_waiters(one), *([pooled] if pooled is not None else ())):
            if id(other) not in seen:
                seen[id(other)] = other
                waiting.append(other)
    return None


def _beyond(one: Any, frame: FrameType | None, outermost: FrameType | None) -> FrameType | None:
    """The stack of the thread that waits: it runs the loop until this task is done, or is blocked in its result."""
    if _is_root(one):
        return _beyond_loop(one, frame, outermost)
    return _blocked_thread(one) if hasattr(one, "_waiters") and hasattr(one, "_condition") else None


def _site_of_chain(coroutine: Any) -> tuple[str | None, bool]:
    """(innermost frame of the program's own in a suspended coroutine, whether a launcher's frame stands in it)."""
    site = application = None
    is_barred = False
    for frame in _chain(coroutine):
        name, kind = site_of(frame.f_code, frame.f_globals)
        if kind == "launcher":
            # Who started a server asked for nothing of what it serves.
            site, application, is_barred = None, None, True
        elif kind == "own":
            site = name
        elif kind == "application":
            application = name
    return site or application, is_barred


def _chain(coroutine: Any) -> Iterator[FrameType]:
    """The frames of a coroutine and of all that it awaits, outermost first."""
    for one in _links(coroutine):
        if (frame := frame_of(one)) is not None:
            yield frame


def _links(coroutine: Any) -> Iterator[Any]:
    """A coroutine and all that it awaits, outermost first, as far as they have frames."""
    one = coroutine
    for _ in range(_MAX_FRAMES):
        if one is None or frame_of(one) is None:
            return
        yield one
        one = _awaited(one)


def _awaited(one: Any) -> Any:
    """The coroutine or generator that this one waits for; through objects that only pass a value on."""
    inner = next(
        (v for n in ("cr_await", "ag_await", "gi_yieldfrom") if (v := getattr(one, n, None)) is not None), None
    )
    for _ in range(3):
        if inner is None or isinstance(inner, _RUNNING) or frame_of(inner) is not None:
            return inner
        # A step of an asynchronous generator, say: it shows its generator to nobody but the collector.
        inner = next((r for r in gc.get_referents(inner) if isinstance(r, _RUNNING)), None)
    return None


def _waiters(one: Any) -> Iterator[Any]:
    """Tasks and futures that go on when this one is done."""
    yield from getattr(one, "_asyncio_awaited_by", None) or ()
    for callback in [*(getattr(one, "_callbacks", None) or ()), *(getattr(one, "_done_callbacks", None) or ())]:
        yield from _woken(callback[0] if isinstance(callback, tuple) else callback)


def _woken(callback: Any) -> Iterator[Any]:
    """Tasks and futures that a callback holds: its object, its closure, its bound arguments."""
    held: list[Any] = []
    for _ in range(4):
        if not isinstance(callback, functools.partial):
            break
        held += [*callback.args, *callback.keywords.values()]
        callback = callback.func
    if isinstance(callback, MethodType):
        held.append(callback.__self__)
        callback = callback.__func__
    elif not isinstance(callback, FunctionType):
        held.append(getattr(callback, "__self__", None))
    if isinstance(callback, FunctionType):
        for cell in callback.__closure__ or ():
            with suppress(ValueError):
                held.append(cell.cell_contents)
    for one in held:
        yield from _futures_in(one)


def _futures_in(one: Any) -> Iterator[Any]:
    if _is_future(one):
        yield one
    elif any(kind.__module__.partition(".")[0] in ("asyncio", "anyio") for kind in type(one).__mro__):
        # Task groups, queues, events, conditions. Of other objects nothing is asked: that could run code of theirs.
        parent = getattr(one, "_parent_task", None) or getattr(getattr(one, "cancel_scope", None), "_host_task", None)
        if _is_future(parent):
            yield parent
        inner = getattr(one, "_event", one)
        for name in ("_getters", "_waiters"):
            queued = getattr(inner, name, None)
            if isinstance(queued, _HOLDERS):
                yield from [future for future in list(queued)[:_MAX_STEPS] if _is_future(future)]


def _is_future(one: Any) -> bool:
    return hasattr(type(one), "add_done_callback") and hasattr(type(one), "set_result")


# --- a loop that somebody's function runs -------------------------------------------------------------------------


def _is_root(task: Any) -> bool:
    """Whether a loop runs until this task is done."""
    callbacks = getattr(task, "_callbacks", None) or ()
    names = (str(getattr(callback[0], "__qualname__", "")) for callback in callbacks)
    return any("run_until_complete" in name for name in names) or _is_run_by_hand(task)


def _is_run_by_hand(task: Any) -> bool:
    """Loops made to nest (nest_asyncio) note no callback: their frame holds the task."""
    here = sys._getframe(1)  # pyright: ignore[reportPrivateUsage]
    running = (f for f in _outwards(here) if f.f_code.co_name == "run_until_complete")
    return any(value is task for f in running for value in f.f_locals.values())


def _beyond_loop(task: Any, frame: FrameType | None, outermost: FrameType | None) -> FrameType | None:
    """Who called the function that runs the task's loop: the next frames outside of it that are no loop's."""
    loop = task.get_loop() if hasattr(task, "get_loop") else None
    asyncio: Any = sys.modules["asyncio"]
    if outermost is None or loop is not asyncio._get_running_loop():
        frame = next((f for stack in _stacks() for f in _outwards(stack) if _runs(f, loop)), None)
    else:
        frame = next((f.f_back for f in _outwards(frame) if f is outermost), None)
    return next((f for f in _outwards(frame) if site_of(f.f_code, f.f_globals)[1] != "loop"), None)


def _runs(frame: FrameType, loop: Any) -> bool:
    return frame.f_code.co_name == "run_forever" and frame.f_locals.get("self") is loop


def _outwards(frame: FrameType | None) -> Iterator[FrameType]:
    for _ in range(_MAX_FRAMES):
        if frame is None:
            return
        yield frame
        frame = frame.f_back


def _stacks() -> list[FrameType]:
    return list(sys._current_frames().values())[:_MAX_THREADS]  # pyright: ignore[reportPrivateUsage]


# --- threads -------------------------------------------------------------------------------------------------------


def _pool_future(frame: FrameType | None) -> Any:
    """The future of the work that this thread of a pool does."""
    for one in _outwards(frame):
        module, name = one.f_globals.get("__name__"), one.f_code.co_qualname
        if module == "concurrent.futures.thread" and name == "_WorkItem.run":
            return getattr(one.f_locals.get("self"), "future", None)
        if module == "anyio._backends._asyncio" and name == "WorkerThread.run":
            return one.f_locals.get("future")
    return None


def _blocked_thread(future: Any) -> FrameType | None:
    """The frame that called `future.result()` in a thread that is blocked in it."""
    for stack in _stacks():
        for frame in _outwards(stack):
            if frame.f_globals.get("__name__") not in ("threading", "concurrent.futures._base"):
                break
            if frame.f_locals.get("self") is future:
                return frame.f_back
    return None


# --- tasks that hold what they have not begun to wait for ------------------------------------------------------------


def _holder(asyncio: Any, task: Any) -> str | None:
    """A coroutine that has the task in a variable, in a list or in an object: it waits for something else first."""
    tasks: Iterable[Any] = asyncio.all_tasks()
    wanted = {id(task)} | {id(one) for one in _waiters(task)}
    for other in list(tasks)[:_MAX_HELD]:
        if other is task:
            continue
        site = None
        for one in _links(other.get_coro()):
            if (frame := frame_of(one)) is None:
                break
            name, kind = site_of(frame.f_code, frame.f_globals)
            if kind in ("own", "application"):
                site = name
            elif kind == "launcher":
                site = None
            if site is not None and any(_holds(held, wanted) for held in (frame, *_looped_over(one))):
                return site
    return None


def _looped_over(coroutine: Any) -> list[FrameType]:
    """The frames of generators that a coroutine reads in a loop, as_completed() say: no variable of it holds them."""
    frames = (frame_of(one) for one in gc.get_referents(coroutine) if isinstance(one, GeneratorType))
    return [frame for frame in frames if frame is not None]


def _holds(frame: FrameType, wanted: set[int]) -> bool:
    for value in frame.f_locals.values():
        if id(value) in wanted:
            return True
        held: Iterable[Any] = ()
        if isinstance(value, _HOLDERS):
            held = list(value) if len(value) <= _MAX_HELD else ()
        elif not isinstance(value, ModuleType | type):
            within = value if isinstance(value, dict) else _attributes(value)
            held = list(within.values()) if len(within) <= _MAX_HELD else ()
        if any(id(one) in wanted for one in held):
            return True
    return False


def _attributes(one: Any) -> dict[str, Any]:
    """The attributes an object holds, without running any code of its class."""
    try:
        return object.__getattribute__(one, "__dict__")
    except AttributeError:
        return {}
