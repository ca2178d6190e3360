"""Scripted bytes, named scenarios, recorded requests, and time."""

import gzip
import json
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx2
import openai
import pytest
from openai import OpenAI

from llmwatch.standin import ApiError, RawReply, Reply, StandinServer, VirtualClock
from llmwatch.standin.recorded import load, serve
from llmwatch.standin.scenarios import HEADER, SCENARIOS

ASKED = [{"role": "user", "content": "hi"}]
RECORDED = Path(__file__).parents[3] / "shared" / "recorded"
SSE = b'data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[]}\n\ndata: [DONE]\n\n'


def _ask(client: OpenAI, scenario: str, **extra):
    options = client.with_options(max_retries=extra.pop("max_retries", 0), timeout=extra.pop("timeout", 5))
    return options.chat.completions.create(model="gpt-4o", messages=ASKED, extra_headers={HEADER: scenario}, **extra)


def test_what_was_sent_is_recorded_byte_for_byte(client: OpenAI, server: StandinServer):
    """Method, target, header spelling and body of a request can be asserted."""
    client.chat.completions.create(model="gpt-4o", messages=ASKED, extra_headers={"X-Mine": "a b"})

    sent = server.requests[-1]
    assert (sent.method, sent.target) == ("POST", "/v1/chat/completions")
    assert sent.body == b'{"model":"gpt-4o","messages":[{"role":"user","content":"hi"}]}'
    assert sent.header("x-mine") == "a b"


def test_one_connection_serves_many_requests(server: StandinServer):
    """Keep-alive: two requests come from one client port."""
    with httpx2.Client(headers={"authorization": "Bearer k"}) as http:
        ports = {
            http.get(f"{server.base_url}/models").extensions["network_stream"].get_extra_info("client_addr")[1]
            for _ in range(2)
        }

    assert len(ports) == 1


def test_only_the_last_requests_are_kept():
    """The record is bounded."""
    with StandinServer(keep_requests=2) as server, OpenAI(base_url=server.base_url, api_key="k") as client:
        for _ in range(3):
            client.models.list()

        assert [request.number for request in server.requests] == [2, 3]


def test_scripted_bytes_come_in_order_and_then_the_brain_again(client: OpenAI, server: StandinServer):
    """A queue of raw bytes, a reply and an error is used up in order by matching requests only."""
    raw = RawReply(201, {"content-type": "text/event-stream"}, SSE)
    server.script("/chat/completions", [raw, Reply(text="scripted"), ApiError(403, "no", "denied")])
    client.models.list()
    first = client.chat.completions.with_raw_response.create(model="gpt-4o", messages=ASKED)
    second = client.chat.completions.create(model="gpt-4o", messages=ASKED)
    with pytest.raises(openai.PermissionDeniedError):
        client.chat.completions.create(model="gpt-4o", messages=ASKED)
    fourth = client.chat.completions.create(model="gpt-4o", messages=ASKED)

    assert (first.status_code, first.http_response.content) == (201, SSE)
    assert second.choices[0].message.content == "scripted"
    assert fourth.choices[0].message.content != "scripted"


def test_a_predicate_picks_its_requests(client: OpenAI, server: StandinServer):
    """A script can be bound to anything about a request."""
    server.script(lambda request: b"gold" in request.body, [Reply(text="found")])
    other = client.chat.completions.create(model="gpt-4o", messages=ASKED)
    gold = client.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": "gold"}])

    assert other.choices[0].message.content != "found"
    assert gold.choices[0].message.content == "found"


def test_chunks_with_delays_arrive_apart(server: StandinServer):
    """On the machine's clock a delay between chunks is real."""
    server.script("*", [RawReply(200, {"content-type": "text/plain"}, chunks=[b"a", (0.15, b"b")])])
    with httpx2.Client() as http, http.stream("GET", server.base_url) as answer:
        arrived = [(piece, time.monotonic()) for piece in answer.iter_raw()]

    assert [piece for piece, _ in arrived] == [b"a", b"b"]
    assert arrived[1][1] - arrived[0][1] > 0.1


@pytest.mark.parametrize("name", ["torn", "reset"])
@pytest.mark.parametrize("is_stream", [True, False])
def test_a_connection_dies_midway(client: OpenAI, name: str, is_stream: bool):
    """Half a body and then nothing: the SDK or its stream raises a transport error."""
    with pytest.raises((openai.APIConnectionError, httpx2.TransportError)):
        answer = _ask(client, name, stream=is_stream)
        list(answer)


