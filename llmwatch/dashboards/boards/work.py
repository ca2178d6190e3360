"""Owns the boards about what tasks do and what they could run on: tasks and quality drift, downgrade candidates."""

from __future__ import annotations

from typing import Final

from .board import VALUE, board, field, link
from .money import LENGTH_S, SPEND, over_time
from .parts import (
    EVERY,
    FILTERED,
    SPARK_HEIGHT,
    Json,
    bars,
    chosen,
    column,
    only_hovered,
    outside,
    section,
    series,
    shown,
    stat,
    steps,
    table,
)

_TASK: Final = chosen("task", "task_name")
_SCORED: Final = ": answers scored"
_SHARE: Final = steps((None, "text"), (0, "red"), (0.8, "orange"), (0.9, "text"))
_DRIFT: Final = {
    "fell": "red", "fell again": "red", "answers changed": "orange", "mix changed": "orange", "watch": "text",
    "recovered": "green", "no sign of change": "green",
}  # fmt: skip
_VERDICTS: Final = {"move": "green", "promising": "blue", "keep": "orange", "cannot tell yet": "text"}
_LATEST: Final = f"from drift where week = (select max(week) from drift) and {_TASK}"
_KEPT: Final = " Written by the analysis of `llmwatch {0}` while `llmwatch serve` runs, soon after anything changes."


def tasks() -> Json:
    """What tasks cost, how good they are, and which got worse."""
    by_task = outside("task", is_of_range=False)
    return board(
        "tasks",
        "What each task costs, how many of its answers are acceptable, and which tasks got worse.",
        [
            (1, [section(f"Quality and drift, newest state: {by_task}")]),
            (4, _quality_head()),
            (11, [(9, _quality()), (15, _drift())]),
            (1, [section(f"Calls: {EVERY}; acceptable and drift in the table are of all calls of a task, 28 days")]),
            (SPARK_HEIGHT, _head()),
            (11, [_table()]),
            (
                9,
                [
                    over_time(
                        "task",
                        "call_count",
                        "Calls by task",
                        "Calls that began in each interval, the five tasks with the most and all others.",
                        "short",
                    ),
                    _cost_per_call(),
                ],
            ),
            (1, [section(f"Prompts of the time range: {outside('task')}")]),
            (8, [_prompts()]),
        ],
    )


def _quality_head() -> list[Json]:
    return [
        stat(
            "Tasks that fell, newest week",
            "Tasks with an alarm that nobody has set aside, at the end of the last week looked at."
            + _KEPT.format("drift"),
            f"select count(*) filter (where is_alarm) as tasks {_LATEST}",
            thresholds=steps((None, "green"), (1, "red")),
        ),
        stat(
            "Tasks too little is known of, 28 days",
            "Tasks of the last 28 days of whose answers nothing speaks but checks of their form, or nothing at all: drift "
            "of them cannot be seen." + _KEPT.format("quality"),
            f"select count(*) filter (where not coalesce(is_alarming, false)) as tasks from quality"
            f" where period = '28d' and {_TASK}",
            thresholds=steps((None, "green"), (1, "orange")),
        ),
        stat(
            "Answers scored, 28 days",
            "Of the answers of the last 28 days, the share that people, references or feedback scored."
            + _KEPT.format("quality"),
            f"select coalesce(sum(scored) filter (where is_alarming), 0) / nullif(sum(answers), 0) as share from quality"
            f" where period = '28d' and {_TASK}",
            unit="percentunit",
            decimals=1,
        ),
    ]


def _head() -> list[Json]:
    return [
        stat(
            "Tasks with calls",
            "Different tasks of the calls in the time range.",
            f"select count(distinct task) as tasks from call_facts where {FILTERED}",
        ),
        stat(
            "LLM spend",
            "Sum of the cost of the calls: reported usage at the price of its day.",
            SPEND,
            unit="currencyUSD",
            no_value="$0",
            is_sum=True,
        ),
        stat(
            "Per 1,000 calls",
            "Spend over the calls that have a price, times 1,000.",
            "select cast(sum(cost_usd) as double) / nullif(sum(call_count) filter (where not is_unpriced), 0) * 1000"
            f" as cost from call_facts where {FILTERED}",
            unit="currencyUSD",
            no_value="unknown",
        ),
    ]


