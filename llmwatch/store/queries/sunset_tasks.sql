-- One row per model and task with calls in the period; '' is none.
select
    coalesce(model, '') as model,
    coalesce(task, '') as task,
    sum(cost_usd) as spend_usd
from call_facts
where started_at >= $since and started_at < $until
group by all
order by model, spend_usd desc nulls last, task
