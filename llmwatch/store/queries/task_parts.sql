-- One row per value of what the calls of $task carry, the first seen first: call sites, static prompts or tool sets.
select
    case $dimension
        when 'call_site' then coalesce(call_site, '')
        when 'prompt' then coalesce(prompt_hash, '')
        else coalesce(array_to_string(list_sort(tool_names), ', '), '')
    end as value
from calls
where task_name = $task
group by value
order by min(started_at), value
limit $limit
