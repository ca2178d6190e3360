-- One row per customer with calls in [since, until), '' is none: what the report's query margin_periods says is paid.
-- Whole days come from what the store keeps of them, as far as that goes; the ends of the range from the calls.
with
bounds as (
    select
        cast(since as timestamp) as a,
        cast(until as timestamp) as d,
        least(date_trunc('day', a + interval 1 day - interval 1 microsecond), d) as b,
        greatest(b, least(date_trunc('day', d), timestamp '{kept_until}')) as c
),
parts as (
    select customer, calls, spend_usd, unpriced_calls, tokens
    from stored.main.customer_days
    where day >= (select b from bounds) and day < (select c from bounds)
    union all
    select
        coalesce(customer, ''),
        call_count,
        cost_usd,
        if(is_unpriced, call_count, 0),
        coalesce(input_tokens, 0) + coalesce(output_tokens, 0)
    from call_facts
    where
        started_at >= cast(since as timestamp)
        and started_at < least(
            date_trunc('day', cast(since as timestamp) + interval 1 day - interval 1 microsecond), cast(until as timestamp)
        )
    union all
    select
        coalesce(customer, ''),
        call_count,
        cost_usd,
        if(is_unpriced, call_count, 0),
        coalesce(input_tokens, 0) + coalesce(output_tokens, 0)
    from call_facts
    where
        started_at >= greatest(
            least(
                date_trunc('day', cast(since as timestamp) + interval 1 day - interval 1 microsecond),
                cast(until as timestamp)
            ),
            least(date_trunc('day', cast(until as timestamp)), timestamp '{kept_until}')
        )
        and started_at < cast(until as timestamp)
)
select
    customer as name,
    sum(calls) as calls,
    sum(spend_usd) as spend_usd,
    sum(unpriced_calls) as unpriced_calls,
    sum(tokens) as tokens
from parts
group by customer
