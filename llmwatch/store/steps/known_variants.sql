-- The lists of tools that stored calls of the asked prompts have, and the name of most calls of each.
select
    bucket_of(c.call_site, c.response_format) as bucket, c.prompt_head, coalesce(c.tool_names, []) as tool_names,
    mode(c.task_origin) as task_name
from calls as c
where
    c.task is null
    and c.task_key is not null
    and c.prompt_head in (select unnest($heads))
    and bucket_of(c.call_site, c.response_format) in (select unnest($buckets))
group by all
order by all;
