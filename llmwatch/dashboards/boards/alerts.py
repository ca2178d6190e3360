"""Owns the alert rules: one query each, in SQL without macros, and a threshold."""

from __future__ import annotations

from typing import Final

from .parts import Json

_DATASOURCE: Final = "llmwatch"
_NOW: Final = "cast(now() at time zone 'UTC' as timestamp)"


def _since(interval: str) -> str:
    return f"started_at > {_NOW} - interval '{interval}'"


_HOUR: Final = _since("1 hour")
_QUARTER: Final = _since("15 minutes")
_DAY: Final = _since("1 day")
_WEEK: Final = _since("7 days")


def _rule(
    uid: str, title: str, sql: str, kind: str, limit: float, summary: str, *, lasts: str = "5m", seconds: int = 3600
) -> Json:
    query: Json = {
        "refId": "A",
        "datasourceUid": _DATASOURCE,
        "relativeTimeRange": {"from": seconds, "to": 0},
        "model": {
            "refId": "A",
            "datasource": {"type": "grafana-postgresql-datasource", "uid": _DATASOURCE},
            "editorMode": "code",
            "format": "table",
            "rawQuery": True,
            "rawSql": sql.strip(),
        },
    }
    threshold: Json = {
        "refId": "B",
        "datasourceUid": "__expr__",
        "relativeTimeRange": {"from": 0, "to": 0},
        "model": {
            "refId": "B",
            "type": "threshold",
            "expression": "A",
            "datasource": {"type": "__expr__", "uid": "__expr__"},
            "conditions": [{"evaluator": {"type": kind, "params": [limit]}}],
        },
    }
    return {
        "uid": f"llmwatch-{uid}",
        "title": title,
        "condition": "B",
        "data": [query, threshold],
        "for": lasts,
        "noDataState": "OK",
        "execErrState": "Error",
        "labels": {"source": "llmwatch"},
        "annotations": {"summary": summary},
        "isPaused": False,
    }


def alerts() -> Json:
    """The provisioning file, in the order of its rules."""
    return {
        "apiVersion": 1,
        "groups": [{"orgId": 1, "name": "llmwatch", "folder": "llmwatch", "interval": "1m", "rules": _rules()}],
    }


def _rules() -> list[Json]:
    return [
        _rule(
            "spend-spike",
            "LLM spend is more than 3 times its usual hour",
            f"""
select coalesce(cast(sum(cost_usd) filter (where {_HOUR}) as double), 0)
    / nullif(cast(sum(cost_usd) filter (where not {_HOUR}) as double)
        / greatest(epoch({_NOW} - interval '1 hour' - min(started_at)) / 3600, 24), 0) as times
from call_facts where {_WEEK}""",
            "gt",
            3,
            "The last hour cost {{ $values.A.Value }} times the mean hour of the week before.",
            seconds=604800,
        ),
        _rule(
            "error-rate",
            "More than 5 % of LLM calls fail",
            f"""
select if(sum(call_count) >= 20, coalesce(sum(call_count) filter (where is_failed), 0) / sum(call_count), 0) as share
from call_facts where {_QUARTER}""",
            "gt",
            0.05,
            "Of the calls of the last 15 minutes, this share failed: {{ $values.A.Value }}.",
            seconds=900,
        ),
        _rule(
            "p95",
            "LLM answers are slow",
            f"select coalesce(quantile_cont(answer_ms, 0.95), 0) / 1000 as seconds from call_facts where {_QUARTER}",
            "gt",
            15,
            "95 of 100 answers of the last 15 minutes took up to {{ $values.A.Value }} seconds.",
            lasts="10m",
            seconds=900,
        ),
        _rule(
            "quality-drift",
            "The quality of a task fell",
            """
select task_name as task, if(scores_after >= 50, -loss, 0) as change
from drift where is_alarm and week = (select max(week) from drift)""",
            "lt",
            -0.05,
            "{{ $labels.task }}: the share of acceptable answers changed by {{ $values.A.Value }}; see `llmwatch drift`.",
            lasts="0s",
            seconds=604800,
        ),
        _rule(
            "margin",
            "LLM gross margin is below 20 %",
            f"""
select coalesce(most_share, 1) as share
from margin_total({_NOW} - interval '7 days', {_NOW})""",
            "lt",
            0.2,
            "Of the revenue of the last 7 days at most this share remains after LLM cost: {{ $values.A.Value }}.",
            lasts="1h",
            seconds=604800,
        ),
        _rule(
            "no-calls",
            "No LLM call for an hour",
            f"select epoch({_NOW} - max(started_at)) / 60 as minutes from calls having max(started_at) is not null",
            "gt",
            60,
            "The newest call that was recorded is {{ $values.A.Value }} minutes old.",
        ),
        _rule(
            "unpriced",
            "LLM calls have no price",
            f"select coalesce(sum(call_count) filter (where is_unpriced), 0) as calls from call_facts where {_DAY}",
            "gt",
            0,
            "{{ $values.A.Value }} calls of the last day are in no total; `llmwatch doctor` names their models.",
            seconds=86400,
        ),
    ]
