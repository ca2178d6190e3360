-- What merging says about each arrived call, before estimates and prices.
create or replace temp table derived as
with creators as (
    -- whose a read answer is, where the process that reads it does not know
    select
        response_id,
        any_value(task) as task,
        any_value(task_source) as task_source,
        any_value(task_origin) as task_origin,
        any_value(customer_id) as customer_id,
        any_value(feature) as feature,
        any_value(user_id) as user_id,
        any_value(session_id) as session_id
    from (
        select response_id, task, task_source, null as task_origin, customer_id, feature, user_id, session_id
        from arrived
        where not starts_with(operation_name, 'fetch_')
        union all
        select response_id, task, task_source, task_origin, customer_id, feature, user_id, session_id
        from calls
        where not starts_with(operation_name, 'fetch_')
    )
    where response_id in (
        select response_id from arrived where starts_with(operation_name, 'fetch_') and response_id is not null
    )
    group by response_id
),
bucketed as (
    -- only for keys without a name of their own: a digest per call would cost as much as reading it
    select a.span_id, g.task_name
    from arrived as a
    join tasks as g on bucket_of(a.call_site, a.response_format) = g.task_key
    where a.task is null and a.task_key is not null and a.task_key not in (select task_key from tasks)
),
seen as (
    select
        span_id,
        request_hash,
        started_at,
        started_at - lag(started_at) over (partition by request_hash order by started_at) <= interval 1 day as in_batch
    from arrived
    where request_hash is not null
),
seen_before as (
    select distinct request_hash
    from calls
    where
        request_hash is not null
        and started_at >= (select min(started_at) - interval 1 day from arrived)
        and started_at <= (select max(started_at) from arrived)
),
named as (
    -- what discovery calls an untagged call, by its key and static text, its key alone, its bucket, or its endpoint
    select
        a.span_id,
        coalesce(
            c.task_origin, p.task_name, m.task_name, k.task_name, g.task_name,
            nullif(concat_ws(' ', a.http_request_method, a.endpoint), ''), a.operation_name, 'unknown'
        ) as task_origin,
        if(
            coalesce(c.task_origin, p.task_name, m.task_name, k.task_name, g.task_name) is not null,
            'call_site', 'endpoint'
        ) as task_source
    from arrived as a
    left join creators as c on starts_with(a.operation_name, 'fetch_') and a.response_id = c.response_id
    left join task_members as p
        on a.task_key = p.task_key and a.prompt_hash = p.prompt_hash and p.prompt_hash <> ''
    left join task_members as m on a.task_key = m.task_key and m.prompt_hash = ''
    left join tasks as k on a.task_key = k.task_key
    left join bucketed as g on a.span_id = g.span_id
    where a.task is null and c.task is null
)
select
    a.span_id,
    a.usage_source,
    a.usage_source is not distinct from 'repeated' as is_repeated,
    cast(1 as bigint) as requests,
    t.container_starts,
    if(a.container_ids is null, null, coalesce(len(t.container_starts), 0)) as container_sessions,
    coalesce(t.memory, a.container_memory) as container_memory,
    if(s.span_id is null, null, coalesce(s.in_batch, false) or b.request_hash is not null) as is_request_repeated,
    coalesce(a.task, c.task) as task,
    coalesce(a.customer_id, c.customer_id) as customer_id,
    coalesce(a.feature, c.feature) as feature,
    coalesce(a.user_id, c.user_id) as user_id,
    coalesce(a.session_id, c.session_id) as session_id,
    n.task_origin,
    coalesce(e.task_name, a.task, c.task, n.task_origin) as task_name,
    case
        when a.task is not null then coalesce(a.task_source, 'tag')
        when c.task is not null then coalesce(c.task_source, 'tag')
        else n.task_source
    end as task_source
from arrived as a
left join named as n on a.span_id = n.span_id
left join containers as t on a.span_id = t.span_id
left join seen as s on a.span_id = s.span_id
left join seen_before as b on a.request_hash = b.request_hash
left join creators as c on starts_with(a.operation_name, 'fetch_') and a.response_id = c.response_id
left join task_renames as e on coalesce(a.task, c.task, n.task_origin) = e.given_name;