def _table() -> Json:
    return table(
        "Tasks, dearest first",
        "Calls, spend, latency and errors of the time range. Acceptable is the share of the answers of the last 28 days on "
        "the best evidence there is (people, then feedback, then an audited judge), with its 95 % interval; checks of form "
        "only bound it from above and are not shown as a share. A click on a task leads to its calls.",
        f"""
with used as (
    select coalesce(task, '') as task, sum(call_count) as calls, cast(sum(cost_usd) as double) as spend,
        cast(sum(cost_usd) as double) / nullif(sum(call_count) filter (where not is_unpriced), 0) * 1000 as each,
        quantile_cont(answer_ms, [0.5, 0.95, 0.99]) as took,
        sum(call_count) filter (where is_failed) / nullif(sum(call_count), 0) as failed
    from call_facts where {FILTERED} group by 1
)
select {shown("u.task")} as "task", u.spend as "spend", u.each as "$ per 1,000",
    if(q.is_alarming, q.share, null) as "acceptable", if(q.is_alarming, q.share_low, null) as "at least",
    if(q.is_alarming, q.share_high, null) as "at most",
    coalesce(if(q.evidence = 'checks', 'checks only', q.evidence) || ', ' || q.scored, q.reason, '') as "evidence",
    coalesce(if(d.evidence = 'signals' and d.verdict <> 'answers changed', '', d.verdict), '') as "drift",
    coalesce(u.failed, 0) as "errors", u.calls as "calls", u.took[1] as "P50", u.took[2] as "P95", u.took[3] as "P99",
    u.spend / nullif(sum(u.spend) over (), 0) as "of spend"
from used as u
left join quality as q on q.period = '28d' and q.task_name = u.task
left join drift as d on d.task_name = u.task and d.week = (select max(week) from drift)
order by u.spend desc nulls last, u.calls desc, u.task
limit 200""",
        [
            column("task", link=link("calls", task=VALUE), width=180),
            column("spend", "currencyUSD", width=75),
            column("$ per 1,000", "currencyUSD", width=90),
            column("acceptable", "percentunit", decimals=1, thresholds=_SHARE, width=92),
            column("at least", "percentunit", decimals=1, width=70),
            column("at most", "percentunit", decimals=1, width=70),
            column("evidence", width=110),
            column("drift", words=_DRIFT, width=122),
            column(
                "errors",
                "percentunit",
                decimals=1,
                width=60,
                thresholds=steps((None, "text"), (0.02, "orange"), (0.05, "red")),
            ),
            column("calls", "locale", width=60),
            column("P50", "ms", width=70),
            column("P95", "ms", width=70),
            column("P99", "ms", width=70),
            column("of spend", "percentunit", decimals=1, width=85),
        ],
    )


def _quality() -> Json:
    return series(
        "Acceptable answers by week, last 12 weeks",
        "Of each week's answers, the share that was acceptable, where people, references, feedback or an audited judge "
        "scored enough of them; the five tasks with the most scores. Hovering a week tells how many were scored. A week that has not ended is left out."
        + _KEPT.format("quality"),
        f"""
with scored as (select since, task_name, share, scored from quality
    where period = 'week' and is_alarming and share is not null and $__timeFilter(since)
        and "until" >= since + interval 7 day and {_TASK}),
named as (select task_name from scored group by 1 order by sum(scored) desc, 1 limit 5)
select since as "time", {shown("task_name")} as metric, share as value from scored where task_name in (from named)
union all select since, {shown("task_name")} || '{_SCORED}', scored from scored where task_name in (from named)
order by 1, 2""",
        unit="percentunit",
        has_zero=False,
        maximum=1,
        span="12w",
        interval="1h",
        overrides=[only_hovered(f"/{_SCORED}$/", "locale")],
    )


def _drift() -> Json:
    return table(
        "Drift, newest week",
        "What the last look at each task found: whether fewer answers are acceptable than before at equal inputs, since "
        "when, and what changed near it (nearness is no proof)." + _KEPT.format("drift"),
        f"""
select {shown("task_name")} as "task", verdict as "found", coalesce(strftime(since_week, '%-d %b'), '') as "since week of",
    mean_before as "before", mean_after as "after", -loss as "at equal inputs", scores_after as "scores",
    coalesce(cause, '') as "changed near it"
{_LATEST}
order by case verdict when 'fell' then 0 when 'fell again' then 0 when 'answers changed' then 1 when 'mix changed' then 2
    when 'watch' then 3 when 'recovered' then 4 else 5 end, loss desc
limit 100""",
        [
            column("task", link=link("calls", task=VALUE), width=155),
            column("found", words=_DRIFT, width=115),
            column("since week of", width=100),
            column("before", "percentunit", decimals=1, width=58),
            column("after", "percentunit", decimals=1, width=58),
            column(
                "at equal inputs",
                "percentunit",
                decimals=1,
                width=112,
                thresholds=steps((None, "text"), (-1, "red"), (-0.05, "text")),
            ),
            column("scores", "locale", width=55),
        ],
        wraps=True,
    )


