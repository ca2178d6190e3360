-- One row per period, dimension and name: the calls and the spend of each, for the $top names of every dimension.
with facts as (
    select
        started_at >= $since as is_current,
        coalesce(task, '') as task,
        coalesce(customer, '') as customer,
        coalesce(feature, '') as feature,
        coalesce(model, '') as model,
        coalesce(service, '') as service,
        call_count,
        cost_usd,
        is_unpriced
    from call_facts
    where started_at >= $previous_since and started_at < $until
),
sums as (
    select
        is_current,
        case
            when grouping(task) = 0 then 'task'
            when grouping(customer) = 0 then 'customer'
            when grouping(feature) = 0 then 'feature'
            when grouping(model) = 0 then 'model'
            else 'service'
        end as dimension,
        coalesce(task, customer, feature, model, service) as name,
        sum(call_count) as calls,
        sum(cost_usd) as spend_usd,
        sum(call_count) filter (where is_unpriced) as unpriced_calls
    from facts
    group by grouping sets ((is_current, task), (is_current, customer), (is_current, feature), (is_current, model), (is_current, service))
),
ranked as (
    select
        *,
        max(spend_usd) filter (where is_current) over same as rank_spend,
        max(calls) over same as rank_calls
    from sums
    window same as (partition by dimension, name)
),
placed as (
    select
        * exclude (rank_spend, rank_calls),
        dense_rank() over (partition by dimension order by rank_spend desc nulls last, rank_calls desc, name) as place
    from ranked
)
select
    *,
    -- names in either period, those of this one, and of these the ones that are more than the lack of a name
    max(place) over (partition by dimension) as names,
    count(*) filter (where is_current) over (partition by dimension) as current_rows,
    count(*) filter (where is_current and name <> '') over (partition by dimension) as current_names
from placed
qualify place <= $top
order by dimension, is_current desc, place
