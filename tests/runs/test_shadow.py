"""`llmwatch shadow` against the stand-in over HTTP: what is sent, what is paid, when it stops and why it refuses."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from openai import OpenAI

import llmwatch
from llmwatch.figures.reading import Reading
from llmwatch.figures.replays import load_pairs, load_replays
from llmwatch.prices import PriceBook
from llmwatch.prices.models import load_models
from llmwatch.runs.adapt import adapted, learned
from llmwatch.runs.ledger import one_run
from llmwatch.standin import ApiError, RawReply, Reply, RequestInfo, StandinServer
from llmwatch.store import Store
from llmwatch.store.queries import create_views

from .desk import (
    CANDIDATE,
    INCUMBENT,
    TASK,
    asked,
    capture,
    category,
    classify,
    command,
    configure,
    facts,
    number_of,
    rows,
    started,
)


def shadow(server: StandinServer, *more: str) -> tuple[str, ...]:
    """The arguments of a shadow of the desk's task."""
    return ("shadow", "--task", TASK, "--to", CANDIDATE, "--base-url", server.base_url, "--format", "json", *more)


def test_without_run_nothing_is_sent_and_the_cost_is_said(tmp_path: Path) -> None:
    """The plan needs no key, and what it expects is what the run then pays, within its range."""
    with StandinServer(brain=classify) as server:
        settings = capture(tmp_path / "home", server, 20)
        planned = facts(command(settings.home, *shadow(server), OPENAI_API_KEY=""))["facts"]
        sent_before = len(server.requests)
        paid = facts(command(settings.home, *shadow(server, "--run")))["facts"]

    assert sent_before == 0
    assert planned["to_send"] == paid["answered"] == 20
    low, high = Decimal(planned["expected_low_usd"]), Decimal(planned["expected_high_usd"])
    assert 0 < low * Decimal("0.7") <= Decimal(paid["paid_usd"]) <= high


def test_a_pair_is_paid_once_however_often_the_command_is_given(tmp_path: Path) -> None:
    """The second run finds every pair answered; a larger --n sends only what is missing."""
    with StandinServer(brain=classify) as server:
        settings = capture(tmp_path / "home", server, 30)
        for number in ("10", "10", "25"):
            facts(command(settings.home, *shadow(server, "--run", "--n", number)))
        questions = asked(server)

    assert len(questions) == 25
    assert set(questions.values()) == {1}
    assert rows(settings, "select count(*) from replays where state = 'answered'") == [(25,)]


def test_the_request_is_the_stored_one_adapted_and_names_no_user(tmp_path: Path) -> None:
    """Tools and parameters travel; what a reasoning model does not take and whom it was for do not."""
    tool = {"type": "function", "function": {"name": "route", "parameters": {"type": "object", "properties": {}}}}
    with StandinServer() as server:
        settings = capture(
            tmp_path / "home", server, 1,
            temperature=0.2, seed=7, tools=[tool], tool_choice="auto", user="u-17", metadata={"customer": "acme"},
        )  # fmt: skip
        facts(command(settings.home, *shadow(server, "--run")))
        sent = server.requests[0].json()

    assert (sent["model"], sent["seed"], sent["tools"], sent["tool_choice"]) == (CANDIDATE, 7, [tool], "auto")
    assert sent["max_completion_tokens"] == 50
    assert not sent.keys() & {"temperature", "max_tokens", "user", "metadata", "store"}
    assert rows(settings, "select facts from replays where state = 'answered'")[0][0].count("temperature is left out")


def test_another_effort_is_another_candidate(tmp_path: Path) -> None:
    """Its pairs are paid for and counted apart; tools go to a model that cannot think beside them with none."""
    tool = {"type": "function", "function": {"name": "route", "parameters": {"type": "object", "properties": {}}}}
    with StandinServer() as server:
        settings = capture(tmp_path / "home", server, 2)
        plain = facts(command(settings.home, *shadow(server, "--run")))["facts"]
        server.forget()
        silent = facts(command(settings.home, *shadow(server, "--effort", "none", "--run")))["facts"]
        efforts = [request.json().get("reasoning_effort") for request in server.requests]
    known = next(m for m in load_models(PriceBook(), date(2026, 11, 21)) if m.name == "gpt-6-luna")
    body, notes = adapted("chat", {"messages": [], "tools": [tool]}, "gpt-6-luna", known, lambda _: True)

    assert (plain["pairs"], silent["pairs"], silent["answered"], efforts) == (2, 2, 2, ["none", "none"])
    assert (body["reasoning_effort"], notes) == ("none", ("reasoning_effort is set to none",))