def _cost_per_call() -> Json:
    return series(
        "Cost per 1,000 calls, by task",
        "Spend over the calls with a price that began in each interval, times 1,000; the five dearest tasks.",
        f"""
with facts as (
    select $__timeGroupAlias(started_at,$__interval), coalesce(task, '') as name, cast(sum(cost_usd) as double) as cost,
        sum(call_count) filter (where not is_unpriced) as priced
    from call_facts where {FILTERED} group by 1, 2
),
named as (select name from facts group by name order by sum(cost) desc nulls last, name limit 5)
select "time", {shown("name")} as metric, cost / nullif(priced, 0) * 1000 as value
from facts where name in (from named) order by 1, 2""",
        unit="currencyUSD",
        points=28,
    )


def _prompts() -> Json:
    return table(
        "Prompt versions",
        "Versions of the static text of each task's prompts that were in use in the time range, the newest first.",
        f"""
select {shown("task_name")} as "task", number as "version", strftime(first_seen_at, '%Y-%m-%d %H:%M') as "first seen (UTC)",
    strftime(last_seen_at, '%Y-%m-%d %H:%M') as "last seen (UTC)", calls as "calls"
from prompt_versions
where first_seen_at <= $__timeTo() and last_seen_at >= $__timeFrom() and {_TASK}
order by first_seen_at desc, task_name, number limit 100""",
        [
            column("task", link=link("calls", task=VALUE)),
            column("version", width=90),
            column("calls", "locale", width=90),
        ],
    )


# --- downgrade

_DOWNGRADE: Final = f"from downgrade where {_TASK} and {chosen('model')}"


def downgrade() -> Json:
    """What could move to a cheaper model, on what evidence."""
    return board(
        "downgrade",
        "Which tasks could move to a cheaper model, what that saves a month, and how sure that is. An estimate from your "
        "own traffic, not a promise.",
        [
            (
                1,
                [
                    section(
                        f"Verdicts, of the 28 days before they were reached: {outside('task', 'model', is_of_range=False)}"
                    )
                ],
            ),
            (4, _verdict_counts()),
            (11, [_candidates()]),
            (9, [_next_steps()]),
            (6, [_savings()]),
            (1, [section(f"Spend: {EVERY}")]),
            (
                9,
                [
                    over_time(
                        "task",
                        "cost_usd",
                        "Spend by task",
                        "Cost of the calls that began in each interval: where a cheaper model would matter.",
                        "currencyUSD",
                    ),
                    over_time(
                        "model",
                        "cost_usd",
                        "Spend by model",
                        "Cost of the calls that began in each interval, by the model that answered: what a move changed.",
                        "currencyUSD",
                    ),
                ],
            ),
        ],
    )


def _verdict_counts() -> list[Json]:
    kept = _KEPT.format("downgrade")
    return [
        stat(
            "Defensible a month",
            "Measured saving a month of the tasks that can move now, the best candidate of each: replayed stored requests "
            "were not worse than the task allows." + kept,
            "select coalesce(sum(saving), 0) as saving from (select max(cast(saving_month_usd as double)) as saving"
            f" {_DOWNGRADE} and verdict = 'move' group by task_name, model)",
            unit="currencyUSD",
            thresholds=steps((None, "text"), (0.000001, "green")),
        ),
        stat(
            "Can move now",
            "Tasks with the verdict move." + kept,
            f"select count(distinct task_name) as tasks {_DOWNGRADE} and verdict = 'move'",
            thresholds=steps((None, "text"), (1, "green")),
        ),
        stat(
            "Promising",
            "Tasks whose replays point the right way and are not enough yet." + kept,
            f"select count(distinct task_name) as tasks {_DOWNGRADE} and verdict = 'promising'",
        ),
        stat(
            "Cannot tell yet",
            "Tasks without enough replays or reviews; the table below says what would decide." + kept,
            f"select count(distinct task_name) as tasks {_DOWNGRADE} and verdict = 'cannot_tell'",
        ),
        stat(
            "Could be worth a month",
            "Estimated saving a month of the undecided tasks, the best candidate of each: at most this is at stake."
            + kept,
            "select sum(saving) as saving from (select max(cast(coalesce(saving_month_usd, estimated_saving_usd) as double))"
            f" as saving {_DOWNGRADE} and verdict in ('cannot_tell', 'promising') group by task_name, model)",
            unit="currencyUSD",
            no_value="nothing is open",
        ),
        stat(
            "Looked at",
            "When these verdicts were reached. They hold for the 28 days before." + kept,
            "select coalesce(strftime(max(decided_at), '%-d %b %H:%M') || ' UTC', 'not yet: `llmwatch downgrade`')"
            f" as decided {_DOWNGRADE}",
            is_text=True,
        ),
    ]


