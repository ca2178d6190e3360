-- One row per plan: the money of its streams, and the cost of the calls that customers made while they were on it.
-- '' is no plan. unknown_usd is the cost of customers whose revenue nobody knows, calls without a customer among them.
with planned as (
    -- of plans that begin together, the dearest: a call belongs to one
    select customer, plan, starts_at, ends_at
    from revenue_streams
    where plan is not null and customer is not null and starts_at < $until
    qualify row_number() over (partition by customer, starts_at order by amount_usd desc, plan) = 1
),
earning as (select distinct coalesce(customer, '') as customer from revenue_streams where starts_at < $until),
facts as (
    select
        c.customer,
        coalesce(c.customer, '') not in (select customer from earning) as is_unknown,
        if(p.ends_at <= c.started_at, '', coalesce(p.plan, '')) as name,
        c.call_count,
        c.cost_usd,
        c.is_unpriced,
        coalesce(c.input_tokens, 0) + coalesce(c.output_tokens, 0) as tokens
    from (from call_facts where started_at >= $since and started_at < $until) as c
    asof left join planned as p on c.customer = p.customer and c.started_at >= p.starts_at
),
paid as (
    select
        name,
        sum(call_count) as calls,
        sum(cost_usd) as spend_usd,
        sum(call_count) filter (where is_unpriced) as unpriced_calls,
        sum(tokens) as tokens,
        count(distinct customer) as customers,
        sum(call_count) filter (where is_unknown) as unknown_calls,
        sum(call_count) filter (where is_unknown and is_unpriced) as unknown_unpriced,
        sum(tokens) filter (where is_unknown) as unknown_tokens,
        sum(coalesce(cost_usd, 0)) filter (where is_unknown) as unknown_usd
    from facts
    group by name
),
earned as (
    select
        coalesce(plan, '') as name,
        sum(
            recognised_nano(amount_usd, per, starts_at, ends_at, $since, $until)
        ) as revenue_nano
    from revenue_streams
    where starts_at < $until
    group by coalesce(plan, '')
)
select
    name,
    coalesce(p.calls, 0) as calls,
    p.spend_usd,
    coalesce(p.unpriced_calls, 0) as unpriced_calls,
    coalesce(p.tokens, 0) as tokens,
    p.customers,
    p.unknown_calls,
    p.unknown_unpriced,
    p.unknown_tokens,
    p.unknown_usd,
    cast(e.revenue_nano as decimal(38, 0)) as revenue_nano
from paid as p
full join earned as e using (name)
order by name
