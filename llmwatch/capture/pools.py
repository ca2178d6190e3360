"""Work handed to a thread pool keeps the tags in force and knows the function that handed it over.

A context variable does not reach a pool's threads by itself. What is submitted by programs without tags, and whose
function is the program's own, is passed on untouched.
"""

from __future__ import annotations

import functools
import sys
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from contextvars import Context
from types import FunctionType, MethodType
from typing import Any, Final

from .call_site import call_site, site_of
from .guard import Observe
from .recorder import state
from .tags import carried_tags, holding

MODULE: Final = "concurrent.futures.thread"
_MARK: Final = "_llmwatch_hook"
_thread: Final = threading.local()


def submitting_site() -> str | None:
    """The function that submitted what this thread of a pool is doing; None where it is the program's own function."""
    return getattr(_thread, "site", None)


def install(module: Any) -> None:
    """Hooks `ThreadPoolExecutor.submit`; a second call changes nothing."""
    original = module.ThreadPoolExecutor.__dict__.get("submit")
    if original is None or getattr(original, _MARK, False):
        return

    @functools.wraps(original)
    def submit(self: Any, fn: Any, /, *args: Any, **kwargs: Any) -> Any:
        carried = fn
        if state.recorder is not None:
            with Observe("pool"):
                carried = _carried(fn)
        return original(self, carried, *args, **kwargs)

    setattr(submit, _MARK, True)
    module.ThreadPoolExecutor.submit = submit


def uninstall(module: Any) -> None:
    """Takes the hook off again."""
    hook = module.ThreadPoolExecutor.__dict__.get("submit")
    if getattr(hook, _MARK, False):
        module.ThreadPoolExecutor.submit = hook.__wrapped__


def _carried(fn: Callable[..., Any]) -> Callable[..., Any]:
    """The function as the pool's thread shall run it; itself where there is nothing to carry."""
    tags = carried_tags()
    site = None if _is_own(fn) else call_site(sys._getframe(2)) or submitting_site()  # pyright: ignore[reportPrivateUsage]
    if not tags and site is None:
        return fn

    def carried(*args: Any, **kwargs: Any) -> Any:
        with _in_thread(site), holding(tags):
            return fn(*args, **kwargs)

    return carried


@contextmanager
def _in_thread(site: str | None) -> Generator[None]:
    before = submitting_site()
    _thread.site = site
    try:
        yield
    finally:
        _thread.site = before


def _is_own(fn: Any) -> bool:
    """Whether the function's own frame will show whose work it is."""
    for _ in range(4):
        if isinstance(fn, functools.partial):
            # A copied context runs its first argument.
            is_context = isinstance(getattr(fn.func, "__self__", None), Context)
            fn = fn.args[0] if is_context and fn.args else fn.func
        elif isinstance(fn, MethodType):
            fn = fn.__func__
        else:
            break
    return isinstance(fn, FunctionType) and site_of(fn.__code__, fn.__globals__)[1] == "own"
