-- One row per step of $step_seconds since $since, 0 the first of $steps, the last ends at $until: revenue of customers,
-- and the calls and spend of those in $paying, the customers whose revenue is known, or of no customer.
with steps as (
    select
        n as step,
        $since + to_seconds(n * $step_seconds) as begins_at,
        least($since + to_seconds((n + 1) * $step_seconds), $until) as ends_at
    from range($steps) as numbered(n)
),
-- customers of one plan pay the same: what accrues is worked out once for all of them
streams as (
    select amount_usd, per, starts_at, ends_at, count(*) as streams
    from revenue_streams
    where
        customer is not null
        and starts_at < $until
        and coalesce(ends_at > $since, true)
        and (per <> 'once' or starts_at >= $since)
    group by amount_usd, per, starts_at, ends_at
),
earned as (
    -- money of one moment falls into one step; only what accrues is asked for in every step
    select
        cast(floor(epoch(starts_at - $since)) as bigint) // $step_seconds as step,
        nano(amount_usd) * streams as revenue_nano
    from streams
    where per = 'once'
    union all
    select
        t.step,
        recognised_nano(s.amount_usd, s.per, s.starts_at, s.ends_at, t.begins_at, t.ends_at) * s.streams
    from steps as t
    cross join streams as s
    where s.per <> 'once'
),
earned_by_step as (select step, sum(revenue_nano) as revenue_nano from earned group by step),
paid_by_step as (
    select
        cast(floor(epoch(started_at - $since)) as bigint) // $step_seconds as step,
        sum(cost_usd) filter (where customer is not null) as spend_usd,
        sum(call_count) as calls,
        sum(call_count) filter (where is_unpriced) as unpriced_calls
    from call_facts
    where
        started_at >= $since
        and started_at < $until
        and (customer is null or customer in (select unnest($paying)))
    group by step
)
select
    t.step,
    cast(coalesce(e.revenue_nano, 0) as decimal(38, 0)) as revenue_nano,
    coalesce(p.spend_usd, 0) as spend_usd,
    coalesce(p.calls, 0) as calls,
    coalesce(p.unpriced_calls, 0) as unpriced_calls
from steps as t
left join earned_by_step as e using (step)
left join paid_by_step as p using (step)
order by t.step
