"""Owns the board about how calls went: what failed, and how long answers took."""

from __future__ import annotations

from typing import Final

from .board import VALUE, board, link
from .parts import (
    FILTERED,
    FILTERS,
    SPARK_HEIGHT,
    Json,
    bars,
    coloured,
    column,
    series,
    shown,
    stat,
    steps,
    summed,
    table,
)

_FACTS: Final = f"from call_facts where {FILTERED}"
_ERRORS: Final = steps((None, "green"), (0.02, "orange"), (0.05, "red"))
_LATENCY: Final = steps((None, "text"), (15_000, "orange"), (60_000, "red"))


def reliability() -> Json:
    """What failed, and how long answers took."""
    return board(
        "reliability",
        "How many calls failed, how long answers took, and how long until their first token.",
        [
            (SPARK_HEIGHT, list(zip((4, 4, 3, 3, 3, 4, 3), _reliability_head(), strict=True))),
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
            summed("sum(call_count)", f"call_facts where {FILTERED}"),
            no_value="0",
            is_sum=True,
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
            "P99",
            "99 of 100 answers were there within this; exact, of raw values.",
            f"select quantile_cont(answer_ms, 0.99) as latency {_FACTS}",
            unit="ms",
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
        points=28,
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
        "Error rate by task",
        "Failed calls of all calls that began in each interval, of the five tasks with the most failed ones. Not by model: a "
        "failed call knows only the name that was asked for, an answer the one that answered.",
        f"""
with facts as (
    select $__timeGroupAlias(started_at,$__interval), coalesce(task, '') as name, sum(call_count) as calls,
        coalesce(sum(call_count) filter (where is_failed), 0) as failed
    {_FACTS} group by 1, 2
),
named as (select name from facts group by name order by sum(failed) desc, sum(calls) desc, name limit 5)
select "time", {shown("name")} as metric, failed / nullif(calls, 0) as value
from facts where name in (from named) order by 1, 2""",
        unit="percentunit",
        points=28,
        soft_maximum=0.05,
    )


def _histogram() -> Json:
    bounds = [0, 250, 500, 1000, 2000, 4000, 8000, 15000, 30000, 60000]
    words = ["< ¼ s", "¼–½ s", "½–1 s", "1–2 s", "2–4 s", "4–8 s", "8–15 s", "15–30 s", "30–60 s", "> 60 s"]
    rows = ", ".join(f"({low}, '{word}')" for low, word in zip(bounds, words, strict=True))
    cases = " ".join(f"when answer_ms >= {low} then {low}" for low in reversed(bounds))
    return bars(
        "How long answers took",
        "Answers of the time range by the time from the call to the end of the answer.",
        f"""
with found as (
    select case {cases} end as low, count(*) as answers {_FACTS} and answer_ms is not null group by 1
)
select word, coalesce(answers, 0) as "answers"
from (values {rows}) as bins(low, word) left join found using (low) order by low""",
        unit="short",
    )


def _by_model() -> Json:
    return table(
        "Models, most calls first",
        "Exact percentiles of raw values in the time range; the first token is the 95th percentile of streams; tokens per "
        "second is the median over streamed answers, after the first token. A failed call names no answering model: it "
        "counts for the one that answers most calls of the model it asked for.",
        f"""
with facts as (select coalesce(model, '') as named, * {_FACTS}),
answering as (select request_model, mode(named) filter (where not is_failed) as named from facts group by 1),
-- one list of percentiles holds the values once, and four bytes of each are more than anybody sees
told as (
    select if(f.is_failed, coalesce(a.named, f.named), f.named) as named, sum(call_count) as calls,
        coalesce(sum(call_count) filter (where is_failed), 0) / nullif(sum(call_count), 0) as failed,
        coalesce(sum(call_count) filter (where is_retried), 0) / nullif(sum(call_count), 0) as retried,
        quantile_cont(cast(answer_ms as float), [0.5, 0.95, 0.99]) as took,
        quantile_cont(cast(first_token_ms as float), 0.95) as first_token,
        quantile_cont(cast(tokens_per_second as float), 0.5) as speed
    from facts as f left join answering as a on a.request_model = f.request_model group by 1
)
select {shown("named")} as "model", calls as "calls", failed as "errors", retried as "retried", cast(took[1] as double) as "P50",
    cast(took[2] as double) as "P95", cast(took[3] as double) as "P99", cast(first_token as double) as "first token",
    cast(speed as double) as "tokens/s"
from told order by 2 desc, 1 limit 100""",
        [
            column("model", link=link("calls", model=VALUE), width=170),
            column("calls", "locale", width=70),
            column(
                "errors", "percentunit", decimals=1, thresholds=steps((None, "text"), (0.02, "orange"), (0.05, "red"))
            ),
            column("retried", "percentunit", decimals=1),
            *(column(name, "ms") for name in ("P50", "P95", "P99")),
            column("first token", "ms", width=95),
            column("tokens/s", decimals=0),
        ],
    )


def _errors() -> Json:
    return table(
        "Errors by kind",
        "Calls that ended with an error in the time range, by its type and HTTP status. The words of an error are not shown "
        "here: `llmwatch show`.",
        f"""
select coalesce(error, '(unknown)') as "error", http_status as "HTTP", count(*) as "calls", count(distinct task) as "tasks",
    strftime(max(started), '%-d %b %H:%M') as "last (UTC)"
from call_lines where status = 'error' and $__timeFilter(started) and {FILTERS}
group by 1, 2 order by 3 desc, 1, 2 limit 100""",
        [
            column("error", link=link("calls", search=VALUE, status="failed"), width=200),
            column("HTTP", "none", width=70),
            column("calls", "locale", width=70),
            column("tasks", "locale", width=70),
        ],
        no_value="",
    )
