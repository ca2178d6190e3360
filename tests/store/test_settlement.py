"""Answers whose usage stands elsewhere: read by id, batches, lines of their output. Real SDK, real store.

gpt-5.5 costs $5 a million input tokens and $30 a million output tokens, half in a batch: 1,000 and 100 tokens are
$0.008, in a batch $0.004.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import openai
import pytest

import llmwatch
from llmwatch.settings import Settings
from llmwatch.store import Store
from tests.played import Player, batch, player, response, tokens

USED = tokens(1000, 100)
WHOLE = Decimal("0.008")
HALF = Decimal("0.004")


@pytest.fixture
def server() -> Iterator[Player]:
    """A server that plays what a test says."""
    with player() as found:
        yield found


@pytest.fixture
def client(server: Player, tmp_path: Path) -> Iterator[openai.OpenAI]:
    """A client whose calls are recorded as OpenAI's own."""
    llmwatch.init(home=tmp_path, hosts={"127.0.0.1": "openai"})
    with openai.OpenAI(api_key="x", base_url=server.url, max_retries=0) as found:
        yield found
    llmwatch.shutdown()


def rows(home: Path, query: str, *, is_merged: bool = True) -> list[tuple[Any, ...]]:
    """What the store says, merged, or as a reader sees it that could not merge."""
    store = Store(Settings(home=home, hosts={"127.0.0.1": "openai"}))
    if is_merged:
        store.merge()
    with store.read() as con:
        return con.execute(query).fetchall()


def facts(home: Path, **how: bool) -> list[tuple[Any, ...]]:
    """(task, customer, requests, dollars, unpriced) of everything that is billed."""
    return rows(
        home,
        "select task, customer, sum(call_count), sum(cost_usd), count(*) filter (where is_unpriced)"
        " from call_facts group by all order by all",
        **how,
    )


def test_a_poll_settles_the_call_that_began_the_answer(client: openai.OpenAI, server: Player, tmp_path: Path) -> None:
    """Merged between two polls, as by a weekly report: the call is priced in its task, once; the polls are nothing."""
    server.routes = {
        "/responses": response("resp_1", tokens(0, 0), "queued", background=True),
        "/responses/resp_1": response("resp_1", tokens(500, 10), "in_progress", background=True),
    }
    with llmwatch.task("report.write"), llmwatch.customer("acme"):
        client.responses.create(model="gpt-5.5", input="go", background=True)
    client.responses.retrieve("resp_1")
    assert facts(tmp_path) == [("report.write", "acme", 1, None, 1)]

    server.routes["/responses/resp_1"] = response("resp_1", USED, background=True)
    for _ in range(3):
        client.responses.retrieve("resp_1")

    assert facts(tmp_path, is_merged=False) == [("report.write", "acme", 1, WHOLE, 0)]
    assert facts(tmp_path) == [("report.write", "acme", 1, WHOLE, 0)]
    tokens_of = "select operation_name, sum(input_tokens), sum(output_tokens) from calls group by 1 order by 1"
    assert rows(tmp_path, tokens_of) == [("chat", 1000, 100), ("fetch_response", None, None)]


def test_a_later_finished_usage_replaces_an_earlier_one(client: openai.OpenAI, server: Player, tmp_path: Path) -> None:
    """A batch that counts on after it is completed."""
    for used in (tokens(500, 50), USED):
        server.routes = {"/batches/batch_1": batch("batch_1", "completed", used, (2, 2, 0))}
        client.batches.retrieve("batch_1")
        rows(tmp_path, "select 1")

    assert facts(tmp_path)[0][2:] == (2, HALF, 0)


@pytest.mark.parametrize("status", ["validating", "in_progress", "finalizing", "cancelling"])
@pytest.mark.parametrize("early", [None, tokens(0, 0), tokens(500, 50)])
def test_a_batch_that_runs_has_no_cost_yet(
    client: openai.OpenAI, server: Player, tmp_path: Path, status: str, early: Any
) -> None:
    """Whatever it says of its usage; it counts the requests that it shall have."""
    server.routes = {"/batches": batch("batch_1", "validating", None, (0, 0, 0))}
    with llmwatch.task("nightly"):
        client.batches.create(completion_window="24h", endpoint="/v1/responses", input_file_id="file-in")
    server.routes = {"/batches/batch_1": batch("batch_1", status, early, (4, 1, 0))}
    client.batches.retrieve("batch_1")
    assert facts(tmp_path) == [("nightly", None, 1, None, 1)]

    server.routes = {"/batches/batch_1": batch("batch_1", "completed", USED, (4, 3, 1))}
    client.batches.retrieve("batch_1")

    assert facts(tmp_path) == [("nightly", None, 4, HALF, 0)]


