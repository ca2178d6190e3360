-- One row per name in the dimension, for the $top with the most spend in the period, then the most calls in either.
with facts as (
    select
        coalesce(
            case $dimension
                when 'task' then task
                when 'customer' then customer
                when 'feature' then feature
                when 'model' then model
                when 'service' then service
                when 'user' then "user"
            end,
            ''
        ) as name,
        call_count,
        if(started_at >= $since, cost_usd, null) as current_usd
    from call_facts
    where started_at >= $previous_since and started_at < $until
),
sums as (
    select
        name,
        sum(current_usd) as current_usd,
        sum(call_count) as calls
    from facts
    group by name
)
select
    name,
    count(*) over () as names
from sums
order by current_usd desc nulls last, calls desc, name
limit $top
