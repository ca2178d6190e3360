"""Tags hold for the code inside them, in every kind of function, and for nothing else."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import AsyncGenerator, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import llmwatch
from llmwatch.capture import tags
from llmwatch.capture.tags import current_tags, is_content_refused, request_tags


def test_a_tag_holds_inside_its_block_and_the_inner_one_wins() -> None:
    """Blocks nest and leave nothing behind, also when they end by an exception."""
    seen = []
    try:
        with llmwatch.task("outer"), llmwatch.customer("acme"):
            with llmwatch.task("inner"):
                seen.append(dict(current_tags()))
            seen.append(dict(current_tags()))
            raise KeyError
    except KeyError:
        pass

    assert seen == [{"task": "inner", "customer_id": "acme"}, {"task": "outer", "customer_id": "acme"}]
    assert dict(current_tags()) == {}


def test_a_decorated_function_is_tagged_while_it_runs() -> None:
    """Also when it calls itself and when several threads run it."""

    @llmwatch.task("count")
    def count(n: int) -> list[str | None]:
        return [current_tags().get("task"), *(count(n - 1) if n else [])]

    results: list[list[str | None]] = []
    threads = [threading.Thread(target=lambda: results.append(count(2))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert results == [["count"] * 3] * 4
    assert count.__name__ == "count"


def test_a_decorated_coroutine_keeps_its_tag_across_awaits_beside_others() -> None:
    """Two coroutines of one loop do not see each other's tag."""

    def tagged(name: str):
        @llmwatch.customer(name)
        async def work() -> list[str | None]:
            seen = []
            for _ in range(3):
                await asyncio.sleep(0)
                seen.append(current_tags().get("customer_id"))
            return seen

        return work

    async def both() -> list[list[str | None]]:
        return list(await asyncio.gather(tagged("a")(), tagged("b")()))

    assert asyncio.run(both()) == [["a"] * 3, ["b"] * 3]


def test_a_decorated_generator_is_tagged_between_its_yields_only() -> None:
    """What its consumer does in between is not; send, throw, return value and close work as before."""

    @llmwatch.feature("list")
    def numbers() -> Generator[str | None, str, str]:
        try:
            sent = yield current_tags().get("feature")
            try:
                yield sent
            except KeyError:
                yield "caught " + (current_tags().get("feature") or "")
        finally:
            closed.append(current_tags().get("feature"))
        return "done"

    closed: list[str | None] = []
    running = numbers()
    first = next(running)
    outside = current_tags().get("feature")

    assert (first, outside, running.send("sent")) == ("list", None, "sent")
    assert running.throw(KeyError("k")) == "caught list"
    try:
        next(running)
    except StopIteration as stop:
        assert stop.value == "done"
    assert closed == ["list"]


def test_a_decorated_async_generator_is_tagged_between_its_yields_only() -> None:
    """The same for `async for`."""

    @llmwatch.session("s1")
    async def numbers() -> AsyncGenerator[str | None, None]:
        yield current_tags().get("session_id")
        await asyncio.sleep(0)
        yield current_tags().get("session_id")

    async def consume() -> list[tuple[str | None, str | None]]:
        return [(inside, current_tags().get("session_id")) async for inside in numbers()]

    assert asyncio.run(consume()) == [("s1", None), ("s1", None)]


def test_tags_are_read_from_the_request_headers_over_metadata_over_fields() -> None:
    """Gateways set headers; OpenAI's own fields name the user."""
    body = {"metadata": {"customer_id": "acme", "task": "reply", "other": "x"}, "user": "u1", "safety_identifier": "s1"}

    found = request_tags(body, {"X-LLMWatch-Task": "classify"})

    assert found == {
        "customer_id": ("acme", "metadata"),
        "task": ("classify", "header"),
        "user_id": ("s1", "field"),
    }


def test_a_tag_of_any_type_is_text_and_never_fails() -> None:
    """A customer id that is a number, None or a prompt by mistake."""
    with llmwatch.customer(42), llmwatch.task(None), llmwatch.feature("x" * 1000):  # type: ignore[arg-type]
        assert dict(current_tags()) == {"customer_id": "42", "feature": "x" * 256}


