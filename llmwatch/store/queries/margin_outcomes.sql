-- One row per task and outcome reported in the period, and what all calls of that task cost in it.
with reached as (
    select
        coalesce(task, '') as task,
        outcome,
        count(*) as outcomes,
        count(*) filter (where is_success) as successes,
        sum(value_usd) filter (where is_success) as value_usd
    from outcomes
    where occurred_at >= $since and occurred_at < $until
    group by all
),
paid as (
    select
        coalesce(task, '') as task,
        sum(call_count) as calls,
        sum(cost_usd) as spend_usd,
        sum(call_count) filter (where is_unpriced) as unpriced_calls
    from call_facts
    where started_at >= $since and started_at < $until and coalesce(task, '') in (select task from reached)
    group by all
)
select
    r.*,
    coalesce(p.calls, 0) as calls,
    p.spend_usd,
    coalesce(p.unpriced_calls, 0) as unpriced_calls
from reached as r
left join paid as p using (task)
order by task, outcome
