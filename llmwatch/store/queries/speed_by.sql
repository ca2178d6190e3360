-- One row per period and name in $names, one for all other names together (no name), and one over all calls: exact
-- percentiles of raw values.
-- Those of parts cannot be put together to those of the whole, so the whole is asked for here.
with facts as (
    select
        answer_ms,
        first_token_ms,
        tokens_per_second,
        started_at >= $since as is_current,
        case $dimension
            when 'task' then task
            when 'customer' then customer
            when 'feature' then feature
            when 'model' then model
            when 'service' then service
            when 'user' then "user"
        end as full_name
    from call_facts
    where started_at >= $previous_since and started_at < $until
),
listed as (
    select
        is_current,
        if(coalesce(full_name, '') in (select unnest($names)), coalesce(full_name, ''), null) as name,
        answer_ms,
        first_token_ms,
        tokens_per_second
    from facts
)
select
    is_current,
    name,
    grouping(name) = 1 as is_total,
    count(answer_ms) as timed_calls,
    quantile_cont(answer_ms, [0.5, 0.95, 0.99]) as latency_ms,
    count(first_token_ms) as first_token_calls,
    quantile_cont(first_token_ms, [0.5, 0.95, 0.99]) as first_token_ms,
    quantile_cont(tokens_per_second, 0.5) as tokens_per_second
from listed
group by grouping sets ((is_current), (is_current, name))
