"""What each panel has to say, computed in Python from invented rows: no SQL, no view, no macro of the product.

Each function is given what the filters leave of the range, `Left`, and returns what the panel of its title shows: a
value, {first column: {column: value}} of a table, or {(start of the step in s, name of the series): value} of a chart.
"""

from __future__ import annotations

import math
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from tests.stores import MOMENT, call

Row = dict[str, Any]
DIMENSIONS = {
    "task": "task",
    "model": "response_model",
    "service": "service_name",
    "feature": "feature",
    "customer": "customer_id",
}
DAYS = 70
TARGET_MARGIN = 0.35
# Divided among all calls, by their number and by their tokens; dollars a day.
SHARED = {"calls": Decimal("1.75"), "tokens": Decimal("0.60")}
BINS = (0, 250, 500, 1000, 2000, 4000, 8000, 15000, 30000, 60000)
WORDS = ("< ¼ s", "¼–½ s", "½–1 s", "1–2 s", "2–4 s", "4–8 s", "8–15 s", "15–30 s", "30–60 s", "> 60 s")  # noqa: RUF001


def invented_calls() -> list[Row]:
    """1,600 calls of 70 days, alike every time: every dimension, every way of ending, some without a price."""
    rng = random.Random(11)
    rows: list[Row] = []
    for n in range(1600):
        customer = rng.choice([None, *(f"customer {c}" for c in range(9))])
        status = rng.choices(["ok", "error"], [93, 7])[0]
        cost = Decimal(rng.randrange(1, 90_000)) / 1_000_000
        has_price = rng.random() > (0.2 if customer == "customer 8" else 0.002)
        parts = {
            "input_cost_usd": cost / 2,
            "cached_input_cost_usd": cost / 8,
            "cache_write_cost_usd": cost / 8,
            "output_cost_usd": cost / 4,
            "cache_saving_usd": cost / 5 - Decimal("0.001"),
        }
        is_streamed = rng.random() < 0.5
        rows.append(
            call(
                n,
                hours_ago=rng.random() ** 2 * 24 * DAYS,
                cost=str(cost) if has_price else None,
                task=rng.choice(["triage", "it's", 'say "so"', None, "reply", "All", "long\\one"]),
                response_model=rng.choice(["gpt-5", "gpt-5-mini", "gpt-4o"]),
                request_model="gpt",
                service_name=rng.choice(["web", "worker", "*"]),
                feature=rng.choice([None, "search", "chat"]),
                customer_id=customer,
                session_id=f"session {n % 7}",
                status=status,
                error_type=rng.choice(["rate_limit", "timeout"]) if status == "error" else None,
                http_status_code=429 if status == "error" else 200,
                latency_ms=float(rng.randrange(100, 70_000)),
                time_to_first_token=rng.random() / 20 if is_streamed else None,
                stream_end=rng.choice(["complete", "complete", "abandoned"]) if is_streamed else None,
                finish_reasons=[rng.choice(["stop", "stop", "length"])],
                retries=rng.choice([0, 0, 0, 2]),
                requests=5 if n % 50 == 0 else 1,
                is_refusal=rng.random() < 0.02,
                is_content_filtered=False,
                is_request_repeated=rng.random() < 0.1,
                is_output_empty=rng.random() < 0.2,
                input_tokens=rng.randrange(100, 9000),
                cached_input_tokens=rng.randrange(0, 100),
                cache_write_tokens=rng.randrange(0, 50),
                output_tokens=rng.randrange(2, 900),
                reasoning_tokens=rng.randrange(0, 2),
                **(parts if has_price else dict.fromkeys(parts)),
            )
        )
        rows[-1]["task_name"] = rows[-1]["task"]
        if not has_price:
            rows[-1]["input_cost_usd"] = None
    return rows


