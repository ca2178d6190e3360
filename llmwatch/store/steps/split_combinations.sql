-- Every combination of what the calls of split tasks carry.
select distinct
    coalesce(task, task_origin, task_name) as given_name,
    call_site,
    tool_names,
    prompt_hash
from {table}
where coalesce(task, task_origin, task_name) in (select unnest($split));