def _candidates() -> Json:
    return table(
        "Tasks and the cheaper models they could run on",
        "Spend and saving are dollars a month. A saving is measured on the candidate's own tokens where requests were "
        "replayed, else estimated. Worse at most: the largest share of answers that could be worse (95 %); a task moves "
        "only if that is less than allowed." + _KEPT.format("downgrade"),
        f"""
select {shown("task_name")} as "task", model as "on", candidate_model as "to",
    if(verdict = 'cannot_tell', 'cannot tell yet', verdict) as "verdict",
    cast(spend_month_usd as double) as "spend a month",
    cast(saving_month_usd as double) as "saves, measured", cast(saving_low_usd as double) as "at least",
    if(saving_month_usd is null, cast(estimated_saving_usd as double), null) as "saves, estimated",
    replays as "replays", if(difference_low is null, null, greatest(-difference_low, 0)) as "worse at most", margin as "allowed",
    latency_ratio as "latency ×", coalesce(strftime(candidate_shutdown_on, '%Y-%m-%d'), '') as "it stops on"
{_DOWNGRADE}
order by case verdict when 'move' then 0 when 'promising' then 1 when 'cannot_tell' then 2 else 3 end,
    coalesce(saving_month_usd, estimated_saving_usd) desc nulls last, task_name, candidate_model
limit 200""",
        [
            column("task", link=link("tasks", task=VALUE), width=200),
            column("on", width=165),
            column("to", width=100),
            column("verdict", words=_VERDICTS, width=115),
            column("spend a month", "currencyUSD", width=115),
            column("saves, measured", "currencyUSD", width=125),
            column("at least", "currencyUSD", width=80),
            column("saves, estimated", "currencyUSD", width=125),
            column("replays", "locale", width=75),
            column("worse at most", "percentunit", decimals=1, width=115),
            column("allowed", "percentunit", decimals=0, width=75),
            column("latency ×", decimals=2, width=85),
            column("it stops on", width=95),
        ],
    )


def _savings() -> Json:
    return bars(
        "Saves a month, where it was measured",
        "Measured saving a month of the best replayed candidate of each task, whatever the verdict."
        + _KEPT.format("downgrade"),
        f"""
select {shown("task_name")} || ': ' || if(verdict = 'cannot_tell', 'cannot tell yet', verdict) as task,
    max(cast(saving_month_usd as double)) as "saving"
{_DOWNGRADE} and saving_month_usd > 0 group by 1 order by 2 desc, 1 limit 10""",
        unit="currencyUSD",
        thresholds=steps((None, "blue")),
    )


def _next_steps() -> Json:
    return table(
        "What would decide",
        "The command that settles each open question, and what it costs at most. Without --run it shows a plan and spends "
        "nothing." + _KEPT.format("downgrade"),
        f"""
select {shown("task_name")} as "task", candidate_model as "to", coalesce(saving_month_usd, estimated_saving_usd)::double as "worth a month",
    next_usd::double as "costs at most", next_step as "command"
{_DOWNGRADE} and next_step <> ''
order by 3 desc nulls last, task_name limit 100""",
        [
            column("task", link=link("tasks", task=field("task")), width=200),
            column("to", width=100),
            column("worth a month", "currencyUSD", width=115),
            column("costs at most", "currencyUSD", width=110),
        ],
    )


__all__ = ["LENGTH_S", "downgrade", "tasks"]