def invented_revenue() -> list[Row]:
    """Seven of nine customers pay, four once and three over a span; one is given money back."""
    plain = {"recorded_at": MOMENT, "kind": "revenue", "source": "test"}
    once = [
        {
            **plain,
            "event_id": f"once {n}",
            "customer_id": f"customer {n % 4}",
            "amount_usd": Decimal(n * 37 % 29 + 1) / 100,
        }
        | {"occurred_at": MOMENT - timedelta(days=n * 2, hours=5)}
        for n in range(30)
    ]
    refund = [
        {**once[0], "event_id": "back", "amount_usd": Decimal("-0.45"), "occurred_at": MOMENT - timedelta(days=3)}
    ]
    spans = [
        {**plain, "event_id": f"span {n}", "customer_id": f"customer {n}", "amount_usd": Decimal(n)}
        | {"occurred_at": MOMENT - timedelta(days=50), "recognised_from": MOMENT - timedelta(days=50)}
        | {"recognised_until": MOMENT + timedelta(days=10)}
        for n in (4, 5, 6)
    ]
    return [*once, *refund, *spans]


def invented_outcomes() -> list[Row]:
    """Sixty reports of three kinds."""
    rng = random.Random(12)
    return [
        {
            "event_id": f"outcome {n}",
            "recorded_at": MOMENT,
            "kind": "outcome",
            "source": "test",
            "occurred_at": MOMENT - timedelta(days=rng.random() * 25),
            "outcome": rng.choice(["resolved", "booked"]),
            "is_success": rng.random() < 0.6,
            "amount_usd": Decimal(n) / 10,
            "customer_id": f"customer {n % 9}",
            "task": "triage",
            "feature": "chat",
        }
        for n in range(60)
    ]


def shown(name: str | None) -> str:
    """A name as the boards have it."""
    return "(none)" if name is None else f"{name} (name)" if name == "All" else name


@dataclass
class Left:
    """The rows of the range that the filters leave; `step` is the chart's, in seconds."""

    since: datetime
    until: datetime
    filters: Mapping[str, Sequence[str]]
    calls: list[Row]
    revenue: list[Row]
    outcomes: list[Row]
    step: int = 0
    kept: dict[str, Any] = field(default_factory=dict[str, Any])

    def leaves(self, row: Row, *names: str) -> bool:
        """True if the filters of these names leave the row; all filters where none is named."""
        return all(
            shown(row.get(DIMENSIONS[name])) in values
            for name, values in self.filters.items()
            if name in DIMENSIONS and (not names or name in names)
        )

    def before(self) -> Left:
        """As long a time before."""
        return Left(self.since - (self.until - self.since), self.since, self.filters, self.calls, self.revenue, [])

    @property
    def facts(self) -> list[Row]:
        """The calls, by every filter."""
        if "facts" not in self.kept:
            within = (r for r in self.calls if self.since <= r["started_at"] <= self.until)
            self.kept["facts"] = [r for r in within if self.leaves(r) and self._is_listed(r)]
        return self.kept["facts"]

    def _is_listed(self, row: Row) -> bool:
        """By Ended, Session and Search, which only the call explorer has."""
        status, session, search = (str(self.filters.get(k, [""])[0]) for k in ("status", "session", "search"))
        ended = {
            "failed": row["status"] == "error",
            "left": is_left(row),
            "cut off": row["finish_reasons"] == ["length"],
            "unpriced": row["cost_usd"] is None,
            "complete": row["status"] == "ok" and row["stream_end"] in (None, "complete"),
        }
        texts = [
            row[k] for k in ("span_id", "task", "customer_id", "feature", "session_id", "service_name", "error_type")
        ]
        return (
            ended.get(status, True)
            and session in ("", row["session_id"])
            and search.lower() in " ".join([*(str(t) for t in texts if t), row["response_model"]]).lower()
        )


def is_left(row: Row) -> bool:
    """A stream that was not read to its end."""
    return row["status"] == "ok" and row["stream_end"] == "abandoned"


def count(rows: Sequence[Row]) -> int:
    """Calls: a batch is as many as it has requests."""
    return sum(row["requests"] for row in rows)


def spend(rows: Sequence[Row], column: str = "cost_usd") -> float | None:
    """Dollars; None where no row has any."""
    priced = [row[column] for row in rows if row.get(column) is not None]
    return float(sum(priced)) if priced else None


def share(part: float, whole: float) -> float | None:
    """None of nothing."""
    return part / whole if whole else None


def quantile(values: Sequence[float], at: float) -> float | None:
    """Between the two nearest, as a continuous quantile is."""
    if not values:
        return None
    ordered = sorted(values)
    place = at * (len(ordered) - 1)
    low = math.floor(place)
    return ordered[low] + (ordered[min(low + 1, len(ordered) - 1)] - ordered[low]) * (place - low)


