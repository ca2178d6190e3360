"""Owns the board about the prompt cache and about what is paid for nothing."""

from __future__ import annotations

from typing import Any, Final

from .board import VALUE, board, link
from .parts import FILTERED, Json, bars, coloured, column, series, shown, stat, steps, table

_FACTS: Final = f"from call_facts where {FILTERED}"


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
        ),
        dollars(
            "For answers nobody got",
            "Cost of failed calls and of streams that were left before their end.",
            "sum(cost_usd) filter (where is_failed or is_left)",
        ),
        dollars(
            "For cut, empty answers",
            "Cost of answers that reached their limit of tokens before a word was said: reasoning took all of it.",
            "sum(cost_usd) filter (where is_truncated and is_output_empty and not is_failed and not is_left)",
        ),
    ]


def _cached_share() -> Json:
    return series(
        "Cached input by task",
        "Input tokens read from the cache of all input tokens in each interval, of the five tasks with the most input. A fall "
        "is often a prompt whose beginning changed.",
        f"""
with facts as (
    select $__timeGroupAlias(started_at,$__interval), coalesce(task, '') as name, sum(cached_input_tokens) as cached,
        sum(input_tokens) as input
    {_FACTS} group by 1, 2
),
named as (select name from facts group by name order by sum(input) desc nulls last, name limit 5)
select "time", {shown("name")} as metric, coalesce(cached, 0) / nullif(input, 0) as value
from facts where name in (from named) order by 1, 2""",
        unit="percentunit",
        maximum=1,
        points=28,
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
        points=28,
        overrides=[
            coloured("fresh input", "orange"),
            coloured("cached input", "green"),
            coloured("output", "blue"),
            coloured("reasoning", "purple"),
        ],
    )


def _fresh() -> Json:
    return table(
        "Tasks, most spent on input that was not cached first",
        "Fresh input is what the cache did not hold; written input is paid for once more so that it does. Below 1,024 tokens OpenAI caches nothing, whatever the prompt.",
        f"""
select {shown("task")} as "task", sum(call_count) as "calls",
    sum(input_tokens) / nullif(sum(call_count), 0) as "input per call",
    sum(greatest(input_tokens - coalesce(cached_input_tokens, 0) - coalesce(cache_write_tokens, 0), 0)) as "fresh tokens",
    coalesce(sum(cached_input_tokens), 0) / nullif(sum(input_tokens), 0) as "cached",
    coalesce(sum(cache_write_tokens), 0) as "written",
    cast(sum(input_cost_usd) as double) as "fresh cost", cast(sum(cached_input_cost_usd) as double) as "cached cost",
    cast(sum(cache_write_cost_usd) as double) as "write cost", cast(sum(cache_saving_usd) as double) as "saved"
{_FACTS} group by task order by coalesce("fresh cost", 0) + coalesce("write cost", 0) desc, 1 limit 100""",
        [
            column("task", link=link("calls", task=VALUE), width=300),
            column("calls", "locale", width=70),
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
        ("repeated within a day", "is_request_repeated"),
        ("failed", "is_failed"),
        ("left before the end", "is_left"),
        ("retried", "is_retried"),
        ("cut off", "is_truncated"),
        ("cut off and empty", "is_truncated and is_output_empty and not is_failed and not is_left"),
        ("refused", "is_refusal or is_content_filtered"),
    ]
    sums = ",\n    ".join(
        f"coalesce(sum(call_count) filter (where {condition}), 0) as calls_{place},"
        f" coalesce(cast(sum(cost_usd) filter (where {condition}) as double), 0) as cost_{place}"
        for place, (_, condition) in enumerate(kinds, 1)
    )
    rows = "\nunion all ".join(
        f"select {place} as place, '{words}' as kind, calls_{place} as calls, cost_{place} as cost, everything from sums"
        for place, (words, _) in enumerate(kinds, 1)
    )
    return table(
        "What may have been paid for nothing",
        "Calls of each kind in the time range, what they cost, and their part of the spend. A call can be of several kinds, so "
        "the lines do not add up.",
        f"""
with sums as (
    select cast(sum(cost_usd) as double) as everything,
    {sums}
    {_FACTS}
)
select kind as "calls that were", calls as "calls", cost as "cost", cost / nullif(everything, 0) as "of spend"
from (
{rows}
) order by place""",
        [
            column("calls", "locale", width=90),
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
        ("stated by the server, not split", "unsplit_cost_usd"),
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
