-- One row per kind of event in the period that means that something is missing.
select
    kind,
    sum("count") as "count",
    max(happened_at) as last_at
from pipeline_events
where happened_at >= $since and happened_at < $until
group by kind
order by kind
