-- What the calls that are left are called, were called when they were found, and which static prompts they have.
create or replace temp table tasks_left as select distinct task_name from calls where task_name is not null;

create or replace temp table names_left as
select distinct coalesce(task_origin, task_name) as task_name
from calls
where task is null and coalesce(task_origin, task_name) is not null;

create or replace temp table prompts_left as select distinct prompt_hash from calls where prompt_hash is not null;
