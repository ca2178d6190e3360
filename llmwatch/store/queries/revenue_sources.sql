-- One row per source of revenue: its events, the sum of their amounts, their first and last moment, its newest record.
select
    coalesce(source, '') as source,
    count(*) as events,
    count(distinct customer) as customers,
    sum(amount_usd) as amount_usd,
    min(occurred_at) as first_at,
    max(greatest(occurred_at, coalesce(recognised_until, occurred_at))) as last_at
from revenue_records
where kind = 'revenue'
group by coalesce(source, '')
order by source
