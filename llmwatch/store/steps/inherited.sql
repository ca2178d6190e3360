-- The lines of a batch are for whom and for what the batch was created.
create or replace temp table owned_lines as
select l.span_id, l.is_new, o.* exclude (span_id)
from batch_lines as l
join (
    select span_id, task, customer_id, feature, user_id, session_id, task_origin, task_name, task_source from derived
    union all
    select span_id, task, customer_id, feature, user_id, session_id, task_origin, task_name, task_source
    from calls
    where span_id in (select owner_id from batch_lines)
) as o on l.owner_id = o.span_id;

update derived
set
    task = o.task,
    customer_id = coalesce(o.customer_id, derived.customer_id),
    feature = coalesce(o.feature, derived.feature),
    user_id = coalesce(o.user_id, derived.user_id),
    session_id = coalesce(o.session_id, derived.session_id),
    task_origin = o.task_origin,
    task_name = o.task_name,
    task_source = o.task_source
from owned_lines as o
where derived.span_id = o.span_id;

update changed
set
    task = o.task,
    customer_id = coalesce(o.customer_id, changed.customer_id),
    feature = coalesce(o.feature, changed.feature),
    user_id = coalesce(o.user_id, changed.user_id),
    session_id = coalesce(o.session_id, changed.session_id),
    task_origin = o.task_origin,
    task_name = o.task_name,
    task_source = o.task_source
from owned_lines as o
where changed.span_id = o.span_id and not o.is_new;

-- How many requests a row stands for.
create or replace temp macro requests_of(usage, operation, batch_requests, lines) as case
    when usage is not distinct from 'repeated' then 0
    when usage is not distinct from 'none' and operation is distinct from 'moderation' then 0
    else greatest(coalesce(batch_requests, 1) - coalesce(lines, 0), 0)
end;

update derived
set requests = requests_of(a.usage_source, a.operation_name, a.batch_requests, b.lines)
from arrived as a
left join replaced_batches as b on a.span_id = b.owner_id
where derived.span_id = a.span_id;

update changed
set
    is_repeated = changed.usage_source = 'repeated',
    requests = requests_of(changed.usage_source, changed.operation_name, changed.batch_requests, n.lines)
from (
    select c.span_id, b.lines from changed as c left join replaced_batches as b on c.span_id = b.owner_id
) as n
where changed.span_id = n.span_id;