@pytest.mark.parametrize(
    ("status", "used", "counts", "expected"),
    [
        ("completed", None, (3, 3, 0), (3, None, 1)),
        ("completed", tokens(0, 0), (3, 3, 0), (3, None, 1)),
        ("expired", None, (3, 2, 1), (3, None, 1)),
        ("cancelled", None, (3, 0, 3), (3, Decimal(0), 0)),
        ("completed", tokens(0, 0), (3, 0, 3), (3, Decimal(0), 0)),
        ("cancelled", USED, (3, 2, 1), (3, HALF, 0)),
    ],
)
def test_a_batch_without_usage_is_unknown_and_not_free(
    client: openai.OpenAI, server: Player, tmp_path: Path, status: str, used: Any, counts: Any, expected: Any
) -> None:
    """Nothing is billed only where no request was completed."""
    server.routes = {"/batches/batch_1": batch("batch_1", status, used, counts)}
    client.batches.retrieve("batch_1")

    assert [row[2:] for row in facts(tmp_path)] == [expected]


def test_a_batch_whose_file_was_refused_is_no_request(client: openai.OpenAI, server: Player, tmp_path: Path) -> None:
    """Status failed: nothing ran, nothing is counted, nothing is unknown."""
    server.routes = {"/batches/batch_1": batch("batch_1", "failed", None, (0, 0, 0))}
    client.batches.retrieve("batch_1")

    assert facts(tmp_path) == []


def line(number: int, used: Any = USED, status: int = 200) -> bytes:
    """One line of a batch's output, a response of its own."""
    name = f"resp_line_{number}"
    body = response(name, used) if status == 200 else {"error": {"message": "no", "code": "bad"}}
    answer = {"status_code": status, "request_id": f"req_{number}", "body": body}
    return json.dumps({"id": f"batch_req_{number}", "custom_id": f"c-{number}", "response": answer}).encode() + b"\n"


DONE = batch(
    "batch_1", "completed", tokens(3000, 300), (4, 3, 1), output_file_id="file-out", error_file_id="file-err"
)  # fmt: skip


@pytest.mark.parametrize("order", ["listed, read", "read, listed", "merged between"])
def test_the_lines_of_its_output_stand_for_a_batch(
    client: openai.OpenAI, server: Player, tmp_path: Path, order: str
) -> None:
    """Created here, seen to be over only in a list, its file read twice: four requests and $0.012, for its creator."""
    server.routes = {"/batches": batch("batch_1", "validating", None, (0, 0, 0))}
    with llmwatch.task("nightly"), llmwatch.customer("acme"):
        client.batches.create(completion_window="24h", endpoint="/v1/responses", input_file_id="file-in")
    server.routes = {
        "/batches": {"object": "list", "data": [DONE], "has_more": False},
        "/files/file-out/content": b"".join(line(n) for n in range(3)),
        "/files/file-err/content": line(3, status=400),
    }

    def read() -> None:
        with llmwatch.task("reader"), llmwatch.customer("nobody"):
            for _ in range(2):
                client.files.content("file-out")

    if order == "read, listed":
        read()
        rows(tmp_path, "select 1")
        list(client.batches.list())
    else:
        list(client.batches.list())
        if order == "merged between":
            assert facts(tmp_path) == [("nightly", "acme", 4, 3 * HALF, 0)]
        read()
    whole = [("nightly", "acme", 4, 3 * HALF, 0)]
    assert facts(tmp_path, is_merged=False) == whole
    assert facts(tmp_path) == whole

    client.files.content("file-err")
    list(client.batches.list())
    assert facts(tmp_path) == whole
    assert rows(tmp_path, "select count(*) from calls where requests > 0 and batch_file is not null") == [(4,)]
    begun = "select count(distinct started_at) from calls where requests > 0"
    assert rows(tmp_path, begun) == [(1,)]


@pytest.mark.parametrize("written", [1, 2, 3])
def test_lines_that_are_missing_stay_in_the_batch(
    client: openai.OpenAI, server: Player, tmp_path: Path, written: int
) -> None:
    """A process that dies while it writes them, or a full disk: what is in no line is billed by the batch."""
    server.routes = {
        "/batches/batch_1": DONE, "/files/file-out/content": b"".join(line(n) for n in range(written))
    }  # fmt: skip
    client.batches.retrieve("batch_1")
    client.files.content("file-out")
    assert sum(row[2] for row in facts(tmp_path)) == 4
    assert sum(row[3] for row in facts(tmp_path)) == 3 * HALF

    server.routes["/files/file-out/content"] = b"".join(line(n) for n in range(3))
    client.files.content("file-out")
    assert sum(row[2] for row in facts(tmp_path)) == 4
    assert sum(row[3] for row in facts(tmp_path)) == 3 * HALF


