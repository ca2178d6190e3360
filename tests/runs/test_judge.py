"""`llmwatch judge` against the stand-in over HTTP: scores, verdicts in both orders, series, and what is paid."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

from llmwatch.figures.reading import Reading
from llmwatch.figures.replays import load_pairs
from llmwatch.standin import Reply, RequestInfo, StandinServer
from llmwatch.store import Store
from llmwatch.store.queries import create_views

from .desk import CANDIDATE, INCUMBENT, TASK, capture, category, command, facts, number_of, rows


def judge(server: StandinServer, *more: str) -> tuple[str, ...]:
    """The arguments of a judge of the desk's task."""
    return ("judge", "--task", TASK, "--base-url", server.base_url, "--format", "json", *more)


def brain(info: RequestInfo) -> Reply:
    """Incumbent and candidate differ on every third ticket; the judge knows which answer is right."""
    if info.schema is None:
        number = number_of(info)
        right = info.model == INCUMBENT or number % 3
        return Reply(text=category(number) if right else f"perhaps {category(number)}", reasoning_tokens=0)
    asked = json.loads(info.prompt)
    if "answer" in asked:
        return Reply(text=json.dumps({"reason": "right", "score": 0.75}), reasoning_tokens=0)
    word = "second" if asked["first"].startswith("perhaps") else "first"
    return Reply(text=json.dumps({"reason": "one hedges", "verdict": word}), reasoning_tokens=0)


def test_answers_are_scored_once_a_series_and_by_what_was_written(tmp_path: Path) -> None:
    """Dry costs nothing; the same command pays nothing again; another rubric is another series."""
    rubric = tmp_path / "rubric.md"
    rubric.write_text("Only one word is acceptable.", "utf-8")
    with StandinServer(brain=brain) as server:
        settings = capture(tmp_path / "home", server, 12)
        planned = facts(command(settings.home, *judge(server, "--n", "8")))["facts"]
        sent_before = len(server.requests)
        first = facts(command(settings.home, *judge(server, "--n", "8", "--run")))["facts"]
        again = facts(command(settings.home, *judge(server, "--n", "8", "--run")))["facts"]
        sent = [request.json() for request in server.requests]
        other = facts(command(settings.home, *judge(server, "--n", "3", "--run", "--rubric", str(rubric))))["facts"]
        told = server.requests[-1].json()["messages"][0]["content"]

    assert (planned["to_send"], sent_before) == (8, 0)
    assert (first["answered"], again["answered"], len(sent)) == (8, 0, 8)
    assert all(one["response_format"]["json_schema"]["strict"] for one in sent)
    # Another rubric: the eight that the former one scored are judged by both, so that the step is known.
    assert other["answered"] == 8
    assert len({request.json()["messages"][1]["content"] for request in server.requests[8:]}) == 8
    assert {r.json()["messages"][1]["content"] for r in server.requests[8:]} == {
        s["messages"][1]["content"] for s in sent
    }
    assert other["rubric_hash"] != first["rubric_hash"]
    assert "Only one word is acceptable." in told
    found = rows(
        settings,
        "select rubric_hash, count(*), avg(score), min(reason), sum(cost_usd) from judgements"
        " where state = 'answered' group by all order by min(recorded_at)",
    )
    assert found[0][:4] == (first["rubric_hash"], 8, 0.75, "right")
    assert found[0][4] == Decimal(first["paid_usd"])
    low, high = Decimal(planned["expected_low_usd"]), Decimal(planned["expected_high_usd"])
    assert low * Decimal("0.5") <= Decimal(first["paid_usd"]) <= high


def test_judged_answers_are_evidence_of_a_judge(tmp_path: Path) -> None:
    """The readers of quality find the scores under the task, on the rung of judges, in their series."""
    with StandinServer(brain=brain) as server:
        settings = capture(tmp_path / "home", server, 5)
        done = facts(command(settings.home, *judge(server, "--run")))["facts"]

    with Store(settings).read() as con:
        create_views(con)
        found = con.execute("select task, evidence, series, value from answer_scores").fetchall()
    assert found == [(TASK, "judge", f"{done['rubric_hash']} gpt-6.1-terra", 0.75)] * 5


def test_a_pair_is_judged_in_both_orders_and_only_an_agreement_counts(tmp_path: Path) -> None:
    """A judge that always prefers what stands first says nothing; one that knows says it twice."""
    replayed = ("shadow", "--task", TASK, "--to", CANDIDATE, "--run", "--format", "json")
    pairs = ("--pairs", "--to", CANDIDATE, "--run")

    def biased(info: RequestInfo) -> Reply:
        return Reply(text=json.dumps({"reason": "the first", "verdict": "first"}), reasoning_tokens=0)

    with StandinServer(brain=brain) as server:
        settings = capture(tmp_path / "home", server, 9)
        facts(command(settings.home, *replayed, "--base-url", server.base_url))
        server.forget()
        knowing = facts(command(settings.home, *judge(server, *pairs)))["facts"]
        orders = [json.loads(request.json()["messages"][1]["content"]) for request in server.requests]
        server.brain = biased
        fooled = facts(command(settings.home, *judge(server, *pairs, "--model", "gpt-6.1-sol")))["facts"]

    assert sorted((one["first"], one["second"]) for one in orders) == sorted(
        pair
        for number in (0, 3, 6)
        for pair in (
            (category(number), f"perhaps {category(number)}"),
            (f"perhaps {category(number)}", category(number)),
        )
    )
    assert (knowing["answered"], knowing["worse"]) == (6, 3)
    assert (fooled["answered"], fooled["same"]) == (6, 3)
    with Store(settings).read() as con:
        create_views(con)
        judged = [pair.judge for pair in load_pairs(Reading(con, settings=settings), TASK, CANDIDATE)]
    # The latest judge's word is the pair's; pairs of same answers were never asked about.
    assert sorted(map(str, judged)) == ["None"] * 6 + ["same"] * 3


def test_an_answer_that_is_no_judgement_is_paid_once_and_never_a_score(tmp_path: Path) -> None:
    """A score beyond 1 is recorded with its cost, and not asked for again."""

    def odd(info: RequestInfo) -> Reply:
        return brain(info) if info.schema is None else Reply(text='{"reason": "", "score": 7}', reasoning_tokens=0)

    with StandinServer(brain=odd) as server:
        settings = capture(tmp_path / "home", server, 2)
        facts(command(settings.home, *judge(server, "--run")))
        again = facts(command(settings.home, *judge(server, "--run")))["facts"]
        received = len(server.requests)

    assert (again["answered"], received) == (0, 2)
    assert rows(
        settings, "select distinct state, error, score, cost_usd > 0 from judgements where state <> 'sent'"
    ) == [("failed", "The judgement is not in the form asked for.", None, True)]
