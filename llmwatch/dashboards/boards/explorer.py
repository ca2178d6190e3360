"""Owns the board of the calls themselves, without a word of any prompt."""

from __future__ import annotations

from typing import Final

from .board import VALUE, board, link
from .money import over_time
from .parts import FILTERED, FILTERS, SPARK_HEIGHT, Json, column, shown, stat, steps, summed, table

ORDERS: Final = ("newest", "dearest", "slowest", "most tokens", "oldest")
STATUSES: Final = ("any", "complete", "failed", "left", "refused", "cut off", "unpriced")


def _choice(name: str, label: str, values: tuple[str, ...]) -> Json:
    return {
        "type": "custom",
        "name": name,
        "label": label,
        "query": ", ".join(values),
        "current": {"selected": True, "text": values[0], "value": values[0]},
        "options": [{"selected": value == values[0], "text": value, "value": value} for value in values],
        "hide": 0,
        "includeAll": False,
        "multi": False,
        "skipUrlSync": False,
    }


def _textbox(name: str, label: str) -> Json:
    return {
        "type": "textbox",
        "name": name,
        "label": label,
        "query": "",
        "current": {"selected": False, "text": "", "value": ""},
        "options": [{"selected": True, "text": "", "value": ""}],
        "hide": 0,
        "skipUrlSync": False,
    }


def calls() -> Json:
    """The calls themselves, without a word of any prompt."""
    return board(
        "calls",
        "The calls of the time range, one row each, without a word of what was asked or answered: `llmwatch show ID` does.",
        [
            (SPARK_HEIGHT, _calls_head()),
            (
                7,
                [
                    over_time(
                        "task",
                        "call_count",
                        "Calls by task",
                        "Calls that began in each interval, the five tasks with the most and all others.",
                        "short",
                        _LISTED,
                    )
                ],
            ),
            (18, [_list()]),
            (9, [(14, _one()), (10, _attempts())]),
        ],
        extra=[
            _choice("order", "Order", ORDERS),
            _choice("status", "Ended", STATUSES),
            _textbox("session", "Session"),
            _textbox("search", "Search"),
            _textbox("call", "Call"),
        ],
        span="now-24h",
        filtered=_LISTED.removeprefix("call_facts where "),
    )


_KIND: Final = """case '$status' when 'any' then true when 'failed' then status = 'error'
        when 'left' then status <> 'error' and stream_end <> 'complete'
        when 'refused' then finish like '%content_filter%'
            or id in (select span_id from calls where is_refusal and $__timeFilter(started_at))
        when 'cut off' then regexp_matches(finish, 'length|max_output_tokens|max_tokens')
        when 'unpriced' then grade = 'D' and cost is null
        else status = 'ok' and coalesce(stream_end, 'complete') = 'complete' end"""
_LINES: Final = f"""from call_lines where $__timeFilter(started) and {FILTERS} and ('$session' = '' or session = '$session')
    and {_KIND}
    and ('$search' = '' or contains(lower(concat_ws(' ', id, trace, response, request, task, customer, feature,
        "user", session, service, model, operation, error, http_status, finish, defects, tools)), lower('$search')))"""
# What is counted above the list is what the list is of.
_LISTED: Final = f"""call_facts where {FILTERED}
    and (('$status' = 'any' and '$session' = '' and '$search' = '') or span_id in (select id {_LINES}))"""
_FACTS: Final = f"from {_LISTED}"


def _calls_head() -> list[Json]:
    return [
        stat(
            "Calls",
            "Logical calls of the time range and all filters, those by Ended, Session and Search too.",
            summed("sum(call_count)", _LISTED),
            no_value="0",
            is_sum=True,
        ),
        stat(
            "LLM spend",
            "Sum of the cost of these calls.",
            summed("cast(sum(cost_usd) as double)", _LISTED),
            unit="currencyUSD",
            no_value="$0",
            is_sum=True,
        ),
        stat(
            "Dearest call",
            "The highest cost of one call.",
            f"select cast(max(cost_usd) as double) as cost {_FACTS}",
            unit="currencyUSD",
            no_value="unknown",
            link=link("calls", order="dearest"),
        ),
        stat(
            "Slowest answer",
            "The longest time from a call to the end of its answer.",
            f"select max(answer_ms) as latency {_FACTS}",
            unit="ms",
            no_value="no answers",
            link=link("calls", order="slowest"),
        ),
        stat(
            "Failed",
            "Calls that ended with an error.",
            f"select coalesce(sum(call_count) filter (where is_failed), 0) as calls {_FACTS}",
            thresholds=steps((None, "green"), (1, "orange")),
            link=link("calls", status="failed"),
        ),
        stat(
            "Unpriced",
            "Calls that may have been billed and have no price here.",
            f"select coalesce(sum(call_count) filter (where is_unpriced), 0) as calls {_FACTS}",
            thresholds=steps((None, "green"), (1, "orange")),
            link=link("calls", status="unpriced"),
        ),
    ]


