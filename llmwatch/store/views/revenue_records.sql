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
    coalesce(c.task, n.task_name, l.task) as task,
    coalesce(l.feature, c.feature) as feature,
    c.model,
    c.service,
    l.outcome,
    l.is_success,
    l.span_id is not null or l.response_id is not null as names_a_call,
    coalesce(c.calls, 0) as calls
from latest as l
left join revenue_calls as c on l.event_id = c.event_id and coalesce(l.span_id, l.response_id, l.trace_id) = c.id
left join task_renames as n on l.task = n.given_name
