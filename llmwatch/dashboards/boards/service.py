"""Owns the boards about how calls went: reliability and latency, cache efficiency and waste, the calls themselves."""

from __future__ import annotations

from typing import Any, Final

from .board import VALUE, board, link
from .money import over_time
from .parts import FILTERED, NAMES, Json, bars, chosen, coloured, column, series, stat, steps, table

_FACTS: Final = f"from call_facts where {FILTERED}"
_ERRORS: Final = steps((None, "green"), (0.02, "orange"), (0.05, "red"))
_LATENCY: Final = steps((None, "text"), (15_000, "orange"), (60_000, "red"))


def reliability() -> Json:
    """What failed, and how long answers took."""
    return board(
        "reliability",
        "How many calls failed, how long answers took, and how long until their first token.",
        [
            (4, _reliability_head()),
            (9, [_outcomes(), _latency()]),
            (9, [_error_rate(), _histogram()]),
            (9, [(14, _by_model()), (10, _errors())]),
        ],
        span="now-24h",
    )


def _reliability_head() -> list[Json]:
    return [
        stat(
            "Calls",
            "Logical calls: retries of one call are one call.",
            f"select sum(call_count) as calls {_FACTS}",
            no_value="0",
            link=link("calls"),
        ),
        stat(
            "Error rate",
            "Calls that ended with an error after all retries, of all calls.",
            f"select sum(call_count) filter (where is_failed) / nullif(sum(call_count), 0) as share {_FACTS}",
            unit="percentunit",
            decimals=2,
            thresholds=_ERRORS,
            no_value="0 %",
            link=link("calls", status="failed"),
        ),
        stat(
            "P50",
            "Median time from the call to the end of its answer; answers that arrived while somebody waited.",
            f"select quantile_cont(answer_ms, 0.5) as latency {_FACTS}",
            unit="ms",
            no_value="no answers",
        ),
        stat(
            "P95",
            "95 of 100 answers were there within this; exact, of raw values.",
            f"select quantile_cont(answer_ms, 0.95) as latency {_FACTS}",
            unit="ms",
            thresholds=_LATENCY,
            no_value="no answers",
            link=link("calls", order="slowest"),
        ),
        stat(
            "First token, P95",
            "Of streamed answers: 95 of 100 had their first token within this.",
            f"select quantile_cont(first_token_ms, 0.95) as latency {_FACTS}",
            unit="ms",
            no_value="no streams",
        ),
        stat(
            "Retried",
            "Calls that needed more than one HTTP try, of all calls.",
            f"select sum(call_count) filter (where is_retried) / nullif(sum(call_count), 0) as share {_FACTS}",
            unit="percentunit",
            decimals=1,
            thresholds=_ERRORS,
            no_value="0 %",
        ),
    ]


def _outcomes() -> Json:
    return series(
        "How calls ended",
        "Calls that began in each interval. Left: a stream closed, abandoned or cancelled before its end. Cut off: the "
        "answer reached its limit of tokens.",
        f"""
select $__timeGroupAlias(started_at,$__interval), case when is_failed then 'failed' when is_left then 'left'
        when is_refusal or is_content_filtered then 'refused' when is_truncated then 'cut off' else 'complete' end as metric,
    sum(call_count) as value
{_FACTS} group by 1, 2 order by 1, 2""",
        is_bars=True,
        is_stacked=True,
        points=80,
        overrides=[
            coloured(name, colour)
            for name, colour in (
                ("complete", "green"),
                ("failed", "red"),
                ("left", "purple"),
                ("refused", "yellow"),
                ("cut off", "orange"),
            )
        ],
    )


def _latency() -> Json:
    return series(
        "Latency",
        "Exact percentiles of the answers that arrived in each interval while somebody waited, and of the time until the "
        "first token of streams.",
        f"""
select $__timeGroupAlias(started_at,$__interval), quantile_cont(answer_ms, 0.5) as "P50",
    quantile_cont(answer_ms, 0.95) as "P95", quantile_cont(first_token_ms, 0.5) as "first token, P50"
{_FACTS} group by 1 order by 1""",
        unit="ms",
        points=60,
        overrides=[coloured("P50", "blue"), coloured("P95", "orange"), coloured("first token, P50", "purple")],
    )


