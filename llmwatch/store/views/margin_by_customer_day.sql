-- One row per UTC day and customer with calls or money recognised; filter by `day`. revenue_usd is null for a customer
-- of whom no revenue is known by the end of that day: unknown, not 0. Shared costs are in no row. Where a call of the row
-- has no price margin_usd is at most that (is_at_most), and null where more than 1 % of its calls have none.
with bounds as (
    select
        date_trunc('day', least((select min(starts_at) from revenue_streams), (select min(started_at) from calls))) as first,
        greatest(current_date + interval 1 day, (select max(started_at) from calls)) as last
),
days as (select unnest(generate_series(first, last, interval 1 day)) as day from bounds),
earned as (
    select
        d.day,
        coalesce(s.customer, '') as customer,
        sum(
            accrued_nano(s.amount_usd, s.per, s.starts_at, s.ends_at, d.day + interval 1 day)
            - accrued_nano(s.amount_usd, s.per, s.starts_at, s.ends_at, d.day)
        ) as revenue_nano
    from days as d
    join revenue_streams as s on s.starts_at < d.day + interval 1 day
    group by d.day, coalesce(s.customer, '')
),
paid as (
    select
        date_trunc('day', started_at) as day,
        coalesce(customer, '') as customer,
        sum(call_count) as calls,
        sum(cost_usd) as spend_usd,
        sum(call_count) filter (where is_unpriced) as unpriced_calls
    from call_facts
    group by date_trunc('day', started_at), coalesce(customer, '')
)
select
    day,
    customer,
    coalesce(p.calls, 0) as calls,
    coalesce(p.unpriced_calls, 0) as unpriced_calls,
    if(coalesce(p.spend_usd, 0) = 0 and p.unpriced_calls > 0, null, coalesce(p.spend_usd, 0)) as spend_usd,
    cast(e.revenue_nano as decimal(38, 0)) * 0.000000001 as revenue_usd,
    if(coalesce(p.unpriced_calls, 0) * 100 > coalesce(p.calls, 0), null, revenue_usd - spend_usd) as margin_usd,
    margin_usd is not null and coalesce(p.unpriced_calls, 0) > 0 as is_at_most
from earned as e
full join paid as p using (day, customer)
where coalesce(p.calls, 0) > 0 or p.spend_usd is not null or e.revenue_nano <> 0
