"""A store of random calls and revenue, and the same rows as Python has them."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

from tests.stores import MOMENT, call

Row = dict[str, Any]
DAY = timedelta(days=1)
SINCE, BEFORE, UNTIL = MOMENT - 7 * DAY, MOMENT - 14 * DAY, MOMENT
TICK = timedelta(microseconds=1)
# Ends of the periods, and moments beside them.
EDGES = (BEFORE - TICK, BEFORE, SINCE - TICK, SINCE, UNTIL - TICK, UNTIL)
COUNTS = (
    "input_tokens", "output_tokens", "cached_input_tokens", "cache_write_tokens", "reasoning_tokens",
    "audio_input_tokens", "audio_output_tokens", "image_input_tokens", "image_output_tokens", "file_search_calls",
    "container_calls",
)  # fmt: skip
# Signal -> column, of those that no other draw makes.
FLAGS = {
    "output_fenced": "is_output_fenced", "output_json_valid": "is_output_json_valid",
    "output_schema_valid": "is_output_schema_valid", "tool_arguments_valid": "is_tool_arguments_valid",
}  # fmt: skip
# What a request may set.
SETTINGS: Row = {
    "schema_hash": "s1", "max_tokens": 100, "temperature": 0.5, "top_p": 0.9, "presence_penalty": 0.1,
    "frequency_penalty": 0.1, "previous_response_id": "resp_0",
}  # fmt: skip
PARTS = {
    "input": "input_cost_usd", "cached_input": "cached_input_cost_usd", "cache_write": "cache_write_cost_usd",
    "output": "output_cost_usd", "tool": "tool_cost_usd", "cache_saving": "cache_saving_usd",
}  # fmt: skip


def drawn_calls(draw: random.Random) -> list[Row]:
    """Calls of every kind: priced or not, estimated, failed, left, retried, cut, tagged or not, read again."""

    def maybe(value: Any, share: float = 0.5) -> Any:
        return value if draw.random() < share else None

    made: list[Row] = []
    for number in range(700):
        grade = draw.choice("AABCD")
        money = {
            column: Decimal(draw.randrange(-9 if "saving" in column else 0, 900)) / 100 for column in PARTS.values()
        }
        cost = None if grade == "D" else sum((v for c, v in money.items() if "saving" not in c), Decimal(0))
        status = draw.choice(("ok", "ok", "ok", "error", "incomplete"))
        if status == "error" and draw.random() < 0.5 and cost is not None:
            cost = Decimal(0)
        moment = draw.choice(EDGES) if draw.random() < 0.15 else BEFORE - DAY + 16 * DAY * draw.random()
        operation = draw.choice(("chat",) * 8 + ("fetch_response", "fetch_batch", "moderation"))
        source = draw.choice(("response", "response", "response", "estimated", "absent", "none", "repeated"))
        made.append(
            {
                **call(number, cost=None),
                **{column: None if cost is None else value for column, value in money.items()},
                **{column: maybe(draw.randrange(2000)) for column in COUNTS},
                "started_at": moment,
                "operation_name": operation,
                "usage_source": source,
                "is_repeated": maybe(source == "repeated", 0.9),
                # a batch stands for its requests, what is no call of a model or read again for none
                "requests": (
                    0
                    if source == "repeated" or (source == "none" and operation != "moderation")
                    else draw.randrange(40)
                    if operation == "fetch_batch"
                    else 1
                ),
                "estimated_input_tokens": maybe(float(draw.randrange(500))),
                "estimated_output_tokens": maybe(float(draw.randrange(500))),
                "estimate_error": maybe(draw.randrange(9) / 8),
                "cost_usd": cost,
                "cost_grade": grade,
                "unpriced_reason": draw.choice(("no price", "usage not reported")) if grade == "D" else None,
                "task_name": maybe(draw.choice(("draft", "sort")), 0.7),
                "task": maybe(draw.choice(("draft", "tag")), 0.7),
                "task_source": draw.choice(("tag", "header", "call_site", "none", None)),
                "customer_id": maybe(draw.choice(("acme", "globex", "hooli")), 0.8),
                "feature": maybe("inbox"),
                "request_model": draw.choice(("gpt-4o", "gpt-5.5")),
                "response_model": maybe(draw.choice(("gpt-4o-2024-08-06", "gpt-5.5")), 0.8),
                "service_name": draw.choice(("web", "nightly")),
                "user_id": maybe("u1"),
                "server_address": draw.choice(("api.openai.com", "llm.acme.internal")),
                "status": status,
                "stream_end": draw.choice((None, "complete", "closed", "cancelled")),
                "retries": draw.choice((0, 0, 0, 1, 3)),
                "finish_reasons": maybe([draw.choice(("stop", "length", "max_output_tokens", "max_tokens"))], 0.8),
                "is_output_empty": maybe(draw.random() < 0.5, 0.9),
                "is_refusal": maybe(draw.random() < 0.3, 0.9),
                "is_content_filtered": maybe(draw.random() < 0.3, 0.9),
                "is_request_repeated": draw.random() < 0.3,
                "defects": maybe(draw.choice(([], ["usage"])), 0.8),
                "output_characters": maybe(draw.randrange(3000), 0.8),
                "output_hash": maybe(draw.choice(("h1", "h2")), 0.8),
                "input_language": maybe(draw.choice(("en", "de"))),
                "output_language": maybe(draw.choice(("en", "de"))),
                "tool_count": maybe(draw.randrange(2)),
                "media_count": maybe(draw.randrange(2), 0.2),
                **{column: maybe(draw.random() < 0.4) for column in FLAGS.values()},
                **{column: maybe(value, 0.3) for column, value in SETTINGS.items()},
                "service_tier": draw.choice((None, "default", "flex")),
                "is_batch": maybe(draw.random() < 0.3),
                "cache_write_12h_tokens": maybe(draw.randrange(100)),
                "input_characters": maybe(draw.randrange(9000)),
                "web_search_calls": maybe(draw.randrange(3)),
                "web_search_preview_calls": maybe(draw.randrange(3)),
            }
        )
    return made


def drawn_revenue(draw: random.Random) -> list[Row]:
    """Events at once and over spans, refunds, outcomes with and without value; some are told twice."""
    made: list[Row] = []
    for number in range(160):
        moment = draw.choice(EDGES) if draw.random() < 0.15 else BEFORE - DAY + 16 * DAY * draw.random()
        is_outcome = draw.random() < 0.5
        span = (
            (moment, moment + draw.choice((1, 3, 20)) * DAY) if not is_outcome and draw.random() < 0.4 else (None, None)
        )
        made.append(
            {
                "event_id": f"e{number % 140}",
                "occurred_at": moment,
                "recorded_at": MOMENT + number * TICK,
                "kind": "outcome" if is_outcome else "revenue",
                "amount_usd": draw.choice((None, Decimal(draw.randrange(-500, 9000)) / 100, Decimal("3.333333333"))),
                "customer_id": draw.choice(("acme", "acme", "globex", "initech", None)),
                "plan": None,
                "task": draw.choice(("draft", "sort", "unheard", None, None)),
                "feature": draw.choice(("inbox", None)),
                "outcome": draw.choice(("sold", "solved")) if is_outcome else None,
                "is_success": draw.choice((True, True, False, None)),
                "recognised_from": span[0],
                "recognised_until": span[1],
                "source": "code",
            }
        )
    return made


class World:
    """The rows, and a connection to a store that has them."""

    def __init__(self, con: Any, calls: list[Row], revenue: list[Row]) -> None:
        self.con, self.calls = con, calls
        self.facts = [fact for made in calls if (fact := fact_of(made))]
        # The record of an event that was recorded last counts.
        self.events = list({event["event_id"]: event for event in revenue}.values())

    def between(self, since: datetime, until: datetime) -> list[Row]:
        """The calls that began in [since, until)."""
        return [fact for fact in self.facts if since <= fact["started_at"] < until]


def fact_of(made: Row) -> Row | None:
    """What is asked of a stored call; None of rows that are no call of a model, or that another row has billed."""
    operation, source = made["operation_name"], made["usage_source"]
    if not made["requests"] or made["is_repeated"] or (source == "none" and operation != "moderation"):
        return None
    tokens = {
        f"{way}_tokens": made[f"estimated_{way}_tokens"] if made[f"{way}_tokens"] is None else made[f"{way}_tokens"]
        for way in ("input", "output")
    }
    task = made["task_name"] if made["task_name"] is not None else made["task"]
    reasons = made["finish_reasons"] or []
    return {
        **made,
        **tokens,
        "calls": made["requests"],
        "task": task,
        "customer": made["customer_id"],
        "model": made["response_model"] or made["request_model"],
        "service": made["service_name"],
        "user": made["user_id"],
        "host": made["server_address"],
        "web_search_calls": (made["web_search_calls"] or 0) + (made["web_search_preview_calls"] or 0),
        "is_unpriced": made["cost_usd"] is None and made["cost_grade"] == "D",
        "is_estimated": source == "estimated",
        "is_failed": made["status"] == "error",
        "is_left": made["status"] != "error" and made["stream_end"] not in (None, "complete"),
        "is_retried": made["retries"] > 0,
        "is_truncated": any(reason in ("length", "max_output_tokens", "max_tokens") for reason in reasons),
        "is_defective": bool(made["defects"]),
        # a tag, not the name that was found for it
        "has_task": made["task_source"] != "none" and made["task"] is not None,
        "both_tokens": sum(tokens[f"{way}_tokens"] or 0 for way in ("input", "output")),
    }


def total(facts: Iterable[Mapping[str, Any]], column: str) -> Any:
    """The sum of what is known; None where nothing is."""
    known = [fact[column] for fact in facts if fact[column] is not None]
    return sum(known) if known else None


def is_same(found: Any, expected: Any) -> bool:
    """Equal; sums of estimates, which are floats, to their last digits."""
    if found is None or expected is None:
        return found is expected
    return found == expected or (isinstance(expected, float) and abs(float(found) - expected) <= 1e-9 * abs(expected))


def told(found: Row, expected: Mapping[str, Any]) -> list[str]:
    """The columns that differ."""
    return [f"{c}: {found[c]} is not {value}" for c, value in expected.items() if not is_same(found[c], value)]


def recognised(event: Row, since: datetime, until: datetime) -> int:
    """Whole nano-dollars of an event in [since, until): at once, or by the second over its span."""
    nano, begins, ends = int(event["amount_usd"] * 10**9), event["recognised_from"], event["recognised_until"]
    if begins is None or ends is None:
        return nano if since <= event["occurred_at"] < until else 0

    def upto(moment: datetime) -> int:
        part = Fraction((min(max(moment, begins), ends) - begins) // TICK, (ends - begins) // TICK)
        exact = nano * part
        return exact.numerator // exact.denominator if exact >= 0 else -(-exact.numerator // exact.denominator)

    return upto(until) - upto(since)


def begins(event: Row) -> datetime:
    """When its first nano-dollar is recognised."""
    return event["recognised_from"] or event["occurred_at"]


def earned(world: World, until: datetime) -> list[Row]:
    """The revenue that has begun before the moment."""
    return [e for e in world.events if e["kind"] == "revenue" and e["amount_usd"] is not None and begins(e) < until]
