-- One row per task of $names and stratum: its calls of the period and what they cost.
select s.task, s.stratum, sum(c.requests) as calls, coalesce(sum(c.cost_usd), 0) as cost_usd
from call_strata as s
join calls as c on s.span_id = c.span_id
where
    s.started_at >= $since
    and s.started_at < $until
    and list_contains($names, s.task)
    and not coalesce(c.is_repeated, false)
    and c.requests > 0
group by all
order by all
