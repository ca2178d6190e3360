-- One row per request that a judgement of a task by a judge and rubric has been, as `replay_requests` has of replays.
-- An answer that was paid for and is no judgement is not asked for again.
with requests as (
    select
        judgement_id as id,
        run_id,
        min(recorded_at) filter (where state = 'sent') as sent_at,
        any_value(span_id) as span_id,
        any_value(task_name) as task_name,
        max(reserved_usd) as reserved_usd,
        max(cost_usd) as cost_usd,
        coalesce(bool_or(state = 'answered' or (state = 'failed' and cost_usd > 0)), false) as is_final,
        any_value(error) as error
    from judgements
    where model = $model and rubric_hash = $rubric_hash
    group by judgement_id, run_id
)
select r.id, r.run_id, r.span_id, r.sent_at, r.is_final, r.cost_usd, coalesce(r.reserved_usd, 0) as reserved_usd, r.error
from requests as r
left join call_strata as c on c.span_id = r.span_id
where coalesce(c.task, r.task_name) = $task
order by r.sent_at, r.id