def test_one_tag_object_serves_many_tasks_at_once() -> None:
    """A tag made once and entered by interleaved tasks leaves each with its own tags outside of it."""
    shared = llmwatch.task("shared")

    async def work(customer: str, seconds: float) -> str | None:
        with llmwatch.customer(customer):
            with shared:
                await asyncio.sleep(seconds)
            await asyncio.sleep(0.02)
            return current_tags().get("customer_id")

    async def both() -> list[str | None]:
        return await asyncio.gather(work("a", 0.01), work("b", 0.03))

    assert asyncio.run(both()) == ["a", "b"]


def in_copies(steps: Generator[object]) -> list[object]:
    """What a generator yields, each step in another copy of the context, as web frameworks run them in threads."""
    found: list[object] = []
    while True:
        try:
            found.append(contextvars.copy_context().run(next, steps))
        except StopIteration:
            return found


def test_a_block_in_a_generator_holds_in_whichever_context_its_steps_run() -> None:
    """Also where another function enters it, where it nests, and under a decorator; and it leaves nothing behind."""

    @contextmanager
    def scope(name: str) -> Generator[None]:
        with llmwatch.session(name):
            yield

    @llmwatch.task("stream")
    def steps() -> Generator[object]:
        with llmwatch.customer("acme"), scope("s1"), ExitStack() as stack:
            stack.enter_context(llmwatch.feature("inbox"))
            yield current_tags()
            with llmwatch.no_content(), llmwatch.customer("inner"):
                yield
                yield current_tags(), is_content_refused()
            yield current_tags(), is_content_refused()
        yield current_tags()

    outer = {"task": "stream", "customer_id": "acme", "session_id": "s1", "feature": "inbox"}

    found = in_copies(steps())

    assert found == [outer, None, ({**outer, "customer_id": "inner"}, True), (outer, False), {"task": "stream"}]
    assert (dict(current_tags()), dict(tags._held)) == ({}, {})


def test_generators_that_take_turns_keep_to_their_own_tags() -> None:
    """Two streams read in turn by one loop, in one context or in copies."""

    def steps(name: str) -> Generator[str | None]:
        with llmwatch.customer(name):
            for _ in range(3):
                yield current_tags().get("customer_id")

    assert list(zip(steps("a"), steps("b"), strict=True)) == [("a", "b")] * 3


def test_an_async_generator_whose_steps_are_tasks_keeps_its_tags() -> None:
    """`wait_for` gives each step a task and so a context of its own."""

    async def steps() -> AsyncGenerator[str | None]:
        async with llmwatch.customer("acme"):
            for _ in range(3):
                await asyncio.sleep(0)
                yield current_tags().get("customer_id")

    async def read() -> list[str | None]:
        reading = steps()
        return [await asyncio.create_task(anext(reading)) for _ in range(3)]  # type: ignore[arg-type]

    assert asyncio.run(read()) == ["acme"] * 3


def test_a_generator_that_is_dropped_leaves_no_tag_behind() -> None:
    """Its block ends when it is collected."""

    def steps() -> Generator[None]:
        with llmwatch.customer("acme"):
            yield

    contextvars.copy_context().run(next, steps())

    assert dict(tags._held) == {}


def test_work_in_a_pool_has_the_tags_of_who_submitted_it(tmp_path: Path) -> None:
    """Each job its own, and the threads keep none."""
    llmwatch.init(home=tmp_path / "home")
    try:
        with ThreadPoolExecutor(1) as pool:
            jobs = []
            for name in ("a", "b"):
                with llmwatch.customer(name):
                    jobs.append(pool.submit(lambda: current_tags().get("customer_id")))
            jobs.append(pool.submit(lambda: current_tags().get("customer_id")))
            with llmwatch.customer("c"):
                jobs += [pool.submit(lambda: current_tags().get("customer_id"))]
                failing = pool.submit(lambda: 1 // 0)
            found = [job.result() for job in jobs]
            error = failing.exception()
    finally:
        llmwatch.shutdown()

    assert found == ["a", "b", None, "c"]
    assert isinstance(error, ZeroDivisionError)
