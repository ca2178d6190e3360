"""A call is named after the function of the program that asked for it, never after a launcher or a library."""

from __future__ import annotations

import asyncio
import concurrent.futures
import functools
import operator
import os
import socket
import subprocess
import sys
import textwrap
import time
import urllib.request
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import openai
import pytest

import llmwatch
from llmwatch.capture.program import kind_of
from llmwatch.standin import StandinServer
from tests.spooled import calls

ROOT = Path(__file__).parents[2]
CHAT: dict[str, Any] = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Where is it?"}]}


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


Ask = Callable[[], Coroutine[Any, Any, Any]]
Block = Callable[[], Any]


async def _gathered(ask: Ask, block: Block) -> None:
    await asyncio.gather(ask(), asyncio.gather(ask(), ask()))


async def _gathered_later(ask: Ask, block: Block) -> None:
    both = asyncio.gather(ask(), ask())
    await asyncio.sleep(0.3)
    await both


async def _with_a_limit(ask: Ask, block: Block) -> None:
    await asyncio.wait_for(ask(), 5)


async def _one_task(ask: Ask, block: Block) -> None:
    await asyncio.create_task(ask())


async def _tasks_in_order(ask: Ask, block: Block) -> None:
    tasks = [asyncio.ensure_future(ask()) for _ in range(3)]
    for task in tasks:
        await task


async def _as_they_complete(ask: Ask, block: Block) -> None:
    for done in asyncio.as_completed([ask(), ask()]):
        await done


async def _waited(ask: Ask, block: Block) -> None:
    await asyncio.wait([asyncio.ensure_future(ask()) for _ in range(2)])


async def _shielded(ask: Ask, block: Block) -> None:
    await asyncio.shield(ask())


async def _in_a_group(ask: Ask, block: Block) -> None:
    async with asyncio.TaskGroup() as group:
        for _ in range(2):
            group.create_task(ask())


async def _in_an_anyio_group(ask: Ask, block: Block) -> None:
    async with anyio.create_task_group() as group:
        for _ in range(2):
            group.start_soon(ask)


async def _in_a_thread(ask: Ask, block: Block) -> None:
    await asyncio.to_thread(block)


async def _in_threads(ask: Ask, block: Block) -> None:
    await asyncio.gather(asyncio.to_thread(block), asyncio.to_thread(block))


async def _in_an_anyio_thread(ask: Ask, block: Block) -> None:
    await anyio.to_thread.run_sync(block)


async def _in_an_executor(ask: Ask, block: Block) -> None:
    await asyncio.get_running_loop().run_in_executor(None, block)


async def _in_a_pool(ask: Ask, block: Block) -> None:
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for job in [pool.submit(block) for _ in range(3)]:
            job.result()


async def _mapped_over_a_pool(ask: Ask, block: Block) -> None:
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        list(pool.map(operator.call, [block, block]))


async def _of_an_async_generator(ask: Ask, block: Block) -> None:
    async def answers() -> AsyncGenerator[Any]:
        for _ in range(2):
            yield await asyncio.create_task(ask())

    async for _ in answers():
        pass


async def _from_another_thread(ask: Ask, block: Block) -> None:
    loop = asyncio.get_running_loop()

    def blocking() -> None:
        asyncio.run_coroutine_threadsafe(ask(), loop).result()

    await asyncio.to_thread(blocking)


WAYS = [
    _gathered, _gathered_later, _with_a_limit, _one_task, _tasks_in_order, _as_they_complete, _waited, _shielded,
    _in_a_group, _in_an_anyio_group, _in_a_thread, _in_threads, _in_an_anyio_thread, _in_an_executor, _in_a_pool,
    _mapped_over_a_pool, _of_an_async_generator, _from_another_thread,
]  # fmt: skip


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__[1:])
def test_a_call_in_a_task_or_a_pool_is_of_the_function_that_waits_for_it(
    way: Callable[[Ask, Block], Coroutine[Any, Any, None]], home: Path, server: StandinServer
) -> None:
    """The SDK's own method is what runs there: no frame of the program stands on its stack."""
    llmwatch.init(home=home)
    one = openai.AsyncOpenAI(base_url=server.base_url, api_key="k", max_retries=0)
    other = openai.OpenAI(base_url=server.base_url, api_key="k", max_retries=0)

    async def launcher() -> None:
        ask = functools.partial(one.chat.completions.create, **CHAT)
        await way(ask, functools.partial(other.chat.completions.create, **CHAT))
        await one.close()

    asyncio.run(launcher())
    other.close()

    sites = Counter(call["call_site"] for call in calls(home))
    expected = {
        "_from_another_thread": "_from_another_thread.blocking",
        "_of_an_async_generator": f"{way.__name__}.answers",
    }
    assert set(sites) == {f"{__name__}:{expected.get(way.__name__, way.__name__)}"}, sites


