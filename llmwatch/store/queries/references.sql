-- What somebody said the right answer of a call of the task is, the latest word of each call.
select span_id, arg_max(label, scored_at) as reference
from scores_current
where evidence = 'reference' and name = 'quality' and label is not null and span_id is not null and task = $task
group by span_id
