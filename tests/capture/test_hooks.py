"""Hooks find every client, however and whenever it was made, and leave everything else as it was."""

from __future__ import annotations

import asyncio
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import openai._base_client as base
import pytest
from opentelemetry import baggage, context, trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import TraceIdRatioBased

import llmwatch
from llmwatch.capture import guard, hook, pending
from llmwatch.capture.attempts import ClientInstrumentation
from llmwatch.spool import list_segments
from llmwatch.standin import StandinServer
from tests.spooled import attempts, calls

ROOT = Path(__file__).parents[2]
CHAT: dict[str, Any] = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Where is it?"}]}
LIBRARY: Any = base.httpx2 if hasattr(base, "httpx2") else base.httpx


@pytest.fixture(scope="module")
def server() -> Iterator[StandinServer]:
    """One stand-in for the module."""
    with StandinServer() as running:
        yield running


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A home; capture is off again afterwards."""
    yield tmp_path / "home"
    llmwatch.shutdown()


def make(server: StandinServer, **options: Any) -> openai.OpenAI:
    """A client of the stand-in."""
    return openai.OpenAI(**{"base_url": server.base_url, "api_key": "k", "max_retries": 0, **options})


def unhook() -> None:
    """The SDK as it was imported."""
    hook.uninstall(base)


def test_clients_and_bound_methods_made_before_init_are_captured(home: Path, server: StandinServer):
    """A method bound while nothing was hooked makes a recorded call."""
    llmwatch.shutdown()
    unhook()
    with make(server) as client:
        create, post, copied = client.chat.completions.create, client.post, client.with_options(timeout=9)

        llmwatch.init(home=home)
        create(**CHAT)
        post("/chat/completions", cast_to=object, body=CHAT)
        copied.chat.completions.create(**CHAT)

    assert len(calls(home)) == 3


def test_a_coroutine_function_bound_before_init_is_captured(home: Path, server: StandinServer):
    """The same for an async client."""
    llmwatch.shutdown()
    unhook()

    async def ask() -> None:
        async with openai.AsyncOpenAI(base_url=server.base_url, api_key="k") as client:
            create = client.chat.completions.create
            llmwatch.init(home=home)
            await create(**CHAT)

    asyncio.run(ask())

    assert len(calls(home)) == 1


@pytest.mark.parametrize("is_early", [True, False], ids=["before init", "after init"])
def test_the_module_level_client_is_captured(
    is_early: bool, home: Path, server: StandinServer, monkeypatch: pytest.MonkeyPatch
):
    """`openai.chat.completions.create` works with the client that the module makes for itself."""
    monkeypatch.setattr(openai, "api_key", "k")
    monkeypatch.setattr(openai, "base_url", f"{server.base_url}/")
    llmwatch.shutdown()
    unhook()
    openai._reset_client()
    if is_early:
        openai.chat.completions.create(**CHAT)
    llmwatch.init(home=home)

    openai.chat.completions.create(**CHAT)

    assert len(calls(home)) == 1
    openai._reset_client()


def test_init_twice_records_each_call_once_and_in_the_new_home(tmp_path: Path, server: StandinServer):
    """The second init replaces the first; nothing is written twice and no thread is left behind by the first."""
    first, second = tmp_path / "first", tmp_path / "second"
    with make(server) as client:
        llmwatch.init(home=first)
        client.chat.completions.create(**CHAT)
        llmwatch.init(home=second)
        client.chat.completions.create(**CHAT)
        llmwatch.init(home=second)
        client.chat.completions.create(**CHAT)
    llmwatch.shutdown()

    assert (len(calls(first)), len(calls(second))) == (1, 2)
    assert (len(attempts(first)), len(attempts(second))) == (1, 2)


def test_shutdown_seals_what_was_written(home: Path, server: StandinServer):
    """After shutdown no segment is held open, so a merge may take and delete it."""
    llmwatch.init(home=home)
    with make(server) as client:
        client.chat.completions.create(**CHAT)
    llmwatch.shutdown()

    assert [segment.is_live for segment in list_segments(home / "spool")] == [False]


def test_many_inits_leave_no_threads(tmp_path: Path, server: StandinServer):
    """Init and shutdown may be called as often as a test suite does."""
    before = threading.active_count()
    with make(server) as client:
        for n in range(5):
            llmwatch.init(home=tmp_path / str(n))
            client.chat.completions.create(**CHAT)
            llmwatch.shutdown()
    # Each thread has its second of sleep to finish.
    deadline = time.monotonic() + 5
    while threading.active_count() > before and time.monotonic() < deadline:
        time.sleep(0.05)

    assert threading.active_count() <= before


def test_uninstrument_restores_the_original_functions(home: Path, server: StandinServer):
    """What stands on the classes afterwards is what the SDK put there."""
    llmwatch.shutdown()
    unhook()
    names = [(c, m) for c in ("SyncAPIClient", "AsyncAPIClient") for m in ("request", "_process_response")]
    originals = {(c, m): getattr(getattr(base, c), m) for c, m in names}
    instrumentor = llmwatch.OpenAIInstrumentor()
    instrumentor.instrument(tracer_provider=TracerProvider(), home=home, skip_dep_check=True)
    assert all(getattr(getattr(base, c), m) is not originals[c, m] for c, m in names)

    instrumentor.uninstrument()

    assert all(getattr(getattr(base, c), m) is originals[c, m] for c, m in names)
    with make(server) as client:
        client.chat.completions.create(**CHAT)
    assert calls(home) == []


def test_a_missing_method_leaves_its_hook_out_and_the_rest_in(home: Path):
    """An SDK of another shape loads, and calls go through."""

    class Odd:
        def request(self, cast_to: Any, options: Any) -> str:
            return "untouched"

    class Module:
        SyncAPIClient = Odd

    llmwatch.init(home=home)
    hook.install(Module)

    assert Odd().request(None, object()) == "untouched"
    assert hook.hooked_methods(Module)["SyncAPIClient._process_response"] is False
    guard.failures.clear()


def test_an_embedding_provider_that_keeps_one_percent_loses_no_record(home: Path, server: StandinServer):
    """In the program's provider the sampler decides which spans are kept, not which calls are recorded."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider(sampler=TraceIdRatioBased(0.01))
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    provider.add_span_processor(llmwatch.SpoolSpanProcessor())
    llmwatch.init(home=home, tracer_provider=provider)

    with make(server) as client:
        for _ in range(30):
            client.chat.completions.create(**CHAT)

    found = calls(home)
    assert len(found) == len({c["span_id"] for c in found}) == 30
    assert len(exporter.get_finished_spans()) < 10


