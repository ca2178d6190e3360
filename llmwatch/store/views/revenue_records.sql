-- One row per event of revenue or outcome, its latest record, with whom and what it was for: as it says itself, else as
-- the call it names says. A trace of several calls says what they agree on.
with
-- a window over all events would take longer than all the rest
told_again as materialized (select event_id from revenue group by event_id having count(*) > 1),
latest as (
    from revenue
    where event_id not in (from told_again)
    union all
    (
        select *
        from revenue
        where event_id in (from told_again)
        qualify row_number() over (partition by event_id order by recorded_at desc, source, occurred_at desc, amount_usd) = 1
    )
),
named as (
    select event_id, span_id, response_id, trace_id
    from latest
    where coalesce(span_id, response_id, trace_id) is not null
),
-- each way by itself: DuckDB would keep all calls in memory for three joins with one part of this query
found as (
    select n.event_id, c.task_name as task, c.customer_id as customer, c.feature,
        coalesce(c.response_model, c.request_model) as model, c.service_name as service
    from named as n
    join calls as c on n.span_id = c.span_id
    union all
    select n.event_id, c.task_name as task, c.customer_id as customer, c.feature,
        coalesce(c.response_model, c.request_model) as model, c.service_name as service
    from named as n
    join calls as c on n.response_id = c.response_id
    where n.span_id is null
    union all
    select n.event_id, c.task_name as task, c.customer_id as customer, c.feature,
        coalesce(c.response_model, c.request_model) as model, c.service_name as service
    from named as n
    join calls as c on n.trace_id = c.trace_id
    where n.span_id is null and n.response_id is null
),
of_calls as (
    select
        event_id,
        count(*) as calls,
        if(min(task) = max(task), min(task), null) as task,
        if(min(customer) = max(customer), min(customer), null) as customer,
        if(min(feature) = max(feature), min(feature), null) as feature,
        if(min(model) = max(model), min(model), null) as model,
        if(min(service) = max(service), min(service), null) as service
    from found
    group by event_id
)
select
    l.event_id,
    l.kind,
    l.source,
    l.occurred_at,
    l.amount_usd,
    l.recognised_from,
    l.recognised_until,
    coalesce(l.customer_id, c.customer) as customer,
    l.plan,
    -- of a call the current name of its task, which may have been renamed since
    coalesce(c.task, l.task) as task,
    coalesce(l.feature, c.feature) as feature,
    c.model,
    c.service,
    l.outcome,
    l.is_success,
    l.span_id is not null or l.response_id is not null as names_a_call,
    coalesce(c.calls, 0) as calls
from latest as l
left join of_calls as c on l.event_id = c.event_id
