"""Owns what all boards share: variables, links, annotations, the line that says what state the store is in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from .parts import (
    ALL,
    DATASOURCE,
    FILTERED,
    LABELS,
    NAMES,
    SCHEMA_VERSION,
    Json,
    Placed,
    chosen,
    placed,
    shown,
    stat,
)

VERSION: Final = 1
TITLES: Final = {
    "overview": "Overview and margin",
    "customers": "Customers",
    "tasks": "Tasks and quality drift",
    "downgrade": "Downgrade candidates",
    "reliability": "Reliability and latency",
    "cache": "Cache efficiency and waste",
    "calls": "Call explorer",
}
# A list that a browser still scrolls; the names beyond it can be typed.
LISTED: Final = 20_000
_COLOURS: Final = {"deploys": "blue", "prompt versions": "purple", "price changes": "yellow", "drift starts": "red"}


def link(board: str, **names: str) -> str:
    """An address of a board that keeps the time and all other filters; a value is Grafana's text for it."""
    kept = [f"${{{name}:queryparam}}" for name in ("datasource", *NAMES) if name not in names]
    given = [f"var-{name}={value}" for name, value in names.items()]
    return f"/d/llmwatch-{board}/llmwatch-{board}?${{__url_time_range}}&{'&'.join(kept + given)}"


VALUE: Final = "${__value.raw:percentencode}"


def field(name: str) -> str:
    """Another column of the row that a link is in."""
    return f'${{__data.fields["{name}"]:percentencode}}'


def variable(name: str, label: str) -> Json:
    """A filter by one of the names that calls carry: many or all.

    Asked when the board is opened and never again: Grafana drops a chosen name that a later answer does not have, at
    each tick of the refresh, and shows everybody's numbers. So the time range has no part in it either.
    """
    query = (
        f"select {shown('name')} as name from (select {name} as name, call_count as calls from call_facts"
        # Who pays and calls no more is filtered by too.
        + (" union all select customer, 0 from revenue_streams" if name == "customer" else "")
        + f") group by name order by sum(calls) desc, 1 limit {LISTED}"
    )
    return {
        "type": "query",
        "name": name,
        "label": label,
        "description": f"Only calls of these, whenever they were made; a call without one is (none). The {LISTED:,} with "
        "the most calls are listed when the board is opened; any other can be typed in full.",
        "datasource": DATASOURCE,
        "definition": query,
        "query": query,
        "refresh": 1,
        "multi": True,
        "includeAll": True,
        "allowCustomValue": True,
        "allValue": ALL,
        "current": {"selected": True, "text": ["All"], "value": ["$__all"]},
        "hide": 0,
        "options": [],
        "regex": "",
        "sort": 0,
        "skipUrlSync": False,
    }


def _datasource() -> Json:
    """The store that is asked: ours by its uid, the first of its kind where there is none of that uid.

    In sight, as Grafana asks for no source at an import: `__inputs` would make it ask, but what comes by a file or over
    the HTTP API would then have no source.
    """
    return {
        "type": "datasource",
        "name": "datasource",
        "label": "Store",
        "description": "The data source that reaches `llmwatch serve`; of several, the one that is asked.",
        "query": "grafana-postgresql-datasource",
        "current": {"selected": True, "text": "llmwatch", "value": "llmwatch"},
        "hide": 0,
        "includeAll": False,
        "multi": False,
        "options": [],
        "refresh": 1,
        "regex": "",
        "skipUrlSync": False,
    }


def _annotation(name: str, sql: str) -> Json:
    return {
        "name": name,
        "datasource": DATASOURCE,
        "enable": True,
        "hide": False,
        "iconColor": _COLOURS[name],
        "target": {
            "refId": "Anno",
            "datasource": DATASOURCE,
            "editorMode": "code",
            "format": "table",
            "rawQuery": True,
            "rawSql": sql,
        },
    }


