"""Queries of money over random rows, against plain loops over the same rows: what SQL sums, Python sums another way."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from llmwatch.store import Store
from llmwatch.store.queries import create_views, rows
from tests.stores import empty_store

from .random_store import BEFORE, COUNTS, DAY, FLAGS, PARTS, SINCE, UNTIL, Row, World, earned, recognised, told, total

Test = Callable[[Row], Any]


def always(_: Row) -> bool:
    """Every call."""
    return True


SPEND: dict[str, tuple[str, Test]] = {
    "calls": ("calls", always),
    "spend_usd": ("cost_usd", always),
    **{f"{part}_usd": (column, always) for part, column in PARTS.items()},
    **{column: (column, always) for column in (*COUNTS, "web_search_calls", "retries")},
    **{f"grade_{g.lower()}_usd": ("cost_usd", lambda f, g=g: f["cost_grade"] == g) for g in "ABC"},
    **{f"grade_{g.lower()}_calls": ("calls", lambda f, g=g: f["cost_grade"] == g) for g in "ABC"},
    "unpriced_calls": ("calls", lambda f: f["is_unpriced"]),
    "estimated_calls": ("calls", lambda f: f["is_estimated"]),
    "estimated_usd": ("cost_usd", lambda f: f["is_estimated"]),
    "failed_calls": ("calls", lambda f: f["is_failed"]),
    "failed_usd": ("cost_usd", lambda f: f["is_failed"]),
    "retried_calls": ("calls", lambda f: f["is_retried"]),
    "retried_usd": ("cost_usd", lambda f: f["is_retried"]),
    "left_calls": ("calls", lambda f: f["is_left"]),
    "left_usd": ("cost_usd", lambda f: f["is_left"]),
    "truncated_calls": ("calls", lambda f: f["is_truncated"]),
    "refused_calls": ("calls", lambda f: f["is_refusal"]),
    "filtered_calls": ("calls", lambda f: f["is_content_filtered"]),
    "repeated_calls": ("calls", lambda f: f["is_request_repeated"]),
    "repeated_usd": ("cost_usd", lambda f: f["is_request_repeated"]),
    "defect_calls": ("calls", lambda f: f["is_defective"]),
    "untagged_task_calls": ("calls", lambda f: not f["has_task"]),
    "untagged_task_usd": ("cost_usd", lambda f: not f["has_task"]),
    "untagged_customer_calls": ("calls", lambda f: f["customer"] is None),
    "untagged_customer_usd": ("cost_usd", lambda f: f["customer"] is None),
}


@pytest.mark.parametrize("dimension", ["task", "customer", "feature", "model", "service", "user"])
def test_what_was_spent_by_name(world: World, dimension: str) -> None:
    """Both periods; two names, all others together, and all calls."""
    names = sorted({fact[dimension] or "" for fact in world.facts})[:2]

    found = rows(
        world.con, "spend_by", since=SINCE, previous_since=BEFORE, until=UNTIL, dimension=dimension, names=names
    )

    for row in found:
        facts = world.between(SINCE, UNTIL) if row["is_current"] else world.between(BEFORE, SINCE)
        if not row["is_total"]:
            named = [fact[dimension] or "" for fact in facts]
            keep = [n == row["name"] if row["name"] is not None else n not in names for n in named]
            facts = [fact for fact, kept in zip(facts, keep, strict=True) if kept]
        expected = {c: total(filter(test, facts), column) for c, (column, test) in SPEND.items()}
        unbilled = [f for f in facts if f["is_failed"] and f["cost_usd"] == 0 and f["cost_grade"] == "A"]
        expected["unbilled_calls"] = sum(f["calls"] for f in unbilled) if unbilled else found_zero(facts)
        assert told(row, expected) == [], (row["is_current"], row["name"])
        errors = [f["estimate_error"] * float(f["cost_usd"]) for f in facts
                  if f["is_estimated"] and f["cost_usd"] is not None and f["estimate_error"] is not None]  # fmt: skip
        assert row["estimate_error_usd"] == (pytest.approx(sum(errors)) if errors else None)
    wanted = {(current, total_) for current in (True, False) for total_ in (True, False)}
    assert {(row["is_current"], row["is_total"]) for row in found} == wanted
    assert {row["name"] for row in found} >= set(names)


def found_zero(facts: Iterable[Row]) -> int | None:
    """0 where there are calls of grade A, none of which failed unbilled."""
    return 0 if any(fact["cost_grade"] == "A" for fact in facts) else None


# Until call_facts knows that a call without a stream was not left: `stream_end` is null there, and is_left with it.
IS_LEFT_KNOWN = True


@pytest.mark.skipif(not IS_LEFT_KNOWN, reason="cut_empty leaves out answers that were not streamed")
def test_an_answer_that_was_cut_empty_counts_without_a_stream_too(world: World) -> None:
    """A model that thinks up to its limit gives an empty answer, streamed or not."""
    found = rows(
        world.con, "spend_by", since=SINCE, previous_since=BEFORE, until=UNTIL, dimension="task", names=["draft"]
    )
    [whole] = [row for row in found if row["is_current"] and row["is_total"]]
    mine = [
        fact for fact in world.between(SINCE, UNTIL)
        if fact["is_truncated"] and fact["is_output_empty"] and not fact["is_failed"] and not fact["is_left"]
    ]  # fmt: skip

    assert (whole["cut_empty_calls"], whole["cut_empty_usd"]) == (total(mine, "calls"), total(mine, "cost_usd"))


def test_what_has_no_price(world: World) -> None:
    """By model, host and reason; the calls of the period only."""
    expected: dict[tuple[Any, ...], list[Row]] = {}
    for fact in world.between(SINCE, UNTIL):
        if fact["is_unpriced"]:
            expected.setdefault((fact["model"], fact["host"], fact["unpriced_reason"]), []).append(fact)

    found = rows(world.con, "unpriced", since=SINCE, until=UNTIL)

    assert {(r["model"], r["host"], r["reason"]) for r in found} == set(expected)
    for row in found:
        facts = expected[row["model"], row["host"], row["reason"]]
        assert told(row, {c: total(facts, c) for c in ("calls", "input_tokens", "output_tokens")}) == []
    assert [row["calls"] for row in found] == sorted((row["calls"] for row in found), reverse=True)


def test_what_customers_pay_and_cost_in_both_periods(world: World) -> None:
    """A customer of whom no revenue is known has None, not 0; one who paid before the period alone has 0 in it."""
    found = rows(world.con, "margin_periods", since=SINCE, previous_since=BEFORE, until=UNTIL)

    seen: set[tuple[bool, str]] = set()
    for row in found:
        since, until = (SINCE, UNTIL) if row["is_current"] else (BEFORE, SINCE)
        facts = [fact for fact in world.between(since, until) if (fact["customer"] or "") == row["name"]]
        paid = [e for e in earned(world, until) if (e["customer_id"] or "") == row["name"]]
        expected = {
            "calls": total(facts, "calls") or 0,
            "tokens": int(total(facts, "both_tokens") or 0),
            "unpriced_calls": total((f for f in facts if f["is_unpriced"]), "calls") or 0,
        }
        assert told(row, expected) == []
        assert row["spend_usd"] is None or Decimal(row["spend_usd"]) == total(facts, "cost_usd")
        assert (row["spend_usd"] is None) == (total(facts, "cost_usd") is None)
        revenue = sum(recognised(e, since, until) for e in paid) if paid else None
        assert (None if row["revenue_nano"] is None else int(row["revenue_nano"])) == revenue, row
        seen.add((row["is_current"], row["name"]))
    for current, (since, until) in {True: (SINCE, UNTIL), False: (BEFORE, SINCE)}.items():
        names = {fact["customer"] or "" for fact in world.between(since, until)}
        names |= {e["customer_id"] or "" for e in earned(world, until)}
        assert {name for is_current, name in seen if is_current == current} == names


@pytest.mark.parametrize("dimension", ["task", "feature", "model", "service"])
def test_what_names_cost_and_earn_by_themselves(world: World, dimension: str) -> None:
    """Calls, spend, outcomes, and the revenue that names the name; of unknown revenue what has no paying customer."""
    found = rows(world.con, "margin_names", since=SINCE, until=UNTIL, dimension=dimension, revenue_by="cost")
    facts = world.between(SINCE, UNTIL)
    paying = {e["customer_id"] or "" for e in earned(world, UNTIL)}

    for row in found:
        mine = [fact for fact in facts if (fact[dimension] or "") == row["name"]]
        unknown = [fact for fact in mine if (fact["customer"] or "") not in paying]
        expected = {
            "calls": total(mine, "calls") or 0,
            "spend_usd": total(mine, "cost_usd"),
            "unpriced_calls": total((f for f in mine if f["is_unpriced"]), "calls") or 0,
            "tokens": total(mine, "both_tokens") or 0,
            "unknown_calls": total(unknown, "calls"),
            "unknown_tokens": total(unknown, "both_tokens"),
        }
        if unknown:
            expected["unknown_usd"] = total(unknown, "cost_usd") or 0
        reached = [
            e for e in world.events
            if e["kind"] == "outcome" and SINCE <= e["occurred_at"] < UNTIL and (e.get(dimension) or "") == row["name"]
        ]  # fmt: skip
        expected["outcomes"] = len(reached)
        expected["successes"] = sum(e["is_success"] is not False for e in reached)
        own = [e for e in earned(world, UNTIL) if e.get(dimension) == row["name"]]
        expected["own_nano"] = sum(recognised(e, SINCE, UNTIL) for e in own) if own else None
        assert told(row, expected) == [], row["name"]
    assert {row["name"] for row in found} >= {fact[dimension] or "" for fact in facts}


@pytest.mark.parametrize("by", ["calls", "tokens"])
def test_what_names_earn_of_what_their_customers_pay(world: World, by: str) -> None:
    """By the value of successful outcomes where a customer has any, else by usage; the parts are the whole."""
    found = {
        r["name"]: r for r in rows(world.con, "margin_names", since=SINCE, until=UNTIL, dimension="task", revenue_by=by)
    }
    facts, streams = world.between(SINCE, UNTIL), earned(world, UNTIL)
    shares: dict[str, dict[str, int]] = {"outcome": {}, "usage": {}}
    for customer in {e["customer_id"] or "" for e in streams}:
        mine = [e for e in streams if (e["customer_id"] or "") == customer and e["task"] is None]
        rest = sum(recognised(e, SINCE, UNTIL) for e in mine)
        value: dict[str, int] = {}
        used: dict[str, int] = {}
        for e in world.events:
            if (
                e["kind"] == "outcome" and SINCE <= e["occurred_at"] < UNTIL and (e["customer_id"] or "") == customer
                and e["task"] and e["is_success"] is not False and (e["amount_usd"] or 0) > 0
            ):  # fmt: skip
                value[e["task"]] = value.get(e["task"], 0) + int(e["amount_usd"] * 10**9)
        for fact in facts:
            if (fact["customer"] or "") == customer:
                amount = fact["calls"] if by == "calls" else int(fact["both_tokens"])
                used[fact["task"] or ""] = used.get(fact["task"] or "", 0) + amount
        weights, rule = (value, "outcome") if value else (used, "usage")
        whole = sum(weights.values())
        if not rest or not whole:
            continue
        upto = given = 0
        for name in sorted(weights):
            upto += weights[name]
            part = abs(rest) * upto // whole * (1 if rest > 0 else -1) - given
            given += part
            shares[rule][name] = shares[rule].get(name, 0) + part

    for rule, parts in shares.items():
        for name, part in parts.items():
            assert abs((found[name][f"{rule}_nano"] or 0) - part) <= 5, (rule, name)
        assert sum(int(r[f"{rule}_nano"] or 0) for r in found.values()) == sum(parts.values())
    assert shares["outcome"] or shares["usage"]


def test_what_outcomes_cost(world: World) -> None:
    """Every call of the task, whatever it led to."""
    found = {(r["task"], r["outcome"]): r for r in rows(world.con, "margin_outcomes", since=SINCE, until=UNTIL)}
    reached: dict[tuple[str, str], list[Row]] = {}
    for e in world.events:
        if e["kind"] == "outcome" and SINCE <= e["occurred_at"] < UNTIL:
            reached.setdefault((e["task"] or "", e["outcome"]), []).append(e)

    assert set(found) == set(reached)
    for key, events in reached.items():
        mine = [fact for fact in world.between(SINCE, UNTIL) if (fact["task"] or "") == key[0]]
        successes = [e for e in events if e["is_success"] is not False]
        expected = {
            "outcomes": len(events),
            "successes": len(successes),
            "value_usd": total(successes, "amount_usd"),
            "calls": total(mine, "calls") or 0,
            "spend_usd": total(mine, "cost_usd"),
            "unpriced_calls": total((f for f in mine if f["is_unpriced"]), "calls") or 0,
        }
        assert told(found[key], expected) == [], key


def test_what_a_period_cost_step_by_step(world: World) -> None:
    """Days from its beginning; a day without a call has no row."""
    steps: dict[int, list[Row]] = {}
    for fact in world.between(SINCE, UNTIL):
        steps.setdefault((fact["started_at"] - SINCE) // DAY, []).append(fact)

    found = rows(world.con, "spend_over_time", since=SINCE, until=UNTIL, step_seconds=86_400)

    assert [(r["step"], r["calls"], r["spend_usd"]) for r in found] == [
        (step, total(facts, "calls"), total(facts, "cost_usd")) for step, facts in sorted(steps.items())
    ]


def test_the_dearest_names_of_every_dimension(world: World) -> None:
    """Placed by this period's spend, listed in both periods, and counted whether listed or not."""
    found = rows(world.con, "spend_by_each", since=SINCE, previous_since=BEFORE, until=UNTIL, top=2)
    periods = {True: world.between(SINCE, UNTIL), False: world.between(BEFORE, SINCE)}

    for dimension in ("task", "customer", "feature", "model", "service"):
        by_name: dict[tuple[bool, str], list[Row]] = {}
        for is_current, facts in periods.items():
            for fact in facts:
                by_name.setdefault((is_current, fact[dimension] or ""), []).append(fact)
        names = {name for _, name in by_name}
        now = {name for is_current, name in by_name if is_current}

        def place(name: str, by_name: Any = by_name) -> tuple[Any, ...]:
            mine = [by_name.get((current, name), []) for current in (True, False)]
            spend = total(mine[0], "cost_usd")
            calls = max(total(facts, "calls") or 0 for facts in mine)
            return spend is None, -(spend or 0), -calls, name

        first = sorted(names, key=place)[:2]
        expected = [
            (current, name, total(by_name[current, name], "calls"), total(by_name[current, name], "cost_usd"),
             total((f for f in by_name[current, name] if f["is_unpriced"]), "calls"),
             len(names), len(now), len(now - {""}))
            for current in (True, False) for name in first if (current, name) in by_name
        ]  # fmt: skip
        keys = ("is_current", "name", "calls", "spend_usd", "unpriced_calls", "names", "current_rows", "current_names")
        assert [tuple(r[key] for key in keys) for r in found if r["dimension"] == dimension] == expected


