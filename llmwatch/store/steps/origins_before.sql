-- What the calls that a refit may name anew are called before it: of keys it reads, and of keys that follow them.
create or replace temp table origins_before as
with read_keys as (
    select distinct task_key from refit_calls
),
followers as (
    select task_key
    from task_members
    where prompt_hash = '' and bucket in (select bucket from refit_calls) and task_key not in (from read_keys)
)
select span_id, task_origin, task_key in (from read_keys) as is_read
from calls
where task is null and (task_key in (from read_keys) or task_key in (from followers));
