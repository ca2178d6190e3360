-- Calls have the names that the edits of then gave them; rows of `parts` go before renames, and both before the given name.
alter view temp.calls rename to calls_given;

create temp view calls_then as
select
    c.*,
    coalesce(p.task_name, r.task_name, c.task, c.task_origin, c.task_name) as task_name_then
from calls_given as c
left join task_renames as r on coalesce(c.task, c.task_origin, c.task_name) = r.given_name
left join parts as p
    on coalesce(c.task, c.task_origin, c.task_name) = p.given_name
    and c.call_site is not distinct from p.call_site
    and c.tool_names is not distinct from p.tool_names
    and c.prompt_hash is not distinct from p.prompt_hash;

create temp view calls as
select * exclude (task_name_then) replace (task_name_then as task_name)
from calls_then;
