-- The calls of this batch as the names of their tasks are found from.
create or replace temp table arrived_carried as
select d.span_id, d.task, d.task_origin, d.task_name, a.call_site, a.tool_names, a.prompt_hash
from derived as d
join arrived as a on d.span_id = a.span_id;
