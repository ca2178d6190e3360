"""Whom a call is for: task, customer, feature, user and session, as context managers and decorators.

A tag holds for the code inside it, in its thread and task. Inside a generator it holds for every call that the
generator makes, in whichever copied context its next step runs.
"""

from __future__ import annotations

import functools
import inspect
import itertools
import sys
from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import FrameType, MappingProxyType, TracebackType
from typing import Any, Final, NamedTuple, TypeVar, cast

_F = TypeVar("_F", bound=Callable[..., Any])


class _Set(NamedTuple):
    """A value in force, when it was set among all, and the id of the generator's frame that set it, or 0."""

    value: str
    order: int
    owner: int


_EMPTY: Final[Mapping[str, _Set]] = MappingProxyType({})
_tags: ContextVar[Mapping[str, _Set]] = ContextVar("llmwatch_tags", default=_EMPTY)
# (tag, tags outside of it) of each block entered in this context: one Tag may be in use by many tasks at once.
_entered: ContextVar[tuple[tuple[object, Mapping[str, _Set]], ...]] = ContextVar("llmwatch_entered", default=())
# What generators have entered and not left: id of the frame -> (the frame, its entries). The frame is kept so that its
# id is not given to another; a generator that is dropped is closed first, and closing leaves the block.
_held: Final[dict[int, tuple[FrameType, list[tuple[object, str, _Set]]]]] = {}
_order: Final = itertools.count(1)
_MAX_HELD: Final = 10_000
_MAX_FRAMES: Final = 256
_GENERATORS: Final = inspect.CO_GENERATOR | inspect.CO_ASYNC_GENERATOR
_ENTERING: Final = frozenset(("__enter__", "__aenter__"))
# A name longer than this is a mistake (a prompt passed as a task, say); it is cut, never refused.
_MAX_LENGTH: Final = 256

TAG_COLUMNS: Final[Mapping[str, str]] = {
    "task": "task",
    "customer": "customer_id",
    "feature": "feature",
    "user": "user_id",
    "session": "session_id",
}
_COLUMNS: Final = frozenset(TAG_COLUMNS.values())
_NO_CONTENT: Final = "no_content"


def current_tags() -> dict[str, str]:
    """Column -> value of every tag in force here."""
    return {column: one.value for column, one in _in_force().items() if column in _COLUMNS}


def is_content_refused() -> bool:
    """Whether the code runs inside a `no_content()` block."""
    return _NO_CONTENT in _in_force()


def _in_force() -> Mapping[str, _Set]:
    """The tags of this context, and those of the generators on the stack, which a copied context may lack."""
    tags = _tags.get()
    if not _held:
        return tags
    owners: set[int] = set()
    newest: dict[str, _Set] = {}
    frame: FrameType | None = sys._getframe(1)  # pyright: ignore[reportPrivateUsage]
    for _ in range(_MAX_FRAMES):
        if frame is None:
            break
        if (held := _held.get(id(frame))) is not None:
            owners.add(id(frame))
            for _, column, one in held[1]:
                if column not in newest or newest[column].order < one.order:
                    newest[column] = one
        frame = frame.f_back
    if not newest:
        return tags
    merged = dict(tags)
    for column, one in newest.items():
        known = tags.get(column)
        # What another generator left in this context, suspended beside this one, is not for these calls.
        if known is None or known.order < one.order or (known.owner and known.owner not in owners):
            merged[column] = one
    return merged


def carried_tags() -> Mapping[str, _Set]:
    """What `holding` puts in force elsewhere."""
    return _in_force()


@contextmanager
def holding(tags: Mapping[str, Any]) -> Generator[None]:
    """The tags of another thread, in force while its work is done here; those of this context stay beneath them."""
    outer = _tags.get()
    if tags:
        _tags.set({**outer, **{column: one._replace(owner=0) for column, one in tags.items()}})
    try:
        yield
    finally:
        if tags:
            _tags.set(outer)


def _generator_of(frame: FrameType | None) -> FrameType | None:
    """The generator in whose body a block is entered or left; None in any other function.

    A generator that is itself a context manager stands for the function that enters it.
    """
    for _ in range(_MAX_FRAMES):
        if frame is None:
            return None
        code, module = frame.f_code, frame.f_globals.get("__name__")
        back = frame.f_back
        is_helper = module in (__name__, "contextlib") or code.co_name in _ENTERING
        if not is_helper:
            if not code.co_flags & _GENERATORS:
                return None
            if back is None or back.f_globals.get("__name__") != "contextlib":
                return frame
        frame = back
    return None


