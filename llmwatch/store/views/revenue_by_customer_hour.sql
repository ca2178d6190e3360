-- One row per hour and customer with money recognised in it, refunds negative; filter by `hour`. The hours end with the
-- later of the day after today and the last call.
with bounds as (
    select
        date_trunc('hour', least((select min(starts_at) from revenue_streams), (select min(started_at) from calls))) as first,
        greatest(current_date + interval 1 day, (select max(started_at) from calls)) as last
),
hours as (select unnest(generate_series(first, last, interval 1 hour)) as hour from bounds)
select
    h.hour,
    s.customer,
    s.plan,
    cast(
        sum(
            accrued_nano(s.amount_usd, s.per, s.starts_at, s.ends_at, h.hour + interval 1 hour)
            - accrued_nano(s.amount_usd, s.per, s.starts_at, s.ends_at, h.hour)
        ) as decimal(38, 0)
    ) * 0.000000001 as revenue_usd
from hours as h
join revenue_streams as s
    on s.starts_at < h.hour + interval 1 hour
    and if(s.per = 'once', s.starts_at >= h.hour, coalesce(s.ends_at > h.hour, true))
group by h.hour, s.customer, s.plan