def _error_rate() -> Json:
    return series(
        "Error rate by model",
        "Failed calls of all calls that began in each interval, of the five models with the most calls.",
        f"""
with facts as (select started_at, coalesce(model, '(none)') as name, call_count, is_failed {_FACTS}),
named as (select name from facts group by name order by sum(call_count) desc, name limit 5)
select $__timeGroupAlias(started_at,$__interval), name as metric,
    coalesce(sum(call_count) filter (where is_failed), 0) / nullif(sum(call_count), 0) as value
from facts where name in (from named) group by 1, 2 order by 1, 2""",
        unit="percentunit",
        points=30,
        soft_maximum=0.05,
    )


def _histogram() -> Json:
    bounds = [0, 250, 500, 1000, 2000, 4000, 8000, 15000, 30000, 60000]
    words = ["< 0.25 s", "0.25–0.5 s", "0.5–1 s", "1–2 s", "2–4 s", "4–8 s", "8–15 s", "15–30 s", "30–60 s", "> 60 s"]
    rows = ", ".join(
        f"({low}, {high}, '{word}')"
        for low, high, word in zip(bounds, [*bounds[1:], 1_000_000_000], words, strict=True)
    )
    return bars(
        "How long answers took",
        "Answers of the time range by the time from the call to the end of the answer.",
        f"""
with facts as (select answer_ms {_FACTS} and answer_ms is not null)
select word, count(answer_ms) as "answers"
from (values {rows}) as bins(low, high, word) left join facts on answer_ms >= low and answer_ms < high
group by low, word order by low""",
        unit="short",
    )


def _by_model() -> Json:
    return table(
        "Models, most calls first",
        "Exact percentiles of raw values in the time range; tokens per second is the median over streamed answers, after "
        "the first token.",
        f"""
select coalesce(model, '(none)') as "model", sum(call_count) as "calls",
    coalesce(sum(call_count) filter (where is_failed), 0) / nullif(sum(call_count), 0) as "errors",
    coalesce(sum(call_count) filter (where is_retried), 0) / nullif(sum(call_count), 0) as "retried",
    quantile_cont(answer_ms, 0.5) as "P50", quantile_cont(answer_ms, 0.95) as "P95", quantile_cont(answer_ms, 0.99) as "P99",
    quantile_cont(first_token_ms, 0.95) as "first token P95", quantile_cont(tokens_per_second, 0.5) as "tokens/s"
{_FACTS} group by 1 order by 2 desc, 1 limit 100""",
        [
            column("model", link=link("calls", model=VALUE), width=200),
            column("calls", "short", width=70),
            column(
                "errors", "percentunit", decimals=1, thresholds=steps((None, "text"), (0.02, "orange"), (0.05, "red"))
            ),
            column("retried", "percentunit", decimals=1),
            *(column(name, "ms") for name in ("P50", "P95", "P99", "first token P95")),
            column("tokens/s", decimals=0),
        ],
    )


def _errors() -> Json:
    lines = " and ".join(chosen(name) for name in NAMES)
    return table(
        "Errors by kind",
        "Calls that ended with an error in the time range, by its type and HTTP status. The words of an error are not shown "
        "here: `llmwatch show`.",
        f"""
select coalesce(error, '(unknown)') as "error", http_status as "HTTP", count(*) as "calls", count(distinct task) as "tasks",
    strftime(max(started), '%-d %b %H:%M') as "last (UTC)"
from call_lines where status = 'error' and $__timeFilter(started) and {lines}
group by 1, 2 order by 3 desc, 1, 2 limit 100""",
        [
            column("error", link=link("calls", search=VALUE, status="failed"), width=200),
            column("HTTP", "none", width=70),
            column("calls", "short", width=70),
            column("tasks", "short", width=70),
        ],
        no_value="",
    )


# --- cache


def cache() -> Json:
    """What the prompt cache saves, and what is paid for nothing."""
    return board(
        "cache",
        "How much of the input is read from the prompt cache, what that saves, and what is paid for nothing.",
        [
            (4, _cache_head()),
            (9, [_cached_share(), _tokens()]),
            (10, [_fresh()]),
            (9, [_waste(), _cost_parts()]),
        ],
    )


