"""The stores that dashboards are asked of: with every kind of data, with nothing, with one call."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from llmwatch.figures.refresh import refresh
from llmwatch.settings import Settings
from llmwatch.store.file import connect
from tests.bench.generate_store import generate_year
from tests.stores import MOMENT, call, empty_store, fill

# What callers put into names; each is the task of one call, ten minutes before MOMENT.
HOSTILE = (
    "it's; drop table calls; --",
    '"quoted" \\ back',
    "'*'",
    "${model} $task [[task]]",
    ") or ('1' = '1",
    "名前 \u202e <script>alert(1)</script>",
    "*",
    "All",
    "All (name)",
    "(all)",
    "'(all)'",
    "(none)",
    "all others",
    "$__all",
    "$__timeFilter(started_at) $__interval",
    "a,b {c} %26",
    "back\\",
    "' ' ",
)
CALLS = 3000
# Every answer of one task is labelled, so that each week of it says something.
LABELS_SQL = """
insert into scores by name
select 'label ' || span_id as score_id, started_at as scored_at, span_id, 'quality' as name,
    if(hash(span_id) % 10 < 9, 1, 0) as value, 'label' as evidence
from calls where task_name = 'task-001'
"""


def full(home: Path) -> Path:
    """Eight weeks of calls with revenue, shared cost, scores, replays, outcomes, deploys and prompt versions."""
    generate_year(home, CALLS, customers=40, tasks=8, days=56)
    settings = Settings(home=home)
    hour = timedelta(hours=1)
    fill(
        settings,
        [
            call(10_000_000 + n, hours_ago=1 / 6, task=name, task_name=name, service_version="v2", customer_id="acme's")
            for n, name in enumerate(HOSTILE)
        ]
        + [call(10_000_100, hours_ago=0.01, status="error", error_type="rate_limit", service_version="v1")],
    )
    fill(
        settings,
        [{"name": "storage", "cost_usd": 3, "per": "month", "divided_by": "calls", "starts_at": MOMENT - 800 * hour}],
        "shared_costs",
    )
    outcome = {"kind": "outcome", "outcome": "closed", "task": "task-001", "customer_id": "c1", "is_success": True}
    fill(
        settings,
        [
            {
                **outcome,
                "event_id": f"o{n}",
                "occurred_at": MOMENT - n * hour,
                "recorded_at": MOMENT,
                "amount_usd": 0.5,
            }
            for n in range(1, 30)
        ],
        "revenue",
    )
    fill(
        settings,
        [
            {
                "task_name": "task-001",
                "prompt_version": f"p{n}",
                "number": n,
                "first_seen_at": MOMENT - 200 * hour / n,
                "last_seen_at": MOMENT - hour / n,
                "calls": 10,
                "text": "canary of a prompt",
            }
            for n in (1, 2)
        ],
        "prompt_versions",
    )
    attempt = {"parent_span_id": f"{10_000_100:016x}", "started_at": MOMENT - hour / 100, "ended_at": MOMENT}
    fill(settings, [attempt | {"http_status_code": 429}], "http_attempts")
    with connect(settings.store_path, home, read_only=False) as con:
        con.execute(LABELS_SQL)
    refresh(settings, MOMENT)
    return home


def empty(home: Path) -> Path:
    """A store without a row."""
    empty_store(home)
    return home


def single(home: Path) -> Path:
    """A store with one call, three minutes before MOMENT."""
    fill(empty_store(home), [call(1, hours_ago=0.05, time_to_first_token=0.2, is_stream=True)])
    return home
