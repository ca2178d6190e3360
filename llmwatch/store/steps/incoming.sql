-- What the prices package asks of a call, and no more, so that the wide rows are copied once only; of the calls that
-- arrived, and of those in the store whose usage has become another.
create or replace temp table incoming as
select
    {columns},
    if(e.span_id is null, d.usage_source, 'estimated') as usage_source,
    d.requests,
    d.container_sessions,
    d.container_memory,
    e.estimated_input_tokens,
    e.estimated_output_tokens
from arrived as a
join derived as d on a.span_id = d.span_id
left join estimates as e on a.span_id = e.span_id
union all by name
select {columns}, a.usage_source, a.requests, a.container_sessions, a.container_memory, a.estimated_input_tokens, a.estimated_output_tokens
from changed as a;