def test_tasks_and_how_they_were_recognised(world: World) -> None:
    """Requests and spend since a moment; first and last seen at any time."""
    grouped: dict[tuple[str, str], list[Row]] = {}
    for made in world.calls:
        if made["requests"] and (made["usage_source"] != "none" or made["operation_name"] == "moderation"):
            task = made["task_name"] if made["task_name"] is not None else made["task"]
            grouped.setdefault((task or "", made["task_source"] or ""), []).append(made)

    found = rows(world.con, "tasks", since=SINCE)

    assert {(r["task"], r["source"]) for r in found} == set(grouped)
    for row in found:
        every = grouped[row["task"], row["source"]]
        late = [made for made in every if made["started_at"] >= SINCE]
        expected = {
            "calls": sum(made["requests"] for made in late),
            "spend_usd": total(late, "cost_usd"),
            "unpriced_calls": sum(made["requests"] for made in late if made["cost_grade"] == "D"),
            "first_at": min(made["started_at"] for made in every),
            "last_at": max(made["started_at"] for made in every),
        }
        assert told(row, expected) == []
    spent = [r["spend_usd"] for r in found if r["spend_usd"] is not None]
    assert spent == sorted(spent, reverse=True)
    assert all(r["spend_usd"] is None for r in found[len(spent) :])


