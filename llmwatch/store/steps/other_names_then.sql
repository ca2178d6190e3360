-- Untagged calls that newly read prompts have given another name since the moment, and the one they had at it.
create or replace temp table origins_then as
select span_id, arg_min(task_origin, moved_at) as task_origin
from task_moves
where moved_at > cast(getvariable('known_at') as timestamp)
group by span_id;
