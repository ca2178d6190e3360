"""Owns whom a call is for: task, customer, feature, user and session, as context managers and decorators.

Context variables only: a tag holds for the code inside it, in its thread, task and generator, and nowhere else.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from contextvars import ContextVar
from types import MappingProxyType, TracebackType
from typing import Any, Final, TypeVar, cast

_F = TypeVar("_F", bound=Callable[..., Any])
_EMPTY: Final[Mapping[str, str]] = MappingProxyType({})
_tags: ContextVar[Mapping[str, str]] = ContextVar("llmwatch_tags", default=_EMPTY)
# (tag, tags outside of it) of each block entered in this context: one Tag may be in use by many tasks at once.
_entered: ContextVar[tuple[tuple[object, Mapping[str, str]], ...]] = ContextVar("llmwatch_entered", default=())
# A name longer than this is a mistake (a prompt passed as a task, say); it is cut, never refused.
_MAX_LENGTH: Final = 256

TAG_COLUMNS: Final[Mapping[str, str]] = {
    "task": "task",
    "customer": "customer_id",
    "feature": "feature",
    "user": "user_id",
    "session": "session_id",
}


def current_tags() -> Mapping[str, str]:
    """Column -> value of every tag in force here."""
    return _tags.get()


class Tag:
    """One tag in force inside a `with` block or a decorated function; a tag set inside it wins."""

    __slots__ = ("_column", "_value")

    def __init__(self, column: str, value: object) -> None:
        self._column = column
        self._value = str(value)[:_MAX_LENGTH] if value is not None else ""

    def _enter(self) -> Mapping[str, str]:
        outer = _tags.get()
        _tags.set({**outer, self._column: self._value} if self._value else outer)
        return outer

    def __enter__(self) -> Tag:
        outer = self._enter()
        _entered.set((*_entered.get(), (self, outer)))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Set, not reset by token: a generator may be closed in another context than it was started in.
        entered = _entered.get()
        for position in range(len(entered) - 1, -1, -1):
            if entered[position][0] is self:
                _tags.set(entered[position][1])
                _entered.set(entered[:position])
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
