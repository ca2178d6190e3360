-- One row per task with answers in the period and no kept content of any: nobody can review it.
select c.task, count(*) as answers, any_value(f.content_mode) as content_mode
from call_strata as c
join calls as f on f.span_id = c.span_id
where
    c.started_at >= $since
    and c.started_at < $until
    and ($task is null or c.task = $task)
    and c.task is not null
    and f.status = 'ok'
    and is_answer(f.operation_name)
    and f.operation_name not in ('embeddings', 'moderation')
group by c.task
having count(*) filter (where c.span_id in (select span_id from answers_kept)) = 0
order by c.task