def test_never_answering_and_never_finishing_time_out(client: OpenAI):
    """Both hold the connection until the client gives up."""
    with pytest.raises(openai.APITimeoutError):
        _ask(client, "never-answers", timeout=0.15)
    with pytest.raises(openai.APITimeoutError):
        _ask(client, "never-finishes", timeout=0.15)


@pytest.mark.parametrize(("name", "attempts"), [("429-then-ok", 2), ("500-twice-then-ok", 3)])
def test_the_sdk_retries_to_success(client: OpenAI, server: StandinServer, name: str, attempts: int):
    """The error goes away after as many attempts as the name says, within milliseconds."""
    answer = _ask(client, name, max_retries=2)

    assert answer.choices[0].message.content
    assert len(server.requests) == attempts


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("400", openai.BadRequestError),
        ("401", openai.AuthenticationError),
        ("404", openai.NotFoundError),
        ("429", openai.RateLimitError),
        ("500", openai.InternalServerError),
        ("content-filter-400", openai.BadRequestError),
        ("no such scenario", openai.BadRequestError),
    ],
)
def test_error_scenarios_raise_the_sdks_own_errors(client: OpenAI, name: str, error: type[Exception]):
    """Each status is the SDK's class for it."""
    with pytest.raises(error):
        _ask(client, name)


def test_gzip_is_transparent_to_the_client(client: OpenAI, server: StandinServer):
    """Whole and streamed bodies in gzip read as without."""
    server.brain = lambda info: Reply(text="packed")
    whole = _ask(client, "gzip")
    streamed = "".join(chunk.choices[0].delta.content or "" for chunk in _ask(client, "gzip", stream=True))

    assert whole.choices[0].message.content == streamed == "packed"


def test_dribbled_bytes_are_the_same_stream(client: OpenAI, server: StandinServer):
    """Events cut every seven bytes, inside characters too, read as without."""
    server.brain = lambda info: Reply(text="zwölf Züge 東京")

    assert "".join(c.choices[0].delta.content or "" for c in _ask(client, "dribbled", stream=True)) == "zwölf Züge 東京"


def test_odd_bodies_reach_the_client(client: OpenAI):
    """Refusals, cuts, filters, missing usage and repeated usage look as servers send them."""
    refused = _ask(client, "refusal").choices[0]
    cut = _ask(client, "length").choices[0]
    filtered = _ask(client, "content-filter").choices[0]
    repeated = list(_ask(client, "usage-on-each-chunk", stream=True))
    endless = list(_ask(client, "no-end-marker", stream=True))

    assert (refused.message.refusal is not None, refused.message.content) == (True, None)
    assert (cut.finish_reason, filtered.finish_reason) == ("length", "content_filter")
    assert _ask(client, "no-usage").usage is None
    assert all(chunk.usage for chunk in repeated)
    assert endless[-1].choices[0].finish_reason is None


def test_broken_bodies_reach_the_client(client: OpenAI):
    """A cut JSON body, HTML, an empty object and wrong types come through as they are."""
    with pytest.raises(json.JSONDecodeError):
        _ask(client, "not-json")
    assert "Welcome" in str(_ask(client, "html"))
    assert _ask(client, "empty-object").choices is None
    assert _ask(client, "wrong-types").usage.prompt_tokens == "many"


def test_an_error_inside_a_stream_is_told(client: OpenAI, server: StandinServer):
    """Chat: an error object after some content. Responses: an error event."""
    server.brain = lambda info: Reply(text="one two three", failure="broken")
    with pytest.raises(openai.APIError, match="broken"):
        list(client.chat.completions.create(model="gpt-4o", messages=ASKED, stream=True))
    events = list(
        client.responses.create(model="gpt-4o", input="a", stream=True, extra_headers={HEADER: "error-event"})
    )

    assert (events[0].type, events[0].message) == ("error", "Something went wrong.")


@pytest.mark.parametrize("name", sorted(set(SCENARIOS) - {"never-answers", "never-finishes", "torn", "reset"}))
def test_every_other_scenario_answers_over_http(server: StandinServer, name: str):
    """Each named scenario gives a complete HTTP answer, whole and streamed."""
    with httpx2.Client(headers={"authorization": "Bearer k", HEADER: name}) as http:
        body = {"model": "gpt-4o", "messages": ASKED}
        whole = http.post(f"{server.base_url}/chat/completions", json=body)
        streamed = http.post(f"{server.base_url}/chat/completions", json={**body, "stream": True})

    assert whole.content
    assert streamed.content