def answers(rows: Sequence[Row]) -> list[float]:
    """Milliseconds of the answers that arrived."""
    return [row["latency_ms"] for row in rows if row["status"] == "ok"]


def first_tokens(rows: Sequence[Row]) -> list[float]:
    """Milliseconds until the first token of streams."""
    return [r["time_to_first_token"] * 1000 for r in rows if r["status"] == "ok" and r["time_to_first_token"]]


def failed(rows: Sequence[Row]) -> list[Row]:
    """Those that ended in an error."""
    return [row for row in rows if row["status"] == "error"]


def by(rows: Sequence[Row], name: str) -> dict[str, list[Row]]:
    """The rows of each name, as it is shown."""
    found: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        found[shown(row[DIMENSIONS[name]])].append(row)
    return dict(found)


def by_step(left: Left, rows: Sequence[Row]) -> dict[int, list[Row]]:
    """The rows of each step, by its start in seconds."""
    found: dict[int, list[Row]] = defaultdict(list)
    for row in rows:
        second = (row["started_at"] - datetime(1970, 1, 1)).total_seconds()  # noqa: DTZ001 - UTC without a zone
        found[math.floor(second / left.step) * left.step].append(row)
    return dict(found)


def top(groups: Mapping[str, list[Row]], value: Callable[[list[Row]], float], *, most: int = 5) -> list[str]:
    """The names with the most of it, ties by name."""
    return sorted(groups, key=lambda name: (-value(groups[name]), "" if name == "(none)" else name))[:most]


def stacked(left: Left, name: str, value: Callable[[list[Row]], float]) -> dict[Any, float]:
    """Sums over time: five names and all others."""
    groups = {n: rows for n, rows in by(left.facts, name).items() if value(rows) > 0}
    chosen = top(groups, value)
    found: dict[Any, float] = {}
    for at, rows in by_step(left, left.facts).items():
        for row in rows:
            shown_name = shown(row[DIMENSIONS[name]])
            key = (at, shown_name if shown_name in chosen else "all others")
            found[key] = found.get(key, 0.0) + value([row])
    return found


def each_of_five(left: Left, most: Callable[[list[Row]], float], value: Callable[[list[Row]], Any]) -> dict[Any, Any]:
    """A rate over time of the five tasks with the most of something."""
    chosen = top(by(left.facts, "task"), most)
    return {
        (at, name): value(group)
        for at, rows in by_step(left, left.facts).items()
        for name, group in by(rows, "task").items()
        if name in chosen
    }


# --- money


@dataclass
class Customer:
    """One line of the margin."""

    calls: int = 0
    unpriced: int = 0
    tokens: int = 0
    cost: Decimal = Decimal(0)
    revenue: Decimal | None = None
    shared: float = 0.0


def customers(left: Left) -> dict[str, Customer]:
    """Every customer with calls or revenue before the end; the filter by customer is not looked at."""
    found: dict[str, Customer] = defaultdict(Customer)
    for row in left.calls:
        if left.since <= row["started_at"] < left.until:
            one = found[row["customer_id"] or ""]
            one.calls += row["requests"]
            one.unpriced += row["requests"] if row["cost_usd"] is None else 0
            one.tokens += row["input_tokens"] + row["output_tokens"]
            one.cost += row["cost_usd"] or 0
    for row in left.revenue:
        begin, end = row.get("recognised_from") or row["occurred_at"], row.get("recognised_until")
        if begin >= left.until:
            continue
        one = found[row["customer_id"]]
        if end is None:
            part = Decimal(int(begin >= left.since))
        else:
            within = max((min(end, left.until) - max(begin, left.since)).total_seconds(), 0)
            part = Decimal(within) / Decimal((end - begin).total_seconds())
        one.revenue = (one.revenue or Decimal(0)) + row["amount_usd"] * part
    days = (left.until - left.since).total_seconds() / 86400
    for divided_by, a_day in SHARED.items():
        whole = sum(getattr(one, divided_by) for one in found.values())
        for one in found.values():
            one.shared += float(a_day) * days * getattr(one, divided_by) / whole if whole else 0
    return dict(found)