def test_responses_are_replayed_as_responses_and_not_stored(tmp_path: Path) -> None:
    """The family stays, instructions travel, and the answer is not kept at OpenAI."""
    settings = configure(tmp_path / "home")
    with StandinServer(brain=lambda info: Reply(text="billing", reasoning_tokens=0)) as server:
        llmwatch.init(home=settings.home, sample_rate=1.0)
        with OpenAI(base_url=server.base_url, api_key="sk-standin") as client, llmwatch.task(TASK):
            client.responses.create(model=INCUMBENT, instructions="One word.", input="Which?", max_output_tokens=40)
        llmwatch.shutdown()
        server.forget()
        done = facts(command(settings.home, *shadow(server, "--run")))["facts"]
        request = server.requests[0]

    assert request.path.endswith("/responses")
    sent = request.json()
    assert (sent["instructions"], sent["input"], sent["store"], sent["max_output_tokens"]) == (
        "One word.", "Which?", False, 40,
    )  # fmt: skip
    assert (done["answered"], done["same"]) == (1, 1)
    assert rows(settings, "select time_to_first_token_ms > 0, cost_usd > 0 from replays where state = 'answered'") == [
        (True, True)
    ]


def test_a_run_stops_as_soon_as_the_loss_is_proved(tmp_path: Path) -> None:
    """With no difference at all, 5 points are proved after 88 replays; calls under way may still end."""
    with StandinServer(brain=classify, keep_requests=5000) as server:
        settings = capture(tmp_path / "home", server, 130, rest=f'\n[stakes]\n"{TASK}" = "low"\n')
        done = facts(command(settings.home, *shadow(server, "--run")))["facts"]

    assert (done["reason"], done["detail"]) == ("decided", "proved")
    # Eight are under way when the 88th is counted, and eight more may have been started while it was.
    assert 88 <= done["answered"] <= 88 + 16


@pytest.mark.slow
def test_a_run_that_waited_for_reviews_goes_on_once_they_are_there(tmp_path: Path) -> None:
    """Only people can score one answer in 25: 500 replays wait for them, and then more may be made."""

    def reworded(info: RequestInfo) -> Reply:
        said = classify(info)
        is_other = info.model.startswith(CANDIDATE) and number_of(info) % 25 == 0
        return replace(said, text=f"It is {said.text}.") if is_other else said

    with StandinServer(brain=reworded) as server:
        settings = capture(tmp_path / "home", server, 530)
        run = shadow(server, "--run", "--n", "530")
        first, again = (facts(command(settings.home, *run))["facts"] for _ in range(2))
        file = tmp_path / "pairs.csv"
        asked_of = ("review", "--pairs", "--task", TASK, "--to", CANDIDATE, "--csv", str(file))
        assert command(settings.home, *asked_of).returncode == 0
        file.write_text(_as_good(file), "utf-8", newline="")
        assert command(settings.home, "review", "import", str(file)).returncode == 0
        then = facts(command(settings.home, *run))["facts"]

    assert first["detail"] == "review"
    assert 500 <= first["answered"] < 530
    assert again["answered"] == 0
    assert first["answered"] + then["answered"] == 530


def _as_good(file: Path) -> str:
    """A file of pairs, each of which is called as good."""
    with file.open(encoding="utf-8", newline="") as opened:
        reader = csv.DictReader(opened)
        made = io.StringIO()
        writer = csv.DictWriter(made, list(reader.fieldnames or ()))
        writer.writeheader()
        writer.writerows([{**row, "better": "same"} for row in reader])
    return made.getvalue()


def test_the_cap_is_never_exceeded(tmp_path: Path) -> None:
    """What the requests limit is bounded: the sum of what was paid stays below the cap, over several runs too."""
    with StandinServer(brain=classify) as server:
        settings = capture(tmp_path / "home", server, 40)
        cap = "0.00015"
        first = facts(command(settings.home, *shadow(server, "--run", "--max-usd", cap)))["facts"]
        again = facts(command(settings.home, *shadow(server, "--run", "--max-usd", cap)))["facts"]

    paid = rows(settings, "select sum(cost_usd) from replays")[0][0]
    assert (first["reason"], again["reason"]) == ("cap", "cap")
    assert 0 < first["answered"] < 40
    assert Decimal(0) < paid <= Decimal(cap)
    assert Decimal(first["paid_usd"]) + Decimal(again["paid_usd"]) == paid


