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
-- Both periods of a name in one row: to find the two rows of each name again takes three times as long.
sums as (
    select
        case
            when grouping(task) = 0 then 'task'
            when grouping(customer) = 0 then 'customer'
            when grouping(feature) = 0 then 'feature'
            when grouping(model) = 0 then 'model'
            else 'service'
        end as dimension,
        coalesce(task, customer, feature, model, service) as name,
        bool_or(is_current) as is_now,
        bool_or(not is_current) as is_before,
        sum(call_count) filter (where is_current) as calls_now,
        sum(call_count) filter (where not is_current) as calls_before,
        sum(cost_usd) filter (where is_current) as now_usd,
        sum(cost_usd) filter (where not is_current) as before_usd,
        sum(call_count) filter (where is_current and is_unpriced) as unpriced_now,
        sum(call_count) filter (where not is_current and is_unpriced) as unpriced_before
    from facts
    group by grouping sets ((task), (customer), (feature), (model), (service))
),
placed as (
    select
        *,
        row_number() over (
            partition by dimension order by now_usd desc nulls last, greatest(calls_now, calls_before) desc, name
        ) as place
    from sums
),
-- names in either period, those of this one, and of these the ones that are more than the lack of a name
counted as (
    select
        dimension,
        count(*) as names,
        count(*) filter (where is_now) as current_rows,
        count(*) filter (where is_now and name <> '') as current_names
    from sums
    group by dimension
),
listed as (
    select true as is_current, dimension, name, calls_now as calls, now_usd as spend_usd, unpriced_now as unpriced_calls, place
    from placed
    where is_now and place <= $top
    union all
    select false, dimension, name, calls_before, before_usd, unpriced_before, place
    from placed
    where is_before and place <= $top
)
select l.*, c.names, c.current_rows, c.current_names
from listed as l
join counted as c using (dimension)
order by dimension, is_current desc, place