def test_an_error_file_alone_stands_for_nothing(client: openai.OpenAI, server: Player, tmp_path: Path) -> None:
    """The batch keeps its usage: the lines that were paid for are in the other file."""
    server.routes = {"/batches/batch_1": DONE, "/files/file-err/content": line(3, status=400)}
    client.batches.retrieve("batch_1")
    client.files.content("file-err")

    assert sum(row[3] or 0 for row in facts(tmp_path)) == 3 * HALF


def test_an_output_file_read_where_nobody_knows_its_batch(
    client: openai.OpenAI, server: Player, tmp_path: Path
) -> None:
    """Its lines are requests of their own; one without usage is unknown, one that expired was never sent."""
    expired = {"id": "x", "custom_id": "c", "response": None, "error": {"code": "batch_expired", "message": "late"}}
    content = line(1) + line(2, used=None) + json.dumps(expired).encode()
    server.routes = {"/files/file-out/content": content}
    client.files.content("file-out")

    assert facts(tmp_path)[0][2:] == (3, HALF, 1)


def test_a_long_output_file_is_read_beside_the_call(client: openai.OpenAI, server: Player, tmp_path: Path) -> None:
    """The program has its answer at once; the lines are there when the thread has ended."""
    import threading

    server.routes = {"/files/file-out/content": b"".join(line(n, used=USED) for n in range(4000))}
    assert len(client.files.content("file-out").read()) > 1 << 20
    for thread in threading.enumerate():
        if thread.name == "llmwatch-batch-file":
            thread.join(60)

    assert facts(tmp_path)[0][2:] == (4000, 4000 * HALF, 0)


def test_a_stream_left_early_is_estimated_until_its_usage_is_read(
    client: openai.OpenAI, server: Player, tmp_path: Path
) -> None:
    """As a chat stream is: grade C, then A once somebody asks for the answer."""
    created = {"type": "response.created", "sequence_number": 0, "response": response("resp_1", None, "in_progress")}
    delta = {"type": "response.output_text.delta", "item_id": "m", "output_index": 0, "content_index": 0}
    server.routes = {
        "/responses": [created, *({**delta, "sequence_number": 1 + n, "delta": "word "} for n in range(50))],
        "/responses/resp_1": response("resp_1", USED),
    }
    with client.responses.create(model="gpt-5.5", input="go", stream=True) as stream:
        next(iter(stream))
    grade = "select cost_grade, cost_usd > 0, requests from calls where operation_name = 'chat'"
    assert rows(tmp_path, grade) == [("C", True, 1)]

    client.responses.retrieve("resp_1")

    assert rows(tmp_path, grade) == [("A", True, 1)]
    assert sum(row[3] for row in facts(tmp_path)) == WHOLE
    # It was received after all, and how long it took nobody can say.
    assert rows(tmp_path, "select is_left, is_failed, answer_ms from call_facts") == [(False, False, None)]


def run(status: str, used: Any) -> dict[str, Any]:
    """A run of a thread, which reports its usage when it is over."""
    return {"id": "run_1", "object": "thread.run", "status": status, "model": "gpt-5.5", "usage": used}


CHAT_USAGE = {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100}


def test_a_run_of_a_thread_is_priced_by_its_usage(client: openai.OpenAI, server: Player, tmp_path: Path) -> None:
    """An endpoint outside the table: polled, and streamed. What only sets up a thread is not billable."""
    server.routes = {"/threads": {"id": "thread_1", "object": "thread"}, "/threads/thread_1/runs": run("queued", None)}
    client.post("/threads", cast_to=object, body={})
    client.post("/threads/thread_1/runs", cast_to=object, body={"assistant_id": "a"})
    assert facts(tmp_path)[0][2:] == (1, None, 1)

    server.routes = {"/runs/run_1": run("completed", CHAT_USAGE)}
    for _ in range(2):
        client.get("/threads/thread_1/runs/run_1", cast_to=object)
    assert [row[2:] for row in facts(tmp_path)] == [(1, WHOLE, 0)]

    done = [
        f"event: thread.run.{s}\ndata: {json.dumps(run(s, u))}\n\n"
        for s, u in (("queued", None), ("completed", CHAT_USAGE))
    ]
    server.routes = {"/threads/runs": [*done, "data: [DONE]\n\n"]}
    body = {"assistant_id": "a", "stream": True}
    stream = client.post("/threads/runs", cast_to=object, body=body, stream=True, stream_cls=openai.Stream[Any])
    list(stream)
    assert sum(row[3] for row in facts(tmp_path)) == 2 * WHOLE


