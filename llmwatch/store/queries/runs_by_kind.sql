-- One row per kind of run that began in the period; money is text, as in margin_periods.
select
    coalesce(kind, '') as kind,
    count(*) as runs,
    cast(sum(calls) as bigint) as calls,
    cast(sum(cost_usd) as varchar) as cost_usd,
    cast(count(*) filter (where cost_usd is null) as bigint) as unpriced_runs,
    quantile_cont(duration_ms, 0.5) as duration_p50_ms,
    quantile_cont(duration_ms, 0.95) as duration_p95_ms,
    cast(count(*) filter (where failed_calls > 0) as bigint) as runs_with_failures,
    cast(count(*) filter (where outcomes > 0) as bigint) as runs_with_outcome,
    cast(count(*) filter (where is_success) as bigint) as successful_runs
from runs
where started_at >= $since and started_at < $until and ($kind is null or kind = $kind)
group by all
order by sum(cost_usd) desc nulls last, kind
