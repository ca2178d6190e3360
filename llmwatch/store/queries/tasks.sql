-- One row per task and way of recognising it: its calls and spend since $since, and when the store first saw it.
with named as (
    select
        coalesce(task_name, task, '') as task,
        coalesce(task_source, '') as source,
        started_at,
        call_site,
        coalesce(response_model, request_model) as model,
        cost_usd,
        cost_grade,
        requests
    from calls
    where (usage_source is distinct from 'none' or operation_name = 'moderation') and requests > 0
)
select
    task,
    source,
    coalesce(sum(requests) filter (where started_at >= $since), 0) as calls,
    sum(cost_usd) filter (where started_at >= $since) as spend_usd,
    coalesce(sum(requests) filter (where started_at >= $since and cost_grade = 'D'), 0) as unpriced_calls,
    sum(requests) as all_calls,
    min(started_at) as first_at,
    max(started_at) as last_at,
    mode(model) as model,
    mode(call_site) as call_site
from named
group by task, source
order by spend_usd desc nulls last, calls desc, task, source
