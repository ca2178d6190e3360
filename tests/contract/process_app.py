"""The program under test in test_process.py: a web service and a task queue that make one OpenAI call per request."""

from __future__ import annotations

import os
from typing import Any

import llmwatch

if os.environ.get("LLMWATCH_HOME"):
    llmwatch.init()

import openai

MESSAGES: Any = [{"role": "user", "content": "Where is it?"}]
OPTIONS: Any = {"base_url": os.environ.get("STANDIN_URL"), "api_key": "k"}
client = openai.OpenAI(**OPTIONS)
async_client = openai.AsyncOpenAI(**OPTIONS)


def ask() -> str:
    """One call; the id of its answer."""
    return client.chat.completions.create(model="gpt-4o-mini", messages=MESSAGES).id


async def asgi(scope: Any, receive: Any, send: Any) -> None:
    """Answers each request with the id of the completion made for it, every second one streamed."""
    if scope["type"] == "lifespan":
        while (await receive())["type"] != "lifespan.shutdown":
            await send({"type": "lifespan.startup.complete"})
        await send({"type": "lifespan.shutdown.complete"})
        return
    found = ""
    if scope["path"] == "/stream":
        stream = await async_client.chat.completions.create(model="gpt-4o-mini", messages=MESSAGES, stream=True)
        async for chunk in stream:
            found = chunk.id
    else:
        found = (await async_client.chat.completions.create(model="gpt-4o-mini", messages=MESSAGES)).id
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(found))]})
    await send({"type": "http.response.body", "body": found.encode()})


def wsgi(environ: Any, start_response: Any) -> list[bytes]:
    """The same for gunicorn."""
    found = ask().encode()
    start_response("200 OK", [("content-length", str(len(found)))])
    return [found]


def celery_app() -> Any:
    """A task queue on a folder; `ask` is its one task."""
    import celery

    app = celery.Celery("process_app", broker="filesystem://")
    folder = os.environ["QUEUE"]
    app.conf.update(
        broker_transport_options={"data_folder_in": folder, "data_folder_out": folder, "control_folder": folder},
        task_ignore_result=True,
        worker_hijack_root_logger=False,
    )
    app.task(name="ask")(ask)
    return app


if os.environ.get("QUEUE"):
    queue = celery_app()
