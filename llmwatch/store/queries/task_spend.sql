-- One row per task with calls in the period: what they cost, as far as they have a price.
select coalesce(task_name, task) as task, sum(cost_usd) as cost_usd
from calls
where started_at >= $since and started_at < $until and coalesce(task_name, task) is not null
group by all
order by all