def _cache_head() -> list[Json]:
    def dollars(title: str, description: str, value: str, **more: Any) -> Json:
        sql = f"select coalesce(cast({value} as double), 0) as amount {_FACTS}"
        return stat(title, description, sql, unit="currencyUSD", **more)

    return [
        stat(
            "Cached input",
            "Input tokens read from the cache, of all input tokens.",
            f"select sum(cached_input_tokens) / nullif(sum(input_tokens), 0) as share {_FACTS}",
            unit="percentunit",
            decimals=1,
            no_value="no input",
        ),
        dollars(
            "Saved by the cache",
            "What the cached input would have cost as fresh input, minus what it did cost. Negative where writing cost more "
            "than reading saved.",
            "sum(cache_saving_usd)",
            thresholds=steps((None, "red"), (0, "green")),
        ),
        dollars(
            "Spent on writes",
            "Cost of input written to the cache, where the model charges for it.",
            "sum(cache_write_cost_usd)",
        ),
        dollars(
            "Spent on repeats",
            "Cost of calls whose very request had been sent within a day before.",
            "sum(cost_usd) filter (where is_request_repeated)",
            thresholds=steps((None, "green"), (0.000001, "orange")),
        ),
        dollars(
            "For answers nobody got",
            "Cost of failed calls and of streams that were left before their end.",
            "sum(cost_usd) filter (where is_failed or is_left)",
            thresholds=steps((None, "green"), (0.000001, "orange")),
        ),
        dollars(
            "For cut, empty answers",
            "Cost of answers that reached their limit of tokens before a word was said: reasoning took all of it.",
            "sum(cost_usd) filter (where is_truncated and is_output_empty and not is_failed and not is_left)",
            thresholds=steps((None, "green"), (0.000001, "orange")),
        ),
    ]


def _cached_share() -> Json:
    return series(
        "Cached input by task",
        "Input tokens read from the cache of all input tokens in each interval, of the five tasks with the most input. A fall "
        "is often a prompt whose beginning changed.",
        f"""
with facts as (select started_at, coalesce(task, '(none)') as name, cached_input_tokens, input_tokens {_FACTS}),
named as (select name from facts group by name order by sum(input_tokens) desc nulls last, name limit 5)
select $__timeGroupAlias(started_at,$__interval), name as metric,
    coalesce(sum(cached_input_tokens), 0) / nullif(sum(input_tokens), 0) as value
from facts where name in (from named) group by 1, 2 order by 1, 2""",
        unit="percentunit",
        maximum=1,
        points=40,
    )


def _tokens() -> Json:
    return series(
        "Tokens by kind",
        "Tokens of the calls that began in each interval. Reasoning is a part of the output, shown apart.",
        f"""
select $__timeGroupAlias(started_at,$__interval),
    coalesce(sum(greatest(input_tokens - coalesce(cached_input_tokens, 0), 0)), 0) as "fresh input",
    coalesce(sum(cached_input_tokens), 0) as "cached input",
    coalesce(sum(greatest(output_tokens - coalesce(reasoning_tokens, 0), 0)), 0) as "output",
    coalesce(sum(reasoning_tokens), 0) as "reasoning"
{_FACTS} group by 1 order by 1""",
        unit="short",
        is_bars=True,
        is_stacked=True,
        points=80,
        overrides=[
            coloured("fresh input", "orange"),
            coloured("cached input", "green"),
            coloured("output", "blue"),
            coloured("reasoning", "purple"),
        ],
    )