def stratum(made: Row) -> tuple[Any, ...]:
    """What answers are compared within: language, size of the input, tools, media."""
    tokens = made["estimated_input_tokens"] if made["input_tokens"] is None else made["input_tokens"]
    size = None if tokens is None else "<1k" if tokens < 1000 else "1-8k"
    return made["input_language"], size, bool(made["tool_count"]), bool(made["media_count"])


def test_signals_of_answers_week_by_week(world: World) -> None:
    """Of how many answers each is known and how many show it; an answer repeats the one before it of its own kind."""
    found = rows(world.con, "weekly_signals", since=BEFORE, until=UNTIL)
    answers = [
        made for made in world.calls
        if BEFORE <= made["started_at"] < UNTIL and not made["is_repeated"] and made["status"] == "ok"
        and made["operation_name"] not in ("fetch_response", "fetch_batch") and made["usage_source"] != "none"
        and (made["task_name"] or made["task"])
    ]  # fmt: skip
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for made in answers:
        week = (made["started_at"] - timedelta(days=made["started_at"].weekday())).date()
        groups.setdefault((made["task_name"] or made["task"], week), []).append(made)

    columns = {
        **FLAGS, "output_empty": "is_output_empty", "refusal_phrase": "is_refusal",
    }  # fmt: skip
    for (task, week), mine in groups.items():
        theirs = [r for r in found if (r["task"], r["week"]) == (task, week)]
        assert sum(r["answers"] for r in theirs) == len(mine)
        for signal, column in columns.items():
            assert sum(r[f"{signal}_n"] for r in theirs) == sum(made[column] is not None for made in mine)
            assert sum(r[signal] for r in theirs) == sum(bool(made[column]) for made in mine)
        ends = [made["finish_reasons"] for made in mine if made["finish_reasons"] is not None]
        assert sum(r["output_truncated_n"] for r in theirs) == len(ends)
        assert sum(r["output_truncated"] for r in theirs) == sum(end != ["stop"] for end in ends)
        both = [made for made in mine if made["input_language"] and made["output_language"]]
        assert sum(r["output_expected_language_n"] for r in theirs) == len(both)
        assert sum(r["output_expected_language"] for r in theirs) == sum(
            made["input_language"] == made["output_language"] for made in both
        )
        lengths = [math.log(1 + made["output_characters"]) for made in mine if made["output_characters"] is not None]
        assert sum(r["output_length_n"] for r in theirs) == len(lengths)
        for power, name in enumerate(("output_length", "output_length_squares", "output_length_cubes"), 1):
            assert sum(r[name] for r in theirs) == pytest.approx(sum(x**power for x in lengths), abs=1e-4)
        repeats = [is_again for kind in split(mine) for is_again in again(kind)]
        assert sum(r["output_repeated_n"] for r in theirs) == len(repeats)
        assert sum(r["output_repeated"] for r in theirs) == sum(repeats)
    assert {(r["task"], r["week"]) for r in found} == set(groups)


