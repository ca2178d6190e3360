-- One row per task and model whose replays have answers to compare.
select coalesce(c.task, r.task_name) as task, r.model, count(distinct r.replay_id) as replays
from replays as r
left join call_strata as c on c.span_id = r.span_id
where r.state = 'answered' and r.facts is not null
group by all
order by all
