-- One row per model and customer with calls in the period; '' is none. Money is text, as in margin_periods.
select
    coalesce(model, '') as model,
    coalesce(customer, '') as customer,
    cast(sum(call_count) as bigint) as calls,
    cast(sum(cost_usd) as varchar) as spend_usd,
    cast(sum(call_count) filter (where is_unpriced) as bigint) as unpriced_calls,
    max(started_at) as last_at
from call_facts
where started_at >= $since and started_at < $until
group by all
order by model, customer