def chosen_customers(left: Left) -> dict[str, Customer]:
    """Those that the filter by customer leaves."""
    wanted = left.filters.get("customer")
    return {n: c for n, c in customers(left).items() if not wanted or shown(n or None) in wanted}


def money(left: Left) -> dict[str, float | int | None]:
    """The sums over customers that the boards show."""
    found = chosen_customers(left)
    paying = [c for n, c in found.items() if n and c.revenue is not None]
    others = [c for n, c in found.items() if n and c.revenue is None]
    nobody = found.get("", Customer())
    revenue = float(sum(c.revenue or 0 for c in paying)) if paying else None
    direct, shared = float(sum(c.cost for c in paying)), sum(c.shared for c in paying)
    unpriced = sum(c.unpriced for c in [*paying, nobody])
    is_known = revenue is not None and unpriced * 100 <= sum(c.calls for c in [*paying, nobody])
    margin = (revenue or 0) - direct - shared if is_known else None
    losses = [float(c.revenue or 0) - float(c.cost) - c.shared for c in paying]
    lost = -sum(one for one in losses if one < 0)
    unattributed = float(nobody.cost) + nobody.shared
    return {
        "revenue": revenue,
        "direct": None if direct == 0 and unpriced else direct,
        "shared": shared,
        "margin": margin,
        "share": margin / revenue if margin is not None and revenue and revenue > 0 else None,
        "lost": None if revenue is None or (lost == 0 and unpriced) else lost,
        "losing": None if revenue is None else sum(one < 0 for one in losses),
        "unknown": sum(float(c.cost) + c.shared for c in others),
        "unattributed": None if unattributed == 0 and nobody.unpriced else unattributed,
    }


def money_table(left: Left) -> dict[str, Row]:
    """Now and before."""
    now, then = money(left), money(left.before())
    lines = {
        "Revenue recognised": "revenue",
        "LLM cost of who pays it": "direct",
        "Shared cost of who pays it": "shared",
        "LLM gross margin": "margin",
        "Lost on customers below zero": "lost",
        "LLM cost of unknown revenue": "unknown",
        "LLM cost, no customer": "unattributed",
    }
    return {words: {"this range": now[key], "before": then[key]} for words, key in lines.items()}


def customer_lines(left: Left) -> dict[str, Row]:
    """One line a customer."""
    found: dict[str, Row] = {}
    for name, one in chosen_customers(left).items():
        cost = None if one.cost == 0 and one.unpriced else float(one.cost)
        is_known = one.revenue is not None and one.unpriced * 100 <= one.calls
        margin = float(one.revenue or 0) - (cost or 0) - one.shared if is_known else None
        found[shown(name or None)] = {
            "margin": margin,
            "of revenue": margin / float(one.revenue)
            if margin is not None and one.revenue and one.revenue > 0
            else None,
            "revenue": None if one.revenue is None else float(one.revenue),
            "direct": cost,
            "shared": one.shared,
            "LLM cost": None if cost is None else cost + one.shared,
            "calls": one.calls,
            "unpriced": one.unpriced,
        }
    return found


def money_sums(left: Left) -> dict[str, float | None]:
    """Sums over the steps of the chart; its margin may be unknown in a step."""
    total = money(left)
    revenue = total["revenue"]
    if revenue is None:
        return dict.fromkeys(("revenue", "LLM cost", "target margin"))
    wanted = left.filters.get("customer")
    refunds = sum(
        float(row["amount_usd"])
        for row in left.revenue
        if row["amount_usd"] < 0
        and left.since <= row["occurred_at"] < left.until
        and (not wanted or row["customer_id"] in wanted)
    )
    words = " before refunds" if refunds else ""
    found: dict[str, float | None] = {
        f"revenue{words}": revenue - refunds,
        "LLM cost": (total["direct"] or 0) + (total["shared"] or 0),
        "target margin": (revenue - refunds) * TARGET_MARGIN,
    }
    # Steps may be unknown that are few of the whole range.
    if not any(row["cost_usd"] is None for row in left.calls):
        found[f"margin{words}"] = revenue - refunds - (found["LLM cost"] or 0)
    return found | ({"refunds": refunds} if refunds else {})


