-- One row per task and model with chat calls in the period: when these began and when they last came, looking back eight
-- weeks further, and pause_s, the seconds between one day of them and the next that nine of ten pauses stay below.
with days as (
    select
        coalesce(task_name, task, '') as task_name,
        coalesce(response_model, request_model, '') as model,
        date_trunc('day', started_at) as day,
        min(started_at) as first_at,
        max(started_at) as last_at
    from calls
    where
        started_at >= $since - interval 56 days
        and started_at < $until
        and not coalesce(is_repeated, false)
        and operation_name in ('chat', 'text_completion', 'fetch_response')
        and usage_source is distinct from 'none'
    group by all
),
paused as (
    select *, epoch(first_at - lag(last_at) over (partition by task_name, model order by day)) as pause_s
    from days
)
select
    task_name,
    model,
    min(first_at) as first_at,
    max(last_at) as last_at,
    coalesce(quantile_cont(pause_s, 0.9), 0) as pause_s
from paused
group by task_name, model
having max(last_at) >= $since
order by task_name, model
