-- One row: the report's sums over the customers of [since, until). Margin is of the customers whose revenue is known;
-- unknown_usd is the cost of the others, unattributed_usd that of calls that name no customer. unpriced_calls of `calls`,
-- theirs and those of no customer, have no price: margin_usd is at most that, and null where they are more than 1 %.
-- Of the customers that is_chosen(customer, customers) leaves, where any are given.
with sums as (
    select
        sum(n.revenue_usd) filter (where n.customer <> '') as revenue,
        coalesce(sum(n.direct_usd) filter (where n.customer <> '' and n.revenue_usd is not null), 0) as direct,
        coalesce(sum(n.shared_usd) filter (where n.customer <> '' and n.revenue_usd is not null), 0) as shared,
        0 - coalesce(sum(n.most_usd) filter (where n.customer <> '' and n.most_usd < 0), 0) as lost,
        count(*) filter (where n.customer <> '' and n.most_usd < 0) as losing,
        coalesce(sum(n.calls) filter (where n.customer = '' or n.revenue_usd is not null), 0) as calls,
        coalesce(sum(n.unpriced_calls) filter (where n.customer = '' or n.revenue_usd is not null), 0) as unpriced_calls,
        count(*) filter (where n.customer <> '' and n.revenue_usd is null) as unknown,
        coalesce(sum(coalesce(n.direct_usd, 0) + n.shared_usd) filter (where n.customer <> '' and n.revenue_usd is null), 0)
            as unknown_cost,
        coalesce(sum(n.unpriced_calls) filter (where n.customer = ''), 0) as unnamed_unpriced,
        coalesce(sum(coalesce(n.direct_usd, 0) + n.shared_usd) filter (where n.customer = ''), 0) as unattributed
    from margin_by_customer(since, until) as n
    where customers is null or is_chosen(n.customer, customers)
)
select
    revenue as revenue_usd,
    if(direct = 0 and unpriced_calls > 0, null, direct) as direct_usd,
    shared as shared_usd,
    revenue - direct - shared as most_usd,
    if(unpriced_calls * 100 > calls, null, most_usd) as margin_usd,
    if(revenue > 0, margin_usd / revenue, null) as margin_share,
    margin_usd is not null and unpriced_calls > 0 as is_at_most,
    if(revenue > 0, most_usd / revenue, null) as most_share,
    calls,
    unpriced_calls,
    -- nothing that is known is not nothing where calls have no price
    if(revenue is null or (lost = 0 and unpriced_calls > 0), null, lost) as lost_usd,
    if(revenue is null, null, losing) as losing_customers,
    unknown as unknown_customers,
    unknown_cost as unknown_usd,
    if(unattributed = 0 and unnamed_unpriced > 0, null, unattributed) as unattributed_usd
from sums