def _list() -> Json:
    # What is listed is found in few columns of all calls of the range; the others are read of what is listed.
    order = """order by case '$order' when 'dearest' then cast(cost as double) when 'slowest' then latency
    when 'most tokens' then input_tokens + output_tokens when 'oldest' then -epoch(started) else epoch(started) end
    desc nulls last, id"""
    return table(
        "Calls",
        "At most 500 calls, in the order chosen above; a click on an id shows the call below. The search looks at ids, names, "
        "models, errors and tools.",
        f"""
with picked as (select id {_LINES}
{order} limit 500)
select started as "time", id as "id", {shown("task")} as "task", {shown("customer")} as "customer",
    {shown("model")} as "model", case when status = 'error' then 'failed' when stream_end <> 'complete' then 'left'
        else status end as "ended", cast(cost as double) as "cost", latency as "latency", first_token as "first token", input_tokens as "input",
    cached_tokens as "cached", output_tokens as "output", coalesce(grade, '') as "grade",
    coalesce(error, '') as "error"
from call_lines where $__timeFilter(started) and id in (from picked)
{order} limit 500""",
        [
            column("time", "dateTimeAsIso", width=160),
            column("id", link=link("calls", call=VALUE), width=150),
            column("task", link=link("calls", task=VALUE), width=190),
            column("customer", link=link("calls", customer=VALUE), width=100),
            column("model", width=170),
            column("ended", words={"ok": "green", "failed": "red", "left": "purple"}, width=70),
            column("cost", "currencyUSD", width=95),
            column("latency", "ms", width=75),
            column("first token", "ms", width=80),
            *(column(name, "locale", width=65) for name in ("input", "cached", "output")),
            column("grade", width=60),
        ],
        no_value="",
    )


def _one() -> Json:
    fields: list[tuple[str, str]] = [
        *((name, name) for name in ("id", "trace", "response", "request", "task", "customer", "feature", "session", "service",
                                    "environment", "operation", "endpoint", "model", "tier", "status", "error", "stream_end",
                                    "finish", "defects", "tools", "usage", "unpriced")),
    ]  # fmt: skip
    pairs = ", ".join(f"('{label}', cast({name} as varchar))" for label, name in fields)
    return table(
        "The call chosen, whatever the filters",
        "All short facts of the call whose id is in the box Call above (a click on an id puts it there); what has no value is "
        "left out. Its cost, term by term: `llmwatch show ID`.",
        f"""
select field as "field", value as "value"
from (select unnest([{pairs.replace("('", "{'field': '").replace("', cast(", "', 'value': cast(").replace("as varchar))", "as varchar)}")}], recursive := true)
    from call_lines where id = '$call' limit 22)
where value is not null and value <> ''
union all select 'no call is chosen', 'click on an id above' where '$call' = ''""",
        [column("field", width=150)],
        no_value="",
    )


def _attempts() -> Json:
    return table(
        "Its HTTP tries, whatever the filters",
        "One row per HTTP try of the call chosen.",
        """
select started_at as "time", http_status_code as "HTTP", coalesce(error_type, '') as "error",
    epoch(ended_at - started_at) * 1000 as "took", processing_ms as "at OpenAI", retry_after as "retry after"
from http_attempts where parent_span_id = '$call'
union all select null, null, 'no call is chosen', null, null, null where '$call' = ''
order by "time" limit 50""",
        [
            column("time", "dateTimeAsIso", width=160),
            column("HTTP", "none"),
            column("took", "ms"),
            column("at OpenAI", "ms"),
            column("retry after", "s"),
        ],
        no_value="",
    )