LIBRARY = """
import asyncio
CHAT = dict(model="gpt-4o-mini", messages=[dict(role="user", content="hi")])

async def ask(client):
    return await client.chat.completions.create(**CHAT)

async def run(client):
    await asyncio.create_task(ask(client))
    return await ask(client)

def run_blocking(client):
    return asyncio.run(run(client))

async def forget(client):
    task = asyncio.create_task(ask(client))
    kept.add(task)
    task.add_done_callback(kept.discard)

async def serve(work, client):
    asyncio.create_task(work(client))
    await asyncio.sleep(1)

kept = set()
"""


def run_program(
    source: str, folder: Path, server: StandinServer, *arguments: str, packages: dict[str, str] | None = None
) -> list[dict[str, Any]]:
    """The calls of a program beside a folder of installed packages; `arguments` are those of Python."""
    installed = folder / "site-packages"
    for name, text in {"fieldlib.py": LIBRARY, **(packages or {})}.items():
        path = installed / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
    (folder / "prog.py").write_text(textwrap.dedent(source))
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join((str(folder), str(installed), str(ROOT))),
        "OPENAI_BASE_URL": server.base_url,
        "OPENAI_API_KEY": "k",
        "LLMWATCH_HOME": str(folder / "home"),
    }
    given = arguments or (str(folder / "prog.py"),)
    done = subprocess.run(
        [sys.executable, *given], env=environment, capture_output=True, text=True, timeout=60, cwd=folder
    )
    assert done.returncode == 0, done.stderr
    return calls(folder / "home")


def sites_of(found: list[dict[str, Any]]) -> dict[str | None, int]:
    """Call site -> calls."""
    return dict(Counter(call.get("call_site") for call in found))


def test_a_librarys_own_task_is_of_the_function_that_called_the_library(tmp_path: Path, server: StandinServer) -> None:
    """Awaited, run to its end by the library's own loop, or started and forgotten: then nobody, never the launcher."""
    found = run_program(
        """
        import asyncio, fieldlib, llmwatch, openai
        llmwatch.init()
        client = openai.AsyncOpenAI()
        async def handle(): await fieldlib.run(client)
        async def leave():
            await fieldlib.forget(client)
            await asyncio.sleep(1)
        async def main():
            await handle()
            await leave()
        def block(): fieldlib.run_blocking(openai.AsyncOpenAI())
        asyncio.run(main())
        block()
        """,
        tmp_path,
        server,
    )

    assert sites_of(found) == {"prog:handle": 2, "prog:block": 2, None: 1}


APP = {
    "acme_desk/__init__.py": "",
    "acme_desk/__main__.py": """
        from acme_desk.work import main
        main()
    """,
    "acme_desk/work.py": """
        import asyncio, fieldlib, llmwatch, openai
        def draft(client): return client.chat.completions.create(**fieldlib.CHAT)
        async def triage(): await fieldlib.run(openai.AsyncOpenAI())
        def main():
            llmwatch.init()
            draft(openai.OpenAI())
            asyncio.run(triage())
    """,
    "acme_jobs/__init__.py": """
        import fieldlib
        def sweep(client): return client.chat.completions.create(**fieldlib.CHAT)
    """,
    "acme_desk-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: acme-desk\nVersion: 1.0\n",
    "acme_desk-1.0.dist-info/RECORD": "acme_desk/__init__.py,,\nacme_desk/work.py,,\nacme_jobs/__init__.py,,\n",
}


def test_an_installed_application_is_the_programs_own(tmp_path: Path, server: StandinServer) -> None:
    """By `python -m`, by who calls init() and by its setting; with all packages of its distribution."""
    by_module = run_program("", tmp_path / "a", server, "-m", "acme_desk", packages=APP)
    by_caller = run_program(
        "import acme_desk.work, acme_jobs, openai\nacme_desk.work.main()\nacme_jobs.sweep(openai.OpenAI())",
        tmp_path / "b", server, packages=APP,
    )  # fmt: skip
    by_setting = run_program(
        "import llmwatch, acme_jobs, openai\nllmwatch.init(app_packages=['acme_jobs'])\n"
        "acme_jobs.sweep(openai.OpenAI())",
        tmp_path / "c", server, packages=APP,
    )  # fmt: skip
    (tmp_path / "d" / "bin").mkdir(parents=True)
    script = tmp_path / "d" / "bin" / "desk"
    script.write_text(
        "import re\nimport sys\nfrom acme_desk.work import main\nif __name__ == '__main__':\n    sys.exit(main())\n"
    )
    by_command = run_program("", tmp_path / "d", server, str(script), packages=APP)

    both = {"acme_desk.work:draft": 1, "acme_desk.work:triage": 2}
    assert sites_of(by_module) == both
    assert sites_of(by_caller) == {**both, "acme_jobs:sweep": 1}
    assert sites_of(by_setting) == {"acme_jobs:sweep": 1}
    assert sites_of(by_command) == both