def test_an_engine_in_the_path_is_a_model(client: openai.OpenAI, server: Player, tmp_path: Path) -> None:
    """The oldest shape of the API, which some proxies still speak."""
    server.routes = {"/engines/gpt-5.5/completions": {"id": "cmpl_1", "choices": [{"text": "hi"}], "usage": CHAT_USAGE}}
    client.post("/engines/gpt-5.5/completions", cast_to=object, body={"prompt": "go"})

    assert facts(tmp_path)[0][2:] == (1, WHOLE, 0)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/fine_tuning/jobs", [(1, None, 1)]),
        ("/videos", [(1, None, 1)]),
        ("/evals/eval_1/runs", [(1, None, 1)]),
        ("/something/new", [(1, None, 1)]),
        ("/assistants", []),
        ("/threads/thread_1/messages", []),
        ("/vector_stores", []),
        ("/realtime/client_secrets", []),
        ("/fine_tuning/jobs/ftjob-1/cancel", []),
    ],
)
def test_what_starts_work_is_unknown_and_what_sets_up_is_not_billable(
    client: openai.OpenAI, server: Player, tmp_path: Path, path: str, expected: Any
) -> None:
    """A fine-tuning job is trained for money; an assistant that is stored costs nothing."""
    server.routes = {path: {"id": "x", "object": "thing", "model": "gpt-5.5"}}
    client.post(path, cast_to=object, body={"model": "gpt-5.5"})

    assert [row[2:] for row in facts(tmp_path)] == expected


def cut(handler: Any) -> None:
    """A body of 1,000 bytes that ends after nine."""
    handler.send_response(200)
    handler.send_header("content-type", "application/json")
    handler.send_header("content-length", "1000")
    handler.end_headers()
    handler.wfile.write(b'{"id": "x')
    handler.wfile.flush()
    handler.connection.close()


def reset(handler: Any) -> None:
    """The connection is gone after the request was read."""
    handler.connection.close()


@pytest.mark.parametrize("die", [cut, reset])
def test_an_answer_that_died_on_its_way_is_unknown(
    client: openai.OpenAI, server: Player, tmp_path: Path, die: Any
) -> None:
    """It was asked for, and perhaps answered and billed."""
    server.routes = {"/responses": die}
    with pytest.raises(openai.APIConnectionError):
        client.responses.create(model="gpt-5.5", input="go")

    assert facts(tmp_path)[0][2:] == (1, None, 1)


def test_a_request_that_never_left_is_free(client: openai.OpenAI, tmp_path: Path) -> None:
    """Nobody listens, with two retries; or no request was made at all."""
    nowhere = client.with_options(base_url="http://127.0.0.1:9/v1", max_retries=1)
    with pytest.raises(openai.APIConnectionError):
        nowhere.responses.create(model="gpt-5.5", input="go")

    assert rows(tmp_path, "select cost_usd, cost_grade, retries from calls") == [(0, "A", 1)]


def test_the_usage_of_an_answer_stands_on_one_span(server: Player, tmp_path: Path) -> None:
    """For whoever sums the spans: the poll that brings the usage has it, no other."""
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    llmwatch.init(home=tmp_path, tracer_provider=provider)
    with openai.OpenAI(api_key="x", base_url=server.url, max_retries=0) as client:
        server.routes = {
            "/responses": response("resp_1", None, "queued", background=True),
            "/responses/resp_1": response("resp_1", USED, background=True),
            "/responses/resp_2": response("resp_2", USED),
        }
        client.responses.create(model="gpt-5.5", input="go", background=True)
        for name in ("resp_1", "resp_1", "resp_2"):
            client.responses.retrieve(name)
    llmwatch.shutdown()

    told = [(span.attributes or {}).get("gen_ai.usage.input_tokens") for span in exporter.get_finished_spans()]
    assert [number for number in told if number is not None] == [1000]


@pytest.mark.parametrize(
    ("place", "calls"), [({"type": "local"}, None), ({"type": "container_reference"}, 1), (None, 1)]
)
def test_a_shell_on_the_programs_own_machine_is_no_container(
    client: openai.OpenAI, server: Player, tmp_path: Path, place: Any, calls: int | None
) -> None:
    """OpenAI bills the containers that it runs."""
    item = {"type": "shell_call", "id": "sh_1", "call_id": "c", "status": "completed", "action": {"commands": ["ls"]}}
    server.routes = {"/responses": response("resp_1", USED, output=[{**item, "environment": place}])}
    client.responses.create(model="gpt-5.5", input="go")

    assert rows(tmp_path, "select container_calls from calls") == [(calls,)]
