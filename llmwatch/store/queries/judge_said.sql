-- One row: how many answers of a task a series of judgements has scored, and the mean of the scores.
select count(*) as answers, avg(score) as mean_score
from (
    select judgement_id, arg_max(score, recorded_at) as score
    from judgements as j
    left join call_strata as c on c.span_id = j.span_id
    where
        state = 'answered' and replay_id is null and model = $model and rubric_hash = $rubric_hash
        and coalesce(c.task, j.task_name) = $task
    group by judgement_id
)
