-- One row: the report's sums over the customers of [since, until). Margin is of the customers whose revenue is known;
-- unknown_usd is the cost of the others, unattributed_usd that of calls that name no customer.
with sums as (
    select
        sum(n.revenue_usd) filter (where n.customer <> '') as revenue,
        coalesce(sum(n.direct_usd) filter (where n.customer <> '' and n.revenue_usd is not null), 0) as direct,
        coalesce(sum(n.shared_usd) filter (where n.customer <> '' and n.revenue_usd is not null), 0) as shared,
        0 - coalesce(sum(n.margin_usd) filter (where n.customer <> '' and n.margin_usd < 0), 0) as lost,
        count(*) filter (where n.customer <> '' and n.margin_usd < 0) as losing,
        count(*) filter (where n.customer <> '' and n.revenue_usd is null) as unknown,
        coalesce(sum(coalesce(n.direct_usd, 0) + n.shared_usd) filter (where n.customer <> '' and n.revenue_usd is null), 0)
            as unknown_cost,
        coalesce(sum(coalesce(n.direct_usd, 0) + n.shared_usd) filter (where n.customer = ''), 0) as unattributed
    from margin_by_customer(since, until) as n
)
select
    revenue as revenue_usd,
    direct as direct_usd,
    shared as shared_usd,
    revenue - direct - shared as margin_usd,
    if(revenue > 0, (revenue - direct - shared) / revenue, null) as margin_share,
    if(revenue is null, null, lost) as lost_usd,
    if(revenue is null, null, losing) as losing_customers,
    unknown as unknown_customers,
    unknown_cost as unknown_usd,
    unattributed as unattributed_usd
from sums
