-- Prompts that no refit of the tasks has read, by bucket; a bucket is one call site, tool set and format.
insert into task_refits
select bucket_of(call_site, response_format) as bucket, count(*), 0, null
from arrived
where task is null and task_key is not null and input_messages is not null
group by bucket
on conflict (bucket) do update set unread_contents = unread_contents + excluded.unread_contents;