def test_rate_limits_are_waited_for_and_cost_nothing(tmp_path: Path) -> None:
    """429 answers are tried again after the time they name, and every input is answered once."""
    with StandinServer(brain=classify) as server:
        settings = capture(tmp_path / "home", server, 10)
        refusal = ApiError(429, "Rate limit reached.", "rate_limit_exceeded", "requests", retry_after_s=0.2)
        server.script("/chat/completions", [refusal] * 3)
        done = facts(command(settings.home, *shadow(server, "--run", "--concurrency", "2")))["facts"]
        received = len(server.requests)

    assert (done["answered"], done["lost"], received) == (10, 0, 13)
    assert rows(settings, "select sum(retries) from replays where state = 'answered'") == [(3,)]


def test_a_parameter_the_model_refuses_is_left_out_and_said(tmp_path: Path) -> None:
    """What the catalogue does not know is learnt from the first refusal, which is not billed."""

    def brain(info: RequestInfo) -> Reply:
        if info.model == CANDIDATE and "seed" in info.params:
            return Reply(error=ApiError(400, "Unsupported parameter: 'seed'.", "unsupported_parameter", param="seed"))
        return classify(info)

    with StandinServer(brain=brain) as server:
        settings = capture(tmp_path / "home", server, 5, seed=3)
        done = command(settings.home, *shadow(server, "--run", "--concurrency", "1"))

    assert facts(done)["facts"]["answered"] == 5
    assert f"{CANDIDATE} does not take seed: sent without." in done.stdout


_NOT_TAKEN = {
    "max_tokens": ApiError(
        400, "Unsupported parameter: 'max_tokens' is not supported. Use 'max_completion_tokens' instead.",
        "unsupported_parameter", param="max_tokens",
    ),
    "top_k": ApiError(400, "Unrecognized request argument supplied: top_k"),
    "stop": ApiError(422, "stop: Extra inputs are not permitted", param="stop"),
    "seed": ApiError(400, "Unsupported value: 'seed'.", "unsupported_value", param="seed"),
    "verbosity": ApiError(400, "This model doesn't support verbosity."),
}  # fmt: skip
_OF_ANOTHER_SERVER = """
[[prices]]
model = "tiny"
input = 0.1
output = 0.4
"""


def test_the_change_that_is_printed_is_the_request_that_was_replayed(tmp_path: Path) -> None:
    """Parameters are refused one by one, in the ways in which servers say it; no answer is lost by it."""

    def brain(info: RequestInfo) -> Reply:
        refused = [] if info.model == INCUMBENT else [one for name, one in _NOT_TAKEN.items() if name in info.params]
        return Reply(error=refused[0]) if refused else classify(info)

    with StandinServer(brain=brain) as server:
        settings = capture(
            tmp_path / "home", server, 6, rest=_OF_ANOTHER_SERVER,
            seed=3, stop=["\n"], verbosity="low", extra_body={"top_k": 5},
        )  # fmt: skip
        known, other = (
            command(settings.home, "shadow", "--task", TASK, "--to", model, "--base-url", server.base_url, "--run",
                    "--concurrency", "1")
            for model in (CANDIDATE, "tiny")
        )  # fmt: skip
        last = server.requests[-1].json()
    said = command(settings.home, "downgrade", "--task", TASK).stdout

    assert "gpt-6-luna does not take top_k, stop, seed, verbosity: sent without." in known.stdout
    for name in ("top_k", "stop", "seed", "verbosity"):
        assert f"Leave out {name} (the replays were made without it)." in said
    assert "Rename max_tokens to max_completion_tokens." in said
    assert "tiny takes max_tokens as max_completion_tokens: sent so." in other.stdout
    assert (last["model"], last["max_completion_tokens"], last.keys() & _NOT_TAKEN.keys()) == ("tiny", 50, set())
    assert rows(settings, "select model, state, retries, count(*) from replays where state <> 'sent' group by all") == [
        (CANDIDATE, "answered", 0, 6), ("tiny", "answered", 0, 6),
    ]  # fmt: skip
    [(adapted_to,)] = rows(
        settings, "select distinct facts ->> 'adapted' from replays where model = 'tiny' and facts is not null"
    )
    assert set(json.loads(adapted_to)) == {
        "max_tokens is sent as max_completion_tokens",
        *(f"{name} is left out" for name in ("top_k", "stop", "seed", "verbosity")),
    }


