-- One row per customer with calls in [$since, $until) or with a stream of money that begins before its end; '' is no
-- customer. revenue_nano is null where no revenue of the customer is known: unknown, not 0.
with paid as (
    select
        coalesce(customer, '') as name,
        sum(call_count) as calls,
        sum(cost_usd) as spend_usd,
        sum(call_count) filter (where is_unpriced) as unpriced_calls,
        sum(coalesce(input_tokens, 0) + coalesce(output_tokens, 0)) as tokens
    from call_facts
    where started_at >= $since and started_at < $until
    group by coalesce(customer, '')
),
earned as (
    select
        coalesce(customer, '') as name,
        sum(
            recognised_nano(amount_usd, per, starts_at, ends_at, $since, $until)
        ) as revenue_nano,
        arg_max(plan, (starts_at, amount_usd, plan)) filter (where plan is not null) as plan
    from revenue_streams
    where starts_at < $until
    group by coalesce(customer, '')
),
known as (select distinct customer_id as name from calls where started_at < $until and customer_id is not null)
select
    name,
    coalesce(p.calls, 0) as calls,
    p.spend_usd,
    coalesce(p.unpriced_calls, 0) as unpriced_calls,
    coalesce(p.tokens, 0) as tokens,
    cast(e.revenue_nano as decimal(38, 0)) as revenue_nano,
    e.plan,
    name = '' or k.name is not null as is_in_calls
from paid as p
full join earned as e using (name)
left join known as k using (name)
order by name