# --- calls


def endings(left: Left) -> dict[Any, int]:
    """How calls ended, over time."""

    def ending(row: Row) -> str:
        if row["status"] == "error":
            return "failed"
        kinds = (
            ("left", is_left(row)),
            ("refused", row["is_refusal"]),
            ("cut off", row["finish_reasons"] == ["length"]),
        )
        return next((word for word, holds in kinds if holds), "complete")

    found: Counter[Any] = Counter()
    for at, rows in by_step(left, left.facts).items():
        for row in rows:
            found[at, ending(row)] += row["requests"]
    return dict(found)


def latency(left: Left) -> dict[Any, float | None]:
    """Percentiles over time."""
    found: dict[Any, float | None] = {}
    for at, rows in by_step(left, left.facts).items():
        found |= {
            (at, "P50"): quantile(answers(rows), 0.5),
            (at, "P95"): quantile(answers(rows), 0.95),
            (at, "first token, P50"): quantile(first_tokens(rows), 0.5),
        }
    return found


def tokens(left: Left) -> dict[Any, int]:
    """Tokens of each kind, over time."""
    found: dict[Any, int] = {}
    for at, rows in by_step(left, left.facts).items():
        found |= {
            (at, "fresh input"): sum(r["input_tokens"] - r["cached_input_tokens"] for r in rows),
            (at, "cached input"): sum(r["cached_input_tokens"] for r in rows),
            (at, "output"): sum(r["output_tokens"] - r["reasoning_tokens"] for r in rows),
            (at, "reasoning"): sum(r["reasoning_tokens"] for r in rows),
        }
    return found


def histogram(left: Left) -> dict[str, Row]:
    """Answers in each bin."""
    took = answers(left.facts)
    ends = (*BINS[1:], math.inf)
    return {
        word: {"answers": sum(low <= ms < high for ms in took)}
        for word, low, high in zip(WORDS, BINS, ends, strict=True)
    }


def task_lines(left: Left) -> dict[str, Row]:
    """The table of tasks, of what calls say."""
    return {
        name: {
            "calls": count(rows),
            "spend": spend(rows),
            "$ per 1,000": per_thousand(rows),
            "errors": count(failed(rows)) / count(rows),
            "P50": quantile(answers(rows), 0.5),
            "P99": quantile(answers(rows), 0.99),
        }
        for name, rows in by(left.facts, "task").items()
    }


def per_thousand(rows: Sequence[Row]) -> float | None:
    """Dollars a thousand calls that have a price."""
    priced = count([row for row in rows if row["cost_usd"] is not None])
    return (spend(rows) or 0) / priced * 1000 if priced else None


def model_lines(left: Left) -> dict[str, Row]:
    """The table of models: a failed call is the model's that answers most calls of the name it asked for."""
    named = [(row, row["response_model"]) for row in left.facts]
    answering = Counter(name for row, name in named if row["status"] == "ok").most_common(2)
    if len(answering) == 2 and answering[0][1] == answering[1][1]:
        return {}
    groups: dict[str, list[Row]] = defaultdict(list)
    for row, name in named:
        groups[answering[0][0] if row["status"] == "error" and answering else name].append(row)
    return {
        name: {"calls": count(rows), "errors": count(failed(rows)) / count(rows), "P99": quantile(answers(rows), 0.99)}
        for name, rows in groups.items()
    }


def waste(left: Left) -> dict[str, Row]:
    """Calls that may have been paid for nothing."""
    kinds: dict[str, Callable[[Row], bool]] = {
        "repeated within a day": lambda r: r["is_request_repeated"],
        "failed": lambda r: r["status"] == "error",
        "left before the end": is_left,
        "retried": lambda r: r["retries"] > 0,
        "cut off": lambda r: r["finish_reasons"] == ["length"],
        "refused": lambda r: r["is_refusal"],
    }
    found: dict[str, Row] = {}
    for words, holds in kinds.items():
        rows = [row for row in left.facts if holds(row)]
        found[words] = {"calls": count(rows), "cost": spend(rows) or 0}
    return found


