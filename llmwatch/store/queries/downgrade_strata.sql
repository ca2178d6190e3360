-- One row per task of $names and stratum: its calls of the period.
select task, stratum, count(*) as calls
from call_strata
where started_at >= $since and started_at < $until and list_contains($names, task)
group by all
order by all
