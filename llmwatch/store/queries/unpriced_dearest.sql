-- One row per customer with calls in the period that have no price, '' is none: how many, and what they cost at the
-- dearest known rate of their task. The rate is the highest cost per token of its priced calls, for a call whose tokens
-- are known, and the highest fee of its tools; else the highest cost of one call. dearest_usd is null where a task has no
-- such rate, or fewer calls with a price than without: too few to say what the dearest costs.
with facts as (
    select
        coalesce(task, '') as task,
        coalesce(customer, '') as customer,
        is_unpriced,
        -- a row that stands for no call of its own may still have been billed
        greatest(call_count, 1) as calls,
        coalesce(input_tokens, 0) + coalesce(output_tokens, 0) as tokens,
        cast(cost_usd as double) as cost_usd,
        cast(coalesce(tool_cost_usd, 0) as double) as tool_usd
    from call_facts
    where started_at >= $since and started_at < $until and (is_unpriced or cost_usd > 0)
),
rates as (
    select
        task,
        max(cost_usd / calls) as per_call,
        max((cost_usd - tool_usd) / tokens) filter (where tokens > 0) as per_token,
        max(tool_usd / calls) as per_tools,
        coalesce(sum(calls) filter (where not is_unpriced), 0) >= sum(calls) filter (where is_unpriced) as is_known
    from facts
    group by task
),
each as (
    select
        f.customer,
        f.calls,
        case
            when not r.is_known then null
            when f.tokens > 0 then f.tokens * r.per_token + r.per_tools * f.calls
            else r.per_call * f.calls
        end as dearest_usd
    from facts as f
    join rates as r using (task)
    where f.is_unpriced
)
select
    customer,
    cast(sum(calls) as bigint) as calls,
    if(count(*) = count(dearest_usd), sum(dearest_usd), null) as dearest_usd
from each
group by customer
order by customer
