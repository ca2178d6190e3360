-- One row per customer of calls or of revenue, '' is none: where it is known from, and what it has to do with either.
with earning as (
    select
        coalesce(customer, '') as name,
        count(*) as streams,
        sum(amount_usd) filter (where source <> 'settings') as amount_usd,
        string_agg(distinct source, ', ' order by source) as sources
    from revenue_streams
    group by all
),
calling as (
    select coalesce(customer, '') as name, sum(call_count) as calls, sum(cost_usd) as spend_usd
    from call_facts
    group by all
)
select
    name,
    coalesce(c.calls, 0) as calls,
    c.spend_usd,
    coalesce(e.streams, 0) as streams,
    e.amount_usd,
    e.sources
from calling as c
full join earning as e using (name)
order by name
