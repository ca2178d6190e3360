-- One row per run: the calls of one trace that the program itself began (an agent loop, a workflow). Its kind is the task
-- of its first call. Cost is null where any of its calls has no price; what is_success says is what code reported of it.
with
lines as (
    select
        c.trace_id, c.span_id, c.started_at, coalesce(c.ended_at, c.started_at) as ended_at, c.parent_span_id,
        f.call_count, f.task, f.customer, f.feature, f.service, f.cost_usd, f.is_unpriced, f.is_failed
    from call_facts as f
    join calls as c on f.span_id = c.span_id
    where c.trace_id is not null
),
said as (
    select c.trace_id, r.event_id, r.is_success
    from (
        select event_id, span_id, response_id, trace_id, coalesce(is_success, true) as is_success
        from revenue
        where kind = 'outcome'
        qualify row_number() over (partition by event_id order by recorded_at desc, source) = 1
    ) as r
    join calls as c
        on r.span_id = c.span_id
        or (r.span_id is null and r.response_id = c.response_id)
        or (r.span_id is null and r.response_id is null and r.trace_id = c.trace_id)
    group by all
),
outcomes_of as (
    select trace_id, count(*) as outcomes, bool_and(is_success) as is_success
    from said
    group by trace_id
)
select
    l.trace_id as trace,
    min(l.started_at) as started_at,
    max(l.ended_at) as ended_at,
    arg_min(l.task, (l.started_at, l.span_id)) as kind,
    cast(sum(l.call_count) as bigint) as calls,
    count(distinct l.task) as tasks,
    if(bool_or(l.is_unpriced), null, coalesce(sum(l.cost_usd), 0)) as cost_usd,
    cast(sum(l.call_count) filter (where l.is_unpriced) as bigint) as unpriced_calls,
    date_diff('microsecond', min(l.started_at), max(l.ended_at)) / 1000.0 as duration_ms,
    cast(count(*) filter (where l.is_failed) as bigint) as failed_calls,
    if(count(distinct l.customer) = 1, any_value(l.customer), null) as customer,
    if(count(distinct l.feature) = 1, any_value(l.feature), null) as feature,
    if(count(distinct l.service) = 1, any_value(l.service), null) as service,
    coalesce(any_value(o.outcomes), 0) as outcomes,
    any_value(o.is_success) as is_success
from lines as l
left join outcomes_of as o on l.trace_id = o.trace_id
group by l.trace_id
-- a call under no span of the program has a trace of its own: it is a call, no run
having bool_or(l.parent_span_id is not null)