def test_a_virtual_clock_moves_without_waiting(clock: VirtualClock):
    """A minute of latency costs no real time, and the first token is seen before the last."""
    server = StandinServer(clock=clock, brain=lambda info: Reply(text="a b c d", first_token_s=10, tokens_per_s=0.1))
    seen = []
    began = time.monotonic()
    with server, OpenAI(base_url=server.base_url, api_key="k") as client:
        seen.append(clock.time_ns())
        for chunk in client.chat.completions.create(model="gpt-4o", messages=ASKED, stream=True):
            if chunk.choices[0].delta.content:
                seen.append(clock.time_ns())

    elapsed = [round((at - seen[0]) / 1e9) for at in seen]
    assert (elapsed[0], elapsed[1]) == (0, 10)
    assert elapsed[-1] == 50
    assert time.monotonic() - began < 20


def test_a_clock_refuses_to_run_back(clock: VirtualClock):
    """A negative step is a mistake, and moving to the past changes nothing."""
    before = clock.time_ns()
    clock.move_to(before - 5)

    assert clock.time_ns() == before
    with pytest.raises(ValueError, match="forward"):
        clock.advance(-1)


def test_many_threads_get_their_own_answers(server: StandinServer):
    """Twenty calls from four threads each get the answer to their own question, with ids that differ."""
    server.brain = lambda info: Reply(text=info.prompt)
    seen: list[tuple[str, str | None, str]] = []

    def talk(worker: int) -> None:
        with OpenAI(base_url=server.base_url, api_key="k") as client:
            for turn in range(5):
                said = f"{worker}-{turn}"
                answer = client.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": said}])
                seen.append((said, answer.choices[0].message.content, answer.id))

    threads = [threading.Thread(target=talk, args=(worker,)) for worker in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [said for said, _, _ in seen] == [told for _, told, _ in seen]
    assert len({answer_id for _, _, answer_id in seen}) == 20


def test_the_process_prints_its_address_and_serves():
    """`python -m llmwatch.standin` serves until it is terminated, and leaves with 0."""
    command = [sys.executable, "-m", "llmwatch.standin", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        base_url = process.stdout.readline().strip()
        with OpenAI(base_url=base_url, api_key="k") as client:
            answer = client.chat.completions.create(model="gpt-4o", messages=ASKED)
        process.terminate()

    assert answer.choices[0].message.content
    assert process.returncode == 0


def test_recordings_are_read_and_served_again(tmp_path: Path):
    """A folder of the recorded shape is served byte for byte, a missing content type told from the body."""
    (tmp_path / "a.sse").write_bytes(SSE)
    (tmp_path / "a.json").write_text('{"model": "m"}')
    row = {
        "id": "a",
        "file": "a.sse",
        "request": "a.json",
        "method": "POST",
        "endpoint": "/chat/completions",
        "status": 200,
        "content_type": "",
        "streaming": True,
        "truth": {"model": "m"},
        "request_id": "req_1",
    }
    (tmp_path / "index.jsonl").write_text(json.dumps(row) + "\n")
    (recording,) = load(tmp_path)
    with StandinServer() as server, httpx2.Client() as http:
        serve(server, recording)
        answer = http.post(f"{server.base_url}/chat/completions", json=recording.request)

    assert (answer.content, answer.headers["x-request-id"]) == (SSE, "req_1")
    assert answer.headers["content-type"].startswith("text/event-stream")


@pytest.mark.skipif(not RECORDED.is_dir(), reason="no recorded traffic next to the project")
def test_all_recorded_traffic_is_served_unchanged():
    """Every recorded body of the shared folder comes back with its status and bytes."""
    recordings = load(RECORDED)
    changed: list[str] = []
    with StandinServer() as server, httpx2.Client() as http:
        for recording in recordings:
            serve(server, recording)
            answer = http.request(recording.method, f"{server.base_url}{recording.endpoint}", json=recording.request)
            if (answer.status_code, answer.content) != (recording.status, recording.body):
                changed.append(recording.id)

    assert len(recordings) > 200
    assert changed == []


def test_a_gzip_body_can_be_scripted_verbatim(server: StandinServer):
    """What is scripted is what is sent, compressed or not."""
    packed = gzip.compress(b'{"a": 1}', mtime=0)
    server.script("/models", [RawReply(200, {"content-encoding": "gzip"}, packed)])

    assert httpx2.get(f"{server.base_url}/models").json() == {"a": 1}