class Tag:
    """One tag in force inside a `with` block or a decorated function; a tag set inside it wins."""

    __slots__ = ("_column", "_value")

    def __init__(self, column: str, value: object) -> None:
        self._column = column
        self._value = str(value)[:_MAX_LENGTH] if value is not None else ""

    def _enter(self, owner: int = 0) -> Mapping[str, _Set]:
        outer = _tags.get()
        _tags.set({**outer, self._column: _Set(self._value, next(_order), owner)} if self._value else outer)
        return outer

    def __enter__(self) -> Tag:
        frame = _generator_of(sys._getframe(1))  # pyright: ignore[reportPrivateUsage]
        outer = self._enter(id(frame) if frame is not None else 0)
        _entered.set((*_entered.get(), (self, outer)))
        if frame is not None and self._value:
            if len(_held) >= _MAX_HELD:
                _held.pop(next(iter(_held)), None)
            _held.setdefault(id(frame), (frame, []))[1].append((self, self._column, _tags.get()[self._column]))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if _held:
            self._release(_generator_of(sys._getframe(1)))  # pyright: ignore[reportPrivateUsage]
        # Set, not reset by token: a generator may be closed in another context than it was started in.
        entered = _entered.get()
        for position in range(len(entered) - 1, -1, -1):
            if entered[position][0] is self:
                _tags.set(entered[position][1])
                _entered.set(entered[:position])
                return

    def _release(self, frame: FrameType | None) -> None:
        """The generator's frame holds this tag no longer; where another function leaves it, the last that entered."""
        places = [id(frame)] if id(frame) in _held else list(reversed(_held))
        for place in places:
            entries = _held[place][1] if place in _held else []
            for position in range(len(entries) - 1, -1, -1):
                if entries[position][0] is self:
                    del entries[position]
                    if not entries:
                        _held.pop(place, None)
                    return

    async def __aenter__(self) -> Tag:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, trace)

    def __call__(self, function: _F) -> _F:
        """The same function with the tag in force while it runs; for a generator, only between its yields."""
        if inspect.isasyncgenfunction(function):
            return cast("_F", self._wrap_async_generator(function))
        if inspect.iscoroutinefunction(function):
            return cast("_F", self._wrap_coroutine(function))
        if inspect.isgeneratorfunction(function):
            return cast("_F", self._wrap_generator(function))
        return cast("_F", self._wrap_function(function))

    def _wrap_function(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def tagged(*args: Any, **kwargs: Any) -> Any:
            outer = self._enter()
            try:
                return function(*args, **kwargs)
            finally:
                _tags.set(outer)

        return tagged

    def _wrap_coroutine(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        async def tagged(*args: Any, **kwargs: Any) -> Any:
            outer = self._enter()
            try:
                return await function(*args, **kwargs)
            finally:
                _tags.set(outer)

        return tagged

    def _wrap_generator(self, function: Callable[..., Generator[Any, Any, Any]]) -> Callable[..., Any]:
        @functools.wraps(function)
        def tagged(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
            inner = function(*args, **kwargs)
            resume: Callable[[], Any] = functools.partial(next, inner)
            try:
                while True:
                    outer = self._enter()
                    try:
                        item = resume()
                    except StopIteration as stop:
                        return stop.value
                    finally:
                        _tags.set(outer)
                    try:
                        sent = yield item
                        resume = functools.partial(inner.send, sent)
                    except GeneratorExit:
                        raise
                    except BaseException as error:
                        resume = functools.partial(inner.throw, error)
            finally:
                inner.close()

        return tagged

    def _wrap_async_generator(self, function: Callable[..., AsyncGenerator[Any, Any]]) -> Callable[..., Any]:
        @functools.wraps(function)
        async def tagged(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
            inner = function(*args, **kwargs)
            resume: Callable[[], Any] = functools.partial(anext, inner)
            try:
                while True:
                    outer = self._enter()
                    try:
                        item = await resume()
                    except StopAsyncIteration:
                        return
                    finally:
                        _tags.set(outer)
                    try:
                        sent = yield item
                        resume = functools.partial(inner.asend, sent)
                    except GeneratorExit:
                        raise
                    except BaseException as error:
                        resume = functools.partial(inner.athrow, error)
            finally:
                await inner.aclose()

        return tagged


def task(name: str) -> Tag:
    """Calls made inside belong to the task `name`, "reply.draft" say."""
    return Tag("task", name)


def customer(id: str) -> Tag:
    """Calls made inside are for the customer `id`, the id your billing uses."""
    return Tag("customer_id", id)


def feature(name: str) -> Tag:
    """Calls made inside belong to the product feature `name`."""
    return Tag("feature", name)


def user(id: str) -> Tag:
    """Calls made inside are for the end user `id`, stored as a keyed pseudonym unless user_ids = "plain"."""
    return Tag("user_id", id)


def session(id: str) -> Tag:
    """Calls made inside belong to the session or conversation `id`."""
    return Tag("session_id", id)


class NoContent(Tag):
    """Inside this block no content is kept, whatever the mode."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(_NO_CONTENT, "yes")


# Request headers a gateway or a caller may set instead: read, never sent on by us.
_HEADERS: Final[Mapping[str, str]] = {f"x-llmwatch-{word}": column for word, column in TAG_COLUMNS.items()}
_METADATA: Final[Mapping[str, str]] = {
    **TAG_COLUMNS,
    **{f"{word}_id": column for word, column in TAG_COLUMNS.items()},
    **{f"llmwatch.{word}": column for word, column in TAG_COLUMNS.items()},
}


def request_tags(body: Mapping[str, Any], headers: object) -> dict[str, tuple[str, str]]:
    """Column -> (value, source) from the request itself: headers, then metadata=, then safety_identifier / user."""
    found: dict[str, tuple[str, str]] = {}
    for key in ("safety_identifier", "user"):
        value = body.get(key)
        if isinstance(value, str) and value:
            found.setdefault("user_id", (value[:_MAX_LENGTH], "field"))
    metadata = body.get("metadata")
    if isinstance(metadata, Mapping):
        for key, value in cast("Mapping[Any, Any]", metadata).items():
            column = _METADATA.get(key)
            if column and isinstance(value, str) and value:
                found[column] = (value[:_MAX_LENGTH], "metadata")
    if isinstance(headers, Mapping) and headers:
        for key, value in cast("Mapping[Any, Any]", headers).items():
            column = _HEADERS.get(key.lower()) if isinstance(key, str) else None
            if column and isinstance(value, str) and value:
                found[column] = (value[:_MAX_LENGTH], "header")
    return found