def split(answers: list[Row]) -> list[list[Row]]:
    """By stratum, each in the order of time."""
    kinds: dict[tuple[Any, ...], list[Row]] = {}
    for made in sorted(answers, key=lambda made: (made["started_at"], made["span_id"])):
        kinds.setdefault(stratum(made), []).append(made)
    return list(kinds.values())


def again(answers: list[Row]) -> list[bool]:
    """Of every answer that can be compared with the one before it, whether it is the same."""
    return [
        one["output_hash"] == other["output_hash"]
        for one, other in pairwise(answers)
        if not other["is_request_repeated"] and one["output_hash"] is not None and other["output_hash"] is not None
    ]


def test_the_draws_reach_every_kind(world: World) -> None:
    """A column that is never filled would agree with anything."""
    facts = world.between(SINCE, UNTIL)

    assert all(total(filter(test, facts), column) for column, test in SPEND.values())
    assert len(world.facts) < 700
    assert {e["kind"] for e in world.events} == {"outcome", "revenue"}


def test_homes_are_apart(world: World, tmp_path: Path) -> None:
    """Nothing of one draw is in a store of another home."""
    with Store(empty_store(tmp_path / "home")).read() as con:
        create_views(con)
        assert rows(con, "unpriced", since=SINCE, until=UNTIL) == []
    assert rows(world.con, "unpriced", since=SINCE, until=UNTIL) != []
