-- One row per customer with calls or revenue in [since, until), '' is none: what the report's lines of customers say.
-- Money that nobody knows is null. shared_usd is the customer's part of shared costs, by what each is divided by.
-- margin_usd is at most that where a call has no price, and null where more than 1 % of the calls have none; most_usd is
-- what would remain if unpriced calls were free.
with
lines as (
    select
        name,
        e.plan,
        coalesce(p.calls, 0) as calls,
        p.spend_usd,
        coalesce(p.unpriced_calls, 0) as unpriced_calls,
        coalesce(p.tokens, 0) as tokens,
        e.revenue_nano
    from customer_costs(since, until) as p
    full join customer_revenue(since, until) as e using (name)
),
keys as (
    select name, 'spend' as divided_by, cast(coalesce(spend_usd, 0) as double) as weight from lines
    union all
    select name, 'calls', cast(calls as double) from lines
    union all
    select name, 'tokens', cast(tokens as double) from lines
),
shared as (
    select k.name, sum(cast(s.cost_nano as double) / 1e9 * k.weight / w.whole) as shared_usd
    from margin_shared(since, until) as s
    join (select divided_by, sum(weight) as whole from keys group by divided_by) as w using (divided_by)
    join keys as k using (divided_by)
    where w.whole > 0
    group by k.name
)
select
    l.name as customer,
    l.plan,
    l.calls,
    l.unpriced_calls,
    cast(l.revenue_nano as double) / 1e9 as revenue_usd,
    if(coalesce(l.spend_usd, 0) = 0 and l.unpriced_calls > 0, null, cast(coalesce(l.spend_usd, 0) as double)) as direct_usd,
    coalesce(s.shared_usd, 0) as shared_usd,
    direct_usd + coalesce(s.shared_usd, 0) as cost_usd,
    revenue_usd - coalesce(direct_usd, 0) - coalesce(s.shared_usd, 0) as most_usd,
    if(l.unpriced_calls * 100 > l.calls, null, most_usd) as margin_usd,
    if(revenue_usd > 0, margin_usd / revenue_usd, null) as margin_share,
    margin_usd is not null and l.unpriced_calls > 0 as is_at_most
from lines as l
left join shared as s using (name)
