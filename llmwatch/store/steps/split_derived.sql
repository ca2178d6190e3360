update derived
set task_name = p.task_name
from arrived_carried as c
join parts as p
    on coalesce(c.task, c.task_origin, c.task_name) = p.given_name
    and c.call_site is not distinct from p.call_site
    and c.tool_names is not distinct from p.tool_names
    and c.prompt_hash is not distinct from p.prompt_hash
where derived.span_id = c.span_id;
