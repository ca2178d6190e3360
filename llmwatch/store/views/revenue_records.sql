-- One row per event of revenue or outcome, its latest record, with whom and what it was for: as it says itself, else as
-- the call it names says. A trace of several calls says what they agree on.
with latest as (
    select *
    from revenue
    qualify row_number() over (partition by event_id order by recorded_at desc, source, occurred_at desc, amount_usd) = 1
),
named as (
    select event_id, span_id, response_id, trace_id
    from latest
    where coalesce(span_id, response_id, trace_id) is not null
),
found as (
    select n.event_id, c.span_id
    from named as n
    join calls as c on n.span_id = c.span_id
    union all
    select n.event_id, c.span_id
    from named as n
    join calls as c on n.response_id = c.response_id
    where n.span_id is null
    union all
    select n.event_id, c.span_id
    from named as n
    join calls as c on n.trace_id = c.trace_id
    where n.span_id is null and n.response_id is null
),
of_calls as (
    select
        f.event_id,
        count(*) as calls,
        if(count(distinct c.task_name) = 1, min(c.task_name), null) as task,
        if(count(distinct c.customer_id) = 1, min(c.customer_id), null) as customer,
        if(count(distinct c.feature) = 1, min(c.feature), null) as feature,
        if(count(distinct coalesce(c.response_model, c.request_model)) = 1, min(coalesce(c.response_model, c.request_model)), null)
            as model,
        if(count(distinct c.service_name) = 1, min(c.service_name), null) as service
    from found as f
    join calls as c on f.span_id = c.span_id
    group by f.event_id
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
