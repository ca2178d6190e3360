-- One row per replay of a task on a model whose answer is kept, with what tells how it ended; in the order of sending.
select r.replay_id, r.span_id, r.output_messages as candidate_output, r.finish_reason, r.sent_at
from (
    select
        replay_id,
        any_value(span_id) as span_id,
        any_value(task_name) as task_name,
        arg_max(output_messages, recorded_at) filter (where state = 'answered') as output_messages,
        arg_max(finish_reason, recorded_at) filter (where state = 'answered') as finish_reason,
        min(recorded_at) as sent_at
    from replays
    where model = $model
    group by replay_id
) as r
left join call_strata as c on c.span_id = r.span_id
where r.output_messages is not null and coalesce(c.task, r.task_name) = $task
order by r.sent_at, r.replay_id