def _annotations() -> list[Json]:
    return [
        _annotation(
            "deploys",
            "select min(started_at) as \"time\", service_name || ' ' || service_version as text, 'deploy' as tags"
            f" from calls where service_version is not null and started_at <= $__timeTo() and {chosen('service', 'service_name')}"
            " group by service_name, service_version having min(started_at) >= $__timeFrom() order by 1",
        ),
        _annotation(
            "prompt versions",
            "select first_seen_at as \"time\", task_name || ': prompt version ' || number as text, 'prompt' as tags"
            f" from prompt_versions where number > 1 and $__timeFilter(first_seen_at) and {chosen('task', 'task_name')}"
            " order by 1",
        ),
        _annotation(
            "price changes",
            "select begins_at as \"time\", model || ' (' || service_tier || '): new price' as text, 'price' as tags"
            " from (select cast(valid_from as timestamp) as begins_at, * from prices)"
            f" where $__timeFilter(begins_at) and {chosen('model')} order by 1",
        ),
        _annotation(
            "drift starts",
            "select begins_at as \"time\", task_name || ' fell' as text, 'drift' as tags"
            " from (select cast(since_week as timestamp) as begins_at, * from drift_alarms)"
            f" where $__timeFilter(begins_at) and {chosen('task', 'task_name')} order by 1",
        ),
    ]


def state(filtered: str = FILTERED) -> Json:
    """What there is to see, or what to do so that there is."""
    return stat(
        "",
        "What the store holds: the newest call, and how many calls the time range and the filters leave. On an empty "
        "store, what to do next.",
        f"""
with store as (select max(started_at) as last, count(*) as calls from calls),
here as (select sum(call_count) as calls, count(*) filter (where cost_usd is not null) as priced from call_facts
    where {filtered})
select case
    when s.calls = 0 then 'No calls yet. Put llmwatch.init() at the start of your service, make a call, and look again; '
        || '`llmwatch doctor` says what is missing.'
    when coalesce(h.calls, 0) = 0 then 'No calls in this time range with these filters. The newest is of '
        || strftime(s.last, '%-d %b %Y %H:%M') || ' UTC: widen the range, or set the filters to All.'
    when h.priced = 0 then format('{{:,}} calls, none of them with a price: `llmwatch doctor` says which models lack one.',
        cast(h.calls as bigint))
    else format('{{:,}}', cast(h.calls as bigint)) || if(h.calls = 1, ' call', ' calls') || ' in this range; the newest of all is of '
        || strftime(s.last, '%-d %b %Y %H:%M') || ' UTC.'
end as state
from store as s, here as h""",
        is_text=True,
    ) | {"transparent": True}


def board(
    name: str,
    description: str,
    rows: Sequence[Placed],
    extra: Sequence[Json] = (),
    span: str = "now-7d",
    filtered: str = FILTERED,
) -> Json:
    """The whole dashboard."""
    variables = [_datasource(), *(variable(key, label) for key, label in LABELS.items()), *extra]
    return {
        "uid": f"llmwatch-{name}",
        "title": f"llmwatch / {TITLES[name]}",
        "description": description,
        "tags": ["llmwatch"],
        "schemaVersion": SCHEMA_VERSION,
        "version": VERSION,
        "editable": True,
        "graphTooltip": 1,
        "timezone": "utc",
        "weekStart": "monday",
        "refresh": "1m",
        "time": {"from": span, "to": "now"},
        "timepicker": {"refresh_intervals": ["10s", "30s", "1m", "5m", "15m", "1h"]},
        "links": [
            {
                "type": "dashboards",
                "title": "llmwatch",
                "tags": ["llmwatch"],
                "asDropdown": True,
                "includeVars": True,
                "keepTime": True,
                "targetBlank": False,
                "icon": "external link",
                "tooltip": "The other boards, with the same time and filters",
                "url": "",
            }
        ],
        "annotations": {"list": _annotations()},
        "templating": {"list": variables},
        "panels": placed([(2, [state(filtered)]), *rows]),
    }