def test_a_provider_without_an_sdk_still_gives_calls_ids(home: Path, server: StandinServer):
    """`opentelemetry.trace` with no SDK behind it makes spans without identity; records need one each."""
    llmwatch.init(home=home, tracer_provider=trace.NoOpTracerProvider())

    with make(server) as client:
        client.chat.completions.create(**CHAT)
        client.chat.completions.create(**CHAT)

    found = calls(home)
    assert len({c["span_id"] for c in found}) == 2
    assert all(int(c["span_id"], 16) and int(c["trace_id"], 16) for c in found)
    assert {a["parent_span_id"] for a in attempts(home)} == {c["span_id"] for c in found}


def test_parents_are_right_across_tasks(home: Path, server: StandinServer):
    """Each call hangs under the span that was current where it was made."""
    tracer = TracerProvider().get_tracer("program")
    llmwatch.init(home=home)
    wanted: dict[str, str] = {}

    async def ask(client: Any, n: int) -> None:
        with tracer.start_as_current_span(f"unit {n}") as span:
            wanted[f"session-{n}"] = trace.format_span_id(span.get_span_context().span_id)
            with llmwatch.session(f"session-{n}"):
                await client.chat.completions.create(**CHAT)
            assert trace.get_current_span() is span

    async def ask_all() -> None:
        async with openai.AsyncOpenAI(base_url=server.base_url, api_key="k") as client:
            await asyncio.gather(*(ask(client, n) for n in range(12)))

    asyncio.run(ask_all())

    assert {c["session_id"]: c["parent_span_id"] for c in calls(home)} == wanted


def test_nothing_stays_current_after_a_call(home: Path, server: StandinServer):
    """After success, error, abandoned stream and a coroutine closed halfway the context is what it was."""
    llmwatch.init(home=home)
    before = context.get_current()
    with make(server) as client:
        client.chat.completions.create(**CHAT)
        client.chat.completions.create(**CHAT, stream=True)
        with pytest.raises(openai.BadRequestError):
            client.chat.completions.create(**CHAT, extra_headers={"x-standin-scenario": "400"})

    async def close_halfway() -> Any:
        client = openai.AsyncOpenAI(base_url="http://127.0.0.1:9/v1", api_key="k", http_client=never())
        coroutine = client.chat.completions.create(**CHAT)
        for _ in range(3):
            coroutine.send(None)
            await asyncio.sleep(0.05)
        coroutine.close()
        return context.get_current(), pending.current.get()

    assert (context.get_current(), pending.current.get()) == (before, None)
    assert asyncio.run(close_halfway()) == (before, None)
    assert calls(home)[-1]["error_type"] == "GeneratorExit"


