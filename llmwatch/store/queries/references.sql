-- One row per call of the task of which somebody said what the right answer is: the latest word.
select span_id, arg_max(label, scored_at) as reference
from scores_current
where evidence = 'reference' and name = 'quality' and label is not null and span_id is not null and task = $task
group by span_id
