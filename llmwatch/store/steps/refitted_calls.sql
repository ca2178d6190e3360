create or replace temp table refitted as
select k.task_key, k.prompt_hash, coalesce(p.task_name, m.task_name) as task_name
from (
    select distinct task_key, prompt_hash
    from calls
    where task is null and task_key in (select task_key from refit_calls)
) as k
join task_members as m on k.task_key = m.task_key and m.prompt_hash = ''
left join task_members as p on k.task_key = p.task_key and k.prompt_hash = p.prompt_hash and p.prompt_hash <> '';

update calls
set task_origin = n.task_name
from refitted as n
where
    calls.task is null
    and calls.task_key = n.task_key
    and calls.prompt_hash is not distinct from n.prompt_hash
    and calls.task_origin is distinct from n.task_name
    and not list_contains($pinned, calls.task_name)
    and calls.span_id not in (select span_id from stray_calls);

update calls
set task_origin = s.task_name
from stray_calls as s
where calls.span_id = s.span_id and calls.task_origin is distinct from s.task_name;
