-- The names that a refit has taken from their last call, with the name that most of their calls have now.
select into_name, list(name order by name) as names
from (
    select b.task_origin as name, mode(c.task_origin) as into_name
    from origins_before as b
    join calls as c on b.span_id = c.span_id
    where
        b.task_origin is not null
        and b.task_origin not in (select task_origin from calls where task is null and task_origin is not null)
    group by b.task_origin
)
group by into_name
order by into_name;
