-- The calls that had begun before the moment, with the names that discovery had given them.
select c.* replace (if(o.span_id is not null, o.task_origin, c.task_origin) as task_origin)
from {before} as c
left join origins_then as o on c.span_id = o.span_id
where c.started_at < cast(getvariable('known_at') as timestamp)
    -- a line of a batch's output begins with its batch, and is known since it was read
    and (c.batch_file is null or c.ended_at < cast(getvariable('known_at') as timestamp))
