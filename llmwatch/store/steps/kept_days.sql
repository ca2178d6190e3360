-- The calls of some whole days, by customer.
delete from customer_days where day >= $since;

insert into customer_days by name
select
    date_trunc('day', started_at) as day,
    coalesce(customer, '') as customer,
    sum(call_count) as calls,
    sum(cost_usd) as spend_usd,
    coalesce(sum(call_count) filter (where is_unpriced), 0) as unpriced_calls,
    sum(coalesce(input_tokens, 0) + coalesce(output_tokens, 0)) as tokens
from call_facts
where started_at >= $since and started_at < $until
group by all;
