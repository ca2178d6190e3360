-- Calls whose name is not today's: rows of `parts` go before renames, and both before the given name.
create temp table moved as
select
    c.rowid as row_number,
    c.task_name as old_name,
    coalesce(p.task_name, r.task_name, c.task, c.task_origin, c.task_name) as new_name
from calls as c
left join task_renames as r on coalesce(c.task, c.task_origin, c.task_name) = r.given_name
left join parts as p
    on coalesce(c.task, c.task_origin, c.task_name) = p.given_name
    and c.call_site is not distinct from p.call_site
    and c.tool_names is not distinct from p.tool_names
    and c.prompt_hash is not distinct from p.prompt_hash
where c.task_name is distinct from coalesce(p.task_name, r.task_name, c.task, c.task_origin, c.task_name);
