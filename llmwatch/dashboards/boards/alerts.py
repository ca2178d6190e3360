"""Owns the alert rules: SQL without macros, when its numbers alarm, and what is said, with the panel that shows them.

Of a query's answer Grafana takes the one number of each row; text columns are labels, by which alarms are told apart. So no
label holds what changes while an alarm lasts, and what the text needs beside the number is a query of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from .parts import Json, shown

_DATASOURCE: Final = "llmwatch"
_NOW: Final = "cast(now() at time zone 'UTC' as timestamp)"
# What a margin is held against where the configuration has no target_margin.
_TARGET_MARGIN: Final = 0.2


def _since(interval: str) -> str:
    return f"started_at > {_NOW} - interval '{interval}'"


_HOUR: Final = _since("1 hour")
_QUARTER: Final = _since("15 minutes")
_DAY: Final = _since("1 day")
_WEEK: Final = _since("7 days")


def _percent(ref: str) -> str:
    return f"{{{{ humanizePercentage $values.{ref}.Value }}}}"


def _duration(ref: str) -> str:
    return f"{{{{ humanizeDuration $values.{ref}.Value }}}}"


def _count(ref: str) -> str:
    return f'{{{{ printf "%.0f" $values.{ref}.Value }}}}'


def _dollars(ref: str) -> str:
    """Cents, and of less than a dollar a hundredth of a cent."""
    value = f"$values.{ref}.Value"
    return f'{{{{ if lt {value} 1.0 }}}}${{{{ printf "%.4f" {value} }}}}{{{{ else }}}}${{{{ printf "%.2f" {value} }}}}{{{{ end }}}}'


def _query(ref: str, sql: str, seconds: int) -> Json:
    return {
        "refId": ref,
        "datasourceUid": _DATASOURCE,
        "relativeTimeRange": {"from": seconds, "to": 0},
        "model": {
            "refId": ref,
            "datasource": {"type": "grafana-postgresql-datasource", "uid": _DATASOURCE},
            "editorMode": "code",
            "format": "table",
            "rawQuery": True,
            "rawSql": sql.strip(),
        },
    }


def _rule(
    boards: Mapping[str, Json],
    uid: str,
    title: str,
    queries: Mapping[str, str],
    alarms: str,
    panel: tuple[str, str],
    texts: tuple[str, str],
    *,
    severity: str = "warning",
    lasts: str = "5m",
    seconds: int = 3600,
) -> Json:
    """`alarms` is Grafana's formula over the queries, `panel` a board and the title on it, `texts` what is and what to do."""
    condition: Json = {
        "refId": "B",
        "datasourceUid": "__expr__",
        "relativeTimeRange": {"from": 0, "to": 0},
        "model": {
            "refId": "B",
            "type": "math",
            "expression": alarms,
            "datasource": {"type": "__expr__", "uid": "__expr__"},
        },
    }
    board, name = boards[panel[0]], panel[1]
    number = next(one["id"] for one in board["panels"] if one["title"] == name)
    summary, remedy = texts
    return {
        "uid": f"llmwatch-{uid}",
        "title": title,
        "condition": "B",
        "data": [*(_query(ref, sql, seconds) for ref, sql in queries.items()), condition],
        "for": lasts,
        "noDataState": "OK",
        "execErrState": "Error",
        "dashboardUid": board["uid"],
        "panelId": number,
        "labels": {"source": "llmwatch", "severity": severity},
        "annotations": {
            "summary": summary,
            "description": remedy,
            "runbook": f'README of llmwatch, "When an alert fires": {title}',
            # A Grafana that is set up by files shows the link by these two, over the API they are made of the fields.
            "__dashboardUid__": board["uid"],
            "__panelId__": str(number),
        },
        "isPaused": False,
    }


def alerts(boards: Mapping[str, Json]) -> Json:
    """The provisioning file, in the order of its rules; they link to panels of these boards."""
    return {
        "apiVersion": 1,
        "groups": [{"orgId": 1, "name": "llmwatch", "folder": "llmwatch", "interval": "1m", "rules": _rules(boards)}],
    }


def _silence(value: str) -> str:
    """A number of each service whose rhythm is known: from four weeks before its newest call, a day of it at least.

    Pauses within 10 minutes decide nothing, so calls count by tens of minutes. Who made calls on a few occasions has no
    rhythm: three times the longest pause would be longer than all that is known. Who stays silent four weeks beyond the
    alarm has been given up.
    """
    return f"""
with runs as (
    select coalesce(service, '') as name, min(started_at) as began, max(started_at) as ended
    from call_facts where {_since("84 days")} and started_at <= {_NOW}
    group by name, time_bucket(interval '10 minutes', started_at)
),
pauses as (
    select *, epoch(began - lag(ended) over (partition by name order by began)) as pause,
        max(ended) over (partition by name) as newest
    from runs
),
rhythm as (
    select name, epoch({_NOW} - max(ended)) as silent, coalesce(max(pause), 0) as longest,
        epoch(max(ended) - min(began)) as known
    from pauses where ended >= newest - interval '28 days' group by name
)
select {shown("name")} as service, cast({value} as double) as seconds from rhythm
where known >= greatest(86400, 3 * longest) and silent < greatest(3600, 3 * longest) + 28 * 86400
order by 1"""


