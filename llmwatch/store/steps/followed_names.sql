-- A key of which no prompt was read follows its name: where all that was read of that name has another one now.
create or replace temp table followed_names as
select b.task_origin as old_name, mode(c.task_origin) as new_name
from origins_before as b
join calls as c on b.span_id = c.span_id
where b.is_read
group by b.task_origin
having not bool_or(b.task_origin is not distinct from c.task_origin);

update task_members
set task_name = f.new_name
from followed_names as f
where
    task_members.task_name = f.old_name
    and task_members.bucket in (select bucket from refit_calls)
    and task_members.task_key not in (select task_key from refit_calls);

update calls
set task_origin = f.new_name
from followed_names as f, origins_before as b
where
    calls.span_id = b.span_id
    and not b.is_read
    and calls.task_origin = f.old_name
    and not list_contains($pinned, calls.task_name);
