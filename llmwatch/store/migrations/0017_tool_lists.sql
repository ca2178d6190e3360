-- A bucket of untagged calls is a call site and a format; before, also a list of tools. What names all further keys of
-- a bucket goes on for most of its calls, and every prompt is read once more.
create temp table buckets_before as
select
    substr(md5(concat_ws(
        chr(31), coalesce(call_site, ''), coalesce(array_to_string(list_sort(tool_names), ','), ''),
        coalesce(response_format, '')
    )), 1, 16) as old_bucket,
    substr(md5(concat_ws(chr(31), coalesce(call_site, ''), '', coalesce(response_format, ''))), 1, 16) as new_bucket,
    count(*) as calls
from calls
where task is null and task_key is not null
group by all;

update tasks
set task_key = n.new_bucket
from (
    select b.old_bucket, b.new_bucket
    from buckets_before as b
    join tasks as t on b.old_bucket = t.task_key
    where b.new_bucket not in (select task_key from tasks)
    qualify row_number() over (partition by b.new_bucket order by b.calls desc, b.old_bucket) = 1
) as n
where tasks.task_key = n.old_bucket;

update tasks set bucket = n.new_bucket from buckets_before as n where tasks.bucket = n.old_bucket;

update task_members set bucket = n.new_bucket from buckets_before as n where task_members.bucket = n.old_bucket;

delete from task_refits where bucket in (select old_bucket from buckets_before where old_bucket <> new_bucket);

insert into task_refits
select
    substr(md5(concat_ws(chr(31), coalesce(c.call_site, ''), '', coalesce(c.response_format, ''))), 1, 16) as bucket,
    count(*), 0, null
from content as x
join calls as c on x.span_id = c.span_id
where
    c.task is null and c.task_key is not null and x.input_messages is not null and len(c.tool_names) > 0
group by bucket
on conflict (bucket) do update set unread_contents = excluded.unread_contents;

drop table buckets_before;
