-- One row per run that began in the period, the dearest first; money is text, as in margin_periods.
select
    trace, started_at, kind, calls, cast(cost_usd as varchar) as cost_usd, coalesce(unpriced_calls, 0) as unpriced_calls,
    duration_ms, failed_calls, customer, outcomes, is_success
from runs
where started_at >= $since and started_at < $until and ($kind is null or kind = $kind)
order by runs.cost_usd desc nulls first, started_at desc, trace
limit $limit
