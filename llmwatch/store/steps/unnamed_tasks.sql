-- Keys of untagged calls that have no name yet, in the order they were first seen. A bucket is one call site, tool set
-- and format; at most nine keys of it are asked for, because the ninth shows that its prompts never repeat.
with keys as (
    select
        a.task_key,
        a.bucket,
        min(a.started_at) as first_seen_at,
        any_value(a.call_site) as call_site,
        any_value(a.tool_names) as tool_names,
        any_value(a.response_format) as response_format,
        max(a.prompt_head) as prompt_head,
        any_value(a.operation_name) as operation_name
    from arrived as a
    where
        a.task is null
        and a.task_key is not null
        and a.task_key not in (select task_key from tasks)
        and a.bucket not in (select task_key from tasks)
    group by a.task_key, a.bucket
)
select *
from keys
qualify row_number() over (partition by bucket order by first_seen_at, task_key) <= 9
order by first_seen_at, task_key