def movers(left: Left) -> dict[str, Row]:
    """Of each kind of name the three whose spend changed most; a name may be of two kinds."""
    before = Left(left.before().since, left.since - timedelta(microseconds=1), left.filters, left.calls, [], [])
    found: dict[str, Row] = {}
    for name in ("task", "model", "customer", "feature"):
        now, then = by(left.facts, name), by(before.facts, name)
        change = {n: (spend(now.get(n, [])) or 0) - (spend(then.get(n, [])) or 0) for n in {*now, *then}}
        # Two that moved alike are either.
        for n in sorted((n for n in change if abs(change[n]) > 1e-12), key=lambda n: -abs(change[n]))[:3]:
            found[f"{name} {n}"] = {"change": change[n]}
    return found


def pace(left: Left) -> float | None:
    """A month of the spend of the tasks that still run."""
    first = min(row["started_at"] for row in left.calls)
    if left.until < first + timedelta(days=1):
        return None
    quiet = min(timedelta(days=7), (left.until - left.since) / 2)
    total = 0.0
    for rows in by(left.facts, "task").values():
        began, ended = min(r["started_at"] for r in rows), max(r["started_at"] for r in rows)
        since = max(left.since, first)
        since = began if began > since + timedelta(days=1) else since
        if left.until - ended <= quiet:
            total += (spend(rows) or 0) * 30.4375 * 86400 / max((left.until - since).total_seconds(), 86400)
    return total


def change(left: Left) -> float | None:
    """Against the time before."""
    before = Left(left.before().since, left.since - timedelta(microseconds=1), left.filters, left.calls, [], [])
    was = spend(before.facts)
    return ((spend(left.facts) or 0) - was) / was if was else None


def outcome_lines(left: Left) -> dict[str, Row]:
    """Reports of each outcome; no model and no service is known of them."""
    rows = [r for r in left.outcomes if left.since <= r["occurred_at"] <= left.until and left.leaves(r)]
    found: dict[str, Row] = {}
    for kind in {row["outcome"] for row in rows}:
        mine = [row for row in rows if row["outcome"] == kind]
        good = [row for row in mine if row["is_success"]]
        found[kind] = {"reported": len(mine), "succeeded": len(good), "worth": spend(good, "amount_usd")}
    return found


def fresh_lines(left: Left) -> dict[str, Row]:
    """Input of each task."""
    return {
        name: {
            "calls": count(rows),
            "cached": sum(r["cached_input_tokens"] for r in rows) / sum(r["input_tokens"] for r in rows),
            "fresh cost": spend(rows, "input_cost_usd"),
            "saved": spend(rows, "cache_saving_usd"),
        }
        for name, rows in by(left.facts, "task").items()
    }


def cost_parts(left: Left) -> dict[str, Row]:
    """What was charged."""
    names = {
        "fresh input": "input_cost_usd",
        "cached input": "cached_input_cost_usd",
        "cache writes": "cache_write_cost_usd",
        "output and reasoning": "output_cost_usd",
    }
    return {words: {"amount": spend(left.facts, column) or 0} for words, column in names.items()}


def listed(left: Left) -> dict[str, Row]:
    """The newest 500 calls."""
    rows = sorted(left.facts, key=lambda r: (-r["started_at"].timestamp(), r["span_id"]))[:500]
    return {r["span_id"]: {"cost": None if r["cost_usd"] is None else float(r["cost_usd"])} for r in rows}


def errors_by_kind(left: Left) -> dict[str, Row]:
    """Rows, not requests, of each kind of error."""
    kinds = Counter(row["error_type"] for row in failed(left.facts))
    return {kind: {"calls": number} for kind, number in kinds.items()}


def state(left: Left) -> str:
    """The beginning of the line on top."""
    calls = count(left.facts)
    if not calls:
        return "No calls in this time range with these filters."
    return (
        f"{calls:,} call{'' if calls == 1 else 's'} in this range"
        if spend(left.facts) is not None
        else f"{calls:,} calls, none"
    )


def _of_money(key: str) -> Callable[[Left], Any]:
    return lambda left: money(left)[key]


def _dollars(holds: Callable[[Row], bool], column: str = "cost_usd") -> Callable[[Left], float]:
    return lambda left: spend([row for row in left.facts if holds(row)], column) or 0