def _fresh() -> Json:
    return table(
        "Tasks, most spent on fresh input first",
        "Fresh input is what the cache did not hold. Below 1,024 tokens OpenAI caches nothing, whatever the prompt.",
        f"""
select coalesce(task, '(none)') as "task", sum(call_count) as "calls",
    sum(input_tokens) / nullif(sum(call_count), 0) as "input per call",
    sum(greatest(input_tokens - coalesce(cached_input_tokens, 0), 0)) as "fresh tokens",
    coalesce(sum(cached_input_tokens), 0) / nullif(sum(input_tokens), 0) as "cached",
    coalesce(sum(cache_write_tokens), 0) as "written",
    cast(sum(input_cost_usd) as double) as "fresh cost", cast(sum(cached_input_cost_usd) as double) as "cached cost",
    cast(sum(cache_write_cost_usd) as double) as "write cost", cast(sum(cache_saving_usd) as double) as "saved"
{_FACTS} group by 1 order by "fresh cost" desc nulls last, 1 limit 100""",
        [
            column("task", link=link("calls", task=VALUE), width=300),
            column("calls", "short", width=70),
            column("input per call", "short"),
            column("fresh tokens", "short"),
            column("cached", "percentunit", decimals=1, is_gauge=True, maximum=1, width=170),
            column("written", "short"),
            *(column(name, "currencyUSD") for name in ("fresh cost", "cached cost", "write cost")),
            column("saved", "currencyUSD", thresholds=steps((None, "red"), (0, "text"))),
        ],
    )


def _waste() -> Json:
    kinds = [
        ("repeated within a day", "is_request_repeated", "repeated"),
        ("failed", "is_failed", "failed"),
        ("left before the end", "is_left", "left"),
        ("retried", "is_retried", "retried"),
        ("cut off", "is_truncated", "cut off"),
        ("cut off and empty", "is_truncated and is_output_empty and not is_failed and not is_left", "cut off"),
        ("refused", "is_refusal or is_content_filtered", "refused"),
    ]
    rows = "\nunion all ".join(
        f"select {place} as place, '{words}' as kind, coalesce(sum(call_count) filter (where {condition}), 0) as calls,"
        f" coalesce(cast(sum(cost_usd) filter (where {condition}) as double), 0) as cost,"
        " cast(sum(cost_usd) as double) as everything from facts"
        for place, (words, condition, _) in enumerate(kinds, 1)
    )
    return table(
        "What may have been paid for nothing",
        "Calls of each kind in the time range, what they cost, and their part of the spend. A call can be of several kinds, so "
        "the lines do not add up.",
        f"""
with facts as materialized (select * {_FACTS})
select kind as "calls that were", calls as "calls", cost as "cost", cost / nullif(everything, 0) as "of spend"
from (
{rows}
) order by place""",
        [
            column("calls", "short", width=90),
            column("cost", "currencyUSD"),
            column("of spend", "percentunit", decimals=2),
        ],
    )


def _cost_parts() -> Json:
    parts = [
        ("fresh input", "input_cost_usd"),
        ("cached input", "cached_input_cost_usd"),
        ("cache writes", "cache_write_cost_usd"),
        ("output and reasoning", "output_cost_usd"),
        ("tools", "tool_cost_usd"),
    ]
    rows = " union all ".join(
        f"select {place} as place, '{words}' as part, coalesce(cast({name} as double), 0) as amount from sums"
        for place, (words, name) in enumerate(parts, 1)
    )
    sums = ", ".join(f"sum({name}) as {name}" for _, name in parts)
    return bars(
        "What the money was paid for",
        "Spend of the time range by what was charged; the parts add up to the spend.",
        f"with sums as (select {sums} {_FACTS}) select part, amount from ({rows}) order by place",
        unit="currencyUSD",
    )


# --- calls

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
            (4, _calls_head()),
            (
                7,
                [
                    over_time(
                        "task",
                        "call_count",
                        "Calls by task",
                        "Calls that began in each interval, the five tasks with the most and all others.",
                        "short",
                    )
                ],
            ),
            (18, [_list()]),
            (9, [(14, _one()), (10, _attempts())]),
        ],
        extra=[
            _choice("order", "Order", ORDERS),
            _choice("status", "Ended", STATUSES),
            _textbox("search", "Search"),
            _textbox("call", "Call"),
        ],
        span="now-24h",
    )


