-- What the calls that a refit may name anew are called before it.
create or replace temp table origins_before as
select span_id, task_origin
from calls
where task is null and task_key in (select task_key from refit_calls);
