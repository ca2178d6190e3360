"""Runs that are killed with -9 at random moments and given again: no pair paid twice, none lost, the cap held."""

from __future__ import annotations

import random
import time
from decimal import Decimal
from pathlib import Path

import pytest

from llmwatch.standin import Reply, RequestInfo, StandinServer

from .desk import CANDIDATE, TASK, asked, capture, category, classify, command, facts, number_of, rows, started

_WORKERS = 4


def _slow(info: RequestInfo) -> Reply:
    return Reply(text=category(number_of(info)), reasoning_tokens=0, first_token_s=0.05)


def _kill_after(server: StandinServer, home: Path, more: int, seconds: float, arguments: tuple[str, ...]) -> None:
    """Kills the command some time after the server has seen so many further requests of it."""
    seen = len(server.requests)
    run = started(home, *arguments)
    end = time.monotonic() + 120
    while len(server.requests) < seen + more and run.poll() is None:
        assert time.monotonic() < end
        time.sleep(0.001)
    time.sleep(seconds)
    run.kill()
    run.communicate(timeout=60)


def _torture(home: Path, kills: int, seed: int, cap: str, tickets: int) -> None:
    """Kills, goes on, and compares the server's own record with the store's."""
    chance = random.Random(seed)
    arguments = ("shadow", "--task", TASK, "--to", CANDIDATE, "--run", "--concurrency", str(_WORKERS), "--max-usd", cap)
    with StandinServer(brain=classify, keep_requests=5000) as server:
        settings = capture(home, server, tickets)
        server.brain = _slow
        arguments = (*arguments, "--base-url", server.base_url, "--format", "json")
        for _ in range(kills):
            _kill_after(server, home, chance.randint(1, tickets // (kills + 2)), chance.random() * 0.1, arguments)
        server.brain = classify
        done = facts(command(home, *arguments))["facts"]
        questions = asked(server)

    assert max(questions.values()) == 1, "an input was sent twice"
    sent = "select count(distinct replay_id) from replays where state = 'sent'"
    answered = "select count(distinct replay_id) from replays where state = 'answered'"
    lost = (
        "select count(*) from (select replay_id from replays group by replay_id having not bool_or(state = 'answered'))"
    )
    (sent_count,), (answered_count,), (lost_count,) = (rows(settings, sql)[0] for sql in (sent, answered, lost))
    # A request is written down before it leaves, so the ledger may know of one that never arrived, never the reverse.
    assert answered_count <= len(questions) <= sent_count == answered_count + lost_count
    assert lost_count <= kills * _WORKERS
    assert done["lost"] == lost_count
    assert done["pairs"] == answered_count
    (dearest,), (paid,) = (
        rows(settings, f"select coalesce({what}(cost_usd), 0) from replays")[0] for what in ("max", "sum")
    )
    (reserved,) = rows(settings, "select max(reserved_usd) from replays")[0]
    # By the server's count: everything that reached it at the dearest price that any of it had.
    billed = len(questions) * dearest
    used = paid + lost_count * reserved
    assert billed <= Decimal(cap)
    assert used <= Decimal(cap)
    assert done["reason"] in ("done", "cap")
    if done["reason"] == "done":
        assert sent_count == tickets


def test_a_run_killed_once_goes_on_without_paying_twice(tmp_path: Path) -> None:
    """The short form of the torture below."""
    _torture(tmp_path / "home", kills=1, seed=1, cap="1", tickets=40)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_a_run_killed_three_times_pays_for_no_pair_twice_and_loses_none(tmp_path: Path, seed: int) -> None:
    """At random moments, against a real server that counts."""
    _torture(tmp_path / "home", kills=3, seed=seed, cap="1", tickets=120)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_a_run_killed_three_times_never_exceeds_its_cap(tmp_path: Path, seed: int) -> None:
    """What was in flight stays reserved, so a cap that binds binds over all four runs."""
    _torture(tmp_path / "home", kills=3, seed=seed, cap="0.0005", tickets=120)
