-- What each event of revenue that names a call finds in the calls is kept, nothing found too.
insert into revenue_links by name
select
    n.event_id,
    n.id,
    coalesce(c.calls, 0) as calls,
    c.* exclude (event_id, id, calls)
from (
    select distinct event_id, coalesce(span_id, response_id, trace_id) as id
    from revenue
    where coalesce(span_id, response_id, trace_id) is not null
) as n
left join revenue_calls as c on n.event_id = c.event_id and n.id = c.id
where (n.event_id, n.id) not in (select (event_id, id) from revenue_links);