def test_what_is_refused_of_an_adapted_request_is_said_of_the_customers_own_parameter() -> None:
    """A parameter that was renamed and is refused under its new name is one to leave out; another one's note stays."""
    notes = ("temperature is left out", "max_tokens is sent as max_completion_tokens", "reasoning_effort is set to low")

    assert learned(notes, {"max_completion_tokens": ""}) == (notes[0], notes[2], "max_tokens is left out")
    assert learned(notes, {"reasoning_effort": ""}) == (*notes[:2], "reasoning_effort is left out")
    assert learned(notes, {"stop": "stop_sequences"}) == (*notes, "stop is sent as stop_sequences")
    assert learned(notes, {}) == notes


def test_a_broken_answer_may_have_been_billed_and_is_not_repeated(tmp_path: Path) -> None:
    """Its reserve stays in the cap, it is named, and only --retry-lost sends it again."""
    with StandinServer(brain=classify) as server:
        settings = capture(tmp_path / "home", server, 4)
        server.script("/chat/completions", [RawReply(200, {"content-type": "text/event-stream"}, b"", die_after=0)])
        first = facts(command(settings.home, *shadow(server, "--run")))["facts"]
        again = command(settings.home, *shadow(server, "--run"))
        sent_then = len(server.requests)
        last = facts(command(settings.home, *shadow(server, "--run", "--retry-lost")))["facts"]

    assert (first["answered"], first["lost"]) == (3, 1)
    assert Decimal(first["at_risk_usd"]) > 0
    assert facts(again)["facts"]["answered"] == 0
    assert "1 request was in flight when a run ended or a connection broke" in again.stdout
    assert sent_then == 4
    assert (last["answered"], last["lost"]) == (1, 0)


def test_a_wrong_key_ends_the_run_at_once(tmp_path: Path) -> None:
    """One refusal says that no request can succeed; the exit code says so too."""
    with StandinServer(brain=classify) as server:
        settings = capture(tmp_path / "home", server, 10)
        server.script("*", [ApiError(401, "Incorrect API key provided.", "invalid_api_key")] * 20)
        done = command(settings.home, *shadow(server, "--run", "--concurrency", "1"))

    assert done.returncode == 1
    assert "Incorrect API key provided." in done.stdout
    assert len(server.requests) == 1


@pytest.mark.slow
def test_an_interrupt_lets_requests_under_way_end(tmp_path: Path) -> None:
    """Ctrl-C stops sending; what was sent is answered and recorded, and nothing is lost."""

    def slow(info: RequestInfo) -> Reply:
        return Reply(text=category(number_of(info)), reasoning_tokens=0, first_token_s=0.3)

    with StandinServer(brain=classify) as server:
        settings = capture(tmp_path / "home", server, 60)
        server.brain = slow
        run = started(settings.home, *shadow(server, "--run", "--concurrency", "2"))
        _until(lambda: len(server.requests) >= 4)
        os.kill(run.pid, signal.SIGINT)
        _, complaint = run.communicate(timeout=60)
        received = len(server.requests)

    assert run.returncode == 130
    assert b"Finishing" in complaint
    states = dict(rows(settings, "select state, count(*) from replays group by all"))
    assert states["sent"] == states["answered"] == received < 60


def test_two_runs_on_one_task_do_not_pay_twice(tmp_path: Path) -> None:
    """The second is told who is at work, in one sentence; a dry one is not disturbed."""
    with StandinServer(brain=classify) as server:
        settings = capture(tmp_path / "home", server, 2)
        with one_run(settings, TASK):
            second = command(settings.home, *shadow(server, "--run"))
            dry = command(settings.home, *shadow(server))
        received = len(server.requests)

    assert second.returncode == 3
    assert f"Another run on task {TASK} is under way (process {os.getpid()})." in second.stderr
    assert (dry.returncode, received) == (0, 0)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, StandinServer]]:
    """A home with two calls, for what is refused before anything is sent."""
    home = tmp_path_factory.mktemp("desk") / "home"
    with StandinServer(brain=classify) as server:
        capture(home, server, 2)
        yield home, server


@pytest.mark.parametrize(
    ("rest", "arguments", "words"),
    [
        ("", ("--to", "gpt-4-turbo"), "stopped answering on 2026-10-23"),
        ("", ("--to", "gpt-9-nobody"), "has no price"),
        ("", ("--to", "gpt-4o"), "already"),
        ("", ("--task", "ticket.clasify", "--to", CANDIDATE), "Did you mean ticket.classify?"),
        (f'\n[stakes]\n"{TASK}" = "critical"\n', ("--to", CANDIDATE), "critical"),
    ],
)
def test_what_cannot_be_replayed_is_refused_with_the_reason(
    desk: tuple[Path, StandinServer], rest: str, arguments: tuple[str, ...], words: str
) -> None:
    """Exit code 2, one sentence, nothing sent."""
    home, server = desk
    configure(home, rest)
    if rest:
        assert command(home, "config", "adopt").returncode == 0
    given = ("shadow", "--task", TASK, "--base-url", server.base_url, "--run", *arguments)

    done = command(home, *given)

    assert done.returncode == 2, done.stdout
    assert words in done.stderr
    assert not server.requests


