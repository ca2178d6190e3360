-- One row per call named that is in the store, with its task.
select span_id, any_value(task) as task
from call_strata
where span_id in (select unnest($names))
group by span_id
