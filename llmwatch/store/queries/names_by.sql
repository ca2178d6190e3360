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
        if(started_at >= $since, call_count, null) as current_count,
        if(started_at >= $since, cost_usd, null) as current_usd
    from call_facts
    where started_at >= $previous_since and started_at < $until
),
sums as (
    select
        name,
        sum(current_usd) as current_usd,
        sum(call_count) as calls,
        sum(current_count) is not null as is_current
    from facts
    group by name
)
select
    name,
    is_current,
    -- names in either period, those of this one, and of these the ones that are more than the lack of a name
    count(*) over () as names,
    count(*) filter (where is_current) over () as current_rows,
    count(*) filter (where is_current and name <> '') over () as current_names
from sums
order by current_usd desc nulls last, calls desc, name
limit $top
