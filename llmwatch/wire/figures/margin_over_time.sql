-- One row per step of step_seconds (on whole multiples since 1970) that meets [since, until), cut to it: revenue that
-- names a customer, and the direct cost of the customers whose revenue is known. No shared cost is in it.
with
bounds as (
    select
        cast(floor(epoch(cast(since as timestamp)) / step_seconds) as bigint) as first,
        cast(floor((epoch(cast(until as timestamp)) - 0.000001) / step_seconds) as bigint) as last
),
steps as (
    select
        cast(make_timestamp(n * cast(step_seconds as bigint) * 1000000) as timestamp) as begins_at,
        greatest(begins_at, cast(since as timestamp)) as a,
        least(begins_at + to_seconds(step_seconds), cast(until as timestamp)) as b
    from (select unnest(range(first, last + 1)) as n from bounds)
),
streams as (from revenue_streams where customer is not null and starts_at < cast(until as timestamp)),
-- what begins and ends together is worked out together: to the nano-dollar of each stream that is the same
running as (
    select sum(amount_usd) as amount_usd, per, starts_at, ends_at
    from streams
    where per <> 'once' and coalesce(ends_at > cast(since as timestamp), true)
    group by per, starts_at, ends_at
),
earned as (
    select
        make_timestamp(cast(floor(epoch(starts_at) / step_seconds) as bigint) * cast(step_seconds as bigint) * 1000000)
            as begins_at,
        nano(amount_usd) as revenue_nano
    from streams
    where per = 'once' and starts_at >= cast(since as timestamp)
    union all
    select
        t.begins_at,
        accrued_nano(s.amount_usd, s.per, s.starts_at, s.ends_at, t.b)
            - accrued_nano(s.amount_usd, s.per, s.starts_at, s.ends_at, t.a)
    from steps as t
    join running as s on coalesce(s.ends_at > t.a, true) and s.starts_at < t.b
),
earned_by_step as (select begins_at, sum(revenue_nano) as revenue_nano from earned group by begins_at),
paid_by_step as (
    select
        make_timestamp(cast(floor(epoch(started_at) / step_seconds) as bigint) * cast(step_seconds as bigint) * 1000000)
            as begins_at,
        sum(cost_usd) as spend_usd
    from call_facts
    where
        started_at >= cast(since as timestamp)
        and started_at < cast(until as timestamp)
        and customer in (select customer from streams)
    group by begins_at
)
select
    t.begins_at as "time",
    if(k.is_known, cast(coalesce(e.revenue_nano, 0) as double) / 1e9, null) as revenue_usd,
    if(k.is_known, cast(coalesce(p.spend_usd, 0) as double), null) as cost_usd,
    if(k.is_known, cast(coalesce(e.revenue_nano, 0) as double) / 1e9 - cast(coalesce(p.spend_usd, 0) as double), null)
        as margin_usd
from steps as t
cross join (select count(*) > 0 as is_known from streams) as k
left join earned_by_step as e using (begins_at)
left join paid_by_step as p using (begins_at)
order by t.begins_at
