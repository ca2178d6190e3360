-- One row per event of revenue or outcome and call, answer or trace that it names (`id`): how many calls that is, and what
-- they agree on. What was found before is kept in revenue_links; only the others are looked up in the calls.
with
named as (
    select
        event_id,
        coalesce(span_id, response_id, trace_id) as id,
        min(case when span_id is not null then 1 when response_id is not null then 2 else 3 end) as way
    from revenue
    where coalesce(span_id, response_id, trace_id) is not null
    group by all
),
unlinked as materialized (
    select n.*
    from named as n
    left join revenue_links as k on n.event_id = k.event_id and n.id = k.id
    where k.event_id is null
),
-- each way by itself: DuckDB would keep all calls in memory for three joins with one part of this query
found as (
    select n.event_id, n.id, c.task_name as task, c.customer_id as customer, c.feature,
        coalesce(c.response_model, c.request_model) as model, c.service_name as service
    from unlinked as n
    join calls as c on n.id = c.span_id
    where n.way = 1
    union all
    select n.event_id, n.id, c.task_name as task, c.customer_id as customer, c.feature,
        coalesce(c.response_model, c.request_model) as model, c.service_name as service
    from unlinked as n
    join calls as c on n.id = c.response_id
    where n.way = 2
    union all
    select n.event_id, n.id, c.task_name as task, c.customer_id as customer, c.feature,
        coalesce(c.response_model, c.request_model) as model, c.service_name as service
    from unlinked as n
    join calls as c on n.id = c.trace_id
    where n.way = 3
)
select event_id, id, calls, task, customer, feature, model, service
from revenue_links
union all
select
    event_id,
    id,
    count(*) as calls,
    if(min(task) = max(task), min(task), null) as task,
    if(min(customer) = max(customer), min(customer), null) as customer,
    if(min(feature) = max(feature), min(feature), null) as feature,
    if(min(model) = max(model), min(model), null) as model,
    if(min(service) = max(service), min(service), null) as service
from found
group by event_id, id