def test_a_worker_process_names_the_function_as_its_parent_does(tmp_path: Path, server: StandinServer) -> None:
    """A spawned process imports the program under another name."""
    found = run_program(
        """
        import multiprocessing, fieldlib, llmwatch, openai
        llmwatch.init()
        def ask(_=0): openai.OpenAI().chat.completions.create(**fieldlib.CHAT)
        if __name__ == "__main__":
            ask()
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                pool.map(ask, [0, 1])
        """,
        tmp_path,
        server,
    )

    assert sites_of(found) == {"prog:ask": 3}


def test_cells_of_a_notebook_have_one_stable_name() -> None:
    """Cells are compiled under names that change with every run and process."""
    from llmwatch.capture.program import kind_of

    scope: dict[str, Any] = {"__name__": "__main__", "get_ipython": None}
    names = set()
    for file in ("/tmp/ipykernel_12/345.py", "/tmp/ipykernel_99/111.py", "<ipython-input-3-0a1b>"):
        exec(compile("def ask(): pass", file, "exec"), scope)
        names.add(kind_of(scope["ask"].__code__, scope))

    assert names == {("notebook:ask", "own")}


SERVICE = """
import asyncio, fieldlib, llmwatch, openai
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Route
llmwatch.init()
client, blocking = openai.AsyncOpenAI(), openai.OpenAI()
CHAT = dict(**fieldlib.CHAT)
async def summarize(request):
    await asyncio.gather(*[client.chat.completions.create(**CHAT) for _ in range(3)])
    return PlainTextResponse("ok")
async def route(request):
    await fieldlib.run(client)
    return PlainTextResponse("ok")
def draft(request):
    blocking.chat.completions.create(**CHAT)
    return PlainTextResponse("ok")
def tell(request):
    def parts():
        with llmwatch.customer("acme"):
            for _ in range(3):
                blocking.chat.completions.create(**CHAT)
                yield "part"
    return StreamingResponse(parts())
app = Starlette(routes=[Route("/" + work.__name__, work) for work in (summarize, route, draft, tell)])
"""


@pytest.mark.slow
def test_a_service_under_a_real_server_is_named_after_its_handlers(tmp_path: Path, server: StandinServer) -> None:
    """Its tasks, its customers across the steps of a streamed answer, and its own name."""
    installed = tmp_path / "site-packages"
    installed.mkdir()
    (installed / "fieldlib.py").write_text(LIBRARY)
    (tmp_path / "desk.py").write_text(SERVICE)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join((str(tmp_path), str(installed), str(ROOT))),
        "OPENAI_BASE_URL": server.base_url, "OPENAI_API_KEY": "k", "LLMWATCH_HOME": str(tmp_path / "home"),
    }  # fmt: skip
    command = [sys.executable, "-m", "uvicorn", "desk:app", "--port", str(port), "--log-level", "warning"]
    with subprocess.Popen(command, env=environment, cwd=tmp_path) as running:
        try:
            for _ in range(100):
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", port)) == 0:
                        break
                time.sleep(0.1)
            for path in ("summarize", "route", "draft", "tell"):
                urllib.request.urlopen(f"http://127.0.0.1:{port}/{path}", timeout=20).read()
        finally:
            running.terminate()

    found = calls(tmp_path / "home")
    assert sites_of(found) == {"desk:summarize": 3, "desk:route": 2, "desk:draft": 1, "desk:tell.parts": 3}
    assert [call.get("customer_id") for call in found if call["call_site"] == "desk:tell.parts"] == ["acme"] * 3
    assert {call["service_name"] for call in found} == {"desk"}


@pytest.mark.parametrize(
    ("module", "function", "kind"),
    [
        ("asyncio.base_events", "run_forever", "loop"),
        ("asyncio.tasks", "gather", "plumbing"),
        ("trio._core._run", "run", "loop"),
        ("trio._core._run", "unrolled_run", "loop"),
        ("trio._threads", "to_thread_run_sync", "library"),
        ("twisted.internet.base", "mainLoop", "loop"),
    ],
)
def test_what_runs_a_loop_asked_for_nothing_that_runs_inside(module: str, function: str, kind: str) -> None:
    """A nursery's own task stands between no function of the program and the module that started the loop."""
    scope: dict[str, Any] = {"__name__": module}
    exec(compile(f"def {function}(): pass", f"/x/site-packages/{module}.py", "exec"), scope)

    assert kind_of(scope[function].__code__, scope)[1] == kind
