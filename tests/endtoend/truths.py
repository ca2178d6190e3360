"""What must come out of one world, each truth with its own check; money is calculated apart from the program's code."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import duckdb

from .world import CANDIDATE, World, history

# List prices, dollars per million tokens: gpt-4o input, cached, output; gpt-6-luna input, output. Page of 2026-11.
_4O = (Decimal("2.5"), Decimal("1.25"), Decimal("10"))
_LUNA = (Decimal("0.10"), Decimal("0.50"))
_THOUGHT = {"ticket.title": 180}


def check(world: World) -> dict[str, str]:
    """Truth -> "" if it was found, else what was said instead."""
    verdicts = {row["key"]: row for row in _rows(world.json("drift"), "drift")}
    swaps = {row["key"]: row for row in _rows(world.json("downgrade", "--to", CANDIDATE), "downgrade")}
    by_task = {row["task"]: row for row in swaps.values()}
    found: dict[str, str] = {}
    for name, look in _CHECKS.items():
        found[name] = look(world, verdicts, by_task)
    return found


def _rows(report: Any, key: str) -> list[dict[str, Any]]:
    tables = [table for section in report["sections"] for table in section["tables"] if table["key"] == key]
    return [row for table in tables for row in table["rows"]]


def _week(world: World, day: float) -> date:
    """The Monday of the week in which a planted change first holds for most of its calls."""
    at = datetime.fromtimestamp(history.first_day(world.end_ns) / 1e9, UTC) + timedelta(days=day)
    monday = at.date() - timedelta(days=at.weekday())
    return monday if at.weekday() < 3 else monday + timedelta(weeks=1)


def _is_near(said: Any, week: date) -> bool:
    return said is not None and abs((date.fromisoformat(said) - week).days) <= 7


def _worse_replies(world: World, drift: dict[str, Any], _: dict[str, Any]) -> str:
    row = drift["reply.draft"]
    is_right = (
        row["verdict"] == "fell" and _is_near(row["since"], _week(world, 49)) and "prompt" in (row["cause"] or "")
    )
    return "" if is_right else f"{row['verdict']}, since {row['since']}, {row['cause']}"


def _harder_mix(_: World, drift: dict[str, Any], __: dict[str, Any]) -> str:
    row = drift["ticket.classify"]
    return "" if row["verdict"] in ("mix changed", "inputs harder") else f"{row['verdict']}: {row['sentence']}"


def _alias_flip(world: World, drift: dict[str, Any], _: dict[str, Any]) -> str:
    row = next(row for key, row in drift.items() if key.endswith("parse_address"))
    is_right = row["verdict"] == "answers changed" and _is_near(row["since"], _week(world, 42))
    return "" if is_right and "gpt-4o-2024-11-20" in (row["cause"] or "") else f"{row['verdict']}, {row['cause']}"


def _others_silent(_: World, drift: dict[str, Any], __: dict[str, Any]) -> str:
    planted = ("reply.draft", "ticket.classify")
    loud = [
        f"{key} {row['verdict']} {row['signals'] or ''}"
        for key, row in drift.items()
        if key not in planted and not key.endswith("parse_address")
        if row["verdict"] not in ("no sign of change", "too little evidence", "no scores")
    ]
    return "; ".join(loud)


def _equal(world: World, _: dict[str, Any], swaps: dict[str, Any]) -> str:
    row = swaps["ticket.route"]
    return row["sentence"] if row["verdict"] != "move" else _money(world, row, "ticket.route")


def _worse_by_8(_: World, __: dict[str, Any], swaps: dict[str, Any]) -> str:
    row = swaps["faq.answer"]
    return "" if row["verdict"] == "keep" else row["sentence"]


def _worse_in_japanese(_: World, __: dict[str, Any], swaps: dict[str, Any]) -> str:
    row = swaps["mood.tag"]
    is_right = row["verdict"] == "keep" or (row["verdict"] != "cannot tell yet" and "ja" in row["exclusions"])
    return "" if is_right else row["sentence"]


def _chattier(world: World, _: dict[str, Any], swaps: dict[str, Any]) -> str:
    row = swaps["ticket.title"]
    return row["sentence"] if row["verdict"] != "move" else _money(world, row, "ticket.title")


def _dearer_images(world: World, _: dict[str, Any], __: dict[str, Any]) -> str:
    row = _rows(world.json("downgrade", "--task", "image.check", "--to", "gpt-4o-mini"), "downgrade")[0]
    is_right = row["verdict"] == "keep" and Decimal(row["estimated_saving_usd"] or row["saving_month_usd"]) < 0
    return "" if is_right and Decimal(row["naive_saving_usd"]) > 0 else row["sentence"]


def _dying(world: World, _: dict[str, Any], __: dict[str, Any]) -> str:
    report = world.json("downgrade", "--task", "ticket.route")
    offered = [row["candidate"] for row in _rows(report, "downgrade")]
    return (
        f"offered {offered}" if "gpt-4o-mini" in offered else "" if "2027-01-14" in str(report) else "no date is said"
    )


def _money(world: World, row: dict[str, Any], task: str) -> str:
    """The saving a month by the calls' own tokens and the price list, against what the command says: within 1 %."""
    since = datetime.fromtimestamp(world.end_ns / 1e9, UTC).replace(tzinfo=None) - timedelta(days=30)
    with duckdb.connect(str(world.home / "store.duckdb"), read_only=True) as con:
        calls = con.execute(
            "select input_tokens, cached_input_tokens, output_tokens from calls"
            " where task_name = ? and status = 'ok' and started_at >= ?",
            [task, since],
        ).fetchall()
        every = con.execute(
            "select count(*) from calls where task_name = ? and started_at >= ?"
            " and usage_source is distinct from 'none' and not coalesce(is_repeated, false)",
            [task, since],
        ).fetchone()
        thought = con.execute(
            "select avg(reasoning_tokens) from replays where task_name = ? and state = 'answered'", [task]
        ).fetchone()
    extra = Decimal(str(_THOUGHT.get(task, thought[0] if thought else 0)))
    old = sum((i - c) * _4O[0] + c * _4O[1] + o * _4O[2] for i, c, o in calls)
    new = sum(i * _LUNA[0] + (o + extra) * _LUNA[1] for i, _, o in calls)
    saved = (old - new) / Decimal(1_000_000) / len(calls)
    # A call that failed is among those of a month and saves nothing.
    said = Decimal(row["saving_month_usd"]) / row["calls_month"] * (every[0] if every else 0) / len(calls)
    return "" if abs(said / saved - 1) < Decimal("0.01") else f"saves {said} a call, calculated {saved}"


_CHECKS: dict[str, Callable[[World, dict[str, Any], dict[str, Any]], str]] = {
    "prompt change lowered quality: named, week, cause": _worse_replies,
    "mix shift is called that": _harder_mix,
    "alias flip: answers changed": _alias_flip,
    "others silent": _others_silent,
    "equal: move, saving within 1 %": _equal,
    "worse by 8 points: keep": _worse_by_8,
    "worse in Japanese: keep, or all but Japanese": _worse_in_japanese,
    "equal but dearer (images): keep": _dearer_images,
    "equal but chattier: move, saving within 1 %": _chattier,
    "dying in 54 days: not offered, its date said": _dying,
}
