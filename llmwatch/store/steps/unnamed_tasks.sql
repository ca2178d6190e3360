-- Keys of untagged calls that have no name yet, in the order they were first seen. A bucket is one call site and
-- format; at most nine prompts of it are asked for, because the ninth shows that its prompts never repeat, and of each
-- as many lists of tools.
create or replace temp macro bucket_of(site, format) as
    substr(md5(concat_ws(chr(31), coalesce(site, ''), '', coalesce(format, ''))), 1, 16);

with keys as (
    select
        task_key,
        min(started_at) as first_seen_at,
        any_value(call_site) as call_site,
        any_value(tool_names) as tool_names,
        any_value(response_format) as response_format,
        max(prompt_head) as prompt_head,
        any_value(operation_name) as operation_name
    from arrived
    where task is null and task_key is not null
    group by task_key
),
buckets as (
    select task_key, bucket_of(call_site, response_format) as bucket, * exclude (task_key)
    from keys
    where
        task_key not in (select task_key from tasks)
        and task_key not in (select task_key from task_members where prompt_hash = '')
)
select * exclude (prompt)
from (
    select *, min(first_seen_at) over (partition by bucket, coalesce(prompt_head, task_key)) as prompt
    from buckets
    where prompt_head is not null or bucket not in (select task_key from tasks)
)
qualify
    dense_rank() over (partition by bucket order by prompt, coalesce(prompt_head, task_key)) <= 9
    and row_number() over (partition by bucket, coalesce(prompt_head, task_key) order by first_seen_at, task_key) <= 64
order by first_seen_at, task_key;
