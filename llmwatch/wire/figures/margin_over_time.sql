-- One row per step of [since, until), which is cut into equal steps of about step_seconds: revenue that names a customer,
-- and the direct and shared cost of the customers whose revenue is known; the steps add up to margin_total of the whole.
-- A customer's part of a shared cost is that of the whole range in every step. margin_usd is at most that where a call
-- has no price, and null where more than 1 % of the calls of the step have none. `customers` as in margin_total.
with
bounds as (
    select
        cast(since as timestamp) as a,
        epoch_us(cast(until as timestamp)) - epoch_us(cast(since as timestamp)) as length_us,
        cast(greatest(round(length_us / 1e6 / step_seconds), 1) as bigint) as steps
),
steps as (
    select
        n,
        a + to_microseconds(n * length_us // steps) as begins_at,
        a + to_microseconds((n + 1) * length_us // steps) as ends_at
    from (select a, length_us, steps, unnest(range(steps)) as n from bounds)
),
streams as (
    from revenue_streams
    where
        nullif(customer, '') is not null
        and starts_at < cast(until as timestamp)
        and (customers is null or is_chosen(customer, customers))
),
-- what begins and ends together is worked out together: to the nano-dollar of each stream that is the same
running as (
    select sum(amount_usd) as amount_usd, per, starts_at, ends_at
    from streams
    where per <> 'once' and coalesce(ends_at > cast(since as timestamp), true)
    group by per, starts_at, ends_at
),
earned as (
    select
        (epoch_us(starts_at) - epoch_us(a)) * b.steps // b.length_us as n,
        nano(amount_usd) as revenue_nano,
        least(revenue_nano, 0) as refunds_nano
    from streams
    cross join bounds as b
    where per = 'once' and starts_at >= cast(since as timestamp)
    union all
    select
        t.n,
        accrued_nano(s.amount_usd, s.per, s.starts_at, s.ends_at, t.ends_at)
            - accrued_nano(s.amount_usd, s.per, s.starts_at, s.ends_at, t.begins_at),
        0
    from steps as t
    join running as s on coalesce(s.ends_at > t.begins_at, true) and s.starts_at < t.ends_at
),
earned_by_step as (
    select n, sum(revenue_nano) as revenue_nano, sum(refunds_nano) as refunds_nano from earned group by n
),
paid_by_step as (
    select
        (epoch_us(started_at) - epoch_us(b.a)) * b.steps // b.length_us as n,
        sum(cost_usd) filter (where nullif(customer, '') is not null) as spend_usd,
        sum(call_count) as calls,
        sum(call_count) filter (where is_unpriced) as unpriced_calls
    from call_facts
    cross join bounds as b
    where
        started_at >= cast(since as timestamp)
        and started_at < cast(until as timestamp)
        and (
            (nullif(customer, '') is null and (customers is null or is_chosen(customer, customers)))
            or customer in (select customer from streams)
        )
    group by n
),
weights as (
    select name in (select customer from streams) as is_paying, spend_usd, calls, tokens
    from customer_costs(since, until)
),
parts as (
    select unnest([
        {
            'divided_by': 'spend',
            'part': cast(sum(spend_usd) filter (where is_paying) as double)
                / nullif(cast(sum(spend_usd) as double), 0)
        },
        {
            'divided_by': 'calls',
            'part': sum(calls) filter (where is_paying) / nullif(sum(calls), 0)
        },
        {
            'divided_by': 'tokens',
            'part': sum(tokens) filter (where is_paying) / nullif(sum(tokens), 0)
        }
    ], recursive := true)
    from weights
),
shared_by_step as (
    select
        t.n,
        sum(
            (
                accrued_nano(s.cost_usd, s.per, s.starts_at, s.ends_at, t.ends_at)
                - accrued_nano(s.cost_usd, s.per, s.starts_at, s.ends_at, t.begins_at)
            ) * coalesce(p.part, 0) / 1e9
        ) as shared_usd
    from steps as t
    join shared_costs as s on coalesce(s.ends_at > t.begins_at, true) and s.starts_at < t.ends_at
    join parts as p using (divided_by)
    group by t.n
)
select
    t.begins_at as "time",
    if(k.is_known, cast(coalesce(e.revenue_nano, 0) as double) / 1e9, null) as revenue_usd,
    if(k.is_known, cast(coalesce(p.spend_usd, 0) as double), null) as direct_usd,
    if(k.is_known, coalesce(h.shared_usd, 0), null) as shared_usd,
    direct_usd + shared_usd as cost_usd,
    if(
        coalesce(p.unpriced_calls, 0) * 100 <= coalesce(p.calls, 0),
        revenue_usd - cost_usd,
        null
    ) as margin_usd,
    coalesce(p.unpriced_calls, 0) as unpriced_calls,
    -- the part of revenue_usd that is money given back at once: negative, or 0
    if(k.is_known, cast(coalesce(e.refunds_nano, 0) as double) / 1e9, null) as refunds_usd
from steps as t
cross join (select count(*) > 0 as is_known from streams) as k
left join earned_by_step as e using (n)
left join paid_by_step as p using (n)
left join shared_by_step as h using (n)
order by t.begins_at