def test_inputs_that_were_not_kept_are_refused_with_what_to_set(tmp_path: Path) -> None:
    """content = metadata keeps nothing; the sentence says for how long content is kept and how to keep some."""
    with StandinServer(brain=classify) as server:
        settings = capture(tmp_path / "home", server, 2, keeps=False)
        done = command(settings.home, *shadow(server, "--run"))

    assert done.returncode == 2
    assert f"No input of {TASK} is kept: of 2 calls" in done.stderr
    assert "content is kept for 30 days" in done.stderr


def test_without_a_key_nothing_is_sent(tmp_path: Path) -> None:
    """The key is read from the environment and nowhere else."""
    with StandinServer(brain=classify) as server:
        settings = capture(tmp_path / "home", server, 1)
        done = command(settings.home, *shadow(server, "--run"), OPENAI_API_KEY="")

    assert done.returncode == 2
    assert "OPENAI_API_KEY is not set" in done.stderr


def test_tools_that_openai_runs_are_never_replayed(tmp_path: Path) -> None:
    """A web search would cost, and an MCP server would act."""
    with StandinServer(brain=classify) as server:
        settings = capture(tmp_path / "home", server, 2, web_search_options={})
        done = facts(command(settings.home, *shadow(server)))

    assert done["facts"]["to_send"] == 0
    assert "tools that OpenAI would run" in json.dumps(done)


def test_pairs_say_what_the_answers_were(tmp_path: Path) -> None:
    """Same after normalisation is same, a broken schema is lost, a cut answer is cut, in the order of sending."""
    schema = {"type": "object", "properties": {"category": {"type": "string"}}, "required": ["category"]}
    form = {"type": "json_schema", "json_schema": {"name": "ticket", "schema": schema}}

    def brain(info: RequestInfo) -> Reply:
        number = number_of(info)
        if info.model != CANDIDATE:
            return Reply(text=json.dumps({"category": category(number)}), reasoning_tokens=0)
        texts = ['{ "category" : "' + category(number) + '" }', "billing", '{"category": "other"}']
        return Reply(text=texts[number % 3], reasoning_tokens=0, finish_reason="length" if number % 3 == 1 else None)

    with StandinServer(brain=brain) as server:
        settings = capture(tmp_path / "home", server, 9, response_format=form)
        facts(command(settings.home, *shadow(server, "--run")))

    with Store(settings).read() as con:
        create_views(con)
        reading = Reading(con, settings=settings)
        replays = load_replays(reading, TASK, CANDIDATE)
        pairs = load_pairs(reading, TASK, CANDIDATE)
    assert [replay.pair for replay in replays] == pairs
    assert sorted(str(pair.difference) for pair in pairs) == ["-1.0"] * 3 + ["0.0"] * 3 + ["None"] * 3
    assert sum(pair.candidate_cut is True for pair in pairs) == 3
    assert sum(pair.candidate_valid is False for pair in pairs) == 3
    assert all(pair.incumbent_valid and pair.stratum for pair in pairs)
    assert [replay.sent_at for replay in replays] == sorted(replay.sent_at for replay in replays)


def test_what_was_personal_stays_redacted_in_the_replay(tmp_path: Path) -> None:
    """The input is sent as it is kept, and an answer with an address is kept without it."""

    def brain(info: RequestInfo) -> Reply:
        return Reply(text="write to ann.lee@example.com", reasoning_tokens=0)

    with StandinServer(brain=brain) as server:
        messages = [{"role": "user", "content": "Ticket #1 : from bob.ray@example.com"}]
        settings = capture(tmp_path / "home", server, 1, messages=messages)
        done = facts(command(settings.home, *shadow(server, "--run")))["facts"]
        sent = server.requests[0].body

    assert b"example.com" not in sent
    assert done["same"] == 1
    assert "example.com" not in rows(settings, "select output_messages from replays where state = 'answered'")[0][0]


def _until(holds: object, seconds: float = 30.0) -> None:
    assert callable(holds)
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.01)
