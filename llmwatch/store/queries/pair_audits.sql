-- One row per replay of a task on a model that people compared with the incumbent's answer: candidate minus incumbent.
-- The mean of what several people said; null task or model means every one.
select
    r.replay_id,
    any_value(r.task) as task,
    any_value(r.model) as model,
    round(avg(s.difference), 9) as difference,
    count(*) as people,
    max(s.scored_at) as scored_at
from scores_current as s
join (
    select distinct e.replay_id, coalesce(c.task, e.task_name) as task, e.model
    from replays as e
    left join call_strata as c on c.span_id = e.span_id
) as r on r.replay_id = s.replay_id
where
    s.name = 'pair'
    and s.difference is not null
    and ($task is null or r.task = $task)
    and ($model is null or r.model = $model)
group by r.replay_id
order by r.replay_id
