"""Queries of candidates, shutdowns and charts over random rows, against plain loops over the same rows."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from llmwatch.store.queries import rows

from .random_store import DAY, SINCE, UNTIL, Row, World, earned, recognised, told, total


def known(made: Row, way: str) -> Any:
    """Reported tokens, else estimated ones."""
    return made[f"estimated_{way}_tokens"] if made[f"{way}_tokens"] is None else made[f"{way}_tokens"]


def test_the_traffic_that_a_candidate_would_take_over(world: World) -> None:
    """Per task, model and way of being billed: sums, counts of what is set, and the largest."""
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for made in world.calls:
        if (
            not SINCE <= made["started_at"] < UNTIL or made["is_repeated"] or made["usage_source"] == "none"
            or made["operation_name"] not in ("chat", "text_completion", "fetch_response")
            or (made["operation_name"] == "fetch_response" and made["usage_source"] != "response")
        ):  # fmt: skip
            continue
        key = (
            made["task_name"] or made["task"] or "", made["response_model"] or made["request_model"],
            made["service_tier"] or "default", bool(made["is_batch"]), made["server_address"],
            (known(made, "input") or 0) > 272_000,
        )  # fmt: skip
        groups.setdefault(key, []).append(made)

    found = rows(world.con, "downgrade_traffic", since=SINCE, until=UNTIL)

    names = ("task_name", "model", "service_tier", "is_batch", "server_address", "is_long")
    assert {tuple(r[name] for name in names) for r in found} == set(groups)
    for row in found:
        mine = groups[tuple(row[name] for name in names)]
        with_media = [m for m in mine if (m["media_count"] or 0) > 0]
        inputs, outputs = ([m[f"{way}_tokens"] or 0 for m in mine] for way in ("input", "output"))
        expected: Row = {
            "calls": sum(m["requests"] for m in mine),
            "priced_calls": sum(m["cost_usd"] is not None for m in mine),
            "answered": sum(known(m, "output") is not None for m in mine),
            **{
                column: total(mine, column)
                for column in (
                    "cost_usd", "tool_cost_usd", "cached_input_tokens", "cache_write_tokens", "cache_write_12h_tokens",
                    "reasoning_tokens", "audio_input_tokens", "audio_output_tokens", "image_output_tokens",
                )
            },
            "input_tokens": total([{"n": known(m, "input")} for m in mine], "n"),
            "output_tokens": total([{"n": known(m, "output")} for m in mine], "n"),
            "cacheable_tokens": sum(m["input_tokens"] for m in mine if (m["input_tokens"] or 0) >= 1024),
            "media": total(mine, "media_count"),
            "web_searches": total(mine, "web_search_calls"),
            "web_search_previews": total(mine, "web_search_preview_calls"),
            "tool_offered": sum((m["tool_count"] or 0) > 0 for m in mine),
            "with_schema": sum(m["schema_hash"] is not None for m in mine),
            "with_max_tokens": sum(m["max_tokens"] is not None for m in mine),
            "with_sampling": sum(
                m[column] is not None
                for m in mine for column in ("temperature", "top_p", "presence_penalty", "frequency_penalty")
            ),
            "continued": sum(m["previous_response_id"] is not None for m in mine),
        }  # fmt: skip
        assert told(row, expected) == []
        assert ((row["max_input_tokens"] or 0), (row["max_output_tokens"] or 0)) == (max(inputs), max(outputs))
        assert (row["media_input_tokens"] or 0) == (total(with_media, "input_tokens") or 0)
        assert (row["media_characters"] or 0) == (total(with_media, "input_characters") or 0)
        last = max(mine, key=lambda m: (m["started_at"], m["span_id"]))
        assert (row["request_model"], row["task_source"]) == (last["request_model"], last["task_source"])


def test_revenue_and_spend_step_by_step(world: World) -> None:
    """Days of the period: revenue of customers, and the spend of those who pay."""
    paying = ["acme", "globex"]

    found = rows(world.con, "money_over_time", since=SINCE, until=UNTIL, step_seconds=86_400, steps=7, paying=paying)

    assert [row["step"] for row in found] == list(range(7))
    streams = [e for e in earned(world, UNTIL) if e["customer_id"] is not None]
    for row in found:
        begins = SINCE + row["step"] * DAY
        mine = [fact for fact in world.between(begins, begins + DAY) if fact["customer"] in paying]
        assert row["spend_usd"] == (total(mine, "cost_usd") or 0)
        # calls of nobody in particular are counted beside those of who pays
        named = [fact for fact in world.between(begins, begins + DAY) if fact["customer"] in (*paying, None)]
        unpriced = [fact for fact in named if fact["is_unpriced"]]
        assert (row["calls"], row["unpriced_calls"]) == (total(named, "calls"), total(unpriced, "calls") or 0)
        assert abs(row["revenue_nano"] - sum(recognised(e, begins, begins + DAY) for e in streams)) <= len(streams)
    assert sum(row["revenue_nano"] for row in found) == sum(recognised(e, SINCE, UNTIL) for e in streams)


def test_all_revenue_of_a_period(world: World) -> None:
    """Of customers and of nobody."""
    [row] = rows(world.con, "downgrade_revenue", since=SINCE, until=UNTIL)

    assert row["revenue_usd"] == Decimal(sum(recognised(e, SINCE, UNTIL) for e in earned(world, UNTIL))).scaleb(-9)


def test_who_uses_which_model(world: World) -> None:
    """By customer and by task: what a shutdown concerns."""
    facts = world.between(SINCE, UNTIL)
    customers: dict[tuple[str, str], list[Row]] = {}
    tasks: dict[tuple[str, str], list[Row]] = {}
    for fact in facts:
        customers.setdefault((fact["model"], fact["customer"] or ""), []).append(fact)
        tasks.setdefault((fact["model"], fact["task"] or ""), []).append(fact)

    by_customer = rows(world.con, "sunset", since=SINCE, until=UNTIL)
    by_task = rows(world.con, "sunset_tasks", since=SINCE, until=UNTIL)

    assert {(r["model"], r["customer"]) for r in by_customer} == set(customers)
    for row in by_customer:
        mine = customers[row["model"], row["customer"]]
        unpriced = total((f for f in mine if f["is_unpriced"]), "calls")
        assert told(row, {"calls": total(mine, "calls"), "unpriced_calls": unpriced}) == []
        spend = total(mine, "cost_usd")
        assert (None if row["spend_usd"] is None else Decimal(row["spend_usd"])) == spend
    assert {(r["model"], r["task"]): r["spend_usd"] for r in by_task} == {
        key: total(mine, "cost_usd") for key, mine in tasks.items()
    }