def _tasks(left: Left) -> dict[str, Row]:
    found = {name: spend(rows) for name, rows in by(left.facts, "task").items()}
    return {name: {"spend": value} for name, value in found.items() if value}


def _cost(rows: list[Row]) -> float:
    return spend(rows) or 0


def _cached(rows: Sequence[Row]) -> float | None:
    return share(sum(r["cached_input_tokens"] for r in rows), sum(r["input_tokens"] for r in rows))


ANSWERS: dict[str, Callable[[Left], Any]] = {
    "": state,
    "Revenue": _of_money("revenue"),
    "LLM gross margin": _of_money("margin"),
    "Margin of revenue": _of_money("share"),
    "Lost on customers": _of_money("lost"),
    "Customers below zero": _of_money("losing"),
    "Cost without a customer": _of_money("unattributed"),
    "Money, against the time before": money_table,
    "Revenue, LLM cost and margin": money_sums,
    "Customers, greatest loss first, then the lowest margin": customer_lines,
    "LLM spend": lambda left: spend(left.facts),
    "Against the time before": change,
    "A month at this pace": pace,
    "Calls": lambda left: count(left.facts) or None,
    "Unpriced calls": lambda left: count([r for r in left.facts if r["cost_usd"] is None]),
    "Unpriced": lambda left: count([r for r in left.facts if r["cost_usd"] is None]),
    "Failed": lambda left: count(failed(left.facts)),
    "Dearest call": lambda left: max(
        (float(r["cost_usd"]) for r in left.facts if r["cost_usd"] is not None), default=None
    ),
    "Slowest answer": lambda left: max(answers(left.facts), default=None),
    "Spend by model": lambda left: stacked(left, "model", _cost),
    "Spend by customer": lambda left: stacked(left, "customer", _cost),
    "Calls by task": lambda left: stacked(left, "task", count),
    "Spend by task": lambda left: stacked(left, "task", _cost) if left.step else _tasks(left),
    "Spend of these customers, by task": _tasks,
    "What moved most": movers,
    "Customers with calls": lambda left: len({r["customer_id"] for r in left.facts} - {None}),
    "Outcomes": outcome_lines,
    "Error rate": lambda left: share(count(failed(left.facts)), count(left.facts)) or None,
    "P50": lambda left: quantile(answers(left.facts), 0.5),
    "P95": lambda left: quantile(answers(left.facts), 0.95),
    "P99": lambda left: quantile(answers(left.facts), 0.99),
    "First token, P95": lambda left: quantile(first_tokens(left.facts), 0.95),
    "Retried": lambda left: share(count([r for r in left.facts if r["retries"]]), count(left.facts)) or None,
    "How calls ended": endings,
    "Latency": latency,
    "Error rate by task": lambda left: each_of_five(
        left,
        lambda rows: count(failed(rows)) * 1e6 + count(rows),
        lambda rows: count(failed(rows)) / count(rows),
    ),
    "How long answers took": histogram,
    "Models, most calls first": model_lines,
    "Errors by kind": errors_by_kind,
    "Tasks with calls": lambda left: len({r["task"] for r in left.facts} - {None}),
    "Per 1,000 calls": lambda left: per_thousand(left.facts) or None,
    "Tasks, dearest first": task_lines,
    "Cost per 1,000 calls, by task": lambda left: each_of_five(left, _cost, per_thousand),
    "Cached input": lambda left: _cached(left.facts),
    "Saved by the cache": _dollars(lambda _: True, "cache_saving_usd"),
    "Spent on writes": _dollars(lambda _: True, "cache_write_cost_usd"),
    "Spent on repeats": _dollars(lambda r: r["is_request_repeated"]),
    "For answers nobody got": _dollars(lambda r: r["status"] == "error" or is_left(r)),
    "For cut, empty answers": _dollars(
        lambda r: r["finish_reasons"] == ["length"] and r["is_output_empty"] and r["status"] == "ok" and not is_left(r)
    ),
    "Cached input by task": lambda left: each_of_five(left, lambda rows: sum(r["input_tokens"] for r in rows), _cached),
    "Tokens by kind": tokens,
    "Tasks, most spent on input that was not cached first": fresh_lines,
    "What may have been paid for nothing": waste,
    "What the money was paid for": cost_parts,
}
