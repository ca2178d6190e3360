-- One row per name that calls have today.
select distinct task_name as task
from calls
where task_name is not null
order by task_name