_KIND: Final = """case ${status:sqlstring} when 'any' then true when 'failed' then status = 'error'
        when 'left' then status <> 'error' and stream_end <> 'complete'
        when 'refused' then finish like '%content_filter%' or is_refusal
        when 'cut off' then regexp_matches(finish, 'length|max_output_tokens|max_tokens')
        when 'unpriced' then grade = 'D'
        else status = 'ok' and coalesce(stream_end, 'complete') = 'complete' end"""


def _lines() -> str:
    lines = " and ".join(chosen(name) for name in NAMES)
    return f"""from (
    select l.*, c.is_refusal from call_lines as l join (
        select span_id, is_refusal from calls where $__timeFilter(started_at)
    ) as c on c.span_id = l.id where $__timeFilter(started)
) where {lines} and {_KIND}
    and (${{search:sqlstring}} = '' or contains(lower(concat_ws(' ', id, trace, response, request, task, customer, feature,
        "user", session, service, model, operation, error, http_status, finish, defects, tools)), lower(${{search:sqlstring}})))"""


def _calls_head() -> list[Json]:
    return [
        stat(
            "Calls",
            "Logical calls of the time range and the filters.",
            f"select sum(call_count) as calls {_FACTS}",
            no_value="0",
        ),
        stat(
            "LLM spend",
            "Sum of the cost of these calls.",
            f"select cast(sum(cost_usd) as double) as spend {_FACTS}",
            unit="currencyUSD",
            no_value="$0",
        ),
        stat(
            "Dearest call",
            "The highest cost of one call.",
            f"select cast(max(cost_usd) as double) as cost {_FACTS}",
            unit="currencyUSD",
            no_value="no priced calls",
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
    return table(
        "Calls",
        "At most 500 calls, in the order chosen above; a click on an id shows the call below. The search looks at ids, names, "
        "models, errors and tools.",
        f"""
select started as "time", id as "id", coalesce(task, '(none)') as "task", coalesce(customer, '') as "customer",
    coalesce(model, '') as "model", case when status = 'error' then 'failed' when stream_end <> 'complete' then 'left'
        else status end as "ended", latency as "latency", first_token as "first token", input_tokens as "input",
    cached_tokens as "cached", output_tokens as "output", cast(cost as double) as "cost", coalesce(grade, '') as "grade",
    coalesce(error, '') as "error"
{_lines()}
order by case ${{order:sqlstring}} when 'dearest' then cast(cost as double) when 'slowest' then latency
    when 'most tokens' then input_tokens + output_tokens when 'oldest' then -epoch(started) else epoch(started) end
    desc nulls last, id
limit 500""",
        [
            column("time", "dateTimeAsIso", width=160),
            column("id", link=link("calls", call=VALUE), width=150),
            column("task", link=link("calls", task=VALUE), width=200),
            column("customer", link=link("calls", customer=VALUE), width=100),
            column("model", width=175),
            column("ended", words={"ok": "green", "failed": "red", "left": "purple"}, width=70),
            column("latency", "ms", width=85),
            column("first token", "ms", width=85),
            *(column(name, "short", width=75) for name in ("input", "cached", "output")),
            column("cost", "currencyUSD", width=95),
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
        "The call chosen",
        "All short facts of the call whose id is in the box Call above (a click on an id puts it there); what has no value is "
        "left out. Its cost, term by term: `llmwatch show ID`.",
        f"""
select field as "field", value as "value"
from (select unnest([{pairs.replace("('", "{'field': '").replace("', cast(", "', 'value': cast(").replace("as varchar))", "as varchar)}")}], recursive := true)
    from call_lines where id = ${{call:sqlstring}} limit 22)
where value is not null and value <> ''
union all select 'no call is chosen', 'click on an id above' where ${{call:sqlstring}} = ''""",
        [column("field", width=150)],
        no_value="",
    )


def _attempts() -> Json:
    return table(
        "Its HTTP tries",
        "One row per HTTP try of the call chosen.",
        """
select started_at as "time", http_status_code as "HTTP", coalesce(error_type, '') as "error",
    epoch(ended_at - started_at) * 1000 as "took", processing_ms as "at OpenAI", retry_after as "retry after"
from http_attempts where parent_span_id = ${call:sqlstring}
union all select null, null, 'no call is chosen', null, null, null where ${call:sqlstring} = ''
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
