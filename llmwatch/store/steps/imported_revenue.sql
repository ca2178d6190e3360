-- The rows of a file become what its source says: of the days that the file covers, whatever it does not say is gone.
create or replace temp table imported as
select
    unnest($event_id) as event_id,
    unnest($occurred_at) as occurred_at,
    unnest($amount_usd) as amount_usd,
    unnest($customer_id) as customer_id,
    unnest($plan) as plan,
    unnest($task) as task,
    unnest($feature) as feature,
    unnest($response_id) as response_id,
    unnest($recognised_from) as recognised_from,
    unnest($recognised_until) as recognised_until,
    unnest($note) as note;

create or replace temp table known_revenue as
with days as (
    select
        date_trunc('day', cast($first as timestamp)) as first,
        date_trunc('day', cast($last as timestamp)) + interval 1 day as last
)
select
    r.event_id,
    i.event_id is not null as is_again,
    -- a row of nulls compares as one value, field by field
    (r.occurred_at, r.amount_usd, r.customer_id, r.plan, r.task, r.feature, r.response_id, r.recognised_from, r.recognised_until, r.note)
    is not distinct from
    (i.occurred_at, i.amount_usd, i.customer_id, i.plan, i.task, i.feature, i.response_id, i.recognised_from, i.recognised_until, i.note)
        as is_same,
    (r.occurred_at >= days.first and r.occurred_at < days.last)
    -- a row that the file has and does not count, as a void invoice
    or r.event_id in (select unnest(cast($left_out as varchar[]))) as is_covered
from revenue as r
cross join days
left join imported as i on r.event_id = i.event_id
where r.source = $source;

insert into revenue_withdrawn by name
select *, cast($recorded_at as timestamp) as withdrawn_at, $import_id as withdrawn_by
from revenue
where
    source = $source
    and event_id in (select event_id from known_revenue where (is_again and not is_same) or (not is_again and is_covered));

delete from revenue
where
    source = $source
    and event_id in (select event_id from known_revenue where (is_again and not is_same) or (not is_again and is_covered));

insert into revenue by name
select *, $source as source, 'revenue' as kind, cast($recorded_at as timestamp) as recorded_at, $import_id as import_id
from imported
where event_id not in (select event_id from known_revenue where is_same);

-- An import that changes nothing is none.
insert into revenue_imports by name
select $import_id as import_id, $source as source, cast($recorded_at as timestamp) as imported_at, count(*) as "rows", sum(amount_usd) as amount_usd
from imported
having count(*) > (select count(*) from known_revenue where is_same) or exists (from known_revenue where not is_again and is_covered);

-- Rows that files have said under other ids. What code says is one amount per answer, equal by its nature.
create or replace temp table alike as
select i.event_id, min(o.source) as source, min_by(o.event_id, o.source) as other_id
from imported as i
join revenue as o
    on
        i.customer_id = o.customer_id
        and i.amount_usd = o.amount_usd
        and date_trunc('day', i.occurred_at) = date_trunc('day', o.occurred_at)
        -- a payment has no period, its invoice has one
        and coalesce(i.recognised_from = o.recognised_from and i.recognised_until = o.recognised_until, true)
where i.amount_usd > 0 and o.kind = 'revenue' and o.source <> 'code' and o.event_id not in (select event_id from imported)
group by i.event_id;

select
    (select count(*) from imported) as "rows",
    (select sum(amount_usd) from imported) as amount_usd,
    count(*) filter (where is_same) as unchanged,
    count(*) filter (where is_again and not is_same) as changed,
    count(*) filter (where not is_again and is_covered) as withdrawn,
    count(*) filter (where not is_again and not is_covered) as kept,
    (
        select count(distinct i.event_id)
        from imported as i
        join revenue as o on i.event_id = o.event_id and o.source <> $source
    ) as known_elsewhere,
    (select count(*) from alike) as alike,
    (
        select {'event_id': event_id, 'source': source, 'other_id': other_id}
        from alike
        order by all
        limit 1
    ) as alike_example
from known_revenue