def never() -> Any:
    """An async HTTP client whose requests never come back."""

    class Never(LIBRARY.AsyncBaseTransport):
        async def handle_async_request(self, request: Any) -> Any:
            await Forever()

    return LIBRARY.AsyncClient(transport=Never())


class Forever:
    """Awaiting it gives control away for ever."""

    def __await__(self) -> Iterator[None]:
        while True:
            yield None


def test_other_traffic_of_a_shared_http_client_is_not_recorded(home: Path, server: StandinServer):
    """A client that the program also uses for other servers stays the program's."""
    llmwatch.init(home=home)
    with LIBRARY.Client() as shared, make(server, http_client=shared) as client:
        client.chat.completions.create(**CHAT)
        tracer = TracerProvider().get_tracer("program")
        with tracer.start_as_current_span("own work"):
            shared.get(f"{server.origin}/v1/elsewhere")
        shared.get(f"{server.origin}/v1/elsewhere")

    assert len(calls(home)) == 1
    assert len(attempts(home)) == 1


def test_baggage_and_trace_context_never_reach_the_wire(home: Path, server: StandinServer):
    """A user's e-mail address in baggage stays in the process."""
    llmwatch.init(home=home)
    token = context.attach(baggage.set_baggage("user.email", "pat@example.com"))
    tracer = TracerProvider().get_tracer("program")
    with tracer.start_as_current_span("work"), make(server) as client:
        client.chat.completions.create(**CHAT)
    context.detach(token)

    sent = {name.lower() for name, _ in server.requests[-1].headers}
    assert not sent & {"traceparent", "tracestate", "baggage"}


class _OfBothKinds(LIBRARY.HTTPTransport):
    """A transport for sync and async clients alike, as programs write them."""

    async def handle_async_request(self, request: Any) -> Any:
        """Of no use to a sync client."""
        raise NotImplementedError


def test_a_transport_of_both_kinds_is_seen_and_leaks_nothing(home: Path, server: StandinServer):
    """A sync client uses the sync method of it: that one is instrumented, and trace context stays in the process."""
    llmwatch.init(home=home)
    tracer = TracerProvider().get_tracer("program")
    with (
        tracer.start_as_current_span("work"),
        LIBRARY.Client(transport=_OfBothKinds()) as http_client,
        make(server, http_client=http_client) as client,
    ):
        client.chat.completions.create(**CHAT)

    sent = {name.lower() for name, _ in server.requests[-1].headers}
    assert not sent & {"traceparent", "tracestate", "baggage"}
    assert len(attempts(home)) == 1