def _rules(boards: Mapping[str, Json]) -> list[Json]:
    rules: list[dict[str, Any]] = [
        {
            "uid": "spend-spike",
            "title": "LLM spend is more than 3 times its usual hour",
            "queries": {
                "A": f"select coalesce(cast(sum(cost_usd) as double), 0) as usd from call_facts where {_HOUR}",
                "C": f"""
select cast(sum(cost_usd) as double) / greatest(epoch({_NOW} - interval '1 hour' - min(started_at)) / 3600, 24) as usd
from call_facts where {_WEEK} and not {_HOUR} having sum(cost_usd) > 0""",
            },
            "alarms": "$A > 3 * $C",
            "panel": ("overview", "LLM spend"),
            "texts": (
                f"The last hour cost {_dollars('A')}; the mean hour of the week before cost {_dollars('C')}.",
                "`llmwatch calls --since 1h --order cost` lists the calls; the overview says what moved most.",
            ),
            "seconds": 604800,
        },
        {
            "uid": "error-rate",
            "title": "More than 5 % of LLM calls fail",
            "queries": {
                "A": f"""
select if(sum(call_count) >= 20, coalesce(sum(call_count) filter (where is_failed), 0) / sum(call_count), 0) as share
from call_facts where {_QUARTER}"""
            },
            "alarms": "$A > 0.05",
            "panel": ("reliability", "Error rate"),
            "texts": (
                f"{_percent('A')} of the calls of the last 15 minutes failed.",
                "The board names the kinds of errors, and the models and tasks they are of.",
            ),
            "severity": "critical",
            "seconds": 900,
        },
        {
            "uid": "p95",
            "title": "LLM answers are slow",
            "queries": {
                "A": f"select coalesce(quantile_cont(answer_ms, 0.95), 0) / 1000 as seconds from call_facts where {_QUARTER}"
            },
            "alarms": "$A > 15",
            "panel": ("reliability", "P95"),
            "texts": (
                f"95 of 100 answers of the last 15 minutes took up to {_duration('A')}.",
                "The board shows whether one model or all of them slowed down.",
            ),
            "lasts": "10m",
            "seconds": 900,
        },
        {
            "uid": "quality-drift",
            "title": "The quality of a task fell",
            # What `llmwatch drift` says: an alarm that nobody has set aside and that has not recovered.
            "queries": {"A": _drift("1"), "C": _drift("100 * coalesce(loss, 0)")},
            "alarms": "$A > 0",
            "panel": ("tasks", "Drift, newest week"),
            "texts": (
                '{{ $labels.task }} {{ $labels.found }}: {{ printf "%.1f" $values.C.Value }} points fewer acceptable answers '
                "than before at equal inputs.",
                "`llmwatch drift` says since when, and what changed near it; `llmwatch drift acknowledge` with the task's name "
                "sets the alarm aside.",
            ),
            "lasts": "0s",
            "seconds": 604800,
        },
        {
            "uid": "margin",
            "title": "LLM gross margin is below its target",
            "queries": {
                "A": f"""
select most_share as share from margin_total({_NOW} - interval '7 days', {_NOW}) where most_share is not null""",
                "C": f"""
select coalesce(max(try_cast(nullif(value, '') as double)), {_TARGET_MARGIN}) as share
from meta where key = 'target_margin'""",
            },
            "alarms": "$A < $C",
            "panel": ("overview", "Margin of revenue"),
            "texts": (
                f"At most {_percent('A')} of the revenue of the last 7 days remains after LLM cost; the target is {_percent('C')}.",
                "`llmwatch margin --since 7d` names the customers. The target is `target_margin` of llmwatch.toml, "
                f"{_TARGET_MARGIN:.0%} where none is set.",
            ),
            "lasts": "1h",
            "seconds": 604800,
        },
        {
            "uid": "no-calls",
            "title": "A service has stopped making LLM calls",
            "queries": {"A": _silence("silent"), "C": _silence("longest")},
            "alarms": "($A > 3600) && ($A > 3 * $C)",
            "panel": ("reliability", "How calls ended"),
            "texts": (
                f"{{{{ $labels.service }}}} made no call for {_duration('A')}; its longest pause in the four weeks before was "
                f"{_duration('C')}.",
                "Does the service run, and does `llmwatch doctor` find its spool? A service that was given up is forgotten "
                "after four weeks.",
            ),
            "severity": "critical",
            "seconds": 7257600,
        },
        {
            "uid": "unpriced",
            "title": "More than 1 % of LLM calls have no price",
            "queries": {
                "A": f"""
select coalesce(sum(call_count) filter (where is_unpriced) / sum(call_count), 0) as share from call_facts where {_DAY}""",
                "C": f"select coalesce(sum(call_count) filter (where is_unpriced), 0) as calls from call_facts where {_DAY}",
            },
            "alarms": "$A > 0.01",
            "panel": ("overview", "Unpriced calls"),
            "texts": (
                f"{_count('C')} calls of the last day, {_percent('A')} of all, have no price and are in no total.",
                "`llmwatch doctor` names their models; `[[prices]]` in llmwatch.toml gives them a price.",
            ),
            "severity": "info",
            "seconds": 86400,
        },
    ]
    return [_rule(boards, **rule) for rule in rules]


def _drift(value: str) -> str:
    return f"""
select {shown("task_name")} as task, verdict as found, cast({value} as double) as number
from drift where is_alarm and week = (select max(week) from drift) order by 1"""
