-- One row per model and customer with calls in the period; '' is none.
select
    coalesce(model, '') as model,
    coalesce(customer, '') as customer,
    sum(call_count) as calls,
    sum(cost_usd) as spend_usd,
    sum(call_count) filter (where is_unpriced) as unpriced_calls
from call_facts
where started_at >= $since and started_at < $until
group by all
order by model, customer