def test_threads_that_share_a_clients_first_call_lose_no_attempt(
    home: Path, server: StandinServer, monkeypatch: pytest.MonkeyPatch
):
    """The second waits until the client is instrumented, however long that takes."""
    plain = ClientInstrumentation._instrument

    def slowly(self: Any, client: Any, by_spans: Any) -> None:
        time.sleep(0.2)
        plain(self, client, by_spans)

    monkeypatch.setattr(ClientInstrumentation, "_instrument", slowly)
    llmwatch.init(home=home)
    with make(server) as client:
        threads = [threading.Thread(target=client.chat.completions.create, kwargs=CHAT) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert (len(calls(home)), len(attempts(home))) == (4, 4)


def test_the_program_sees_its_own_span_while_a_call_runs(home: Path, server: StandinServer):
    """What the program's own hooks and loggers find current is what they would find without llmwatch."""
    seen: list[Any] = []

    class Transport(LIBRARY.HTTPTransport):
        def handle_request(self, request: Any) -> Any:
            seen.append(trace.get_current_span())
            return super().handle_request(request)

    def note(_: Any) -> None:
        seen.append(trace.get_current_span())

    llmwatch.init(home=home)
    tracer = TracerProvider().get_tracer("program")
    hooks = {"request": [note], "response": [note]}
    with (
        LIBRARY.Client(transport=Transport(), event_hooks=hooks) as given,
        make(server, http_client=given) as client,
        tracer.start_as_current_span("work") as span,
    ):
        client.chat.completions.create(**CHAT)

    assert seen == [span] * 3


def test_a_setting_that_means_nothing_is_one_log_line(
    home: Path, server: StandinServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    """The program starts, and content falls back to what reveals least."""
    monkeypatch.setenv("LLMWATCH_CONTENT", "everything")
    with caplog.at_level(logging.WARNING, "llmwatch"):
        llmwatch.init(home=home)
    with make(server) as client:
        client.chat.completions.create(**CHAT)

    assert len(caplog.records) == 1
    assert "LLMWATCH_CONTENT" in caplog.text
    assert [c["content_mode"] for c in calls(home)] == ["metadata"]


def test_disabled_hooks_nothing_and_writes_nothing(home: Path, server: StandinServer, monkeypatch: pytest.MonkeyPatch):
    """LLMWATCH_DISABLED=1 leaves no trace of llmwatch on the SDK or the disk."""
    monkeypatch.setenv("LLMWATCH_DISABLED", "1")
    llmwatch.shutdown()
    unhook()
    llmwatch.init(home=home)
    with make(server) as client:
        client.chat.completions.create(**CHAT)

    assert not any(hook.hooked_methods(base).values())
    assert not home.exists()


def run_python(code: str, *arguments: str, environment: dict[str, str] | None = None, **more: Any) -> Any:
    """The code in a fresh interpreter."""
    command = [*more.pop("under", ()), sys.executable, "-c", code, *arguments]
    variables = {**os.environ, "PYTHONPATH": str(ROOT), **(environment or {})}
    return subprocess.run(command, env=variables, capture_output=True, text=True, timeout=60, check=False, **more)


def test_init_imports_no_heavy_module(tmp_path: Path):
    """Neither the SDK nor anything of the reading half is loaded, and no thread or file descriptor is left open."""
    code = """
import os, sys, threading
import llmwatch
llmwatch.init(home=sys.argv[1])
heavy = {"openai", "duckdb", "polars", "typer", "rich", "numpy", "httpx", "httpx2", "pydantic", "requests"}
print(sorted(heavy & set(sys.modules)), threading.active_count(), os.path.exists(sys.argv[1] + "/spool"))
"""
    found = run_python(code, str(tmp_path / "home"))

    assert found.stdout.split("\n")[0] == "[] 1 False", found.stdout + found.stderr


ASK = """
import openai, sys
client = openai.OpenAI(base_url=sys.argv[1], api_key="k")
client.chat.completions.create(model="gpt-4o-mini", messages=[{"role": "user", "content": "hi"}])
"""


def test_the_standard_instrument_command_captures(tmp_path: Path, server: StandinServer):
    """`opentelemetry-instrument python program.py` needs no line of code: the entry point is found."""
    command = Path(sys.executable).parent / "opentelemetry-instrument"
    if not command.exists():
        pytest.skip("opentelemetry-instrument is not installed")
    home = tmp_path / "home"
    variables = {
        "LLMWATCH_HOME": str(home),
        "OTEL_TRACES_EXPORTER": "console",
        "OTEL_METRICS_EXPORTER": "none",
        "OTEL_LOGS_EXPORTER": "none",
    }
    found = run_python(ASK, server.base_url, environment=variables, under=[str(command)])

    assert found.returncode == 0, found.stderr
    assert len(calls(home)) == 1, found.stderr
    if "openai" not in found.stdout:
        assert int(calls(home)[0]["span_id"], 16)


def test_warnings_as_errors_and_asyncio_debugging_stay_quiet(tmp_path: Path, server: StandinServer):
    """`python -X dev -W error` with an async program prints nothing at all."""
    code = """
import asyncio, sys
import llmwatch
llmwatch.init(home=sys.argv[2])
import openai
async def main():
    async with openai.AsyncOpenAI(base_url=sys.argv[1], api_key="k") as client:
        chat = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "hi"}]}
        await client.chat.completions.create(**chat)
        async for _ in await client.chat.completions.create(**chat, stream=True):
            pass
        async with client.chat.completions.stream(**chat) as stream:
            async for _ in stream:
                break
        task = asyncio.create_task(client.chat.completions.create(**chat))
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
asyncio.run(main(), debug=True)
"""
    home = tmp_path / "home"
    found = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", "-c", code, server.base_url, str(home)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (found.returncode, found.stdout) == (0, "")
    assert "llmwatch" not in found.stderr
    assert "never awaited" not in found.stderr
    assert len(calls(home)) == 3


def test_a_call_near_the_recursion_limit_is_the_programs_own_business(home: Path, server: StandinServer):
    """Wherever the stack ends, the caller sees an answer or RecursionError, never one of ours, and we go on."""
    llmwatch.init(home=home)
    limit = sys.getrecursionlimit()
    outcomes: set[str] = set()

    def down(client: Any, left: int) -> str:
        if left:
            return down(client, left - 1)
        try:
            client.chat.completions.create(**CHAT)
        except Exception as error:
            return type(error).__name__
        return "answered"

    logging.getLogger("llmwatch").disabled = True
    try:
        with make(server) as client:
            depth = len(__import__("inspect").stack(0))
            for left in range(limit - depth - 150, limit - depth - 25, 4):
                outcomes.add(down(client, left))
            assert client.chat.completions.create(**CHAT).choices
    finally:
        logging.getLogger("llmwatch").disabled = False
        guard.failures.clear()

    assert outcomes <= {"answered", "RecursionError", "APIConnectionError"}
    assert calls(home)[-1]["status"] == "ok"
