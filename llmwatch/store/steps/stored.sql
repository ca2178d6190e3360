-- The batch lands.
insert into {into}calls by name
select
    a.* exclude (
        usage_source, container_memory, task, task_source, customer_id, feature, user_id, session_id, {content}
    ),
    i.usage_source,
    d.* exclude (span_id, usage_source),
    e.* exclude (span_id),
    c.* exclude (span_id, is_usage_inconsistent),
    cast(getvariable('price_table') as varchar) as price_table
from arrived as a
join incoming as i on a.span_id = i.span_id
join derived as d on a.span_id = d.span_id
left join estimates as e on a.span_id = e.span_id
left join call_costs as c on a.span_id = c.span_id;

insert into {into}content by name
select span_id, started_at, {content}
from arrived
where coalesce({content}) is not null;
