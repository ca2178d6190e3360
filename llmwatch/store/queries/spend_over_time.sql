-- One row per step of $step_seconds since the period began that has calls; step 0 is the first.
select
    -- a cast alone would round the last half second of the period into the step after it
    cast(floor(epoch(started_at - $since)) as bigint) // $step_seconds as step,
    sum(call_count) as calls,
    sum(cost_usd) as spend_usd,
    sum(call_count) filter (where is_unpriced) as unpriced_calls
from call_facts
where started_at >= $since and started_at < $until
group by step
order by step
